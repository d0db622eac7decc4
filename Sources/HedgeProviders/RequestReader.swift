import HedgeJSON

/// Checks a scanned request document and takes it apart.
struct RequestReader {
    let tape: JSONTape

    // The top-level members that routing depends on, as nodes of the tape; -1 where there is none.
    private var model = -1
    private var stream = -1
    private var streamOptions = -1
    private var messages = -1
    private var tools = -1
    private var input = -1
    private var n = -1

    /// Finds the members of a scanned document, in one pass.
    init(_ tape: JSONTape, _ text: Span<UInt8>) {
        self.tape = tape
        for key in tape.keys(of: 0) {
            let value = key + 1
            switch tape.content(key).count {
            case 1 where tape.isString(key, "n", in: text): n = value
            case 5 where tape.isString(key, "model", in: text): model = value
            case 5 where tape.isString(key, "tools", in: text): tools = value
            case 5 where tape.isString(key, "input", in: text): input = value
            case 6 where tape.isString(key, "stream", in: text): stream = value
            case 8 where tape.isString(key, "messages", in: text): messages = value
            case 14 where tape.isString(key, "stream_options", in: text): streamOptions = value
            default: break
            }
        }
    }

    /// Checks the shape of everything that routing depends on.
    func check(_ text: Span<UInt8>, _ operation: Operation) throws(RequestError) {
        guard tape.kind(0) == .object else { throw mismatch(0, "", "an object") }
        switch operation {
        case .chat, .messages: try checkMessages(text)
        case .embeddings, .responses: try checkInput()
        }
        guard operation == .chat else { return }
        try check(streamOptions, "stream_options", .object, "an object")
        try check(tools, "tools", .array, "an array")
        // A node that is not there is null.
        guard tape.kind(n) != .null else { return }
        guard tape.kind(n) == .integer else { throw mismatch(n, "n", "an integer") }
        guard let count = tape.integer(n, in: text), count >= 1 else {
            throw RequestError(path: "n", message: "n must be at least 1")
        }
    }

    /// A member that may be left out or null, and else is of one kind.
    private func check(
        _ node: Int, _ path: String, _ kind: JSONKind, _ expected: StaticString
    ) throws(RequestError) {
        guard tape.kind(node) == .null || tape.kind(node) == kind else { throw mismatch(node, path, expected) }
    }

    private func checkInput() throws(RequestError) {
        guard input >= 0 else { throw RequestError(path: "input", message: "input is required") }
        switch tape.kind(input) {
        case .string: return
        case .array:
            guard !tape.isEmptyContainer(input) else {
                throw RequestError(path: "input", message: "input must not be empty")
            }
        default: throw mismatch(input, "input", "a string or an array")
        }
    }

    private func checkMessages(_ text: Span<UInt8>) throws(RequestError) {
        guard messages >= 0 else { throw RequestError(path: "messages", message: "messages is required") }
        guard tape.kind(messages) == .array else { throw mismatch(messages, "messages", "an array") }
        guard !tape.isEmptyContainer(messages) else {
            throw RequestError(path: "messages", message: "messages must not be empty")
        }
        var index = 0
        var message = messages + 1
        while message < tape.next(messages) {
            guard tape.kind(message) == .object else { throw mismatch(message, "messages[\(index)]", "an object") }
            guard let role = tape.member("role", of: message, in: text) else {
                throw RequestError(path: "messages[\(index)].role", message: "messages[\(index)].role is required")
            }
            guard tape.kind(role) == .string else { throw mismatch(role, "messages[\(index)].role", "a string") }
            index += 1
            message = tape.next(message)
        }
    }

    private func mismatch(_ node: Int, _ path: String, _ expected: StaticString) -> RequestError {
        let name = path.isEmpty ? "the request" : path
        return RequestError(path: path, message: "\(name) must be \(expected), found \(tape.kind(node).text)")
    }

    func model(_ text: Span<UInt8>) throws(RequestError) -> String {
        guard model >= 0 else { throw RequestError(path: "model", message: "model is required") }
        guard let name = tape.string(model, in: text) else { throw mismatch(model, "model", "a string") }
        guard !name.isEmpty else { throw RequestError(path: "model", message: "model must not be empty") }
        return name
    }

    func isStream() throws(RequestError) -> Bool { try boolean(stream, "stream") }

    func wantsUsage(_ text: Span<UInt8>) throws(RequestError) -> Bool {
        let flag = tape.member("include_usage", of: streamOptions, in: text)
        return try boolean(flag ?? -1, "stream_options.include_usage")
    }

    /// True, or false, null and absent.
    private func boolean(_ node: Int, _ path: String) throws(RequestError) -> Bool {
        switch tape.kind(node) {
        case .true: return true
        case .false, .null: return false
        default: throw mismatch(node, path, "a boolean")
        }
    }

    /// Size of what the model has to read, in bytes.
    func promptBytes(_ operation: Operation) -> Int {
        tape.range(messages).count + tape.range(tools).count + (operation == .chat ? 0 : tape.range(input).count)
    }

    func streamOptions(_ text: Span<UInt8>) -> [UInt8]? {
        guard tape.kind(streamOptions) == .object else { return nil }
        var copy: [UInt8] = []
        copy.append(text, tape.range(streamOptions))
        return copy
    }

    /// Every member but `model` and `stream_options`, as written, with commas between.
    func members(_ text: Span<UInt8>) -> (Bytes, [RequestField]) {
        var fields: [RequestField] = []
        let members = Bytes(capacity: text.count) { builder in
            for key in tape.keys(of: 0) {
                let value = key + 1
                if value != model && value != streamOptions {
                    if builder.count > 0 { builder.append(",") }
                    let shift = builder.count - tape.range(key).lowerBound
                    builder.append(text.extracting(tape.range(key).lowerBound..<tape.range(value).upperBound))
                    fields.append(RequestField(key: tape.content(key) + shift, value: tape.range(value) + shift))
                }
            }
        }
        return (members, fields)
    }
}

extension Range<Int> {
    /// The range, moved by `offset`.
    static func + (range: Range<Int>, offset: Int) -> Range<Int> {
        (range.lowerBound + offset)..<(range.upperBound + offset)
    }
}
