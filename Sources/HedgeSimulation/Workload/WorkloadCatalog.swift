import Glibc

/// The workloads that have a name.
package enum WorkloadCatalog {
    package static let names: [String] = entries.map(\.name)

    /// The workload of that name with so many requests, or with as many as the catalogue says.
    package static func workload(_ name: String, requests: Int? = nil) -> Workload? {
        guard var workload = entries.first(where: { $0.name == name }) else { return nil }
        if let requests { workload.requests = requests }
        return workload
    }

    /// Two deployments with independent latencies of the same distribution.
    package static func independent(
        _ name: String, _ distribution: LatencyDistribution, rate: Double = 10, requests: Int = 100_000
    ) -> Workload {
        Workload(
            name: name, servers: [ServerModel(distribution), ServerModel(distribution)], arrivalsPerSecond: rate,
            requests: requests)
    }

    /// Deployments that become slow now and then, each by itself unless `shared` says otherwise.
    package static func regime(
        _ name: String, medians: [Double] = [350, 450, 650], rate: Double = 5, factor: Double = 6, length: Double = 60,
        gap: Double = 600, hours: Double = 6, shared: Double = 0
    ) -> Workload {
        let servers = medians.map { ServerModel(.lognormal($0, 0.5)) }
        var workload = Workload(
            name: name, servers: servers, arrivalsPerSecond: rate, requests: Int(rate * 3600 * hours))
        workload.slowPeriods = SlowPeriods(factor: factor, length: length, gap: gap, sharedFraction: shared)
        return workload
    }

    /// Two deployments of 20 slots each; an attempt takes 1 s on average.
    ///
    /// Queues have long memories: fewer requests than this tell percentiles of two runs apart by chance alone.
    package static func capacity(
        _ name: String, load: Double, worksOnCancelled: Bool = false, requests: Int = 300_000
    ) -> Workload {
        let distribution = LatencyDistribution.lognormal(1000 * exp(-0.125), 0.5)
        let server = ServerModel(.distribution(distribution), slots: 20, worksOnCancelled: worksOnCancelled)
        return Workload(name: name, servers: [server, server], arrivalsPerSecond: 40 * load, requests: requests)
    }

    /// The seven regimes of slow periods.
    package static let regimes: [Workload] = [
        regime("regime-base"),
        regime("regime-low-rate", rate: 0.5, hours: 24),
        regime("regime-mild", factor: 2.5),
        regime("regime-short", length: 15, gap: 120),
        // A few slow periods decide over its percentiles: in six hours chance has more to say than policies.
        regime("regime-long", length: 600, gap: 3600, hours: 24),
        regime("regime-near-equal", medians: [400, 420, 440, 460, 480]),
        regime("regime-fast", rate: 20, hours: 2),
    ]

    private static let entries: [Workload] =
        [
            independent("lognormal", .lognormal(400, 0.6)),
            independent("pareto-mix", .paretoMix),
            independent("bimodal-5", .bimodal(slow: 0.05)),
            independent("bimodal-6", .bimodal(slow: 0.06)),
            independent("ttft-like", .ttftLike),
            independent("thin-tail", .lognormal(1479, 0.16)),
        ] + regimes + [
            regime("shared-half", shared: 0.5),
            regime("shared-all", shared: 1),
            sized("size-correlated-50", 0.5),
            sized("size-correlated-75", 0.75),
            capacity("load-30", load: 0.3),
            capacity("load-60", load: 0.6),
            capacity("load-80", load: 0.8),
            capacity("load-90", load: 0.9),
            capacity("load-60-stubborn", load: 0.6, worksOnCancelled: true),
            capacity("load-80-stubborn", load: 0.8, worksOnCancelled: true),
            capacity("load-90-stubborn", load: 0.9, worksOnCancelled: true),
            slowdown,
            failing,
        ]

    private static func sized(_ name: String, _ correlation: Double) -> Workload {
        var workload = independent(name, .lognormal(400, 0.6))
        workload.sizeCorrelation = correlation
        return workload
    }

    /// Everything is four times slower for 30 s, and servers go on with what was cancelled.
    package static let slowdown: Workload = {
        var workload = capacity("slowdown", load: 0.7, worksOnCancelled: true, requests: 28_000)
        workload.slowdown = Slowdown(from: 300, until: 330, factor: 4)
        return workload
    }()

    private static let failing: Workload = {
        var server = ServerModel(.ttftLike)
        server.failureShare = 0.05
        return Workload(name: "failing", servers: [server, server, server], arrivalsPerSecond: 10, requests: 100_000)
    }()
}
