/// Everything the core needs to know of a configuration.
public struct CoreConfiguration: Sendable {
    /// Every deployment.
    public var deployments: [DeploymentConfiguration]
    /// Every model group.
    public var groups: [GroupConfiguration]
    /// The settings of every decision.
    public var policy: Policy

    /// Creates one with these parts.
    public init(deployments: [DeploymentConfiguration], groups: [GroupConfiguration], policy: Policy) {
        self.deployments = deployments
        self.groups = groups
        self.policy = policy
    }
}

/// One endpoint, model and key.
public struct DeploymentConfiguration: Sendable {
    /// The identifier, the same across configurations.
    public var id: DeploymentID

    /// Deployments of one failure domain tend to be slow or down together; a hedge prefers another domain.
    public var failureDomain: String

    /// Share of traffic under `simpleShuffle`, relative to the group's other deployments.
    public var weight: Double

    /// Requests and tokens per minute, and attempts in flight, at most; nil for no limit.
    public var requestsPerMinute: Int?
    /// Tokens per minute at most; nil for no limit.
    public var tokensPerMinute: Int?
    /// Attempts in flight at most; nil for no limit.
    public var maxParallelRequests: Int?

    /// Prices per token, in any one currency; nil when unknown.
    public var inputCostPerToken: Double?
    /// Price of a completion token; nil when unknown.
    public var outputCostPerToken: Double?

    /// The timeouts of its attempts.
    public var timeouts: AttemptTimeouts

    /// Base length of a cooldown.
    public var cooldown: Interval

    /// Deployments of the lowest order that can take a request serve it; those without one come last.
    public var order: Int?

    /// Further attempts after failures; nil as the policy says.
    public var retries: Int?

    /// Hard failures within a minute that start no cooldown; nil for the policy's.
    public var allowedFails: Int?
    /// The same by class; nil for the policy's.
    public var allowedFailsByClass: AllowedFails?

    /// Creates one with these parts.
    public init(
        id: DeploymentID,
        failureDomain: String = "",
        weight: Double = 1,
        requestsPerMinute: Int? = nil,
        tokensPerMinute: Int? = nil,
        maxParallelRequests: Int? = nil,
        inputCostPerToken: Double? = nil,
        outputCostPerToken: Double? = nil,
        timeouts: AttemptTimeouts = AttemptTimeouts(),
        cooldown: Interval = .milliseconds(Int64(5000)),
        order: Int? = nil,
        retries: Int? = nil
    ) {
        self.id = id
        self.failureDomain = failureDomain
        self.weight = weight
        self.requestsPerMinute = requestsPerMinute
        self.tokensPerMinute = tokensPerMinute
        self.maxParallelRequests = maxParallelRequests
        self.inputCostPerToken = inputCostPerToken
        self.outputCostPerToken = outputCostPerToken
        self.timeouts = timeouts
        self.cooldown = cooldown
        self.order = order
        self.retries = retries
    }
}

/// The timeouts of one attempt, all counted by the core but `connect`.
public struct AttemptTimeouts: Hashable, Sendable {
    /// Until the connection stands, TLS included.
    public var connect: Interval
    /// From the start of a streaming attempt to its first real token.
    public var firstToken: Interval?
    /// Between two pieces of output after the first token; keep-alives do not count.
    public var gap: Interval?
    /// For the whole attempt.
    public var total: Interval?

    /// Creates one with these parts.
    public init(
        connect: Interval = .milliseconds(Int64(10_000)),
        firstToken: Interval? = nil,
        gap: Interval? = nil,
        total: Interval? = .milliseconds(Int64(600_000))
    ) {
        self.connect = connect
        self.firstToken = firstToken
        self.gap = gap
        self.total = total
    }
}

/// A name callers ask for, and the deployments that serve it.
public struct GroupConfiguration: Sendable {
    /// The identifier, the same across configurations.
    public var id: GroupID
    /// Deployments that serve it, in the order of the configuration.
    public var deployments: [DeploymentID]
    /// Groups its requests go on to.
    public var fallbacks: GroupFallbacks
    /// Further attempts after failures; nil as the policy says.
    public var retries: RetryPolicy?

    /// Creates one with these parts.
    public init(
        id: GroupID, deployments: [DeploymentID], fallbacks: GroupFallbacks = GroupFallbacks(),
        retries: RetryPolicy? = nil
    ) {
        self.id = id
        self.deployments = deployments
        self.fallbacks = fallbacks
        self.retries = retries
    }
}

/// The model groups that requests of a group go on to, in order.
public struct GroupFallbacks: Hashable, Sendable {
    /// When the group fails, cannot take the request or is late.
    public var general: [GroupID]
    /// When the prompt exceeds the context window; nil for the general ones.
    public var contextWindow: [GroupID]?
    /// When a content policy refused the request; nil for the general ones.
    public var contentPolicy: [GroupID]?

    /// Creates one with these parts.
    public init(general: [GroupID] = [], contextWindow: [GroupID]? = nil, contentPolicy: [GroupID]? = nil) {
        self.general = general
        self.contextWindow = contextWindow
        self.contentPolicy = contentPolicy
    }
}

/// What becomes of a request while every deployment of its group is out.
public enum AllCoolingRule: String, Hashable, Sendable, CaseIterable {
    /// The deployments that are the least likely to fail again are tried one after another.
    case leastBadFirst = "least-bad-first"
    /// The request waits for the first deployment that works again, as long as it may.
    case wait
    /// The request fails at once.
    case failFast = "fail-fast"
}

/// How deployments of a group are ranked.
public enum RoutingStrategy: String, Hashable, Sendable, CaseIterable {
    case staggeredHedge = "staggered-hedge-routing"
    case latencyBased = "latency-based-routing"
    case simpleShuffle = "simple-shuffle"
    case leastBusy = "least-busy"
    case costBased = "cost-based-routing"
    case usageBased = "usage-based-routing"
}

/// What a hedge threshold is derived from.
public enum HedgeRule: String, Hashable, Sendable, CaseIterable {
    /// A percentile of the primary's latency, or the knee before it; every due hedge is sent.
    case percentile
    /// The delay and the share of due hedges that give the best 99th percentile for the budget.
    case singleReissue = "single-reissue"
}

/// The settings of every decision; defaults are those of the configuration document.
public struct Policy: Sendable {
    /// How deployments are ranked.
    public var strategy: RoutingStrategy = .staggeredHedge

    /// Race while a class of requests has no history.
    public var coldStartParallel = true
    /// Attempts in flight for one request, race or hedge.
    public var maxParallelAttempts = 3
    /// Attempts made for one request in one model group, failovers and repetitions included.
    public var maxAttempts = 4
    /// Hedges of one request.
    public var maxHedges = 1

    /// What the threshold is derived from.
    public var hedgeRule = HedgeRule.percentile
    /// Percentile of the primary's latency at which a hedge starts, in (0, 1).
    public var hedgePercentile = 0.95
    /// A fixed threshold instead of the percentile.
    public var hedgeThreshold: Interval?
    /// The earliest a hedge starts after the attempt before it.
    public var hedgeThresholdMin: Interval = .milliseconds(Int64(50))
    /// The latest a hedge starts after the attempt before it; nil for no limit.
    public var hedgeThresholdMax: Interval?
    /// Hedges as a share of requests sent; 0 turns hedging off.
    public var hedgeBudget = 0.10
    /// Failovers that may fail, as a share of requests sent; a failover that works costs nothing. 0 turns them off.
    public var failoverBudget = 0.2
    /// Further attempts after failures, by class.
    public var retries = RetryPolicy(standard: 0)
    /// The shortest wait before a deployment is asked again.
    public var retryAfter = Interval.zero
    /// Repetitions that may fail, as a share of requests sent; one that works costs nothing. 0 turns them off.
    public var retryBudget = 0.2
    /// Other model groups one request may go on to.
    public var maxFallbacks = 5
    /// Share of would-be hedges withheld as the control arm.
    public var controlFraction = 0.01

    /// Samples older than this are forgotten.
    public var sampleLifetime: Interval = .seconds(3600)
    /// Half-life of a sample's weight.
    public var sampleHalfLife: Interval = .seconds(600)
    /// Deployments within this share of the best are chosen among at random.
    public var lowestLatencyBuffer = 0.03

    /// Deadline of a request that brings none of its own.
    public var requestTimeout: Interval?

    /// Whether deployments cool down at all.
    public var coolsDown = true
    /// Hard failures within a minute that start no cooldown; nil for the built-in rules.
    public var allowedFails: Int?
    /// The same by class.
    public var allowedFailsByClass = AllowedFails()
    /// A deployment this many times slower than in the long run, and than twice the best one, cools down; nil for never.
    public var latencyEjection: Double?
    /// A deployment whose cooldown is over and that no request tested for so long is tested by a probe; nil for never.
    public var probeAfter: Interval?
    /// What becomes of requests while every deployment of a group is out.
    public var whenAllCooling: AllCoolingRule = .leastBadFirst

    /// Requests of a group that may wait for a deployment; 0 to refuse instead.
    public var maxWaiting = 1000
    /// How long a request waits for a deployment at most.
    public var maxWait: Interval = .seconds(60)
    /// Priority of a request that brings none, from 0, which is served first, to 255.
    public var defaultPriority = 0

    /// Creates one with the defaults.
    public init() {}
}
