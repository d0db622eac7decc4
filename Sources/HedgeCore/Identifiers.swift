/// An identifier that this library counts up by itself.
///
/// Nobody can choose such numbers so that they collide, and a request looks some thirty of them up; the keyed hash that
/// dictionaries use by default would take more time than the rest of a look-up.
public protocol CountedIdentifier: Hashable {
    /// What ``rawValue`` is.
    associatedtype Number: FixedWidthInteger
    /// The number behind the identifier.
    var rawValue: Number { get }
}

extension CountedIdentifier {
    /// Spreads neighbouring numbers over all bits (Fibonacci hashing); `seed` sets dictionaries of different sizes apart.
    @inlinable
    public func _rawHashValue(seed: Int) -> Int {
        let spread = UInt64(truncatingIfNeeded: rawValue) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: spread ^ (spread >> 32)) ^ seed
    }
}

/// A request, as named by whoever drives the core; never reused within one core.
public struct RequestID: CountedIdentifier, Sendable {
    /// The number behind the identifier.
    public var rawValue: UInt64

    /// Creates one with these parts.
    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// One try at one deployment, as named by the core; never reused within one core.
public struct AttemptID: CountedIdentifier, Sendable {
    /// The number behind the identifier.
    public var rawValue: UInt64

    /// Creates one with these parts.
    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// A deployment: stays the same across configuration changes as long as the deployment exists.
public struct DeploymentID: CountedIdentifier, Sendable {
    /// The number behind the identifier.
    public var rawValue: Int

    /// Creates one with these parts.
    @inlinable
    public init(rawValue: Int) {
        self.rawValue = rawValue
    }
}

/// A model group: stays the same across configuration changes as long as the group exists.
public struct GroupID: CountedIdentifier, Sendable {
    /// The number behind the identifier.
    public var rawValue: Int

    /// Creates one with these parts.
    @inlinable
    public init(rawValue: Int) {
        self.rawValue = rawValue
    }
}
