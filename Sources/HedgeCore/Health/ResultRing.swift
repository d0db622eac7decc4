/// Results of the last minute, counted exactly: an average weighted by time would hide a burst of failures.
///
/// Ten buckets of six seconds with a column for successes and one for each class of failure.
struct ResultRing: Sendable {
    private var counts = InlineArray<80, UInt32>(repeating: 0)
    private var epoch: Int64 = 0

    static let bucketLength: Int64 = 6_000_000_000
    static let fewest: UInt32 = 10
    private static let buckets = 10
    private static let columns = 8

    mutating func addSuccess(at now: Instant) {
        add(column: 0, at: now)
    }

    mutating func add(_ failure: FailureColumn, at now: Instant) {
        add(column: failure.rawValue, at: now)
    }

    private mutating func add(column: Int, at now: Instant) {
        counts[advance(to: now) * Self.columns + column] &+= 1
    }

    /// Whether more than half of at least ten results were failures.
    mutating func failsTooOften(at now: Instant) -> Bool {
        let (failed, worked) = totals(at: now)
        return failed &+ worked >= Self.fewest && failed > worked
    }

    /// Failures of one class.
    mutating func failures(_ column: FailureColumn, at now: Instant) -> Int {
        _ = advance(to: now)
        return Int(sum(column.rawValue))
    }

    /// Failures of the classes that count toward a cooldown together.
    mutating func hardFailures(at now: Instant) -> Int {
        _ = advance(to: now)
        let hard: [FailureColumn] = [.timeout, .overloaded, .server, .connection]
        return hard.reduce(0) { $0 + Int(sum($1.rawValue)) }
    }

    /// Successes and failures of all classes.
    mutating func totals(at now: Instant) -> (failed: UInt32, worked: UInt32) {
        _ = advance(to: now)
        var failed: UInt32 = 0
        for column in FailureColumn.allCases { failed &+= sum(column.rawValue) }
        return (failed, sum(0))
    }

    private func sum(_ column: Int) -> UInt32 {
        var total: UInt32 = 0
        for bucket in 0..<Self.buckets { total &+= counts[bucket * Self.columns + column] }
        return total
    }

    /// Whether that many failures in a row are no mere chance, given how often it failed before them.
    ///
    /// A deployment that fails one request in five fails three in a row every few hundred requests; leaving it out
    /// for that would cost more answers than it saves. With the failure rate p of at least ten results before the
    /// streak, a streak of n is taken for a fault when p^n < 0.0001.
    mutating func isUnlikely(streak: Int, at now: Instant) -> Bool {
        let (failed, worked) = totals(at: now)
        let before = Double(failed) - Double(streak)
        let results = before + Double(worked)
        guard results >= Double(Self.fewest), before > 0 else { return true }
        return Double(streak) * naturalLog(before / results) < Self.logOfChance
    }

    /// ln 0.0001.
    private static let logOfChance = -9.21

    /// Forgets what is older than a minute; returns the bucket of the present.
    private mutating func advance(to now: Instant) -> Int {
        let target = now.nanoseconds / Self.bucketLength
        let steps = min(Int64(Self.buckets), target.subtractingSaturating(epoch))
        if steps > 0 {
            for step in 0..<steps {
                let bucket = Self.bucket(target &- step)
                for column in 0..<Self.columns { counts[bucket * Self.columns + column] = 0 }
            }
            epoch = target
        }
        return Self.bucket(epoch)
    }

    private static func bucket(_ epoch: Int64) -> Int {
        let remainder = Int(epoch % Int64(buckets))
        return remainder < 0 ? remainder + buckets : remainder
    }
}
