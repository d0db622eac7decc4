/// What hedging bought a group: the latencies callers saw, and those they would have seen without hedges.
///
/// A request that its primary answered, or a failover in its place, would have taken as long without hedging. One that
/// a hedge answered would have taken longer than that: censored. Requests of the control arm reach beyond the
/// threshold without being censored, which is what makes the tail of the second curve known.
struct HedgeLedger: Sendable {
    private var actual: CensoredHistogram?
    private var baseline: CensoredHistogram?
    /// As `baseline`, with hedged requests censored when their hedge was sent: nothing that a hedge did is in it.
    private var unhedged: CensoredHistogram?
    private(set) var answered: UInt64 = 0
    private(set) var controls: UInt64 = 0
    private(set) var rescued: UInt64 = 0

    /// Adds an answered request; `hedgedAfter` is when its first hedge was sent, if one was.
    mutating func answered(
        after latency: Interval, hedgedAfter: Interval? = nil, byHedge: Bool, isControl: Bool, at now: Instant,
        samples: SamplePolicy
    ) {
        let bucket = LogScale.bucket(of: latency)
        add(bucket, actualIsEvent: true, baselineIsEvent: !byHedge, at: now, samples: samples)
        addUnhedged(bucket, hedgedAfter: hedgedAfter, isEvent: !byHedge, at: now, samples: samples)
        answered &+= 1
        if byHedge { rescued &+= 1 }
        if isControl { controls &+= 1 }
    }

    /// Adds a request that was given up on while it waited.
    mutating func abandoned(
        after latency: Interval, hedgedAfter: Interval? = nil, at now: Instant, samples: SamplePolicy
    ) {
        let bucket = LogScale.bucket(of: latency)
        add(bucket, actualIsEvent: false, baselineIsEvent: false, at: now, samples: samples)
        addUnhedged(bucket, hedgedAfter: hedgedAfter, isEvent: false, at: now, samples: samples)
    }

    private mutating func addUnhedged(
        _ bucket: Int, hedgedAfter: Interval?, isEvent: Bool, at now: Instant, samples: SamplePolicy
    ) {
        if unhedged == nil { unhedged = CensoredHistogram() }
        let censored = hedgedAfter.map { LogScale.bucket(of: $0) }
        unhedged?.add(
            bucket: min(bucket, censored ?? bucket), isEvent: isEvent && censored == nil, at: now, policy: samples)
    }

    private mutating func add(
        _ bucket: Int, actualIsEvent: Bool, baselineIsEvent: Bool, at now: Instant, samples: SamplePolicy
    ) {
        if actual == nil { actual = CensoredHistogram() }
        if baseline == nil { baseline = CensoredHistogram() }
        actual?.add(bucket: bucket, isEvent: actualIsEvent, at: now, policy: samples)
        baseline?.add(bucket: bucket, isEvent: baselineIsEvent, at: now, policy: samples)
    }

    /// The comparison; nil before any sample.
    func effect() -> HedgingEffect? {
        guard let actual, let baseline else { return nil }
        let seen = GreenwoodCurve(actual)
        let without = GreenwoodCurve(baseline)
        var effect = HedgingEffect()
        effect.actual = seen.estimates()
        effect.withoutHedging = without.estimates()
        effect.curve = without.points(beside: seen)
        if let unhedged {
            let control = GreenwoodCurve(unhedged)
            effect.withoutHedgingByControl = control.estimates()
            effect.savedByControl = SavingEstimate(control.saving(over: seen))
        }
        effect.answered = answered
        effect.controls = controls
        effect.rescued = rescued
        effect.effectiveSamples = baseline.effectiveCount
        let saving = without.saving(over: seen)
        effect.meanSaved = .seconds(saving.mean)
        effect.meanSavedLow = .seconds(saving.mean - GreenwoodCurve.z * saving.error)
        effect.meanSavedHigh = .seconds(saving.mean + GreenwoodCurve.z * saving.error)
        effect.savingHorizon = without.horizon
        effect.isSavingIdentified = saving.isIdentified
        return effect
    }
}

extension SavingEstimate {
    /// The estimate a comparison of two curves gives; nil where it does not tell.
    fileprivate init?(_ saving: (mean: Double, error: Double, isIdentified: Bool)) {
        guard saving.isIdentified else { return nil }
        let margin = GreenwoodCurve.z * saving.error
        self.init(
            mean: .seconds(saving.mean), low: .seconds(saving.mean - margin), high: .seconds(saving.mean + margin))
    }
}

/// A product-limit curve with the variance of Greenwood's formula, for reports.
struct GreenwoodCurve {
    private var survival: [Double]
    /// Sum of d / (n (n - d)) up to each bucket, in equally weighted samples.
    private var hazardVariance: [Double]
    /// Samples left at risk before each bucket.
    private var riskSet: [Double]
    private var firstCensored: Int
    private var identifiedEnd: Int
    private var highestBucket: Int

    /// Two-sided 95 % of the normal distribution.
    static let z = 1.96

    init(_ histogram: CensoredHistogram) {
        let share = histogram.weight > 0 ? histogram.effectiveCount / histogram.weight : 0
        survival = Array(repeating: 1, count: LogScale.bucketCount)
        hazardVariance = Array(repeating: 0, count: LogScale.bucketCount)
        riskSet = Array(repeating: 0, count: LogScale.bucketCount)
        firstCensored = LogScale.bucketCount
        identifiedEnd = LogScale.bucketCount
        highestBucket = histogram.highestBucket
        var atRisk = histogram.weight
        var surviving = 1.0
        var variance = 0.0
        for bucket in 0..<LogScale.bucketCount {
            let events = Double(histogram.events[bucket])
            let censored = Double(histogram.censored[bucket])
            if censored > 0, firstCensored == LogScale.bucketCount { firstCensored = bucket }
            if identifiedEnd == LogScale.bucketCount, atRisk * share < SurvivalCurve.smallestRiskSet {
                identifiedEnd = bucket
            }
            riskSet[bucket] = atRisk * share
            let exposed = atRisk - censored / 2
            if events > 0, exposed > 0 {
                surviving *= max(0, 1 - events / exposed)
                let left = (exposed - events) * share
                if left > 0 { variance += events * share / (exposed * share * left) }
            }
            survival[bucket] = surviving
            hazardVariance[bucket] = variance
            atRisk = max(0, atRisk - events - censored)
            if atRisk < histogram.weight * 1e-6 { atRisk = 0 }
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
        let middle = first { $0 <= target }
        let low = first(shift: -Self.z) { $0 <= target }
        let high = first(shift: Self.z) { $0 <= target }
        let isKnown = middle.map { isIdentified(target, in: $0) } ?? false
        return QuantileEstimate(
            value: LogScale.interval(middle ?? highestBucket), low: low.map(LogScale.interval),
            high: high.flatMap { $0 < identifiedEnd ? LogScale.interval($0) : nil }, isIdentified: isKnown)
    }

    /// Both curves at some buckets, evenly spaced on the scale of the histograms, where they are neither 1 nor settled.
    func points(beside other: GreenwoodCurve) -> [SurvivalPoint] {
        let last = min(LogScale.bucketCount - 1, max(highestBucket, other.highestBucket) + 1)
        let first = max(0, (other.survival.firstIndex { $0 < 0.999 } ?? last) - 1)
        guard first < last else { return [] }
        let step = max(1, (last - first + Self.pointCount - 1) / Self.pointCount)
        return stride(from: first, through: last, by: step).map { bucket in
            let margin = Self.z * survival[bucket] * hazardVariance[bucket].squareRoot()
            return SurvivalPoint(
                latency: LogScale.interval(bucket), actual: other.survival[bucket], withoutHedging: survival[bucket],
                low: max(0, survival[bucket] - margin), high: min(1, survival[bucket] + margin),
                isIdentified: bucket < identifiedEnd)
        }
    }

    /// Points of a curve in a report, about.
    private static let pointCount = 48

    private func isIdentified(_ share: Double, in bucket: Int) -> Bool {
        let before = bucket > 0 ? survival[bucket - 1] : 1
        guard before > 0 else { return false }
        return riskSet[bucket] * min(1, share / before) >= SurvivalCurve.smallestRiskSet * 0.999
    }

    private func first(shift: Double = 0, where matches: (Double) -> Bool) -> Int? {
        for bucket in survival.indices {
            let error = survival[bucket] * hazardVariance[bucket].squareRoot()
            if matches(survival[bucket] + shift * error) { return bucket }
        }
        return nil
    }

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
        for bucket in (firstCensored..<end).reversed() {
            mean += (survival[bucket] - other.survival[bucket]) * LogScale.width(bucket)
            let before = bucket > 0 ? hazardVariance[bucket - 1] : 0
            variance += area * area * max(0, hazardVariance[bucket] - before)
            area += survival[bucket] * LogScale.width(bucket)
        }
        return (mean, variance.squareRoot(), true)
    }
}
