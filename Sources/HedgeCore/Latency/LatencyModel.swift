/// What is known of a deployment's latency, for requests that stream and for those that do not.
///
/// Kept for each class of prompt size; all sizes together are the merged histograms of the classes. A class with
/// little history leans on the deployment's curve, and that one on a smooth curve through its own median and spread.
struct LatencyModel: Sendable {
    private(set) var belief = LatencyBelief()
    private var pooledCurve = SurvivalCurve()
    private var pooledState = CurveState()
    private var classes: [SizeClassModel] = []
    /// Whether anything was ever recorded.
    private(set) var hasSamples = false
    /// How it follows the attempts in flight.
    private(set) var load = LoadSensitivity()

    /// When the latest observations were made, to tell whether there are enough recent ones.
    private(set) var recent = RecentObservations()

    /// Samples a prior is worth.
    static let priorSamples = 20.0
    /// With this many samples a curve stands on its own.
    static let enoughSamples = 200.0

    /// Adds a latency that was seen (`isEvent`) or a lower bound of one that was given up on.
    mutating func record(
        _ latency: Interval, size: SizeClass, isEvent: Bool, countsAsRecent: Bool, at now: Instant,
        samples: SamplePolicy
    ) {
        let bucket = LogScale.bucket(of: latency)
        belief.observe(latency, isEvent: isEvent, at: now)
        pooledState.sampled()
        if countsAsRecent { recent.add(now) }

        hasSamples = true
        if classes.isEmpty { classes = Array(repeating: SizeClassModel(), count: SizeClass.count) }
        guard size.rawValue < classes.count else { return }
        classes[size.rawValue].histogram.add(bucket: bucket, isEvent: isEvent, at: now, policy: samples)
        classes[size.rawValue].state.sampled()
    }

    /// Prepares for samples with another half-life than `halfLife`, which those so far were made with.
    mutating func settle(halfLife: Interval) {
        pooledState.changed()
        for index in classes.indices {
            classes[index].histogram.settle(halfLife: halfLife)
            classes[index].state.changed()
        }
    }

    /// Takes into account how many attempts were in flight when one that was just recorded started.
    ///
    /// A wait that was given up on counts once it was longer than usual; a shorter one says nothing.
    mutating func recordLoad(_ latency: Interval, isEvent: Bool, inFlight: Int) {
        guard let usual = belief.long else { return }
        let ratio = naturalLog(max(latency.seconds, 1e-4)) - usual
        guard isEvent || ratio > 0 else { return }
        load.observe(ratio, inFlight: inFlight)
    }

    /// Seconds by which one more attempt delays those that start behind it, taken together.
    var externality: Double {
        guard let usual = belief.long else { return 0 }
        return exponential(usual) * load.externality
    }

    /// Whether too little was observed recently to plan on.
    func isCold(at now: Instant) -> Bool {
        recent.isCold(at: now)
    }

    /// Prompts of all sizes together.
    func pooled(_ samples: SamplePolicy) -> CensoredHistogram {
        var result = CensoredHistogram.empty
        for index in current(samples) {
            result.merge(classes[index].histogram, halfLife: samples.halfLife)
        }
        return result
    }

    /// The latest sample of any class.
    var lastSample: Instant? { classes.lazy.compactMap(\.histogram.lastSample).max() }

    /// The classes whose latest sample had not been forgotten when the latest of all was made.
    private func current(_ samples: SamplePolicy) -> some Sequence<Int> {
        let latest = lastSample
        return classes.indices.lazy.filter { [classes] index in
            guard let latest, let own = classes[index].histogram.lastSample else { return false }
            return latest - own <= samples.lifetime
        }
    }

    /// Whether next to nothing is known at all, or only that it lost a few times.
    func isUnmeasured(_ samples: SamplePolicy) -> Bool {
        guard let lastSample else { return true }
        let enough = belief.isMeasured ? RecentObservations.enough : 2 * RecentObservations.enough
        // The effective count of all together, without merging them.
        var weight = 0.0
        var squaredWeight = 0.0
        for index in current(samples) {
            let scale = classes[index].histogram.scale(at: lastSample, halfLife: samples.halfLife)
            weight += classes[index].histogram.weight * scale
            squaredWeight += classes[index].histogram.squaredWeight * scale * scale
        }
        return weight * weight < (Double(enough) - 0.5) * squaredWeight
    }

    /// Brings the curve of a class up to date if that is due and says whether it changed.
    @discardableResult
    mutating func refresh(_ size: SizeClass, at now: Instant, samples: SamplePolicy) -> Bool {
        if pooledState.isDue(at: now) {
            estimatePooled(at: now, samples: samples)
            for index in classes.indices { classes[index].state.changed() }
        }
        guard size.rawValue < classes.count, classes[size.rawValue].state.isDue(at: now) else { return false }
        let scale = classes[size.rawValue].histogram.scale(at: now, halfLife: samples.halfLife)
        let prior = pooledCurve
        classes[size.rawValue].curve.estimate(
            classes[size.rawValue].histogram, scale: scale, priorSamples: Self.priorSamples
        ) { Double(prior.survival[$0]) }
        classes[size.rawValue].state.estimated(weight: classes[size.rawValue].histogram.weight * scale, at: now)
        return true
    }

    /// The curve of a class as of the last ``refresh(_:at:samples:)``; nil before any sample.
    func curve(_ size: SizeClass) -> SurvivalCurve? {
        guard hasSamples else { return nil }
        guard size.rawValue < classes.count, classes[size.rawValue].histogram.weight > 0 else { return pooledCurve }
        return classes[size.rawValue].curve
    }

    /// Where a hedge threshold comes from for a class, brought up to date unless `isFrozen`; nil before any sample.
    mutating func thresholdBasis(
        _ size: SizeClass, settings: ThresholdSettings, isFrozen: Bool, at now: Instant, samples: SamplePolicy
    ) -> ThresholdBasis? {
        guard size.rawValue < classes.count, hasSamples else { return nil }
        let known = classes[size.rawValue].basis
        if isFrozen, let known, known.settings == settings { return known }
        let isChanged = refresh(size, at: now, samples: samples)
        if !isChanged, let known, known.settings == settings, classes[size.rawValue].basisIsCurrent { return known }
        let curve = classes[size.rawValue].histogram.weight > 0 ? classes[size.rawValue].curve : pooledCurve
        let basis = ThresholdBasis(curve: curve, samples: pooledCurve.effectiveCount, settings: settings)
        classes[size.rawValue].basis = basis
        classes[size.rawValue].basisIsCurrent = classes[size.rawValue].histogram.weight > 0
        return basis
    }

    /// The threshold basis of a class as it was last worked out, for reports.
    func latestBasis(_ size: SizeClass) -> ThresholdBasis? {
        size.rawValue < classes.count ? classes[size.rawValue].basis : nil
    }

    private mutating func estimatePooled(at now: Instant, samples: SamplePolicy) {
        let pooled = pooled(samples)
        let scale = pooled.scale(at: now, halfLife: samples.halfLife)
        pooledState.estimated(weight: pooled.weight * scale, at: now)
        pooledCurve.estimate(pooled)
        guard pooled.effectiveCount < Self.enoughSamples else { return }
        let prior = SmoothPrior(curve: pooledCurve)
        pooledCurve.estimate(pooled, scale: scale, priorSamples: Self.priorSamples) { prior.survival($0) }
    }
}

extension LatencyModel {
    /// A model as it was left; `classes` has one histogram for each size class.
    init(belief: LatencyBelief, classes: [CensoredHistogram], recent: RecentObservations) {
        self.belief = belief
        self.recent = recent
        self.classes = Array(repeating: SizeClassModel(), count: SizeClass.count)
        for (index, histogram) in zip(self.classes.indices, classes) { self.classes[index].histogram = histogram }
        hasSamples = lastSample != nil
    }

    /// The histogram of each size class; none before any sample.
    var classHistograms: [CensoredHistogram] { classes.map(\.histogram) }
}

/// Prompts of similar size: each class takes four times as long prompts as the one before it.
struct SizeClass: Hashable, Sendable {
    var rawValue: Int
    static let count = 6

    /// The class of a prompt; the first one ends at 2 kB, about 500 tokens.
    init(promptBytes: Int) {
        guard promptBytes > 2048 else {
            rawValue = 0
            return
        }
        let bits = Int.bitWidth - (promptBytes - 1).leadingZeroBitCount
        rawValue = min(Self.count - 1, max(0, (bits - 10) / 2))
    }
}

/// Latencies of one size class.
private struct SizeClassModel: Sendable {
    var histogram = CensoredHistogram()
    var curve = SurvivalCurve()
    var state = CurveState()
    var basis: ThresholdBasis?
    /// False while the basis rests on the pooled curve, whose changes the class does not see.
    var basisIsCurrent = false
}

/// When a curve was last estimated, to do so no more often than it matters.
private struct CurveState: Sendable {
    private var estimatedAt: Instant?
    /// Weight of the samples the estimate rests on, a new one counting as 1.
    private var estimatedWeight = 0.0
    private var added = 0.0
    private var isStale = true

    static let refreshInterval = Interval.milliseconds(Int64(250))

    /// One sample more.
    mutating func sampled() {
        added += 1
        isStale = true
    }

    /// What the curve leans on is another one.
    mutating func changed() {
        isStale = true
    }

    mutating func estimated(weight: Double, at now: Instant) {
        estimatedAt = now
        estimatedWeight = weight
        added = 0
        isStale = false
    }

    /// Every quarter of a second, or with 2 % new weight.
    func isDue(at now: Instant) -> Bool {
        guard isStale else { return false }
        guard let estimatedAt else { return true }
        return now - estimatedAt >= Self.refreshInterval || added > 0.02 * estimatedWeight
    }
}

/// The instants of the latest few observations.
struct RecentObservations: Sendable {
    private var latest = [Instant]()
    private var next = 0

    /// Fewer than this many within the window is too few.
    static let enough = 5
    static let window = Interval.seconds(600)

    mutating func add(_ now: Instant) {
        guard latest.count >= Self.enough else {
            latest.append(now)
            return
        }
        latest[next] = now
        next = (next + 1) % Self.enough
    }

    /// The instants, the oldest first.
    var instants: [Instant] { Array(latest[next...] + latest[..<next]) }

    init() {}

    /// Those of the latest of `instants`, which are in order, the oldest first.
    init(_ instants: [Instant]) {
        for instant in instants { add(instant) }
    }

    func isCold(at now: Instant) -> Bool {
        guard latest.count >= Self.enough else { return true }
        // Once full, the next slot to overwrite holds the oldest of them.
        return now - latest[next] > Self.window
    }
}

/// A log-logistic curve through the median and the spread of another one.
///
/// Its scale is chosen so that its 95th percentile is that of the lognormal with the same median and sigma; unlike
/// that one it costs one multiplication a bucket and errs toward a longer tail.
private struct SmoothPrior {
    private var table: [Double]

    /// Spread assumed while there are few samples: typical for time to first token.
    static let typicalSigma = 0.6

    init(curve: SurvivalCurve) {
        let half = curve.bucket(ofQuantile: 0.5)
        let median = LogScale.seconds(half ?? curve.highestBucket)
        var sigma = Self.typicalSigma
        if let half, let upper = curve.bucket(ofQuantile: 0.75) {
            // The upper quartile of a lognormal is 0.6745 sigma above its median.
            let measured = Double(upper - half) * LogScale.logGamma / 0.6745
            let samples = curve.effectiveCount
            sigma = (samples * measured + 20 * Self.typicalSigma) / (samples + 20)
        }
        // ln(0.95 / 0.05) = 2.944 against 1.645 sigma.
        let shape = 2.944 / (1.645 * max(0.05, sigma))
        let step = exponential(LogScale.logGamma * shape)
        var odds = exponential((naturalLog(1e-3) - naturalLog(median)) * shape)
        table = []
        table.reserveCapacity(LogScale.bucketCount)
        for _ in 0..<LogScale.bucketCount {
            table.append(1 / (1 + odds))
            odds = min(1e300, odds * step)
        }
    }

    func survival(_ bucket: Int) -> Double {
        table[bucket]
    }
}
