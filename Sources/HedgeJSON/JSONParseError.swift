/// Why a text is not the JSON that was asked for. Carries none of the text.
public struct JSONParseError: Error, Hashable, Sendable {
    /// The rules a text may break.
    public enum Reason: Hashable, Sendable {
        /// The text is longer than the limit.
        case tooLong
        /// Arrays and objects are nested deeper than the limit.
        case tooDeep
        /// The text ends before the value does.
        case truncated
        /// Something follows the value.
        case trailingText
        case invalidSyntax
        case invalidUTF8
        /// A `\u` escape that is no Unicode scalar value.
        case invalidEscape
        /// A NUL, plain or as `\u0000`.
        case nul
        /// A key occurs twice in one object.
        case duplicateKey
        /// An integer beyond 64 bits or a number beyond the range of a double.
        case numberOutOfRange
        case outOfMemory
    }

    /// The rule that was broken.
    public var reason: Reason

    /// Byte offset of the place.
    public var offset: Int

    /// An error of one kind at one place.
    public init(_ reason: Reason, offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    /// Whether a limit was exceeded, rather than a rule of JSON broken.
    public var isLimit: Bool { reason == .tooLong || reason == .tooDeep }

    /// One line without any of the document's text.
    public var message: String { "\(reason.text) at byte \(offset)" }
}

extension JSONParseError.Reason {
    /// What is wrong, as a phrase that goes before "at byte N".
    fileprivate var text: String {
        switch self {
        case .tooLong: "the document is longer than allowed"
        case .tooDeep: "the document is nested deeper than allowed"
        case .truncated: "the document ends too early"
        case .trailingText: "unexpected text after the document"
        case .invalidSyntax: "invalid JSON"
        case .invalidUTF8: "invalid UTF-8"
        case .invalidEscape: "invalid escape"
        case .nul: "NUL character"
        case .duplicateKey: "duplicate object key"
        case .numberOutOfRange: "number out of range"
        case .outOfMemory: "out of memory"
        }
    }
}

/// How large a document may be.
public struct JSONLimits: Hashable, Sendable {
    /// Length in bytes; at most 2^31 - 1 is ever accepted.
    public var bytes: Int

    /// Arrays and objects inside one another; at most 512 is ever accepted.
    public var depth: Int

    /// Limits of `bytes` and `depth`.
    public init(bytes: Int = 32 << 20, depth: Int = 128) {
        self.bytes = min(max(bytes, 0), Int(Int32.max))
        self.depth = min(max(depth, 0), 512)
    }
}
