/// The probability that a latency is longer than a given time, estimated from samples of which some are censored.
///
/// Kaplan and Meier's product-limit estimate on buckets, with samples censored inside a bucket counted as half at risk
/// (the actuarial convention). A prior enters as pseudo-samples, which makes the estimate the posterior mean under a
/// beta process (Hjort 1990).
struct SurvivalCurve: Sendable {
    /// Probability to be longer than the bucket, for each bucket of ``LogScale``.
    private(set) var survival: [Float]

    /// Samples left at risk before each bucket, counted as equally weighted ones.
    private var riskSet: [Float]

    /// The first bucket at which too few samples are left at risk for its value to mean anything.
    private(set) var identifiedEnd = 0

    /// The highest bucket with a sample.
    private(set) var highestBucket = 0

    /// Equally weighted samples the curve rests on.
    private(set) var effectiveCount = 0.0

    /// Samples that must be left at risk; below that a product-limit estimate errs by large factors.
    static let smallestRiskSet = 10.0

    init() {
        survival = Array(repeating: 1, count: LogScale.bucketCount)
        riskSet = Array(repeating: 0, count: LogScale.bucketCount)
    }

    /// Estimates from a histogram alone.
    mutating func estimate(_ histogram: CensoredHistogram) {
        estimate(histogram, scale: 1, priorSamples: 0) { _ in 1 }
    }

    /// Estimates from a histogram and a prior curve worth `priorSamples` samples.
    mutating func estimate(
        _ histogram: CensoredHistogram, scale: Double, priorSamples: Double, prior: (Int) -> Double
    ) {
        let effectiveShare = histogram.weight > 0 ? histogram.effectiveCount / histogram.weight : 0
        var atRisk = histogram.weight
        var surviving = 1.0
        var priorBefore = 1.0
        identifiedEnd = LogScale.bucketCount
        highestBucket = histogram.highestBucket
        effectiveCount = histogram.effectiveCount

        for bucket in 0..<LogScale.bucketCount {
            let events = Double(histogram.events[bucket])
            let censored = Double(histogram.censored[bucket])
            if identifiedEnd == LogScale.bucketCount, atRisk * effectiveShare < Self.smallestRiskSet {
                identifiedEnd = bucket
            }
            riskSet[bucket] = Float(atRisk * effectiveShare)
            var happened = events * scale
            var exposed = max(0, (atRisk - censored / 2) * scale)
            if priorSamples > 0 {
                let priorAfter = prior(bucket)
                happened += priorSamples * max(0, priorBefore - priorAfter)
                exposed += priorSamples * priorBefore
                priorBefore = priorAfter
            }
            if happened > 0, exposed > 0 {
                surviving *= max(0, 1 - happened / exposed)
            }
            survival[bucket] = Float(surviving)
            atRisk = max(0, atRisk - events - censored)
            // Sums in single precision leave a residue that is nobody at risk.
            if atRisk < histogram.weight * 1e-6 { atRisk = 0 }
        }
    }

    /// The first bucket at which at most `1 - probability` are left; nil if the curve never gets there.
    func bucket(ofQuantile probability: Double) -> Int? {
        let target = Float(1 - probability)
        // The curve falls, so a binary search finds the first bucket.
        var low = 0
        var high = LogScale.bucketCount
        while low < high {
            let middle = (low + high) / 2
            if survival[middle] <= target + 1e-7 { high = middle } else { low = middle + 1 }
        }
        return low < LogScale.bucketCount ? low : nil
    }

    /// A quantile; not identified if the samples cannot tell it, and then a lower bound.
    func quantile(_ probability: Double) -> LatencyQuantile {
        guard let bucket = bucket(ofQuantile: probability) else {
            return LatencyQuantile(value: LogScale.interval(highestBucket), isIdentified: false)
        }
        return LatencyQuantile(
            value: LogScale.interval(bucket), isIdentified: isIdentified(1 - probability, in: bucket))
    }

    /// Whether enough samples are left at risk where the curve passes `share` inside the bucket.
    private func isIdentified(_ share: Double, in bucket: Int) -> Bool {
        let before = bucket > 0 ? Double(survival[bucket - 1]) : 1
        guard before > 0 else { return false }
        // Rounding of the weights must not decide whether exactly ten are enough.
        return Double(riskSet[bucket]) * min(1, share / before) >= Self.smallestRiskSet * 0.999
    }

    /// The left edge of a gap: the first bucket where few are left and nearly all of those take twice as long.
    ///
    /// A percentile that falls inside a slow mode would wait for it to pass; the knee is where waiting stops paying.
    func knee(atMost share: Double) -> Int? {
        guard share > 0, let first = bucket(ofQuantile: 1 - share) else { return nil }
        let last = min(identifiedEnd, LogScale.bucketCount - LogScale.doubling)
        guard first < last else { return nil }
        for bucket in first..<last {
            let here = survival[bucket]
            guard here > 0 else { return nil }
            if here <= 1.1 * survival[bucket + LogScale.doubling] { return bucket }
        }
        return nil
    }

    /// The time a second attempt is expected to save, in seconds, when the first is still out at `delay`'s bucket.
    ///
    /// The target's latencies are taken as e^`slowdown` times what its curve says. The integral over u of
    /// P(Y <= u) P(X > d + u | X > d), where X is this curve and Y the target's. Where this curve ends, hedged requests
    /// having left nobody to observe, it is taken to fall on as it fell from `delay` to there: a level that merely was
    /// not seen to fall is no evidence of an endless wait. Nil when the samples cannot tell what lies beyond `delay`.
    func expectedSaving(at delay: Interval, target: SurvivalCurve, slowdown: Double = 0) -> Double? {
        let start = LogScale.bucket(of: delay)
        let left = Double(survival[start])
        let end = min(identifiedEnd, highestBucket)
        guard start < end, left > 1e-4 else { return nil }
        let last = Double(survival[end]) / left
        guard last < 1 else { return nil }
        let offset = delay.seconds
        let shift = Int(min(Double(LogScale.bucketCount), max(0, slowdown) / LogScale.logGamma))
        var sum = 0.0
        var reached = 0.0
        var cursor = start
        for bucket in 0..<LogScale.bucketCount {
            let u = LogScale.seconds(bucket)
            while cursor < end, LogScale.seconds(cursor) < offset + u { cursor += 1 }
            if cursor == end { break }
            let remaining = Double(survival[cursor]) / left
            if remaining < 1e-6 { break }
            guard bucket >= shift else { continue }
            reached = 1 - Double(target.survival[bucket - shift])
            sum += reached * remaining * LogScale.width(bucket)
        }
        // Of a constant hazard h, what is left at the end takes 1/h more on average.
        let length = LogScale.seconds(end) - offset
        guard last > 1e-6, length > 0 else { return sum }
        return sum + reached * last * length / -naturalLog(last)
    }
}

/// A quantile of a latency.
public struct LatencyQuantile: Hashable, Sendable {
    /// The quantile, or a lower bound of it when it is not identified.
    public var value: Interval

    /// Whether enough samples are left at risk there for the value to mean something.
    public var isIdentified: Bool

    /// Creates one with these parts.
    public init(value: Interval, isIdentified: Bool) {
        self.value = value
        self.isIdentified = isIdentified
    }
}
