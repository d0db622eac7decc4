extension RouterCore {
    mutating func firstToken(_ attempt: Int, into actions: inout [Action]) {
        let request = attempts[attempt].request
        guard requests[request].isStream, !attempts[attempt].hasToken else {
            inconsistencies &+= 1
            attempts[attempt].lastProgress = now
            return
        }
        observe(attempt, .firstToken)
        attempts[attempt].hasToken = true
        endWaiting(attempt)
        attempts[attempt].lastProgress = now
        if attempts[attempt].isProbe { probeWorked(attempt, into: &actions) }
        commit(attempt, into: &actions)
        settle(request)
    }

    /// While paused the gap timeout stands still; it starts anew when reading goes on.
    mutating func setPaused(_ attempt: Int, _ isPaused: Bool) {
        guard attempts[attempt].isPaused != isPaused else { return }
        attempts[attempt].isPaused = isPaused
        attempts[attempt].lastProgress = now
        settle(attempts[attempt].request)
    }

    mutating func ended(_ attempt: Int, _ outcome: AttemptOutcome, into actions: inout [Action]) {
        switch outcome {
        case .succeeded(let usage):
            count(usage, of: attempt)
            succeeded(attempt, into: &actions)
        case .failed(let failure): failed(attempt, failure, into: &actions)
        }
    }

    /// What the answer took beyond the estimate made when it was asked for.
    private mutating func count(_ usage: Usage?, of attempt: Int) {
        guard let usage else { return }
        let record = attempts[attempt]
        let estimated = requests[record.request].promptTokens
        let beyond = max(0, min(usage.promptTokens, 1 << 40)) - estimated
        let tokens = max(0, beyond) + max(0, min(usage.completionTokens, 1 << 40))
        deployments[record.deployment].usage.addTokens(tokens, at: now)
    }

    private mutating func succeeded(_ attempt: Int, into actions: inout [Action]) {
        let record = attempts[attempt]
        let request = record.request
        if requests[request].phase != .committed {
            observe(attempt, requests[request].isStream ? .emptyStream : .fullAnswer)
            if record.isProbe {
                probeWorked(attempt, into: &actions)
            } else {
                attemptWorked(attempt, into: &actions)
            }
            commit(attempt, into: &actions)
        } else {
            attemptWorked(attempt, into: &actions)
        }
        deployments[record.deployment].counters.successes &+= 1
        retire(attempt)
        finish(request, .succeeded(record.id), into: &actions)
    }

    private mutating func failed(_ attempt: Int, _ failure: Failure, into actions: inout [Action]) {
        let record = attempts[attempt]
        observe(attempt, .failed(failure.kind))
        deployments[record.deployment].counters.failures[failure.kind.ordinal] &+= 1
        attemptFailed(attempt, failure, into: &actions)
        retire(attempt)
        goOn(after: record, failure, into: &actions)
    }

    /// One of the attempt's own timeouts passed: the core closes it, and counts it as a failure.
    mutating func timedOut(_ attempt: Int, _ timeout: AttemptTimeout, into actions: inout [Action]) {
        let record = attempts[attempt]
        actions.append(.cancelAttempt(record.id, .timedOut(timeout)))
        observe(attempt, .cancelled(.timedOut(timeout)))
        deployments[record.deployment].counters.cancelled[CancelReason.timedOut(timeout).ordinal] &+= 1
        let failure = Failure(kind: .providerTimeout)
        attemptFailed(attempt, failure, into: &actions)
        retire(attempt)
        goOn(after: record, failure, into: &actions)
    }

    /// What becomes of the request when one of its attempts failed.
    private mutating func goOn(
        after record: AttemptRecord, _ failure: Failure, into actions: inout [Action]
    ) {
        let request = record.request
        guard requests[request].phase != .committed else {
            finish(request, .failed(.interrupted(record.id)), into: &actions)
            return
        }
        let effect = failure.kind.requestEffect
        surface(record, effect)
        rememberFailure(record, failure)
        switch effect {
        case .endsRequest:
            refused(record, failure, into: &actions)
        case .notEligible:
            if record.group == requests[request].group { requests[request].launched -= 1 }
            replaceIneligible(record, into: &actions)
            goOnUnlessBusy(after: record, failure, into: &actions)
        case .tryElsewhere:
            failOver(record, into: &actions)
            goOnUnlessBusy(after: record, failure, into: &actions)
        }
    }

    /// Waits for what is in flight; with nothing in flight repeats, goes on to another group, or ends the request.
    ///
    /// Attempts of a group that was left may still answer, but nobody waits for them alone while another group is left.
    private mutating func goOnUnlessBusy(
        after record: AttemptRecord, _ failure: Failure, into actions: inout [Action]
    ) {
        let request = record.request
        let group = requests[request].group
        guard requests[request].wait == nil else {
            // A canary that failed while the request waits changes nothing.
            settle(request)
            return
        }
        if requests[request].live.contains(where: { attempts[$0].group == group }) {
            settle(request)
            return
        }
        if requests[request].live.isEmpty, retryLater(request, after: failure, into: &actions) {
            settle(request)
            return
        }
        if requests[request].live.isEmpty || record.group == group, fallBackAfterFailure(request, into: &actions) {
            settle(request)
            return
        }
        guard requests[request].live.isEmpty else {
            settle(request)
            return
        }
        guard requests[request].launched < policy.maxAttempts else {
            finish(request, .failed(.attempt(requests[request].surfaced ?? record.id)), into: &actions)
            return
        }
        waitOrRefuse(request, isFirst: requests[request].launched == 0, into: &actions)
        settle(request)
    }

    /// The request itself was refused: its group has no other answer to it, but another group may.
    private mutating func refused(_ record: AttemptRecord, _ failure: Failure, into actions: inout [Action]) {
        let request = record.request
        let reason: FallbackReason
        switch failure.kind {
        case .contextLength: reason = .contextLength
        case .contentPolicy: reason = .contentPolicy
        default:
            end(request, .attempt(record.id), cancelling: .requestFailed, into: &actions)
            return
        }
        while let sibling = requests[request].live.last(where: { attempts[$0].group == record.group }) {
            cancel(sibling, .requestFailed, into: &actions)
        }
        requests[request].hedgeAt = nil
        if record.group == requests[request].group, fallBack(request, reason, into: &actions) {
            settle(request)
            return
        }
        guard requests[request].live.isEmpty else {
            settle(request)
            return
        }
        finish(request, .failed(.attempt(record.id)), into: &actions)
    }

    /// Keeps the first failure that tells the caller something.
    private mutating func surface(_ record: AttemptRecord, _ effect: FailureKind.RequestEffect) {
        let request = record.request
        if case .notEligible = effect {
            if requests[request].surfaced == record.id { requests[request].surfacedWasUnsupported = true }
        } else if requests[request].surfacedWasUnsupported {
            requests[request].surfaced = record.id
            requests[request].surfacedWasUnsupported = false
        }
    }

    /// Nothing was sent: the next deployment takes the role at once.
    private mutating func replaceIneligible(_ record: AttemptRecord, into actions: inout [Action]) {
        let request = record.request
        if record.role == .hedge {
            groups[record.group].hedges.fired &-= 1
            groups[record.group].hedges.lost &-= 1
        }
        guard record.role != .canary, record.group == requests[request].group,
            requests[request].launched < policy.maxAttempts, let target = chooseUntried(request)
        else {
            if record.role == .hedge { hedgeBudget.refund() }
            return
        }
        launch(request, on: target, role: record.role == .retry ? .failover : record.role, into: &actions)
        let isFirst = record.role == .primary || record.role == .failover || record.role == .fallback
        if isFirst, requests[request].hedgeAt != nil {
            armHedge(request, after: target, into: &actions)
        }
    }

    /// Starts the next attempt at once.
    ///
    /// Extra attempts are not replaced while another one lives: a hedge is neither hedged nor retried, and a race has
    /// others left.
    private mutating func failOver(_ record: AttemptRecord, into actions: inout [Action]) {
        let request = record.request
        let isExtra =
            record.role == .hedge || record.role == .race || record.role == .canary
            || record.group != requests[request].group
        guard !isExtra || requests[request].live.isEmpty, requests[request].wait == nil else { return }
        guard requests[request].live.count < requests[request].maxParallel,
            requests[request].launched < policy.maxAttempts
        else { return }
        if let target = chooseUntried(request) {
            guard failoverAllowed() else { return }
            requests[request].rescue.spent += 1
            launch(request, on: target, role: .failover, into: &actions)
            if case .staggered = requests[request].phase { armHedge(request, after: target, into: &actions) }
        } else if requests[request].live.isEmpty, !hasHealthyUntried(request), !hasHealthyFallback(request) {
            failOverWithAllOut(request, into: &actions)
        }
    }

    /// No deployment that works is left: what is done then is configured.
    private mutating func failOverWithAllOut(_ request: Int, into actions: inout [Action]) {
        switch policy.whenAllCooling {
        case .leastBadFirst:
            guard let target = lastResort(request), failoverAllowed() else { return }
            requests[request].rescue.spent += 1
            launchLastResort(request, on: target, role: .failover, into: &actions)
        case .wait, .failFast:
            guard let target = probationTarget(request), failoverAllowed() else { return }
            requests[request].rescue.spent += 1
            startCanary(request, on: target, role: .failover, into: &actions)
        }
    }

    /// Takes a token for a failover: with failures everywhere, trying again everywhere multiplies the load.
    mutating func failoverAllowed() -> Bool {
        guard failoverBudget.withdraw() else {
            counters.failoversRefused &+= 1
            return false
        }
        counters.failovers &+= 1
        return true
    }

    mutating func timeReached(into actions: inout [Action]) {
        while let slot = healthTimers.due(at: now) {
            healthTimers.remove(slot)
            expireCooldown(slot, into: &actions)
        }
        probeIfDue(into: &actions)
        wakeGroups()
        while let request = requestTimers.due(at: now) {
            // Whatever is due is dealt with below, and settling arms what is left.
            requestTimers.remove(request)
            due(request, into: &actions)
        }
    }

    private mutating func due(_ request: Int, into actions: inout [Action]) {
        if let deadline = requests[request].deadline, deadline <= now {
            end(request, .deadline, cancelling: .deadline, into: &actions)
            return
        }
        if let wait = requests[request].wait, wait.until <= now {
            waitRanOut(request, into: &actions)
            if requests[request].phase == .finished { return }
        }
        while let (attempt, timeout) = expiredAttempt(request) {
            timedOut(attempt, timeout, into: &actions)
            if requests[request].phase == .finished { return }
        }
        if let fallbackAt = requests[request].rescue.fallbackAt, fallbackAt <= now {
            fallBackInTime(request, into: &actions)
        }
        if let retryAt = requests[request].rescue.retryAt, retryAt <= now {
            retry(request, into: &actions)
            if requests[request].phase == .finished { return }
        }
        if let hedgeAt = requests[request].hedgeAt, hedgeAt <= now {
            hedge(request, into: &actions)
        }
        settle(request)
    }

    private func expiredAttempt(_ request: Int) -> (attempt: Int, timeout: AttemptTimeout)? {
        for attempt in requests[request].live {
            let next = attempts[attempt].nextTimeout()
            if next.at <= now, next.at < .distantFuture { return (attempt, next.kind) }
        }
        return nil
    }
}
