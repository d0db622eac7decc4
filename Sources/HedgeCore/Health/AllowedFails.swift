/// Failures of a class that a deployment may have within a minute before it cools down; nil where the built-in rules
/// decide.
public struct AllowedFails: Hashable, Sendable {
    /// Refused credentials and permissions.
    public var authentication: Int?
    /// Unknown models and paths.
    public var notFound: Int?
    /// Rate limits and used up quotas.
    public var rateLimits: Int?
    /// Timeouts, the attempt's own and the provider's.
    public var timeouts: Int?
    /// Answers that say that there is no capacity.
    public var overloads: Int?
    /// Server errors, and answers that are cut or no answers.
    public var serverErrors: Int?
    /// Connections that were not made or that broke.
    public var connections: Int?

    /// Leaves everything to the built-in rules.
    public init() {}

    subscript(column: FailureColumn) -> Int? {
        switch column {
        case .authentication: authentication
        case .notFound: notFound
        case .rateLimit: rateLimits
        case .timeout: timeouts
        case .overloaded: overloads
        case .server: serverErrors
        case .connection: connections
        }
    }
}

/// The classes in which failures are counted for cooldowns; the raw value is the column of a ``RecentResults``.
enum FailureColumn: Int, Hashable, Sendable, CaseIterable {
    case authentication = 1
    case notFound
    case rateLimit
    case timeout
    case overloaded
    case server
    case connection
}

extension FailureKind {
    /// Where the failure is counted; nil for what has no effect on health.
    var column: FailureColumn? {
        switch self {
        case .authentication, .permission: .authentication
        case .notFound: .notFound
        case .rateLimit, .quota: .rateLimit
        case .providerTimeout: .timeout
        case .overloaded: .overloaded
        case .server, .malformed, .truncated: .server
        case .transport: .connection
        case .badRequest, .contextLength, .contentPolicy, .tooLarge, .unsupported, .internal: nil
        }
    }
}

/// What decides when a deployment cools down and for how long.
struct CooldownLimits: Sendable {
    var base: Interval
    /// Hard failures in a row that are too many, unless `allowed` says how many failures are.
    var streak = CooldownLimits.usualStreak
    /// Hard failures within a minute that are allowed.
    var allowed: Int?
    /// Failures within a minute that are allowed, by class; these come before everything else.
    var allowedByClass = AllowedFails()

    static let usualStreak = 3
}

extension RouterCore {
    /// What a deployment's cooldowns are decided by: its own settings, then the router's.
    func cooldownLimits(_ deployment: Int) -> CooldownLimits {
        let configuration = deployments[deployment].configuration
        var limits = CooldownLimits(base: configuration.cooldown)
        limits.allowed = (configuration.allowedFails ?? policy.allowedFails).map { max(0, $0) }
        limits.allowedByClass = configuration.allowedFailsByClass ?? policy.allowedFailsByClass
        return limits
    }
}
