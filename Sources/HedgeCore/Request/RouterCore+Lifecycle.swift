extension RouterCore {
    /// Starts an attempt.
    @discardableResult
    mutating func launch(
        _ request: Int, on deployment: Int, role: AttemptRole, isProbe: Bool = false, into actions: inout [Action]
    ) -> Int {
        latestAttempt &+= 1
        let id = AttemptID(rawValue: latestAttempt)
        let timeouts = deployments[deployment].configuration.timeouts
        var record = AttemptRecord()
        record.id = id
        record.request = request
        record.deployment = deployment
        record.group = requests[request].group
        record.role = role
        record.startedAt = now
        record.inFlightBefore = deployments[deployment].inFlight
        record.generation = deployments[deployment].health.generation
        record.isProbe = isProbe
        record.lastProgress = now
        record.gap = timeouts.gap
        if requests[request].isStream, let limit = timeouts.firstToken { record.firstTokenDeadline = now + limit }
        if let limit = timeouts.total { record.totalDeadline = now + limit }

        let attempt = place(record)
        attemptSlots[id] = attempt
        beginWaiting(attempt)
        deployments[deployment].inFlight += 1
        deployments[deployment].counters.attempts[role.ordinal] &+= 1
        deployments[deployment].usage.addRequest(tokens: requests[request].promptTokens, at: now)
        requests[request].live.append(attempt)
        requests[request].tried.append(deployments[deployment].configuration.id)
        requests[request].launched += 1
        if requests[request].surfaced == nil { requests[request].surfaced = id }
        if role == .hedge {
            groups[record.group].hedges.fired &+= 1
            hedgesInFlight += 1
        }
        actions.append(
            .startAttempt(
                AttemptStart(
                    attempt: id, request: requests[request].id, group: groups[requests[request].group].id,
                    deployment: deployments[deployment].configuration.id, role: role,
                    connectTimeout: timeouts.connect)))
        return attempt
    }

    private mutating func place(_ record: AttemptRecord) -> Int {
        if let slot = freeAttempts.popLast() {
            attempts[slot] = record
            return slot
        }
        attempts.append(record)
        return attempts.count - 1
    }

    /// Forgets an attempt that ended or is cancelled; everything it says was recorded before.
    mutating func retire(_ attempt: Int) {
        let record = attempts[attempt]
        attemptSlots[record.id] = nil
        endWaiting(attempt)
        deployments[record.deployment].inFlight -= 1
        noteRoom(on: record.deployment)
        requests[record.request].removeLive(attempt)
        if record.role == .hedge, requests[record.request].phase != .committed {
            groups[record.group].hedges.lost &+= 1
            hedgesInFlight -= 1
        }
        attempts[attempt] = AttemptRecord()
        freeAttempts.append(attempt)
    }

    /// Closes an attempt. Not a failure of its deployment, but its wait is an observation.
    mutating func cancel(_ attempt: Int, _ reason: CancelReason, into actions: inout [Action]) {
        let record = attempts[attempt]
        actions.append(.cancelAttempt(record.id, reason))
        observe(attempt, .cancelled(reason))
        deployments[record.deployment].counters.cancelled[reason.ordinal] &+= 1
        if record.isProbe {
            probeCancelled(attempt, reason, into: &actions)
        } else if reason == .superseded {
            ejectIfSlow(record.deployment, isStream: requests[record.request].isStream, into: &actions)
        }
        retire(attempt)
    }

    /// Makes an attempt's output the answer; the others are closed first.
    mutating func commit(_ attempt: Int, into actions: inout [Action]) {
        let record = attempts[attempt]
        let request = record.request
        endRace(request)
        endWait(request, .overtaken)
        recordAnswer(record)
        while let loser = requests[request].live.last(where: { $0 != attempt }) {
            cancel(loser, .superseded, into: &actions)
        }
        requests[request].phase = .committed
        requests[request].hedgeAt = nil
        requests[request].rescue.fallbackAt = nil
        counters.commits &+= 1
        deployments[record.deployment].counters.wins &+= 1
        if record.role == .hedge {
            groups[record.group].hedges.won &+= 1
            hedgesInFlight -= 1
        }
        if record.role == .failover { failoverBudget.refund() }
        if requests[request].rescue.owesToken, record.group == requests[request].group { failoverBudget.refund() }
        if record.role == .retry { retryBudget.refund() }
        actions.append(.commit(requests[request].id, record.id))
    }

    /// What the answer says about hedging; what raced was no matter of hedging.
    private mutating func recordAnswer(_ record: AttemptRecord) {
        // By index: a copy of the request would count its references.
        let request = record.request
        let isStream = requests[request].isStream
        guard !requests[request].hasRaced, requests[request].rescue.fallbacks == 0, record.hasToken || !isStream else {
            return
        }
        let byHedge = record.role == .hedge || record.role == .canary
        let submittedAt = requests[request].submittedAt
        let hedgedAfter = requests[request].hedgedAt.map { $0 - submittedAt }
        let isControl = requests[request].isControl
        if isStream {
            groups[requests[request].group].streamLedger.answered(
                after: now - submittedAt, hedgedAfter: hedgedAfter, byHedge: byHedge, isControl: isControl, at: now,
                samples: samples)
        } else {
            groups[requests[request].group].completeLedger.answered(
                after: now - submittedAt, hedgedAfter: hedgedAfter, byHedge: byHedge, isControl: isControl, at: now,
                samples: samples)
        }
    }

    mutating func recordAbandoned(_ request: Int) {
        let latency = now - requests[request].submittedAt
        guard requests[request].phase != .committed, !requests[request].hasRaced,
            requests[request].rescue.fallbacks == 0, latency >= ObservedMoment.brief
        else { return }
        let hedgedAfter = requests[request].hedgedAt.map { $0 - requests[request].submittedAt }
        if requests[request].isStream {
            groups[requests[request].group].streamLedger.abandoned(
                after: latency, hedgedAfter: hedgedAfter, at: now, samples: samples)
        } else {
            groups[requests[request].group].completeLedger.abandoned(
                after: latency, hedgedAfter: hedgedAfter, at: now, samples: samples)
        }
    }

    /// Ends a request for a reason that lies outside its attempts.
    mutating func end(
        _ request: Int, _ failure: RequestFailure, cancelling reason: CancelReason, into actions: inout [Action]
    ) {
        if reason != .requestFailed { recordAbandoned(request) }
        while let attempt = requests[request].live.last {
            cancel(attempt, reason, into: &actions)
        }
        finish(request, .failed(failure), into: &actions)
    }

    /// Ends a request that has nothing in flight any more.
    mutating func finish(_ request: Int, _ outcome: RequestOutcome, into actions: inout [Action]) {
        endRace(request)
        endWait(request, .abandoned)
        switch outcome {
        case .succeeded: counters.succeeded &+= 1
        case .failed(let failure):
            counters.failed &+= 1
            let isCallersWill = failure == .cancelled
            if requests[request].hedges > 0, requests[request].phase != .committed, !isCallersWill {
                groups[requests[request].group].hedges.bothFailed &+= 1
            }
        }
        requests[request].phase = .finished
        requests[request].hedgeAt = nil
        requests[request].rescue.retryAt = nil
        requests[request].rescue.fallbackAt = nil
        requestTimers.remove(request)
        requestSlots[requests[request].id] = nil
        actions.append(.finish(requests[request].id, outcome))
        freeRequests.append(request)
    }

    mutating func endRace(_ request: Int) {
        guard requests[request].phase == .racing else { return }
        requests[request].phase = .staggered
        groups[requests[request].group].countRace(isStream: requests[request].isStream, by: -1)
    }

    /// Brings the request's timer in line with what it waits for.
    mutating func settle(_ request: Int) {
        guard requests[request].phase != .finished else { return }
        requestTimers.set(request, to: nextDue(request))
    }

    /// The earliest of everything the request waits for.
    @inline(__always)
    func nextDue(_ request: Int) -> Instant? {
        var due = Instant.distantFuture
        if let deadline = requests[request].deadline { due = min(due, deadline) }
        if let hedgeAt = requests[request].hedgeAt { due = min(due, hedgeAt) }
        if let retryAt = requests[request].rescue.retryAt { due = min(due, retryAt) }
        if let fallbackAt = requests[request].rescue.fallbackAt { due = min(due, fallbackAt) }
        if let wait = requests[request].wait { due = min(due, wait.until) }
        for attempt in requests[request].live { due = min(due, attempts[attempt].nextTimeout().at) }
        return due < .distantFuture ? due : nil
    }
}
