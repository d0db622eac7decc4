import HedgeCore
import HedgeJSON

/// What sets whole answers that are no chat completions apart, such as embeddings.
protocol WholeAnswerTranslator: Sendable {
    /// Takes the answer, which the tape has just scanned, and appends what it amounts to, `completed` included.
    mutating func takeAnswer(
        _ text: Span<UInt8>, _ tape: JSONTape, into output: inout DecodedOutput
    ) -> TranslationStep
}

/// Reads a response that is one JSON text, or an error.
struct WholeAnswerReader<Translator: WholeAnswerTranslator>: BodyReader {
    var context: AnswerContext
    var body = AnswerBody(.none)
    let tape = JSONTape()
    private var translator: Translator

    init(_ translator: Translator, endpoint: Endpoint) {
        self.translator = translator
        context = AnswerContext(endpoint: endpoint)
    }

    mutating func takeAnswer(_ text: Span<UInt8>, _ output: inout DecodedOutput) {
        switch translator.takeAnswer(text, tape, into: &output) {
        case .completed: body.end()
        case .goOn: return
        case .failed(let node): fail(node, of: text, &output)
        case .broken(let kind, let detail): fail(kind, "\(detail)", &output)
        case .malformed(let detail): fail(.malformed, "\(detail)", &output)
        }
    }
}

/// Embeddings of OpenAI and compatible providers: passed on as they are, once they are seen to be whole.
struct OpenAIEmbeddings: WholeAnswerTranslator {
    /// How many vectors were asked for; nil when that is not known.
    let count: Int?

    mutating func takeAnswer(
        _ text: Span<UInt8>, _ tape: JSONTape, into output: inout DecodedOutput
    ) -> TranslationStep {
        guard tape.kind(0) == .object else { return .malformed("the answer is not an object") }
        if let error = tape.member("error", of: 0, in: text), tape.kind(error) != .null { return .failed(node: error) }
        guard let data = tape.member("data", of: 0, in: text), tape.kind(data) == .array else {
            return .malformed("the answer has no vectors")
        }
        if let count, tape.elementCount(data) != count {
            return .malformed("the answer has another number of vectors than was asked for")
        }
        let start = output.text.count
        output.text.append(text, text.significant ?? 0..<text.count)
        output.events.append(.chunk(start..<output.text.count, isOutput: true))
        if let usage = tape.member("usage", of: 0, in: text),
            let prompt = TokenCounts.read("prompt_tokens", of: usage, tape, text)
        {
            output.events.append(.usage(Usage(promptTokens: prompt, completionTokens: 0)))
        }
        output.events.append(.completed)
        return .completed
    }
}
