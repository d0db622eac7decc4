@testable import HedgeCore

/// An independent model of what a driver may see, which judges every action against the events told so far.
///
/// It shares no code with the core: sets of what is open, and the rules no core may break.
struct ModelChecker {
    struct OpenRequest {
        var isStream: Bool
        var maxParallel: Int
        /// Those with a lower one are served first.
        var rank: Instant
        var live: Set<AttemptID> = []
        var tried: Set<DeploymentID> = []
        var counted = 0
        var winner: AttemptID?
        var winnerHasEnded = false
        /// Groups entered, the present one last.
        var groups: [GroupID]
        var disablesFallbacks: Bool
        var deadline: Instant?
        /// Nothing is in flight because a repetition is due then.
        var retryAt: Instant?
    }

    struct LiveAttempt {
        var request: RequestID
        var deployment: DeploymentID
        var group: GroupID
        var hasToken = false
        var isPaused = false
    }

    private(set) var requests: [RequestID: OpenRequest] = [:]
    private(set) var attempts: [AttemptID: LiveAttempt] = [:]
    private(set) var configuration: CoreConfiguration
    private(set) var finished: UInt64 = 0
    private(set) var violations: [String] = []
    /// The probe in flight.
    private(set) var probe: ProbeStart?
    var inFlight: [DeploymentID: Int] = [:]
    /// Deployments that tripped and were not seen to recover.
    var out: Set<DeploymentID> = []
    var waitingBefore = 0
    private var latestAttempt: UInt64 = 0
    private var judged = 0
    /// Whether what takes time to compare is compared now: after every eighth event.
    var isThorough: Bool { judged % 8 == 0 }

    init(_ configuration: CoreConfiguration) {
        self.configuration = configuration
    }

    /// Judges what a core did with one event.
    mutating func judge(_ event: Event, _ actions: [Action], core: RouterCore, at now: Instant) {
        let touched = before(event, at: now)
        var superseded: [RequestID] = []
        for action in actions {
            switch action {
            case .startAttempt(let start):
                judgeTurn(start.request)
                started(start, at: now)
            case .startProbe(let start): probeStarted(start)
            case .cancelAttempt(let attempt, .timedOut(.total)) where attempt == probe?.attempt: endProbe()
            case .cancelAttempt(let attempt, let reason):
                if reason == .superseded, let request = attempts[attempt]?.request { superseded.append(request) }
                cancelled(attempt, reason, event)
            case .commit(let request, let attempt): committed(request, attempt, event)
            case .finish(let request, let outcome): finish(request, outcome)
            case .note(let request, let note):
                noted(request, note, at: now)
            case .healthChanged(let deployment, let change):
                check(change, deployment, at: now)
            }
        }
        for request in superseded where requests[request]?.winner == nil {
            if requests[request] != nil { fail("attempts of \(request) superseded by nothing") }
        }
        if let touched { afterwards(touched, core) }
        judged += 1
        judgeQueues(event, core)
        if case .timeReached = event, let next = core.nextDeadline, next <= now {
            fail("next deadline \(next) is not after \(now)")
        }
        if isThorough { checkWaiting(core) }
        for budget in [core.hedgeBudget, core.failoverBudget, core.retryBudget] where budget.level < 0 {
            fail("a budget is \(budget.level)")
        }
        if core.inconsistencies != 0 { fail("the core counted an inconsistency on \(event)") }
    }

    /// Judges what is left once every request is over.
    mutating func judgeEnd(_ core: RouterCore, at now: Instant) {
        if !requests.isEmpty { fail("requests never finished: \(requests.keys)") }
        if !attempts.isEmpty { fail("attempts never ended: \(attempts.keys)") }
        let statistics = core.statistics(at: now)
        if statistics.requestsInFlight != 0 { fail("\(statistics.requestsInFlight) requests in flight at the end") }
        for deployment in statistics.deployments where deployment.inFlight != 0 {
            fail("\(deployment.inFlight) attempts in flight on \(deployment.id) at the end")
        }
        if core.hedgesInFlight != 0 { fail("\(core.hedgesInFlight) hedges in flight at the end") }
        if core.requestTimers.count != 0 || core.wakeTimers.count != 0 { fail("timers left at the end") }
        if core.waitingRequests != 0 || core.groups.contains(where: { !$0.waiting.isEmpty }) {
            fail("requests wait after their end")
        }
        if probe != nil || core.probe != nil { fail("a probe is left at the end") }
        for group in core.groups where group.streamRaces != 0 || group.completeRaces != 0 {
            fail("races left at the end")
        }
        if statistics.hedges.won + statistics.hedges.lost != statistics.hedges.fired {
            fail("hedges do not add up")
        }
        for group in statistics.groups where group.hedges.won + group.hedges.lost != group.hedges.fired {
            fail("hedges of group \(group.id) do not add up")
        }
        if statistics.succeeded + statistics.failed != statistics.requests { fail("requests do not add up") }
    }

    /// Each deployment waits for exactly its attempts without an answer, the oldest first.
    private mutating func checkWaiting(_ core: RouterCore) {
        var waiting = 0
        for deployment in core.deployments {
            for (list, isStream) in [(deployment.waitingStreams, true), (deployment.waitingComplete, false)] {
                var before = -1
                var slot = list.first
                while slot >= 0, waiting <= attempts.count {
                    let record = core.attempts[slot]
                    let known = attempts[record.id]
                    if known == nil || known?.hasToken == true { fail("\(record.id) is waited for without reason") }
                    if known?.deployment != deployment.configuration.id { fail("\(record.id) is waited for elsewhere") }
                    if known.flatMap({ requests[$0.request]?.isStream }) != isStream {
                        fail("\(record.id) is mixed up")
                    }
                    if record.waitingBefore != before { fail("\(record.id) has the wrong neighbour") }
                    if before >= 0, core.attempts[before].startedAt > record.startedAt { fail("waits out of order") }
                    before = slot
                    slot = record.waitingAfter
                    waiting += 1
                }
                if list.last != before { fail("the last that waits on \(deployment.configuration.id) is wrong") }
            }
        }
        let expected = attempts.values.count { !$0.hasToken }
        if waiting != expected { fail("\(waiting) attempts are waited for, not \(expected)") }
    }

    // MARK: - What the event alone changes

    /// Applies the event and names the request it concerns.
    private mutating func before(_ event: Event, at now: Instant) -> RequestID? {
        switch event {
        case .submitted(let id, let traits):
            let parallel = max(1, traits.overrides.maxParallelAttempts ?? configuration.policy.maxParallelAttempts)
            let priority = traits.overrides.priority ?? configuration.policy.defaultPriority
            requests[id] = OpenRequest(
                isStream: traits.isStream, maxParallel: parallel,
                rank: now + .seconds(10 * Double(min(255, max(0, priority)))), groups: [traits.group],
                disablesFallbacks: traits.overrides.disableFallbacks,
                deadline: traits.deadline ?? configuration.policy.requestTimeout.map { now + $0 })
            return id
        case .attemptEnded(let id, let outcome):
            if id == probe?.attempt { endProbe() }
            guard let attempt = attempts[id] else { return nil }
            close(id)
            switch outcome {
            case .succeeded:
                requests[attempt.request]?.winnerHasEnded = true
            case .failed(let failure):
                if failure.kind == .unsupported, requests[attempt.request]?.groups.last == attempt.group {
                    requests[attempt.request]?.counted -= 1
                }
            }
            return attempt.request
        case .firstToken(let id):
            attempts[id]?.hasToken = true
            return attempts[id]?.request
        case .paused(let id):
            attempts[id]?.isPaused = true
            return nil
        case .resumed(let id):
            attempts[id]?.isPaused = false
            return nil
        case .configurationReplaced(let new):
            configuration = new
            return nil
        case .cancelled(let id):
            return requests[id] == nil ? nil : id
        case .progressed, .timeReached:
            return nil
        }
    }

    /// A request is over, or waits in a queue, or something of it is in flight: nothing hangs.
    private mutating func afterwards(_ id: RequestID, _ core: RouterCore) {
        guard let request = requests[id] else { return }
        if request.live.isEmpty, request.retryAt == nil, !isWaiting(id, core) {
            fail("\(id) hangs with nothing in flight")
        }
        if !request.live.isEmpty, request.retryAt != nil { fail("\(id) waits with something in flight") }
        if let winner = request.winner, request.live != [winner] { fail("\(id) has losers after its commit") }
    }

    private mutating func close(_ id: AttemptID) {
        guard let attempt = attempts.removeValue(forKey: id) else { return }
        requests[attempt.request]?.live.remove(id)
        inFlight[attempt.deployment, default: 0] -= 1
    }

    // MARK: - Actions

    private mutating func noted(_ id: RequestID, _ note: DecisionNote, at now: Instant) {
        guard var request = requests[id] else {
            fail("note on \(id), which is not open")
            return
        }
        switch note {
        case .retryScheduled(let wait):
            request.retryAt = now + wait
            if let deadline = request.deadline, now + wait >= deadline { fail("\(id) waits past its deadline") }
            if wait < configuration.policy.retryAfter { fail("\(id) waits too little") }
        case .fellBack(let group, _):
            request.retryAt = nil
            if request.disablesFallbacks { fail("\(id) falls back although it must not") }
            if request.winner != nil { fail("\(id) falls back after its commit") }
            if request.groups.contains(group) { fail("\(id) enters \(group) again") }
            if request.live.count >= request.maxParallel { request.maxParallel += 1 }
            request.groups.append(group)
            request.counted = 0
            if request.groups.count > configuration.policy.maxFallbacks + 1 { fail("\(id) falls back too often") }
        case .raced, .hedgeArmed, .hedgeSuppressed:
            break
        }
        requests[id] = request
    }

    private mutating func started(_ start: AttemptStart, at now: Instant) {
        if start.attempt.rawValue <= latestAttempt { fail("\(start.attempt) was used before") }
        latestAttempt = start.attempt.rawValue
        guard let deployment = configuration.deployments.first(where: { $0.id == start.deployment }) else {
            fail("\(start.deployment) is not configured")
            return
        }
        guard var request = requests[start.request] else {
            fail("attempt for \(start.request), which is not open")
            return
        }
        if request.winner != nil { fail("\(start.request) got an attempt after its commit") }
        let isNew = request.tried.insert(start.deployment).inserted
        if isNew == (start.role == .retry) { fail("\(start.request) tries \(start.deployment) as \(start.role)") }
        if let deadline = request.deadline, now >= deadline { fail("\(start.attempt) starts after the deadline") }
        if start.role == .retry, request.retryAt.map({ $0 > now }) ?? true { fail("\(start.attempt) is too early") }
        request.retryAt = nil
        if !request.groups.contains(start.group) { fail("\(start.attempt) is of \(start.group)") }
        if start.group != request.groups.last, start.role != .canary { fail("\(start.attempt) is of a group left") }
        request.live.insert(start.attempt)
        request.counted += 1
        if request.live.count > request.maxParallel { fail("\(start.request) has too many attempts in flight") }
        if request.counted > max(1, configuration.policy.maxAttempts) { fail("\(start.request) has too many attempts") }
        requests[start.request] = request
        attempts[start.attempt] = LiveAttempt(request: start.request, deployment: start.deployment, group: start.group)
        inFlight[start.deployment, default: 0] += 1
        if let limit = deployment.maxParallelRequests, inFlight[start.deployment, default: 0] > limit {
            fail("\(start.deployment) has too many attempts in flight")
        }
    }

    private mutating func cancelled(_ id: AttemptID, _ reason: CancelReason, _ event: Event) {
        if attempts[id] == nil { fail("\(id) is cancelled although it has ended") }
        close(id)
        let fits: Bool
        switch (reason, event) {
        case (.superseded, .firstToken), (.superseded, .attemptEnded(_, .succeeded)): fits = true
        case (.callerCancelled, .cancelled), (.deadline, .timeReached), (.timedOut, .timeReached): fits = true
        case (.requestFailed, .attemptEnded(_, .failed(let failure))):
            fits = [.badRequest, .contextLength, .contentPolicy].contains(failure.kind)
        default: fits = false
        }
        if !fits { fail("\(id) is cancelled for \(reason) on \(event)") }
    }

    private mutating func committed(_ id: RequestID, _ attempt: AttemptID, _ event: Event) {
        guard var request = requests[id] else {
            fail("\(id) commits after its end")
            return
        }
        if let winner = request.winner { fail("\(id) has two winners, \(winner) and \(attempt)") }
        switch event {
        case .firstToken(attempt): break
        case .attemptEnded(attempt, .succeeded): break
        default: fail("\(id) commits to \(attempt) on \(event)")
        }
        request.winner = attempt
        requests[id] = request
    }

    private mutating func finish(_ id: RequestID, _ outcome: RequestOutcome) {
        guard let request = requests.removeValue(forKey: id) else {
            fail("\(id) finishes again")
            return
        }
        finished += 1
        if !request.live.isEmpty { fail("\(id) finishes with attempts in flight") }
        switch outcome {
        case .succeeded(let attempt):
            if request.winner != attempt || !request.winnerHasEnded { fail("\(id) succeeds without a winner") }
        case .failed(.interrupted(let attempt)):
            if request.winner != attempt { fail("\(id) is interrupted without a winner") }
        case .failed(.attempt), .failed(.noDeployment), .failed(.queueFull):
            if request.winner != nil { fail("\(id) fails as if it had no winner") }
        case .failed(.internalError):
            fail("\(id) ends with an internal error")
        case .failed(.deadline), .failed(.cancelled):
            break
        }
    }

    private mutating func check(_ change: HealthChange, _ deployment: DeploymentID, at now: Instant) {
        if case .recovered = change { out.remove(deployment) }
        guard case .cooldownStarted(let until, _) = change else { return }
        out.insert(deployment)
        if until < now { fail("\(deployment) cools down until the past") }
        if until - now > .seconds(900) { fail("\(deployment) cools down for too long") }
    }

    private mutating func probeStarted(_ start: ProbeStart) {
        if probe != nil { fail("\(start) is a second probe") }
        if start.attempt.rawValue <= latestAttempt { fail("\(start.attempt) was used before") }
        if !out.contains(start.deployment) { fail("\(start.deployment) is probed although it takes part") }
        if !configuration.deployments.contains(where: { $0.id == start.deployment }) {
            fail("\(start.deployment) is probed although it is not configured")
        }
        if configuration.policy.probeAfter == nil { fail("a probe although they are off") }
        latestAttempt = start.attempt.rawValue
        inFlight[start.deployment, default: 0] += 1
        probe = start
    }

    private mutating func endProbe() {
        if let deployment = probe?.deployment { inFlight[deployment, default: 0] -= 1 }
        probe = nil
    }

    mutating func fail(_ message: String) {
        if violations.count < 10 { violations.append(message) }
    }
}
