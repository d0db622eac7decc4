import HedgeJSON

/// The texts in a content list, as places of string contents.
struct ContentParts {
    private(set) var text: [Range<Int>] = []
    private(set) var thinking: [Range<Int>] = []

    init(_ array: Int, _ tape: JSONTape, _ source: Span<UInt8>) {
        var part = array + 1
        while part < tape.next(array) {
            if tape.kind(part) == .string {
                text.append(tape.content(part))
            } else if let node = tape.member("text", of: part, in: source) {
                text.append(tape.content(node))
            } else if let node = tape.member("thinking", of: part, in: source) {
                appendThinking(node, tape, source)
            }
            part = tape.next(part)
        }
    }

    /// A string, or a list of text parts.
    private mutating func appendThinking(_ node: Int, _ tape: JSONTape, _ source: Span<UInt8>) {
        guard tape.kind(node) == .array else { return thinking.append(tape.content(node)) }
        var part = node + 1
        while part < tape.next(node) {
            if let inner = tape.member("text", of: part, in: source) { thinking.append(tape.content(inner)) }
            part = tape.next(part)
        }
    }

    /// Whether any of the texts is not empty.
    var hasText: Bool {
        text.contains { !$0.isEmpty } || thinking.contains { !$0.isEmpty }
    }

    /// Appends the value of `content`, and with it `reasoning_content` if there is any.
    ///
    /// The texts are joined as they are written: escapes in them stay escapes.
    func append(_ source: Span<UInt8>, to bytes: inout [UInt8]) {
        bytes.append("\"")
        for range in text { bytes.append(source, range) }
        bytes.append("\"")
        guard !thinking.isEmpty else { return }
        bytes.append(",\"reasoning_content\":\"")
        for range in thinking { bytes.append(source, range) }
        bytes.append("\"")
    }
}
