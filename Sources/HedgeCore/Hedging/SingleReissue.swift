/// The best single hedge for a small budget: when it starts, and with which probability.
///
/// Kaler, He, Elnikety: "Optimal reissue policies for reducing tail latency", SPAA 2017. Of all delays d the one with
/// the smallest t such that F(t) + q S(t) F(t - d) reaches the percentile, where q = min(1, budget / S(d)). With a
/// budget below a few percent a percentile threshold waits for the budget or misses the percentile that matters; it
/// is better to start earlier and to leave some to chance.
struct SingleReissue: Hashable, Sendable {
    var delay: Interval
    var probability: Double

    /// The percentile that is minimised.
    static let percentile = 0.99
    /// Delays lie this many buckets apart, about 8 %.
    static let step = 4

    /// The optimum for a curve whose second attempts are taken to be as the first ones; nil if the samples do not
    /// tell the percentile, or if no delay improves on it.
    init?(curve: SurvivalCurve, budget: Double, from earliest: Interval) {
        guard budget > 0, curve.quantile(Self.percentile).isIdentified,
            let unhedged = curve.bucket(ofQuantile: Self.percentile)
        else { return nil }
        var best: (end: Int, delay: Int, probability: Double)?
        let first = LogScale.bucket(of: earliest)
        for delay in stride(from: first, to: unhedged, by: Self.step) {
            let left = Double(curve.survival[delay])
            guard left > 0 else { break }
            let probability = min(1, budget / left)
            let end = Self.end(curve, delay: delay, probability: probability, unhedged: unhedged)
            // Of delays that are as good by the width of a bucket the latest hedges what is latest.
            if end < unhedged, end <= best?.end ?? unhedged { best = (end, delay, probability) }
        }
        guard let best else { return nil }
        delay = LogScale.interval(best.delay)
        probability = best.probability
    }

    /// The bucket of the percentile with a hedge after `delay`, found by bisection: what is left falls with time.
    private static func end(_ curve: SurvivalCurve, delay: Int, probability: Double, unhedged: Int) -> Int {
        var low = delay
        var high = unhedged
        while low < high {
            let middle = (low + high) / 2
            let since = LogScale.seconds(middle) - LogScale.seconds(delay)
            let second = 1 - Double(curve.survival[LogScale.bucket(of: .seconds(since))])
            let left = Double(curve.survival[middle]) * (1 - probability * second)
            if left <= 1 - percentile { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
