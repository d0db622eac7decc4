import Testing

@testable import HedgeCore

@Suite("A report of the core")
struct CoreReportTests {
    @Test("has the quantiles of the curve", arguments: [1, 2, 3, 4] as [UInt64])
    func quantiles(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var histogram = CensoredHistogram()
        let policy = SamplePolicy()
        for index in 0..<(seed == 4 ? 12 : 3000) {
            let latency = Interval.seconds(exponential(2 * random.unit() - 1))
            histogram.add(
                bucket: LogScale.bucket(of: latency), isEvent: !random.chance(0.2),
                at: Instant(nanoseconds: Int64(index) * 100_000_000), policy: policy)
        }
        var curve = SurvivalCurve()
        curve.estimate(histogram)
        let probabilities = [0.1, 0.5, 0.9, 0.95, 0.99, 0.999]
        #expect(histogram.quantiles(probabilities) == probabilities.map { curve.quantile($0) })
        #expect(CensoredHistogram().quantiles(probabilities).isEmpty)
    }

    @Test("does not change with what the core does after it was taken")
    func isASnapshot() throws {
        var harness = Harness(deployments: 2)
        for _ in 0..<50 { harness.serve(after: 40) }
        let report = harness.core.report(at: harness.now)
        let before = report.statistics()
        for _ in 0..<50 { harness.serve(after: 4000) }
        let after = report.statistics()
        #expect(after.requests == 50)
        #expect(after.deployments[0].streaming.p50 == before.deployments[0].streaming.p50)
        #expect(harness.core.statistics(at: harness.now).requests == 100)
    }

    @Test("suggests a threshold also where a fixed one is in force")
    func suggestion() throws {
        var harness = Harness(deployments: 2) { $0.hedgeThreshold = .milliseconds(Int64(9000)) }
        for _ in 0..<400 { harness.serve(after: 200) }
        let deployments = harness.core.statistics(at: harness.now).deployments
        let latency = try #require(deployments.first { $0.streaming.effectiveSamples > 50 }?.streaming)
        #expect(latency.hedgeThreshold == .milliseconds(Int64(9000)))
        #expect(latency.hedgeThresholdSource == .fixed)
        let suggested = try #require(latency.suggestedThreshold).milliseconds
        #expect((190...300).contains(suggested))
        #expect(latency.spread.count == 4)
    }

    @Test("counts requests whose hedge could not save them, and not those the caller gave up")
    func bothFailed() throws {
        var harness = Harness(deployments: 2) { $0.hedgeBudget = 1 }
        let (_, actions) = harness.submit()
        let primary = try #require(actions.starts.first)
        let hedge = try #require(harness.advance(to: 100).starts.first)
        harness.fail(hedge.attempt, .server)
        harness.fail(primary.attempt, .server)
        #expect(harness.core.statistics(at: harness.now).hedges.bothFailed == 1)

        let (second, _) = harness.submit(deadline: harness.time + 300)
        harness.advance(to: harness.time + 150)
        harness.tell(.cancelled(second))
        let statistics = harness.core.statistics(at: harness.now)
        #expect(statistics.hedges.fired == 2)
        #expect(statistics.hedges.bothFailed == 1)
    }

    @Test("counts hedges in the group their request was with, and all of them together")
    func hedgesByGroup() throws {
        var configuration = Harness.configuration(deployments: 4, adjust: { $0.hedgeBudget = 1 })
        let ids = configuration.deployments.map(\.id)
        configuration.groups = [
            GroupConfiguration(id: GroupID(rawValue: 1), deployments: [ids[0], ids[1]]),
            GroupConfiguration(id: GroupID(rawValue: 2), deployments: [ids[2], ids[3]]),
            GroupConfiguration(id: GroupID(rawValue: 3), deployments: [ids[0]]),
        ]
        var harness = Harness(configuration)
        func ask(_ number: UInt64, _ group: Int) -> AttemptStart? {
            let traits = RequestTraits(group: GroupID(rawValue: group), isStream: true, promptBytes: 0)
            return harness.tell(.submitted(RequestID(rawValue: number), traits)).starts.first
        }
        // In group 1 a hedge wins, in group 2 one loses.
        _ = try #require(ask(1001, 1))
        let first = try #require(harness.advance(to: harness.time + 100).starts.first)
        harness.succeedWhole(first.attempt)
        let primary = try #require(ask(1002, 2))
        #expect(harness.advance(to: harness.time + 100).starts.count == 1)
        harness.succeedWhole(primary.attempt)

        let statistics = harness.core.statistics(at: harness.now)
        let groups = statistics.groups.map(\.hedges)
        #expect(groups.map(\.fired) == [1, 1, 0])
        #expect(groups.map(\.won) == [1, 0, 0])
        #expect(groups.map(\.lost) == [0, 1, 0])
        #expect(statistics.hedges.fired == 2 && statistics.hedges.won == 1 && statistics.hedges.lost == 1)

        // A group that the configuration drops stays in the sum.
        configuration.groups.removeFirst()
        harness.tell(.configurationReplaced(configuration))
        let after = harness.core.statistics(at: harness.now)
        #expect(after.groups.map(\.hedges.fired) == [1, 0])
        #expect(after.hedges.fired == 2)
    }

    @Test("has a control arm's estimate that does not see what hedges did")
    func controlArm() throws {
        var ledger = HedgeLedger()
        let samples = SamplePolicy()
        // Nine of ten answer after 1 s; of the slow ones, at 10 s, a hedge at 2 s rescues half at 3 s.
        for index in 0..<4000 {
            let at = Instant(nanoseconds: Int64(index) * 1_000_000)
            let isSlow = index % 10 == 0
            let isControl = isSlow && index % 20 == 0
            let isHedged = isSlow && !isControl
            ledger.answered(
                after: .seconds(isHedged ? 3.0 : isSlow ? 10.0 : 1.0), hedgedAfter: isHedged ? .seconds(2.0) : nil,
                byHedge: isHedged, isControl: isControl, at: at, samples: samples)
        }
        let effect = try #require(ledger.effect())
        let p95 = try #require(effect.withoutHedgingByControl.p95)
        #expect(p95.isIdentified)
        #expect(abs(p95.value.seconds / 10 - 1) < 0.02)
        #expect(abs(try #require(effect.actual.p95).value.seconds / 3 - 1) < 0.02)
        // Half of a tenth of the requests saves 7 s each.
        let saved = try #require(effect.savedByControl)
        #expect(abs(saved.mean.seconds / 0.35 - 1) < 0.05)
        #expect(saved.low <= saved.mean && saved.mean <= saved.high)
        #expect(effect.answered == 4000)
        #expect(effect.curve.count > 10)
        #expect(zip(effect.curve, effect.curve.dropFirst()).allSatisfy { $0.latency < $1.latency })
    }
}
