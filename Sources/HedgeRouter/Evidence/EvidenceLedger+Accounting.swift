import HedgeCore
import HedgeProviders

extension EvidenceLedger {
    /// Counts a request that has ended and gives each of its attempts its bill.
    mutating func account(_ request: RequestRecord, failure: RouterError?, now: Int64) {
        learn(from: request)
        let known = knownTokens(of: request)
        for attempt in request.attempts {
            let facts = AttemptFacts(attempt, of: request, answerTokens: known.answer, promptTokens: known.prompt)
            let deployment = attempt.deployment
            let bill = facts.bill(calibration(deployment.id), deployment.prices)
            attempt.bill = bill
            count(attempt, bill, isStream: request.chat.isStream, now: now)
            guard bill.use == .hedgeLoser, let cost = bill.cost else { continue }
            change(request.group) { $0.addHedgeCost(cost, isStream: request.chat.isStream) }
        }
        change(request.group) { group in
            group.count(failure?.status)
            guard failure == nil else { return }
            group.addDuration(
                now &- request.state.submittedAt, isStream: request.chat.isStream, request: request.state.id.rawValue,
                trace: request.trace, time: wallClockMilliseconds())
        }
    }

    /// The calibration knows only answers that are whole: of others the provider's count is of what nobody saw.
    private mutating func learn(from request: RequestRecord) {
        for attempt in request.attempts {
            guard case .succeeded = attempt.phase, let usage = attempt.usage else { continue }
            change(attempt.deployment.id) {
                $0.calibration.learn(
                    usage, promptBytes: request.chat.promptBytes, outputBytes: attempt.outputBytes,
                    isStream: request.chat.isStream)
            }
        }
    }

    /// What the attempts of a request say about each other: the same prompt, and answers of about the same length.
    private func knownTokens(of request: RequestRecord) -> (prompt: Double?, answer: Double?) {
        let prompt = request.attempts.lazy.compactMap { $0.usage?.promptTokens }.first { $0 > 0 }
        guard let winner = request.winner, case .succeeded = winner.phase else { return (prompt.map(Double.init), nil) }
        let counted = winner.usage.map { Double($0.completionTokens) }
        let answer =
            counted
            ?? calibration(winner.deployment.id).completionTokens(
                bytes: winner.outputBytes, isStream: request.chat.isStream)
        return (prompt.map(Double.init), answer)
    }

    private mutating func count(_ attempt: AttemptRecord, _ bill: AttemptBill, isStream: Bool, now: Int64) {
        let waited = (attempt.endedAt ?? now) &- attempt.startedAt
        var isAnswered = attempt.firstTokenAt != nil
        if case .succeeded = attempt.phase { isAnswered = true }
        change(attempt.deployment.id) { deployment in
            deployment.add(bill, bytes: attempt.bytesReceived)
            switch (isStream, isAnswered) {
            // First tokens were counted when they came.
            case (true, true): break
            case (true, false): deployment.abandonedStream.add(nanoseconds: waited)
            case (false, true): deployment.answeredWhole.add(nanoseconds: waited)
            case (false, false): deployment.abandonedWhole.add(nanoseconds: waited)
            }
        }
    }
}

extension AttemptFacts {
    fileprivate init(
        _ attempt: AttemptRecord, of request: RequestRecord, answerTokens: Double?, promptTokens: Double?
    ) {
        end =
            switch attempt.phase {
            case .succeeded: .succeeded
            case .cancelled(let reason): .cancelled(reason)
            // What still runs when its request has ended was superseded, whatever the reason.
            case .running: .cancelled(.superseded)
            case .failed(let failure):
                .failed(isTimeout: failure.isOwnTimeout, isAnswered: (200..<300).contains(attempt.httpStatus))
            }
        role = attempt.role
        isWinner = request.winner === attempt
        hasRaced = request.notes.contains(.raced)
        isWonByCanary = request.winner?.role == .canary
        isStream = request.chat.isStream
        promptBytes = request.chat.promptBytes
        outputBytes = attempt.outputBytes
        usage = attempt.usage
        isUsageCurrent = attempt.isUsageCurrent
        cancelStopsBilling = attempt.deployment.cancelStopsBilling
        self.answerTokens = answerTokens
        self.promptTokens = promptTokens
    }
}

extension AttemptFailure {
    /// Whether one of the router's timeouts ended the attempt, rather than an answer of the provider.
    var isOwnTimeout: Bool {
        error.status == .attemptTimeout && error.httpStatus == 0
    }
}
