internal import CJansson

/// A JSON text as a tree: read once, never changed, shared freely between threads.
///
/// The tree is jansson's; its memory is released with the last ``JSONValue`` that refers to it.
public final class JSONDocument: @unchecked Sendable {
    // Unchecked: nothing changes the tree once a document owns it, and jansson counts references atomically.
    let tree: UnsafeMutablePointer<json_t>

    /// Takes over one reference.
    init(owning tree: UnsafeMutablePointer<json_t>) {
        self.tree = tree
    }

    deinit {
        json_decref(tree)
    }

    /// The value the document consists of.
    public var root: JSONValue { JSONValue(owner: self, node: tree) }

    /// Reads a JSON text.
    ///
    /// Refused besides what is not JSON: more than `limits`, duplicate keys, invalid UTF-8, NUL (escaped ones too),
    /// unpaired surrogates, text after the value, integers beyond 64 bits and numbers beyond the range of a double.
    /// The host's locale has no influence.
    public static func parse(
        _ text: Span<UInt8>, limits: JSONLimits = JSONLimits()
    ) throws(JSONParseError) -> JSONDocument {
        // The tape finds most errors, with their exact place, and bounds the depth before anything recurses.
        try JSONTape().scan(text, limits: limits)
        return try build(text)
    }

    /// Reads a JSON text.
    public static func parse(
        _ text: String, limits: JSONLimits = JSONLimits()
    ) throws(JSONParseError) -> JSONDocument {
        try parse(Array(text.utf8).span, limits: limits)
    }

    /// Reads a text that a ``JSONTape`` has accepted within limits.
    public static func build(_ text: Span<UInt8>) throws(JSONParseError) -> JSONDocument {
        _ = seeded
        var error = json_error_t()
        let flags = Int(JSON_REJECT_DUPLICATES | JSON_DECODE_ANY)
        let tree = text.withUnsafeBufferPointer { text in
            text.baseAddress.flatMap {
                $0.withMemoryRebound(to: CChar.self, capacity: text.count) {
                    json_loadb($0, text.count, flags, &error)
                }
            }
        }
        guard let tree else { throw JSONParseError(reason(of: error), offset: max(0, Int(error.position))) }
        return JSONDocument(owning: tree)
    }

    /// Seeds jansson's hash function once per process, so that keys chosen by others cannot make it slow.
    static let seeded: Bool = {
        // 0 would make jansson look for a seed of its own, in files.
        json_object_seed(Int(bitPattern: UInt.random(in: 1 ... .max)))
        return true
    }()

    /// jansson's own error text may quote the document, so that only its code is used.
    private static func reason(of error: json_error_t) -> JSONParseError.Reason {
        var error = error
        switch json_error_code(&error) {
        case json_error_out_of_memory: return .outOfMemory
        case json_error_stack_overflow: return .tooDeep
        case json_error_invalid_utf8: return .invalidUTF8
        case json_error_premature_end_of_input: return .truncated
        case json_error_end_of_input_expected: return .trailingText
        case json_error_null_character, json_error_null_byte_in_key: return .nul
        case json_error_duplicate_key: return .duplicateKey
        case json_error_numeric_overflow: return .numberOutOfRange
        default: return .invalidSyntax
        }
    }
}
