extension RouterCore {
    /// Sets when a hedge starts unless the attempt just started answers first.
    ///
    /// - Parameter deployment: where that attempt went; nil while nothing is known of the whole class.
    mutating func armHedge(_ request: Int, after deployment: Int?, into actions: inout [Action]) {
        requests[request].hedgeAt = nil
        guard mayHedge(request) else { return }
        guard let threshold = threshold(request, after: deployment) else { return }
        requests[request].threshold = threshold
        requests[request].hedgeAt = now + threshold.delay
        if threshold.isDynamic { groups[requests[request].group].storms.countArmed(at: now) }
        actions.append(
            .note(requests[request].id, .hedgeArmed(threshold: threshold.delay, source: threshold.source)))
    }

    /// Whether the request may have a hedge at all, whatever the moment brings.
    private func mayHedge(_ request: Int) -> Bool {
        groups[requests[request].group].members.count > 1 && hedgeBudget.share > 0 && requests[request].maxParallel > 1
            && requests[request].hedges < mostHedges(request)
    }

    /// A threshold of zero asks for everything at once, which only the attempts in flight limit.
    private func mostHedges(_ request: Int) -> Int {
        let fixed = requests[request].overrides.hedgeThreshold ?? policy.hedgeThreshold
        return fixed == .zero ? requests[request].maxParallel - 1 : max(0, policy.maxHedges)
    }

    private mutating func threshold(_ request: Int, after deployment: Int?) -> HedgeThreshold? {
        if let own = requests[request].overrides.hedgeThreshold { return Self.fixed(own, .override) }
        if let configured = policy.hedgeThreshold { return Self.fixed(configured, .fixed) }
        let cold = HedgeThreshold(delay: Self.coldStagger, source: .prior)
        guard let deployment, let basis = basis(request, deployment) else { return cold }
        let timeLeft = requests[request].deadline.map { $0 - now }
        let timeouts = deployments[deployment].configuration.timeouts
        let limit = requests[request].isStream ? timeouts.firstToken ?? timeouts.total : timeouts.total
        return basis.clamped(policy, timeLeft: timeLeft, attemptTimeout: limit)
    }

    /// A negative threshold asks for one attempt at a time.
    private static func fixed(_ delay: Interval, _ source: ThresholdSource) -> HedgeThreshold? {
        delay < .zero ? nil : HedgeThreshold(delay: delay, source: source)
    }

    private mutating func basis(_ request: Int, _ deployment: Int) -> ThresholdBasis? {
        let size = requests[request].size
        // What a storm brings must not move the threshold it is measured with.
        let isFrozen = isStorm(groupOf: request)
        if requests[request].isStream {
            return deployments[deployment].streaming.thresholdBasis(
                size, settings: thresholdSettings, isFrozen: isFrozen, at: now, samples: samples)
        }
        return deployments[deployment].complete.thresholdBasis(
            size, settings: thresholdSettings, isFrozen: isFrozen, at: now, samples: samples)
    }

    private mutating func isStorm(groupOf request: Int) -> Bool {
        groups[requests[request].group].storms.isStorm(
            expectedShare: 1 - thresholdSettings.percentile, at: now)
    }

    /// The hedges of a threshold of zero start together with the primary.
    mutating func launchImmediateHedges(_ request: Int, into actions: inout [Action]) {
        while let hedgeAt = requests[request].hedgeAt, hedgeAt <= now {
            hedge(request, into: &actions)
        }
    }

    /// The threshold passed: starts a hedge, or records why not.
    mutating func hedge(_ request: Int, into actions: inout [Action]) {
        requests[request].hedgeAt = nil
        let threshold = requests[request].threshold
        if threshold.isDynamic { groups[requests[request].group].storms.countPassed(at: now) }
        switch decideHedge(request, threshold) {
        case .suppressed(let reason):
            counters.suppressed[reason.ordinal] &+= 1
            actions.append(.note(requests[request].id, .hedgeSuppressed(reason)))
        case .launch(let target):
            launch(request, on: target, role: .hedge, into: &actions)
            requests[request].hedges += 1
            armNextHedge(request, after: target)
        }
    }

    /// Another hedge waits for the one just started as long as that one should take.
    private mutating func armNextHedge(_ request: Int, after target: Int) {
        guard mayHedge(request) else { return }
        var delay = requests[request].threshold.delay
        if requests[request].threshold.isDynamic, let basis = basis(request, target) {
            delay = max(basis.high, policy.hedgeThresholdMin)
        }
        requests[request].hedgeAt = now + delay
    }

    private enum HedgeDecision {
        case launch(Int)
        case suppressed(HedgeSuppression)
    }

    private mutating func decideHedge(_ request: Int, _ threshold: HedgeThreshold) -> HedgeDecision {
        if requests[request].launched >= policy.maxAttempts { return .suppressed(.attempts) }
        if requests[request].live.count >= requests[request].maxParallel { return .suppressed(.concurrency) }
        if Double(hedgesInFlight) >= max(2, 0.2 * Double(requestSlots.count)) { return .suppressed(.concurrency) }
        if let deadline = requests[request].deadline, deadline - now < policy.hedgeThresholdMin {
            return .suppressed(.deadline)
        }
        if threshold.isDynamic, isStorm(groupOf: request) { return .suppressed(.storm) }
        collectCandidates(request)
        guard !candidates.isEmpty else { return .suppressed(.noTarget) }
        guard let target = hedgeTarget(request, threshold) else { return .suppressed(.lowValue) }
        // The control arm is drawn from what would be hedged, so that nothing else tells the two apart.
        guard hedgeBudget.level >= 1 else { return .suppressed(.budget) }
        if random.chance(policy.controlFraction) { return .suppressed(.control) }
        return hedgeBudget.withdraw() ? .launch(target) : .suppressed(.budget)
    }

    /// The candidate that is expected to save most, in another failure domain if there is one.
    private mutating func hedgeTarget(_ request: Int, _ threshold: HedgeThreshold) -> Int? {
        preferOtherDomains(request)
        return takeBest()
    }

    /// Drops the candidates that share a failure domain with an attempt in flight, unless that leaves none.
    private mutating func preferOtherDomains(_ request: Int) {
        var kept = 0
        for index in candidates.indices where isInOtherDomain(candidates[index].slot, request) {
            candidates.swapAt(kept, index)
            kept += 1
        }
        guard kept > 0 else { return }
        candidates.removeLast(candidates.count - kept)
    }

    private func isInOtherDomain(_ slot: Int, _ request: Int) -> Bool {
        for attempt in requests[request].live
        where deployments[attempts[attempt].deployment].domain == deployments[slot].domain {
            return false
        }
        return true
    }
}
