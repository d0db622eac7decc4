import Glibc
import HedgeCore

extension Report {
    /// What the core says the tail would be without hedges, against what it is.
    func counterfactual() async -> ReportSection {
        var section = ReportSection("The tail without hedging, estimated by the core from hedged traffic")
        var rows: [[String]] = []
        let count = max(20, Int(200 * scale))
        for name in ["lognormal", "ttft-like"] {
            for requests in [5000, 50_000] {
                guard var workload = WorkloadCatalog.workload(name, requests: requests),
                    case .distribution(let distribution)? = workload.servers.first?.latency
                else { continue }
                // Fast enough that no sample ages.
                workload.arrivalsPerSecond = 100
                let replications = requests > 5000 ? count / 4 : count
                let pairs = await estimates(of: workload, replications: replications)
                for (label, probability, value) in Self.quantiles {
                    let truth = distribution.quantile(probability)
                    let accuracy = Accuracy(pairs.map { value($0.estimated) }, truth: truth)
                    let samples = pairs.map { log($0.sample.value(probability) / truth) }
                    let noise = (samples.reduce(0) { $0 + $1 * $1 } / Double(samples.count)).squareRoot()
                    rows.append(
                        [name, String(requests), label, text(truth)]
                            + [accuracy.bias, accuracy.meanError, accuracy.error, noise, accuracy.coverage].map {
                                percent($0)
                            } + ["\(accuracy.identified) of \(replications)"])
                    section.claims += claims(name, requests, label, accuracy, replications)
                }
            }
        }
        section.tables.append(
            "default settings: 1 % of would-be hedges withheld\n"
                + table(
                    [
                        "workload", "requests", "", "truth", "bias", "mean error", "rms error", "rms unhedged",
                        "interval covers", "identified",
                    ], rows))
        section.tables.append("rms unhedged: the error of the same quantile of as many requests that were not hedged")
        return section
    }

    private func claims(
        _ name: String, _ requests: Int, _ label: String, _ accuracy: Accuracy, _ replications: Int
    ) -> [Claim] {
        let place = "\(name), \(requests) requests: \(label) "
        switch (label, requests) {
        case ("p95", 5000):
            return [
                .atMost(place + "mean error", accuracy.meanError, 0.05) { percent($0) },
                Claim(
                    place + "coverage of the 95 % interval", target: ">= 90.0 %", measured: percent(accuracy.coverage),
                    isMet: accuracy.coverage >= 0.9),
            ]
        case ("p99.9", 5000):
            return [
                Claim(
                    place + "is said to be unidentified", target: "always",
                    measured: "\(replications - accuracy.identified) of \(replications)",
                    isMet: accuracy.identified == 0)
            ]
        default:
            return []
        }
    }

    private static let quantiles: [(String, Double, @Sendable (QuantileEstimates) -> QuantileEstimate?)] = [
        ("p50", 0.5, { $0.p50 }), ("p95", 0.95, { $0.p95 }), ("p99", 0.99, { $0.p99 }), ("p99.9", 0.999, { $0.p999 }),
    ]

    /// For each replication what the core estimates, and the latencies of the same requests without hedges.
    private func estimates(
        of workload: Workload, replications: Int
    ) async -> [(estimated: QuantileEstimates, sample: Quantiles)] {
        let first = seeds.first ?? 1
        let runs = (0..<replications).map { first &* 1000 &+ UInt64($0) }
        return await mapConcurrently(runs) { seed in
            let core = SimulatedPolicy.core(workload, Policy(), seed: seed)
            let simulation = SimulatedPolicy.run(workload, core, seed: seed)
            let end = Instant(nanoseconds: Interval.seconds(simulation.result.arrivals.last ?? 0).nanoseconds)
            let group = simulation.router.statistics(at: end).groups.first
            let unhedged = PolicyCatalog.none.run(workload, seed: seed)
            return (group?.complete?.withoutHedging ?? QuantileEstimates(), Quantiles(of: unhedged.latencies))
        }
    }

    /// Recording only winners, against counting what was given up on as longer than that.
    func recording() async -> ReportSection {
        var section = ReportSection("Recording only winners hides the tail")
        var rows: [[String]] = []
        for name in ["lognormal", "pareto-mix", "bimodal-5", "ttft-like"] {
            guard let workload = WorkloadCatalog.workload(name),
                case .distribution(let distribution)? = workload.servers.first?.latency
            else { continue }
            let truth = distribution.quantile(0.95)
            let comparison = await compare(workload, PolicyCatalog.recording + [PolicyCatalog.ours])
            for row in comparison.rows {
                let threshold = row.mean { $0.meanThreshold ?? .nan }
                let recorded = Estimate(row.runs.compactMap(\.recordedP99).filter(\.isFinite)).mean
                rows.append([
                    name, row.policy, text(threshold), text(truth), percent(row.mean(\.hedgeShare)),
                    row.policy == "ours" ? "see above" : recorded.isFinite ? text(recorded) : "unidentified",
                    text(distribution.quantile(0.99)),
                ])
                guard name == "ttft-like" else { continue }
                if row.policy == "p95-of-winners" {
                    section.claims.append(
                        .atMost("\(name): the threshold of winners only, to the true p95", threshold / truth, 0.75) {
                            text($0, 3)
                        })
                } else if row.policy == "ours" {
                    section.claims.append(
                        .atMost("\(name): error of the core's threshold", abs(threshold / truth - 1), 0.05) {
                            percent($0)
                        })
                }
            }
        }
        section.tables.append(
            table(["workload", "recording", "threshold", "true p95", "hedges", "recorded p99", "true p99"], rows))
        section.tables.append(survivorship())
        return section
    }

    /// A deployment that is often very slow, as those see it who forget what they gave up on.
    private func survivorship() -> String {
        let often = LatencyDistribution(mixing: [
            (0.85, .lognormal(median: 300, sigma: 0.1)), (0.15, .lognormal(median: 5000, sigma: 0.2)),
        ])
        let other = LatencyDistribution.lognormal(450, 0.3)
        let threshold = 900.0
        let horizon = 3000.0
        var truth: [Double] = []
        var rival: [Double] = []
        var winners: [Double] = []
        var waited: [Double] = []
        var observations: [(duration: Double, isEvent: Bool)] = []
        for index in 0..<50_000 {
            var random = RandomStream(seed: seeds.first ?? 1, .replay, index)
            let own = often.sample(&random, shared: 0, correlation: 0)
            let second = other.sample(&random, shared: 0, correlation: 0)
            let end = own > threshold ? min(own, threshold + second) : own
            truth.append(min(own, horizon))
            rival.append(min(second, horizon))
            waited.append(end)
            observations.append((end, own <= end))
            if own <= end { winners.append(own) }
        }
        func mean(_ values: [Double]) -> String { text(Quantiles(of: values).mean) }
        let curve = KaplanMeier(observations)
        return
            "mean latency of a deployment with a 15 % slow mode, hedged at 900 ms, up to 3 s; the other deployment has "
            + mean(rival) + "\n"
            + table(
                ["winners only", "losers as if complete", "losers as censored", "truth"],
                [[mean(winners), mean(waited), text(curve.restrictedMean(to: horizon)), mean(truth)]])
    }
}

/// How good estimates of one number are.
struct Accuracy: Sendable {
    /// Relative; of those estimates that are identified.
    var bias: Double
    var meanError: Double
    /// Root of the mean square.
    var error: Double
    /// Share of the intervals, of identified estimates, that contain the truth.
    var coverage: Double
    var identified: Int

    init(_ estimates: [QuantileEstimate?], truth: Double) {
        var logs: [Double] = []
        var covered = 0
        for case let estimate? in estimates where estimate.isIdentified {
            logs.append(log(estimate.value.milliseconds / truth))
            // Estimates are bucket values: the interval reaches to the edges of the outermost buckets.
            let low = (estimate.low?.milliseconds ?? 0) / 1.01
            let high = (estimate.high?.milliseconds ?? .infinity) * 1.01
            if low <= truth, truth <= high { covered += 1 }
        }
        identified = logs.count
        let count = Double(logs.count)
        bias = logs.reduce(0, +) / count
        meanError = logs.reduce(0) { $0 + abs($1) } / count
        error = (logs.reduce(0) { $0 + $1 * $1 } / count).squareRoot()
        coverage = Double(covered) / count
    }
}
