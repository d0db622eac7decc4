/// How deployments were left out and came back; counters only grow.
public struct RecoveryStatistics: Hashable, Sendable {
    /// Cooldowns that failures started.
    public var cooldownsForFailures: UInt64 = 0
    /// Cooldowns that latency alone started or renewed.
    public var cooldownsForLatency: UInt64 = 0
    /// Cooldowns that ended because the deployment worked.
    public var recoveries: UInt64 = 0
    /// Canaries sent.
    public var canaries: UInt64 = 0
    /// Canaries that answered as fast as they should.
    public var canariesWorked: UInt64 = 0
    /// Canaries that were too slow.
    public var canariesSlow: UInt64 = 0
    /// Canaries that failed.
    public var canariesFailed: UInt64 = 0
    /// Canaries that lost their race without having failed.
    public var canariesInconclusive: UInt64 = 0
    /// Canaries that ended for a reason that has nothing to do with the deployment.
    public var canariesAbandoned: UInt64 = 0
    /// Probes sent.
    public var probes: UInt64 = 0
    /// Probes that failed.
    public var probesFailed: UInt64 = 0
    /// Prompt tokens of probes, as the provider counted them.
    public var probePromptTokens: UInt64 = 0
    /// Completion tokens of probes.
    public var probeCompletionTokens: UInt64 = 0

    /// Creates one with the defaults.
    public init() {}

    mutating func count(_ change: HealthChange) {
        switch change {
        case .cooldownStarted(_, .failure): cooldownsForFailures &+= 1
        case .cooldownStarted(_, .latency): cooldownsForLatency &+= 1
        case .recovered: recoveries &+= 1
        case .canaryAllowed: break
        }
    }

    mutating func countAnswer(isSlow: Bool) {
        if isSlow { canariesSlow &+= 1 } else { canariesWorked &+= 1 }
    }
}

typealias RecoveryCounters = RecoveryStatistics

/// Requests that waited for a deployment, all full or out; counters only grow.
public struct QueueStatistics: Hashable, Sendable {
    /// Requests that wait now.
    public var waiting = 0
    /// Requests that began to wait.
    public var entered: UInt64 = 0
    /// Those that a deployment took.
    public var served: UInt64 = 0
    /// Those that waited as long as they might.
    public var expired: UInt64 = 0
    /// Those that ended meanwhile: cancelled, past their deadline or answered by a canary.
    public var left: UInt64 = 0
    /// Requests that were refused because too many waited.
    public var refused: UInt64 = 0
    /// What those that were served waited, all together.
    public var waited = Interval.zero
    /// The longest wait of one that was served.
    public var longestWait = Interval.zero

    /// Creates one with the defaults.
    public init() {}

    mutating func count(_ end: WaitEnd, after wait: Interval) {
        switch end {
        case .served:
            served &+= 1
            waited = waited + wait
            longestWait = max(longestWait, wait)
        case .expired: expired &+= 1
        case .overtaken, .abandoned: left &+= 1
        }
    }

    /// Adds another group's.
    mutating func add(_ other: QueueStatistics) {
        waiting += other.waiting
        entered &+= other.entered
        served &+= other.served
        expired &+= other.expired
        left &+= other.left
        refused &+= other.refused
        waited = waited + other.waited
        longestWait = max(longestWait, other.longestWait)
    }
}

typealias QueueCounters = QueueStatistics

extension GroupState {
    /// What waited for its deployments.
    var queueStatistics: QueueStatistics {
        var result = queue
        result.waiting = waiting.count
        return result
    }
}
