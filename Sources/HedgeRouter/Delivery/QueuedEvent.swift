public import HedgeJSON

/// An event on its way to the program.
public struct QueuedEvent: Sendable {
    public enum Kind: Sendable {
        case start
        case chunk
        case end
    }

    public var kind: Kind
    /// How the request ended; with an END, nil for success.
    public var failure: RequestFailureDetails?
    public var request: RequestState
    /// The text's memory; the text is `offset ..< offset + count` of it, and a NUL follows.
    public var storage: Bytes
    public var offset: Int
    public var count: Int
    /// Nanoseconds from submission until the event was ready.
    public var elapsed: Int64
    /// With an END: status of the deployment that decided the outcome, or 0.
    public var httpStatus: Int32 = 0

    /// The text, for as long as this value lives.
    public var text: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: storage.baseAddress + offset, count: count)
    }
}

/// Why a request failed, in a form that is cheap to pass on.
public final class RequestFailureDetails: Sendable {
    public let error: RouterError
    /// The error's message, NUL included.
    public let message: Bytes

    init(_ error: RouterError) {
        self.error = error
        message = Bytes(error.message)
    }
}
