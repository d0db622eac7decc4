import Testing

@testable import HedgeSimulation

/// Quantiles that were computed elsewhere, with four million samples each.
struct KnownQuantiles: Sendable, CustomTestStringConvertible {
    var name: String
    var distribution: LatencyDistribution
    var values: [(probability: Double, milliseconds: Double)]
    var testDescription: String { name }

    static let all = [
        KnownQuantiles(
            name: "lognormal", distribution: .lognormal(400, 0.6),
            values: [(0.5, 400), (0.95, 1073), (0.99, 1616), (0.999, 2569)]),
        KnownQuantiles(
            name: "Pareto mix", distribution: .paretoMix,
            values: [(0.5, 368), (0.95, 972), (0.99, 2785), (0.999, 12916)]),
        KnownQuantiles(
            name: "bimodal", distribution: .bimodal(slow: 0.05),
            values: [(0.5, 302), (0.95, 687), (0.99, 3264), (0.999, 3687)]),
        KnownQuantiles(
            name: "like times to first token", distribution: .ttftLike,
            values: [(0.5, 469), (0.95, 1516), (0.99, 5341), (0.999, 15247)]),
    ]
}

struct DistributionTests {
    @Test("quantiles are the known ones", arguments: KnownQuantiles.all)
    func quantiles(_ known: KnownQuantiles) {
        for (probability, expected) in known.values {
            let quantile = known.distribution.quantile(probability)
            #expect(abs(quantile / expected - 1) < 0.015, "p\(probability): \(quantile) instead of \(expected)")
        }
    }

    @Test("samples follow the survival function", arguments: KnownQuantiles.all)
    func samples(_ known: KnownQuantiles) {
        let samples = (0..<40_000).map { index in
            var random = RandomStream(seed: 5, .service, index)
            return known.distribution.sample(&random, shared: 0, correlation: 0)
        }
        let quantiles = Quantiles(of: samples)
        for probability in [0.1, 0.5, 0.9, 0.99] {
            let share = quantiles.share(above: known.distribution.quantile(probability))
            let expected = 1 - probability
            // Four standard errors of a share among 40,000.
            #expect(abs(share - expected) < 4 * (expected * probability / 40_000).squareRoot())
        }
    }

    @Test(
        "the best single hedge is the known one",
        arguments: [
            ("lognormal", 0.02, 1520.0), ("lognormal", 0.05, 1421), ("lognormal", 0.10, 1314),
            ("Pareto mix", 0.02, 1793), ("Pareto mix", 0.05, 1388), ("Pareto mix", 0.10, 1177),
            ("bimodal", 0.02, 3105), ("bimodal", 0.05, 733), ("bimodal", 0.10, 684),
            ("like times to first token", 0.02, 3031), ("like times to first token", 0.05, 2098),
            ("like times to first token", 0.10, 1670),
        ])
    func singleReissue(_ name: String, _ budget: Double, _ expected: Double) throws {
        let known = try #require(KnownQuantiles.all.first { $0.name == name })
        let best = SingleReissue(known.distribution, budget: budget, percentile: 0.99, grid: 300)
        #expect(abs(best.latency / expected - 1) < 0.01, "\(best)")
        // The budget is kept.
        #expect(best.probability * known.distribution.survival(best.delay) <= budget * 1.0001)
    }

    @Test("latencies of one request are correlated as asked", arguments: [0.0, 0.5, 0.75])
    func correlation(_ expected: Double) {
        let distribution = LatencyDistribution.lognormal(400, 0.6)
        var products = 0.0
        let count = 20_000
        for index in 0..<count {
            var size = RandomStream(seed: 3, .promptSize, index)
            let shared = size.normal()
            var values: [Double] = []
            for server in 0..<2 {
                var random = RandomStream(seed: 3, .service, index, server)
                let sample = distribution.sample(&random, shared: shared, correlation: expected)
                values.append(logarithm(sample / 400) / 0.6)
            }
            products += values[0] * values[1]
        }
        #expect(abs(products / Double(count) - expected) < 0.04)
    }

    @Test("slow periods take their share of the time, and end")
    func slowPeriods() {
        var clock = SlowPeriodClock(seed: 1, process: 1, length: 60, gap: 600)
        var slow = 0
        var changes = 0
        var last = false
        let count = 400_000
        for second in 0..<count {
            let now = clock.isSlow(at: Double(second))
            if now != last { changes += 1 }
            last = now
            if now { slow += 1 }
        }
        #expect(abs(Double(slow) / Double(count) - 60.0 / 660) < 0.015)
        #expect(abs(Double(changes) / 2 - Double(count) / 660) < 100)
    }
}
