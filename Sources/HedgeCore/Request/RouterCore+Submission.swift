extension RouterCore {
    /// Races of a class in flight at once; further requests start one attempt at a time.
    static let mostRaces = 5
    /// What those wait between attempts while nothing is known.
    static let coldStagger = Interval.milliseconds(Int64(250))

    mutating func submit(_ id: RequestID, _ traits: RequestTraits, into actions: inout [Action]) {
        guard requestSlots[id] == nil else {
            inconsistencies &+= 1
            return
        }
        guard let group = groupSlots[traits.group], !groups[group].members.isEmpty else {
            actions.append(.finish(id, .failed(.noDeployment(retryAfter: nil))))
            return
        }
        let request = takeRequestSlot()
        requests[request].reset(id, traits, group: group, at: now)
        if traits.deadline == nil, let timeout = policy.requestTimeout {
            requests[request].deadline = now + timeout
        }
        requests[request].maxParallel = max(1, traits.overrides.maxParallelAttempts ?? policy.maxParallelAttempts)
        requestSlots[id] = request
        requests[request].tried.append(contentsOf: traits.ineligible)
        counters.requests &+= 1

        if let deadline = requests[request].deadline, deadline <= now {
            finish(request, .failed(.deadline), into: &actions)
            return
        }
        // Nobody is served before those that came first.
        let isPlaced =
            mustQueue(request)
            ? fallBackToHealthy(request, .unavailable, into: &actions) : begin(request, into: &actions)
        if !isPlaced {
            waitOrRefuse(request, isFirst: true, into: &actions)
        }
        settle(request)
    }

    /// Sends a request that has nothing in its group in flight but canaries; false if nothing can take it now.
    mutating func begin(_ request: Int, into actions: inout [Action]) -> Bool {
        guard !isAlone(request) else { return beginAlone(request, into: &actions) }
        if beginOnProbation(request, into: &actions) { return true }
        collectCandidates(request)
        guard !candidates.isEmpty else {
            // Whoever is out is left alone while another group is well.
            return fallBackToHealthy(request, .unavailable, into: &actions)
                || beginWithAllOut(request, into: &actions)
        }
        let isColdClass = isCold(request)
        guard let primary = takeBest() else { return false }
        countSent(request)
        launch(request, on: primary, role: firstRole(request), into: &actions)
        armFallback(request)
        if isColdClass {
            beginCold(request, into: &actions)
        } else {
            armHedge(request, after: primary, into: &actions)
        }
        launchCanary(request, into: &actions)
        launchImmediateHedges(request, into: &actions)
        return true
    }

    /// Whether the only deployment of a group is all the request has: it is then used whatever its health.
    @inline(__always)
    func isAlone(_ request: Int) -> Bool {
        groups[requests[request].group].members.count <= 1 && !mayFallBack(request)
    }

    /// The role of the first attempt in the group being tried.
    private func firstRole(_ request: Int) -> AttemptRole {
        requests[request].rescue.fallbacks == 0 ? .primary : .fallback
    }

    /// One deployment: straight through, whatever its health.
    private mutating func beginAlone(_ request: Int, into actions: inout [Action]) -> Bool {
        guard let only = groups[requests[request].group].members.first, isEligible(only, request) else {
            return false
        }
        countSent(request)
        launch(request, on: only, role: firstRole(request), into: &actions)
        return true
    }

    /// Whether no candidate has enough recent history.
    private func isCold(_ request: Int) -> Bool {
        let isStream = requests[request].isStream
        for candidate in candidates where !deployments[candidate.slot].isCold(isStream: isStream, at: now) {
            return false
        }
        return true
    }

    /// Races the request, or staggers it by a fixed time when enough others race.
    private mutating func beginCold(_ request: Int, into actions: inout [Action]) {
        let limit = min(requests[request].maxParallel, policy.maxAttempts)
        let hasOwnThreshold = requests[request].overrides.hedgeThreshold != nil
        let group = requests[request].group
        let isStream = requests[request].isStream
        guard policy.coldStartParallel, !hasOwnThreshold, limit > 1, !candidates.isEmpty,
            groups[group].races(isStream: isStream) < Self.mostRaces, groups[group].raceBudget.withdraw(at: now)
        else {
            armHedge(request, after: nil, into: &actions)
            return
        }
        requests[request].phase = .racing
        requests[request].hasRaced = true
        groups[group].countRace(isStream: isStream, by: 1)
        counters.races &+= 1
        actions.append(.note(requests[request].id, .raced))
        while requests[request].live.count < limit, requests[request].launched < policy.maxAttempts,
            let other = takeBest()
        {
            launch(request, on: other, role: .race, into: &actions)
        }
    }

    /// With every deployment out, the least bad ones are tried one after another: without a race, without a hedge.
    ///
    /// Where requests are not to be tried on those, one at a time still tests whether a deployment has recovered.
    private mutating func beginWithAllOut(_ request: Int, into actions: inout [Action]) -> Bool {
        guard !hasHealthyUntried(request) else { return false }
        switch policy.whenAllCooling {
        case .leastBadFirst:
            guard let target = lastResort(request) else { return false }
            countSent(request)
            launchLastResort(request, on: target, role: firstRole(request), into: &actions)
        case .wait, .failFast:
            guard let target = probationTarget(request) else { return false }
            countSent(request)
            startCanary(request, on: target, role: firstRole(request), into: &actions)
        }
        return true
    }

    mutating func launchLastResort(
        _ request: Int, on target: Int, role: AttemptRole, into actions: inout [Action]
    ) {
        counters.lastResorts &+= 1
        // Its answer is as good a sign of recovery as a canary's; its failure is what was to be expected.
        launch(request, on: target, role: role, into: &actions)
    }

    /// The least bad deployment that is out and that the request has not tried.
    ///
    /// No request is refused because another one is on its last resort, too: that would turn a group that mostly works
    /// into one that mostly refuses.
    mutating func lastResort(_ request: Int) -> Int? {
        let members = groups[requests[request].group].members
        // While others are healthy, one that said when to come back is not asked before.
        let isAnyHealthy = members.contains { slot in
            deployments[slot].isConfigured && deployments[slot].health.share(at: now) > 0
        }
        var best: Int?
        for slot in members {
            guard isEligible(slot, request), deployments[slot].health.share(at: now) == 0,
                !isAnyHealthy || deployments[slot].health.hopelessness == 0
            else { continue }
            guard let other = best else {
                best = slot
                continue
            }
            if isLessBad(slot, than: other) { best = slot }
        }
        return best
    }

    /// Those that may work come before those that said when to come back; among equals the least busy one.
    private func isLessBad(_ a: Int, than b: Int) -> Bool {
        let first = deployments[a].health
        let second = deployments[b].health
        if first.hopelessness != second.hopelessness { return first.hopelessness < second.hopelessness }
        if deployments[a].inFlight != deployments[b].inFlight {
            return deployments[a].inFlight < deployments[b].inFlight
        }
        return (first.coolingUntil ?? now) < (second.coolingUntil ?? now)
    }

    /// When the first deployment of the group can take a request again, as far as that is known.
    mutating func earliestReturn(_ request: Int) -> Interval? {
        var wait: Interval?
        for slot in groups[requests[request].group].members where deployments[slot].isConfigured {
            var own: Interval?
            if deployments[slot].health.share(at: now) == 0 {
                own = max(.zero, (deployments[slot].health.coolingUntil ?? now) - now)
            } else if !deployments[slot].hasCapacity(tokens: requests[request].promptTokens, at: now) {
                let limit = deployments[slot].configuration.maxParallelRequests
                let isFull = limit.map { deployments[slot].inFlight >= $0 } ?? false
                let tokens = requests[request].promptTokens
                own = isFull ? nil : deployments[slot].timeToRoom(tokens: tokens, at: now)
            }
            if let own { wait = min(wait ?? own, own) }
        }
        return wait
    }

    /// Without parallel attempts a canary cannot be a shadow; it is then sent first, and failover protects it.
    private mutating func beginOnProbation(_ request: Int, into actions: inout [Action]) -> Bool {
        guard policy.maxParallelAttempts <= 1, policy.maxAttempts > 1 else { return false }
        guard let slot = probationTarget(request) else { return false }
        collectCandidates(request)
        guard !candidates.isEmpty || hasHealthyFallback(request) else { return false }
        countSent(request)
        startCanary(request, on: slot, role: firstRole(request), into: &actions)
        return true
    }

    /// Sends the request to a deployment on probation too, as a shadow of the attempt on a healthy one.
    mutating func launchCanary(_ request: Int, into actions: inout [Action]) {
        guard requests[request].live.count < requests[request].maxParallel,
            requests[request].launched < policy.maxAttempts,
            let slot = probationTarget(request)
        else { return }
        startCanary(request, on: slot, role: .canary, into: &actions)
    }

    mutating func startCanary(
        _ request: Int, on slot: Int, role: AttemptRole, into actions: inout [Action]
    ) {
        expireCooldown(slot, into: &actions)
        deployments[slot].health.canaryStarted()
        deployments[slot].recovery.canaries &+= 1
        counters.canaries &+= 1
        launch(request, on: slot, role: role, isProbe: true, into: &actions)
    }

    mutating func probationTarget(_ request: Int) -> Int? {
        for slot in groups[requests[request].group].members
        where deployments[slot].health.allowsCanary(at: now) && isEligible(slot, request) {
            return slot
        }
        return nil
    }

    /// The budgets of extra attempts live on requests that are really sent.
    private mutating func countSent(_ request: Int) {
        guard requests[request].rescue.fallbacks == 0 else { return }
        hedgeBudget.deposit()
        failoverBudget.deposit()
        retryBudget.deposit()
    }

    private mutating func takeRequestSlot() -> Int {
        if let slot = freeRequests.popLast() { return slot }
        requests.append(RequestMachine())
        return requests.count - 1
    }
}
