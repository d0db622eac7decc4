/// What ranking believes of a deployment's latency now, in logarithms of seconds.
///
/// A fast average that a stale deployment's next sample overwrites, and a slow one of the long run. The belief shrinks
/// from the first toward the second as time passes without a sample, so that a deployment that was slow once is tried
/// again, and again later each time that it is still slow.
struct LatencyBelief: Sendable {
    private(set) var fast: Double?
    private(set) var long: Double?
    private(set) var lastObserved = Instant(nanoseconds: 0)

    /// Seconds after which the fast average is stale.
    private(set) var staleness = LatencyBelief.initialStaleness
    /// Samples the long-run average rests on.
    private(set) var longCount = 0.0

    static let initialStaleness = 15.0
    static let longestStaleness = 240.0
    static let gain = 0.15
    static let longGain = 0.002
    /// ln 2.5: a sample this much above the long run says that the deployment is still slow.
    static let slow = 0.916_290_731_874_155
    /// Added while only lower bounds are known: what was given up on took longer than the wait. It turns around as the
    /// bound goes stale, or one that lost its first races would never be measured.
    static let lowerBoundPenalty = 0.3

    /// Whether a latency was ever seen, not only given up on.
    var isMeasured: Bool { long != nil }

    /// Whether anything at all was observed.
    var isKnown: Bool { fast != nil }

    /// Takes a latency that was seen, or a lower bound of one that was given up on.
    mutating func observe(_ latency: Interval, isEvent: Bool, at now: Instant) {
        let sample = naturalLog(max(latency.seconds, 1e-4))
        let isStale = (now - lastObserved).seconds > staleness
        guard let known = fast else {
            fast = sample
            lastObserved = now
            if isEvent { observeLong(sample) }
            return
        }
        // A bound below the belief says nothing about slowness, only that it was tried.
        guard isEvent || sample > known else {
            if long == nil { lastObserved = now }
            return
        }
        if isStale, let long {
            staleness = sample - long > Self.slow ? min(Self.longestStaleness, 2 * staleness) : Self.initialStaleness
        }
        fast = isStale || long == nil && isEvent ? sample : known + Self.gain * (sample - known)
        lastObserved = now
        if isEvent { observeLong(sample) }
    }

    private mutating func observeLong(_ sample: Double) {
        guard let known = long else {
            long = sample
            longCount = 1
            return
        }
        longCount += 1
        let gain = max(Self.longGain, 1 / longCount)
        long = known + gain * min(1, max(-1, sample - known))
    }

    /// The believed logarithm of the latency; nil when nothing is known.
    ///
    /// Within the noise of the fast average the precise long-run one counts, beyond it the fast one in full: ranking by
    /// noise sends everybody to one deployment after the other.
    ///
    /// - Parameter isProbed: whether an attempt is waiting there now. Then the belief does not shrink: one probe is
    ///   enough to learn whether a deployment is still slow.
    func estimate(at now: Instant, isProbed: Bool = false) -> Double? {
        guard let fast else { return nil }
        guard let long else {
            let trust = exponential(-(now - lastObserved).seconds / staleness)
            return fast + Self.lowerBoundPenalty * (2 * trust - 1)
        }
        if abs(fast - long) < Self.deadBand { return long }
        guard fast > long, !isProbed else { return fast }
        let trust = exponential(-(now - lastObserved).seconds / staleness)
        return trust * fast + (1 - trust) * long
    }

    /// Two standard deviations of the fast average where latencies have a sigma of 0.5: 0.5 * (g / (2 - g))^0.5.
    static let deadBand = 0.3

    /// The share of a lower bound from an attempt in flight that counts, as if it had ended now: all of it once the
    /// belief is stale.
    func weightOfBound(at now: Instant) -> Double {
        (now - lastObserved).seconds > staleness ? 1 : Self.gain
    }

    /// The logarithm of how much slower than usual the deployment is believed to be now; 0 within the usual noise.
    func slowdown(at now: Instant) -> Double {
        guard let long, let estimate = estimate(at: now) else { return 0 }
        return max(0, estimate - long - Self.noise)
    }

    /// About one standard deviation of the fast average.
    static let noise = 0.2

    /// Whether a latency is slow by the long-run standard of the deployment itself.
    func isSlow(_ latency: Interval) -> Bool {
        guard let long else { return false }
        return naturalLog(max(latency.seconds, 1e-4)) - long > Self.slow
    }
}

extension LatencyBelief {
    /// A belief as it was left.
    init(fast: Double, long: Double?, longCount: Double, staleness: Double, lastObserved: Instant) {
        self.fast = fast
        self.long = long
        self.longCount = longCount
        self.staleness = staleness
        self.lastObserved = lastObserved
    }
}
