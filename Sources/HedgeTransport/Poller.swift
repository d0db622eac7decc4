/// What a descriptor is watched for, or was found ready for.
struct Readiness: OptionSet {
    let rawValue: UInt8

    static let readable = Readiness(rawValue: 1)
    static let writable = Readiness(rawValue: 2)
    /// Only found, never watched for: the descriptor is in error.
    static let failed = Readiness(rawValue: 4)
}

/// A descriptor that is ready.
struct ReadyDescriptor {
    var descriptor: Int32
    var readiness: Readiness
}

/// Waits for descriptors, for a time, and for a signal of another thread; the one part of the loop that knows the
/// operating system.
///
/// Level-triggered. Every method but ``signal()`` belongs to the loop's thread.
protocol Poller: AnyObject {
    init() throws(EventLoop.SetupError)

    /// Watches a descriptor, or changes what it is watched for. Returns false when the system refuses.
    func watch(_ descriptor: Int32, for interest: Readiness) -> Bool

    /// Stops watching. Harmless for a descriptor that is not watched or was closed.
    func unwatch(_ descriptor: Int32)

    /// Takes note of a new descriptor that will be watched time and again, and is told of before it is closed: when it is
    /// not watched for a while, the system need not be told.
    func keep(_ descriptor: Int32)

    /// A descriptor is about to be closed.
    func forget(_ descriptor: Int32)

    /// Waits until a descriptor is ready, a signal came, or `nanoseconds` have passed (nil: for ever; never less than
    /// asked for). Returns how many descriptors are ready; interruption by a signal handler counts as none.
    func wait(nanoseconds: Int64?) -> Int

    /// One of those that the last ``wait(nanoseconds:)`` found, by its index; nil when it is not watched any more.
    func ready(at index: Int) -> ReadyDescriptor?

    /// Ends the current or the next ``wait(nanoseconds:)``. From any thread.
    func signal()
}

#if os(Linux)
typealias SystemPoller = EpollPoller
#endif
