public import HedgeJSON

/// An event on its way to the program.
public struct QueuedEvent: Sendable {
    /// The kinds of it.
    public enum Kind: Sendable {
        case start
        case chunk
        case end
    }

    /// What happened.
    public var kind: Kind
    /// How the request ended; with an END, nil for success.
    public var failure: RequestFailureDetails?
    /// The request it belongs to.
    public var request: RequestState
    /// The text's memory; the text is `offset ..< offset + count` of it, and a NUL follows.
    public var storage: Bytes
    /// Where the text starts in its memory.
    public var offset: Int
    /// Bytes of the text, without the NUL.
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
    /// The error.
    public let error: RouterError
    /// The error's message, NUL included.
    public let message: Bytes

    init(_ error: RouterError) {
        self.error = error
        message = Bytes(error.message)
    }
}
