/// Requests and tokens of the last minute, for limits per minute.
///
/// Both are counted when an attempt is sent, the tokens as estimated from the prompt; what the answer took comes on
/// top when it is known.
struct UsageWindow: Sendable {
    private static let requests = 0
    private static let tokens = 1
    private var counts = SlidingCounts<12, 2>(bucketLength: .seconds(5))

    var requestTotal: UInt64 { counts.total(Self.requests) }
    var tokenTotal: UInt64 { counts.total(Self.tokens) }

    mutating func addRequest(tokens count: Int, at now: Instant) {
        counts.add(to: Self.requests, at: now)
        addTokens(count, at: now)
    }

    mutating func addTokens(_ count: Int, at now: Instant) {
        // Far above any rate, far below what could overflow the sum of twelve.
        counts.add(UInt64(min(max(0, count), 1 << 40)), to: Self.tokens, at: now)
    }

    /// Forgets what is older than a minute.
    mutating func advance(to now: Instant) {
        counts.advance(to: now)
    }

    /// Time until fewer than `limit` requests are counted; zero if that is so now.
    func timeUntil(requestsBelow limit: UInt64, at now: Instant) -> Interval {
        guard requestTotal >= limit else { return .zero }
        return counts.time(until: Self.requests, suffices: { $0 < limit || $0 == 0 }, at: now)
    }

    /// Time until at most `limit` tokens are counted; zero if that is so now.
    func timeUntil(tokensAtMost limit: UInt64, at now: Instant) -> Interval {
        guard tokenTotal > limit else { return .zero }
        return counts.time(until: Self.tokens, suffices: { $0 <= limit }, at: now)
    }
}
