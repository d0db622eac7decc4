/// What an ``EventLoop`` drives: on the loop's thread it is told of transfers, of wake-ups and of each turn's end.
///
/// From inside the `transfer…` calls no method of the loop may be called; what they lead to is done in
/// ``loopTurned(_:now:)``, which follows in the same turn.
public protocol LoopDriver: AnyObject {
    /// The connection that the response comes from; told once, just before the head. Does nothing unless implemented.
    func transferConnected(_ transfer: TransferID, _ connection: TransferConnection)

    /// The head of the final response: its status, and its header lines without the status line, each ended by CR LF.
    ///
    /// Told exactly once before the first byte of the body or the end of a complete transfer. Interim (1xx) responses
    /// and a proxy's answer to CONNECT are not told; a redirection is told like any other response.
    func transferReceivedHead(_ transfer: TransferID, status: Int, rawHeaders: [UInt8])

    /// Bytes of the body. Valid during the call.
    ///
    /// Returns false to stop reading from this transfer until ``EventLoop/resume(_:)``; the same bytes are then given
    /// again.
    func transferReceivedBody(_ transfer: TransferID, _ bytes: UnsafeRawBufferPointer) -> Bool

    /// The transfer ended by itself; nothing more is told of it.
    func transferEnded(_ transfer: TransferID, _ end: TransferEnd)

    /// Another thread called ``EventLoop/wake()``.
    func loopWoken()

    /// Everything that was ready has been told. Starts and cancels transfers as needed, and returns when the loop
    /// must turn next at the latest, or nil if only an event can give it work.
    func loopTurned(_ loop: EventLoop, now: Int64) -> Int64?

    /// Whether there is something to hand out before the loop sleeps. False unless implemented.
    var isHoldingBack: Bool { get }

    /// The first transfer that may use TLS is about to start: from now on the loop may raise SIGPIPE in the thread that
    /// turns it. Told once, inside ``EventLoop/start(_:_:)``. Does nothing unless implemented.
    func loopWillUseTLS()

    /// Nothing is left to do at once: the loop is about to sleep, or has ended. Does nothing unless implemented.
    func loopWillSleep()
}

extension LoopDriver {
    /// False.
    public var isHoldingBack: Bool { false }

    /// Does nothing.
    public func loopWillUseTLS() {}

    /// Does nothing.
    public func loopWillSleep() {}

    /// Does nothing.
    public func transferConnected(_ transfer: TransferID, _ connection: TransferConnection) {}
}

/// The connection that a response comes from.
public struct TransferConnection: Hashable, Sendable {
    /// False when the connection had carried a request before.
    public var isNew: Bool
    /// From the start of the transfer until the request could be sent: resolving, connecting, TLS. Microseconds.
    public var readyMicroseconds: Int64

    /// Creates one with these parts.
    public init(isNew: Bool, readyMicroseconds: Int64) {
        self.isNew = isNew
        self.readyMicroseconds = readyMicroseconds
    }
}

/// What a loop has done since it was made.
public struct LoopStatistics: Hashable, Sendable {
    /// Transfers that were given to ``EventLoop/start(_:_:)``.
    public var started: UInt64 = 0
    /// Transfers that ended with a complete response.
    public var completed: UInt64 = 0
    /// Transfers that ended with a failure.
    public var failed: UInt64 = 0
    /// Transfers that were cancelled, or closed by ``EventLoop/stop()``.
    public var cancelled: UInt64 = 0
    /// Connections opened, as libcurl counts them.
    public var connectionsOpened: UInt64 = 0
    /// Transfers that were sent over a connection that had carried a request before.
    public var connectionsReused: UInt64 = 0
    /// Turns of the loop.
    public var turns: UInt64 = 0
    /// Times that the system or libcurl refused what should always succeed; 0 in a healthy process.
    public var internalErrors: UInt64 = 0

    /// Creates one with the defaults.
    public init() {}
}
