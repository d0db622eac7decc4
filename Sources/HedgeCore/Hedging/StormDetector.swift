/// Tells a few late requests from a deployment that became slow as a whole.
///
/// A percentile threshold is passed by one request in twenty, say. When several times as many pass it, the latencies
/// have changed, and hedging would answer a shortage of capacity by asking for more.
struct StormDetector: Sendable {
    private var armed = InlineArray<6, UInt32>(repeating: 0)
    private var passed = InlineArray<6, UInt32>(repeating: 0)
    private var epoch: Int64 = 0

    static let bucketLength: Int64 = 5_000_000_000
    static let fewest: UInt32 = 20
    /// How many times the expected share makes a storm.
    static let factor = 3.0

    mutating func countArmed(at now: Instant) {
        let index = advance(to: now)
        armed[index] &+= 1
    }

    mutating func countPassed(at now: Instant) {
        let index = advance(to: now)
        passed[index] &+= 1
    }

    /// Whether far more than `expectedShare` of those armed in the last 30 s passed their threshold.
    mutating func isStorm(expectedShare: Double, at now: Instant) -> Bool {
        _ = advance(to: now)
        var total: UInt32 = 0
        var late: UInt32 = 0
        for index in 0..<6 {
            total &+= armed[index]
            late &+= passed[index]
        }
        guard total >= Self.fewest else { return false }
        // Two standard deviations on top, or a handful of late ones among few would do.
        let usual = expectedShare * Double(total)
        return Double(late) > min(0.9 * Double(total), Self.factor * usual + 2 * usual.squareRoot())
    }

    private mutating func advance(to now: Instant) -> Int {
        let target = now.nanoseconds / Self.bucketLength
        let steps = min(6, target.subtractingSaturating(epoch))
        if steps > 0 {
            for step in 0..<steps {
                let index = Self.index(target &- step)
                armed[index] = 0
                passed[index] = 0
            }
            epoch = target
        }
        return Self.index(epoch)
    }

    private static func index(_ epoch: Int64) -> Int {
        let remainder = Int(epoch % 6)
        return remainder < 0 ? remainder + 6 : remainder
    }
}
