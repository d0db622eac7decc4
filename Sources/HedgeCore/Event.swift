/// What can happen, told to ``RouterCore/handle(_:at:into:)`` in the past tense.
public enum Event: Sendable {
    /// A caller submitted a request. The identifier must be new.
    case submitted(RequestID, RequestTraits)

    /// The attempt produced its first real token: text, reasoning, refusal or a tool call that is not empty.
    ///
    /// Only for requests that stream; at most once per attempt.
    case firstToken(AttemptID)

    /// The attempt produced further output. Keep-alives and framing are not output.
    case progressed(AttemptID)

    /// Reading from the attempt stopped because its caller does not take what is there.
    case paused(AttemptID)

    /// Reading from the attempt goes on.
    case resumed(AttemptID)

    /// The attempt ended by itself. Never told of an attempt the core cancelled.
    case attemptEnded(AttemptID, AttemptOutcome)

    /// The caller cancelled the request.
    case cancelled(RequestID)

    // Indirect: every event would be as large.
    /// The configuration was replaced. Deployments and groups keep their identifiers as long as they exist.
    indirect case configurationReplaced(CoreConfiguration)

    /// ``RouterCore/nextDeadline`` was reached.
    case timeReached
}

/// What the core needs to know of a request; never its content.
public struct RequestTraits: Sendable {
    /// The model group the caller asked for.
    public var group: GroupID

    /// Whether the answer streams: decides what wins (first token or full answer) and what is measured.
    public var isStream: Bool

    /// Size of the prompt in bytes; larger prompts are another class of latency.
    public var promptBytes: Int

    /// When everything done for the request must have ended.
    public var deadline: Instant?

    /// What the caller asked to do differently for this request.
    public var overrides: RequestOverrides

    /// Deployments that cannot take the request, whatever their health: their format cannot express it. Those of other
    /// groups are told too, so that the request never goes on to them.
    public var ineligible: [DeploymentID] = []

    /// Creates one with these parts.
    public init(
        group: GroupID,
        isStream: Bool,
        promptBytes: Int = 0,
        deadline: Instant? = nil,
        overrides: RequestOverrides = RequestOverrides()
    ) {
        self.group = group
        self.isStream = isStream
        self.promptBytes = promptBytes
        self.deadline = deadline
        self.overrides = overrides
    }
}

/// Routing settings of one request that take the place of the configured ones where they are set.
public struct RequestOverrides: Sendable {
    /// Fixes the hedge threshold.
    public var hedgeThreshold: Interval?

    /// Attempts in flight for this request at most; 1 means neither race nor hedge.
    public var maxParallelAttempts: Int?

    /// Further attempts after failures in each model group, in place of everything configured.
    public var retries: Int?

    /// Model groups to go on to, in place of the configured general ones.
    public var fallbacks: [GroupID]?

    /// Whether the request stays in its own model group.
    public var disableFallbacks = false

    /// Its place among requests that wait for a deployment: 0 is served first, 255 last.
    public var priority: Int?

    /// Creates one with these parts.
    public init(
        hedgeThreshold: Interval? = nil, maxParallelAttempts: Int? = nil, retries: Int? = nil,
        fallbacks: [GroupID]? = nil, disableFallbacks: Bool = false, priority: Int? = nil
    ) {
        self.hedgeThreshold = hedgeThreshold
        self.maxParallelAttempts = maxParallelAttempts
        self.retries = retries
        self.fallbacks = fallbacks
        self.disableFallbacks = disableFallbacks
        self.priority = priority
    }
}

/// How an attempt ended by itself.
public enum AttemptOutcome: Sendable {
    /// The provider's own terminal was seen, or the full valid answer of a request that does not stream.
    case succeeded(Usage?)
    case failed(Failure)
}

/// Tokens as the provider counted them.
public struct Usage: Hashable, Sendable {
    /// Tokens of the prompt.
    public var promptTokens: Int
    /// Tokens of the answer, reasoning included.
    public var completionTokens: Int
    /// Tokens of the prompt that were read from the provider's cache; part of ``promptTokens``.
    public var cachedPromptTokens: Int
    /// Tokens of the prompt that were written to the provider's cache; another part of ``promptTokens``.
    public var cacheWrittenTokens: Int
    /// Tokens of the answer that were reasoning; part of ``completionTokens``.
    public var reasoningTokens: Int

    /// Creates one with these parts.
    public init(
        promptTokens: Int, completionTokens: Int, cachedPromptTokens: Int = 0, cacheWrittenTokens: Int = 0,
        reasoningTokens: Int = 0
    ) {
        self.promptTokens = promptTokens
        self.completionTokens = completionTokens
        self.cachedPromptTokens = cachedPromptTokens
        self.cacheWrittenTokens = cacheWrittenTokens
        self.reasoningTokens = reasoningTokens
    }
}

/// Why an attempt failed, as far as decisions depend on it.
public struct Failure: Hashable, Sendable {
    /// The class of the failure.
    public var kind: FailureKind

    /// How long the provider asked to stay away: a floor.
    public var retryAfter: Interval?

    /// What the provider said of repeating the request; nil where it said nothing.
    public var mayRepeat: Bool?

    /// Creates one with these parts.
    public init(kind: FailureKind, retryAfter: Interval? = nil, mayRepeat: Bool? = nil) {
        self.kind = kind
        self.retryAfter = retryAfter
        self.mayRepeat = mayRepeat
    }
}

/// The classes of failure, each with its own rule for retries and cooldown.
public enum FailureKind: UInt8, Hashable, Sendable, CaseIterable {
    /// Credentials were refused.
    case authentication
    /// The credentials do not allow this.
    case permission
    /// No such model, deployment or path.
    case notFound
    /// The request itself was refused; another deployment would refuse it too.
    case badRequest
    /// The prompt exceeds the context window.
    case contextLength
    /// A content policy refused the request.
    case contentPolicy
    /// The request is larger than the provider accepts.
    case tooLarge
    /// The rate limit was reached.
    case rateLimit
    /// The quota or balance is exhausted; waiting does not help.
    case quota
    /// The provider has no capacity now.
    case overloaded
    /// The provider itself says that it timed out.
    case providerTimeout
    /// A server error.
    case server
    /// Connecting, TLS or the transfer failed.
    case transport
    /// The answer is not what the protocol allows.
    case malformed
    /// The answer ended before its terminal.
    case truncated
    /// The request cannot be expressed for this deployment; nothing was sent.
    case unsupported
    /// The library itself failed; counted and ended safely.
    case `internal`
}
