/// What was learnt of one deployment, in a form that outlives the process: no instant of a clock that restarts with
/// the machine, only ages.
///
/// What is in one of these has been checked: every initializer refuses numbers that no observation can lead to.
public struct DeploymentHistory: Hashable, Sendable {
    /// Of requests that stream, to the first token; nil without any observation.
    public var streaming: LatencyHistory?
    /// Of requests that do not stream, to the full answer; nil without any observation.
    public var complete: LatencyHistory?

    /// Creates one with these parts.
    public init(streaming: LatencyHistory?, complete: LatencyHistory?) {
        self.streaming = streaming
        self.complete = complete
    }
}

/// Why numbers are no history: the field that is wrong, and what is wrong with it.
public struct HistoryError: Error, Hashable, Sendable {
    /// Name of the initializer's parameter.
    public var field: String
    /// One phrase, without the value.
    public var message: String

    init(_ field: String, _ message: String) {
        self.field = field
        self.message = message
    }
}

/// What ranking, hedging and cold start know of a deployment's latency. Ages are those at the moment of saving.
public struct LatencyHistory: Hashable, Sendable {
    /// The belief.
    public let belief: BeliefHistory
    /// Ages of the latest few observations, the oldest first.
    public let recentAges: [Interval]
    /// One entry for each size class, nil for those without samples.
    public let classes: [HistogramHistory?]

    /// Throws when there are more observations than are ever kept, not all classes or none with samples, or an age is
    /// out of range.
    public init(
        belief: BeliefHistory, recentAges: [Interval], classes: [HistogramHistory?]
    ) throws(HistoryError) {
        guard recentAges.count <= RecentObservations.enough else {
            throw HistoryError("recentAges", "has more than \(RecentObservations.enough) values")
        }
        for age in recentAges { try age.checkAge("recentAges") }
        for (older, newer) in zip(recentAges, recentAges.dropFirst()) where newer > older {
            throw HistoryError("recentAges", "is not in order, the oldest first")
        }
        guard classes.count == SizeClass.count else {
            throw HistoryError("classes", "does not have \(SizeClass.count) size classes")
        }
        guard classes.contains(where: { $0 != nil }) else { throw HistoryError("classes", "has no samples") }
        self.belief = belief
        self.recentAges = recentAges
        self.classes = classes
    }
}

/// The ranking's belief, in logarithms of seconds.
public struct BeliefHistory: Hashable, Sendable {
    /// The quickly adapting estimate.
    public let fast: Double
    /// The average of the long run; nil while only lower bounds were seen.
    public let long: Double?
    /// Samples that `long` rests on.
    public let longCount: Double
    /// Seconds after which `fast` is stale.
    public let staleness: Double
    /// Since the sample that `fast` rests on.
    public let age: Interval

    /// Throws when a number is not finite or outside what ``LatencyBelief`` can hold.
    public init(
        fast: Double, long: Double?, longCount: Double, staleness: Double, age: Interval
    ) throws(HistoryError) {
        guard abs(fast) <= Self.largestLogarithm else { throw HistoryError("fast", "is out of range") }
        if let long {
            guard abs(long) <= Self.largestLogarithm else { throw HistoryError("long", "is out of range") }
            guard longCount >= 1, longCount <= HistogramHistory.largestWeight else {
                throw HistoryError("longCount", "is out of range")
            }
        } else if longCount != 0 {
            throw HistoryError("longCount", "is not 0 without a long-run average")
        }
        guard staleness >= LatencyBelief.initialStaleness, staleness <= LatencyBelief.longestStaleness else {
            throw HistoryError("staleness", "is out of range")
        }
        try age.checkAge("age")
        self.fast = fast
        self.long = long
        self.longCount = longCount
        self.staleness = staleness
        self.age = age
    }

    /// ln of 2^63 ns in seconds is 22.9, and of the shortest latency taken -9.2.
    static let largestLogarithm = 23.0
}

/// A decayed histogram; weights are relative to a sample made when the last one was.
public struct HistogramHistory: Hashable, Sendable {
    /// The weight of one bucket of the latency scale.
    public struct Entry: Hashable, Sendable {
        /// The bucket.
        public var bucket: Int
        /// Its weight.
        public var weight: Double

        /// Creates one with these parts.
        public init(bucket: Int, weight: Double) {
            self.bucket = bucket
            self.weight = weight
        }
    }

    /// Since the last sample.
    public let age: Interval
    /// Sum of the squares of the samples' weights.
    public let squares: Double
    /// Latencies that were seen, by ascending bucket.
    public let events: [Entry]
    /// Latencies that were given up on, by ascending bucket.
    public let censored: [Entry]

    /// More than this is no count of observations.
    public static let largestWeight = 1e12

    /// Throws when a bucket does not exist or is out of order, a weight is not positive or too large, or the squares
    /// do not fit the weights.
    public init(age: Interval, squares: Double, events: [Entry], censored: [Entry]) throws(HistoryError) {
        try age.checkAge("age")
        let weight = try Self.weight(events, "events") + Self.weight(censored, "censored")
        guard weight > 0 else { throw HistoryError("events", "is empty, and so is censored") }
        guard weight <= Self.largestWeight else { throw HistoryError("events", "has too much weight") }
        // The last sample weighs 1, and all of them count as one at least; what is written is rounded.
        guard squares >= 0.999, squares <= weight * weight * 1.001 else {
            throw HistoryError("squares", "does not fit the weights")
        }
        self.age = age
        self.squares = squares
        self.events = events
        self.censored = censored
    }

    private static func weight(_ entries: [Entry], _ field: String) throws(HistoryError) -> Double {
        var sum = 0.0
        var next = 0
        for entry in entries {
            guard entry.bucket >= next, entry.bucket < LogScale.bucketCount else {
                throw HistoryError(field, "has a bucket that does not exist or is out of order")
            }
            guard entry.weight > 0, entry.weight <= largestWeight else {
                throw HistoryError(field, "has a weight that is out of range")
            }
            sum += entry.weight
            next = entry.bucket + 1
        }
        return sum
    }
}

extension Interval {
    /// Ages are neither negative nor longer than anything a program can have waited: about 30 years.
    fileprivate func checkAge(_ field: String) throws(HistoryError) {
        guard self >= .zero, seconds <= 1e9 else { throw HistoryError(field, "is out of range") }
    }
}
