public import HedgeJSON

/// A transfer, as named by whoever starts it; never reused within one loop.
public struct TransferID: Hashable, Sendable {
    public var rawValue: UInt64

    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// An HTTP POST to make.
public struct TransferRequest: Sendable {
    /// The part shared by every request to one endpoint; its identity keys what the loop keeps ready for it.
    public var target: TransferTarget
    /// Header lines of this request alone.
    public var headers: [String]
    public var body: Bytes
    public var connectTimeoutMilliseconds: Int

    public init(target: TransferTarget, headers: [String] = [], body: Bytes, connectTimeoutMilliseconds: Int) {
        self.target = target
        self.headers = headers
        self.body = body
        self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
    }
}

/// Where requests go and how: made once per deployment and configuration, then shared.
public final class TransferTarget: Sendable {
    public let url: String
    /// Header lines, `Name: value`.
    public let headers: [String]
    public let network: NetworkSettings

    public init(url: String, headers: [String], network: NetworkSettings = NetworkSettings()) {
        self.url = url
        self.headers = headers
        self.network = network
    }
}

/// Network settings of a deployment.
public struct NetworkSettings: Hashable, Sendable {
    /// Proxy URL; nil for none. The environment's proxy variables are not read.
    public var proxy: String?
    /// Hosts the proxy is not used for, comma-separated.
    public var noProxy: String?
    /// File with the certificates to trust instead of the system's.
    public var certificateAuthorityFile: String?
    public var httpVersion: HTTPVersion

    public init(
        proxy: String? = nil, noProxy: String? = nil, certificateAuthorityFile: String? = nil,
        httpVersion: HTTPVersion = .automatic
    ) {
        self.proxy = proxy
        self.noProxy = noProxy
        self.certificateAuthorityFile = certificateAuthorityFile
        self.httpVersion = httpVersion
    }
}

public enum HTTPVersion: String, Hashable, Sendable, CaseIterable {
    /// HTTP/2 when TLS negotiates it, else HTTP/1.1.
    case automatic = "auto"
    case http1 = "1.1"
    case http2 = "2"
    /// HTTP/2 without TLS and without an upgrade.
    case http2PriorKnowledge = "2-prior-knowledge"
}

/// How a transfer ended by itself.
public enum TransferEnd: Sendable {
    /// The response is complete as far as HTTP can tell.
    case complete
    case failed(TransferFailure)
}

/// Why a transfer failed.
public struct TransferFailure: Error, Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case resolve, connect, connectTimeout, tls, send, receive, closedEarly, http, redirect, other
    }

    public var kind: Kind
    /// The CURLcode.
    public var code: Int32
    /// One line that names no secret.
    public var message: String

    public init(kind: Kind, code: Int32, message: String) {
        self.kind = kind
        self.code = code
        self.message = message
    }
}

/// What an ``EventLoop`` drives: it is told of transfers, of wake-ups and of the end of each turn, on the loop's thread.
///
/// From inside the `transfer…` calls no method of the loop may be called; what they lead to is done in
/// ``loopTurned(_:now:)``, which follows in the same turn.
public protocol LoopDriver: AnyObject {
    /// The head of the final response: status and header lines as received, each ended by CR LF.
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
}

/// One thread's event loop: libcurl's multi interface over a poller, and a wake-up from other threads.
///
/// ``run(_:)`` is called on the thread that is to be the loop's; all other methods but ``wake()`` and ``stop()`` are
/// called on that thread, from inside ``LoopDriver/loopTurned(_:now:)``.
public final class EventLoop: @unchecked Sendable {
    /// Resources of the system could not be had.
    public struct SetupError: Error, Sendable {
        public var message: String
    }

    public init() throws(SetupError) {
    }

    /// The monotonic clock of this loop, in nanoseconds.
    public static func now() -> Int64 { 0 }

    /// Turns until ``stop()``. Blocks every signal in the calling thread.
    public func run(_ driver: any LoopDriver) {
    }

    /// Makes the loop turn, from any thread. Wake-ups that come together are one.
    public func wake() {
    }

    /// Makes ``run(_:)`` return, from any thread. Transfers in flight are closed without being told.
    public func stop() {
    }

    /// Starts a transfer. What can fail is told through ``LoopDriver/transferEnded(_:_:)``.
    public func start(_ transfer: TransferID, _ request: TransferRequest) {
    }

    /// Closes a transfer: the HTTP/1.1 connection, or the HTTP/2 stream. Nothing more is told of it. Harmless for a
    /// transfer that has ended.
    public func cancel(_ transfer: TransferID) {
    }

    /// Reads on from a transfer that was stopped by returning false.
    public func resume(_ transfer: TransferID) {
    }

    /// Forgets what was kept ready for targets that are not in use any more.
    public func forgetTargets(except kept: [TransferTarget]) {
    }
}
