/// What is known of one model group.
public struct GroupStatistics: Sendable {
    /// The identifier.
    public var id: GroupID
    /// Whether so many requests pass their threshold on every deployment that hedging stands still.
    public var isStorm = false
    /// Requests that waited for a deployment of it.
    public var queue = QueueStatistics()
    /// Hedges sent, or not sent, while requests were with this group.
    public var hedges = HedgeStatistics()
    /// What hedging bought requests that stream, in time to first token; nil before any.
    public var streaming: HedgingEffect?
    /// What it bought those that do not, in time to the full answer.
    public var complete: HedgingEffect?

    /// Creates one with these parts.
    public init(id: GroupID) {
        self.id = id
    }
}

/// What became of hedges; counters only grow, and `won` and `lost` add up to `fired` once all have ended.
public struct HedgeStatistics: Hashable, Sendable {
    /// Hedges started.
    public var fired: UInt64 = 0
    /// Hedges that answered first.
    public var won: UInt64 = 0
    /// Hedges that did not.
    public var lost: UInt64 = 0
    /// Requests with a hedge that got no answer: neither attempt had one before it failed or the deadline passed.
    public var bothFailed: UInt64 = 0
    /// Thresholds passed without a hedge, by the reason for it.
    public var suppressed: [HedgeSuppression: UInt64] = [:]

    /// Creates one with the defaults.
    public init() {}

    /// Adds another group's.
    mutating func add(_ other: HedgeStatistics) {
        fired &+= other.fired
        won &+= other.won
        lost &+= other.lost
        bothFailed &+= other.bothFailed
        suppressed.merge(other.suppressed) { $0 &+ $1 }
    }
}

/// What hedging bought, estimated against the same requests without hedges. Races are left out.
public struct HedgingEffect: Sendable {
    /// Latencies as callers saw them.
    public var actual = QuantileEstimates()
    /// Latencies had no hedge been sent: Kaplan-Meier, with hedged requests as "longer than that".
    ///
    /// The load that hedges themselves put on the deployments is not in it.
    public var withoutHedging = QuantileEstimates()
    /// The same from what was not hedged alone: hedged requests count only up to the moment their hedge was sent, so
    /// that everything beyond comes from the control arm and from hedges that were refused.
    public var withoutHedgingByControl = QuantileEstimates()
    /// Mean time saved for each request, with latencies counted up to `savingHorizon`; an estimate.
    public var meanSaved = Interval.zero
    /// Bounds of its 95 % confidence interval.
    public var meanSavedLow = Interval.zero
    /// Upper end of its 95 % confidence interval.
    public var meanSavedHigh = Interval.zero
    /// Latency up to which the second curve is identified: what is saved beyond it is not counted.
    public var savingHorizon = Interval.zero
    /// Whether the samples can tell the saving at all.
    public var isSavingIdentified = false
    /// Mean time saved by the control arm alone, with the bounds of its 95 % interval; nil where it cannot tell.
    public var savedByControl: SavingEstimate?
    /// The two curves, for pictures: some points from where they leave 1 to the longest latency seen.
    public var curve: [SurvivalPoint] = []
    /// Requests that got an answer and were no races, since the start.
    public var answered: UInt64 = 0
    /// Answered requests whose hedge was withheld as the control arm.
    public var controls: UInt64 = 0
    /// Requests that a hedge answered.
    public var rescued: UInt64 = 0
    /// Samples, counted as equally weighted ones.
    public var effectiveSamples = 0.0

    /// Creates one with the defaults.
    public init() {}
}

/// A mean of time saved, with the bounds of its 95 % confidence interval.
public struct SavingEstimate: Hashable, Sendable {
    /// The best estimate.
    public var mean: Interval
    /// Lower end of the interval.
    public var low: Interval
    /// Upper end of the interval.
    public var high: Interval

    /// Creates one with these parts.
    public init(mean: Interval, low: Interval, high: Interval) {
        self.mean = mean
        self.low = low
        self.high = high
    }
}

/// The shares of requests that took longer than some time.
public struct SurvivalPoint: Hashable, Sendable {
    /// The time.
    public var latency: Interval
    /// Share that took longer as callers saw it.
    public var actual: Double
    /// Share that would have taken longer without hedges.
    public var withoutHedging: Double
    /// Lower end of the 95 % confidence interval of ``withoutHedging``.
    public var low: Double
    /// Upper end of the same interval.
    public var high: Double
    /// Whether enough samples are left at risk for ``withoutHedging`` to mean something.
    public var isIdentified: Bool

    /// Creates one with these parts.
    public init(
        latency: Interval, actual: Double, withoutHedging: Double, low: Double, high: Double, isIdentified: Bool
    ) {
        self.latency = latency
        self.actual = actual
        self.withoutHedging = withoutHedging
        self.low = low
        self.high = high
        self.isIdentified = isIdentified
    }
}

/// Quantiles with their uncertainty.
public struct QuantileEstimates: Hashable, Sendable {
    /// The median.
    public var p50: QuantileEstimate?
    /// The 95th percentile.
    public var p95: QuantileEstimate?
    /// The 99th percentile.
    public var p99: QuantileEstimate?
    /// The 99.9th percentile.
    public var p999: QuantileEstimate?

    /// Creates one with these parts.
    public init(
        p50: QuantileEstimate? = nil, p95: QuantileEstimate? = nil, p99: QuantileEstimate? = nil,
        p999: QuantileEstimate? = nil
    ) {
        self.p50 = p50
        self.p95 = p95
        self.p99 = p99
        self.p999 = p999
    }
}

/// A quantile and the bounds of its 95 % confidence interval, from Greenwood's formula.
public struct QuantileEstimate: Hashable, Sendable {
    /// The best estimate.
    public var value: Interval
    /// Nil where the samples give no bound.
    public var low: Interval?
    /// Upper end of the 95 % confidence interval; nil where the data do not tell.
    public var high: Interval?
    /// Whether enough samples are left at risk there for the value to mean something.
    public var isIdentified: Bool

    /// Creates one with these parts.
    public init(value: Interval, low: Interval?, high: Interval?, isIdentified: Bool) {
        self.value = value
        self.low = low
        self.high = high
        self.isIdentified = isIdentified
    }
}
