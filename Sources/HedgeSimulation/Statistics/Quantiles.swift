/// Quantiles of a sample.
package struct Quantiles: Sendable {
    private var sorted: [Double]

    /// Of values of which those that are no number are left out.
    package init(of values: [Double]) {
        sorted = values.filter { !$0.isNaN }
        sorted.sort()
    }

    package init(sorted: [Double]) {
        self.sorted = sorted
    }

    package var count: Int { sorted.count }

    /// The quantile, interpolated between neighbours; NaN of no values.
    package func value(_ probability: Double) -> Double {
        guard let first = sorted.first, let last = sorted.last else { return .nan }
        let position = probability * Double(sorted.count - 1)
        guard position > 0 else { return first }
        let index = Int(position)
        guard index + 1 < sorted.count else { return last }
        let part = position - Double(index)
        return sorted[index] * (1 - part) + sorted[index + 1] * part
    }

    package var mean: Double {
        sorted.isEmpty ? .nan : sorted.reduce(0, +) / Double(sorted.count)
    }

    /// The share of values above `limit`.
    package func share(above limit: Double) -> Double {
        guard !sorted.isEmpty else { return .nan }
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] > limit { high = middle } else { low = middle + 1 }
        }
        return Double(sorted.count - low) / Double(sorted.count)
    }
}

/// A mean over runs with different seeds, and how much it may be off.
package struct Estimate: Hashable, Sendable {
    package var mean: Double
    /// Half of the 95 % confidence interval by Student's t; NaN of a single run.
    package var margin: Double

    package init(_ values: [Double]) {
        let count = Double(values.count)
        mean = values.reduce(0, +) / count
        let center = mean
        let squares = values.reduce(0) { $0 + ($1 - center) * ($1 - center) }
        let degrees = values.count - 1
        let deviation = (squares / (count - 1)).squareRoot()
        margin = degrees > 0 ? Self.student(degrees) * deviation / count.squareRoot() : .nan
    }

    /// The 97.5th percentile of Student's t.
    private static func student(_ degrees: Int) -> Double {
        let table = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]
        return degrees <= table.count ? table[degrees - 1] : 1.96 + 2.5 / Double(degrees)
    }
}
