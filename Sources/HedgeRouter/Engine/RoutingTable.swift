import HedgeCore
import HedgeJSON
import HedgeProviders
import HedgeTransport

/// A configuration in the form requests are routed by; replaced as a whole.
final class RoutingTable: Sendable {
    /// Model groups by every name callers may use, aliases included.
    let groups: [String: GroupRuntime]
    /// By ``DeploymentID``.
    let deployments: [DeploymentID: DeploymentRuntime]
    private let groupsByID: [GroupID: GroupRuntime]
    /// The groups each one leads on to, for whatever reason.
    private let directFallbacks: [GroupID: [GroupID]]
    /// The groups' own names.
    let groupNames: [GroupID: String]
    let core: CoreConfiguration
    let limits: RouterLimits

    init(
        groups: [String: GroupRuntime], deployments: [DeploymentID: DeploymentRuntime], core: CoreConfiguration,
        limits: RouterLimits
    ) {
        self.groups = groups
        groupsByID = Dictionary(groups.values.map { ($0.id, $0) }) { group, _ in group }
        directFallbacks = Dictionary(
            core.groups.map { group in
                let lists = [group.fallbacks.general, group.fallbacks.contextWindow, group.fallbacks.contentPolicy]
                return (group.id, lists.flatMap { $0 ?? [] })
            }
        ) { fallbacks, _ in fallbacks }
        groupNames = Dictionary(groups.values.map { ($0.id, $0.name) }) { name, _ in name }
        self.deployments = deployments
        self.core = core
        self.limits = limits
    }

    /// The table of a configuration; `registry` keeps identifiers the same across configurations.
    convenience init(_ configuration: RouterConfiguration, registry: inout DeploymentRegistry) {
        let deploymentIDs = configuration.deployments.map { registry.deployment($0.key) }
        let groupIDs = configuration.groups.map { registry.group($0.name) }
        var deployments: [DeploymentID: DeploymentRuntime] = [:]
        for (settings, id) in zip(configuration.deployments, deploymentIDs) {
            guard let provider = Providers.named(settings.providerName) else { continue }
            deployments[id] = DeploymentRuntime(
                id: id, key: settings.key, group: settings.groupName, provider: provider, endpoint: settings.endpoint,
                network: settings.network, prices: settings.prices, cancelStopsBilling: settings.cancelStopsBilling)
        }
        var groups: [String: GroupRuntime] = [:]
        for (group, id) in zip(configuration.groups, groupIDs) {
            groups[group.name] = GroupRuntime(
                id: id, name: group.name, deployments: group.deployments.compactMap { deployments[deploymentIDs[$0]] })
        }
        let targets = groups
        for alias in configuration.aliases { groups[alias.name] = targets[alias.group] }
        self.init(
            groups: groups, deployments: deployments,
            core: configuration.core(deploymentID: { deploymentIDs[$0] }, groupID: { groupIDs[$0] }),
            limits: configuration.limits)
    }

    /// Everything transfers are made to.
    var targets: [TransferTarget] {
        deployments.values.flatMap { [$0.streamTarget, $0.answerTarget] + $0.operationTargets.values }
    }
}

/// A model group by one of its names.
struct GroupRuntime: Sendable {
    var id: GroupID
    /// The group's own name, also when it was reached through an alias.
    var name: String
    /// Its deployments, in the order of the configuration.
    var deployments: [DeploymentRuntime]

    /// The deployments whose formats cannot express a request, and why.
    func objections(to chat: ChatRequest, asFallback isFallback: Bool) -> [DeploymentObjection] {
        deployments.compactMap { deployment in
            deployment.provider.objection(to: chat, at: deployment.endpoint).map {
                DeploymentObjection(deployment: deployment, reason: $0, isFallback: isFallback)
            }
        }
    }
}

/// A deployment that a request cannot be sent to.
struct DeploymentObjection: Sendable {
    var deployment: DeploymentRuntime
    var reason: UnsupportedRequest
    /// Whether it is in another group than the one asked for.
    var isFallback: Bool
}

/// The deployments that cannot take a request, in its group and wherever it may go on to.
struct Objections: Sendable {
    /// Those of the group asked for come first.
    var all: [DeploymentObjection] = []
    /// Whether no deployment at all is left.
    var isEveryone = false
}

/// A deployment with everything an attempt needs made ready.
final class DeploymentRuntime: Sendable {
    let id: DeploymentID
    /// The name the deployment has in logs, stats and errors.
    let key: String
    let group: String
    let provider: any Provider
    let endpoint: Endpoint
    let streamTarget: TransferTarget
    let answerTarget: TransferTarget
    /// Where anything but chat completions goes.
    let operationTargets: [Call: TransferTarget]
    let prices: TokenPrices
    /// Whether closing the connection ends the bill; nil when that is not known.
    let cancelStopsBilling: Bool?
    /// The members that name it in attempt logs.
    let logMembers: [UInt8]

    init(
        id: DeploymentID, key: String, group: String, provider: any Provider, endpoint: Endpoint,
        network: NetworkSettings, prices: TokenPrices = TokenPrices(), cancelStopsBilling: Bool? = nil
    ) {
        self.id = id
        self.key = key
        self.group = group
        self.provider = provider
        self.endpoint = endpoint
        self.prices = prices
        self.cancelStopsBilling = cancelStopsBilling
        var members = JSONWriter()
        members.member("deployment", key)
        members.member("group", group)
        logMembers = members.bytes
        let streamHead = provider.head(for: endpoint, isStream: true)
        let answerHead = provider.head(for: endpoint, isStream: false)
        streamTarget = TransferTarget(url: streamHead.url, headers: streamHead.headers, network: network)
        // One target when both are the same, so that both kinds of request share what is kept ready for it.
        answerTarget =
            streamHead.url == answerHead.url && streamHead.headers == answerHead.headers
            ? streamTarget : TransferTarget(url: answerHead.url, headers: answerHead.headers, network: network)
        var targets: [Call: TransferTarget] = [:]
        for operation in provider.operations where operation != .chat {
            for isStream in [true, false] where operation != .embeddings || !isStream {
                let head = provider.head(for: endpoint, operation: operation, isStream: isStream)
                targets[Call(operation: operation, isStream: isStream)] = TransferTarget(
                    url: head.url, headers: head.headers, network: network)
            }
        }
        operationTargets = targets
    }

    /// What is asked for, and how the answer is to come.
    struct Call: Hashable, Sendable {
        var operation: HedgeProviders.Operation
        var isStream: Bool
    }

    /// Where a request goes.
    func target(for chat: ChatRequest) -> TransferTarget {
        let usual = chat.streamsUpstream ? streamTarget : answerTarget
        if chat.operation == .chat { return usual }
        return operationTargets[Call(operation: chat.operation, isStream: chat.streamsUpstream)] ?? usual
    }
}

// MARK: - Fallbacks

extension RoutingTable {
    /// What a request asked to do differently, with the names it uses resolved.
    func overrides(_ options: borrowing Router.SubmitOptions) throws(RouterError) -> RequestOverrides {
        var overrides = options.overrides
        guard let names = options.fallbacks else { return overrides }
        var found: [GroupID] = []
        for (index, name) in names.enumerated() {
            guard let group = groups[name] else {
                var error = RouterError(unknownModel: name, known: self)
                error.path = "fallbacks[\(index)]"
                throw error
            }
            found.append(group.id)
        }
        overrides.fallbacks = found
        return overrides
    }

    /// The deployments that cannot take a request of a group.
    ///
    /// Asked of the fallbacks too, so that the core never goes on to one in vain.
    func objections(to chat: ChatRequest, in group: GroupRuntime, _ overrides: RequestOverrides) -> Objections {
        var objections = Objections(all: group.objections(to: chat, asFallback: false))
        var count = group.deployments.count
        for id in fallbacks(of: group.id, overrides) {
            guard let group = groupsByID[id] else { continue }
            objections.all += group.objections(to: chat, asFallback: true)
            count += group.deployments.count
        }
        objections.isEveryone = count > 0 && objections.all.count == count
        return objections
    }

    /// The groups a request may go on to: those of its own, theirs, and so on.
    private func fallbacks(of group: GroupID, _ overrides: RequestOverrides) -> [GroupID] {
        guard !overrides.disableFallbacks, core.policy.maxFallbacks > 0 else { return [] }
        if overrides.fallbacks == nil, directFallbacks[group]?.isEmpty ?? true { return [] }
        var found = [group]
        found += (overrides.fallbacks ?? []).filter { $0 != group }
        var index = 0
        while index < found.count {
            for next in directFallbacks[found[index]] ?? [] where !found.contains(next) { found.append(next) }
            index += 1
        }
        return Array(found.dropFirst())
    }
}
