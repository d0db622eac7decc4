/// Tells a few late requests from a deployment that became slow as a whole.
///
/// A percentile threshold is passed by one request in twenty, say. When several times as many pass it, the latencies
/// have changed, and hedging would answer a shortage of capacity by asking for more.
struct StormDetector: Sendable {
    private static let armed = 0
    private static let passed = 1
    /// Half a minute.
    private var counts = SlidingCounts<6, 2>(bucketLength: .seconds(5))

    static let fewest = 20.0
    /// How many times the expected share makes a storm.
    static let factor = 3.0

    mutating func countArmed(at now: Instant) {
        counts.add(to: Self.armed, at: now)
    }

    mutating func countPassed(at now: Instant) {
        counts.add(to: Self.passed, at: now)
    }

    /// Whether far more than `expectedShare` of those armed in the last 30 s passed their threshold.
    mutating func isStorm(expectedShare: Double, at now: Instant) -> Bool {
        counts.advance(to: now)
        let total = Double(counts.total(Self.armed))
        guard total >= Self.fewest else { return false }
        // Two standard deviations on top, or a handful of late ones among few would do.
        let usual = expectedShare * total
        let most = min(0.9 * total, Self.factor * usual + 2 * usual.squareRoot())
        return Double(counts.total(Self.passed)) > most
    }
}
