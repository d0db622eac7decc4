/// What is counted for each deployment.
struct DeploymentCounters: Sendable {
    var attempts = InlineArray<7, UInt64>(repeating: 0)
    var wins: UInt64 = 0
    var successes: UInt64 = 0
    var failures = InlineArray<18, UInt64>(repeating: 0)
    var cancelled = InlineArray<7, UInt64>(repeating: 0)
}

/// What is counted for the whole router.
struct RouterCounters: Sendable {
    var requests: UInt64 = 0
    var commits: UInt64 = 0
    var succeeded: UInt64 = 0
    var failed: UInt64 = 0
    var races: UInt64 = 0
    var failovers: UInt64 = 0
    var failoversRefused: UInt64 = 0
    var retries: UInt64 = 0
    var retriesRefused: UInt64 = 0
    var fallbacks: UInt64 = 0
    var fallbacksInTime: UInt64 = 0
    var canaries: UInt64 = 0
    var lastResorts: UInt64 = 0
}

/// What is counted of the hedges in one model group.
struct HedgeCounters: Sendable {
    var fired: UInt64 = 0
    var won: UInt64 = 0
    var lost: UInt64 = 0
    var bothFailed: UInt64 = 0
    private(set) var suppressed = InlineArray<9, UInt64>(repeating: 0)

    mutating func count(_ reason: HedgeSuppression) {
        suppressed[reason.ordinal] &+= 1
    }

    var statistics: HedgeStatistics {
        var result = HedgeStatistics()
        result.fired = fired
        result.won = won
        result.lost = lost
        result.bothFailed = bothFailed
        for reason in HedgeSuppression.allCases where suppressed[reason.ordinal] > 0 {
            result.suppressed[reason] = suppressed[reason.ordinal]
        }
        return result
    }
}

extension AttemptRole {
    /// Index into counters.
    var ordinal: Int {
        switch self {
        case .primary: 0
        case .race: 1
        case .hedge: 2
        case .failover: 3
        case .canary: 4
        case .retry: 5
        case .fallback: 6
        }
    }
}

extension FailureKind {
    /// Index into counters.
    var ordinal: Int { min(17, Int(rawValue)) }
}

extension CancelReason {
    /// Index into counters.
    var ordinal: Int {
        switch self {
        case .superseded: 0
        case .callerCancelled: 1
        case .deadline: 2
        case .timedOut(.firstToken): 3
        case .timedOut(.gap): 4
        case .timedOut(.total): 5
        case .requestFailed: 6
        }
    }

    /// Every reason, in the order of their counters.
    static let all: [CancelReason] = [
        .superseded, .callerCancelled, .deadline, .timedOut(.firstToken), .timedOut(.gap), .timedOut(.total),
        .requestFailed,
    ]
}

extension HedgeSuppression {
    /// Index into counters.
    var ordinal: Int {
        switch self {
        case .budget: 0
        case .concurrency: 1
        case .storm: 2
        case .noTarget: 3
        case .lowValue: 4
        case .control: 5
        case .deadline: 6
        case .rateLimit: 7
        case .attempts: 8
        }
    }
}
