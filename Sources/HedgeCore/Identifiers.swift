/// A request, as named by whoever drives the core; never reused within one core.
public struct RequestID: Hashable, Sendable {
    /// The number behind the identifier.
    public var rawValue: UInt64

    /// Creates one with these parts.
    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// One try at one deployment, as named by the core; never reused within one core.
public struct AttemptID: Hashable, Sendable {
    /// The number behind the identifier.
    public var rawValue: UInt64

    /// Creates one with these parts.
    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// A deployment: stays the same across configuration changes as long as the deployment exists.
public struct DeploymentID: Hashable, Sendable {
    /// The number behind the identifier.
    public var rawValue: Int

    /// Creates one with these parts.
    @inlinable
    public init(rawValue: Int) {
        self.rawValue = rawValue
    }
}

/// A model group: stays the same across configuration changes as long as the group exists.
public struct GroupID: Hashable, Sendable {
    /// The number behind the identifier.
    public var rawValue: Int

    /// Creates one with these parts.
    @inlinable
    public init(rawValue: Int) {
        self.rawValue = rawValue
    }
}
