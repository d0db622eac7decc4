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
