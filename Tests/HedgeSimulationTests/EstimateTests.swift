import Testing

@testable import HedgeSimulation

struct EstimateTests {
    @Test("without censoring the product-limit estimate is the share of the sample")
    func uncensored() {
        let curve = KaplanMeier((1...100).map { (Double($0), true) })
        for time in [0.5, 1, 37, 99, 100] {
            #expect(abs(curve.survival(after: time) - (100 - time.rounded(.down)) / 100) < 1e-9)
        }
    }

    @Test("censored durations count as long as they were waited for")
    func censored() {
        // At risk: 4 at 1, 2 at 3 (one was given up on at 2), 1 at 4.
        let curve = KaplanMeier([(1, true), (2, false), (3, true), (4, true)])
        #expect(abs(curve.survival(after: 1) - 0.75) < 1e-12)
        #expect(abs(curve.survival(after: 2.5) - 0.75) < 1e-12)
        #expect(abs(curve.survival(after: 3) - 0.375) < 1e-12)
        #expect(curve.survival(after: 4) == 0)
    }

    @Test("a quantile with fewer than ten left at risk is not identified")
    func identification() throws {
        let curve = KaplanMeier((1...1000).map { (Double($0), true) })
        let early = try #require(curve.quantile(0.95))
        #expect(early.isIdentified && early.value == 950)
        let late = try #require(curve.quantile(0.999))
        #expect(!late.isIdentified)
        let open = KaplanMeier((1...100).map { (Double($0), $0 <= 50) })
        #expect(open.quantile(0.9) == nil)
    }

    @Test("recording winners only reads a tail that is far too short")
    func winnersOnly() throws {
        let workload = WorkloadCatalog.independent("bias", .ttftLike, requests: 12_000)
        let truth = LatencyDistribution.ttftLike.quantile(0.95)
        let winners = try #require(PolicyCatalog.policy("p95-of-winners")).run(workload, seed: 1)
        let censored = try #require(PolicyCatalog.policy("p95-of-censored")).run(workload, seed: 1)
        #expect(try #require(winners.meanThreshold) < 0.75 * truth)
        #expect(try #require(winners.recordedP99) < 0.4 * LatencyDistribution.ttftLike.quantile(0.99))
        #expect(abs(try #require(censored.meanThreshold) / truth - 1) < 0.06)
        #expect(winners.extraRequests > 1.5 * censored.extraRequests)
    }

    @Test("a margin is that of Student's t")
    func margins() {
        let estimate = Estimate([1, 2, 3, 4, 5])
        #expect(estimate.mean == 3)
        // 2.776 times the standard error of 0.7071.
        #expect(abs(estimate.margin - 1.963) < 0.001)
        #expect(Estimate([1]).margin.isNaN)
    }

    @Test("quantiles interpolate between neighbours and leave out what is no number")
    func quantiles() {
        let quantiles = Quantiles(of: [4, .nan, 1, 3, 2])
        #expect(quantiles.count == 4)
        #expect(quantiles.value(0.5) == 2.5)
        #expect(quantiles.value(1) == 4)
        #expect(quantiles.share(above: 2) == 0.5)
    }
}
