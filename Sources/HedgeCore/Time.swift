/// A point in time: nanoseconds of a monotonic clock with an arbitrary origin.
///
/// The core never reads a clock; whoever drives it passes the time in. Arithmetic saturates, so that no input can
/// overflow it.
public struct Instant: Hashable, Comparable, Sendable {
    /// Nanoseconds since the clock's origin.
    public var nanoseconds: Int64

    /// An instant `nanoseconds` after the clock's origin.
    @inlinable
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// Later than every instant a clock will show.
    public static let distantFuture = Instant(nanoseconds: .max)

    /// Whether `a` comes before `b`.
    @inlinable
    public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

    /// The sum; saturates.
    @inlinable
    public static func + (a: Instant, b: Interval) -> Instant {
        Instant(nanoseconds: a.nanoseconds.addingSaturating(b.nanoseconds))
    }

    /// The time from `b` to `a`; negative if `a` is the earlier one.
    @inlinable
    public static func - (a: Instant, b: Instant) -> Interval {
        Interval(nanoseconds: a.nanoseconds.subtractingSaturating(b.nanoseconds))
    }
}

/// A length of time in nanoseconds. Arithmetic saturates.
public struct Interval: Hashable, Comparable, Sendable {
    /// The length in nanoseconds.
    public var nanoseconds: Int64

    /// A length of `nanoseconds`.
    @inlinable
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// No time at all.
    public static let zero = Interval(nanoseconds: 0)

    /// A length of `milliseconds`, saturating.
    @inlinable
    public static func milliseconds(_ milliseconds: Int64) -> Interval {
        let (value, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
        guard overflow else { return Interval(nanoseconds: value) }
        return Interval(nanoseconds: milliseconds < 0 ? .min : .max)
    }

    /// A length of `milliseconds`; NaN is 0 and what does not fit saturates.
    @inlinable
    public static func milliseconds(_ milliseconds: Double) -> Interval {
        seconds(milliseconds / 1000)
    }

    /// A length of `seconds`; NaN is 0 and what does not fit saturates.
    @inlinable
    public static func seconds(_ seconds: Double) -> Interval {
        let nanoseconds = seconds * 1e9
        guard nanoseconds == nanoseconds else { return .zero }
        if nanoseconds >= 9.2e18 { return Interval(nanoseconds: .max) }
        if nanoseconds <= -9.2e18 { return Interval(nanoseconds: .min) }
        return Interval(nanoseconds: Int64(nanoseconds))
    }

    /// The length in seconds.
    @inlinable
    public var seconds: Double { Double(nanoseconds) / 1e9 }

    /// The length in milliseconds.
    @inlinable
    public var milliseconds: Double { Double(nanoseconds) / 1e6 }

    /// Whether `a` comes before `b`.
    @inlinable
    public static func < (a: Interval, b: Interval) -> Bool { a.nanoseconds < b.nanoseconds }

    /// The sum; saturates.
    @inlinable
    public static func + (a: Interval, b: Interval) -> Interval {
        Interval(nanoseconds: a.nanoseconds.addingSaturating(b.nanoseconds))
    }

    /// The difference; saturates.
    @inlinable
    public static func - (a: Interval, b: Interval) -> Interval {
        Interval(nanoseconds: a.nanoseconds.subtractingSaturating(b.nanoseconds))
    }
}

extension Int64 {
    @inlinable
    func addingSaturating(_ other: Int64) -> Int64 {
        let (value, overflow) = addingReportingOverflow(other)
        guard overflow else { return value }
        return other < 0 ? .min : .max
    }

    @inlinable
    func subtractingSaturating(_ other: Int64) -> Int64 {
        let (value, overflow) = subtractingReportingOverflow(other)
        guard overflow else { return value }
        return other < 0 ? .max : .min
    }
}
