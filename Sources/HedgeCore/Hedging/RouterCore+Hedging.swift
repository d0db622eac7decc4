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
        requests[request].measured = threshold.isDynamic ? deployment : nil
        if let measured = requests[request].measured { deployments[measured].storms.countArmed(at: now) }
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
        let isFrozen = isStormy(deployment)
        if requests[request].isStream {
            return deployments[deployment].streaming.thresholdBasis(
                size, settings: thresholdSettings, isFrozen: isFrozen, at: now, samples: samples)
        }
        return deployments[deployment].complete.thresholdBasis(
            size, settings: thresholdSettings, isFrozen: isFrozen, at: now, samples: samples)
    }

    /// Whether so many of a deployment's primaries are late that it became slow as a whole.
    private mutating func isStormy(_ deployment: Int) -> Bool {
        deployments[deployment].storms.isStorm(expectedShare: 1 - thresholdSettings.percentile, at: now)
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
        if let measured = requests[request].measured { deployments[measured].storms.countPassed(at: now) }
        requests[request].measured = nil
        switch decideHedge(request, threshold) {
        case .suppressed(let reason):
            reconsiderLater(request, reason)
            guard requests[request].suppressed != reason else { return }
            requests[request].suppressed = reason
            groups[requests[request].group].hedges.count(reason)
            actions.append(.note(requests[request].id, .hedgeSuppressed(reason)))
        case .launch(let target):
            launch(request, on: target, role: .hedge, into: &actions)
            requests[request].hedges += 1
            requests[request].hedgedAt = requests[request].hedgedAt ?? now
            armNextHedge(request, after: target)
        }
    }

    /// A verdict about what is likely is not final: a request that goes on hanging proves it wrong. It is judged again
    /// each time it has waited twice as long.
    private mutating func reconsiderLater(_ request: Int, _ reason: HedgeSuppression) {
        guard reason == .lowValue || reason == .storm, let oldest = oldestLive(request) else { return }
        let waited = max(now - attempts[oldest].startedAt, policy.hedgeThresholdMin)
        requests[request].hedgeAt = now + max(waited, .milliseconds(Int64(1)))
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
        let mostInFlight = max(Self.fewestConcurrent, 0.2 * Double(requestSlots.count))
        if Double(hedgesInFlight) >= mostInFlight { return .suppressed(.concurrency) }
        if let deadline = requests[request].deadline, deadline - now < policy.hedgeThresholdMin {
            return .suppressed(.deadline)
        }
        collectCandidates(request)
        guard !candidates.isEmpty else { return .suppressed(.noTarget) }
        keepCandidates { core, slot in !core.deployments[slot].isNearRateLimit(at: core.now) }
        guard !candidates.isEmpty else { return .suppressed(.rateLimit) }
        // What is slow as a whole gets no hedges: more load is the last thing it needs.
        if threshold.isDynamic { keepCandidates { core, slot in !core.isStormy(slot) } }
        guard !candidates.isEmpty else { return .suppressed(.storm) }
        guard let (target, price) = hedgeTarget(request, threshold) else { return .suppressed(.lowValue) }
        if threshold.probability < 1, !random.chance(threshold.probability) { return .suppressed(.budget) }
        // The control arm is drawn from what would be hedged, so that nothing else tells the two apart.
        guard hedgeBudget.level >= price else { return .suppressed(.budget) }
        if random.chance(policy.controlFraction) {
            requests[request].isControl = true
            return .suppressed(.control)
        }
        return hedgeBudget.withdraw(price) ? .launch(target) : .suppressed(.budget)
    }

    /// The candidate that is expected to save most for its price, in another failure domain if there is one.
    ///
    /// A deployment without history comes first, a few at a time: a hedge measures it at nobody's expense. Where
    /// history does not tell the saving, and for a threshold that was asked for, the ranking decides.
    private mutating func hedgeTarget(_ request: Int, _ threshold: HedgeThreshold) -> (slot: Int, price: Double)? {
        preferOtherDomains(request)
        if let unknown = unmeasuredTarget(request) { return (unknown, price(unknown, for: request)) }
        guard threshold.isDynamic, let oldest = oldestLive(request),
            let own = curve(attempts[oldest].deployment, request)
        else { return takeBest().map { ($0, price($0, for: request)) } }
        return mostSaving(request, own: own, waited: now - attempts[oldest].startedAt)
    }

    private func oldestLive(_ request: Int) -> Int? {
        requests[request].live.min { attempts[$0].startedAt < attempts[$1].startedAt }
    }

    private mutating func mostSaving(
        _ request: Int, own: SurvivalCurve, waited: Interval
    ) -> (slot: Int, price: Double)? {
        var best: (slot: Int, price: Double)?
        var bestValue = 0.0
        var isAnyKnown = false
        for candidate in candidates {
            guard let other = curve(candidate.slot, request) else { continue }
            isAnyKnown = true
            let slowdown = deployments[candidate.slot].belief(isStream: requests[request].isStream).slowdown(at: now)
            guard let saving = own.expectedSaving(at: waited, target: other, slowdown: slowdown) else {
                return takeBest().map { ($0, price($0, for: request)) }
            }
            guard saving >= Self.smallestSaving * waited.seconds, saving > externality(candidate.slot, request) else {
                continue
            }
            let cost = price(candidate.slot, for: request)
            guard saving / cost > bestValue else { continue }
            bestValue = saving / cost
            best = (candidate.slot, cost)
        }
        return isAnyKnown ? best : takeBest().map { ($0, price($0, for: request)) }
    }

    /// Seconds by which one more attempt delays those that start behind it: what saves one caller must not cost the
    /// others more.
    private func externality(_ slot: Int, _ request: Int) -> Double {
        requests[request].isStream ? deployments[slot].streaming.externality : deployments[slot].complete.externality
    }

    /// Hedges in flight at once that are always allowed; beyond that a fifth of the requests in flight.
    static let fewestConcurrent = 5.0
    /// Expected saving, as a share of the time already waited, below which a hedge is not worth its cost.
    ///
    /// Low, because what the samples of good times say of the tail is said too low for the next bad one.
    static let smallestSaving = 0.005
    /// Attempts in flight at most on a deployment without history.
    static let mostProbes = 2

    private func unmeasuredTarget(_ request: Int) -> Int? {
        guard policy.strategy == .staggeredHedge || policy.strategy == .latencyBased,
            candidates.contains(where: { $0.isKnown })
        else { return nil }
        for candidate in candidates where deployments[candidate.slot].inFlight < Self.mostProbes {
            let isNew =
                requests[request].isStream
                ? deployments[candidate.slot].streaming.isUnmeasured(samples)
                : deployments[candidate.slot].complete.isUnmeasured(samples)
            if isNew { return candidate.slot }
        }
        return nil
    }

    mutating func curve(_ deployment: Int, _ request: Int) -> SurvivalCurve? {
        let size = requests[request].size
        if requests[request].isStream {
            deployments[deployment].streaming.refresh(size, at: now, samples: samples)
        } else {
            deployments[deployment].complete.refresh(size, at: now, samples: samples)
        }
        return deployments[deployment].curve(isStream: requests[request].isStream, size: size)
    }

    /// What a hedge takes from the budget: one, or more where it costs more than the attempt it helps.
    private func price(_ slot: Int, for request: Int) -> Double {
        guard let first = oldestLive(request),
            let own = deployments[attempts[first].deployment].cost(promptTokens: requests[request].promptTokens),
            let other = deployments[slot].cost(promptTokens: requests[request].promptTokens), own > 0
        else { return 1 }
        return min(Self.highestPrice, max(1, other / own))
    }

    static let highestPrice = 8.0

    /// Keeps the candidates that pass a test.
    mutating func keepCandidates(_ passes: (inout RouterCore, Int) -> Bool) {
        var kept = 0
        for index in candidates.indices where passes(&self, candidates[index].slot) {
            candidates.swapAt(kept, index)
            kept += 1
        }
        candidates.removeLast(candidates.count - kept)
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
