import HedgeCore
import HedgeProviders
import HedgeTransport

/// Makes a ``RouterConfiguration`` of a document: what each value means, and what values mean together.
struct ConfigurationBuilder {
    var reader: DocumentReader
    private let environment: (String) -> String?

    var deployments: [DeploymentSettings] = []
    /// Where each of `deployments` stands in the document.
    var entries: [Settings] = []
    var groups: [ModelGroup] = []
    /// Where each name stands in `groups`.
    var groupIndices: [String: Int] = [:]
    /// Names of groups that came from the environment and must not be suggested.
    private var hiddenGroups: Set<String> = []

    init(environment: @escaping (String) -> String?) {
        reader = DocumentReader(environment: environment)
        self.environment = environment
    }

    mutating func build(_ document: DocumentValue) -> Result<RouterConfiguration, ConfigurationReport> {
        let settings = reader.read(document, as: DocumentProperties.document, at: "")
        warnOfMisplacedSettings(document)
        guard let settings else { return .failure(report) }

        let routing = settings.section("router_settings") ?? Settings(path: "router_settings")
        for case .section(let entry)? in settings.list("model_list") {
            addDeployment(entry, defaults: routing)
        }
        nameDeployments()
        checkWeights()
        let aliases = readAliases(routing)
        readFallbacks(routing, aliases: aliases)
        weighByLimits()
        let policy = readPolicy(routing)
        guard reader.errors.isEmpty else { return .failure(report) }
        return .success(
            RouterConfiguration(
                deployments: deployments, groups: groups, aliases: aliases, policy: policy,
                seed: routing.integer("seed").map { UInt64(clamping: $0) }, limits: readLimits(routing),
                warnings: reader.warnings
            )
        )
    }

    private var report: ConfigurationReport {
        ConfigurationReport(errors: reader.errors, warnings: reader.warnings)
    }

    /// LiteLLM reads some router settings in `litellm_settings` too; here they belong in one place.
    private mutating func warnOfMisplacedSettings(_ document: DocumentValue) {
        guard case .object(let members) = document else { return }
        for section in members where section.name == "litellm_settings" {
            guard case .object(let settings) = section.value else { continue }
            for setting in settings {
                let path = DocumentPath.member(setting.name, of: section.name)
                if setting.name == "request_timeout" {
                    reader.warn(path, "has no effect here; put it into router_settings as timeout")
                } else if RouterProperties.settings.property(setting.name)?.effect == .acted {
                    reader.warn(path, "has no effect here; put it into router_settings")
                }
            }
        }
    }
}

// MARK: - Deployments and groups

extension ConfigurationBuilder {
    private mutating func addDeployment(_ entry: Settings, defaults: Settings) {
        guard let name = entry.resolved("model_name") else { return }
        if name.value.contains("*") {
            reader.report(entry.path("model_name"), "wildcards are not supported; name each model group")
        }
        if name.isFromEnvironment { hiddenGroups.insert(name.value) }

        // A deployment that is wrong still makes its group known, so that its aliases are not reported too.
        let index = groupIndices[name.value] ?? groups.endIndex
        if index == groups.endIndex {
            groupIndices[name.value] = index
            groups.append(ModelGroup(name: name.value, deployments: []))
        }

        guard let parameters = entry.section("litellm_params") ?? entry.section("params") else { return }
        let info = entry.section("model_info") ?? Settings(path: entry.path("model_info"))
        var builder = DeploymentBuilder(
            parameters: parameters, defaults: defaults, info: info, environment: environment)
        guard let deployment = builder.build(groupName: name.value, reader: &reader) else { return }
        groups[index].deployments.append(deployments.count)
        deployments.append(deployment)
        entries.append(entry)
    }

    /// Gives each deployment its key and finds keys that are given twice.
    private mutating func nameDeployments() {
        var owners: [String: String] = [:]
        for (index, entry) in entries.enumerated() {
            guard let (key, path) = givenKey(of: entry) else { continue }
            deployments[index].key = key
            if let owner = owners[key] {
                reader.report(path, "is the same as \(owner)", expected: "an id of its own for each deployment")
            } else {
                owners[key] = path
            }
        }
        var twins: [String: Int] = [:]
        for (index, entry) in entries.enumerated() where givenKey(of: entry) == nil {
            // Deployments that differ in nothing but secrets or settings are told apart by their order.
            let plain = DeploymentKey.make(for: deployments[index], ordinal: 0)
            var ordinal = twins[plain, default: 0]
            var key = plain
            while owners[key] != nil {
                ordinal += 1
                key = DeploymentKey.make(for: deployments[index], ordinal: ordinal)
            }
            twins[plain] = ordinal
            deployments[index].key = key
            owners[key] = entry.path
        }
    }

    private func givenKey(of entry: Settings) -> (key: String, path: String)? {
        guard let info = entry.section("model_info") else { return nil }
        switch info["id"] {
        case .text(let text): return (text.value, info.path("id"))
        case .integer(let integer): return (String(integer), info.path("id"))
        default: return nil
        }
    }

    private mutating func checkWeights() {
        for group in groups {
            let paths = group.deployments.compactMap { index in
                deployments[index].core(id: DeploymentID(rawValue: index)).weight == 0 ? entries[index].path : nil
            }
            guard let first = paths.first, paths.count == group.deployments.count else { continue }
            reader.report(
                first, "every deployment of its model group has weight 0", expected: "at least one weight above 0"
            )
        }
    }
}

// MARK: - Names of groups

extension ConfigurationBuilder {
    private mutating func readAliases(_ routing: Settings) -> [ModelAlias] {
        routing.map("model_group_alias").compactMap { readAlias($0) }
    }

    private mutating func readAlias(_ alias: NamedSetting) -> ModelAlias? {
        var targetPath = alias.path
        let target: ResolvedText
        var isHidden = false
        switch alias.value {
        case .text(let text):
            target = text
        case .section(let item):
            targetPath = item.path("model")
            guard let text = item.resolved("model") else { return nil }
            target = text
            isHidden = item.boolean("hidden") ?? false
        default: return nil
        }
        if alias.name.isEmpty || alias.name.contains("*") {
            reader.report(alias.path, "is no name for a model group; wildcards are not supported")
            return nil
        }
        guard groupIndices[target.value] != nil else {
            reportUnknownGroup(target, at: targetPath, aliases: [])
            return nil
        }
        if alias.name == target.value {
            reader.report(targetPath, "is an alias for itself")
        } else if groupIndices[alias.name] != nil {
            reader.warn(alias.path, "hides the model group of the same name")
        }
        return ModelAlias(name: alias.name, group: target.value, isHidden: isHidden)
    }

    mutating func reportUnknownGroup(_ name: ResolvedText, at path: String, aliases: [ModelAlias]) {
        var near: String?
        if !name.isFromEnvironment {
            near = reader.nearest(
                to: name.value, in: groups.map(\.name).filter { !hiddenGroups.contains($0) } + aliases.map(\.name))
        }
        reader.report(path, "names no model group", expected: "a model_name of model_list", nearest: near)
    }
}

// MARK: - Routing

extension ConfigurationBuilder {
    mutating func readPolicy(_ routing: Settings) -> Policy {
        var policy = Policy()
        if let name = routing.text("routing_strategy") {
            policy.strategy = RoutingStrategy(rawValue: name) ?? .usageBased
        }
        policy.requestTimeout = routing.seconds("timeout")
        HealthProperties.read(routing, into: &policy)
        readRetries(routing, into: &policy)
        let arguments = routing.section("routing_strategy_args")
        if let arguments { readArguments(arguments, into: &policy) }
        if arguments?["max_attempts"] == nil { policy.maxAttempts = attemptsNeeded(policy) }
        return policy
    }

    private mutating func readArguments(_ arguments: Settings, into policy: inout Policy) {
        policy.coldStartParallel = arguments.boolean("enable_cold_start_parallel") ?? policy.coldStartParallel
        policy.maxParallelAttempts = arguments.integer("max_parallel_requests") ?? policy.maxParallelAttempts
        policy.maxHedges = arguments.integer("max_hedges") ?? policy.maxHedges
        policy.maxAttempts = arguments.integer("max_attempts") ?? policy.maxAttempts
        if let rule = arguments.text("hedge_rule").flatMap(HedgeRule.init(rawValue:)) { policy.hedgeRule = rule }
        if let percent = arguments.number("hedge_threshold_percentile") { policy.hedgePercentile = percent / 100 }
        policy.hedgeThreshold = arguments.milliseconds("hedge_threshold_ms")
        policy.hedgeThresholdMin = arguments.milliseconds("hedge_threshold_min_ms") ?? policy.hedgeThresholdMin
        policy.hedgeThresholdMax = arguments.milliseconds("hedge_threshold_max_ms")
        if let maximum = policy.hedgeThresholdMax, maximum < policy.hedgeThresholdMin {
            reader.report(
                arguments.path("hedge_threshold_max_ms"), "is lower than hedge_threshold_min_ms",
                expected: "at least \(DocumentWriter.text(of: policy.hedgeThresholdMin.milliseconds))"
            )
        }
        policy.hedgeBudget = arguments.number("hedge_budget") ?? policy.hedgeBudget
        policy.retryBudget = arguments.number("retry_budget") ?? policy.retryBudget
        policy.controlFraction = arguments.number("control_fraction") ?? policy.controlFraction
        policy.sampleLifetime = arguments.seconds("ttl") ?? policy.sampleLifetime
        policy.sampleHalfLife = arguments.seconds("half_life") ?? policy.sampleHalfLife
        policy.lowestLatencyBuffer = arguments.number("lowest_latency_buffer") ?? policy.lowestLatencyBuffer
    }

    private func readLimits(_ routing: Settings) -> RouterLimits {
        var limits = RouterLimits()
        limits.maxBufferedBytes = routing.integer("max_buffered_bytes") ?? limits.maxBufferedBytes
        limits.maxRequestBytes = routing.integer("max_request_bytes") ?? limits.maxRequestBytes
        limits.streamsUpstream = routing.boolean("stream_upstream") ?? limits.streamsUpstream
        limits.maxQueuedRequests = routing.integer("max_queued_requests") ?? limits.maxQueuedRequests
        return limits
    }
}
