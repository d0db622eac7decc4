import Glibc
import HedgeCore

/// Times at which a deployment fails every attempt, in seconds since the start.
package struct Outage: Sendable {
    package var from: Double
    package var until: Double

    package init(from: Double, until: Double) {
        self.from = from
        self.until = until
    }

    /// Down and up in turn, each for `seconds`, up first.
    static func flapping(every seconds: Double, for total: Double) -> [Outage] {
        stride(from: seconds, to: total, by: 2 * seconds).map { Outage(from: $0, until: min(total, $0 + seconds)) }
    }
}

extension WorkloadCatalog {
    /// Two deployments, one of which is down for 7 s out of 14 s for ten minutes.
    static let flapping: Workload = {
        var bad = ServerModel(.lognormal(400, 0.5))
        bad.outages = Outage.flapping(every: 7, for: 600)
        return Workload(
            name: "flapping", servers: [bad, ServerModel(.lognormal(450, 0.5))], arrivalsPerSecond: 10, requests: 10_000
        )
    }()

    /// Four deployments of which three fail for a minute; the fourth has half of all slots.
    ///
    /// `load` is a share of all slots, so that more than 0.5 is more than what is left can do.
    static func threeOfFour(load: Double) -> Workload {
        let latency = LatencyDistribution.lognormal(1000 * exp(-0.125), 0.5)
        var small = ServerModel(.distribution(latency), slots: 10)
        small.outages = [Outage(from: 120, until: 180)]
        let large = ServerModel(.distribution(latency), slots: 30)
        let rate = 60 * load
        var workload = Workload(
            name: "three of four, load \(Int((load * 100).rounded())) %", servers: [small, small, small, large],
            arrivalsPerSecond: rate, requests: Int(rate * 400))
        workload.tellsSlots = true
        return workload
    }
}

extension Report {
    /// Deployments that fail: what callers see of it, what it costs, and how soon they are used again.
    func health() async -> ReportSection {
        var section = ReportSection("Deployments that fail: a provider that flaps every 7 s, and three of four at once")
        let workloads = [
            WorkloadCatalog.flapping, WorkloadCatalog.threeOfFour(load: 0.4), WorkloadCatalog.threeOfFour(load: 0.7),
        ]
        let policies = [
            PolicyCatalog.none, PolicyCatalog.ours, PolicyCatalog.oursUnhedged,
            SimulatedPolicy.core("ours, refusing") { $0.maxWaiting = 0 },
        ]
        var rows: [[String]] = []
        for workload in workloads {
            for policy in policies {
                let runs = await runAll(seeds.map { Cell(workload, policy, seed: $0) }) { cell, result in
                    OutageRecord(result, servers: cell.workload.servers)
                }
                let record = OutageRecord(runs)
                rows.append([
                    workload.name, policy.name, percent(record.errors), percent(record.errorsWhileDown),
                    percent(record.extraLoad), text(record.p95), text(record.p95WhileDown),
                    record.recovery.isFinite ? text(record.recovery, 1) + " s" : "never",
                ])
                if policy.name == "ours" { section.claims += claims(workload, record) }
            }
        }
        section.tables.append(
            table(
                [
                    "workload", "policy", "errors", "errors while down", "extra requests", "p95 ms", "p95 while down",
                    "used again after",
                ], rows))
        section.tables.append(
            """
            errors: requests that ended with one. used again after: from the end of the last outage until the last \
            deployment that was down gave an answer again, the worst seed. \
            Three deployments have 10 slots each, the fourth 30; at 70 % more arrives than it can do, so that a queue \
            grows for a minute.
            """)
        return section
    }

    private func claims(_ workload: Workload, _ record: OutageRecord) -> [Claim] {
        let name = workload.name
        // No later than the end of the cooldown that was running: 5 s doubled four times after a minute of failures, the
        // longest there is after ten minutes of flapping.
        let longest = workload.name == WorkloadCatalog.flapping.name ? 300.0 : 80
        var claims = [Claim.atMost(name + ": used again after", record.recovery, longest) { text($0, 1) + " s" }]
        if workload.name.hasSuffix("70 %") { return claims }
        claims.append(.atMost(name + ": errors", record.errors, 0.001) { percent($0, 2) })
        claims.append(.atMost(name + ": extra requests", record.extraLoad, 0.2) { percent($0) })
        return claims
    }
}

/// What one run, or the mean of several, says about outages.
struct OutageRecord: Sendable {
    var errors = 0.0
    var errorsWhileDown = 0.0
    var extraLoad = 0.0
    var p95 = 0.0
    var p95WhileDown = 0.0
    /// Seconds until the last deployment was used again; the worst of several runs.
    var recovery = 0.0

    init(_ result: RunResult, servers: [ServerModel]) {
        let outages = servers.flatMap(\.outages)
        let from = outages.map(\.from).min() ?? 0
        let until = outages.map(\.until).max() ?? 0
        var all: [Double] = []
        var down: [Double] = []
        for (arrival, latency) in zip(result.arrivals, result.latencies) {
            all.append(latency)
            if arrival >= from, arrival < until { down.append(latency) }
        }
        errors = Self.failed(all)
        errorsWhileDown = Self.failed(down)
        extraLoad = result.extraRequests
        p95 = Self.p95(all)
        p95WhileDown = Self.p95(down)
        for (index, server) in servers.enumerated() {
            guard let end = server.outages.last?.until else { continue }
            recovery = max(recovery, Self.firstAnswer(of: index, after: end, in: result) - end)
        }
    }

    init(_ runs: [OutageRecord]) {
        errors = Estimate(runs.map(\.errors)).mean
        errorsWhileDown = Estimate(runs.map(\.errorsWhileDown)).mean
        extraLoad = Estimate(runs.map(\.extraLoad)).mean
        p95 = Estimate(runs.map(\.p95)).mean
        p95WhileDown = Estimate(runs.map(\.p95WhileDown)).mean
        recovery = runs.map(\.recovery).max() ?? .infinity
    }

    private static func failed(_ latencies: [Double]) -> Double {
        latencies.isEmpty ? 0 : Double(latencies.count(where: \.isNaN)) / Double(latencies.count)
    }

    private static func p95(_ latencies: [Double]) -> Double {
        Quantiles(of: latencies.filter { !$0.isNaN }).value(0.95)
    }

    private static func firstAnswer(of server: Int, after end: Double, in result: RunResult) -> Double {
        var first = Double.infinity
        for (index, winner) in result.winners.enumerated() where winner == server {
            let at = result.arrivals[index] + result.latencies[index] / 1000
            if at > end, at < first { first = at }
        }
        return first
    }
}
