@testable import HedgeCore

/// A core under a virtual clock in milliseconds, and the actions it took.
struct Harness {
    var core: RouterCore
    var time: Double = 0
    var log: [Action] = []
    private var latestRequest: UInt64 = 0

    init(_ configuration: CoreConfiguration, seed: UInt64 = 1) {
        core = RouterCore(configuration: configuration, seed: seed)
    }

    /// A group of deployments 1, 2, ... with settings that leave nothing to chance unless `adjust` asks for it.
    init(
        deployments count: Int, seed: UInt64 = 1, adjust: (inout Policy) -> Void = { _ in },
        each: (inout DeploymentConfiguration) -> Void = { _ in }
    ) {
        self.init(Self.configuration(deployments: count, adjust: adjust, each: each), seed: seed)
    }

    static func configuration(
        deployments count: Int, adjust: (inout Policy) -> Void = { _ in },
        each: (inout DeploymentConfiguration) -> Void = { _ in }
    ) -> CoreConfiguration {
        var policy = Policy()
        policy.controlFraction = 0
        policy.coldStartParallel = false
        policy.hedgeThreshold = .milliseconds(Int64(100))
        policy.retries = RetryPolicy(standard: 0)
        adjust(&policy)
        let ids = (1...count).map(DeploymentID.init(rawValue:))
        let deployments = ids.map { id in
            var deployment = DeploymentConfiguration(id: id)
            deployment.timeouts.total = nil
            each(&deployment)
            return deployment
        }
        return CoreConfiguration(
            deployments: deployments,
            groups: [GroupConfiguration(id: GroupID(rawValue: 1), deployments: ids)], policy: policy)
    }

    var now: Instant { Instant(nanoseconds: Int64((time * 1e6).rounded())) }

    @discardableResult
    mutating func tell(_ event: Event) -> [Action] {
        var actions: [Action] = []
        core.handle(event, at: now, into: &actions)
        log += actions
        return actions
    }

    /// Lets time pass up to `milliseconds`, telling the core of every deadline on the way.
    @discardableResult
    mutating func advance(to milliseconds: Double) -> [Action] {
        var actions: [Action] = []
        while let next = core.nextDeadline, Double(next.nanoseconds) / 1e6 <= milliseconds {
            time = max(time, Double(next.nanoseconds) / 1e6)
            actions += tell(.timeReached)
        }
        time = max(time, milliseconds)
        return actions
    }

    mutating func submit(
        stream: Bool = true, deadline: Double? = nil, bytes: Int = 0, threshold: Double? = nil, parallel: Int? = nil,
        priority: Int? = nil
    ) -> (id: RequestID, actions: [Action]) {
        latestRequest += 1
        let id = RequestID(rawValue: latestRequest)
        let traits = RequestTraits(
            group: GroupID(rawValue: 1), isStream: stream, promptBytes: bytes,
            deadline: deadline.map { Instant(nanoseconds: Int64($0 * 1e6)) },
            overrides: RequestOverrides(
                hedgeThreshold: threshold.map { Interval.milliseconds($0) }, maxParallelAttempts: parallel,
                priority: priority))
        return (id, tell(.submitted(id, traits)))
    }

    @discardableResult
    mutating func fail(_ attempt: AttemptID, _ kind: FailureKind, retryAfter: Double? = nil) -> [Action] {
        tell(
            .attemptEnded(
                attempt, .failed(Failure(kind: kind, retryAfter: retryAfter.map { Interval.milliseconds($0) }))))
    }

    @discardableResult
    mutating func succeed(_ attempt: AttemptID) -> [Action] {
        tell(.attemptEnded(attempt, .succeeded(nil)))
    }

    /// The whole answer of a stream at once.
    @discardableResult
    mutating func succeedWhole(_ attempt: AttemptID) -> [Action] {
        tell(.firstToken(attempt)) + succeed(attempt)
    }

    /// One request whose primary answers after `milliseconds`; what else was started is superseded by that.
    mutating func serve(stream: Bool = true, after milliseconds: Double) {
        let (_, actions) = submit(stream: stream)
        guard let primary = actions.starts.first else { return }
        advance(to: time + milliseconds)
        if stream { tell(.firstToken(primary.attempt)) }
        succeed(primary.attempt)
    }
}

extension [Action] {
    var starts: [AttemptStart] {
        compactMap { if case .startAttempt(let start) = $0 { start } else { nil } }
    }

    var probes: [ProbeStart] {
        compactMap { if case .startProbe(let start) = $0 { start } else { nil } }
    }

    var commits: [AttemptID] {
        compactMap { if case .commit(_, let attempt) = $0 { attempt } else { nil } }
    }

    var cancels: [Cancel] {
        compactMap { if case .cancelAttempt(let attempt, let reason) = $0 { Cancel(attempt, reason) } else { nil } }
    }

    var outcomes: [RequestOutcome] {
        compactMap { if case .finish(_, let outcome) = $0 { outcome } else { nil } }
    }

    var notes: [DecisionNote] {
        compactMap { if case .note(_, let note) = $0 { note } else { nil } }
    }

    var healthChanges: [HealthChange] {
        compactMap { if case .healthChanged(_, let change) = $0 { change } else { nil } }
    }
}

struct Cancel: Hashable {
    var attempt: AttemptID
    var reason: CancelReason

    init(_ attempt: AttemptID, _ reason: CancelReason) {
        self.attempt = attempt
        self.reason = reason
    }
}
