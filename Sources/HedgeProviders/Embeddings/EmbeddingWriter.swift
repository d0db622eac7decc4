import HedgeCore
import HedgeJSON

/// Writes an embeddings answer as OpenAI defines it, of the vectors a provider of another format gives.
struct EmbeddingWriter {
    private let model: String
    private let wantsBase64: Bool
    private var text: [UInt8] = []
    private(set) var count = 0

    init(model: String, wantsBase64: Bool) {
        self.model = model
        self.wantsBase64 = wantsBase64
        text.append("{\"object\":\"list\",\"data\":[")
    }

    /// Adds the vector at a node of the tape; false if it is no list of numbers.
    mutating func add(_ node: Int, _ tape: JSONTape, _ source: Span<UInt8>) -> Bool {
        guard tape.kind(node) == .array, !tape.isEmptyContainer(node) else { return false }
        if count > 0 { text.append(",") }
        text.append("{\"object\":\"embedding\",\"index\":")
        JSONWriter.appendInteger(count, to: &text)
        text.append(",\"embedding\":")
        if wantsBase64 {
            guard let floats = Base64.quoted(node, tape, source) else { return false }
            text.append(floats.span)
        } else {
            var element = node + 1
            while element < tape.next(node) {
                guard Self.isFinite(element, tape, source) else { return false }
                element = tape.next(element)
            }
            text.append(source, tape.range(node))
        }
        text.append("}")
        count += 1
        return true
    }

    /// Whether a node is a number that a double can hold: not every reader of JSON takes another.
    private static func isFinite(_ node: Int, _ tape: JSONTape, _ source: Span<UInt8>) -> Bool {
        guard tape.kind(node) == .integer || tape.kind(node) == .real else { return false }
        let range = tape.range(node)
        // Only these can be too large, and vectors are long.
        let hasExponent = range.contains { source[$0] | 0x20 == UInt8(ascii: "e") }
        guard hasExponent || range.count > 300 else { return true }
        return tape.double(node, in: source)?.isFinite ?? false
    }

    /// Appends the whole answer as one chunk, its usage and `completed`.
    mutating func complete(promptTokens: Int?, into output: inout DecodedOutput) {
        text.append("],\"model\":")
        JSONWriter.appendQuoted(model, to: &text)
        text.append(",\"usage\":{\"prompt_tokens\":")
        JSONWriter.appendInteger(promptTokens ?? 0, to: &text)
        text.append(",\"total_tokens\":")
        JSONWriter.appendInteger(promptTokens ?? 0, to: &text)
        text.append("}}")
        let start = output.text.count
        output.text.append(text.span)
        output.events.append(.chunk(start..<output.text.count, isOutput: true))
        if let promptTokens {
            output.events.append(.usage(Usage(promptTokens: promptTokens, completionTokens: 0)))
        }
        output.events.append(.completed)
    }
}

extension Base64 {
    /// A list of numbers as OpenAI writes it: a JSON string of little-endian floats of 32 bits; nil if one of them is none.
    static func quoted(_ list: Int, _ tape: JSONTape, _ source: Span<UInt8>) -> [UInt8]? {
        var floats: [UInt8] = []
        var element = list + 1
        while element < tape.next(list) {
            guard let value = tape.double(element, in: source), Float(value).isFinite else { return nil }
            let bits = Float(value).bitPattern
            for shift in [0, 8, 16, 24] as [UInt32] { floats.append(UInt8(truncatingIfNeeded: bits >> shift)) }
            element = tape.next(element)
        }
        var text: [UInt8] = []
        text.append("\"")
        append(floats.span, to: &text)
        text.append("\"")
        return text
    }

    /// Appends bytes as Base64 with padding.
    static func append(_ bytes: Span<UInt8>, to text: inout [UInt8]) {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let first = UInt32(bytes[index]) << 16
            let second = left > 1 ? UInt32(bytes[index + 1]) << 8 : 0
            let third = left > 2 ? UInt32(bytes[index + 2]) : 0
            let bits = first | second | third
            text.append(digits[Int(bits >> 18 & 63)])
            text.append(digits[Int(bits >> 12 & 63)])
            text.append(left > 1 ? digits[Int(bits >> 6 & 63)] : UInt8(ascii: "="))
            text.append(left > 2 ? digits[Int(bits & 63)] : UInt8(ascii: "="))
            index += 3
        }
    }
}
