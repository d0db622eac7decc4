/// What became of a history that was offered to a core.
public enum HistoryAdoption: Hashable, Sendable, CaseIterable {
    /// It is now what the core knows of the deployment, in whole or in part.
    case adopted
    /// What the core has seen itself weighs more.
    case outweighed
    /// Its last sample is older than samples live.
    case expired
    /// The configuration has no such deployment.
    case unknownDeployment
}

extension RouterCore {
    /// Takes over what was learnt of a deployment before, `elapsed` after it was saved.
    ///
    /// The samples are as old now as if the process had gone on without any traffic: they weigh less by the elapsed
    /// time's share of the half-life, and count for nothing after ``Policy/sampleLifetime``. Histories of requests
    /// that stream and of those that do not are judged apart. One that this core has no samples for is taken whole.
    /// Otherwise the one with more weight, decayed to now, keeps its place and the other is dropped: adding both up
    /// would count a history twice that is loaded twice. A negative `elapsed` counts as 0.
    public mutating func adopt(
        _ history: DeploymentHistory, of deployment: DeploymentID, elapsed: Interval, at now: Instant
    ) -> HistoryAdoption {
        self.now = max(self.now, now)
        guard let slot = deploymentSlots[deployment], deployments[slot].isConfigured else { return .unknownDeployment }
        let past = Past(now: self.now, elapsed: max(.zero, elapsed))
        let outcomes = [
            history.streaming.map { deployments[slot].streaming.adopt($0, past, samples: samples) },
            history.complete.map { deployments[slot].complete.adopt($0, past, samples: samples) },
        ].compactMap { $0 }
        if outcomes.contains(.adopted) { return .adopted }
        return outcomes.contains(.outweighed) ? .outweighed : .expired
    }
}

/// Turns ages at the moment of saving into instants of the clock of this process.
private struct Past {
    var now: Instant
    var elapsed: Interval

    func instant(age: Interval) -> Instant {
        Instant(nanoseconds: now.nanoseconds.subtractingSaturating((age + elapsed).nanoseconds))
    }

    func isExpired(_ histogram: HistogramHistory, _ samples: SamplePolicy) -> Bool {
        histogram.age + elapsed > samples.lifetime
    }
}

extension LatencyModel {
    /// Ages in whole milliseconds, and a wall clock that is slewed, make a history that comes back seem a little heavier.
    private static let clearlyMore = 1.01

    fileprivate mutating func adopt(
        _ history: LatencyHistory, _ past: Past, samples: SamplePolicy
    ) -> HistoryAdoption {
        let loadedClasses = history.classes.map { known in
            known.map { past.isExpired($0, samples) ? .empty : CensoredHistogram($0, past) } ?? .empty
        }
        let loadedRecent = RecentObservations(history.recentAges.map { past.instant(age: $0) })
        var loaded = LatencyModel(
            belief: LatencyBelief(history.belief, past), classes: loadedClasses, recent: loadedRecent)
        guard loaded.hasSamples else { return .expired }
        if hasSamples {
            guard loaded.weight(at: past.now, samples) > weight(at: past.now, samples) * Self.clearlyMore else {
                return .outweighed
            }
            // What this process saw says more about now than anything from before it.
            loaded = LatencyModel(
                belief: belief, classes: loadedClasses, recent: recent.isCold(at: past.now) ? loadedRecent : recent)
        }
        self = loaded
        return .adopted
    }

    private func weight(at now: Instant, _ samples: SamplePolicy) -> Double {
        let pooled = pooled(samples)
        return pooled.weight * pooled.scale(at: now, halfLife: samples.halfLife)
    }
}

extension LatencyBelief {
    fileprivate init(_ history: BeliefHistory, _ past: Past) {
        self.init(
            fast: history.fast, long: history.long, longCount: history.longCount, staleness: history.staleness,
            lastObserved: past.instant(age: history.age))
    }
}

extension CensoredHistogram {
    /// The weights stay as they are, and their landmark moves to where the last sample was made: they decay by the
    /// time since then when they are read, as those of any histogram do.
    fileprivate init(_ history: HistogramHistory, _ past: Past) {
        self.init(
            events: history.events.lazy.map { ($0.bucket, $0.weight) },
            censored: history.censored.lazy.map { ($0.bucket, $0.weight) },
            squaredWeight: history.squares, lastSample: past.instant(age: history.age))
    }
}
