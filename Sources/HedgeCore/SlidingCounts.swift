/// Counts of the latest so many stretches of time, exact to the length of one: what is older is forgotten.
///
/// An average that time weights would hide a burst, and a window that starts anew would forget everything at once.
/// Nothing is allocated, and reading a sum costs one addition for each stretch that went by since the last time.
struct SlidingCounts<let buckets: Int, let columns: Int>: Sendable {
    private var counts = InlineArray<buckets, InlineArray<columns, UInt64>>(repeating: InlineArray(repeating: 0))
    private var totals = InlineArray<columns, UInt64>(repeating: 0)
    private let bucketLength: Int64
    private var epoch: Int64 = 0

    /// Nothing counted yet; the window is `buckets` times as long as `bucketLength`.
    init(bucketLength: Interval) {
        self.bucketLength = max(1, bucketLength.nanoseconds)
    }

    /// Counts `amount` in a column, which must exist.
    mutating func add(_ amount: UInt64 = 1, to column: Int, at now: Instant) {
        advance(to: now)
        counts[Self.index(epoch)][column] &+= amount
        totals[column] &+= amount
    }

    /// Forgets what is older than the window; a time before the latest one changes nothing.
    mutating func advance(to now: Instant) {
        let target = now.nanoseconds / bucketLength
        let steps = min(Int64(buckets), target.subtractingSaturating(epoch))
        guard steps > 0 else { return }
        for step in 0..<steps {
            let index = Self.index(target &- step)
            for column in 0..<columns {
                totals[column] &-= counts[index][column]
                counts[index][column] = 0
            }
        }
        epoch = target
    }

    /// A column's sum as of the latest ``advance(to:)`` or ``add(_:to:at:)``.
    func total(_ column: Int) -> UInt64 { totals[column] }

    /// Time until a column's sum is such that it `suffices`, because enough of it is forgotten; not zero.
    func time(until column: Int, suffices: (UInt64) -> Bool, at now: Instant) -> Interval {
        var left = totals[column]
        var age = Int64(buckets) - 1
        while age > 0 {
            left &-= counts[Self.index(epoch &- age)][column]
            if suffices(left) { break }
            age -= 1
        }
        let (end, overflow) = (epoch &- age &+ Int64(buckets)).multipliedReportingOverflow(by: bucketLength)
        return overflow ? .zero : max(Interval(nanoseconds: 1), Instant(nanoseconds: end) - now)
    }

    private static func index(_ epoch: Int64) -> Int {
        let remainder = Int(epoch % Int64(buckets))
        return remainder < 0 ? remainder + buckets : remainder
    }
}
