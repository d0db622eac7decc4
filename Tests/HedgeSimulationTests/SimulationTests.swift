import HedgeCore
import Testing

@testable import HedgeSimulation

struct SimulationTests {
    private static let everyPolicy = PolicyCatalog.names.filter { !$0.hasPrefix("single") }

    @Test(
        "what is started ends, is cancelled or is left; what arrives is answered or fails",
        arguments: WorkloadCatalog.names)
    func conservation(_ name: String) throws {
        let workload = try #require(WorkloadCatalog.workload(name, requests: 600))
        for name in Self.everyPolicy {
            let policy = try #require(PolicyCatalog.policy(name))
            let result = policy.run(workload, seed: 11)
            #expect(result.contradictions == 0, "\(name)")
            #expect(result.latencies.count == 600)
            #expect(result.attempts == result.ended + result.cancelled + result.left, "\(name)")
            #expect(result.left == 0, "\(name)")
            let answered = result.latencies.count { !$0.isNaN }
            #expect(answered + result.failed == 600, "\(name)")
            #expect(result.latencies.allSatisfy { $0.isNaN || $0 >= 0 })
            #expect(result.arrivals == result.arrivals.sorted())
            // Nobody works less than the answers took.
            #expect(result.extraWork > -1e-9, "\(name)")
        }
    }

    @Test(
        "the same seed gives the same run, another one another", arguments: ["ours", "window-p95", "reference+hedge"])
    func determinism(_ name: String) throws {
        let policy = try #require(PolicyCatalog.policy(name))
        let workload = try #require(WorkloadCatalog.workload("regime-short", requests: 1500))
        let first = policy.run(workload, seed: 4)
        let second = policy.run(workload, seed: 4)
        #expect(first.latencies == second.latencies)
        #expect(first.started == second.started)
        #expect(first.latencies != policy.run(workload, seed: 5).latencies)
    }

    @Test("policies under comparison meet the same arrivals and latencies")
    func pairing() throws {
        let workload = try #require(WorkloadCatalog.workload("ttft-like", requests: 1500))
        let none = PolicyCatalog.none.run(workload, seed: 9)
        let race = PolicyCatalog.race.run(workload, seed: 9)
        #expect(none.arrivals == race.arrivals)
        // A race has the primary's latency or a better one.
        #expect(zip(none.latencies, race.latencies).allSatisfy { $0 >= $1 })
        #expect(zip(none.latencies, race.latencies).contains { $0 > $1 })
    }

    @Test("without hedges the percentiles are those of the distribution", arguments: KnownQuantiles.all)
    func unhedged(_ known: KnownQuantiles) {
        let workload = WorkloadCatalog.independent(known.name, known.distribution, requests: 30_000)
        let quantiles = Quantiles(of: PolicyCatalog.none.run(workload, seed: 2).latencies)
        for (probability, expected) in known.values where probability < 0.999 {
            let share = quantiles.share(above: expected)
            #expect(abs(share - (1 - probability)) < 4 * ((1 - probability) * probability / 30_000).squareRoot())
        }
    }

    @Test("a race of two has the known percentiles", arguments: zip(KnownQuantiles.all, [863.0, 702, 353, 976]))
    func race(_ known: KnownQuantiles, _ expected: Double) {
        let workload = WorkloadCatalog.independent(known.name, known.distribution, requests: 30_000)
        let result = PolicyCatalog.race.run(workload, seed: 2)
        #expect(abs(Quantiles(of: result.latencies).value(0.99) / expected - 1) < 0.06)
        #expect(result.extraRequests == 1)
        #expect(abs(result.extraWork - 1) < 1e-6)
    }

    @Test("a full server makes requests wait as queueing theory says")
    func queueing() {
        // One slot, constant service of 100 ms, half used: an M/D/1 queue, whose mean wait is rho / (2 (1 - rho)) services.
        let server = ServerModel(.distribution(.lognormal(100, 1e-9)), slots: 1)
        let workload = Workload(name: "queue", servers: [server], arrivalsPerSecond: 5, requests: 60_000)
        let result = PolicyCatalog.none.run(workload, seed: 3)
        let mean = Quantiles(of: result.latencies).mean
        #expect(abs(mean - 150) < 5, "\(mean)")
    }

    @Test("servers that go on with what was cancelled have less time for others")
    func stubbornServers() {
        let gentle = WorkloadCatalog.capacity("gentle", load: 0.4, requests: 8000)
        let stubborn = WorkloadCatalog.capacity("stubborn", load: 0.4, worksOnCancelled: true, requests: 8000)
        let first = Quantiles(of: PolicyCatalog.race.run(gentle, seed: 1).latencies)
        let second = Quantiles(of: PolicyCatalog.race.run(stubborn, seed: 1).latencies)
        #expect(second.value(0.95) > 1.05 * first.value(0.95))
    }

    @Test("a slowdown slows what begins while it lasts")
    func slowdown() {
        var workload = WorkloadCatalog.independent("slowdown", .lognormal(100, 1e-9), requests: 3000)
        workload.slowdown = Slowdown(from: 100, until: 130, factor: 4)
        let result = PolicyCatalog.none.run(workload, seed: 1)
        for (arrival, latency) in zip(result.arrivals, result.latencies) {
            let expected = arrival >= 100 && arrival <= 130 ? 400.0 : 100
            #expect(abs(latency - expected) < 1)
        }
    }

    @Test("slow periods that are shared hit all deployments at once")
    func sharedPeriods() {
        for (shared, helps) in [(0.0, true), (1, false)] {
            var workload = WorkloadCatalog.independent("shared", .lognormal(100, 1e-9), rate: 1, requests: 20_000)
            workload.slowPeriods = SlowPeriods(factor: 10, length: 60, gap: 600, sharedFraction: shared)
            let result = PolicyCatalog.race.run(workload, seed: 6)
            let slow = result.latencies.count { $0 > 500 }
            #expect((Double(slow) / 20_000 < 0.03) == helps, "\(slow)")
        }
    }

    @Test("failures lead to another deployment at once, and only what fails everywhere fails")
    func failures() throws {
        var server = ServerModel(.distribution(.lognormal(100, 1e-9)))
        server.failureShare = 0.2
        server.failureLatency = 10
        let workload = Workload(name: "failing", servers: [server, server], arrivalsPerSecond: 10, requests: 5000)
        let result = PolicyCatalog.none.run(workload, seed: 1)
        #expect(abs(Double(result.failed) / 5000 - 0.04) < 0.012)
        #expect(result.latencies.allSatisfy { $0.isNaN || abs($0 - 100) < 1 || abs($0 - 110) < 1 })
    }

    @Test("the core hedges within its budget and lowers the tail")
    func core() throws {
        let workload = try #require(WorkloadCatalog.workload("ttft-like", requests: 6000))
        let none = RunSummary(PolicyCatalog.oursUnhedged.run(workload, seed: 2))
        let ours = RunSummary(PolicyCatalog.ours.run(workload, seed: 2))
        #expect(none.hedgeShare == 0)
        #expect(ours.hedgeShare > 0.02 && ours.hedgeShare < 0.10)
        #expect(ours.p99 < 0.6 * none.p99)
    }

    @Test("sends next to no hedges to servers that are full and finish what nobody waits for")
    func fullServers() throws {
        let workload = try #require(WorkloadCatalog.workload("load-90-stubborn", requests: 20_000))
        let result = PolicyCatalog.ours.run(workload, seed: 4)
        #expect(Double(result.started[.hedge] ?? 0) < 0.01 * 20_000)
        #expect((result.suppressed[.lowValue] ?? 0) > 400)
        // The same servers with room to spare get them.
        let idle = try #require(WorkloadCatalog.workload("load-30", requests: 20_000))
        #expect(Double(PolicyCatalog.ours.run(idle, seed: 4).started[.hedge] ?? 0) > 0.03 * 20_000)
    }
}
