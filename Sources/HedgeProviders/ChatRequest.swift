import HedgeJSON

/// A chat completion request as a caller sent it, read and checked once.
public final class ChatRequest: Sendable {
    /// The model group asked for.
    public let model: String
    public let isStream: Bool
    /// Whether the caller asked for a usage chunk (`stream_options.include_usage`).
    public let wantsUsage: Bool
    /// Size of the document in bytes.
    public let byteCount: Int

    /// Reads an OpenAI chat completion body.
    ///
    /// Checks what routing depends on: an object with a `model` string and a `messages` array that is not empty;
    /// `stream` a boolean or null; nesting and size within limits; no duplicate keys; valid UTF-8; no NUL.
    public init(parsing document: UnsafeRawBufferPointer) throws(RequestError) {
        throw RequestError(message: "not yet")
    }
}

/// What is wrong with a request document.
public struct RequestError: Error, Hashable, Sendable {
    /// JSON path of the offending value, such as `messages[2].role`; empty when the document is not JSON.
    public var path: String
    /// Byte offset at which the document stops being JSON; nil when it is JSON.
    public var offset: Int?
    /// Whether a limit was exceeded, rather than a rule broken.
    public var isLimit: Bool
    /// One line, without any of the document's text.
    public var message: String

    public init(path: String = "", offset: Int? = nil, isLimit: Bool = false, message: String) {
        self.path = path
        self.offset = offset
        self.isLimit = isLimit
        self.message = message
    }
}
