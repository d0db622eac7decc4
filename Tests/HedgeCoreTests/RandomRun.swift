@testable import HedgeCore

/// Random but lawful events, told to a core and judged by the model checker.
struct RandomRun {
    let seed: UInt64
    private var random: SplitMix64
    private var core: RouterCore
    private(set) var checker: ModelChecker
    private var now = Instant(nanoseconds: 0)
    private var latestRequest: UInt64 = 0
    private var openRequests: [RequestID] = []
    private var openAttempts: [AttemptID] = []
    private var closedAttempts: [AttemptID] = []
    private(set) var events = 0
    private(set) var actionCount = 0

    init(seed: UInt64) {
        self.seed = seed
        var random = SplitMix64(seed: seed)
        let configuration = Self.configuration(&random)
        core = RouterCore(configuration: configuration, seed: seed ^ 0xABCD)
        checker = ModelChecker(configuration)
        self.random = random
    }

    /// Runs for `count` events, then ends every request and judges what is left.
    mutating func run(events count: Int) {
        while events < count, checker.violations.isEmpty { step() }
        for request in openRequests { tell(.cancelled(request)) }
        while let probe = checker.probe, checker.violations.isEmpty {
            tell(.attemptEnded(probe.attempt, .succeeded(nil)))
        }
        checker.judgeEnd(core, at: now)
    }

    private mutating func step() {
        let busy = openAttempts.count + core.waitingRequests
        if let probe = checker.probe, random.chance(0.05) { endProbe(probe) }
        switch random.index(below: 100) {
        case 0..<(busy > 60 ? 2 : 22): submit()
        case 22..<40: passTime()
        case 40..<62: firstToken()
        case 62..<72: withLive { .progressed($0) }
        case 72..<90: end()
        case 90..<92: withLive { .paused($0) }
        case 92..<94: withLive { .resumed($0) }
        case 94..<96: late()
        case 96..<99:
            if let request = pickRequest() { tell(.cancelled(request)) }
        default:
            if random.chance(0.05) { tell(.configurationReplaced(Self.configuration(&random))) }
        }
    }

    private mutating func submit() {
        latestRequest += 1
        var traits = RequestTraits(
            group: GroupID(rawValue: random.index(below: 3)), isStream: random.chance(0.6),
            promptBytes: random.index(below: 100_000))
        if random.chance(0.3) { traits.deadline = now + .milliseconds(Int64(random.index(below: 4000))) }
        if random.chance(0.1) { traits.overrides.maxParallelAttempts = random.index(below: 5) }
        if random.chance(0.1) {
            traits.overrides.hedgeThreshold = .milliseconds(Int64(random.index(below: 300) - 20))
        }
        if random.chance(0.1) { traits.overrides.retries = random.index(below: 4) }
        if random.chance(0.1) {
            traits.overrides.fallbacks = (0..<random.index(below: 4)).map { _ in anyGroup() }
        }
        traits.overrides.disableFallbacks = random.chance(0.05)
        if random.chance(0.4) { traits.overrides.priority = random.index(below: 4) }
        tell(.submitted(RequestID(rawValue: latestRequest), traits))
    }

    private mutating func anyGroup() -> GroupID {
        GroupID(rawValue: random.index(below: 4))
    }

    private mutating func passTime() {
        if random.chance(0.6), let next = core.nextDeadline {
            now = max(now, next)
        } else {
            now = now + .milliseconds(random.unit() * 200)
            if random.chance(0.002) { now = now + .seconds(900 * random.unit()) }
        }
        if let next = core.nextDeadline, next <= now { tell(.timeReached) }
    }

    private mutating func firstToken() {
        guard let attempt = pickAttempt(), let live = checker.attempts[attempt], !live.hasToken,
            checker.requests[live.request]?.isStream == true
        else { return }
        tell(.firstToken(attempt))
    }

    private mutating func end() {
        guard let attempt = pickAttempt() else { return }
        if random.chance(0.5) {
            tell(.attemptEnded(attempt, .succeeded(nil)))
            return
        }
        let kind = FailureKind.allCases[random.index(below: FailureKind.allCases.count)]
        let wait: Interval? = random.chance(0.2) ? .milliseconds(Int64(random.index(below: 30_000))) : nil
        let mayRepeat: Bool? = random.chance(0.2) ? random.chance(0.5) : nil
        tell(.attemptEnded(attempt, .failed(Failure(kind: kind, retryAfter: wait, mayRepeat: mayRepeat))))
    }

    private mutating func endProbe(_ probe: ProbeStart) {
        let kind = FailureKind.allCases[random.index(below: FailureKind.allCases.count)]
        tell(.attemptEnded(probe.attempt, random.chance(0.5) ? .succeeded(nil) : .failed(Failure(kind: kind))))
    }

    private mutating func withLive(_ event: (AttemptID) -> Event) {
        if let attempt = pickAttempt() { tell(event(attempt)) }
    }

    /// Word of an attempt that is over, as it may cross a cancel.
    private mutating func late() {
        guard !closedAttempts.isEmpty else { return }
        let attempt = closedAttempts[random.index(below: closedAttempts.count)]
        switch random.index(below: 3) {
        case 0: tell(.firstToken(attempt))
        case 1: tell(.attemptEnded(attempt, .succeeded(nil)))
        default: tell(.attemptEnded(attempt, .failed(Failure(kind: .transport))))
        }
    }

    private mutating func tell(_ event: Event) {
        events += 1
        var actions: [Action] = []
        core.handle(event, at: now, into: &actions)
        actionCount += actions.count
        checker.judge(event, actions, core: core, at: now)
        if case .submitted(let id, _) = event, checker.requests[id] != nil { openRequests.append(id) }
        for action in actions {
            if case .startAttempt(let start) = action { openAttempts.append(start.attempt) }
        }
    }

    private mutating func pickRequest() -> RequestID? {
        while !openRequests.isEmpty {
            let index = random.index(below: openRequests.count)
            if checker.requests[openRequests[index]] != nil { return openRequests[index] }
            openRequests.swapAt(index, openRequests.count - 1)
            openRequests.removeLast()
        }
        return nil
    }

    private mutating func pickAttempt() -> AttemptID? {
        while !openAttempts.isEmpty {
            let index = random.index(below: openAttempts.count)
            if checker.attempts[openAttempts[index]] != nil { return openAttempts[index] }
            if closedAttempts.count < 20 {
                closedAttempts.append(openAttempts[index])
            } else {
                closedAttempts[random.index(below: 20)] = openAttempts[index]
            }
            openAttempts.swapAt(index, openAttempts.count - 1)
            openAttempts.removeLast()
        }
        return nil
    }

    private static func fallbacks(_ random: inout SplitMix64) -> GroupFallbacks {
        var lists: [[GroupID]] = []
        for _ in 0..<3 {
            lists.append((0..<random.index(below: 4)).map { _ in GroupID(rawValue: random.index(below: 4)) })
        }
        return GroupFallbacks(
            general: lists[0], contextWindow: random.chance(0.5) ? lists[1] : nil,
            contentPolicy: random.chance(0.5) ? lists[2] : nil)
    }

    private static func configuration(_ random: inout SplitMix64) -> CoreConfiguration {
        var policy = Policy()
        policy.strategy = RoutingStrategy.allCases[random.index(below: RoutingStrategy.allCases.count)]
        if random.chance(0.3) { policy.strategy = .staggeredHedge }
        policy.coldStartParallel = random.chance(0.7)
        policy.maxParallelAttempts = 1 + random.index(below: 4)
        policy.maxAttempts = 1 + random.index(below: 6)
        policy.maxHedges = random.index(below: 4)
        if random.chance(0.4) { policy.hedgeThreshold = .milliseconds(Int64(random.index(below: 200))) }
        policy.hedgeBudget = [0, 0.05, 0.5, 1, 5][random.index(below: 5)]
        policy.controlFraction = random.chance(0.5) ? 0.1 : 0
        if random.chance(0.3) { policy.requestTimeout = .milliseconds(Int64(random.index(below: 5000))) }
        if random.chance(0.3) { policy.allowedFails = random.index(below: 4) }
        if random.chance(0.2) { policy.allowedFailsByClass.rateLimits = random.index(below: 4) }
        policy.coolsDown = random.chance(0.95)
        policy.whenAllCooling = AllCoolingRule.allCases[random.index(below: 3)]
        if random.chance(0.4) { policy.probeAfter = .milliseconds(Int64(random.index(below: 3000))) }
        if random.chance(0.3) { policy.latencyEjection = 1.5 + random.unit() }
        policy.maxWaiting = [0, 2, 1000][random.index(below: 3)]
        policy.maxWait = .milliseconds(Int64(random.index(below: 90_000)))
        policy.retries = RetryPolicy(standard: random.index(below: 4))
        if random.chance(0.3) { policy.retries.rateLimits = random.index(below: 4) }
        if random.chance(0.3) { policy.retryAfter = .milliseconds(Int64(random.index(below: 1000))) }
        policy.retryBudget = [0, 0.2, 1][random.index(below: 3)]
        policy.failoverBudget = [0, 0.2, 1][random.index(below: 3)]
        policy.maxFallbacks = random.index(below: 4)

        let count = 1 + random.index(below: 5)
        let ids = (1...count).map { _ in DeploymentID(rawValue: random.index(below: 8)) }
        let unique = ids.reduce(into: [DeploymentID]()) { if !$0.contains($1) { $0.append($1) } }
        let deployments = unique.map { id in
            var deployment = DeploymentConfiguration(id: id)
            deployment.failureDomain = ["", "a", "b"][random.index(below: 3)]
            if random.chance(0.3) { deployment.maxParallelRequests = 1 + random.index(below: 8) }
            if random.chance(0.3) { deployment.requestsPerMinute = 1 + random.index(below: 400) }
            if random.chance(0.3) { deployment.tokensPerMinute = 1 + random.index(below: 1_000_000) }
            if random.chance(0.5) {
                deployment.timeouts.firstToken = .milliseconds(Int64(random.index(below: 1000)))
            }
            if random.chance(0.5) { deployment.timeouts.gap = .milliseconds(Int64(random.index(below: 500))) }
            if random.chance(0.5) { deployment.timeouts.total = .milliseconds(Int64(random.index(below: 3000))) }
            deployment.cooldown = .milliseconds(Int64(random.index(below: 8000)))
            if random.chance(0.3) { deployment.order = random.index(below: 3) }
            if random.chance(0.2) { deployment.retries = random.index(below: 4) }
            return deployment
        }
        // Some groups share deployments, some have their own; loops and unknown names among the fallbacks are lawful.
        let isShared = random.chance(0.5)
        let groups = (0..<3).map { group in
            var configuration = GroupConfiguration(
                id: GroupID(rawValue: group),
                deployments: unique.filter { id in
                    isShared ? group == 0 || random.chance(0.7) : id.rawValue % 3 == group || unique.count < 3
                })
            if random.chance(0.6) { configuration.fallbacks = fallbacks(&random) }
            if random.chance(0.2) { configuration.retries = RetryPolicy(standard: random.index(below: 3)) }
            return configuration
        }
        return CoreConfiguration(deployments: deployments, groups: groups, policy: policy)
    }
}
