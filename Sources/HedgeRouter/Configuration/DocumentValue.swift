import HedgeJSON

/// A JSON document as a tree of values, members in the order they were written.
///
/// Configuration is read once and is small, so that a plain tree is worth more than the speed of a borrowed one: it
/// can be walked twice, kept for tests and written back.
indirect enum DocumentValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    case array([DocumentValue])
    case object([Member])

    /// One name and its value; names are unique within an object.
    struct Member: Hashable, Sendable {
        var name: String
        var value: DocumentValue

        init(_ name: String, _ value: DocumentValue) {
            self.name = name
            self.value = value
        }
    }

    /// The value's JSON type, as messages call it.
    var typeName: String {
        switch self {
        case .null: "null"
        case .boolean: "a boolean"
        case .integer, .number: "a number"
        case .text: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    var isNull: Bool { self == .null }
}

extension DocumentValue {
    /// Limits of a configuration document: far more than any needs.
    static let limits = JSONLimits(bytes: 16 << 20, depth: 64)

    /// Reads JSON text.
    static func parse(_ text: Span<UInt8>) throws(JSONParseError) -> DocumentValue {
        DocumentValue(try JSONDocument.parse(text, limits: limits).root)
    }

    private init(_ value: JSONValue) {
        switch value.kind {
        case .null: self = .null
        case .false: self = .boolean(false)
        case .true: self = .boolean(true)
        case .integer: self = .integer(value.integer ?? 0)
        case .real: self = .number(value.number ?? 0)
        case .string: self = .text(value.string ?? "")
        case .array: self = .array(value.elements.map { DocumentValue($0) })
        case .object: self = .object(value.members.map { Member($0.key, DocumentValue($0.value)) })
        }
    }
}

/// Writes a ``DocumentValue`` as JSON text.
struct DocumentWriter {
    private var output: [UInt8] = []
    private let indent: Int?

    /// The text of `value` on one line.
    static func compact(_ value: DocumentValue) -> [UInt8] {
        var writer = DocumentWriter(indent: nil)
        writer.write(value, depth: 0)
        return writer.output
    }

    /// The text of `value` with two spaces per level and a final newline.
    static func pretty(_ value: DocumentValue) -> [UInt8] {
        var writer = DocumentWriter(indent: 2)
        writer.write(value, depth: 0)
        writer.output.append(UInt8(ascii: "\n"))
        return writer.output
    }

    private init(indent: Int?) {
        self.indent = indent
    }

    private mutating func write(_ value: DocumentValue, depth: Int) {
        switch value {
        case .null: output += "null".utf8
        case .boolean(let flag): output += (flag ? "true" : "false").utf8
        case .integer(let integer): output += String(integer).utf8
        case .number(let number): output += Self.text(of: number).utf8
        case .text(let text): write(text)
        case .array(let values):
            write(values, open: "[", close: "]", depth: depth) { writer, value in
                writer.write(value, depth: depth + 1)
            }
        case .object(let members):
            write(members, open: "{", close: "}", depth: depth) { writer, member in
                writer.write(member.name)
                writer.output += (writer.indent == nil ? ":" : ": ").utf8
                writer.write(member.value, depth: depth + 1)
            }
        }
    }

    private mutating func write<Element>(
        _ elements: [Element], open: String, close: String, depth: Int, each: (inout DocumentWriter, Element) -> Void
    ) {
        output += open.utf8
        for (index, element) in elements.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            startLine(depth: depth + 1)
            each(&self, element)
        }
        if !elements.isEmpty { startLine(depth: depth) }
        output += close.utf8
    }

    private mutating func startLine(depth: Int) {
        guard let indent else { return }
        output.append(UInt8(ascii: "\n"))
        output += [UInt8](repeating: UInt8(ascii: " "), count: indent &* depth)
    }

    private mutating func write(_ text: String) {
        JSONWriter.appendQuoted(text, to: &output)
    }

    /// The shortest text of `number`, without a fraction where it is whole.
    static func text(of number: Double) -> String {
        guard number.isFinite else { return "null" }
        if let integer = Int64(exactly: number) { return String(integer) }
        return number.description
    }
}
