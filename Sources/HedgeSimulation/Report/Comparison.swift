import HedgeCore

/// Several policies on one workload with the same seeds.
package struct Comparison: Sendable {
    package struct Row: Sendable {
        package var policy: String
        /// One for each seed, in the order of the seeds.
        package var runs: [RunSummary]
        package var curve: SurvivalSeries

        /// A number's mean over the seeds.
        package func mean(_ value: (RunSummary) -> Double) -> Double {
            runs.reduce(0) { $0 + value($1) } / Double(max(1, runs.count))
        }
    }

    package var workload: Workload
    package var seeds: [UInt64]
    package var rows: [Row]

    package init(_ workload: Workload, _ policies: [SimulatedPolicy], seeds: [UInt64]) async {
        self.workload = workload
        self.seeds = seeds
        var cells: [Cell] = []
        for policy in policies {
            for seed in seeds { cells.append(Cell(workload, policy, seed: seed)) }
        }
        let runs = await runAll(cells) { _, result in (RunSummary(result), SurvivalSeries(result.latencies)) }
        rows = policies.enumerated().map { index, policy in
            let own = runs[(index * seeds.count)..<((index + 1) * seeds.count)]
            return Row(policy: policy.name, runs: own.map(\.0), curve: SurvivalSeries(meanOf: own.map(\.1)))
        }
    }

    package subscript(policy: String) -> Row? {
        rows.first { $0.policy == policy }
    }

    /// By how much a number of one policy differs from another's, seed by seed.
    package func ratio(_ policy: String, to other: String, _ value: (RunSummary) -> Double) -> Estimate {
        guard let row = self[policy], let base = self[other] else { return Estimate([]) }
        return Estimate(zip(row.runs, base.runs).map { value($0) / value($1) })
    }

    /// The table a reader gets; ratios are to the first policy.
    package var text: String {
        let header = [
            "policy", "p50", "p95", "p99", "p99.9", "mean", "p99 to first", "extra requests", "extra work", "threshold",
            "failed",
        ]
        return table(
            header,
            rows.map { row in
                let ratio = ratio(row.policy, to: rows[0].policy, \.p99)
                let threshold = row.runs.compactMap(\.meanThreshold)
                return [
                    row.policy, number(row, \.p50), number(row, \.p95), number(row, \.p99), number(row, \.p999),
                    number(row, \.mean), HedgeSimulation.text(ratio.mean, 3) + margin(ratio),
                    percent(row.mean(\.extraRequests)), percent(row.mean(\.extraWork)),
                    threshold.isEmpty ? "-" : HedgeSimulation.text(threshold.reduce(0, +) / Double(threshold.count)),
                    HedgeSimulation.text(row.mean { Double($0.failed) }),
                ]
            })
    }

    /// Why hedges that were due were not sent, for the policies that say; nil if none was held back.
    package var reasons: String? {
        let known = HedgeSuppression.allCases.filter { reason in
            rows.contains { row in row.runs.contains { ($0.suppressed[reason] ?? 0) > 0 } }
        }
        guard !known.isEmpty else { return nil }
        let lines = rows.filter { row in row.runs.contains { !$0.suppressed.isEmpty } }.map { row in
            [row.policy] + known.map { reason in percent(row.mean { $0.suppressed[reason] ?? 0 }, 2) }
        }
        return table(["hedges not sent, of all requests"] + known.map(\.rawValue), lines)
    }

    private func number(_ row: Row, _ value: (RunSummary) -> Double) -> String {
        HedgeSimulation.text(row.mean(value))
    }

    private func margin(_ estimate: Estimate) -> String {
        estimate.margin.isFinite ? " +-" + HedgeSimulation.text(estimate.margin, 3) : ""
    }
}
