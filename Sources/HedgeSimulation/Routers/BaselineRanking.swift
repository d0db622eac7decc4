import Glibc
import HedgeCore

/// How a baseline orders the deployments.
package enum BaselineRanking: Hashable, Sendable {
    /// In random order.
    case random
    /// By an average of what was seen, which only those that are used renew: no exploration.
    case greedy
    /// The published form of what the core does: a fast average that shrinks to the long run as it goes stale.
    case reference
}

/// What a baseline believes of each deployment's latency, in milliseconds.
struct BaselineBeliefs: Sendable {
    private let ranking: BaselineRanking
    private var average: [Double]
    private var longRun: [Double]
    private var lastSeen: [Double]
    private var staleness: [Double]
    private var scores: [Double]

    private static let slow = log(2.5)

    /// Baselines know the medians from the start, which production does not.
    init(_ ranking: BaselineRanking, medians: [Double]) {
        self.ranking = ranking
        average = medians
        longRun = medians.map { log($0) }
        lastSeen = medians.map { _ in 0 }
        staleness = medians.map { _ in 15 }
        scores = medians
    }

    /// A deployment's long-run median in milliseconds.
    func longRunMedian(_ deployment: Int) -> Double { exp(longRun[deployment]) }

    /// The best deployment that `isTried` does not name.
    mutating func best(at seconds: Double, random: inout RandomStream, isTried: (Int) -> Bool) -> Int? {
        for index in scores.indices { scores[index] = score(index, at: seconds, random: &random) }
        var best: Int?
        for index in scores.indices where !isTried(index) {
            if let known = best, scores[index] >= scores[known] { continue }
            best = index
        }
        return best
    }

    private func score(_ index: Int, at seconds: Double, random: inout RandomStream) -> Double {
        switch ranking {
        case .random:
            return random.unit()
        case .greedy:
            return average[index]
        case .reference:
            let fast = log(average[index])
            let trust = exp(-(seconds - lastSeen[index]) / staleness[index])
            return trust * fast + (1 - trust) * min(fast, longRun[index])
        }
    }

    /// Takes a latency that was seen, or a lower bound of one that was given up on.
    mutating func observe(_ index: Int, milliseconds: Double, isEvent: Bool, at seconds: Double) {
        let sample = max(milliseconds, 0.1)
        guard isEvent || sample >= average[index] else { return }
        switch ranking {
        case .random:
            return
        case .greedy:
            average[index] += 0.1 * (sample - average[index])
        case .reference:
            observeReference(index, sample, isEvent: isEvent, at: seconds)
        }
    }

    private mutating func observeReference(_ index: Int, _ sample: Double, isEvent: Bool, at seconds: Double) {
        if seconds - lastSeen[index] > staleness[index] {
            average[index] = sample
            let isStillSlow = log(sample) - longRun[index] > Self.slow
            staleness[index] = isStillSlow ? min(240, 2 * staleness[index]) : 15
        } else {
            average[index] = exp(0.85 * log(average[index]) + 0.15 * log(sample))
        }
        if isEvent { longRun[index] += 0.002 * max(-1, min(1, log(sample) - longRun[index])) }
        lastSeen[index] = seconds
    }
}
