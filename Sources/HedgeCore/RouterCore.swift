/// Every routing decision, as a state machine: events and the time go in, actions come out.
///
/// No clock, no I/O, no threads and no closures: the same events at the same times with the same seed give the same
/// actions, in production, in tests and in the simulator. An event that does not fit the state is counted in
/// ``inconsistencies`` and otherwise ignored.
public struct RouterCore: Sendable {
    /// Events that did not fit the state they met: each one is a defect in the driver or in the core.
    public internal(set) var inconsistencies: UInt64 = 0

    var policy: Policy
    var samples = SamplePolicy()
    var thresholdSettings: ThresholdSettings
    var hedgeBudget: TokenBucket
    var failoverBudget: TokenBucket
    var retryBudget: TokenBucket
    var random: SplitMix64
    var counters = RouterCounters()

    var deployments: [DeploymentState] = []
    var deploymentSlots: [DeploymentID: Int] = [:]
    var freeDeployments: [Int] = []
    /// Slots of the configured deployments in the configuration's order.
    var configuredOrder: [Int] = []
    var groups: [GroupState] = []
    var groupSlots: [GroupID: Int] = [:]

    var requests: [RequestMachine] = []
    var freeRequests: [Int] = []
    var requestSlots: [RequestID: Int] = [:]
    var attempts: [AttemptRecord] = []
    var freeAttempts: [Int] = []
    var attemptSlots: [AttemptID: Int] = [:]
    var latestAttempt: UInt64 = 0
    /// Hedges in flight whose requests have no answer yet.
    var hedgesInFlight = 0

    var requestTimers = TimerQueue()
    /// Ends of cooldowns.
    var healthTimers = TimerQueue()
    /// When a deployment that nothing tested gets a probe.
    var probeTimers = TimerQueue()
    /// When a group's waiting requests may find room for a reason of time alone.
    var wakeTimers = TimerQueue()

    /// The probe in flight; there is never more than one.
    var probe: ActiveProbe?

    /// Requests that wait for a deployment.
    var waitingRequests = 0
    /// Number of the latest request that began to wait.
    var latestTurn: UInt64 = 0
    /// Groups whose waiting requests may find room now.
    var groupsToServe: [Int] = []
    /// Waiting requests that were passed over; kept to reuse its storage.
    var passedOver: [(request: Int, turn: Turn)] = []

    /// The time of the event being handled; never goes back.
    var now = Instant(nanoseconds: .min)
    /// Deployments under consideration; kept to reuse its storage.
    var candidates: [Candidate] = []

    /// When ``Event/timeReached`` is due; nil while nothing is waiting for a time.
    public private(set) var nextDeadline: Instant?

    /// The earliest of all timers.
    ///
    /// Inlined, like all that is asked of the core for every request: as an argument the core is a copy of its thousand
    /// bytes.
    @inline(__always)
    private var earliestTimer: Instant? {
        var next = Instant.distantFuture
        if let request = requestTimers.earliest { next = min(next, request) }
        if let health = healthTimers.earliest { next = min(next, health) }
        if let wake = wakeTimers.earliest { next = min(next, wake) }
        if let probe = probe?.deadline ?? probeTimers.earliest { next = min(next, probe) }
        return next < .distantFuture ? next : nil
    }

    /// A core with a configuration, and a seed for its random choices.
    public init(configuration: CoreConfiguration, seed: UInt64) {
        policy = configuration.policy
        thresholdSettings = ThresholdSettings(configuration.policy)
        hedgeBudget = TokenBucket(share: configuration.policy.hedgeBudget)
        failoverBudget = TokenBucket(
            share: configuration.policy.failoverBudget, capacity: Self.failoverCapacity,
            initial: Self.failoverCapacity)
        retryBudget = TokenBucket(
            share: configuration.policy.retryBudget, capacity: Self.retryCapacity, initial: Self.retryCapacity)
        random = SplitMix64(seed: seed)
        replaceConfiguration(configuration)
        nextDeadline = earliestTimer
    }

    /// Failovers that may fail in a row, over all requests, before others are refused.
    static let failoverCapacity = 100.0

    /// Takes one event and appends the actions it leads to.
    public mutating func handle(_ event: Event, at now: Instant, into actions: inout [Action]) {
        self.now = max(self.now, now)
        take(event, into: &actions)
        serveWaiting(into: &actions)
        if case .timeReached = event { catchUp(into: &actions) }
        nextDeadline = earliestTimer
    }

    /// What was started just now may be due at once, such as a hedge without a delay or a probe without a timeout.
    private mutating func catchUp(into actions: inout [Action]) {
        for _ in 0..<Self.mostRounds {
            guard let next = earliestTimer, next <= now else { return }
            timeReached(into: &actions)
            serveWaiting(into: &actions)
        }
    }

    /// A few are enough; the bound is there so that no defect can keep the caller's loop for ever.
    private static let mostRounds = 100

    private mutating func take(_ event: Event, into actions: inout [Action]) {
        switch event {
        case .submitted(let id, let traits):
            submit(id, traits, into: &actions)
        case .firstToken(let id):
            guard let attempt = slot(of: id) else { return }
            firstToken(attempt, into: &actions)
        case .progressed(let id):
            guard let attempt = slot(of: id) else { return }
            attempts[attempt].lastProgress = now
        case .paused(let id):
            guard let attempt = slot(of: id) else { return }
            setPaused(attempt, true)
        case .resumed(let id):
            guard let attempt = slot(of: id) else { return }
            setPaused(attempt, false)
        case .attemptEnded(let id, let outcome):
            if id == probe?.id { return probeEnded(outcome, into: &actions) }
            guard let attempt = slot(of: id) else { return }
            ended(attempt, outcome, into: &actions)
        case .cancelled(let id):
            // A cancel that crosses the request's end is nobody's mistake.
            guard let request = requestSlots[id] else { return }
            end(request, .cancelled, cancelling: .callerCancelled, into: &actions)
        case .configurationReplaced(let configuration):
            replaceConfiguration(configuration)
        case .timeReached:
            timeReached(into: &actions)
        }
    }

    /// The slot of an attempt in flight.
    ///
    /// Word of an attempt that ended or was cancelled may still be on its way when that happens and is dropped in
    /// silence; only an attempt that never was is a defect.
    private mutating func slot(of id: AttemptID) -> Int? {
        if let slot = attemptSlots[id] { return slot }
        if id.rawValue == 0 || id.rawValue > latestAttempt { inconsistencies &+= 1 }
        return nil
    }
}
