/// Requests and tokens of the last minute, for limits per minute.
///
/// Both are counted when an attempt is sent, the tokens as estimated from the prompt; what the answer took comes on
/// top when it is known.
struct UsageWindow: Sendable {
    private var requests = InlineArray<12, UInt32>(repeating: 0)
    private var tokens = InlineArray<12, UInt64>(repeating: 0)
    private var epoch: Int64 = 0
    private(set) var requestTotal: UInt64 = 0
    private(set) var tokenTotal: UInt64 = 0

    static let bucketLength: Int64 = 5_000_000_000
    private static let buckets: Int64 = 12

    mutating func addRequest(tokens count: Int, at now: Instant) {
        let index = advance(to: now)
        requests[index] &+= 1
        requestTotal &+= 1
        add(count, to: index)
    }

    mutating func addTokens(_ count: Int, at now: Instant) {
        let index = advance(to: now)
        add(count, to: index)
    }

    private mutating func add(_ count: Int, to index: Int) {
        // Far above any rate, far below what could overflow the sum of twelve.
        let sane = UInt64(min(max(0, count), 1 << 40))
        tokens[index] &+= sane
        tokenTotal &+= sane
    }

    /// Forgets what is older than a minute.
    @discardableResult
    mutating func advance(to now: Instant) -> Int {
        let target = now.nanoseconds / Self.bucketLength
        let steps = min(Self.buckets, target.subtractingSaturating(epoch))
        if steps > 0 {
            for step in 0..<steps {
                let index = Self.index(target &- step)
                requestTotal &-= UInt64(requests[index])
                tokenTotal &-= tokens[index]
                requests[index] = 0
                tokens[index] = 0
            }
            epoch = target
        }
        return Self.index(epoch)
    }

    /// Time until the oldest counted bucket is forgotten.
    func timeToRelease(at now: Instant) -> Interval {
        for age in (0..<Self.buckets).reversed() where requests[Self.index(epoch &- age)] > 0 {
            let (end, overflow) = (epoch &- age &+ Self.buckets).multipliedReportingOverflow(by: Self.bucketLength)
            return overflow ? .zero : max(.zero, Instant(nanoseconds: end) - now)
        }
        return .zero
    }

    private static func index(_ epoch: Int64) -> Int {
        let remainder = Int(epoch % buckets)
        return remainder < 0 ? remainder + Int(buckets) : remainder
    }
}
