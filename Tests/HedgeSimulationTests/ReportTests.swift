import HedgeCore
import Testing

@testable import HedgeSimulation

struct ReportTests {
    /// A run in which every request takes 1 s, but those that arrive in some time take longer.
    private static func run(_ latency: (Double) -> Double) -> RunResult {
        var result = RunResult()
        result.arrivals = stride(from: 0.0, to: 900, by: 0.1).map { $0 }
        result.latencies = result.arrivals.map(latency)
        return result
    }

    private static let slowdown = Slowdown(from: 300, until: 330, factor: 4)

    @Test("recovery is when latencies become usual for good")
    func recovery() {
        let soon = Recovery(Self.run { $0 >= 300 && $0 < 355 ? 9000 : 1000 }, slowdown: Self.slowdown)
        #expect(soon.seconds == 30)
        #expect(soon.before == 1000 && soon.after == 1000)
        // A relapse counts.
        let relapse = Recovery(
            Self.run { ($0 >= 300 && $0 < 355) || ($0 > 500 && $0 < 505) ? 9000 : 1000 }, slowdown: Self.slowdown)
        #expect(relapse.seconds == 180)
        let never = Recovery(Self.run { $0 >= 300 ? 9000 : 1000 }, slowdown: Self.slowdown)
        #expect(never.seconds == .infinity)
    }

    @Test("an answer that never came is no recovery")
    func recoveryOfFailures() {
        let failed = Recovery(Self.run { $0 >= 300 ? .nan : 1000 }, slowdown: Self.slowdown)
        #expect(failed.seconds == .infinity)
    }

    @Test("accuracy is judged by identified estimates alone")
    func accuracy() {
        func estimate(_ value: Double, _ low: Double, _ high: Double?, _ isIdentified: Bool = true) -> QuantileEstimate
        {
            QuantileEstimate(
                value: .milliseconds(value), low: .milliseconds(low), high: high.map { .milliseconds($0) },
                isIdentified: isIdentified)
        }
        let accuracy = Accuracy(
            [estimate(110, 105, 120), estimate(90, 80, 105), estimate(95, 80, nil), estimate(1, 1, 1, false), nil],
            truth: 100)
        #expect(accuracy.identified == 3)
        #expect(abs(accuracy.coverage - 2.0 / 3) < 1e-9)
        #expect(accuracy.meanError > 0.08 && accuracy.meanError < 0.09)
        #expect(accuracy.bias < 0)
    }

    @Test("a claim is met at its limit and missed above it")
    func claims() {
        #expect(Claim.atMost("", 1, 1) { text($0) }.isMet)
        #expect(!Claim.atMost("", 1.001, 1) { text($0) }.isMet)
        #expect(!Claim.atMost("", .nan, 1) { text($0) }.isMet)
        #expect(Claim.ratio("", Estimate([1, 1.1]), atMost: 1.05).isMet)
        #expect(!Claim.ratio("", Estimate([1.05, 1.1]), atMost: 1.05).isMet)
    }

    @Test("the core's estimate of the tail without hedging is near the truth")
    func counterfactual() {
        let workload = WorkloadCatalog.independent("estimate", .lognormal(400, 0.6), rate: 100, requests: 5000)
        let simulation = SimulatedPolicy.run(workload, SimulatedPolicy.core(workload, Policy(), seed: 3), seed: 3)
        let group = simulation.router.statistics(at: simulation.router.nextDeadline ?? Instant(nanoseconds: 0)).groups
        let estimate = group.first?.complete?.withoutHedging
        let p95 = estimate?.p95?.value.milliseconds ?? .nan
        #expect(abs(p95 / 1073 - 1) < 0.08, "\(p95)")
        #expect(estimate?.p999?.isIdentified == false)
    }

    @Test("mean latencies are those of the area below the curve")
    func restrictedMean() {
        let curve = KaplanMeier([(100, true), (200, true), (300, true), (1000, true)])
        #expect(abs(curve.restrictedMean(to: 400) - 250) < 1e-9)
    }
}
