import HedgeJSON

/// The texts in a list of content parts, or in one part that stands alone, as places of string contents.
struct ContentParts {
    private(set) var text: [Range<Int>] = []
    private(set) var thinking: [Range<Int>] = []

    init(_ node: Int, _ tape: JSONTape, _ source: Span<UInt8>) {
        guard tape.kind(node) == .array else {
            append(node, tape, source)
            return
        }
        var part = node + 1
        while part < tape.next(node) {
            append(part, tape, source)
            part = tape.next(part)
        }
    }

    private mutating func append(_ part: Int, _ tape: JSONTape, _ source: Span<UInt8>) {
        if tape.kind(part) == .string {
            text.append(tape.content(part))
        } else if let node = tape.member("text", of: part, in: source) {
            text.append(tape.content(node))
        } else if let node = tape.member("thinking", of: part, in: source) {
            appendThinking(node, tape, source)
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

    /// Whether there are none at all, not even empty ones.
    var isEmpty: Bool { text.isEmpty && thinking.isEmpty }

    /// Whether any of the texts is not empty.
    var hasText: Bool {
        text.contains { !$0.isEmpty } || thinking.contains { !$0.isEmpty }
    }

    /// Appends texts as one string, as they are written: escapes in them stay escapes.
    static func append(_ texts: [Range<Int>], of source: Span<UInt8>, to bytes: inout [UInt8]) {
        bytes.append("\"")
        for range in texts { bytes.append(source, range) }
        bytes.append("\"")
    }
}

extension ChunkEditor {
    /// Makes `content` a text where it is another value: of a list of parts, as Mistral sends it, `content` and with it
    /// `reasoning_content` if there is any. Returns whether there is text.
    mutating func correctContent(_ node: Int, _ tape: JSONTape, _ source: Span<UInt8>) -> Bool {
        guard tape.kind(node) == .array || tape.kind(node) == .object else { return correctText(node, tape, source) }
        let parts = ContentParts(node, tape, source)
        guard !parts.thinking.isEmpty else { return correctText(node, tape, source) }
        replace(tape.range(node)) {
            ContentParts.append(parts.text, of: source, to: &$0)
            $0.append(",\"reasoning_content\":")
            ContentParts.append(parts.thinking, of: source, to: &$0)
        }
        return parts.hasText
    }

    /// Makes a text of another value, as OpenAI's types have it: the texts of parts, and of what has none its JSON.
    /// Returns whether there is text; null and strings stay.
    mutating func correctText(_ node: Int, _ tape: JSONTape, _ source: Span<UInt8>) -> Bool {
        let range = tape.range(node)
        switch tape.kind(node) {
        case .null: return false
        case .string: return range.count > 2
        case .array, .object:
            let parts = ContentParts(node, tape, source)
            guard parts.isEmpty, !tape.isEmptyContainer(node) else {
                replace(range) { ContentParts.append(parts.text + parts.thinking, of: source, to: &$0) }
                return parts.hasText
            }
        case .true, .false, .integer, .real: break
        }
        replace(range) { JSONWriter.appendQuoted(source.extracting(range), to: &$0) }
        return true
    }
}
