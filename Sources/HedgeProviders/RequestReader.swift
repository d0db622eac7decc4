import HedgeJSON

/// Checks a scanned request document and takes it apart.
struct RequestReader {
    let tape: JSONTape

    /// Checks the shape of everything that routing depends on.
    func check(_ text: Span<UInt8>, _ operation: Operation) throws(RequestError) {
        guard tape.kind(0) == .object else { throw mismatch(0, "", "an object") }
        switch operation {
        case .chat, .messages: try checkMessages(text)
        case .embeddings, .responses: try checkInput(text)
        }
        guard operation == .chat else { return }
        for (key, kind, expected) in Self.shapes {
            guard let node = tape.member(key, of: 0, in: text), tape.kind(node) != .null else { continue }
            guard tape.kind(node) == kind else { throw mismatch(node, "\(key)", expected) }
        }
        if let node = tape.member("n", of: 0, in: text), tape.kind(node) != .null {
            guard tape.kind(node) == .integer else { throw mismatch(node, "n", "an integer") }
            guard let n = tape.integer(node, in: text), n >= 1 else {
                throw RequestError(path: "n", message: "n must be at least 1")
            }
        }
    }

    private static let shapes: [(StaticString, JSONKind, StaticString)] = [
        ("stream_options", .object, "an object"),
        ("tools", .array, "an array"),
    ]

    private func checkInput(_ text: Span<UInt8>) throws(RequestError) {
        guard let input = tape.member("input", of: 0, in: text) else {
            throw RequestError(path: "input", message: "input is required")
        }
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
        guard let messages = tape.member("messages", of: 0, in: text) else {
            throw RequestError(path: "messages", message: "messages is required")
        }
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
        guard let node = tape.member("model", of: 0, in: text) else {
            throw RequestError(path: "model", message: "model is required")
        }
        guard let model = tape.string(node, in: text) else { throw mismatch(node, "model", "a string") }
        guard !model.isEmpty else { throw RequestError(path: "model", message: "model must not be empty") }
        return model
    }

    func isStream(_ text: Span<UInt8>) throws(RequestError) -> Bool {
        try boolean(tape.member("stream", of: 0, in: text), "stream")
    }

    func wantsUsage(_ text: Span<UInt8>) throws(RequestError) -> Bool {
        guard let options = tape.member("stream_options", of: 0, in: text) else { return false }
        return try boolean(tape.member("include_usage", of: options, in: text), "stream_options.include_usage")
    }

    /// True, or false, null and absent.
    private func boolean(_ node: Int?, _ path: String) throws(RequestError) -> Bool {
        guard let node else { return false }
        switch tape.kind(node) {
        case .true: return true
        case .false, .null: return false
        default: throw mismatch(node, path, "a boolean")
        }
    }

    func size(of key: StaticString, _ text: Span<UInt8>) -> Int {
        tape.member(key, of: 0, in: text).map { tape.range($0).count } ?? 0
    }

    func streamOptions(_ text: Span<UInt8>) -> [UInt8]? {
        guard let node = tape.member("stream_options", of: 0, in: text), tape.kind(node) == .object else { return nil }
        var copy: [UInt8] = []
        copy.append(text, tape.range(node))
        return copy
    }

    /// Every member but `model` and `stream_options`, as written, with commas between.
    func members(_ text: Span<UInt8>) -> (Bytes, [RequestField]) {
        var fields: [RequestField] = []
        let members = Bytes(capacity: text.count) { builder in
            var key = 1
            let end = tape.next(0)
            while key < end {
                let value = key + 1
                if !tape.isString(key, "model", in: text) && !tape.isString(key, "stream_options", in: text) {
                    if builder.count > 0 { builder.append(",") }
                    let shift = builder.count - tape.range(key).lowerBound
                    builder.append(text.extracting(tape.range(key).lowerBound..<tape.range(value).upperBound))
                    fields.append(RequestField(key: tape.content(key) + shift, value: tape.range(value) + shift))
                }
                key = tape.next(value)
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
