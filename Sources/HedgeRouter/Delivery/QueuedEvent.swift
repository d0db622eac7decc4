public import HedgeJSON

/// An event on its way to the program.
public struct QueuedEvent: Sendable {
    public enum Kind: Sendable {
        case start
        case chunk
        case end(RequestEnd)
    }

    public var kind: Kind
    public var request: RequestState
    /// The text's memory; the text is `offset ..< offset + count` of it, and a NUL follows.
    public var storage: Bytes
    public var offset: Int
    public var count: Int
    /// Nanoseconds from submission until the event was ready.
    public var elapsed: Int64

    /// The text, for as long as this value lives.
    public var text: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: storage.baseAddress + offset, count: count)
    }
}

/// How a request ended.
public struct RequestEnd: Sendable {
    /// nil when it succeeded.
    public var failure: RouterError?
    /// The failure's message with its NUL; nil when it succeeded.
    public var message: Bytes?
    /// Status of the deployment that decided the outcome, or 0.
    public var httpStatus: Int32
}
