import HedgeJSON

/// Makes one `chat.completion` of the chunks of a stream, as the provider would have answered without streaming.
///
/// Members it does not know stay: texts that come in pieces are joined, lists grow, of everything else the last value
/// counts. Only what pads the chunks of a stream to a random length has no place in an answer.
struct ChunkAssembler {
    /// Padding, by the names of OpenAI and Mistral.
    private static let padding: Set<String> = ["obfuscation", "p"]

    private let tape = JSONTape()
    private var root = AssemblyNode(.object)

    /// Adds a chunk; false if it is no object.
    mutating func take(_ chunk: Span<UInt8>) -> Bool {
        guard (try? tape.scan(chunk, limits: .stream)) != nil, tape.kind(0) == .object else { return false }
        root.merge(0, name: "", tape, chunk)
        return true
    }

    /// Appends the answer.
    func append(to bytes: inout [UInt8]) {
        bytes.append("{")
        var isFirst = true
        for (name, node) in zip(root.names, root.children) where !Self.padding.contains(name) {
            Self.key(name, isFirst: &isFirst, &bytes)
            switch name {
            case "object": bytes.append("\"chat.completion\"")
            case "choices":
                bytes.append("[")
                for (index, choice) in node.children.enumerated() {
                    if index > 0 { bytes.append(",") }
                    Self.append(choice: choice, to: &bytes)
                }
                bytes.append("]")
            default: node.append(to: &bytes)
            }
        }
        bytes.append("}")
    }

    private static func key(_ name: String, isFirst: inout Bool, _ bytes: inout [UInt8]) {
        if !isFirst { bytes.append(",") }
        isFirst = false
        JSONWriter.appendQuoted(name, to: &bytes)
        bytes.append(":")
    }

    private static func append(choice: AssemblyNode, to bytes: inout [UInt8]) {
        bytes.append("{")
        var isFirst = true
        for (name, node) in zip(choice.names, choice.children) {
            key(name == "delta" ? "message" : name, isFirst: &isFirst, &bytes)
            name == "delta" ? append(message: node, to: &bytes) : node.append(to: &bytes)
        }
        if choice.child("logprobs") == nil {
            key("logprobs", isFirst: &isFirst, &bytes)
            bytes.append("null")
        }
        bytes.append("}")
    }

    private static func append(message: AssemblyNode, to bytes: inout [UInt8]) {
        let calls = message.child("tool_calls")
        let isAnswerless = calls != nil || message.child("function_call") != nil
        bytes.append("{")
        var isFirst = true
        for (name, node) in zip(message.names, message.children) where name != "obfuscation" {
            key(name, isFirst: &isFirst, &bytes)
            switch name {
            case "content" where isAnswerless && node.isEmptyText: bytes.append("null")
            case "tool_calls":
                bytes.append("[")
                for (index, call) in node.children.enumerated() {
                    if index > 0 { bytes.append(",") }
                    call.append(without: "index", to: &bytes)
                }
                bytes.append("]")
            default: node.append(to: &bytes)
            }
        }
        for name in ["content", "refusal"] where message.child(name) == nil {
            key(name, isFirst: &isFirst, &bytes)
            bytes.append("null")
        }
        bytes.append("}")
    }
}

/// A value under assembly; a class, so that texts grow in place.
final class AssemblyNode {
    enum Kind {
        case object
        case array
        /// The inside of a string.
        case text
        /// Anything else, as it is written.
        case scalar
    }

    private(set) var kind: Kind
    private(set) var names: [String] = []
    private(set) var children: [AssemblyNode] = []
    private var bytes: [UInt8] = []

    init(_ kind: Kind) {
        self.kind = kind
    }

    /// Texts that come in pieces.
    private static let pieces: Set<String> = [
        "content", "reasoning_content", "reasoning", "refusal", "arguments", "data", "transcript", "thinking",
    ]

    var isEmptyText: Bool { kind == .text && bytes.isEmpty }

    func child(_ name: String) -> AssemblyNode? {
        names.firstIndex(of: name).map { children[$0] }
    }

    /// Takes over the value at a node of the tape.
    func merge(_ node: Int, name: String, _ tape: JSONTape, _ text: Span<UInt8>) {
        switch tape.kind(node) {
        case .object:
            reset(to: .object)
            var key = node + 1
            while key < tape.next(node) {
                mergeMember(key, tape, text)
                key = tape.next(key + 1)
            }
        case .array:
            reset(to: .array)
            var element = node + 1
            while element < tape.next(node) {
                mergeElement(element, tape, text)
                element = tape.next(element)
            }
        case .string:
            if kind != .text || !Self.pieces.contains(name) { reset(to: .text, isNew: true) }
            bytes.append(text, tape.content(node))
        case .null:
            // What is known already stays.
            return
        default:
            reset(to: .scalar, isNew: true)
            bytes.append(text, tape.range(node))
        }
    }

    private func reset(to kind: Kind, isNew: Bool = false) {
        guard isNew || kind != self.kind else { return }
        self.kind = kind
        names = []
        children = []
        bytes = []
    }

    private func mergeMember(_ key: Int, _ tape: JSONTape, _ text: Span<UInt8>) {
        let name = text.text(tape.content(key))
        let child: AssemblyNode
        if let known = self.child(name) {
            child = known
        } else {
            child = AssemblyNode(.scalar)
            child.bytes = Array("null".utf8)
            names.append(name)
            children.append(child)
        }
        child.merge(key + 1, name: name, tape, text)
    }

    /// Elements with an `index` are told apart by it; others follow one another.
    private func mergeElement(_ element: Int, _ tape: JSONTape, _ text: Span<UInt8>) {
        let index = tape.member("index", of: element, in: text).map { tape.range($0) }
        if let index, let known = children.first(where: { $0.isIndex(index, text) }) {
            return known.merge(element, name: "", tape, text)
        }
        let child = AssemblyNode(.scalar)
        child.bytes = Array("null".utf8)
        children.append(child)
        child.merge(element, name: "", tape, text)
    }

    private func isIndex(_ range: Range<Int>, _ text: Span<UInt8>) -> Bool {
        guard let index = child("index") else { return false }
        return text.isEqual(range, index.bytes)
    }

    func append(to output: inout [UInt8]) {
        switch kind {
        case .object: append(without: nil, to: &output)
        case .array:
            output.append("[")
            for (index, child) in children.enumerated() {
                if index > 0 { output.append(",") }
                child.append(to: &output)
            }
            output.append("]")
        case .text:
            output.append("\"")
            output.append(contentsOf: bytes)
            output.append("\"")
        case .scalar: output.append(contentsOf: bytes)
        }
    }

    /// Appends an object without one of its members.
    func append(without left: String?, to output: inout [UInt8]) {
        output.append("{")
        var isFirst = true
        for (name, child) in zip(names, children) where name != left {
            if !isFirst { output.append(",") }
            isFirst = false
            JSONWriter.appendQuoted(name, to: &output)
            output.append(":")
            child.append(to: &output)
        }
        output.append("}")
    }
}

/// Reads a stream and gives one whole answer, telling of output as it comes.
final class AssemblingDecoder: ResponseDecoder, SeededDecoder {
    private let inner: BodyDecoder<OpenAIReader>
    private var assembler = ChunkAssembler()
    private var buffer = DecodedOutput()

    init(_ inner: BodyDecoder<OpenAIReader>) {
        self.inner = inner
    }

    var seed: UInt64 {
        get { inner.seed }
        set { inner.seed = newValue }
    }

    func begin(_ head: ResponseHead) {
        inner.begin(head)
    }

    func decode(_ bytes: Span<UInt8>, into output: inout DecodedOutput) {
        inner.decode(bytes, into: &buffer)
        take(&output)
    }

    func end(into output: inout DecodedOutput) {
        inner.end(into: &buffer)
        take(&output)
    }

    private func take(_ output: inout DecodedOutput) {
        var buffer = exchange(&self.buffer, with: DecodedOutput())
        for event in buffer.events {
            switch event {
            case .chunk(let range, let isOutput):
                _ = assembler.take(buffer.text.span.extracting(range))
                if isOutput { output.events.append(.progress) }
            case .completed:
                let start = output.text.count
                assembler.append(to: &output.text)
                output.events.append(.chunk(start..<output.text.count, isOutput: true))
                output.events.append(.completed)
            case .usage, .failed, .progress:
                output.events.append(event)
            }
        }
        buffer.removeAll()
        self.buffer = buffer
    }
}
