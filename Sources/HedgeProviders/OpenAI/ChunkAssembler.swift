import HedgeCore
import HedgeJSON

/// Makes one `chat.completion` of the chunks of a stream, as the provider would have answered without streaming.
///
/// Members it does not know stay: in choices, texts that come in pieces are joined and lists grow; of everything else the
/// last value counts. Only what pads the chunks of a stream to a random length has no place in an answer.
struct ChunkAssembler {
    /// Padding, by the names of OpenAI and Mistral.
    private static let padding: Set<String> = ["obfuscation", "p"]

    private let tape = JSONTape()
    private let root = AssemblyNode(.object)
    /// What is kept, in bytes, roughly.
    private var size = 0

    /// Adds a chunk; false if that makes the answer longer than a whole one may be.
    mutating func take(_ chunk: Span<UInt8>) -> Bool {
        guard (try? tape.scan(chunk, limits: JSONLimits(bytes: .max, depth: 256))) != nil, tape.kind(0) == .object
        else { return true }
        for key in tape.keys(of: 0) {
            let value = key + 1
            let name = chunk.text(tape.content(key))
            let member = root.member(name, &size)
            if name == "choices" {
                member.merge(value, name: name, tape, chunk, &size)
            } else if tape.kind(value) != .null {
                // Providers repeat their lists of sources with every chunk.
                member.replace(with: value, tape, chunk, &size)
            }
        }
        return size <= AnswerBody.limit
    }

    /// Appends the answer.
    func append(to bytes: inout [UInt8]) {
        bytes.append("{")
        var isFirst = true
        for (name, node) in zip(root.names, root.children) where !Self.padding.contains(name) {
            bytes.appendKey(name, isFirst: &isFirst)
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

    private static func append(choice: AssemblyNode, to bytes: inout [UInt8]) {
        bytes.append("{")
        var isFirst = true
        for (name, node) in zip(choice.names, choice.children) {
            bytes.appendKey(name == "delta" ? "message" : name, isFirst: &isFirst)
            name == "delta" ? append(message: node, to: &bytes) : node.append(to: &bytes)
        }
        if choice.child("logprobs") == nil {
            bytes.appendKey("logprobs", isFirst: &isFirst)
            bytes.append("null")
        }
        bytes.append("}")
    }

    private static func append(message: AssemblyNode, to bytes: inout [UInt8]) {
        let isAnswerless =
            message.child("tool_calls") != nil || message.child("function_call") != nil
            || message.child("refusal")?.hasText == true
        bytes.append("{")
        var isFirst = true
        for (name, node) in zip(message.names, message.children) where name != "obfuscation" {
            bytes.appendKey(name, isFirst: &isFirst)
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
            bytes.appendKey(name, isFirst: &isFirst)
            bytes.append("null")
        }
        bytes.append("}")
    }
}

/// Reads a stream and gives one whole answer, telling of output as it comes.
final class AssemblingDecoder: ResponseDecoder, SeededDecoder {
    private let inner: BodyDecoder<OpenAIReader>
    private var assembler = ChunkAssembler()
    private var buffer = DecodedOutput()
    private var hasEnded = false

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
        guard !hasEnded else { return }
        inner.decode(bytes, into: &buffer)
        take(&output)
    }

    func end(into output: inout DecodedOutput) {
        guard !hasEnded else { return }
        inner.end(into: &buffer)
        take(&output)
    }

    private func take(_ output: inout DecodedOutput) {
        var buffer = exchange(&self.buffer, with: DecodedOutput())
        for event in buffer.events {
            switch event {
            case .chunk(let range, let isOutput):
                guard assembler.take(buffer.text.span.extracting(range)) else {
                    hasEnded = true
                    let failure = ProviderFailure(
                        kind: .malformed, httpStatus: 200, detail: "the answer is longer than 64 MiB")
                    return output.events.append(.failed(failure))
                }
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
