/// A snapshot of what the core decided and learnt; counters only grow.
public struct CoreStatistics: Sendable {
    /// Requests submitted that reached a group.
    public var requests: UInt64 = 0
    /// Requests that have an answer, whole or begun.
    public var commits: UInt64 = 0
    /// Requests that ended with the whole answer.
    public var succeeded: UInt64 = 0
    /// Requests that ended with an error.
    public var failed: UInt64 = 0
    /// Requests under way.
    public var requestsInFlight = 0
    /// Requests that raced for want of history.
    public var races: UInt64 = 0
    /// Attempts started because the one before failed.
    public var failovers: UInt64 = 0
    /// Failovers the budget did not allow.
    public var failoversRefused: UInt64 = 0
    /// Attempts on deployments that had failed the same request before.
    public var retries: UInt64 = 0
    /// Repetitions the budget did not allow.
    public var retriesRefused: UInt64 = 0
    /// Times a request went on to another model group.
    public var fallbacks: UInt64 = 0
    /// Those of them that began because the group before was about to use up the deadline.
    public var fallbacksInTime: UInt64 = 0
    /// Attempts that tested a deployment after its cooldown.
    public var canaries: UInt64 = 0
    /// Attempts on a deployment that is out, as none was healthy.
    public var lastResorts: UInt64 = 0
    /// Requests that waited for a deployment, in all groups.
    public var queue = QueueStatistics()
    /// Hedges in all groups, those included that the configuration no longer has.
    public var hedges = HedgeStatistics()
    /// Hedges the budget allows now.
    public var budgetLevel = 0.0
    /// Failovers the budget allows now.
    public var failoverBudgetLevel = 0.0
    /// Repetitions the budget allows now.
    public var retryBudgetLevel = 0.0
    /// One entry for each group of the configuration that has deployments.
    public var groups: [GroupStatistics] = []
    /// One entry for each deployment of the configuration, in its order.
    public var deployments: [DeploymentStatistics] = []

    /// Creates one with the defaults.
    public init() {}
}

/// What is known of one deployment.
public struct DeploymentStatistics: Sendable {
    /// The deployment.
    public var id: DeploymentID
    /// Attempts started, by role.
    public var attempts: [AttemptRole: UInt64] = [:]
    /// Requests whose answer it gave or began.
    public var wins: UInt64 = 0
    /// Attempts that delivered a whole answer.
    public var successes: UInt64 = 0
    /// Attempts that failed, by class.
    public var failures: [FailureKind: UInt64] = [:]
    /// Attempts the core cancelled, by reason.
    public var cancelled: [CancelReason: UInt64] = [:]
    /// Attempts in flight.
    public var inFlight = 0
    /// Its health.
    public var health = HealthStatistics()
    /// How it was left out and came back.
    public var recovery = RecoveryStatistics()
    /// Time to first token of requests that stream.
    public var streaming = LatencyStatistics()
    /// Time to the full answer of those that do not.
    public var complete = LatencyStatistics()

    /// Creates one with these parts.
    public init(id: DeploymentID) {
        self.id = id
    }
}

/// A deployment's health.
public struct HealthStatistics: Sendable {
    /// Where it stands.
    public var state = HealthState.healthy
    /// Time left of a cooldown.
    public var cooldownLeft: Interval?
    /// What the latest cooldown was for.
    public var cause: CooldownCause?
    /// How often in a row it had to be left out; each step doubles the next cooldown, and a healthy minute takes one off.
    public var backoff = 0
    /// Cooldowns so far.
    public var cooldowns: UInt64 = 0
    /// Consecutive hard failures.
    public var failureStreak = 0

    /// Creates one with the defaults.
    public init() {}
}

/// Whether a deployment takes part.
public enum HealthState: String, Hashable, Sendable, CaseIterable {
    case healthy
    /// Left out until its cooldown is over.
    case cooling
    /// Its cooldown is over; one canary at a time tests it.
    case probation
    /// It takes part again with a growing share of requests.
    case ramping
}

/// What is known of a latency; Kaplan-Meier estimates that count what was given up on as "longer than that".
public struct LatencyStatistics: Sendable {
    /// The median.
    public var p50: LatencyQuantile?
    /// The 95th percentile.
    public var p95: LatencyQuantile?
    /// The 99th percentile.
    public var p99: LatencyQuantile?
    /// The 10th, 25th, 75th and 90th percentile, for pictures of the distribution; empty while there is no history.
    public var spread: [LatencyQuantile] = []
    /// Samples, weighted by age and counted as equally weighted ones.
    public var effectiveSamples = 0.0
    /// Share of the samples that are lower bounds, in [0, 1].
    public var censoredShare = 0.0
    /// Whether there is too little recent history to plan on.
    public var isCold = true
    /// The hedge threshold of small prompts before limits of the request; nil while there is no history.
    public var hedgeThreshold: Interval?
    /// Where the threshold comes from; nil while there is none.
    public var hedgeThresholdSource: ThresholdSource?
    /// What the history suggests as threshold, also where a fixed one is configured; nil while there is no history.
    public var suggestedThreshold: Interval?

    /// Creates one with the defaults.
    public init() {}
}
