import HedgeCore

/// The policies that have a name.
package enum PolicyCatalog {
    package static let names: [String] = entries.map(\.name)

    package static func policy(_ name: String) -> SimulatedPolicy? {
        entries.first { $0.name == name }
    }

    /// The core with its defaults.
    package static let ours = SimulatedPolicy.core("ours")
    /// The core that sends no hedges.
    package static let oursUnhedged = SimulatedPolicy.core("ours-unhedged") { $0.hedgeBudget = 0 }
    /// The core that may hedge one request in twenty.
    package static let oursFive = SimulatedPolicy.core("ours-5%") { $0.hedgeBudget = 0.05 }
    /// The core with a budget of one or two percent, with either rule.
    package static let small = [1, 2].flatMap { percent in
        [
            SimulatedPolicy.core("ours-\(percent)%") { $0.hedgeBudget = Double(percent) / 100 },
            SimulatedPolicy.core("ours-\(percent)%-single") {
                $0.hedgeBudget = Double(percent) / 100
                $0.hedgeRule = .singleReissue
            },
            SimulatedPolicy("single-\(percent)%", .oracle(budget: Double(percent) / 100)),
        ]
    }
    /// At random, and never a second attempt.
    package static let none = SimulatedPolicy("no-hedge", .random, .never)
    package static let greedy = SimulatedPolicy("greedy-ewma", .greedy, .never)
    package static let greedyHedged = SimulatedPolicy("greedy-ewma+hedge", .greedy, .multipleOfMedian(2.3))
    package static let reference = SimulatedPolicy("reference", .reference, .never)
    package static let referenceHedged = SimulatedPolicy("reference+hedge", .reference, .multipleOfMedian(2.3))
    package static let finagle = SimulatedPolicy("window-p95", .random, .window(percentile: 0.95), budgetShare: 0.05)
    package static let race = SimulatedPolicy("race-2", .random, .race(2))
    package static let oracle = SimulatedPolicy("single-5%", .oracle(budget: 0.05))

    /// Those that `run` compares when nothing else is asked for.
    package static let usual: [SimulatedPolicy] =
        [none, ours, oursFive] + fixed + [finagle, race, greedy, oracle]

    package static let fixed = [500.0, 1000, 2000].map { SimulatedPolicy("fixed-\(Int($0))", .random, .fixed($0)) }

    /// The same rule three times, with different ideas of what to record.
    package static let recording = RecordingRule.allCases.map {
        SimulatedPolicy("p95-of-\($0.rawValue)", .random, .recorded($0))
    }

    private static let entries: [SimulatedPolicy] =
        usual + [oursUnhedged, greedyHedged, reference, referenceHedged] + recording + small + [
            SimulatedPolicy("single-10%", .oracle(budget: 0.10))
        ]
}
