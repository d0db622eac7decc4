/// Latencies of which some are only known to be longer than what was waited, weighted by age.
///
/// Two channels over ``LogScale``: `events` that were seen to happen, and `censored` ones that were given up on, which
/// is what a cancelled loser leaves behind. Weights decay exponentially and forward: a new sample weighs
/// e^((t - landmark) / tau) and old ones are never touched (Cormode and others, ICDE 2009).
struct CensoredHistogram: Sendable {
    private(set) var events: [Float]
    private(set) var censored: [Float]

    /// Sum of the weights and of their squares, in the landmark's scale.
    private(set) var weight = 0.0
    private(set) var squaredWeight = 0.0

    /// Weight of the censored samples, in the landmark's scale.
    private(set) var censoredWeight = 0.0

    private var landmark = Instant(nanoseconds: 0)
    private(set) var lastSample: Instant?
    private(set) var highestBucket = 0

    init() {
        events = Array(repeating: 0, count: LogScale.bucketCount)
        censored = Array(repeating: 0, count: LogScale.bucketCount)
    }

    /// One without samples; copies share its storage until they get some.
    static let empty = CensoredHistogram()

    /// How many equally weighted samples the histogram is worth (Kish): (sum w)^2 / sum w^2.
    var effectiveCount: Double {
        squaredWeight > 0 ? weight * weight / squaredWeight : 0
    }

    /// What the landmark's weights have to be multiplied with to have a sample of `now` weigh 1.
    func scale(at now: Instant, halfLife: Interval) -> Double {
        exponential(-Self.age(now - landmark, halfLife: halfLife))
    }

    /// Adds one sample that was seen or given up on in `bucket`.
    mutating func add(bucket: Int, isEvent: Bool, at now: Instant, policy: SamplePolicy) {
        if let lastSample, now - lastSample > policy.lifetime {
            self = CensoredHistogram()
        }
        if lastSample == nil { landmark = now }
        var age = Self.age(now - landmark, halfLife: policy.halfLife)
        if age > 50 {
            rescale(by: exponential(-age))
            landmark = now
            age = 0
        }
        let sample = exponential(age)
        let index = min(max(bucket, 0), LogScale.bucketCount - 1)
        if isEvent {
            events[index] += Float(sample)
        } else {
            censored[index] += Float(sample)
            censoredWeight += sample
        }
        weight += sample
        squaredWeight += sample * sample
        highestBucket = max(highestBucket, index)
        lastSample = now
    }

    /// A histogram as it was left, with weights relative to a sample made at `lastSample`; what has no bucket is lost.
    init(
        events: some Sequence<(Int, Double)>, censored: some Sequence<(Int, Double)>, squaredWeight: Double,
        lastSample: Instant
    ) {
        self.init()
        for (bucket, sample) in events where self.events.indices.contains(bucket) {
            self.events[bucket] += Float(sample)
            weight += sample
            highestBucket = max(highestBucket, bucket)
        }
        for (bucket, sample) in censored where self.censored.indices.contains(bucket) {
            self.censored[bucket] += Float(sample)
            weight += sample
            censoredWeight += sample
            highestBucket = max(highestBucket, bucket)
        }
        self.squaredWeight = squaredWeight
        self.lastSample = lastSample
        landmark = lastSample
    }

    /// Adds the samples of a histogram that decays alike, as if all of them had been recorded in one.
    ///
    /// Exact, whichever was begun first and whatever their landmarks: only sums of weights are kept, and the later
    /// landmark is the one at which no weight can overflow. What either forgot after its lifetime stays forgotten.
    mutating func merge(_ other: CensoredHistogram, halfLife: Interval) {
        guard let theirs = other.lastSample else { return }
        guard let lastSample else {
            self = other
            return
        }
        if other.landmark > landmark {
            rescale(by: exponential(-Self.age(other.landmark - landmark, halfLife: halfLife)))
            landmark = other.landmark
        }
        let factor = exponential(-Self.age(landmark - other.landmark, halfLife: halfLife))
        let single = Float(factor)
        for index in events.indices {
            events[index] += other.events[index] * single
            censored[index] += other.censored[index] * single
        }
        weight += other.weight * factor
        censoredWeight += other.censoredWeight * factor
        squaredWeight += other.squaredWeight * factor * factor
        highestBucket = max(highestBucket, other.highestBucket)
        self.lastSample = max(lastSample, theirs)
    }

    /// Writes the weights as they are at the last sample, before another half-life takes over from `halfLife`.
    ///
    /// Weights grow with the time since the landmark; read with another half-life they would be of another age.
    mutating func settle(halfLife: Interval) {
        guard let lastSample else { return }
        rescale(by: exponential(-Self.age(lastSample - landmark, halfLife: halfLife)))
        landmark = lastSample
    }

    private mutating func rescale(by factor: Double) {
        let single = Float(factor)
        for index in events.indices {
            events[index] *= single
            censored[index] *= single
        }
        weight *= factor
        censoredWeight *= factor
        squaredWeight *= factor * factor
    }

    /// Age in units of the decay's time constant.
    private static func age(_ elapsed: Interval, halfLife: Interval) -> Double {
        guard halfLife > .zero else { return 0 }
        return elapsed.seconds / halfLife.seconds * 0.693_147_180_559_945_3
    }
}

/// How long samples count.
struct SamplePolicy: Hashable, Sendable {
    /// After this long without any sample, what was known is forgotten.
    var lifetime: Interval = .seconds(3600)
    /// Half-life of a sample's weight.
    var halfLife: Interval = .seconds(600)
}
