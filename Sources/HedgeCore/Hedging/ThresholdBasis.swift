/// The settings that turn a survival curve into a hedge threshold.
struct ThresholdSettings: Hashable, Sendable {
    /// Percentile of the primary's latency, in (0, 1).
    var percentile: Double
    /// The largest share of requests that the knee may hedge.
    var kneeShare: Double
    var rule: HedgeRule
    /// Hedges as a share of requests.
    var budget: Double

    init(_ policy: Policy) {
        percentile = min(0.999, max(0.01, policy.hedgePercentile.isFinite ? policy.hedgePercentile : 0.95))
        let budget = policy.hedgeBudget.isFinite ? policy.hedgeBudget : 0
        kneeShare = min(2 * (1 - percentile), max(0, budget))
        rule = policy.hedgeRule
        self.budget = max(0, budget)
    }
}

/// A hedge threshold as the curve gives it, before clamps that depend on the request.
struct ThresholdBasis: Hashable, Sendable {
    var settings: ThresholdSettings
    var median: Interval
    /// The 95th percentile, for a second hedge.
    var high: Interval
    var threshold: HedgeThreshold

    /// A threshold rests on history once it has more samples than the prior is worth.
    init(curve: SurvivalCurve, samples: Double, settings: ThresholdSettings) {
        self.settings = settings
        median = curve.quantile(0.5).value
        high = curve.quantile(0.95).value
        let percentile = curve.quantile(settings.percentile).value
        let source = samples >= LatencyModel.priorSamples ? ThresholdSource.percentile : .prior
        threshold = HedgeThreshold(delay: percentile, source: source)
        guard source == .percentile else { return }
        if settings.rule == .singleReissue,
            let single = SingleReissue(curve: curve, budget: settings.budget, from: .seconds(1.2 * median.seconds))
        {
            threshold = HedgeThreshold(delay: single.delay, source: .reissue, probability: single.probability)
            return
        }
        if let knee = curve.knee(atMost: settings.kneeShare) {
            let early = LogScale.interval(knee)
            if early < percentile { threshold = HedgeThreshold(delay: early, source: .knee) }
        }
    }

    /// The threshold within the policy's limits: never so early that it hedges the ordinary, never so late that a
    /// hedge could not answer any more.
    func clamped(_ policy: Policy, timeLeft: Interval?, attemptTimeout: Interval?) -> HedgeThreshold {
        var delay = max(threshold.delay, policy.hedgeThresholdMin, .seconds(1.2 * median.seconds))
        if let longest = policy.hedgeThresholdMax { delay = min(delay, longest) }
        if let timeLeft { delay = min(delay, .seconds(timeLeft.seconds / 2)) }
        if let attemptTimeout { delay = min(delay, .seconds(attemptTimeout.seconds * 0.6)) }
        return HedgeThreshold(
            delay: max(delay, .zero), source: threshold.source, probability: threshold.probability)
    }
}
