/// Other model groups, once a request's own has nothing left or is about to leave them too little time.
extension RouterCore {
    /// Goes on to the next fallback group that can take the request; false if there is none.
    ///
    /// Groups with a healthy deployment come first, in the order given; one whose deployments are all out is a last
    /// resort like any other.
    mutating func fallBack(_ request: Int, _ reason: FallbackReason, into actions: inout [Action]) -> Bool {
        addFallbacks(request, reason)
        return enterNext(request, reason, isHealthy: true, into: &actions)
            || enterNext(request, reason, isHealthy: false, into: &actions)
    }

    /// Goes on to the next fallback group, if the budget of failovers allows one more that may fail.
    mutating func fallBackAfterFailure(_ request: Int, into actions: inout [Action]) -> Bool {
        addFallbacks(request, .failed)
        guard nextFallback(request, isHealthy: false) != nil else { return false }
        guard failoverBudget.withdraw() else {
            counters.failoversRefused &+= 1
            return false
        }
        requests[request].rescue.owesToken = true
        return fallBack(request, .failed, into: &actions)
    }

    /// Goes on to a fallback group that has a healthy deployment; false if there is none.
    mutating func fallBackToHealthy(_ request: Int, _ reason: FallbackReason, into actions: inout [Action]) -> Bool {
        addFallbacks(request, reason)
        return enterNext(request, reason, isHealthy: true, into: &actions)
    }

    /// The request has nothing in flight and nothing left in its group.
    mutating func goOnElsewhere(_ request: Int, into actions: inout [Action]) {
        if fallBackAfterFailure(request, into: &actions) { return }
        waitOrRefuse(request, isFirst: requests[request].launched == 0, into: &actions)
    }

    private mutating func enterNext(
        _ request: Int, _ reason: FallbackReason, isHealthy: Bool, into actions: inout [Action]
    ) -> Bool {
        while let index = nextFallback(request, isHealthy: isHealthy) {
            let group = requests[request].rescue.pending.remove(at: index)
            if enter(group, request, reason, into: &actions) { return true }
        }
        return false
    }

    /// Lists the fallbacks of the group being tried before those that were pending, and their own after each of them:
    /// one that cannot take the request leads on to the next. Each group is listed once.
    private mutating func addFallbacks(_ request: Int, _ reason: FallbackReason) {
        guard !requests[request].overrides.disableFallbacks else { return }
        let special = specialFallbacks(of: request, reason)
        // Those that were pending for lack of a better idea are not meant for this.
        if special != nil { requests[request].rescue.pending.removeAll(keepingCapacity: true) }
        var place = 0
        for id in special ?? generalFallbacks(of: request) {
            guard let group = groupSlots[id], !requests[request].rescue.visited.contains(group),
                !requests[request].rescue.pending.contains(group)
            else { continue }
            requests[request].rescue.pending.insert(group, at: place)
            place += 1
        }
        guard requests[request].overrides.fallbacks == nil else { return }
        var index = 0
        while index < requests[request].rescue.pending.count {
            addIndirect(request, at: index)
            index += 1
        }
    }

    private mutating func addIndirect(_ request: Int, at index: Int) {
        for id in groups[requests[request].rescue.pending[index]].fallbacks.general.reversed() {
            guard let group = groupSlots[id], !requests[request].rescue.visited.contains(group),
                !requests[request].rescue.pending.contains(group)
            else { continue }
            requests[request].rescue.pending.insert(group, at: index + 1)
        }
    }

    /// What is configured for the group being tried, unless the request brought a list of its own.
    @inline(__always)
    private func generalFallbacks(of request: Int) -> [GroupID] {
        requests[request].overrides.fallbacks ?? groups[requests[request].group].fallbacks.general
    }

    /// The list for a special reason: as in LiteLLM it takes the place of the general one where there is one.
    private func specialFallbacks(of request: Int, _ reason: FallbackReason) -> [GroupID]? {
        switch reason {
        case .contextLength: groups[requests[request].group].fallbacks.contextWindow
        case .contentPolicy: groups[requests[request].group].fallbacks.contentPolicy
        case .failed, .unavailable, .late: nil
        }
    }

    /// The place in the request's list of the first group that could take it now.
    mutating func nextFallback(_ request: Int, isHealthy: Bool) -> Int? {
        guard requests[request].rescue.fallbacks < max(0, policy.maxFallbacks) else { return nil }
        let pending = requests[request].rescue.pending
        // Nobody is served before those that wait for the group.
        for index in pending.indices where groups[pending[index]].waiting.isEmpty {
            for slot in groups[pending[index]].members
            where !isHealthy || deployments[slot].health.share(at: now) > 0 {
                if isEligible(slot, request) { return index }
            }
        }
        return nil
    }

    /// Whether another group could serve the request well.
    mutating func hasHealthyFallback(_ request: Int) -> Bool {
        addFallbacks(request, .failed)
        return nextFallback(request, isHealthy: true) != nil
    }

    /// Whether the request has anywhere to go when its group fails.
    @inline(__always)
    func mayFallBack(_ request: Int) -> Bool {
        guard !requests[request].overrides.disableFallbacks, policy.maxFallbacks > 0 else { return false }
        return !requests[request].rescue.pending.isEmpty || !generalFallbacks(of: request).isEmpty
    }

    /// Starts the request in another group, beside whatever still runs.
    private mutating func enter(
        _ group: Int, _ request: Int, _ reason: FallbackReason, into actions: inout [Action]
    ) -> Bool {
        let former = requests[request].group
        endRace(request)
        endWait(request, .abandoned)
        if reason == .late { recordAbandoned(request) }
        let isCrowded = requests[request].live.count >= requests[request].maxParallel
        if isCrowded { requests[request].maxParallel += 1 }
        requests[request].group = group
        requests[request].launched = 0
        requests[request].hedges = 0
        requests[request].hedgeAt = nil
        requests[request].measured = nil
        requests[request].rescue.enter(group)
        actions.append(.note(requests[request].id, .fellBack(to: groups[group].id, reason: reason)))
        guard begin(request, into: &actions) else { return false }
        counters.fallbacks &+= 1
        testFormer(former, request, into: &actions)
        return true
    }
}

/// Fallbacks in time: a group that hangs must not use up the deadline of the request.
extension RouterCore {
    /// Share of the time left that is kept for a fallback at least.
    static let smallestFallbackShare = 0.25

    /// Sets when a fallback is entered although the group still may answer.
    ///
    /// With D left before the deadline that is after max(D/2, what the group usually takes), but early enough for what
    /// the fallback usually takes, and for a quarter of D in any case; never before a quarter of D has passed. What a
    /// group usually takes is the 95th percentile of its best deployment.
    mutating func armFallback(_ request: Int) {
        requests[request].rescue.fallbackAt = nil
        guard let deadline = requests[request].deadline, requests[request].maxParallel > 1 else { return }
        addFallbacks(request, .late)
        guard let index = nextFallback(request, isHealthy: true) else { return }
        let left = (deadline - now).seconds
        let usual = usualLatency(requests[request].group, request)?.seconds ?? 0
        let need = usualLatency(requests[request].rescue.pending[index], request)?.seconds ?? 0
        let share = Self.smallestFallbackShare * left
        let latest = left - max(need, share)
        let delay = max(share, min(max(left / 2, usual), latest))
        requests[request].rescue.fallbackAt = now + .seconds(delay)
    }

    /// The 95th percentile of the group's fastest deployment; nil while none was measured.
    private mutating func usualLatency(_ group: Int, _ request: Int) -> Interval? {
        var best: Interval?
        for slot in groups[group].members where deployments[slot].isConfigured {
            guard deployments[slot].belief(isStream: requests[request].isStream).isMeasured,
                let curve = curve(slot, request)
            else { continue }
            let value = curve.quantile(0.95).value
            best = min(best ?? value, value)
        }
        return best
    }

    /// The group used up its share of the deadline: the next one is entered as a hedge.
    mutating func fallBackInTime(_ request: Int, into actions: inout [Action]) {
        requests[request].rescue.fallbackAt = nil
        guard requests[request].phase != .committed, nextFallback(request, isHealthy: true) != nil else { return }
        guard failoverBudget.withdraw() else {
            counters.failoversRefused &+= 1
            return
        }
        requests[request].rescue.retryAt = nil
        requests[request].rescue.owesToken = true
        guard fallBackToHealthy(request, .late, into: &actions) else { return }
        counters.fallbacksInTime &+= 1
    }

    /// A request that another group serves anyway can test a deployment of the group it came from.
    private mutating func testFormer(_ former: Int, _ request: Int, into actions: inout [Action]) {
        let group = requests[request].group
        requests[request].group = former
        launchCanary(request, into: &actions)
        requests[request].group = group
    }
}
