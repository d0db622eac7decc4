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

    /// Time until fewer than `limit` requests are counted; zero if that is so now.
    func timeUntil(requestsBelow limit: UInt64, at now: Instant) -> Interval {
        var left = requestTotal
        guard left >= limit else { return .zero }
        return time(at: now) { index in
            left &-= UInt64(requests[index])
            return left < limit || left == 0
        }
    }

    /// Time until at most `limit` tokens are counted; zero if that is so now.
    func timeUntil(tokensAtMost limit: UInt64, at now: Instant) -> Interval {
        var left = tokenTotal
        guard left > limit else { return .zero }
        return time(at: now) { index in
            left &-= tokens[index]
            return left <= limit
        }
    }

    /// Time until the buckets are forgotten up to the first one for which `suffices` is true, from the oldest on.
    private func time(at now: Instant, suffices: (Int) -> Bool) -> Interval {
        var age = Self.buckets - 1
        while age > 0, !suffices(Self.index(epoch &- age)) { age -= 1 }
        let (end, overflow) = (epoch &- age &+ Self.buckets).multipliedReportingOverflow(by: Self.bucketLength)
        return overflow ? .zero : max(Interval(nanoseconds: 1), Instant(nanoseconds: end) - now)
    }

    private static func index(_ epoch: Int64) -> Int {
        let remainder = Int(epoch % buckets)
        return remainder < 0 ? remainder + Int(buckets) : remainder
    }
}
