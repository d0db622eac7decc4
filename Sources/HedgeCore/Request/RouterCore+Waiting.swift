/// A waiting request's place: those with lower ones are served first.
///
/// Each step of priority is worth ten seconds of waiting. A place never changes, so a request is overtaken only by those
/// that come within ten seconds for each step between them, and nothing waits for ever behind a stream of others.
struct Turn: Comparable, Sendable {
    var rank: Instant
    /// Among equals the first to wait.
    var number: UInt64

    static let worthOfPriority = Interval.seconds(10)
    static let lowestPriority = 255

    init(submittedAt: Instant, priority: Int, number: UInt64) {
        let steps = Int64(min(max(0, priority), Self.lowestPriority))
        rank = submittedAt + Interval(nanoseconds: steps &* Self.worthOfPriority.nanoseconds)
        self.number = number
    }

    static func < (a: Turn, b: Turn) -> Bool {
        a.rank == b.rank ? a.number < b.number : a.rank < b.rank
    }
}

/// A request's wait for a deployment that can take it.
struct Wait: Sendable {
    /// Slot of the group it waits for.
    var group: Int
    var since: Instant
    var until: Instant
    /// Whether what follows is its first attempt, canaries aside, and not a failover.
    var isFirst: Bool
}

/// How a wait ended.
enum WaitEnd: Sendable {
    /// A deployment took the request.
    case served
    /// A canary answered it meanwhile.
    case overtaken
    /// It waited as long as it may.
    case expired
    /// The request ended for another reason.
    case abandoned
}

/// Requests that no deployment can take now, because all are full or, where so configured, out.
///
/// They wait in one queue for each group. Whatever makes room (an attempt that ends, a minute's limit that is over, a
/// deployment that recovers) marks the groups concerned, and these are served once the event has been dealt with.
extension RouterCore {
    /// Waiting requests that may be passed over in one turn because they tried the deployment that has room.
    static let mostPassedOver = 64

    /// Whether others wait for the request's group already.
    func mustQueue(_ request: Int) -> Bool {
        !groups[requests[request].group].waiting.isEmpty
    }

    /// Lets a request wait that has nothing in flight and that nothing can take; ends it where waiting is in vain.
    mutating func waitOrRefuse(_ request: Int, isFirst: Bool, into actions: inout [Action]) {
        let group = requests[request].group
        guard let room = timeToRoom(request) else {
            refuse(request, .noDeployment(retryAfter: earliestReturn(request)), isFirst: isFirst, into: &actions)
            return
        }
        let until = min(now + max(.zero, policy.maxWait), requests[request].deadline ?? .distantFuture)
        guard policy.maxWaiting > 0, room == .zero ? until > now : now + room < until else {
            refuse(request, .noDeployment(retryAfter: earliestReturn(request)), isFirst: isFirst, into: &actions)
            return
        }
        guard groups[group].waiting.count < policy.maxWaiting else {
            groups[group].queue.refused &+= 1
            refuse(request, .queueFull(retryAfter: earliestReturn(request)), isFirst: isFirst, into: &actions)
            return
        }
        enqueue(request, until: until, isFirst: isFirst)
    }

    private mutating func enqueue(_ request: Int, until: Instant, isFirst: Bool) {
        let group = requests[request].group
        endRace(request)
        requests[request].hedgeAt = nil
        requests[request].measured = nil
        requests[request].rescue.retryAt = nil
        requests[request].wait = Wait(group: group, since: now, until: until, isFirst: isFirst)
        let priority = requests[request].overrides.priority ?? policy.defaultPriority
        // One that waits again keeps its place.
        if requests[request].turn == 0 {
            latestTurn &+= 1
            requests[request].turn = latestTurn
        }
        let turn = Turn(
            submittedAt: requests[request].submittedAt, priority: priority, number: requests[request].turn)
        groups[group].waiting.set(request, to: turn)
        groups[group].queue.entered &+= 1
        waitingRequests += 1
        noteRoom(in: group)
    }

    /// While it waits for a healthy deployment, the first of a queue can test one that may have recovered.
    private mutating func testWhileWaiting(_ group: Int, into actions: inout [Action]) {
        guard let request = groups[group].waiting.first,
            requests[request].live.count + 1 < requests[request].maxParallel,
            requests[request].launched + 1 < policy.maxAttempts, hasHealthyUntried(request),
            let slot = probationTarget(request)
        else { return }
        startCanary(request, on: slot, role: .canary, into: &actions)
        settle(request)
    }

    /// Ends a request that is not to wait, unless a deployment that is out can be asked instead.
    private mutating func refuse(
        _ request: Int, _ failure: RequestFailure, isFirst: Bool, into actions: inout [Action]
    ) {
        guard requests[request].live.isEmpty else { return }
        if policy.whenAllCooling == .leastBadFirst, !mustQueue(request),
            requests[request].launched < max(1, policy.maxAttempts), let target = lastResort(request),
            isFirst || failoverAllowed()
        {
            launchLastResort(request, on: target, role: isFirst ? .primary : .failover, into: &actions)
            return
        }
        if isFirst, fallBack(request, .unavailable, into: &actions) { return }
        finish(request, .failed(requests[request].surfaced.map { .attempt($0) } ?? failure), into: &actions)
    }

    /// Takes a request out of its queue, if it is in one.
    mutating func endWait(_ request: Int, _ end: WaitEnd) {
        guard let wait = requests[request].wait else { return }
        requests[request].wait = nil
        groups[wait.group].waiting.remove(request)
        groups[wait.group].queue.count(end, after: now - wait.since)
        waitingRequests -= 1
        if groups[wait.group].waiting.isEmpty { wakeTimers.remove(wait.group) }
    }

    /// A request waited as long as it may.
    mutating func waitRanOut(_ request: Int, into actions: inout [Action]) {
        // What a canary came to on the side is not why the request failed.
        let isFirst = requests[request].wait?.isFirst ?? true
        let surfaced = isFirst && !requests[request].surfacedWasUnsupported ? nil : requests[request].surfaced
        endWait(request, .expired)
        guard requests[request].live.isEmpty else { return }
        if fallBack(request, .unavailable, into: &actions) {
            settle(request)
            return
        }
        let failure = surfaced.map { RequestFailure.attempt($0) }
        finish(request, .failed(failure ?? .noDeployment(retryAfter: earliestReturn(request))), into: &actions)
    }
}

// MARK: - Room

extension RouterCore {
    /// Whether a deployment that works is left for the request, full though it may be.
    func hasHealthyUntried(_ request: Int) -> Bool {
        groups[requests[request].group].members.contains { slot in
            isLeft(slot, for: request) && !isOut(slot, for: request)
        }
    }

    /// Whether a deployment is there and the request has not tried it.
    private func isLeft(_ slot: Int, for request: Int) -> Bool {
        deployments[slot].isConfigured && !requests[request].tried.contains(deployments[slot].configuration.id)
    }

    /// Whether any deployment of the group takes part, tried or not.
    private func hasWorking(_ request: Int) -> Bool {
        groups[requests[request].group].members.contains { deployments[$0].isConfigured && !isOut($0, for: request) }
    }

    /// Whether a deployment is left out; one that is all the request has never is.
    private func isOut(_ slot: Int, for request: Int) -> Bool {
        !isAlone(request) && deployments[slot].health.share(at: now) == 0
    }

    /// When a deployment that the request has not tried may take it: zero where the end of attempts decides; nil if none
    /// will.
    private mutating func timeToRoom(_ request: Int) -> Interval? {
        guard requests[request].launched < max(1, policy.maxAttempts) else { return nil }
        let isAnyHealthy = hasHealthyUntried(request)
        let isAnyWorking = hasWorking(request)
        var earliest: Interval?
        for slot in groups[requests[request].group].members
        where isLeft(slot, for: request) {
            var own = deployments[slot].timeToRoom(tokens: requests[request].promptTokens, at: now)
            if isOut(slot, for: request) {
                switch policy.whenAllCooling {
                case .failFast: continue
                case .leastBadFirst:
                    if isAnyHealthy || isAnyWorking && deployments[slot].health.hopelessness > 0 { continue }
                case .wait: own = max(own, (deployments[slot].health.coolingUntil ?? now) - now)
                }
            }
            earliest = min(earliest ?? own, own)
        }
        return earliest
    }

    /// A deployment may be able to take more than before.
    mutating func noteRoom(on deployment: Int) {
        guard waitingRequests > 0 else { return }
        for group in deployments[deployment].groups {
            noteRoom(in: group)
            for origin in groups[group].reachedFrom { noteRoom(in: origin) }
        }
    }

    mutating func noteRoom(in group: Int) {
        guard !groups[group].waiting.isEmpty, !groups[group].isToBeServed else { return }
        groups[group].isToBeServed = true
        groupsToServe.append(group)
    }

    /// Marks the groups for which enough of a minute has passed.
    mutating func wakeGroups() {
        while let group = wakeTimers.due(at: now) {
            wakeTimers.remove(group)
            noteRoom(in: group)
        }
    }

    /// Serves the groups that were marked since the event came.
    mutating func serveWaiting(into actions: inout [Action]) {
        while let group = groupsToServe.popLast() {
            groups[group].isToBeServed = false
            serve(group, into: &actions)
        }
    }

    /// Sends the waiting requests that find room, in their order.
    ///
    /// The first one that finds none holds up the others, so that a large request is not starved by small ones; only
    /// those that already tried the deployment that has room are passed over.
    private mutating func serve(_ group: Int, into actions: inout [Action]) {
        passedOver.removeAll(keepingCapacity: true)
        while let request = groups[group].waiting.first {
            if serveFirst(request, into: &actions) { continue }
            guard hasTried(request, in: group), passedOver.count < Self.mostPassedOver,
                let turn = groups[group].waiting.key(of: request)
            else { break }
            passedOver.append((request, turn))
            groups[group].waiting.remove(request)
        }
        for (request, turn) in passedOver { groups[group].waiting.set(request, to: turn) }
        serveElsewhere(group, into: &actions)
        testWhileWaiting(group, into: &actions)
        setWakeTimer(group)
    }

    /// Whether a deployment of the group is none for the request any more.
    private func hasTried(_ request: Int, in group: Int) -> Bool {
        groups[group].members.contains { requests[request].tried.contains(deployments[$0].configuration.id) }
    }

    /// Sends the first of a queue on to fallback groups that have room now, though its own has not.
    ///
    /// Room there is noticed for the groups that the configuration leads to; a request with a list of its own looks when
    /// something happens in its own group.
    private mutating func serveElsewhere(_ group: Int, into actions: inout [Action]) {
        while let request = groups[group].waiting.first, requests[request].wait?.isFirst == true,
            requests[request].live.isEmpty, hasHealthyFallback(request)
        {
            endWait(request, .served)
            if !fallBackToHealthy(request, .unavailable, into: &actions) {
                waitOrRefuse(request, isFirst: true, into: &actions)
            }
            settle(request)
        }
    }

    /// Starts the first of a queue; false if it has to go on waiting.
    private mutating func serveFirst(_ request: Int, into actions: inout [Action]) -> Bool {
        guard let wait = requests[request].wait, let turn = groups[wait.group].waiting.key(of: request) else {
            inconsistencies &+= 1
            return false
        }
        guard canBegin(request) else { return !canGoOnWaiting(request, into: &actions) }
        endWait(request, .served)
        let isStarted =
            wait.isFirst ? begin(request, into: &actions) : failOverAfterWait(request, into: &actions)
        if !isStarted, requests[request].phase != .finished {
            // What could be begun was not: the request keeps its place.
            inconsistencies &+= 1
            requests[request].wait = wait
            groups[wait.group].waiting.set(request, to: turn)
            waitingRequests += 1
            return false
        }
        settle(request)
        return true
    }

    /// Whether a deployment can take the request now.
    private mutating func canBegin(_ request: Int) -> Bool {
        guard requests[request].launched < max(1, policy.maxAttempts) else { return false }
        let hasHealthy = hasHealthyUntried(request)
        for slot in groups[requests[request].group].members where isEligible(slot, request) {
            if !isOut(slot, for: request) { return true }
        }
        guard !hasHealthy else { return false }
        switch policy.whenAllCooling {
        case .leastBadFirst: return lastResort(request) != nil
        case .wait, .failFast: return probationTarget(request) != nil
        }
    }

    /// Ends a waiting request that nothing can come to any more.
    private mutating func canGoOnWaiting(_ request: Int, into actions: inout [Action]) -> Bool {
        if let wait = requests[request].wait, let room = timeToRoom(request), now + room < wait.until || room == .zero {
            return true
        }
        guard requests[request].live.isEmpty else { return true }
        waitRanOut(request, into: &actions)
        return false
    }

    private mutating func failOverAfterWait(_ request: Int, into actions: inout [Action]) -> Bool {
        guard failoverAllowed() else {
            // A canary that was started beside the wait may still answer; its end decides.
            guard requests[request].live.isEmpty else { return true }
            let failure = requests[request].surfaced.map { RequestFailure.attempt($0) }
            finish(request, .failed(failure ?? .noDeployment(retryAfter: nil)), into: &actions)
            return true
        }
        requests[request].rescue.spent += 1
        let only = isAlone(request) ? groups[requests[request].group].members.first : nil
        if let target = only ?? chooseUntried(request) {
            launch(request, on: target, role: .failover, into: &actions)
            armHedge(request, after: target, into: &actions)
            return true
        }
        switch policy.whenAllCooling {
        case .leastBadFirst:
            guard let target = lastResort(request) else { return false }
            launchLastResort(request, on: target, role: .failover, into: &actions)
        case .wait, .failFast:
            guard let target = probationTarget(request) else { return false }
            startCanary(request, on: target, role: .failover, into: &actions)
        }
        return true
    }

    /// Sets when the passing of time alone makes room for the first in the queue.
    private mutating func setWakeTimer(_ group: Int) {
        guard let first = groups[group].waiting.first else {
            wakeTimers.remove(group)
            return
        }
        let tokens = requests[first].promptTokens
        var earliest: Interval?
        for place in [group] + groups[group].reaches {
            for slot in groups[place].members where deployments[slot].isConfigured {
                let own = deployments[slot].timeToRoom(tokens: tokens, at: now)
                if own > .zero { earliest = min(earliest ?? own, own) }
            }
        }
        wakeTimers.set(group, to: earliest.map { now + $0 })
    }
}
