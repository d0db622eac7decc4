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
final class AnswerDecoder<Translator: WholeAnswerTranslator>: ResponseDecoder {
    private var context: AnswerContext
    private var translator: Translator
    private let tape = JSONTape()
    private var body: [UInt8] = []
    private var hasEnded = false

    init(_ translator: Translator, endpoint: Endpoint) {
        self.translator = translator
        context = AnswerContext(endpoint: endpoint)
    }

    func begin(_ head: ResponseHead) {
        context.head = head
    }

    func decode(_ bytes: Span<UInt8>, into output: inout DecodedOutput) {
        guard !hasEnded else { return }
        let limit = context.isSuccess ? OpenAIReader.bodyLimit : OpenAIReader.errorBodyLimit
        guard bytes.count <= limit - body.count else {
            guard context.isSuccess else { return }
            return fail(context.failure(.malformed, "the answer is longer than 64 MiB"), &output)
        }
        body.append(bytes)
    }

    func end(into output: inout DecodedOutput) {
        guard !hasEnded else { return }
        let text = exchange(&body, with: [])
        guard context.isSuccess else { return fail(context.failure(errorAnswer: text.span, tape), &output) }
        if context.isCompressed || text.first == 0x1F {
            return fail(
                context.failure(.malformed, "the answer is compressed although that was not asked for"), &output)
        }
        do {
            try tape.scan(text.span, limits: JSONLimits(bytes: OpenAIReader.bodyLimit, depth: 256))
        } catch {
            let kind: FailureKind = error.reason == .truncated ? .truncated : .malformed
            return fail(context.failure(kind, "the answer is not valid JSON: \(error.message)"), &output)
        }
        switch translator.takeAnswer(text.span, tape, into: &output) {
        case .completed: hasEnded = true
        case .goOn: fail(context.failure(.malformed, "the answer is not complete"), &output)
        case .failed(let node):
            let facts = ErrorFacts(status: context.head.status, node: node, tape, text.span)
            fail(context.failure(facts), &output)
        case .broken(let kind, let detail): fail(context.failure(kind, "\(detail)"), &output)
        case .malformed(let detail): fail(context.failure(.malformed, "\(detail)"), &output)
        }
    }

    private func fail(_ failure: ProviderFailure, _ output: inout DecodedOutput) {
        hasEnded = true
        output.events.append(.failed(failure))
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
