public import HedgeCore
public import HedgeProviders
public import HedgeTransport

/// A configuration document that was read, checked and completed with its defaults.
public struct RouterConfiguration: Sendable {
    /// Every deployment, in the document's order; there is at least one.
    public var deployments: [DeploymentSettings]

    /// Every model group, in the order of first mention.
    public var groups: [ModelGroup]

    /// Further names for model groups, in the document's order; they come before groups of the same name.
    public var aliases: [ModelAlias]

    /// Settings of every decision.
    public var policy: Policy

    /// Seed of the random choices; nil to take one from the system.
    public var seed: UInt64?

    /// Local limits of the router.
    public var limits: RouterLimits

    /// What is accepted but does not do what its author may expect.
    public var warnings: [ConfigurationIssue]

    /// A configuration made by a program; nothing is checked.
    public init(
        deployments: [DeploymentSettings], groups: [ModelGroup], aliases: [ModelAlias] = [], policy: Policy = Policy(),
        seed: UInt64? = nil, limits: RouterLimits = RouterLimits(), warnings: [ConfigurationIssue] = []
    ) {
        self.deployments = deployments
        self.groups = groups
        self.aliases = aliases
        self.policy = policy
        self.seed = seed
        self.limits = limits
        self.warnings = warnings
    }

    /// Index in ``groups`` of the group that requests for `model` go to, aliases resolved; nil if there is none.
    ///
    /// - Complexity: O(*n*); a router builds its own index.
    public func groupIndex(for model: String) -> Int? {
        let name = aliases.first { $0.name == model }?.group ?? model
        return groups.firstIndex { $0.name == name }
    }

    /// The core's view of this configuration, with the identifiers that `deploymentID` and `groupID` give to the
    /// indices in ``deployments`` and ``groups``.
    public func core(
        deploymentID: (Int) -> DeploymentID, groupID: (Int) -> GroupID
    ) -> CoreConfiguration {
        CoreConfiguration(
            deployments: deployments.enumerated().map { index, settings in
                settings.core(id: deploymentID(index))
            },
            groups: groups.enumerated().map { index, group in
                GroupConfiguration(
                    id: groupID(index), deployments: group.deployments.map(deploymentID),
                    fallbacks: GroupFallbacks(
                        general: group.fallbacks.map(groupID),
                        contextWindow: group.contextWindowFallbacks?.map(groupID),
                        contentPolicy: group.contentPolicyFallbacks?.map(groupID)),
                    retries: group.retries)
            },
            policy: policy
        )
    }
}

/// One deployment of a configuration.
public struct DeploymentSettings: Sendable {
    /// What the deployment is recognised by across configurations: `model_info.id`, or a name made from what is called.
    public var key: String

    /// The model group it belongs to.
    public var groupName: String

    /// Name of the provider, such as `openai`.
    public var providerName: String

    /// What the provider needs to make requests.
    public var endpoint: Endpoint

    /// How connections are made.
    public var network: NetworkSettings

    /// Whether the provider stops charging when a request is cancelled; nil when that is not known.
    public var cancelStopsBilling: Bool?

    /// What its tokens cost.
    public var prices: TokenPrices

    /// What decisions depend on; its identifier means nothing until ``core(id:)`` gives it one.
    private var template: DeploymentConfiguration

    /// Settings of one deployment; the identifier in `core` is not used.
    public init(
        key: String, groupName: String, providerName: String, endpoint: Endpoint,
        network: NetworkSettings = NetworkSettings(), cancelStopsBilling: Bool? = nil,
        prices: TokenPrices = TokenPrices(), core: DeploymentConfiguration
    ) {
        self.key = key
        self.groupName = groupName
        self.providerName = providerName
        self.endpoint = endpoint
        self.network = network
        self.cancelStopsBilling = cancelStopsBilling
        self.prices = prices
        template = core
    }

    /// Share of traffic under `simple-shuffle`.
    var weight: Double {
        get { template.weight }
        set { template.weight = newValue }
    }

    /// Further attempts after failures, where the deployment has a number of its own.
    var retries: Int? { template.retries }

    /// The core's view of the deployment.
    public func core(id: DeploymentID) -> DeploymentConfiguration {
        var configuration = template
        configuration.id = id
        return configuration
    }
}

/// A name callers ask for, and the deployments that serve it.
public struct ModelGroup: Hashable, Sendable {
    /// The name.
    public var name: String
    /// Indices in ``RouterConfiguration/deployments``, ascending; there is at least one.
    public var deployments: [Int]
    /// Indices in ``RouterConfiguration/groups`` of the groups its requests go on to.
    public var fallbacks: [Int] = []
    /// Those for prompts that exceed the context window; nil for the general ones.
    public var contextWindowFallbacks: [Int]?
    /// Those for requests that a content policy refused; nil for the general ones.
    public var contentPolicyFallbacks: [Int]?
    /// Further attempts after failures, where the group has numbers of its own.
    public var retries: RetryPolicy?

    /// A group called `name`.
    public init(name: String, deployments: [Int]) {
        self.name = name
        self.deployments = deployments
    }
}

/// Another name for a model group.
public struct ModelAlias: Hashable, Sendable {
    /// The further name.
    public var name: String
    /// Name of the model group.
    public var group: String
    /// Whether to leave it out of lists of models.
    public var isHidden: Bool

    /// An alias `name` for `group`.
    public init(name: String, group: String, isHidden: Bool = false) {
        self.name = name
        self.group = group
        self.isHidden = isHidden
    }
}

/// Local limits of a router.
public struct RouterLimits: Hashable, Sendable {
    /// Bytes of output of one request that may wait for its caller.
    public var maxBufferedBytes = 1 << 20
    /// Bytes of a request document.
    public var maxRequestBytes = 32 << 20
    /// Whether providers are asked to stream for callers that do not, and their answers put together.
    public var streamsUpstream = false
    /// Requests under way at once.
    public var maxQueuedRequests = 10_000

    /// The default limits.
    public init() {}
}
