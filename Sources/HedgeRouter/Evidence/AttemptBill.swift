import HedgeCore

/// What an attempt was for in the end: the answer, or the reason its tokens bought nothing.
enum TokenUse: String, Hashable, Sendable, CaseIterable {
    /// It answered the request.
    case answer
    /// It was superseded in a race.
    case raceLoser = "race_loser"
    /// A hedge, or the attempt a hedge was for, was superseded.
    case hedgeLoser = "hedge_loser"
    /// The caller gave the request up.
    case callerCancel = "caller_cancel"
    /// A timeout or the deadline passed.
    case timeout
    /// It failed, or another attempt's failure ended the request.
    case failure
    /// It tested a deployment after its cooldown, and something else answered.
    case canary

    var ordinal: Int {
        switch self {
        case .answer: 0
        case .raceLoser: 1
        case .hedgeLoser: 2
        case .callerCancel: 3
        case .timeout: 4
        case .failure: 5
        case .canary: 6
        }
    }
}

/// What an attempt took, as it will be on the provider's bill as far as that can be told.
struct AttemptBill: Hashable, Sendable {
    var tokens: TokenCount
    /// In the currency of the prices; nil without prices.
    var cost: Double?
    var use: TokenUse
    /// Whether any of it is an estimate rather than the provider's own count.
    var isEstimated: Bool
}

/// What is known of an attempt when its request has ended.
struct AttemptFacts: Sendable {
    /// How it ended.
    enum End: Hashable, Sendable {
        case succeeded
        case cancelled(CancelReason)
        /// `isAnswered` tells whether the provider had begun a 2xx answer.
        case failed(isTimeout: Bool, isAnswered: Bool)
    }

    var end: End
    var role: AttemptRole
    var isWinner: Bool
    /// Whether the request was a race, and whether a canary answered it.
    var hasRaced: Bool
    var isWonByCanary: Bool
    var isStream: Bool
    var promptBytes: Int
    /// Bytes of the chunks with output.
    var outputBytes: Int
    var usage: Usage?
    /// Whether no output came after `usage` did.
    var isUsageCurrent: Bool
    /// Whether closing the connection ends the bill; nil when that is not known.
    var cancelStopsBilling: Bool?
    /// Tokens of the answer another attempt gave to the same request.
    var answerTokens: Double?
    /// Tokens of the prompt as another attempt's provider counted them.
    var promptTokens: Double?
}

extension AttemptFacts {
    /// The bill, with estimates where the provider did not count.
    ///
    /// Prompts are billed once a provider works on them. Of a cancelled stream what was generated is billed; a
    /// provider that does not notice, and every answer that does not stream, is billed to the end, of which the tokens
    /// of the answer that was given in its place are the best estimate. Errors are free.
    func bill(_ calibration: TokenCalibration, _ prices: TokenPrices) -> AttemptBill {
        var bill = AttemptBill(tokens: TokenCount(), cost: nil, use: use, isEstimated: false)
        if isBilled { count(calibration, into: &bill) }
        bill.cost = prices.cost(of: bill.tokens)
        return bill
    }

    private var use: TokenUse {
        switch end {
        case .succeeded where isWinner: .answer
        case _ where role == .canary: .canary
        case .succeeded, .cancelled(.superseded): isWonByCanary ? .canary : hasRaced ? .raceLoser : .hedgeLoser
        case .cancelled(.callerCancelled): .callerCancel
        case .cancelled(.deadline), .cancelled(.timedOut): .timeout
        case .cancelled(.requestFailed): .failure
        case .failed(let isTimeout, _): isTimeout ? .timeout : .failure
        }
    }

    private var isBilled: Bool {
        guard case .failed(let isTimeout, let isAnswered) = end else { return true }
        return isTimeout || usage != nil || (isAnswered && outputBytes > 0)
    }

    private func count(_ calibration: TokenCalibration, into bill: inout AttemptBill) {
        if let usage, usage.promptTokens > 0 {
            bill.tokens.prompt = Double(usage.promptTokens)
            bill.tokens.cachedPrompt = Double(max(0, usage.cachedPromptTokens))
            bill.tokens.cacheWritten = Double(max(0, usage.cacheWrittenTokens))
        } else {
            bill.tokens.prompt = calibration.promptTokens(bytes: promptBytes, known: promptTokens)
            bill.isEstimated = true
        }
        let counted = Double(max(0, usage?.completionTokens ?? 0))
        if usage != nil, end == .succeeded || (isUsageCurrent && outputBytes > 0 && stopsBilling) {
            bill.tokens.completion = counted
            return
        }
        let received = max(counted, calibration.completionTokens(bytes: outputBytes, isStream: isStream))
        bill.tokens.completion =
            end == .succeeded || stopsBilling
            ? received : max(received, calibration.expectedAnswer(known: answerTokens))
        if bill.tokens.completion > 0 || usage == nil { bill.isEstimated = true }
    }

    /// Whether what came after the end is off the bill.
    private var stopsBilling: Bool {
        if case .failed(isTimeout: false, _) = end { return true }
        return isStream && cancelStopsBilling == true
    }
}
