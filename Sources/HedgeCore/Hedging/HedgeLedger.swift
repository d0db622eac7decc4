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
