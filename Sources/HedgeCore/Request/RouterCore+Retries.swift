/// Repetitions inside a group, once there is nothing else to try there.
extension RouterCore {
    /// Repetitions that may fail in a row, over all requests, before others are refused.
    static let retryCapacity = 100.0

    /// Keeps what a failed attempt means for repeating it.
    mutating func rememberFailure(_ record: AttemptRecord, _ failure: Failure) {
        let request = record.request
        guard record.group == requests[request].group else { return }
        let id = deployments[record.deployment].configuration.id
        guard failure.kind.isCuredByRepeating, failure.mayRepeat != false else {
            requests[request].rescue.remove(id)
            return
        }
        requests[request].rescue.add(
            record.deployment, id, notBefore: now + max(.zero, failure.retryAfter ?? .zero))
    }

    /// Sets when the request is tried again in its group; false if it is not to be.
    ///
    /// Not beyond the deadline, not when the answer is not expected before it, and not in place of a fallback that
    /// could be had at once while the provider asked for time.
    mutating func retryLater(_ request: Int, after failure: Failure, into actions: inout [Action]) -> Bool {
        let rescue = requests[request].rescue
        guard failure.kind.isCuredByRepeating, failure.mayRepeat != false,
            requests[request].launched < policy.maxAttempts,
            let next = rescue.repeatable.min(by: { $0.notBefore < $1.notBefore }),
            rescue.spent < mostRetries(request, on: next.slot, after: failure.kind)
        else { return false }
        let asked = max(.zero, next.notBefore - now)
        let hasFallback = hasHealthyFallback(request)
        guard !(hasFallback && asked > .zero) else { return false }
        let wait = RetryBackoff.wait(
            after: rescue.repetitions, asked: asked, shortest: max(.zero, policy.retryAfter), random: &random)
        guard isUseful(request, startingIn: wait, on: next.slot, hasFallback: hasFallback) else { return false }
        guard retryBudget.withdraw() else {
            counters.retriesRefused &+= 1
            return false
        }
        requests[request].rescue.retryAt = now + wait
        requests[request].hedgeAt = nil
        actions.append(.note(requests[request].id, .retryScheduled(wait: wait)))
        return true
    }

    /// Failovers and repetitions a request may have in its group.
    private func mostRetries(_ request: Int, on slot: Int, after kind: FailureKind) -> Int {
        if let own = requests[request].overrides.retries { return own }
        let group = groups[requests[request].group].retries
        return group?.specific(kind) ?? group?.standard ?? policy.retries.specific(kind)
            ?? deployments[slot].configuration.retries ?? policy.retries.standard ?? 0
    }

    /// Whether an attempt that starts after `wait` can be expected to answer before the deadline, and before a
    /// fallback would take its place.
    private func isUseful(_ request: Int, startingIn wait: Interval, on slot: Int, hasFallback: Bool) -> Bool {
        if hasFallback, let late = requests[request].rescue.fallbackAt, now + wait >= late { return false }
        guard let deadline = requests[request].deadline else { return true }
        let belief = deployments[slot].belief(isStream: requests[request].isStream)
        let expected = belief.estimate(at: now).map { Interval.seconds(exponential($0)) } ?? .zero
        return now + wait + expected < deadline
    }

    /// The wait is over: starts the attempt on whatever is best now.
    mutating func retry(_ request: Int, into actions: inout [Action]) {
        requests[request].rescue.retryAt = nil
        guard requests[request].launched < policy.maxAttempts else {
            retryBudget.refund()
            goOnElsewhere(request, into: &actions)
            return
        }
        if let target = chooseUntried(request) {
            retryBudget.refund()
            startInstead(request, on: target, role: .failover, into: &actions)
            return
        }
        guard let target = retryTarget(request) else {
            retryBudget.refund()
            goOnElsewhere(request, into: &actions)
            return
        }
        counters.retries &+= 1
        requests[request].rescue.repetitions += 1
        if deployments[target].health.share(at: now) == 0 { counters.lastResorts &+= 1 }
        startInstead(request, on: target, role: .retry, into: &actions)
    }

    /// The deployment to ask again: a healthy one before one that is out, then the one with the least in flight.
    private mutating func retryTarget(_ request: Int) -> Int? {
        var best: Int?
        for entry in requests[request].rescue.repeatable where entry.notBefore <= now {
            guard deployments[entry.slot].isConfigured, deployments[entry.slot].configuration.id == entry.id,
                deployments[entry.slot].hasCapacity(tokens: requests[request].promptTokens, at: now)
            else { continue }
            guard let other = best else {
                best = entry.slot
                continue
            }
            let (own, others) = (isOut(entry.slot), isOut(other))
            if own != others {
                if others { best = entry.slot }
            } else if deployments[entry.slot].inFlight < deployments[other].inFlight {
                best = entry.slot
            }
        }
        return best
    }

    private func isOut(_ slot: Int) -> Bool {
        deployments[slot].health.share(at: now) == 0
    }

    /// Starts an attempt after a failed one, and its schedule anew.
    private mutating func startInstead(
        _ request: Int, on target: Int, role: AttemptRole, into actions: inout [Action]
    ) {
        requests[request].rescue.spent += 1
        launch(request, on: target, role: role, into: &actions)
        armHedge(request, after: target, into: &actions)
    }
}
