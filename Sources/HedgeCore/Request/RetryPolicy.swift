/// How often an attempt may follow a failed one on a deployment that was tried before, by class of failure.
///
/// Classes that repeating does not cure are never repeated, whatever is written here.
public struct RetryPolicy: Hashable, Sendable {
    /// For classes without a number of their own; nil to leave it to whatever is less specific.
    public var standard: Int?
    /// After a timeout, the attempt's own or the provider's.
    public var timeouts: Int?
    /// After a rate limit.
    public var rateLimits: Int?
    /// While the provider has no capacity.
    public var overloads: Int?
    /// After a server error, a broken connection or an answer that is no answer.
    public var serverErrors: Int?

    /// Creates one with these parts.
    public init(
        standard: Int? = nil, timeouts: Int? = nil, rateLimits: Int? = nil, overloads: Int? = nil,
        serverErrors: Int? = nil
    ) {
        self.standard = standard
        self.timeouts = timeouts
        self.rateLimits = rateLimits
        self.overloads = overloads
        self.serverErrors = serverErrors
    }

    /// The number for one class alone, without the standard one.
    func specific(_ kind: FailureKind) -> Int? {
        switch kind {
        case .providerTimeout: timeouts
        case .rateLimit: rateLimits
        case .overloaded: overloads
        case .server, .transport, .malformed, .truncated: serverErrors
        case .authentication, .permission, .notFound, .badRequest, .contextLength, .contentPolicy, .tooLarge, .quota,
            .unsupported, .internal:
            nil
        }
    }
}

extension FailureKind {
    /// Whether the same deployment may answer when it is asked again.
    var isCuredByRepeating: Bool {
        switch self {
        case .rateLimit, .overloaded, .providerTimeout, .server, .transport, .malformed, .truncated:
            true
        case .authentication, .permission, .notFound, .badRequest, .contextLength, .contentPolicy, .tooLarge, .quota,
            .unsupported, .internal:
            false
        }
    }
}

/// How long a request waits before it is sent to the same deployment again.
enum RetryBackoff {
    /// What the first wait is at most, as in the clients of OpenAI and Anthropic.
    static let first = 0.5
    /// What every wait is at most, unless the provider asked for more.
    static let longest = 8.0

    /// A wait of U(0, 1) * min(8 s, 0.5 s * 2^n) after the `n`-th repetition, on top of what the provider asked for,
    /// and not shorter than configured.
    ///
    /// The whole of it is drawn at random: callers that failed together must not come back together.
    static func wait(
        after repetitions: Int, asked: Interval, shortest: Interval, random: inout SplitMix64
    ) -> Interval {
        let doublings = UInt64(min(max(0, repetitions), 16))
        let most = min(longest, first * Double(UInt64(1) << doublings))
        return max(shortest, asked + .seconds(most * random.unit()))
    }
}
