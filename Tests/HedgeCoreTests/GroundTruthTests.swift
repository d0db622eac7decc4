import Testing

@testable import HedgeCore

/// The core in front of deployments whose latencies a test draws itself, so that it knows what no hedge would have cost.
@Suite("What hedging saved, against the truth")
struct GroundTruthTests {
    /// What a run reports, and what was so.
    struct Run {
        var effect: HedgingEffect
        /// Mean time saved per request, latencies counted up to the report's horizon, in seconds.
        var saved: Double
    }

    /// Seconds: most answers near 0.4 s, one in fourteen slow.
    static func latency(_ random: inout SplitMix64) -> Double {
        random.chance(0.07)
            ? exponential(0.6 + 0.6 * HedgeLedgerTests.normal(&random))
            : exponential(-0.9 + 0.4 * HedgeLedgerTests.normal(&random))
    }

    /// The share of answers that take longer than so many seconds, by the formula of `latency`.
    static func share(above seconds: Double) -> Double {
        func tail(_ z: Double) -> Double {
            // Abramowitz and Stegun 26.2.17, good to 1e-7.
            let t = 1 / (1 + 0.2316419 * abs(z))
            let series =
                t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
            let upper = exponential(-z * z / 2) / 2.506628274631 * series
            return z >= 0 ? upper : 1 - upper
        }
        let log = naturalLog(seconds)
        return 0.07 * tail((log - 0.6) / 0.6) + 0.93 * tail((log + 0.9) / 0.4)
    }

    static func run(seed: UInt64, requests: Int) throws -> Run {
        var random = SplitMix64(seed: seed &* 7919)
        var harness = Harness(deployments: 2, seed: seed) {
            $0.hedgeThreshold = nil
            $0.controlFraction = 0.05
            // Thousands of requests come within minutes: age is not what is tested.
            $0.sampleHalfLife = .seconds(86_400.0)
        }
        var unhedged: [Double] = []
        var seen: [Double] = []
        for _ in 0..<requests {
            let primary = latency(&random)
            let other = latency(&random)
            let begin = harness.time
            var answers: [(at: Double, attempt: AttemptID)] = []
            func note(_ actions: [Action]) {
                for start in actions.starts {
                    let takes = answers.isEmpty ? primary : other
                    answers.append((harness.time + takes * 1000, start.attempt))
                }
            }
            note(harness.submit().actions)
            while let first = answers.min(by: { $0.at < $1.at }) {
                if let due = harness.core.nextDeadline, Double(due.nanoseconds) / 1e6 < first.at {
                    harness.time = max(harness.time, Double(due.nanoseconds) / 1e6)
                    note(harness.tell(.timeReached))
                    continue
                }
                harness.time = max(harness.time, first.at)
                harness.tell(.firstToken(first.attempt))
                harness.succeed(first.attempt)
                answers = []
            }
            unhedged.append(primary)
            seen.append((harness.time - begin) / 1000)
            harness.log = []
            harness.time += 50
        }
        let group = try #require(harness.core.statistics(at: harness.now).groups.first)
        let effect = try #require(group.streaming)
        let horizon = effect.savingHorizon.seconds
        let saved = zip(unhedged, seen).reduce(0) { $0 + min($1.0, horizon) - min($1.1, horizon) }
        return Run(effect: effect, saved: saved / Double(requests))
    }

    static let p95: Double = {
        var low = 0.1
        var high = 20.0
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if share(above: middle) > 0.05 { low = middle } else { high = middle }
        }
        return low
    }()

    @Test("lies in the stated intervals in at least ninety of a hundred runs")
    func coverage() async throws {
        let runs = try await withThrowingTaskGroup(of: Run.self) { group in
            for seed in 1...100 { group.addTask { try Self.run(seed: UInt64(seed), requests: 2000) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let quantiles = runs.count { run in
            guard let estimate = run.effect.withoutHedging.p95, estimate.isIdentified else { return false }
            // Estimates are bucket values: the interval reaches to the edges of the outermost buckets.
            let low = (estimate.low?.seconds ?? 0) / 1.01
            let high = (estimate.high?.seconds ?? .infinity) * 1.01
            return low <= Self.p95 && Self.p95 <= high
        }
        let savings = runs.count { run in
            run.effect.isSavingIdentified && run.effect.meanSavedLow.seconds <= run.saved
                && run.saved <= run.effect.meanSavedHigh.seconds
        }
        // Nothing to hide behind: hedges were sent, some rescued, and the truth is worth telling.
        #expect(runs.allSatisfy { $0.effect.rescued > 10 && $0.saved > 0.005 })
        #expect(quantiles >= 90, "the true P95 of \(Self.p95) s is in \(quantiles) of 100 intervals")
        #expect(savings >= 90, "the true saving is in \(savings) of 100 intervals")
        // An interval that holds everything says nothing.
        let widths = runs.map { ($0.effect.meanSavedHigh.seconds - $0.effect.meanSavedLow.seconds) / $0.saved }
        #expect(widths.sorted()[50] < 1.5, "the median interval is \(widths.sorted()[50]) times the saving")
    }
}
