import HedgeCore

/// Repetitions, fallbacks between groups, and what follows from them.
extension ConfigurationBuilder {
    /// Gives every group its own numbers and its fallbacks.
    mutating func readFallbacks(_ routing: Settings, aliases: [ModelAlias]) {
        let names = GroupNames(groups: groupIndices, aliases: aliases)
        var general = readLists("fallbacks", of: routing, names)
        let path = routing.path("default_fallbacks")
        let standard = targets(routing.list("default_fallbacks"), at: path, names)
        if routing["default_fallbacks"] != nil { general.rest = standard }
        let window = readLists("context_window_fallbacks", of: routing, names)
        let policy = readLists("content_policy_fallbacks", of: routing, names)
        for index in groups.indices {
            groups[index].fallbacks = general.list(for: index) ?? []
            if window.isGiven { groups[index].contextWindowFallbacks = window.list(for: index) ?? [] }
            if policy.isGiven { groups[index].contentPolicyFallbacks = policy.list(for: index) ?? [] }
        }
        for entry in routing.map("model_group_retry_policy") {
            guard let index = names.index(of: entry.name) else {
                reportUnknownGroup(ResolvedText(value: entry.name), at: entry.path, aliases: aliases)
                continue
            }
            if case .section(let settings) = entry.value { groups[index].retries = readRetryPolicy(settings) }
        }
    }

    /// One of the settings that list fallbacks by group.
    private mutating func readLists(_ name: String, of routing: Settings, _ names: GroupNames) -> FallbackLists {
        var lists = FallbackLists(isGiven: routing[name] != nil)
        for case .map(let rules)? in routing.list(name) {
            for rule in rules { read(rule, into: &lists, names) }
        }
        return lists
    }

    private mutating func read(_ rule: NamedSetting, into lists: inout FallbackLists, _ names: GroupNames) {
        let found: [Int]
        switch rule.value {
        case .list(let list): found = targets(list, at: rule.path, names)
        case .text: found = targets([rule.value], at: rule.path, names, isSingle: true)
        default: return
        }
        if rule.name == "*" {
            lists.rest = found
            return
        }
        guard let index = names.index(of: rule.name) else {
            reportUnknownGroup(ResolvedText(value: rule.name), at: rule.path, aliases: names.aliases)
            return
        }
        if found.contains(index) { reader.warn(rule.path, "names its own group, which is left out") }
        if lists.own[index] != nil { reader.warn(rule.path, "is given twice; the first one counts") }
        lists.own[index] = lists.own[index] ?? found
    }

    /// The groups a list names.
    private mutating func targets(
        _ list: [Setting?], at path: String, _ names: GroupNames, isSingle: Bool = false
    ) -> [Int] {
        var found: [Int] = []
        for (place, target) in list.enumerated() {
            let path = isSingle ? path : DocumentPath.element(place, of: path)
            let name: ResolvedText
            switch target {
            case .text(let text)?: name = text
            case .section(let item)?:
                guard let text = item.resolved("model") else { continue }
                name = text
            default: continue
            }
            guard let index = names.index(of: name.value) else {
                reportUnknownGroup(name, at: path, aliases: names.aliases)
                continue
            }
            if !found.contains(index) { found.append(index) }
        }
        return found
    }

    /// The numbers of `retry_policy`.
    mutating func readRetryPolicy(_ settings: Settings) -> RetryPolicy {
        for name in RetryProperties.incurable {
            if let number = settings.integer(name), number > 0 {
                reader.warn(settings.path(name), "has no effect: repeating does not cure this")
            }
        }
        return RetryPolicy(
            standard: settings.integer("DefaultRetries"), timeouts: settings.integer("TimeoutErrorRetries"),
            rateLimits: settings.integer("RateLimitErrorRetries"),
            overloads: settings.integer("ServiceUnavailableErrorRetries"),
            serverErrors: settings.integer("InternalServerErrorRetries"))
    }

    /// The router's own numbers.
    mutating func readRetries(_ routing: Settings, into policy: inout Policy) {
        if let settings = routing.section("retry_policy") {
            var own = readRetryPolicy(settings)
            own.standard = own.standard ?? policy.retries.standard
            policy.retries = own
        }
        if let number = routing.integer("num_retries") ?? routing.integer("max_retries") {
            policy.retries.standard = number
        }
        policy.retryAfter = routing.seconds("retry_after") ?? policy.retryAfter
        policy.maxFallbacks = routing.integer("max_fallbacks") ?? policy.maxFallbacks
    }

    /// As many attempts as the repetitions asked for need, unless a number is given.
    func attemptsNeeded(_ policy: Policy) -> Int {
        var most = policy.retries.most
        for group in groups { most = max(most, group.retries?.most ?? 0) }
        for deployment in deployments { most = max(most, deployment.retries ?? 0) }
        return max(policy.maxAttempts, most + 1)
    }

    /// As in LiteLLM, groups without a weight are shuffled by `rpm`, and those without one by `tpm`.
    ///
    /// A deployment without the number that decides has no limit, and counts as much as the one with the largest.
    mutating func weighByLimits() {
        for group in groups {
            let members = group.deployments
            guard !members.contains(where: { parameters(of: $0)?["weight"] != nil }) else { continue }
            for name in ["rpm", "tpm"] {
                let limits = members.map { parameters(of: $0)?.integer(name) }
                guard let largest = limits.compactMap(\.self).max() else { continue }
                for (index, limit) in zip(members, limits) { deployments[index].weight = Double(limit ?? largest) }
                break
            }
        }
    }

    private func parameters(of deployment: Int) -> Settings? {
        entries[deployment].section("litellm_params") ?? entries[deployment].section("params")
    }
}

extension RetryPolicy {
    /// The largest of its numbers.
    fileprivate var most: Int {
        [standard, timeouts, rateLimits, overloads, serverErrors].compactMap(\.self).max() ?? 0
    }
}

/// Groups by all their names.
private struct GroupNames {
    private let indices: [String: Int]
    let aliases: [ModelAlias]

    init(groups: [String: Int], aliases: [ModelAlias]) {
        var indices = groups
        // An alias comes before a group of the same name.
        for alias in aliases { indices[alias.name] = groups[alias.group] }
        self.indices = indices
        self.aliases = aliases
    }

    func index(of name: String) -> Int? { indices[name] }
}

/// Fallbacks by group, and those of every other group.
private struct FallbackLists {
    var isGiven: Bool
    var own: [Int: [Int]] = [:]
    var rest: [Int]?

    /// The list of a group, without the group itself.
    func list(for group: Int) -> [Int]? {
        (own[group] ?? rest)?.filter { $0 != group }
    }
}
