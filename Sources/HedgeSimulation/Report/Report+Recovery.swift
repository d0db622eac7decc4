extension Report {
    /// How soon latencies are usual again after everything was slow for half a minute.
    func recovery() async -> ReportSection {
        var section = ReportSection(
            "30 s of fourfold slowness at 70 % load, on servers that go on with what was cancelled")
        let policies = [
            PolicyCatalog.none, PolicyCatalog.oursUnhedged, PolicyCatalog.ours, PolicyCatalog.oursFive,
            SimulatedPolicy("fixed-1500", .random, .fixed(1500)),
            SimulatedPolicy("fixed-1500, 10 % budget", .random, .fixed(1500), budgetShare: 0.1),
            SimulatedPolicy("p95-of-end-to-end", .random, .recorded(.endToEnd)), PolicyCatalog.finagle,
        ]
        let cells = policies.flatMap { policy in seeds.map { Cell(WorkloadCatalog.slowdown, policy, seed: $0) } }
        let runs = await runAll(cells) { cell, result in
            Recovery(result, slowdown: cell.workload.slowdown ?? Slowdown(from: 0, until: 0, factor: 1))
        }
        var rows: [[String]] = []
        for (index, policy) in policies.enumerated() {
            let own = Array(runs[(index * seeds.count)..<((index + 1) * seeds.count)])
            let worst = own.map(\.seconds).max() ?? .nan
            rows.append([
                policy.name, text(Estimate(own.map(\.before)).mean), text(Estimate(own.map(\.during)).mean),
                text(Estimate(own.map(\.after)).mean), Self.seconds(Estimate(own.map(\.seconds)).mean),
                Self.seconds(worst),
            ])
            guard policy.name == "ours" else { continue }
            section.claims.append(
                Claim(
                    "recovery of every seed", target: "<= 60 s", measured: "worst " + Self.seconds(worst),
                    isMet: worst <= 60))
        }
        section.tables.append(
            table(
                [
                    "policy", "p95 before", "p95 from start to 60 s after", "p95 120 to 240 s after", "recovered after",
                    "worst",
                ],
                rows))
        return section
    }

    private static func seconds(_ value: Double) -> String {
        value.isFinite ? text(value) + " s" : "never"
    }
}

/// How one run took a slowdown.
package struct Recovery: Sendable {
    /// 95th percentiles by time of arrival, in milliseconds.
    package var before: Double
    package var during: Double
    package var after: Double
    /// Seconds from the end of the slowdown until arrivals fare as before, for good; infinite if they never do.
    package var seconds: Double

    /// Windows by which recovery is judged.
    static let window = 10.0
    /// What a window's p95 may be, as a multiple of the one before, to count as usual.
    static let usual = 1.5

    package init(_ result: RunResult, slowdown: Slowdown) {
        func percentile(_ from: Double, _ until: Double) -> Double {
            var values: [Double] = []
            for (arrival, latency) in zip(result.arrivals, result.latencies) where arrival >= from && arrival < until {
                values.append(latency.isNaN ? .infinity : latency)
            }
            return Quantiles(of: values).value(0.95)
        }
        let end = slowdown.until
        before = percentile(50, slowdown.from - 5)
        during = percentile(slowdown.from, end + 60)
        after = percentile(end + 120, end + 240)
        let last = (result.arrivals.last ?? end) - Self.window
        var start = end
        seconds = .infinity
        while start < last {
            let isUsual = percentile(start, start + Self.window) <= Self.usual * before
            if !isUsual { seconds = .infinity } else if seconds.isInfinite { seconds = start - end }
            start += Self.window
        }
    }
}
