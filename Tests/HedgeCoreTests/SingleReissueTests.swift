import Glibc
import Testing

@testable import HedgeCore

@Suite("The best single hedge for a budget")
struct SingleReissueTests {
    /// Mostly lognormal with median 350 ms, one in ten from a heavy tail that starts at 600 ms.
    static func heavy(_ random: inout SplitMix64) -> Double {
        if random.chance(0.1) { return 0.6 * exp(-log(1 - random.unit()) / 1.5) }
        return 0.35 * exp(0.35 * SurvivalCurveTests.normal(&random))
    }

    static func curve(_ count: Int, _ sample: (inout SplitMix64) -> Double) -> SurvivalCurve {
        var random = SplitMix64(seed: 21)
        return SurvivalCurveTests.curve((0..<count).map { _ in .init(seconds: sample(&random), isEvent: true) })
    }

    /// The 99th percentile of a simulation with that delay and probability, and the share of hedges.
    static func outcome(_ delay: Double, _ probability: Double) -> (p99: Double, hedges: Double) {
        var random = SplitMix64(seed: 77)
        var hedges = 0
        let latencies = (0..<60_000).map { _ in
            let first = heavy(&random)
            guard first > delay, random.chance(probability) else { return first }
            hedges += 1
            return min(first, delay + heavy(&random))
        }.sorted()
        return (latencies[59_400], Double(hedges) / 60_000)
    }

    @Test("is within 3 % of the best of all delays, and within the budget", arguments: [0.01, 0.02, 0.05])
    func optimum(budget: Double) throws {
        let curve = Self.curve(50_000, Self.heavy)
        let single = try #require(SingleReissue(curve: curve, budget: budget, from: .seconds(0.4)))
        let own = Self.outcome(single.delay.seconds, single.probability)
        #expect(abs(own.hedges - budget) < 0.15 * budget)
        var best = Double.infinity
        for step in 0..<60 {
            let delay = 0.4 * exp(0.03 * Double(step))
            let left = Double(curve.survival[LogScale.bucket(of: .seconds(delay))])
            best = min(best, Self.outcome(delay, min(1, budget / left)).p99)
        }
        #expect(own.p99 < 1.03 * best, "\(own.p99) against \(best)")
    }

    @Test("is none where the percentile is not identified, nothing is to be gained, or nothing may be spent")
    func none() {
        #expect(SingleReissue(curve: Self.curve(500, Self.heavy), budget: 0.02, from: .seconds(0.4)) == nil)
        let flat = Self.curve(20_000) { _ in 1 }
        #expect(SingleReissue(curve: flat, budget: 0.02, from: .seconds(0.4)) == nil)
        #expect(SingleReissue(curve: Self.curve(50_000, Self.heavy), budget: 0, from: .seconds(0.4)) == nil)
    }

    @Test("is used by a router that is told so: later than the percentile at one percent, by chance, with a reason")
    func router() {
        var harness = Harness(deployments: 2) {
            $0.hedgeThreshold = nil
            $0.strategy = .simpleShuffle
            $0.hedgeBudget = 0.01
            $0.hedgeRule = .singleReissue
        }
        var random = SplitMix64(seed: 6)
        for _ in 0..<6000 { harness.serve(after: 1000 * Self.heavy(&random)) }
        let sources = harness.log.notes.compactMap { note in
            if case .hedgeArmed(_, let source) = note { source } else { nil }
        }
        #expect(sources.last == .reissue)
        let statistics = harness.core.statistics(at: harness.now)
        #expect((20...90).contains(statistics.hedges.fired))
        #expect((statistics.hedges.suppressed[.budget] ?? 0) > 10)
        // Chance kept some although the budget had enough for them.
        #expect(harness.core.hedgeBudget.level >= 1)
    }
}
