import Glibc
import HeapModule
package import HedgeCore

/// Discrete events under a virtual clock: a workload, its servers and one router.
///
/// The same workload, router and seed give the same run.
package struct Simulation<R: Router>: Sendable {
    package private(set) var router: R
    package private(set) var result = RunResult()

    private let workload: Workload
    private let seed: UInt64
    private let isStream: Bool
    private var servers: [Server]
    private var sharedSlow: SlowPeriodClock?
    private var arrivals: RandomStream
    private var nextArrival: Int64?

    private var due = Heap<DueEvent>()
    private var sequence: UInt64 = 0
    private var now: Int64 = 0

    private var attempts: [SimulatedAttempt] = []
    private var requests: [SimulatedRequest] = []
    private var unfinished = 0
    private var actions: [Action] = []

    package static var group: GroupID { GroupID(rawValue: 1) }

    package init(_ workload: Workload, router: R, seed: UInt64) {
        self.workload = workload
        self.router = router
        self.seed = seed
        isStream = workload.servers.contains(where: \.isStream)
        let periods = workload.slowPeriods
        servers = workload.servers.enumerated().map { index, model in
            Server(model, index: index, periods: periods, seed: seed)
        }
        if let periods, periods.sharedFraction > 0 {
            let gap = periods.gap / periods.sharedFraction
            sharedSlow = SlowPeriodClock(seed: seed, process: 0, length: periods.length, gap: gap)
        }
        arrivals = RandomStream(seed: seed, .arrivals)
        scheduleArrival()
        result.arrivals.reserveCapacity(workload.requests)
        result.latencies.reserveCapacity(workload.requests)
    }

    /// Runs until every request has ended.
    package mutating func run() {
        while nextArrival != nil || unfinished > 0 {
            guard step() else { break }
        }
        result.left = result.attempts - result.ended - result.cancelled
        result.contradictions += unfinished
    }

    /// Whether anything was left to happen.
    private mutating func step() -> Bool {
        let arrival = nextArrival ?? .max
        let service = due.min?.at ?? .max
        let deadline = router.nextDeadline?.nanoseconds ?? .max
        let next = min(arrival, service, deadline)
        guard next < .max else { return false }
        now = max(now, next)
        if service <= next, let event = due.popMin() {
            serve(event)
        } else if deadline <= next {
            tell(.timeReached)
        } else {
            arrive()
        }
        return true
    }

    private mutating func tell(_ event: Event) {
        result.events += 1
        actions.removeAll(keepingCapacity: true)
        router.handle(event, at: Instant(nanoseconds: now), into: &actions)
        for index in actions.indices { perform(actions[index]) }
    }

    // MARK: Requests

    private mutating func scheduleArrival() {
        guard requests.count < workload.requests else {
            nextArrival = nil
            return
        }
        let wait = arrivals.exponential(mean: 1 / workload.arrivalsPerSecond)
        nextArrival = now &+ Self.nanoseconds(wait * 1000)
    }

    private mutating func arrive() {
        let index = requests.count
        var request = SimulatedRequest(at: now)
        var promptBytes = 1000
        if workload.sizeCorrelation > 0 {
            var random = RandomStream(seed: seed, .promptSize, index)
            request.size = random.normal()
            // Sizes spread over the size classes of the core as latencies do over their range.
            promptBytes = Int(min(1e7, 6000 * exp(1.4 * request.size)))
        }
        requests.append(request)
        result.arrivals.append(Double(now) / 1e9)
        result.latencies.append(.nan)
        result.winners.append(-1)
        unfinished += 1
        scheduleArrival()
        let traits = RequestTraits(group: Self.group, isStream: isStream, promptBytes: promptBytes)
        tell(.submitted(RequestID(rawValue: UInt64(index + 1)), traits))
    }

    // MARK: Actions

    private mutating func perform(_ action: Action) {
        switch action {
        case .startAttempt(let start):
            self.start(start)
        case .cancelAttempt(let id, _):
            cancel(id)
        case .commit(let request, let attempt):
            commit(request, attempt)
        case .finish(let request, let outcome):
            finish(request, outcome)
        case .note(_, .hedgeArmed(let threshold, _)):
            result.thresholdSum += threshold.milliseconds
            result.thresholdCount += 1
        case .note(_, .hedgeSuppressed(let reason)):
            result.suppressed[reason, default: 0] += 1
        case .note, .healthChanged:
            break
        case .startProbe:
            // No workload asks for probes.
            result.contradictions += 1
        }
    }

    private mutating func start(_ start: AttemptStart) {
        let server = start.deployment.rawValue
        guard start.attempt.rawValue == UInt64(attempts.count + 1), servers.indices.contains(server),
            let request = index(start.request)
        else {
            result.contradictions += 1
            return
        }
        result.started[start.role, default: 0] += 1
        attempts.append(SimulatedAttempt(request: request, server: server, startedAt: now))
        let attempt = attempts.count - 1
        if servers[server].isFull { servers[server].enqueue(attempt) } else { beginService(attempt) }
    }

    private mutating func cancel(_ id: AttemptID) {
        guard let attempt = index(id), attempts[attempt].isKnownToRouter else {
            result.contradictions += 1
            return
        }
        result.cancelled += 1
        attempts[attempt].isKnownToRouter = false
        result.work += Double(now &- attempts[attempt].startedAt) / 1e6
        let server = attempts[attempt].server
        guard !servers[server].model.worksOnCancelled else { return }
        if attempts[attempt].isInService { freeSlot(attempt) }
        attempts[attempt].isAbandoned = true
    }

    private mutating func commit(_ id: RequestID, _ winner: AttemptID) {
        guard let request = index(id), let attempt = index(winner), !requests[request].isAnswered else {
            result.contradictions += 1
            return
        }
        requests[request].isAnswered = true
        result.winners[request] = attempts[attempt].server
        result.latencies[request] = Double(now &- requests[request].arrivedAt) / 1e6
    }

    private mutating func finish(_ id: RequestID, _ outcome: RequestOutcome) {
        guard let request = index(id), !requests[request].isFinished else {
            result.contradictions += 1
            return
        }
        requests[request].isFinished = true
        unfinished -= 1
        if case .failed = outcome { result.failed += 1 }
    }

    private func index(_ id: RequestID) -> Int? {
        guard id.rawValue > 0, id.rawValue <= UInt64(requests.count) else { return nil }
        return Int(id.rawValue - 1)
    }

    private func index(_ id: AttemptID) -> Int? {
        guard id.rawValue > 0, id.rawValue <= UInt64(attempts.count) else { return nil }
        return Int(id.rawValue - 1)
    }

    // MARK: Service

    private mutating func beginService(_ attempt: Int) {
        let server = attempts[attempt].server
        let request = attempts[attempt].request
        servers[server].begin()
        attempts[attempt].isInService = true
        var service = servers[server].service(
            request, index: server, seed: seed, shared: requests[request].size, correlation: workload.sizeCorrelation)
        if servers[server].isDown(at: Double(now) / 1e9) {
            service = Service(firstToken: nil, end: servers[server].model.failureLatency, fails: true)
        }
        attempts[attempt].fails = service.fails
        let slowness = service.fails ? 1 : slowness(server)
        if let firstToken = service.firstToken {
            push(attempt, .firstToken, after: firstToken * slowness)
        }
        push(attempt, .end, after: service.end * slowness)
    }

    private mutating func slowness(_ server: Int) -> Double {
        let seconds = Double(now) / 1e9
        var factor = servers[server].slowness(at: seconds)
        if sharedSlow?.isSlow(at: seconds) == true { factor = max(factor, workload.slowPeriods?.factor ?? 1) }
        if let slowdown = workload.slowdown, seconds >= slowdown.from, seconds <= slowdown.until {
            factor *= slowdown.factor
        }
        return factor
    }

    private mutating func push(_ attempt: Int, _ kind: DueEvent.Kind, after milliseconds: Double) {
        sequence += 1
        due.insert(
            DueEvent(at: now &+ Self.nanoseconds(milliseconds), sequence: sequence, attempt: attempt, kind: kind))
    }

    private mutating func serve(_ event: DueEvent) {
        let attempt = event.attempt
        guard !attempts[attempt].isAbandoned else { return }
        switch event.kind {
        case .firstToken:
            guard attempts[attempt].isKnownToRouter else { return }
            result.work += Double(now &- attempts[attempt].startedAt) / 1e6
            tell(.firstToken(AttemptID(rawValue: UInt64(attempt + 1))))
            attempts[attempt].startedAt = now
        case .end:
            freeSlot(attempt)
            guard attempts[attempt].isKnownToRouter else { return }
            attempts[attempt].isKnownToRouter = false
            result.ended += 1
            // Work after the first token is not what a hedge costs or saves.
            if !isStream || attempts[attempt].fails {
                result.work += Double(now &- attempts[attempt].startedAt) / 1e6
            }
            let id = AttemptID(rawValue: UInt64(attempt + 1))
            tell(.attemptEnded(id, attempts[attempt].fails ? .failed(Failure(kind: .server)) : .succeeded(nil)))
        }
    }

    /// Ends an attempt's service and begins that of the next one waiting.
    private mutating func freeSlot(_ attempt: Int) {
        let server = attempts[attempt].server
        attempts[attempt].isInService = false
        servers[server].end()
        while !servers[server].isFull, let next = servers[server].dequeue() {
            if !attempts[next].isAbandoned { beginService(next) }
        }
    }

    private static func nanoseconds(_ milliseconds: Double) -> Int64 {
        Interval.milliseconds(max(0, milliseconds)).nanoseconds
    }
}

/// Something a server does.
private struct DueEvent: Comparable, Sendable {
    enum Kind: Sendable {
        case firstToken
        case end
    }

    var at: Int64
    var sequence: UInt64
    var attempt: Int
    var kind: Kind

    static func < (a: DueEvent, b: DueEvent) -> Bool {
        a.at == b.at ? a.sequence < b.sequence : a.at < b.at
    }
}

private struct SimulatedAttempt: Sendable {
    var request: Int
    var server: Int
    var startedAt: Int64
    var isInService = false
    /// Neither ended nor cancelled as far as the router knows.
    var isKnownToRouter = true
    /// The server stopped its work, or will never begin it.
    var isAbandoned = false
    var fails = false
}

private struct SimulatedRequest: Sendable {
    var arrivedAt: Int64
    /// The part of its latencies that every attempt shares.
    var size = 0.0
    var isAnswered = false
    var isFinished = false

    init(at now: Int64) {
        arrivedAt = now
    }
}
