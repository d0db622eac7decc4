import HedgeCore

extension Report {
    /// Independent latencies: how close the core comes to the best single hedge, which knows the distribution.
    func independent() async -> ReportSection {
        var section = ReportSection("Independent latencies, two deployments, 10 requests/s")
        for name in ["lognormal", "pareto-mix", "ttft-like", "bimodal-5", "bimodal-6"] {
            guard let workload = WorkloadCatalog.workload(name) else { continue }
            let comparison = await compare(workload, PolicyCatalog.usual)
            section.tables.append(name + "\n" + comparison.text)
            if name.hasPrefix("bimodal") {
                guard name == "bimodal-6", let ours = comparison["ours"] else { continue }
                section.claims.append(
                    .atMost("6 % slow mode: p99", ours.mean(\.p99), 800) { text($0) + " ms" })
                continue
            }
            let ratio = comparison.ratio("ours-5%", to: "single-5%", \.p99)
            section.claims.append(.ratio("\(name): p99 to that of the best single hedge of 5 %", ratio, atMost: 1.05))
            if let ours = comparison["ours-5%"] {
                section.claims.append(
                    .atMost("\(name): extra requests", ours.mean(\.extraRequests), 0.05) { percent($0, 2) })
            }
        }
        return section
    }

    /// One or two hedges per hundred requests: where the percentile rule runs out of budget and the other does not.
    func small() async -> ReportSection {
        var section = ReportSection("Small budgets: the percentile rule against hedge_rule single-reissue")
        for name in ["lognormal", "pareto-mix", "ttft-like"] {
            guard let workload = WorkloadCatalog.workload(name) else { continue }
            let comparison = await compare(workload, [PolicyCatalog.none] + PolicyCatalog.small)
            section.tables.append(name + "\n" + comparison.text)
            for percent in [1, 2] {
                let place = "\(name), \(percent) % budget: "
                let single = "ours-\(percent)%-single"
                let best = comparison.ratio(single, to: "single-\(percent)%", \.p99)
                section.claims.append(.ratio(place + "p99 to that of the best single hedge", best, atMost: 1.05))
                // A short tail leaves next to nothing to gain, for the best hedge just as well.
                if name != "lognormal" {
                    let ratio = comparison.ratio(single, to: "ours-\(percent)%", \.p99)
                    section.claims.append(.ratio(place + "p99 to the percentile rule", ratio, atMost: 0.95))
                }
                guard let row = comparison["ours-\(percent)%-single"] else { continue }
                section.claims.append(
                    .atMost(
                        place + "extra requests", row.mean(\.extraRequests),
                        Double(percent) / 100 + 0.0005
                    ) { HedgeSimulation.percent($0, 2) })
            }
        }
        return section
    }

    /// 99th percentiles of the published ranking without and with one hedge: as published, and as the simulation they
    /// come from gives them, with the same draws, once a latency is known only when it has passed.
    private struct Published {
        var unhedged: Double
        var hedged: Double
        var unhedgedLater: Double
        var hedgedLater: Double

        init(_ unhedged: Double, _ hedged: Double, later: (Double, Double)) {
            self.unhedged = unhedged
            self.hedged = hedged
            (unhedgedLater, hedgedLater) = later
        }
    }

    private static let published: [String: Published] = [
        "regime-base": Published(1312, 1241, later: (1551, 1312)),
        "regime-low-rate": Published(1985, 1404, later: (2316, 1428)),
        "regime-mild": Published(1259, 1210, later: (1302, 1239)),
        "regime-short": Published(1679, 1383, later: (2816, 1579)),
        "regime-long": Published(2102, 1975, later: (2369, 2138)),
        "regime-near-equal": Published(1446, 1328, later: (2232, 1445)),
        "regime-fast": Published(1242, 1181, later: (1344, 1270)),
    ]

    /// Deployments with slow periods of their own: ranking, without and with hedges.
    func regimes() async -> ReportSection {
        var section = ReportSection("Slow periods: three to five deployments, lognormal with sigma 0.5")
        let policies = [
            PolicyCatalog.none, PolicyCatalog.oursUnhedged, PolicyCatalog.greedy, PolicyCatalog.reference,
            PolicyCatalog.ours, PolicyCatalog.greedyHedged, PolicyCatalog.referenceHedged,
        ]
        section.tables.append(
            """
            `reference` is the published ranking, which knows the medians from the start. The simulation that its
            percentiles were published from updates the ranking with a latency at the moment the request is sent: each
            request is routed by answers that are still to come. Nothing that runs can know them, so the published figures
            are shown and are no claim. What the same simulation gives, with the same draws, once a latency is known only
            when it has passed stands next to them; with it and with the rule on the seeds of this report ours is compared.
            The published figures are of other seeds, and regime-long was six hours there.
            """)
        var rows: [[String]] = []
        for workload in WorkloadCatalog.regimes {
            let comparison = await compare(workload, policies)
            section.tables.append(workload.name + "\n" + comparison.text)
            guard let published = Self.published[workload.name] else { continue }
            for (name, suffix, known) in [
                ("ours-unhedged", "", published.unhedged), ("ours", "+hedge", published.hedged),
            ] {
                guard let row = comparison[name] else { continue }
                let label = "\(workload.name), \(name): p99 to "
                let attainable = comparison["reference" + suffix]?.mean(\.p99) ?? .nan
                let extra = comparison["reference" + suffix]?.mean(\.extraRequests) ?? .nan
                let later = suffix.isEmpty ? published.unhedgedLater : published.hedgedLater
                rows.append(
                    [workload.name, suffix.isEmpty ? "no" : "yes"]
                        + [known, later, attainable, row.mean(\.p99)].map { text($0) }
                        + [percent(row.mean(\.extraRequests)), percent(extra)])
                let reference = comparison.ratio(name, to: "reference" + suffix, \.p99)
                section.claims.append(.ratio(label + "the published rule without foresight", reference, atMost: 1.05))
                let greedy = comparison.ratio(name, to: "greedy-ewma" + suffix, \.p99)
                section.claims.append(.ratio(label + "greedy-ewma\(suffix)", greedy, atMost: 1))
            }
        }
        section.tables.append(
            table(
                [
                    "p99", "hedges", "published, with foresight", "its simulation without", "reference on these seeds",
                    "ours", "extra requests", "of the reference",
                ], rows))
        return section
    }

    /// Slowness that hedging cannot escape: shared periods, and deployments near their capacity.
    func load() async -> ReportSection {
        var section = ReportSection("Shared slow periods and full servers: no worse than without hedging")
        let policies = [
            PolicyCatalog.none, PolicyCatalog.oursUnhedged, PolicyCatalog.ours, PolicyCatalog.fixed[1],
            PolicyCatalog.finagle,
        ]
        section.tables.append("`stubborn` servers go on with what was cancelled, as many providers do.")
        let names = [
            "shared-half", "shared-all", "load-60", "load-80", "load-90", "load-60-stubborn", "load-80-stubborn",
            "load-90-stubborn",
        ]
        for name in names {
            guard let workload = WorkloadCatalog.workload(name) else { continue }
            let comparison = await compare(workload, policies)
            section.tables.append(name + "\n" + comparison.text)
            let isLoad = name.hasPrefix("load")
            for base in isLoad ? ["ours-unhedged", "no-hedge"] : ["ours-unhedged"] {
                for (label, value) in Self.percentiles {
                    let ratio = comparison.ratio("ours", to: base, value)
                    section.claims.append(.ratio("\(name): \(label) to \(base)", ratio, atMost: 1.01))
                }
            }
        }
        return section
    }

    private static let percentiles: [(String, @Sendable (RunSummary) -> Double)] = [
        ("p50", { $0.p50 }), ("p95", { $0.p95 }), ("p99", { $0.p99 }),
    ]

    /// Cells where hedging does not help, so that nobody expects it there.
    func limits() async -> ReportSection {
        var section = ReportSection("Where hedging does not help")
        let cells: [(workload: String, why: String)] = [
            ("thin-tail", "the tail is so short that a second attempt is no sooner"),
            ("size-correlated-75", "what makes a request slow is its size, and the hedge has the same"),
            ("shared-all", "all deployments are slow at once"),
            ("load-90", "there is no capacity left for second attempts"),
            ("load-90-stubborn", "nor is there, and servers finish what nobody waits for"),
            ("lognormal", "a threshold at the 95th percentile cannot move that percentile"),
            ("regime-near-equal", "ranking already avoids what is slow"),
        ]
        var rows: [[String]] = []
        for cell in cells {
            guard let workload = WorkloadCatalog.workload(cell.workload) else { continue }
            let comparison = await compare(workload, [PolicyCatalog.oursUnhedged, PolicyCatalog.ours])
            guard let ours = comparison["ours"] else { continue }
            let ratios = Self.percentiles.map { text(comparison.ratio("ours", to: "ours-unhedged", $0.1).mean, 3) }
            rows.append([cell.workload] + ratios + [percent(ours.mean(\.extraRequests)), cell.why])
        }
        let last = SimulatedPolicy.core("p99-threshold") { $0.hedgePercentile = 0.99 }
        if let workload = WorkloadCatalog.workload("ttft-like") {
            let comparison = await compare(workload, [PolicyCatalog.oursUnhedged, last])
            let ratios = Self.percentiles.map { text(comparison.ratio(last.name, to: "ours-unhedged", $0.1).mean, 3) }
            let extra = comparison[last.name]?.mean(\.extraRequests) ?? .nan
            rows.append(
                ["ttft-like, p99 threshold"] + ratios + [percent(extra), "a threshold at p99 cannot move p99"])
        }
        section.tables.append(
            "ours, as ratios to the same without hedges\n"
                + table(["workload", "p50", "p95", "p99", "extra requests", "why"], rows))
        return section
    }
}
