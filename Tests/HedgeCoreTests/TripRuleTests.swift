import Testing

@testable import HedgeCore

@Suite("Allowed failures")
struct AllowedFailsTests {
    static let base = Interval.seconds(5)

    /// Failures, a second apart, until a cooldown starts; nil if none does.
    static func failuresUntilCooldown(
        _ kind: FailureKind, most: Int = 200, successesBetween: Int = 0, every seconds: Double = 0.1,
        limits: CooldownLimits
    ) -> Int? {
        var health = DeploymentHealth()
        var random = SplitMix64(seed: 3)
        for index in 1...most {
            let now = Instant(nanoseconds: 0) + .seconds(Double(index) * seconds)
            for _ in 0..<successesBetween {
                _ = health.succeeded(generation: 0, isSlow: false, base: base, at: now, random: &random)
            }
            let change = health.failed(
                Failure(kind: kind), generation: 0, canCool: true, limits: limits, at: now, random: &random)
            if change != nil { return index }
        }
        return nil
    }

    @Test("as a number: the next failure within a minute starts a cooldown", arguments: [0, 1, 3, 100])
    func number(allowed: Int) {
        let limits = CooldownLimits(base: Self.base, allowed: allowed)
        #expect(Self.failuresUntilCooldown(.server, limits: limits) == allowed + 1)
        // The share of failures plays no part then.
        #expect(Self.failuresUntilCooldown(.server, successesBetween: 9, limits: limits) == allowed + 1)
    }

    @Test("are forgotten after a minute")
    func window() {
        let limits = CooldownLimits(base: Self.base, allowed: 3)
        // Three in any minute.
        #expect(Self.failuresUntilCooldown(.server, every: 20.1, limits: limits) == nil)
        #expect(Self.failuresUntilCooldown(.server, every: 13, limits: limits) == 4)
    }

    @Test("as a number leave rate limits and refused credentials as they are")
    func otherClasses() {
        let limits = CooldownLimits(base: Self.base, allowed: 100)
        #expect(Self.failuresUntilCooldown(.rateLimit, limits: limits) == 1)
        #expect(Self.failuresUntilCooldown(.authentication, limits: limits) == 1)
    }

    @Test(
        "by class count that class alone",
        arguments: [
            FailureKind.rateLimit, .quota, .providerTimeout, .authentication, .permission, .notFound, .overloaded,
            .server, .truncated, .malformed, .transport,
        ])
    func byClass(kind: FailureKind) {
        var limits = CooldownLimits(base: Self.base, allowed: 2)
        switch kind {
        case .rateLimit, .quota: limits.allowedByClass.rateLimits = 17
        case .providerTimeout: limits.allowedByClass.timeouts = 17
        case .authentication, .permission: limits.allowedByClass.authentication = 17
        case .notFound: limits.allowedByClass.notFound = 17
        case .overloaded: limits.allowedByClass.overloads = 17
        case .transport: limits.allowedByClass.connections = 17
        default: limits.allowedByClass.serverErrors = 17
        }
        #expect(Self.failuresUntilCooldown(kind, limits: limits) == 18)
    }

    @Test("of one class do not use up those of another")
    func independent() {
        var limits = CooldownLimits(base: Self.base)
        limits.allowedByClass.timeouts = 5
        limits.allowedByClass.serverErrors = 5
        var health = DeploymentHealth()
        var random = SplitMix64(seed: 3)
        for index in 0..<10 {
            let kind: FailureKind = index % 2 == 0 ? .providerTimeout : .server
            let change = health.failed(
                Failure(kind: kind), generation: 0, canCool: true, limits: limits, at: Instant(nanoseconds: 1),
                random: &random)
            #expect(change == nil)
        }
    }

    @Test("of a deployment come before the router's and do not touch its siblings")
    func ofOneDeployment() {
        var configuration = Harness.configuration(deployments: 2) {
            $0.strategy = .leastBusy
            $0.hedgeBudget = 0
            $0.failoverBudget = 0
            $0.allowedFails = 10
        }
        configuration.deployments[0].allowedFails = 0
        var harness = Harness(configuration)
        #expect(CooldownTests.fail(2, .server, times: 10, in: &harness).healthChanges.isEmpty)
        #expect(CooldownTests.fail(1, .server, times: 1, in: &harness).healthChanges.count == 1)
    }

    @Test("do not matter where cooldowns are turned off", arguments: [FailureKind.server, .rateLimit, .authentication])
    func turnedOff(kind: FailureKind) {
        var harness = CooldownTests.harness(2) { $0.coolsDown = false }
        #expect(CooldownTests.fail(1, kind, times: 50, in: &harness).healthChanges.isEmpty)
    }
}

@Suite("No cooldown")
struct NoCooldownTests {
    @Test("is started by deadlines of callers")
    func deadlines() {
        var harness = CooldownTests.harness()
        for _ in 0..<50 {
            _ = harness.submit(deadline: harness.time + 200)
            harness.advance(to: harness.time + 201)
        }
        #expect(harness.log.outcomes.count == 50)
        #expect(harness.log.healthChanges.isEmpty)
    }

    @Test("is started by callers that hang up, before or after the first token")
    func cancels() {
        var harness = CooldownTests.harness()
        for index in 0..<50 {
            let (id, actions) = harness.submit()
            harness.advance(to: harness.time + 300)
            if index % 2 == 0, let start = actions.starts.first { harness.tell(.firstToken(start.attempt)) }
            harness.tell(.cancelled(id))
        }
        #expect(harness.log.healthChanges.isEmpty)
    }

    @Test(
        "is started by requests that are wrong, whatever is allowed",
        arguments: [FailureKind.badRequest, .contextLength, .contentPolicy, .tooLarge])
    func badRequests(kind: FailureKind) {
        var harness = CooldownTests.harness { $0.allowedFails = 0 }
        #expect(CooldownTests.fail(1, kind, times: 30, in: &harness).healthChanges.isEmpty)
    }
}

@Suite("A rate limit")
struct RateLimitTests {
    @Test("puts a deployment with a sibling out at once, and one without never")
    func sibling() {
        var pair = CooldownTests.harness(2)
        #expect(CooldownTests.fail(1, .rateLimit, times: 1, in: &pair).healthChanges.count == 1)
        var single = CooldownTests.harness(1)
        #expect(CooldownTests.fail(1, .rateLimit, times: 20, in: &single).healthChanges.isEmpty)
    }
}

@Suite("Latency ejection")
struct LatencyEjectionTests {
    /// Three deployments with a history of 100 ms; then one of them gets slow.
    static func slowed(factor: Double?, to milliseconds: Double, answers: Int, all: Bool = false) -> Harness {
        var harness = Harness(deployments: 3) {
            $0.strategy = .leastBusy
            $0.hedgeBudget = 0
            $0.latencyEjection = factor
        }
        func serve(_ slow: Double) {
            let starts = (0..<3).compactMap { _ in harness.submit(stream: false).actions.starts.first }
            let begin = harness.time
            let latencies = starts.map { all || $0.deployment.rawValue == 1 ? slow : 100 }
            for (start, latency) in zip(starts, latencies).sorted(by: { $0.1 < $1.1 }) {
                harness.advance(to: begin + latency)
                harness.succeed(start.attempt)
            }
        }
        for _ in 0..<40 { serve(100) }
        for _ in 0..<answers { serve(milliseconds) }
        return harness
    }

    @Test("puts a deployment out that became many times slower than its siblings and itself")
    func ejects() {
        let harness = Self.slowed(factor: 5, to: 1500, answers: 20)
        guard case .cooldownStarted(_, .latency)? = harness.log.healthChanges.first else {
            Issue.record("no cooldown: \(harness.log.healthChanges)")
            return
        }
        let first = harness.core.statistics(at: harness.now).deployments[0]
        #expect(first.recovery.cooldownsForLatency >= 1)
    }

    @Test("is off unless configured, and leaves alone what is slow as a whole or not slow enough")
    func spares() {
        #expect(Self.slowed(factor: nil, to: 1500, answers: 20).log.healthChanges.isEmpty)
        #expect(Self.slowed(factor: 5, to: 300, answers: 20).log.healthChanges.isEmpty)
        #expect(Self.slowed(factor: 5, to: 1500, answers: 20, all: true).log.healthChanges.isEmpty)
    }
}

@Suite("An idle probe")
struct ProbeTests {
    static func cooled(adjust: (inout Policy) -> Void = { _ in }) -> Harness {
        var harness = CooldownTests.harness(3) {
            $0.probeAfter = .seconds(2)
            adjust(&$0)
        }
        for deployment in 1...2 { _ = CooldownTests.fail(deployment, .rateLimit, times: 1, in: &harness) }
        return harness
    }

    @Test("is sent when no request tested a deployment, one at a time, and brings it back")
    func recovers() throws {
        var harness = Self.cooled()
        #expect(harness.advance(to: harness.time + 6999).probes.isEmpty)
        let first = try #require(harness.advance(to: harness.time + 1000).probes.first)
        #expect(harness.log.probes.count == 1)
        #expect(harness.core.statistics(at: harness.now).deployments[first.deployment.rawValue - 1].inFlight == 1)
        let answered = harness.tell(
            .attemptEnded(first.attempt, .succeeded(Usage(promptTokens: 8, completionTokens: 1))))
        #expect(answered.healthChanges == [.recovered])
        let second = try #require(harness.advance(to: harness.time).probes.first)
        #expect(second.deployment != first.deployment)
        #expect(!harness.fail(second.attempt, .server).healthChanges.isEmpty)
        let deployments = harness.core.statistics(at: harness.now).deployments
        let total = deployments.map(\.recovery)
        #expect(total.map(\.probes).reduce(0, +) == 2)
        #expect(total.map(\.probesFailed).reduce(0, +) == 1)
        #expect(total.map(\.probePromptTokens).reduce(0, +) == 8)
        #expect(total.map(\.probeCompletionTokens).reduce(0, +) == 1)
        #expect(deployments.allSatisfy { $0.inFlight == 0 })
    }

    @Test("is not sent unless configured, nor while requests test the deployment")
    func notNeeded() {
        var off = Self.cooled { $0.probeAfter = nil }
        #expect(off.advance(to: 600_000).probes.isEmpty)
        #expect(off.core.nextDeadline == nil)
        var busy = Self.cooled()
        for _ in 0..<200 {
            busy.advance(to: busy.time + 100)
            // The canary, where there is one, answers first.
            if let last = busy.submit(stream: false).actions.starts.last { busy.succeed(last.attempt) }
        }
        #expect(busy.log.probes.isEmpty)
    }

    @Test("that hangs is given up, and its deployment stays out for longer")
    func hangs() throws {
        var harness = Self.cooled()
        let probe = try #require(harness.advance(to: harness.time + 8000).probes.first)
        let given = harness.advance(to: harness.time + 30_000)
        #expect(given.cancels.contains(Cancel(probe.attempt, .timedOut(.total))))
        #expect(harness.core.probe?.id != probe.attempt)
        let health = harness.core.statistics(at: harness.now).deployments[probe.deployment.rawValue - 1].health
        #expect(health.backoff >= 1)
    }

    @Test("that is refused for what it says tells nothing, and is tried again")
    func refused() throws {
        var harness = Self.cooled()
        let probe = try #require(harness.advance(to: harness.time + 8000).probes.first)
        #expect(harness.fail(probe.attempt, .badRequest).healthChanges.isEmpty)
        harness.log = []
        harness.advance(to: harness.time + 2001)
        #expect(!harness.log.probes.isEmpty)
    }
}
