/// A statement about the router that the simulation can refute.
package struct Claim: Sendable {
    package var statement: String
    package var target: String
    package var measured: String
    package var isMet: Bool

    package init(_ statement: String, target: String, measured: String, isMet: Bool) {
        self.statement = statement
        self.target = target
        self.measured = measured
        self.isMet = isMet
    }

    /// A claim that a number is at most a limit.
    static func atMost(_ statement: String, _ value: Double, _ limit: Double, show: (Double) -> String) -> Claim {
        Claim(statement, target: "<= " + show(limit), measured: show(value), isMet: value <= limit)
    }

    /// A claim that one policy's number is at most so many times another's, by the mean of the paired ratios.
    static func ratio(_ statement: String, _ ratio: Estimate, atMost limit: Double, detail: String = "") -> Claim {
        let margin = ratio.margin.isFinite ? " +-" + text(ratio.margin, 3) : ""
        return Claim(
            statement, target: "<= " + text(limit, 3), measured: text(ratio.mean, 3) + margin + detail,
            isMet: ratio.mean <= limit)
    }
}

/// One part of the report: claims, and the tables they rest on.
package struct ReportSection: Sendable {
    package var title: String
    package var claims: [Claim] = []
    /// Text that goes with the claims.
    package var tables: [String] = []

    package init(_ title: String) {
        self.title = title
    }

    package var text: String {
        var parts = ["## " + title] + tables
        if !claims.isEmpty {
            parts.append(
                table(
                    ["claim", "target", "measured", ""],
                    claims.map { [$0.statement, $0.target, $0.measured, $0.isMet ? "ok" : "MISSED"] }))
        }
        return parts.joined(separator: "\n\n") + "\n"
    }
}

/// Everything the simulation has to show, section by section.
package struct Report: Sendable {
    /// Runs with each of these; policies are compared seed by seed.
    package var seeds: [UInt64]
    /// Share of the usual number of requests.
    package var scale: Double

    package init(seeds: [UInt64], scale: Double = 1) {
        self.seeds = seeds
        self.scale = scale
    }

    package static let sections: [(name: String, run: @Sendable (Report) async -> ReportSection)] = [
        ("independent", { await $0.independent() }),
        ("small", { await $0.small() }),
        ("regimes", { await $0.regimes() }),
        ("load", { await $0.load() }),
        ("recovery", { await $0.recovery() }),
        ("health", { await $0.health() }),
        ("counterfactual", { await $0.counterfactual() }),
        ("recording", { await $0.recording() }),
        ("limits", { await $0.limits() }),
    ]

    func scaled(_ workload: Workload) -> Workload {
        var copy = workload
        copy.requests = max(1000, Int(Double(workload.requests) * scale))
        return copy
    }

    func compare(_ workload: Workload, _ policies: [SimulatedPolicy]) async -> Comparison {
        await Comparison(scaled(workload), policies, seeds: seeds)
    }
}
