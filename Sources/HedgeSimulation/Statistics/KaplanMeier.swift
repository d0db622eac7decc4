/// The product-limit estimate on exact values, independent of the histograms of the core.
package struct KaplanMeier: Sendable {
    /// Times at which the curve falls, its value from there on, and how many were at risk just before.
    package private(set) var times: [Double] = []
    package private(set) var survival: [Double] = []
    private var atRisk: [Int] = []

    /// A quantile needs this many left at risk to mean anything.
    package static let smallestRiskSet = 10

    /// From durations and whether each was seen to end.
    package init(_ observations: [(duration: Double, isEvent: Bool)]) {
        // An event at the time of a censoring comes first.
        let sorted = observations.sorted {
            $0.duration == $1.duration ? $0.isEvent && !$1.isEvent : $0.duration < $1.duration
        }
        var value = 1.0
        for (index, observation) in sorted.enumerated() where observation.isEvent {
            let left = sorted.count - index
            value *= 1 - 1 / Double(left)
            times.append(observation.duration)
            survival.append(value)
            atRisk.append(left)
        }
    }

    /// The quantile and whether the data can tell it; nil if the curve does not fall that far.
    package func quantile(_ probability: Double) -> (value: Double, isIdentified: Bool)? {
        guard let index = firstIndex(atMost: 1 - probability) else { return nil }
        return (times[index], atRisk[index] >= Self.smallestRiskSet)
    }

    /// The probability to last longer than `time`.
    package func survival(after time: Double) -> Double {
        var low = 0
        var high = times.count
        while low < high {
            let middle = (low + high) / 2
            if times[middle] > time { high = middle } else { low = middle + 1 }
        }
        return low > 0 ? survival[low - 1] : 1
    }

    /// The first time at which the curve is at most `level`, if it falls that far while enough are at risk.
    package func time(atMost level: Double) -> Double? {
        quantile(1 - level).flatMap { $0.isIdentified ? $0.value : nil }
    }

    private func firstIndex(atMost level: Double) -> Int? {
        var low = 0
        var high = survival.count
        while low < high {
            let middle = (low + high) / 2
            if survival[middle] <= level + 1e-12 { high = middle } else { low = middle + 1 }
        }
        return low < survival.count ? low : nil
    }
}

extension KaplanMeier {
    /// The mean of durations cut off at `horizon`: the area below the curve up to there.
    package func restrictedMean(to horizon: Double) -> Double {
        var area = 0.0
        var time = 0.0
        var level = 1.0
        for index in times.indices where times[index] < horizon {
            area += (times[index] - time) * level
            time = times[index]
            level = survival[index]
        }
        return area + (horizon - time) * level
    }
}
