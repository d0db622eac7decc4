import Testing

@testable import HedgeCore

@Suite("History that outlives the process")
struct PersistenceTests {
    static let first = DeploymentID(rawValue: 1)
    static let size = SizeClass(promptBytes: 0)

    /// A core whose first deployment was observed for ten minutes, with one attempt in five given up on.
    static func experienced(seed: UInt64, samples count: Int = 2000) -> Harness {
        var harness = Harness(deployments: 2, seed: seed) { $0.hedgeThreshold = nil }
        var random = SplitMix64(seed: seed)
        for index in 0..<count {
            harness.time = Double(index) * 600_000 / Double(count)
            let spread = random.unit() + random.unit() + random.unit()
            let latency = Interval.milliseconds(200 * exponential(spread))
            for isStream in [true, false] {
                let isEvent = random.unit() > 0.2
                harness.record(latency, isEvent: isEvent, isStream: isStream, promptBytes: index % 3 * 5000)
            }
        }
        return harness
    }

    static func history(of harness: Harness) throws -> DeploymentHistory {
        try #require(harness.core.learned(at: harness.now).histories.first { $0.id == first }?.history)
    }

    @Test("keeps quantiles, thresholds and the ranking's belief", arguments: [1, 2, 3, 4, 5] as [UInt64])
    func roundTrip(seed: UInt64) throws {
        let before = Self.experienced(seed: seed)
        var after = Harness(deployments: 2) { $0.hedgeThreshold = nil }
        // Monotonic clocks start at 0 with the machine: everything loaded is older than that.
        after.time = 1
        let adoption = after.core.adopt(
            try Self.history(of: before), of: Self.first, elapsed: .zero, at: after.now)
        #expect(adoption == .adopted)

        for isStream in [true, false] {
            let was = before.pooled(isStream)
            let isNow = after.pooled(isStream)
            let probabilities = [0.25, 0.5, 0.9, 0.95, 0.99]
            #expect(was.quantiles(probabilities).count == 5)
            #expect(isNow.quantiles(probabilities) == was.quantiles(probabilities))
            #expect(abs(isNow.effectiveCount / was.effectiveCount - 1) < 1e-3)
            for bytes in [0, 5000, 10_000] {
                let was = try #require(before.threshold(isStream, promptBytes: bytes))
                let isNow = try #require(after.threshold(isStream, promptBytes: bytes))
                #expect(was.threshold == isNow.threshold)
                #expect(was.median == isNow.median)
            }
            let belief = try #require(before.model(isStream).belief.estimate(at: before.now))
            let loaded = try #require(after.model(isStream).belief.estimate(at: after.now))
            #expect(abs(belief - loaded) < 1e-9)
            #expect(!after.model(isStream).isCold(at: after.now))
        }
    }

    @Test("is saved again as it was loaded")
    func savedAgain() throws {
        let saved = try Self.history(of: Self.experienced(seed: 3, samples: 300))
        var harness = Harness(deployments: 2)
        _ = harness.core.adopt(saved, of: Self.first, elapsed: .zero, at: harness.now)
        #expect(try Self.history(of: harness) == saved)
    }

    @Test("ages as if the process had slept", arguments: [0.0, 30, 599, 1800, 3599])
    func aging(seconds: Double) throws {
        var slept = Self.experienced(seed: 7)
        var restarted = Harness(deployments: 2) { $0.hedgeThreshold = nil }
        restarted.time = 5000
        let adoption = restarted.core.adopt(
            try Self.history(of: slept), of: Self.first, elapsed: .seconds(seconds), at: restarted.now)
        #expect(adoption == .adopted)
        slept.time += seconds * 1000

        // New samples weigh against old ones, so that what the age has done to those shows.
        for _ in 0..<100 {
            slept.time += 10
            restarted.time += 10
            slept.record(.milliseconds(5000.0), isEvent: true, isStream: true, promptBytes: 0)
            restarted.record(.milliseconds(5000.0), isEvent: true, isStream: true, promptBytes: 0)
        }
        let expected = try #require(slept.threshold(true, promptBytes: 0))
        let actual = try #require(restarted.threshold(true, promptBytes: 0))
        #expect(actual.median == expected.median)
        #expect(actual.threshold == expected.threshold)
        #expect(restarted.model(true).isCold(at: restarted.now) == slept.model(true).isCold(at: slept.now))
        let belief = try #require(slept.model(true).belief.estimate(at: slept.now))
        let loaded = try #require(restarted.model(true).belief.estimate(at: restarted.now))
        #expect(abs(belief - loaded) < 1e-9)
    }

    @Test("weighs half as much a half-life later")
    func decay() throws {
        let saved = try Self.history(of: Self.experienced(seed: 7))
        let weights = [0.0, 600, 1200].map { seconds in
            var harness = Harness(deployments: 2)
            _ = harness.core.adopt(saved, of: Self.first, elapsed: .seconds(seconds), at: harness.now)
            let pooled = harness.pooled(true)
            return pooled.weight * pooled.scale(at: harness.now, halfLife: .seconds(600))
        }
        #expect(abs(weights[1] / weights[0] - 0.5) < 1e-3)
        #expect(abs(weights[2] / weights[0] - 0.25) < 1e-3)
    }

    @Test("older than samples live is ignored, and a clock that went back counts as no time")
    func lifetime() throws {
        let saved = try Self.history(of: Self.experienced(seed: 7))
        for (seconds, adoption) in [(3600.5, HistoryAdoption.expired), (1e12, .expired), (-1e6, .adopted)] {
            var harness = Harness(deployments: 2)
            #expect(
                harness.core.adopt(saved, of: Self.first, elapsed: .seconds(seconds), at: harness.now) == adoption)
            #expect((harness.pooled(true).weight > 0) == (adoption == .adopted))
            guard adoption == .adopted else { continue }
            #expect(harness.pooled(true).lastSample == harness.now)
        }
    }

    @Test("makes a restart warm: no race, and a hedge at the threshold that was learnt")
    func warmRestart() throws {
        let adjust: (inout Policy) -> Void = {
            $0.coldStartParallel = true
            $0.hedgeThreshold = nil
        }
        var before = Harness(deployments: 2, adjust: adjust)
        for _ in 0..<200 {
            before.time += 100
            before.serve(after: 300)
        }
        let learned = before.core.learned(at: before.now).histories
        #expect(!learned.isEmpty)
        #expect(before.core.statistics(at: before.now).races > 0)

        var cold = Harness(deployments: 2, adjust: adjust)
        #expect(cold.submit().actions.notes.contains(.raced))

        var warm = Harness(deployments: 2, adjust: adjust)
        for (id, history) in learned {
            #expect(warm.core.adopt(history, of: id, elapsed: .seconds(20), at: warm.now) == .adopted)
        }
        let started = warm.submit().actions
        #expect(started.starts.count == 1)
        #expect(!started.notes.contains(.raced))
        #expect(warm.advance(to: 299).starts.isEmpty)
        #expect(warm.advance(to: 500).starts.map(\.role) == [.hedge])

        // After ten minutes without a sample a deployment is cold in any process.
        var late = Harness(deployments: 2, adjust: adjust)
        for (id, history) in learned {
            _ = late.core.adopt(history, of: id, elapsed: .seconds(601), at: late.now)
        }
        #expect(late.submit().actions.notes.contains(.raced))
    }

    @Test("gives way to more of the core's own, and is the same loaded once or twice")
    func merging() throws {
        let saved = try Self.history(of: Self.experienced(seed: 7, samples: 100))
        var rich = Self.experienced(seed: 8, samples: 1000)
        let own = try Self.history(of: rich)
        #expect(rich.core.adopt(saved, of: Self.first, elapsed: .zero, at: rich.now) == .outweighed)
        #expect(try Self.history(of: rich) == own)

        var poor = Self.experienced(seed: 9, samples: 10)
        let belief = try Self.history(of: poor).streaming?.belief
        #expect(poor.core.adopt(saved, of: Self.first, elapsed: .zero, at: poor.now) == .adopted)
        let merged = try Self.history(of: poor)
        #expect(merged.streaming?.classes == saved.streaming?.classes)
        #expect(merged.streaming?.belief == belief)
        #expect(poor.core.adopt(saved, of: Self.first, elapsed: .zero, at: poor.now) == .outweighed)
        #expect(try Self.history(of: poor) == merged)

        // A clock that is off by a second makes no other history of it.
        poor.time += 1000
        #expect(poor.core.adopt(saved, of: Self.first, elapsed: .zero, at: poor.now) == .outweighed)

        // The same history weighs less the older it is.
        var some = Self.experienced(seed: 10, samples: 60)
        #expect(some.core.adopt(saved, of: Self.first, elapsed: .seconds(3000), at: some.now) == .outweighed)
    }

    @Test("of a deployment the configuration does not have goes nowhere")
    func unknownDeployment() throws {
        let saved = try Self.history(of: Self.experienced(seed: 7, samples: 100))
        var harness = Harness(deployments: 2)
        let stranger = DeploymentID(rawValue: 99)
        #expect(harness.core.adopt(saved, of: stranger, elapsed: .zero, at: harness.now) == .unknownDeployment)
        harness.tell(.configurationReplaced(Harness.configuration(deployments: 1)))
        let removed = DeploymentID(rawValue: 2)
        #expect(harness.core.adopt(saved, of: removed, elapsed: .zero, at: harness.now) == .unknownDeployment)
        #expect(harness.core.learned(at: harness.now).histories.isEmpty)
    }

    @Test("knows nothing of an attempt that is still in flight")
    func inFlight() {
        var harness = Harness(deployments: 2)
        _ = harness.submit()
        #expect(harness.core.learned(at: harness.now).histories.isEmpty)
    }

    @Test(
        "with numbers that no observation leads to is refused",
        arguments: [
            ("squares", Double.nan, [1], [1.0]), ("squares", -1, [1], [1]), ("squares", 0.5, [1], [1]),
            ("squares", 5, [1], [2]), ("squares", .infinity, [1], [2]), ("events", 1, [], []),
            ("events", 1, [-1], [1]), ("events", 1, [LogScale.bucketCount], [1]), ("events", 1, [.max], [1]),
            ("events", 1, [5, 5], [1, 1]), ("events", 1, [6, 5], [1, 1]), ("events", 1, [1], [0]),
            ("events", 1, [1], [-3]), ("events", 1, [1], [.nan]), ("events", 1, [1], [.infinity]),
            ("events", 1, [1], [1e13]), ("events", 1, [1, 2], [6e11, 6e11]),
        ] as [(String, Double, [Int], [Double])])
    func absurdHistogram(field: String, squares: Double, buckets: [Int], weights: [Double]) {
        let entries = zip(buckets, weights).map { HistogramHistory.Entry(bucket: $0, weight: $1) }
        #expect {
            try HistogramHistory(age: .zero, squares: squares, events: entries, censored: [])
        } throws: { ($0 as? HistoryError)?.field == field }
    }

    @Test(
        "with a belief that is none is refused",
        arguments: [
            (.nan, nil, 0, 15, 0), (24, nil, 0, 15, 0), (-.infinity, nil, 0, 15, 0), (1, .nan, 1, 15, 0),
            (1, 1, 0, 15, 0), (1, 1, .nan, 15, 0), (1, 1, 1e13, 15, 0), (1, nil, 1, 15, 0), (1, nil, 0, 14, 0),
            (1, nil, 0, 241, 0), (1, nil, 0, .nan, 0), (1, nil, 0, 15, -1), (1, nil, 0, 15, 2e9),
        ] as [(Double, Double?, Double, Double, Double)])
    func absurdBelief(fast: Double, long: Double?, count: Double, staleness: Double, age: Double) {
        #expect(throws: HistoryError.self) {
            try BeliefHistory(fast: fast, long: long, longCount: count, staleness: staleness, age: .seconds(age))
        }
    }

    @Test("with too many or disordered observations is refused")
    func absurdLists() throws {
        let belief = try BeliefHistory(fast: 0, long: nil, longCount: 0, staleness: 15, age: .zero)
        let known: HistogramHistory? = try HistogramHistory(
            age: .zero, squares: 1, events: [HistogramHistory.Entry(bucket: 3, weight: 1)], censored: [])
        let classes = [known] + Array(repeating: nil, count: SizeClass.count - 1)
        for ages in [[1.0, 1, 1, 1, 1, 1], [1, 2], [-1], [2e9]] {
            #expect(throws: HistoryError.self) {
                try LatencyHistory(belief: belief, recentAges: ages.map(Interval.seconds), classes: classes)
            }
        }
        for absurd in [[], [known], Array(repeating: nil, count: SizeClass.count), classes + [known]] {
            #expect(throws: HistoryError.self) {
                try LatencyHistory(belief: belief, recentAges: [], classes: absurd)
            }
        }
        let fine = try LatencyHistory(belief: belief, recentAges: [], classes: classes)
        var harness = Harness(deployments: 2)
        let history = DeploymentHistory(streaming: fine, complete: nil)
        #expect(harness.core.adopt(history, of: Self.first, elapsed: .zero, at: harness.now) == .adopted)
        #expect(harness.threshold(true, promptBytes: 0) != nil)
    }
}

extension Harness {
    /// One observation of the first deployment.
    fileprivate mutating func record(_ latency: Interval, isEvent: Bool, isStream: Bool, promptBytes: Int) {
        let size = SizeClass(promptBytes: promptBytes)
        guard let slot = core.deploymentSlots[PersistenceTests.first] else { return }
        if isStream {
            core.deployments[slot].streaming.record(
                latency, size: size, isEvent: isEvent, countsAsRecent: true, at: now, samples: core.samples)
        } else {
            core.deployments[slot].complete.record(
                latency, size: size, isEvent: isEvent, countsAsRecent: true, at: now, samples: core.samples)
        }
    }

    /// What is known of the first deployment.
    fileprivate func model(_ isStream: Bool) -> LatencyModel {
        guard let slot = core.deploymentSlots[PersistenceTests.first] else { return LatencyModel() }
        return isStream ? core.deployments[slot].streaming : core.deployments[slot].complete
    }

    /// Its latencies for prompts of all sizes.
    fileprivate func pooled(_ isStream: Bool) -> CensoredHistogram { model(isStream).pooled(core.samples) }

    fileprivate func threshold(_ isStream: Bool, promptBytes: Int) -> ThresholdBasis? {
        var model = model(isStream)
        return model.thresholdBasis(
            SizeClass(promptBytes: promptBytes), settings: core.thresholdSettings, isFrozen: false, at: now,
            samples: core.samples)
    }
}
