import Glibc

/// The best single hedge for a known distribution and independent attempts: a delay and a probability.
///
/// Kaler, He, Elnikety: "Optimal reissue policies for reducing tail latency", SPAA 2017. Of all delays d the one with
/// the smallest t such that F(t) + q S(t) F(t - d) reaches the target, where q = min(1, budget / S(d)).
package struct SingleReissue: Hashable, Sendable {
    package var delay: Double
    package var probability: Double
    /// The latency at the target percentile that it achieves.
    package var latency: Double

    package init(_ distribution: LatencyDistribution, budget: Double, percentile: Double, grid: Int = 600) {
        let longest = distribution.quantile(1 - budget)
        let unhedged = distribution.quantile(percentile)
        var best = SingleReissue(delay: longest, probability: 1, latency: .infinity)
        for step in 0..<(2 * grid) {
            let part = Double(step / 2) / Double(grid - 1)
            // Delays crowd near zero and are also spread evenly.
            let delay = longest * (step % 2 == 0 ? part : pow(part, 3))
            let probability = min(1, budget / max(distribution.survival(delay), 1e-300))
            let latency = Self.latency(distribution, delay, probability, percentile, unhedged)
            if latency < best.latency {
                best = SingleReissue(delay: delay, probability: probability, latency: latency)
            }
        }
        self = best
    }

    private init(delay: Double, probability: Double, latency: Double) {
        self.delay = delay
        self.probability = probability
        self.latency = latency
    }

    private static func latency(
        _ distribution: LatencyDistribution, _ delay: Double, _ probability: Double, _ percentile: Double,
        _ unhedged: Double
    ) -> Double {
        var low = 0.0
        var high = unhedged
        for _ in 0..<50 {
            let middle = (low + high) / 2
            let late = distribution.survival(middle)
            let second = middle > delay ? 1 - distribution.survival(middle - delay) : 0
            if 1 - late + probability * late * second >= percentile { high = middle } else { low = middle }
        }
        return high
    }
}
