/// Results of the last minute, counted exactly: an average weighted by time would hide a burst of failures.
///
/// A column for successes and one for each class of failure.
struct RecentResults: Sendable {
    private static let successes = 0
    private var counts = SlidingCounts<10, 8>(bucketLength: .seconds(6))

    static let fewest: UInt64 = 10

    mutating func addSuccess(at now: Instant) {
        counts.add(to: Self.successes, at: now)
    }

    mutating func add(_ failure: FailureColumn, at now: Instant) {
        counts.add(to: failure.rawValue, at: now)
    }

    /// Whether more than half of at least ten results were failures.
    mutating func failsTooOften(at now: Instant) -> Bool {
        let (failed, worked) = totals(at: now)
        return failed &+ worked >= Self.fewest && failed > worked
    }

    /// Failures of one class.
    mutating func failures(_ column: FailureColumn, at now: Instant) -> Int {
        counts.advance(to: now)
        return Int(clamping: counts.total(column.rawValue))
    }

    /// Failures of the classes that count toward a cooldown together.
    mutating func hardFailures(at now: Instant) -> Int {
        counts.advance(to: now)
        let hard: [FailureColumn] = [.timeout, .overloaded, .server, .connection]
        return Int(clamping: hard.reduce(0) { $0 &+ counts.total($1.rawValue) })
    }

    /// Successes and failures of all classes.
    mutating func totals(at now: Instant) -> (failed: UInt64, worked: UInt64) {
        counts.advance(to: now)
        let failed = FailureColumn.allCases.reduce(0) { $0 &+ counts.total($1.rawValue) }
        return (failed, counts.total(Self.successes))
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
}
