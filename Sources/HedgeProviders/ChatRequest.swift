public import HedgeJSON
import Synchronization

/// A request as a caller sent it, read and checked once: a chat completion, or what ``operation`` says.
///
/// Values are kept as the bytes they came in, so that what this library does not know reaches the provider unchanged.
public final class ChatRequest: Sendable {
    /// What is asked for.
    public let operation: Operation
    /// The model group asked for.
    public let model: String
    /// Whether the answer is to stream (`stream`).
    public let isStream: Bool
    /// Whether the provider is asked to stream, which it is for every caller that does, and for others as configured.
    public let streamsUpstream: Bool
    /// Whether the caller asked for a usage chunk (`stream_options.include_usage`).
    public let wantsUsage: Bool
    /// Size of the document in bytes.
    public let byteCount: Int
    /// Size of what the model has to read, `messages` and `tools`, in bytes.
    public let promptBytes: Int

    /// The document's members as they were written, without `model` and `stream_options`, with commas between them.
    let members: Bytes
    /// Where each of ``members`` is, in order.
    let fields: [RequestField]
    /// `stream_options` as it was written; nil when absent or null.
    let streamOptions: [UInt8]?

    /// What a request document may be at most: 32 MiB, 128 levels.
    public static let defaultLimits = JSONLimits(bytes: 32 << 20, depth: 128)

    /// Reads an OpenAI chat completion body.
    ///
    /// Checks what routing depends on: an object with a `model` string and a `messages` array that is not empty;
    /// `stream` a boolean or null; nesting and size within limits; no duplicate keys; valid UTF-8; no NUL.
    public convenience init(
        parsing document: UnsafeRawBufferPointer, operation: Operation = .chat, streamsUpstream: Bool = false
    ) throws(RequestError) {
        try unsafe self.init(
            parsing: document.bindMemory(to: UInt8.self).span, operation: operation,
            streamsUpstream: streamsUpstream)
    }

    /// Reads an OpenAI chat completion body, within `limits`.
    ///
    /// `streamsUpstream` asks providers to stream also for a caller that does not: the answer is put together.
    public init(
        parsing document: Span<UInt8>, limits: JSONLimits = ChatRequest.defaultLimits,
        operation: Operation = .chat, streamsUpstream: Bool = false
    ) throws(RequestError) {
        let tape = JSONTape()
        do {
            try tape.scan(document, limits: limits)
            // No tree is built: the text goes on as it is, and building one took ten times as long.
            try tape.refuseAmbiguity(in: document)
        } catch {
            throw RequestError(offset: error.offset, isLimit: error.isLimit, message: error.message)
        }
        let reader = RequestReader(tape, document)
        try reader.check(document, operation)
        self.operation = operation
        model = try reader.model(document)
        isStream = operation == .embeddings ? false : try reader.isStream()
        self.streamsUpstream = isStream || streamsUpstream && operation == .chat
        wantsUsage = try reader.wantsUsage(document)
        byteCount = document.count
        promptBytes = reader.promptBytes(operation)
        streamOptions = reader.streamOptions(document)
        (members, fields) = reader.members(document)
    }

    /// The whole request as a tree, for providers whose format is another; read anew at each call.
    public func document() throws(JSONParseError) -> JSONDocument {
        var text: [UInt8] = []
        text.reserveCapacity(members.count + 2)
        text.append(UInt8(ascii: "{"))
        members.withSpan { text.append($0) }
        text.append(UInt8(ascii: "}"))
        return try JSONDocument.parse(text.span, limits: JSONLimits(bytes: .max, depth: .max))
    }

    /// Whether the document has a member with one of these names.
    func mentions(_ names: [String]) -> Bool {
        guard !names.isEmpty else { return false }
        return members.withSpan { members in
            for field in fields {
                for name in names where members.isEqual(field.key, name) { return true }
            }
            return false
        }
    }

    /// The request taken apart, for providers whose format is another; made once and kept.
    func view() throws(RequestShapeError) -> RequestView {
        if let made = madeView.withLock({ $0 }) { return made }
        // The text is JSON, but a tree has no room for numbers of any size.
        guard let document = try? document() else { throw RequestShapeError(path: "a number beyond 64 bits") }
        let view = try RequestView(document)
        madeView.withLock { $0 = view }
        return view
    }

    private let madeView = Mutex<RequestView?>(nil)
}

/// A top-level member of a request: places in ``ChatRequest/members``.
struct RequestField: Sendable {
    /// The key without its quotes.
    var key: Range<Int>
    var value: Range<Int>
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

    /// An error at `path` of a JSON document, or at `offset` of one that is not JSON.
    public init(path: String = "", offset: Int? = nil, isLimit: Bool = false, message: String) {
        self.path = path
        self.offset = offset
        self.isLimit = isLimit
        self.message = message
    }
}
