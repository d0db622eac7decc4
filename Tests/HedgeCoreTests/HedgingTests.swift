import Testing

@testable import HedgeCore

@Suite("A hedge threshold")
struct ThresholdTests {
    /// Two deployments of which one has a history of latencies from `low` to `high`.
    static func harness(
        low: Double = 300, high: Double = 400, samples: Int = 300, adjust: (inout Policy) -> Void = { _ in }
    ) -> Harness {
        var harness = Harness(deployments: 2) {
            $0.hedgeThreshold = nil
            $0.hedgeBudget = 0
            adjust(&$0)
        }
        for index in 0..<samples {
            harness.serve(after: low + (high - low) * Double(index * 37 % samples) / Double(samples))
        }
        return harness
    }

    static func armed(_ actions: [Action]) -> (delay: Double, source: ThresholdSource)? {
        for note in actions.notes {
            if case .hedgeArmed(let threshold, let source) = note { return (threshold.milliseconds, source) }
        }
        return nil
    }

    static func reconfigured(_ harness: inout Harness, _ adjust: (inout Policy) -> Void) {
        harness.tell(
            .configurationReplaced(
                Harness.configuration(deployments: 2) {
                    $0.hedgeThreshold = nil
                    adjust(&$0)
                }))
    }

    @Test("is the percentile of the primary's history")
    func percentile() throws {
        var harness = Self.harness(low: 300, high: 1000)
        Self.reconfigured(&harness) { _ in }
        let threshold = try #require(Self.armed(harness.submit().actions))
        #expect(threshold.source == .percentile)
        #expect(abs(threshold.delay / 965 - 1) < 0.03)
    }

    @Test("is the prior's while there is next to no history, and never tiny after idling")
    func prior() throws {
        var harness = Self.harness(samples: 6)
        Self.reconfigured(&harness) { _ in }
        let early = try #require(Self.armed(harness.submit().actions))
        #expect(early.source == .prior)
        #expect(early.delay > 400)
        harness.advance(to: harness.time + 3_000_000)
        let idle = try #require(Self.armed(harness.submit().actions))
        #expect(idle.delay >= 250)
    }

    @Test("is the knee of a slow mode that the percentile lies in")
    func knee() throws {
        var harness = Harness(deployments: 2) {
            $0.hedgeThreshold = nil
            $0.hedgeBudget = 0
        }
        for index in 0..<600 { harness.serve(after: index % 16 == 0 ? 3000 : 300 + Double(index % 10)) }
        Self.reconfigured(&harness) { _ in }
        let threshold = try #require(Self.armed(harness.submit().actions))
        #expect(threshold.source == .knee)
        #expect(threshold.delay < 500)
    }

    @Test("stays within its configured limits, a deadline's half and three fifths of a timeout")
    func limits() throws {
        var harness = Self.harness()
        Self.reconfigured(&harness) { $0.hedgeThresholdMin = .milliseconds(Int64(700)) }
        #expect(try #require(Self.armed(harness.submit().actions)).delay == 700)
        Self.reconfigured(&harness) { $0.hedgeThresholdMax = .milliseconds(Int64(80)) }
        #expect(try #require(Self.armed(harness.submit().actions)).delay == 80)
        Self.reconfigured(&harness) { _ in }
        let deadline = harness.time + 200
        #expect(try #require(Self.armed(harness.submit(deadline: deadline).actions)).delay == 100)
        harness.tell(
            .configurationReplaced(
                Harness.configuration(deployments: 2) {
                    $0.hedgeThreshold = nil
                } each: {
                    $0.timeouts.firstToken = .milliseconds(Int64(250))
                }))
        #expect(try #require(Self.armed(harness.submit().actions)).delay == 150)
    }

    @Test("follows a shift of latencies")
    func shift() throws {
        var harness = Self.harness(low: 300, high: 400, samples: 300)
        for index in 0..<600 { harness.serve(after: 1300 + Double(index % 100)) }
        harness.advance(to: harness.time + 1000)
        Self.reconfigured(&harness) { _ in }
        for _ in 0..<4 {
            let (id, actions) = harness.submit()
            if let threshold = Self.armed(actions) { #expect(threshold.delay > 1000) }
            harness.tell(.cancelled(id))
        }
    }

    @Test("is not moved by failures, but by losers that were cut off")
    func censoring() throws {
        var harness = Self.harness(low: 300, high: 1000)
        for _ in 0..<100 {
            let primary = try #require(harness.submit().actions.starts.first)
            harness.advance(to: harness.time + 5)
            harness.fail(primary.attempt, .badRequest)
        }
        Self.reconfigured(&harness) { $0.maxAttempts = 1 }
        #expect(abs(try #require(Self.armed(harness.submit().actions)).delay / 965 - 1) < 0.03)
        for _ in 0..<40 {
            let (id, _) = harness.submit()
            harness.advance(to: harness.time + 1500)
            harness.tell(.cancelled(id))
        }
        #expect(try #require(Self.armed(harness.submit().actions)).delay > 990)
    }
}

@Suite("The hedge budget")
struct BudgetTests {
    @Test("starts with two, so a third hedge is refused and its primary goes on")
    func initial() throws {
        var harness = Harness(deployments: 2) { $0.hedgeBudget = 0.01 }
        var last: AttemptStart?
        for _ in 0..<3 { last = harness.submit().actions.starts.first }
        let actions = harness.advance(to: 100)
        #expect(actions.starts.count == 2)
        #expect(actions.notes.contains(.hedgeSuppressed(.budget)))
        let primary = try #require(last)
        #expect(harness.tell(.firstToken(primary.attempt)).commits == [primary.attempt])
    }

    @Test("refused with nothing else in flight ends the request at once")
    func noHang() throws {
        var harness = Harness(deployments: 2) {
            $0.hedgeBudget = 0
            $0.failoverBudget = 0
        }
        let primary = try #require(harness.submit().actions.starts.first)
        #expect(harness.fail(primary.attempt, .server).outcomes == [.failed(.attempt(primary.attempt))])
    }

    @Test("is filled by requests, not by time")
    func filling() throws {
        var harness = Harness(deployments: 2) { $0.hedgeBudget = 0.1 }
        for _ in 0..<2 { _ = harness.submit() }
        harness.advance(to: 100)
        let before = harness.core.hedgeBudget.level
        harness.advance(to: 3_600_000)
        #expect(harness.core.hedgeBudget.level == before)
        for _ in 0..<8 { harness.serve(after: 1) }
        #expect(abs(harness.core.hedgeBudget.level - before - 0.8) < 1e-9)
    }

    @Test("keeps its level on a reload with the same share and loses it with none")
    func reload() {
        var bucket = TokenBucket(share: 0.1)
        for _ in 0..<5 { bucket.deposit() }
        let level = bucket.level
        bucket.setShare(0.1)
        #expect(bucket.level == level)
        bucket.setShare(0)
        #expect(bucket.level == 0)
        let isTaken = bucket.withdraw()
        #expect(!isTaken)
    }

    @Test("never goes below nothing nor above its capacity")
    func bounds() {
        var bucket = TokenBucket(share: 3)
        for _ in 0..<100 { bucket.deposit() }
        #expect(bucket.level == 10)
        var taken = 0
        while bucket.withdraw() { taken += 1 }
        #expect(taken == 10)
        #expect(bucket.level >= 0)
        bucket.refund(50)
        #expect(bucket.level == 10)
    }

    @Test("that is no number allows nothing", arguments: [Double.nan, .infinity, -1])
    func nonsense(share: Double) {
        var bucket = TokenBucket(share: share)
        bucket.deposit()
        #expect(bucket.level == 0)
        let isTaken = bucket.withdraw()
        #expect(!isTaken)
    }

    @Test("keeps the share of hedges over many requests")
    func share() {
        var harness = Harness(deployments: 3) { $0.hedgeBudget = 0.05 }
        for _ in 0..<2000 { harness.serve(after: 150) }
        let statistics = harness.core.statistics(at: harness.now)
        #expect(statistics.hedges.fired <= 102)
        #expect(statistics.hedges.fired >= 95)
        #expect((statistics.hedges.suppressed[.budget] ?? 0) > 1000)
    }

    @Test("charges a hedge that costs more than the attempt it helps", arguments: [1.0, 4])
    func price(factor: Double) throws {
        var harness = Harness(deployments: 1)
        harness.serve(after: 10)
        // The first deployment is known and therefore the primary.
        var configuration = Harness.configuration(deployments: 2)
        for index in 0..<2 {
            configuration.deployments[index].inputCostPerToken = index == 0 ? 1 : factor
            configuration.deployments[index].outputCostPerToken = index == 0 ? 1 : factor
        }
        harness.tell(.configurationReplaced(configuration))
        _ = harness.submit()
        let hedge = harness.advance(to: harness.time + 100)
        // Four times the price is more than the bucket's two and a bit.
        #expect(hedge.notes.contains(.hedgeSuppressed(.budget)) == (factor > 2))
        #expect(hedge.starts.count == (factor > 2 ? 0 : 1))
    }
}

@Suite("A hedge is not sent")
struct SuppressionTests {
    static func suppression(_ actions: [Action]) -> [HedgeSuppression] {
        actions.notes.compactMap { if case .hedgeSuppressed(let reason) = $0 { reason } else { nil } }
    }

    @Test("to the control arm")
    func control() {
        var harness = Harness(deployments: 2) { $0.controlFraction = 1 }
        _ = harness.submit()
        #expect(Self.suppression(harness.advance(to: 100)) == [.control])
        #expect(harness.advance(to: 10_000).starts.isEmpty)
        #expect(harness.core.hedgeBudget.level > 2)
    }

    @Test("when no other deployment takes part")
    func noTarget() throws {
        var harness = Harness(deployments: 2)
        let first = try #require(harness.submit().actions.starts.first)
        harness.fail(first.attempt, .authentication)
        harness.advance(to: 10)
        _ = harness.submit()
        #expect(Self.suppression(harness.advance(to: 110)).contains(.noTarget))
    }

    @Test("when the only other one is near its limit per minute")
    func rateLimit() {
        func configuration(_ weights: [Double]) -> CoreConfiguration {
            var configuration = Harness.configuration(deployments: 2) { $0.strategy = .simpleShuffle }
            for (index, weight) in weights.enumerated() { configuration.deployments[index].weight = weight }
            configuration.deployments[1].requestsPerMinute = 10
            return configuration
        }
        var harness = Harness(configuration([0, 1]))
        for _ in 0..<8 { harness.serve(after: 10) }
        harness.tell(.configurationReplaced(configuration([1, 0])))
        _ = harness.submit()
        #expect(Self.suppression(harness.advance(to: harness.time + 100)) == [.rateLimit])
    }

    @Test("when the deadline leaves no time for it")
    func deadline() {
        var harness = Harness(deployments: 2)
        _ = harness.submit(deadline: 130)
        #expect(Self.suppression(harness.advance(to: 100)) == [.deadline])
    }

    @Test("beyond the attempts of a request")
    func attempts() {
        var harness = Harness(deployments: 2) { $0.maxAttempts = 1 }
        _ = harness.submit()
        #expect(Self.suppression(harness.advance(to: 100)) == [.attempts])
    }

    @Test("beyond the hedges in flight at once")
    func concurrency() {
        var harness = Harness(deployments: 2) { $0.hedgeBudget = 5 }
        for _ in 0..<12 { _ = harness.submit() }
        let reasons = Self.suppression(harness.advance(to: 100))
        #expect(reasons.count == 7)
        #expect(Set(reasons) == [.concurrency])
        #expect(harness.core.hedgesInFlight == 5)
    }

    @Test("to what is slow as a whole, and again when that is over")
    func storm() {
        var harness = ThresholdTests.harness(low: 300, high: 400, samples: 400) {
            $0.hedgeBudget = 5
            $0.strategy = .simpleShuffle
        }
        #expect(!harness.core.statistics(at: harness.now).groups[0].isStorm)
        var waiting: [(answered: Double, attempt: AttemptID)] = []
        for _ in 0..<200 {
            harness.advance(to: harness.time + 50)
            if let primary = harness.submit().actions.starts.first {
                waiting.append((harness.time + 900, primary.attempt))
            }
            while let first = waiting.first, first.answered <= harness.time {
                harness.tell(.firstToken(first.attempt))
                harness.succeed(first.attempt)
                waiting.removeFirst()
            }
        }
        let statistics = harness.core.statistics(at: harness.now)
        #expect(statistics.groups[0].isStorm)
        #expect((statistics.hedges.suppressed[.storm] ?? 0) > 50)
        harness.advance(to: harness.time + 40_000)
        #expect(!harness.core.statistics(at: harness.now).groups[0].isStorm)
    }

    @Test("when a thin tail leaves nothing to save")
    func lowValue() {
        var harness = Harness(deployments: 2) {
            $0.hedgeThreshold = nil
            $0.strategy = .simpleShuffle
        }
        var random = SplitMix64(seed: 4)
        for _ in 0..<3000 {
            // About normal with a deviation of 1.5 %.
            let noise = (0..<12).reduce(-6.0) { sum, _ in sum + random.unit() }
            harness.serve(after: 1000 * (1 + 0.12 * noise))
        }
        let statistics = harness.core.statistics(at: harness.now)
        #expect((statistics.hedges.suppressed[.lowValue] ?? 0) > 20)
        #expect(statistics.hedges.fired < (statistics.hedges.suppressed[.lowValue] ?? 0))
    }

    @Test("but one that goes on hanging gets its hedge all the same")
    func lowValueIsNotFinal() throws {
        var harness = Harness(deployments: 2) { $0.hedgeThreshold = nil }
        for _ in 0..<400 { harness.serve(after: 1000) }
        let (_, actions) = harness.submit()
        let primary = try #require(actions.starts.first)
        let later = harness.advance(to: harness.time + 10_000)
        #expect(later.starts.map(\.role) == [.hedge])
        #expect(later.starts.first?.deployment != primary.deployment)
    }
}

@Suite("The target of a hedge")
struct HedgeTargetTests {
    @Test("is in another failure domain")
    func domain() throws {
        var configuration = Harness.configuration(deployments: 3)
        configuration.deployments[0].failureDomain = "a"
        configuration.deployments[1].failureDomain = "a"
        configuration.deployments[2].failureDomain = "b"
        for seed in 1...20 {
            var harness = Harness(configuration, seed: UInt64(seed))
            let primary = try #require(harness.submit().actions.starts.first)
            let hedge = try #require(harness.advance(to: 100).starts.first)
            let domains = [primary, hedge].map { $0.deployment.rawValue == 3 ? "b" : "a" }
            #expect(Set(domains).count == 2)
        }
    }

    @Test("is in the same domain when there is no other")
    func sameDomain() throws {
        var harness = Harness(deployments: 2) { _ in
        } each: {
            $0.failureDomain = "a"
        }
        _ = harness.submit()
        #expect(harness.advance(to: 100).starts.count == 1)
    }

    @Test("is the one without history in a group that has some")
    func unmeasured() throws {
        var harness = Harness(deployments: 2) {
            $0.strategy = .simpleShuffle
            $0.hedgeBudget = 0
        }
        for _ in 0..<60 { harness.serve(after: 50) }
        harness.tell(.configurationReplaced(Harness.configuration(deployments: 3)))
        for _ in 0..<2 {
            let primary = try #require(harness.submit().actions.starts.first)
            #expect(primary.deployment.rawValue != 3)
            let hedge = try #require(harness.advance(to: harness.time + 100).starts.first)
            #expect(hedge.deployment.rawValue == 3)
        }
    }
}
