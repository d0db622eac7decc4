import HedgeCore
import HedgeJSON

/// What sets the answers of one wire format apart: each scanned JSON text becomes calls of a ``ChunkBuilder``.
protocol AnswerTranslator: Sendable {
    /// Takes the data of one event of a stream, which the tape has just scanned.
    mutating func takeEvent(
        _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder, into output: inout DecodedOutput
    ) -> TranslationStep

    /// Takes a whole answer, which the tape has just scanned.
    mutating func takeAnswer(
        _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder, into output: inout DecodedOutput
    ) -> TranslationStep

    /// Whether a stream that ends here is whole, for formats without a terminal of their own.
    func mayEnd(_ builder: ChunkBuilder) -> Bool
}

extension AnswerTranslator {
    /// Never: most formats have a terminal.
    func mayEnd(_ builder: ChunkBuilder) -> Bool { false }
}

/// What became of a JSON text.
enum TranslationStep {
    /// More is to come.
    case goOn
    /// The format's own terminal; the decoder gives what the builder held back.
    case completed
    /// The provider reports an error at this node of the tape.
    case failed(node: Int)
    /// The provider ended with a failure that has no error object.
    case broken(FailureKind, StaticString)
    /// The text is not what the format allows.
    case malformed(StaticString)
}

/// Reads a response whose stream is `text/event-stream` and whose texts an ``AnswerTranslator`` understands.
struct TranslatingReader<Translator: AnswerTranslator>: EventReader, SeededReader {
    var seed = IdentifierSource.freshSeed()
    var context: AnswerContext
    var body: AnswerBody
    var parser = EventStreamParser()
    let tape = JSONTape()
    private var translator: Translator
    private var builder: ChunkBuilder

    /// `expectsEvents` tells whether the provider was asked to stream; what the caller asked is the builder's.
    init(_ translator: Translator, _ builder: ChunkBuilder, endpoint: Endpoint, expectsEvents: Bool) {
        self.translator = translator
        self.builder = builder
        context = AnswerContext(endpoint: endpoint)
        body = AnswerBody(expectsEvents ? .events : .none)
        self.builder.reportsProgress = expectsEvents && !builder.isStream
    }

    mutating func begin() {
        builder.begin(now: context.head.receivedAt ?? 0, seed: seed)
    }

    mutating func take(
        _ name: EventStreamParser.Name, _ data: Span<UInt8>, isCut: Bool, _ output: inout DecodedOutput
    ) {
        guard !data.hasPrefix("[DONE]"), scan(name, data, isCut: isCut, &output) else { return }
        take(translator.takeEvent(data, tape, &builder, into: &output), data, &output)
    }

    mutating func endEvents(_ output: inout DecodedOutput) {
        let stray = parser.stray
        if !translator.mayEnd(builder), (try? tape.scan(stray.span, limits: .stream)) != nil {
            take(translator.takeEvent(stray.span, tape, &builder, into: &output), stray.span, &output)
            guard !body.hasEnded else { return }
        }
        guard translator.mayEnd(builder) else {
            return fail(.truncated, "the stream ended before its terminal", &output)
        }
        complete(&output)
    }

    mutating func takeAnswer(_ text: Span<UInt8>, _ output: inout DecodedOutput) {
        take(translator.takeAnswer(text, tape, &builder, into: &output), text, &output)
    }

    private mutating func take(_ step: TranslationStep, _ text: Span<UInt8>, _ output: inout DecodedOutput) {
        if let excess = builder.excess { return fail(.malformed, "\(excess)", &output) }
        switch step {
        case .goOn: return
        case .completed: complete(&output)
        case .failed(let node): fail(node, of: text, &output)
        case .broken(let kind, let detail): fail(kind, "\(detail)", &output)
        case .malformed(let detail): fail(.malformed, "\(detail)", &output)
        }
    }

    private mutating func complete(_ output: inout DecodedOutput) {
        body.end()
        builder.complete(into: &output)
    }
}
