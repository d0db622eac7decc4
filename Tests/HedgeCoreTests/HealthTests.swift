import Testing

@testable import HedgeCore

@Suite("A cooldown")
struct CooldownTests {
    /// Two deployments, shared evenly, so that each gets requests whatever its latency.
    static func harness(_ count: Int = 2, adjust: (inout Policy) -> Void = { _ in }) -> Harness {
        Harness(deployments: count) {
            $0.strategy = .leastBusy
            $0.hedgeBudget = 0
            $0.failoverBudget = 0
            adjust(&$0)
        }
    }

    /// Fails attempts of one deployment, giving up on those that other deployments got.
    static func fail(
        _ deployment: Int, _ kind: FailureKind, times: Int, retryAfter: Double? = nil, in harness: inout Harness
    ) -> [Action] {
        var actions: [Action] = []
        var failures = 0
        for _ in 0..<1000 where failures < times {
            let (id, submitted) = harness.submit()
            for start in submitted.starts where start.deployment.rawValue == deployment && failures < times {
                actions += harness.fail(start.attempt, kind, retryAfter: retryAfter)
                failures += 1
            }
            harness.tell(.cancelled(id))
        }
        return actions
    }

    static func length(_ actions: [Action], at now: Instant) -> Double? {
        for change in actions.healthChanges {
            if case .cooldownStarted(let until, _) = change { return (until - now).milliseconds }
        }
        return nil
    }

    @Test(
        "starts after three hard failures in a row, for half to all of its base",
        arguments: [FailureKind.transport, .server, .overloaded, .providerTimeout, .malformed, .truncated])
    func streak(kind: FailureKind) throws {
        var harness = Self.harness()
        #expect(Self.fail(1, kind, times: 2, in: &harness).healthChanges.isEmpty)
        let tripped = Self.fail(1, kind, times: 1, in: &harness)
        let length = try #require(Self.length(tripped, at: harness.now))
        #expect(length >= 2500 && length <= 5000)
        for _ in 0..<20 {
            let (id, actions) = harness.submit()
            #expect(actions.starts.map(\.deployment.rawValue) == [2])
            harness.tell(.cancelled(id))
        }
    }

    @Test("is not started by failures with successes between them")
    func interrupted() {
        var harness = Self.harness()
        // Fewer than ten results, or the rate of failures alone would do.
        for _ in 0..<3 {
            #expect(Self.fail(1, .server, times: 2, in: &harness).healthChanges.isEmpty)
            var isServed = false
            while !isServed {
                let (id, actions) = harness.submit()
                if let start = actions.starts.first, start.deployment.rawValue == 1 {
                    harness.tell(.firstToken(start.attempt))
                    harness.succeed(start.attempt)
                    isServed = true
                } else {
                    harness.tell(.cancelled(id))
                }
            }
        }
    }

    @Test("starts when more than half of ten results within a minute are failures")
    func rate() {
        var health = DeploymentHealth()
        var random = SplitMix64(seed: 1)
        let limits = CooldownLimits(base: .seconds(5), streak: 3)
        var change: HealthChange?
        for index in 0..<12 where change == nil {
            let now = Instant(nanoseconds: Int64(index) * 1_000_000_000)
            if index % 3 == 0 {
                _ = health.succeeded(generation: 0, isSlow: false, base: limits.base, at: now, random: &random)
            } else {
                change = health.failed(
                    Failure(kind: .server), generation: 0, canCool: true, limits: limits, at: now, random: &random)
                #expect(index >= 9 || change == nil)
            }
        }
        #expect(change != nil)
    }

    @Test("after a rate limit starts at once and lasts as long as the provider asked")
    func retryAfter() throws {
        var harness = Self.harness()
        let tripped = Self.fail(1, .rateLimit, times: 1, retryAfter: 42_000, in: &harness)
        #expect(try #require(Self.length(tripped, at: harness.now)) == 42_000)
        var other = Self.harness()
        let short = Self.fail(1, .rateLimit, times: 1, retryAfter: 10, in: &other)
        #expect(try #require(Self.length(short, at: other.now)) == 5000)
        var forever = Self.harness()
        let capped = Self.fail(1, .rateLimit, times: 1, retryAfter: 1e12, in: &forever)
        #expect(try #require(Self.length(capped, at: forever.now)) == 900_000)
    }

    @Test(
        "after refused credentials, a missing model or an empty balance is long",
        arguments: [FailureKind.authentication, .permission, .notFound, .quota])
    func long(kind: FailureKind) throws {
        var harness = Self.harness()
        let tripped = Self.fail(1, kind, times: 1, in: &harness)
        #expect(try #require(Self.length(tripped, at: harness.now)) >= 300_000)
    }

    @Test(
        "is not started by what is the caller's or the library's fault",
        arguments: [FailureKind.badRequest, .contextLength, .contentPolicy, .tooLarge, .unsupported, .internal])
    func blameless(kind: FailureKind) {
        var harness = Self.harness()
        #expect(Self.fail(1, kind, times: 20, in: &harness).healthChanges.isEmpty)
    }

    @Test("is not started nor ended by losers and cancels")
    func cancelled() {
        var harness = Self.harness()
        for _ in 0..<50 {
            let (id, _) = harness.submit()
            harness.advance(to: harness.time + 500)
            harness.tell(.cancelled(id))
        }
        #expect(harness.log.healthChanges.isEmpty)
    }

    @Test("is not extended by failures of attempts begun before it")
    func generation() {
        var harness = Self.harness()
        var old: [AttemptID] = []
        while old.count < 6 {
            for start in harness.submit().actions.starts where start.deployment.rawValue == 1 {
                old.append(start.attempt)
            }
        }
        for attempt in old.prefix(3) { harness.fail(attempt, .server) }
        #expect(harness.log.healthChanges.count == 1)
        let before = harness.core.statistics(at: harness.now).deployments[0].health
        for attempt in old.suffix(3) { harness.fail(attempt, .server) }
        let after = harness.core.statistics(at: harness.now).deployments[0].health
        #expect(harness.log.healthChanges.count == 1)
        #expect(after.cooldownLeft == before.cooldownLeft)
        #expect(after.cooldowns == 1)
    }

    @Test("is neither renewed nor lengthened by attempts begun before it that fail once it is over")
    func generationAfterExpiry() {
        var harness = Self.harness()
        var old: [AttemptID] = []
        while old.count < 6 {
            for start in harness.submit().actions.starts where start.deployment.rawValue == 1 {
                old.append(start.attempt)
            }
        }
        for attempt in old.prefix(3) { harness.fail(attempt, .server) }
        harness.advance(to: harness.time + 5001)
        #expect(harness.log.healthChanges.last == .canaryAllowed)
        harness.fail(old[3], .server)
        harness.fail(old[4], .rateLimit, retryAfter: 60_000)
        harness.fail(old[5], .authentication)
        #expect(harness.log.healthChanges.last == .canaryAllowed)
        #expect(harness.core.statistics(at: harness.now).deployments[0].health.cooldowns == 1)
    }

    @Test("does not touch the only deployment of a group")
    func onlyOne() {
        var harness = Self.harness(1)
        #expect(Self.fail(1, .server, times: 50, in: &harness).healthChanges.isEmpty)
    }
}

@Suite("Coming back")
struct RecoveryTests {
    /// Deployment 1 has tripped and its cooldown is over.
    static func onProbation(adjust: (inout Policy) -> Void = { _ in }) -> Harness {
        var harness = CooldownTests.harness(2, adjust: adjust)
        for _ in 0..<10 { serve(&harness, latency: 100) }
        _ = CooldownTests.fail(1, .server, times: 3, in: &harness)
        harness.advance(to: harness.time + 5001)
        return harness
    }

    /// A request that every attempt of it would answer after the same time; the first one started wins.
    @discardableResult
    static func serve(_ harness: inout Harness, latency: Double) -> [AttemptStart] {
        let starts = harness.submit().actions.starts
        harness.advance(to: harness.time + latency)
        if let first = starts.first {
            harness.tell(.firstToken(first.attempt))
            harness.succeed(first.attempt)
        }
        return starts
    }

    @Test("allows one canary at a time, as the shadow of a request that a healthy deployment gets too")
    func oneCanary() throws {
        var harness = Self.onProbation()
        #expect(harness.log.healthChanges.last == .canaryAllowed)
        var canaries = 0
        for _ in 0..<100 {
            let starts = harness.submit().actions.starts
            #expect(starts.first?.deployment.rawValue == 2)
            #expect(starts.first?.role == .primary)
            canaries += starts.filter { $0.role == .canary }.count
        }
        #expect(canaries == 1)
    }

    @Test("ends with a canary that works; then its share grows")
    func ramp() throws {
        var harness = Self.onProbation()
        let canary = try #require(harness.submit().actions.starts.last)
        #expect(canary.role == .canary)
        harness.advance(to: harness.time + 100)
        let won = harness.tell(.firstToken(canary.attempt))
        #expect(won.healthChanges == [.recovered])
        #expect(won.commits == [canary.attempt])
        harness.succeed(canary.attempt)

        func share(_ count: Int) -> Double {
            var first = 0
            for _ in 0..<count {
                let (id, actions) = harness.submit()
                if actions.starts.first?.deployment.rawValue == 1 { first += 1 }
                harness.tell(.cancelled(id))
            }
            return Double(first) / Double(count)
        }
        // Equals share evenly, so it gets half of its part.
        #expect(share(400) < 0.12)
        harness.advance(to: harness.time + 30_000)
        let middle = share(400)
        #expect(middle > 0.15 && middle < 0.38)
        harness.advance(to: harness.time + 31_000)
        #expect(share(400) > 0.4)
    }

    @Test("is put off, and for longer, by a canary that fails")
    func failingCanary() throws {
        var harness = Self.onProbation()
        var lengths: [Double] = []
        for _ in 0..<7 {
            let (id, actions) = harness.submit()
            let canary = try #require(actions.starts.first { $0.role == .canary })
            let failed = harness.fail(canary.attempt, .server)
            lengths.append(try #require(CooldownTests.length(failed, at: harness.now)))
            harness.tell(.cancelled(id))
            harness.advance(to: harness.time + lengths[lengths.count - 1])
        }
        for (index, length) in lengths.enumerated() {
            let full = min(300_000, 5000 * Double(1 << (index + 1)))
            #expect(length >= full / 2 && length <= full)
        }
    }

    @Test("is put off by a canary that answers slowly")
    func slowCanary() throws {
        var harness = Self.onProbation()
        let canary = try #require(harness.submit().actions.starts.first { $0.role == .canary })
        harness.advance(to: harness.time + 300)
        let answered = harness.tell(.firstToken(canary.attempt))
        #expect(CooldownTests.length(answered, at: harness.now) != nil)
        #expect(answered.commits == [canary.attempt])
    }

    @Test("is not decided by a canary that merely lost, unless five in a row lost without failing")
    func inconclusive() throws {
        var harness = Self.onProbation()
        for round in 1...5 {
            let starts = Self.serve(&harness, latency: 50)
            #expect(starts.map(\.role) == [.primary, .canary])
            let isRecovered = harness.log.healthChanges.last == .recovered
            #expect(isRecovered == (round == 5))
        }
    }

    @Test("works without parallel attempts, the canary first and failover behind it")
    func sequential() throws {
        var harness = Self.onProbation {
            $0.maxParallelAttempts = 1
            $0.failoverBudget = 1
        }
        let first = try #require(harness.submit().actions.starts.first)
        #expect(first.deployment.rawValue == 1)
        #expect(harness.submit().actions.starts.first?.deployment.rawValue == 2)
        #expect(harness.fail(first.attempt, .server).starts.map(\.role) == [.failover])
    }

    @Test("forgives one step of backoff for each healthy minute")
    func forgiveness() {
        var health = DeploymentHealth()
        var random = SplitMix64(seed: 2)
        let limits = CooldownLimits(base: .seconds(5), streak: 1)
        func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }
        var time = 0.0
        for _ in 0..<4 {
            _ = health.failed(
                Failure(kind: .server), generation: health.generation, canCool: true, limits: limits, at: at(time),
                random: &random)
            time += 301
            _ = health.expire(at: at(time))
        }
        #expect(health.backoff == 4)
        for _ in 0..<200 {
            time += 1
            _ = health.succeeded(
                generation: health.generation, isSlow: false, base: limits.base, at: at(time), random: &random)
        }
        // The first minute is the ramp.
        #expect(health.backoff == 2)
    }
}

@Suite("With every deployment out")
struct LastResortTests {
    static func allOut() -> Harness {
        var harness = CooldownTests.harness(2)
        _ = CooldownTests.fail(1, .rateLimit, times: 1, retryAfter: 60_000, in: &harness)
        _ = CooldownTests.fail(2, .rateLimit, times: 1, retryAfter: 20_000, in: &harness)
        return harness
    }

    @Test("no request is refused because of another, and none races or hedges")
    func manyAtOnce() throws {
        var harness = Self.allOut()
        let first = harness.submit().actions
        #expect(first.starts.map(\.deployment.rawValue) == [2])
        for _ in 0..<10 {
            let next = harness.submit().actions
            #expect(next.starts.count == 1)
            #expect(next.outcomes.isEmpty)
        }
        #expect(harness.advance(to: harness.time + 10_000).starts.isEmpty)
    }

    @Test("a failure there does not lengthen a cooldown that nobody believed to be over")
    func failureThere() throws {
        var harness = Self.allOut()
        let start = try #require(harness.submit().actions.starts.first)
        #expect(harness.fail(start.attempt, .server).healthChanges.isEmpty)
    }

    @Test("an answer brings its deployment back at once")
    func answer() throws {
        var harness = Self.allOut()
        let start = try #require(harness.submit().actions.starts.first)
        harness.tell(.firstToken(start.attempt))
        #expect(harness.succeed(start.attempt).healthChanges == [.recovered])
        for _ in 0..<10 { #expect(harness.submit().actions.starts.first?.deployment.rawValue == 2) }
    }

    @Test("the next one is tried when the first fails, within the same request")
    func failover() throws {
        var harness = Self.allOut()
        harness.tell(
            .configurationReplaced(
                Harness.configuration(deployments: 2) {
                    $0.strategy = .leastBusy
                    $0.hedgeBudget = 0
                }))
        let first = try #require(harness.submit().actions.starts.first)
        let second = try #require(harness.fail(first.attempt, .server).starts.first)
        #expect(second.deployment.rawValue == 1)
        #expect(second.role == .failover)
    }

    @Test("one that is healthy but full is no reason to use one that is out")
    func full() throws {
        var harness = Harness(deployments: 2, adjust: { $0.hedgeBudget = 0 }, each: { $0.maxParallelRequests = 1 })
        let first = try #require(harness.submit().actions.starts.first)
        harness.fail(first.attempt, .authentication)
        #expect(harness.submit().actions.starts.isEmpty)
    }
}

@Suite("The failover budget")
struct FailoverBudgetTests {
    @Test("runs out when failovers fail too, and then requests fail at once")
    func runsOut() {
        var harness = Harness(deployments: 3) {
            $0.hedgeBudget = 0
            $0.allowedFails = 1_000_000
            $0.failoverBudget = 0.01
        }
        for _ in 0..<80 {
            var attempt = harness.submit().actions.starts.first
            while let start = attempt { attempt = harness.fail(start.attempt, .tooLarge).starts.first }
        }
        let statistics = harness.core.statistics(at: harness.now)
        #expect(statistics.failovers >= 100 && statistics.failovers <= 101)
        #expect(statistics.failoversRefused > 10)
        #expect(harness.log.outcomes.count == 80)
    }

    @Test("is not used up by failovers that work")
    func working() {
        var harness = Harness(deployments: 2) {
            $0.hedgeBudget = 0
            $0.failoverBudget = 0.01
        }
        for _ in 0..<300 {
            guard let primary = harness.submit().actions.starts.first,
                let second = harness.fail(primary.attempt, .tooLarge).starts.first
            else { continue }
            harness.tell(.firstToken(second.attempt))
            harness.succeed(second.attempt)
        }
        #expect(harness.core.statistics(at: harness.now).failovers == 300)
    }
}
