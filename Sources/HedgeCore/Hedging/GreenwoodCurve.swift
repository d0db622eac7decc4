/// A product-limit curve with the variance of Greenwood's formula, for reports.
///
/// It changes only where something happened, so that quantiles look at those buckets alone: a router of many groups
/// has six such curves for each of them, and whoever reads its metrics pays for all.
struct GreenwoodCurve {
    /// A bucket in which something happened, and the curve after it.
    private struct Step {
        var bucket: Int
        /// Samples left at risk before the bucket, counted as equally weighted ones.
        var riskSet: Double
        var before: Double
        var survival: Double
        /// Standard error of `survival`.
        var error: Double
        /// What the bucket adds to the sum of d / (n (n - d)), in equally weighted samples.
        var hazardVariance: Double
    }

    private var steps: [Step] = []
    /// Up to the highest bucket with a sample.
    private var survival: [Double]
    private var firstCensored: Int
    private var identifiedEnd: Int
    private var highestBucket: Int

    /// Two-sided 95 % of the normal distribution.
    static let z = 1.96

    init(_ histogram: CensoredHistogram) {
        let share = histogram.weight > 0 ? histogram.effectiveCount / histogram.weight : 0
        highestBucket = min(max(0, histogram.highestBucket), LogScale.bucketCount - 1)
        survival = Array(repeating: 1, count: highestBucket + 1)
        firstCensored = LogScale.bucketCount
        identifiedEnd = LogScale.bucketCount
        steps.reserveCapacity(128)
        var atRisk = histogram.weight
        var surviving = 1.0
        var variance = 0.0
        if atRisk * share < SurvivalCurve.smallestRiskSet { identifiedEnd = 0 }
        for bucket in 0...highestBucket {
            let events = Double(histogram.events[bucket])
            let censored = Double(histogram.censored[bucket])
            guard events > 0 || censored > 0 else {
                survival[bucket] = surviving
                continue
            }
            if censored > 0, firstCensored == LogScale.bucketCount { firstCensored = bucket }
            let exposed = atRisk - censored / 2
            if events > 0, exposed > 0 {
                var step = Step(
                    bucket: bucket, riskSet: atRisk * share, before: surviving, survival: 0, error: 0, hazardVariance: 0
                )
                surviving *= max(0, 1 - events / exposed)
                let left = (exposed - events) * share
                if left > 0 { step.hazardVariance = events * share / (exposed * share * left) }
                variance += step.hazardVariance
                step.survival = surviving
                step.error = surviving * variance.squareRoot()
                steps.append(step)
            }
            survival[bucket] = surviving
            atRisk = max(0, atRisk - events - censored)
            if atRisk < histogram.weight * 1e-6 { atRisk = 0 }
            if identifiedEnd == LogScale.bucketCount, atRisk * share < SurvivalCurve.smallestRiskSet {
                identifiedEnd = bucket + 1
            }
        }
    }

    /// The latency up to which the curve is identified.
    var horizon: Interval { LogScale.interval(min(identifiedEnd, highestBucket + 1)) }

    func estimates() -> QuantileEstimates {
        QuantileEstimates(p50: estimate(0.5), p95: estimate(0.95), p99: estimate(0.99), p999: estimate(0.999))
    }

    /// A quantile between the quantiles of the curve's confidence band.
    func estimate(_ probability: Double) -> QuantileEstimate {
        let target = 1 - probability
        let middle = steps.first { $0.survival <= target }
        let low = steps.first { $0.survival - Self.z * $0.error <= target }
        let high = steps.first { $0.survival + Self.z * $0.error <= target }
        let isKnown = middle.map { isIdentified(target, in: $0) } ?? false
        return QuantileEstimate(
            value: LogScale.interval(middle?.bucket ?? highestBucket), low: low.map { LogScale.interval($0.bucket) },
            high: high.flatMap { $0.bucket < identifiedEnd ? LogScale.interval($0.bucket) : nil }, isIdentified: isKnown
        )
    }

    private func isIdentified(_ share: Double, in step: Step) -> Bool {
        guard step.before > 0 else { return false }
        return step.riskSet * min(1, share / step.before) >= SurvivalCurve.smallestRiskSet * 0.999
    }

    private func share(above bucket: Int) -> Double {
        survival[max(0, min(bucket, highestBucket))]
    }

    /// Both curves at some buckets, evenly spaced on the scale of the histograms, where they are neither 1 nor settled.
    func points(beside other: GreenwoodCurve) -> [SurvivalPoint] {
        let last = min(LogScale.bucketCount - 1, max(highestBucket, other.highestBucket) + 1)
        let first = max(0, (other.steps.first { $0.survival < 0.999 }?.bucket ?? last) - 1)
        guard first < last else { return [] }
        let stride = max(1, (last - first + Self.pointCount - 1) / Self.pointCount)
        var points: [SurvivalPoint] = []
        points.reserveCapacity(Self.pointCount + 1)
        var error = 0.0
        var next = steps.startIndex
        for bucket in Swift.stride(from: first, through: last, by: stride) {
            while next < steps.endIndex, steps[next].bucket <= bucket {
                error = steps[next].error
                next += 1
            }
            let here = share(above: bucket)
            points.append(
                SurvivalPoint(
                    latency: LogScale.interval(bucket), actual: other.share(above: bucket), withoutHedging: here,
                    low: max(0, here - Self.z * error), high: min(1, here + Self.z * error),
                    isIdentified: bucket < identifiedEnd))
        }
        return points
    }

    /// Points of a curve in a report, about.
    private static let pointCount = 48

    /// The mean time by which this curve lies above another, as far as it is identified, in seconds.
    ///
    /// The two rest on the same requests and agree up to the first censored one, so that only what comes after
    /// contributes to the error: the variance of a restricted mean, sum A^2 d / (n (n - d)).
    func saving(over other: GreenwoodCurve) -> (mean: Double, error: Double, isIdentified: Bool) {
        let end = min(identifiedEnd, LogScale.bucketCount)
        guard firstCensored < end else { return (0, 0, firstCensored == LogScale.bucketCount) }
        var mean = 0.0
        var variance = 0.0
        var area = 0.0
        var next = steps.endIndex - 1
        for bucket in (firstCensored..<end).reversed() {
            let here = share(above: bucket)
            let width = LogScale.width(bucket)
            mean += (here - other.share(above: bucket)) * width
            while next >= 0, steps[next].bucket > bucket { next -= 1 }
            if next >= 0, steps[next].bucket == bucket { variance += area * area * steps[next].hazardVariance }
            area += here * width
        }
        return (mean, variance.squareRoot(), true)
    }
}
