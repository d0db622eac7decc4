/// What a core has learnt, as it was at one moment.
///
/// Taking one copies nothing but references, so that the thread of the core loses no time; ``histories`` does the work
/// and may be read on any thread.
public struct LearnedState: Sendable {
    private let deployments: [(id: DeploymentID, streaming: LatencyModel, complete: LatencyModel)]
    private let takenAt: Instant
    private let samples: SamplePolicy

    init(
        deployments: [(id: DeploymentID, streaming: LatencyModel, complete: LatencyModel)], takenAt: Instant,
        samples: SamplePolicy
    ) {
        self.deployments = deployments
        self.takenAt = takenAt
        self.samples = samples
    }

    /// What was learnt of each deployment of which anything was, in the configuration's order.
    public var histories: [(id: DeploymentID, history: DeploymentHistory)] {
        var histories: [(id: DeploymentID, history: DeploymentHistory)] = []
        for deployment in deployments {
            let history = DeploymentHistory(
                streaming: deployment.streaming.history(at: takenAt, samples: samples),
                complete: deployment.complete.history(at: takenAt, samples: samples))
            guard history.streaming != nil || history.complete != nil else { continue }
            histories.append((deployment.id, history))
        }
        return histories
    }
}

extension RouterCore {
    /// What was learnt of the configured deployments. Nothing of requests in flight, budgets or cooldowns is in it.
    public func learned(at now: Instant) -> LearnedState {
        LearnedState(
            deployments: configuredOrder.map {
                (deployments[$0].configuration.id, deployments[$0].streaming, deployments[$0].complete)
            }, takenAt: max(self.now, now), samples: samples)
    }
}

extension LatencyModel {
    /// The history as of `now`; nil before any sample.
    func history(at now: Instant, samples: SamplePolicy) -> LatencyHistory? {
        guard let belief = belief.history(at: now), hasSamples else { return nil }
        return try? LatencyHistory(
            belief: belief, recentAges: recent.instants.map { max(.zero, now - $0) },
            classes: classHistograms.map { $0.history(at: now, samples) })
    }
}

extension LatencyBelief {
    fileprivate func history(at now: Instant) -> BeliefHistory? {
        guard let fast else { return nil }
        return try? BeliefHistory(
            fast: fast, long: long, longCount: longCount, staleness: staleness, age: max(.zero, now - lastObserved))
    }
}

extension CensoredHistogram {
    fileprivate func history(at now: Instant, _ samples: SamplePolicy) -> HistogramHistory? {
        guard let lastSample else { return nil }
        let scale = scale(at: lastSample, halfLife: samples.halfLife)
        return try? HistogramHistory(
            age: max(.zero, now - lastSample), squares: Self.rounded(squaredWeight * scale * scale),
            events: Self.entries(events, scale), censored: Self.entries(censored, scale))
    }

    private static func entries(_ weights: [Float], _ scale: Double) -> [HistogramHistory.Entry] {
        var entries: [HistogramHistory.Entry] = []
        for bucket in weights.indices where weights[bucket] > 0 {
            let weight = rounded(Double(weights[bucket]) * scale)
            if weight > 0 { entries.append(HistogramHistory.Entry(bucket: bucket, weight: weight)) }
        }
        return entries
    }

    /// Fewer digits, for a shorter document: the error is 5e-5 of what is around 1 and smaller elsewhere.
    ///
    /// What is below 1e-7 of the last sample is 23 half-lives older and counts for nothing.
    private static func rounded(_ weight: Double) -> Double {
        let digits = weight < 1 ? 1e7 : 1e4
        return (weight * digits).rounded() / digits
    }
}
