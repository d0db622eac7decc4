import HeapModule
package import HedgeCore

/// What others do, for comparison: a ranking, a rule for the second attempt, failover, and nothing else.
package struct BaselineRouter: Router {
    private var beliefs: BaselineBeliefs
    private let hedging: BaselineHedging
    private var window: WindowedQuantile
    private var recorded: RecordedQuantile
    private var budget: BaselineBudget
    private var random: RandomStream
    private var now = Instant(nanoseconds: 0)

    private var requests: [BaselineRequest] = []
    private var attempts: [BaselineAttempt] = []
    private var timers = Heap<BaselineTimer>()

    /// Attempts of one request at most, failovers included.
    private static let mostAttempts = 4

    /// A router for deployments with the given medians.
    package init(
        ranking: BaselineRanking, hedging: BaselineHedging, budgetShare: Double? = nil, medians: [Double], seed: UInt64
    ) {
        beliefs = BaselineBeliefs(ranking, medians: medians)
        self.hedging = hedging
        random = RandomStream(seed: seed, .router)
        recorded = RecordedQuantile(probability: 0.95)
        if case .window(let percentile) = hedging {
            window = WindowedQuantile(probability: percentile)
            budget = .windowed(share: budgetShare ?? 1 - percentile)
        } else {
            window = WindowedQuantile(probability: 0.95)
            budget = budgetShare.map { .share($0, level: 2) } ?? .unlimited
        }
    }

    package var nextDeadline: Instant? { timers.min?.at }

    /// A quantile by what it recorded, NaN if that cannot tell; nil if it keeps no record.
    package func recordedQuantile(_ probability: Double) -> Double? {
        if case .recorded = hedging { return recorded.estimate(probability) }
        return nil
    }

    package mutating func handle(_ event: Event, at now: Instant, into actions: inout [Action]) {
        self.now = now
        switch event {
        case .submitted(let id, _):
            submit(id, into: &actions)
        case .firstToken(let id):
            answer(id, into: &actions)
        case .attemptEnded(let id, .succeeded):
            answer(id, into: &actions)
            complete(id, into: &actions)
        case .attemptEnded(let id, .failed):
            fail(id, into: &actions)
        case .timeReached:
            timeReached(into: &actions)
        case .progressed, .paused, .resumed, .cancelled, .configurationReplaced:
            break
        }
    }

    private var seconds: Double { Double(now.nanoseconds) / 1e9 }

    private mutating func submit(_ id: RequestID, into actions: inout [Action]) {
        let request = requests.count
        requests.append(BaselineRequest(id: id))
        guard let primary = target(request) else { return }
        start(request, on: primary, .primary, into: &actions)
        budget.deposit(at: seconds)
        if case .race(let count) = hedging {
            while requests[request].live.count < count, let other = target(request) {
                start(request, on: other, .race, into: &actions)
            }
        } else if let delay = delay(primary) {
            timers.insert(BaselineTimer(at: now + .milliseconds(delay), request: request))
            actions.append(.note(id, .hedgeArmed(threshold: .milliseconds(delay), source: .fixed)))
        }
    }

    private mutating func delay(_ primary: Int) -> Double? {
        switch hedging {
        case .never, .race:
            return nil
        case .fixed(let delay):
            return delay
        case .single(let delay, let probability):
            return random.chance(probability) ? delay : nil
        case .multipleOfMedian(let factor):
            return factor * beliefs.longRunMedian(primary)
        case .window:
            return max(1, window.quantile(at: seconds))
        case .recorded:
            return recorded.value
        }
    }

    private mutating func target(_ request: Int) -> Int? {
        guard requests[request].tried.nonzeroBitCount < Self.mostAttempts else { return nil }
        let tried = requests[request].tried
        return beliefs.best(at: seconds, random: &random) { tried & (1 << UInt64($0)) != 0 }
    }

    private mutating func start(_ request: Int, on deployment: Int, _ role: AttemptRole, into actions: inout [Action]) {
        attempts.append(BaselineAttempt(request: request, deployment: deployment, startedAt: now))
        requests[request].live.append(attempts.count - 1)
        requests[request].tried |= 1 << UInt64(deployment)
        actions.append(
            .startAttempt(
                AttemptStart(
                    attempt: AttemptID(rawValue: UInt64(attempts.count)), request: requests[request].id,
                    group: GroupID(rawValue: 1), deployment: DeploymentID(rawValue: deployment), role: role,
                    connectTimeout: .seconds(10))))
    }

    private mutating func timeReached(into actions: inout [Action]) {
        while let timer = timers.min, timer.at <= now {
            _ = timers.popMin()
            let request = timer.request
            guard !requests[request].isAnswered, requests[request].live.count == 1 else { continue }
            guard let other = target(request) else { continue }
            guard budget.withdraw(at: seconds) else {
                actions.append(.note(requests[request].id, .hedgeSuppressed(.budget)))
                continue
            }
            start(request, on: other, .hedge, into: &actions)
        }
    }

    private mutating func answer(_ id: AttemptID, into actions: inout [Action]) {
        guard let attempt = index(id), !requests[attempts[attempt].request].isAnswered else { return }
        let request = attempts[attempt].request
        requests[request].isAnswered = true
        observe(attempt, isEvent: true)
        record(request, winner: attempt)
        for other in requests[request].live where other != attempt {
            observe(other, isEvent: false)
            actions.append(.cancelAttempt(AttemptID(rawValue: UInt64(other + 1)), .superseded))
        }
        requests[request].live = [attempt]
        actions.append(.commit(requests[request].id, id))
    }

    private mutating func complete(_ id: AttemptID, into actions: inout [Action]) {
        guard let attempt = index(id) else { return }
        let request = attempts[attempt].request
        requests[request].live = []
        actions.append(.finish(requests[request].id, .succeeded(id)))
    }

    private mutating func fail(_ id: AttemptID, into actions: inout [Action]) {
        guard let attempt = index(id) else { return }
        let request = attempts[attempt].request
        requests[request].live.removeAll { $0 == attempt }
        guard requests[request].live.isEmpty else { return }
        if !requests[request].isAnswered, let other = target(request) {
            start(request, on: other, .failover, into: &actions)
        } else {
            actions.append(.finish(requests[request].id, .failed(.attempt(id))))
        }
    }

    private mutating func observe(_ attempt: Int, isEvent: Bool) {
        let elapsed = (now - attempts[attempt].startedAt).milliseconds
        beliefs.observe(attempts[attempt].deployment, milliseconds: elapsed, isEvent: isEvent, at: seconds)
        if case .window = hedging { window.record(elapsed, at: seconds) }
    }

    private mutating func record(_ request: Int, winner: Int) {
        guard case .recorded(let rule) = hedging, let primary = requests[request].live.first else { return }
        let sinceStart = (now - attempts[primary].startedAt).milliseconds
        switch rule {
        case .winners:
            recorded.record((now - attempts[winner].startedAt).milliseconds)
        case .endToEnd:
            recorded.record(sinceStart)
        case .censored:
            recorded.record(sinceStart, isEvent: winner == primary)
        }
    }

    private func index(_ id: AttemptID) -> Int? {
        guard id.rawValue > 0, id.rawValue <= UInt64(attempts.count) else { return nil }
        return Int(id.rawValue - 1)
    }
}

private struct BaselineRequest: Sendable {
    var id: RequestID
    var live: [Int] = []
    /// A bit for each deployment.
    var tried: UInt64 = 0
    var isAnswered = false

    init(id: RequestID) {
        self.id = id
    }
}

private struct BaselineAttempt: Sendable {
    var request: Int
    var deployment: Int
    var startedAt: Instant
}

private struct BaselineTimer: Comparable, Sendable {
    var at: Instant
    var request: Int

    static func < (a: BaselineTimer, b: BaselineTimer) -> Bool {
        a.at == b.at ? a.request < b.request : a.at < b.at
    }
}
