import Glibc

/// The share of requests that took longer, at fixed latencies: light enough to keep for every run.
package struct SurvivalSeries: Sendable {
    package private(set) var shares: [Double]

    /// Latencies in milliseconds from 10 ms to 1000 s, evenly spaced in their logarithm.
    package static let latencies: [Double] = (0...500).map { 10 * pow(10, Double($0) / 100) }

    package init(_ latencies: [Double]) {
        let quantiles = Quantiles(of: latencies)
        shares = Self.latencies.map { quantiles.share(above: $0) }
    }

    /// The mean of several series.
    package init(meanOf series: [SurvivalSeries]) {
        shares = Self.latencies.indices.map { index in
            series.reduce(0) { $0 + $1.shares[index] } / Double(max(1, series.count))
        }
    }
}
