import Glibc

/// A distribution of latencies in milliseconds: a mixture of lognormal and Pareto parts.
package struct LatencyDistribution: Sendable {
    package enum Shape: Sendable {
        case lognormal(median: Double, sigma: Double)
        case pareto(minimum: Double, exponent: Double)
    }

    private struct Part: Sendable {
        var weight: Double
        var shape: Shape
    }

    private var parts: [Part]

    package init(_ shape: Shape) {
        parts = [Part(weight: 1, shape: shape)]
    }

    /// A mixture; weights need not add up to 1.
    package init(mixing shapes: [(weight: Double, shape: Shape)]) {
        let total = shapes.reduce(0) { $0 + $1.weight }
        parts = shapes.map { Part(weight: $0.weight / total, shape: $0.shape) }
    }

    package static func lognormal(_ median: Double, _ sigma: Double) -> LatencyDistribution {
        LatencyDistribution(.lognormal(median: median, sigma: sigma))
    }

    /// Two modes, of which the slow one is ten times slower and has the given share.
    package static func bimodal(slow share: Double) -> LatencyDistribution {
        LatencyDistribution(mixing: [
            (1 - share, .lognormal(median: 300, sigma: 0.1)), (share, .lognormal(median: 3000, sigma: 0.1)),
        ])
    }

    package static let paretoMix = LatencyDistribution(mixing: [
        (0.9, .lognormal(median: 350, sigma: 0.35)), (0.1, .pareto(minimum: 600, exponent: 1.5)),
    ])

    /// Close in shape to published times to first token.
    package static let ttftLike = LatencyDistribution(mixing: [
        (0.93, .lognormal(median: 450, sigma: 0.45)), (0.06, .lognormal(median: 1800, sigma: 0.6)),
        (0.01, .lognormal(median: 8000, sigma: 0.5)),
    ])

    /// A latency whose logarithm shares the part `correlation` of its variance with others of the same request.
    package func sample(_ random: inout RandomStream, shared: Double, correlation: Double) -> Double {
        let shape = choose(random.unit())
        let own = random.normal()
        let z = correlation > 0 ? correlation.squareRoot() * shared + (1 - correlation).squareRoot() * own : own
        switch shape {
        case .lognormal(let median, let sigma):
            return median * exp(sigma * z)
        case .pareto(let minimum, let exponent):
            return minimum * pow(max(1e-300, normalProbability(below: -z)), -1 / exponent)
        }
    }

    private func choose(_ unit: Double) -> Shape {
        var left = unit
        for part in parts {
            if left < part.weight { return part.shape }
            left -= part.weight
        }
        return parts[parts.count - 1].shape
    }

    /// The probability to be longer than `latency`.
    package func survival(_ latency: Double) -> Double {
        var sum = 0.0
        for part in parts { sum += part.weight * part.shape.survival(latency) }
        return sum
    }

    package func quantile(_ probability: Double) -> Double {
        var low = 1e-6
        var high = 1e9
        for _ in 0..<200 {
            let middle = (low * high).squareRoot()
            if survival(middle) > 1 - probability { low = middle } else { high = middle }
        }
        return low
    }
}

extension LatencyDistribution.Shape {
    func survival(_ latency: Double) -> Double {
        switch self {
        case .lognormal(let median, let sigma):
            return normalProbability(below: -log(max(latency, 1e-9) / median) / sigma)
        case .pareto(let minimum, let exponent):
            return latency <= minimum ? 1 : pow(minimum / latency, exponent)
        }
    }
}
