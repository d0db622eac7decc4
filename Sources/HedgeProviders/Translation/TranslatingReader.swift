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
final class TranslatingDecoder<Translator: AnswerTranslator>: ResponseDecoder, SeededDecoder {
    private enum Mode {
        /// Whether the body is events or one JSON text shows at its first byte.
        case undecided
        case events
        case wholeAnswer
        case errorAnswer
        case ended
    }

    var seed = IdentifierSource.freshSeed()

    private var context: AnswerContext
    private let expectsEvents: Bool
    private var mode = Mode.undecided
    private var parser = EventStreamParser()
    private var body: [UInt8] = []
    private let tape = JSONTape()
    private var translator: Translator
    private var builder: ChunkBuilder

    /// `expectsEvents` tells whether the provider was asked to stream; what the caller asked is the builder's.
    init(_ translator: Translator, _ builder: ChunkBuilder, endpoint: Endpoint, expectsEvents: Bool) {
        self.translator = translator
        self.builder = builder
        self.expectsEvents = expectsEvents
        context = AnswerContext(endpoint: endpoint)
        self.builder.reportsProgress = expectsEvents && !builder.isStream
    }

    func begin(_ head: ResponseHead) {
        context.head = head
        builder.begin(now: head.receivedAt ?? 0, seed: seed)
        mode = context.isSuccess ? .undecided : .errorAnswer
    }

    func decode(_ bytes: Span<UInt8>, into output: inout DecodedOutput) {
        switch mode {
        case .undecided: decide(bytes, &output)
        case .events: readEvents(bytes, &output)
        case .wholeAnswer: collect(bytes, &output)
        case .errorAnswer:
            body.append(bytes, 0..<max(0, min(bytes.count, OpenAIReader.errorBodyLimit - body.count)))
        case .ended: return
        }
    }

    func end(into output: inout DecodedOutput) {
        switch mode {
        case .undecided: fail(context.failure(.truncated, "the answer is empty"), &output)
        case .events: endEvents(&output)
        case .wholeAnswer: endWholeAnswer(&output)
        case .errorAnswer: endErrorAnswer(&output)
        case .ended: return
        }
    }

    private func endErrorAnswer(_ output: inout DecodedOutput) {
        let answer = body
        fail(context.failure(errorAnswer: answer.span, tape), &output)
    }

    private func decide(_ bytes: Span<UInt8>, _ output: inout DecodedOutput) {
        guard let first = bytes.firstSignificant else { return }
        if context.isCompressed || bytes[first] == 0x1F {
            let detail = "the answer is compressed although that was not asked for"
            return fail(context.failure(.malformed, detail), &output)
        }
        let isJSON = bytes[first] == UInt8(ascii: "{") || bytes[first] == UInt8(ascii: "[")
        mode = isJSON || !expectsEvents ? .wholeAnswer : .events
        // White space before it counts as little when it comes in the same piece as when it came in one of its own.
        decode(bytes.extracting(first..<bytes.count), into: &output)
    }

    // MARK: Events

    private func readEvents(_ bytes: Span<UInt8>, _ output: inout DecodedOutput) {
        parser.startInput()
        var position = 0
        while mode == .events {
            switch parser.next(bytes, &position) {
            case .needMore: return
            case .event(let name, .input(let range)): take(name, bytes.extracting(range), &output)
            case .event(let name, .stored): takeStored(name, &output)
            case .errorField: takeStored(.error, &output)
            case .tooLong: fail(context.failure(.malformed, "an event is longer than 16 MiB"), &output)
            }
        }
    }

    private func endEvents(_ output: inout DecodedOutput) {
        switch parser.finish() {
        case .event(let name, .stored): takeStored(name, &output, isCut: true)
        case .errorField: takeStored(.error, &output)
        case .tooLong: fail(context.failure(.malformed, "an event is longer than 16 MiB"), &output)
        case .needMore, .event: break
        }
        guard mode == .events else { return }
        let stray = parser.stray
        if !translator.mayEnd(builder), (try? tape.scan(stray.span, limits: .stream)) != nil {
            take(translator.takeEvent(stray.span, tape, &builder, into: &output), stray.span, &output)
            guard mode == .events else { return }
        }
        guard translator.mayEnd(builder) else {
            return fail(context.failure(.truncated, "the stream ended before its terminal"), &output)
        }
        complete(&output)
    }

    private func takeStored(_ name: EventStreamParser.Name, _ output: inout DecodedOutput, isCut: Bool = false) {
        var data = parser.takeData()
        // Between tokens a line break is white space, and strings have none.
        for place in data.indices where data[place] == 0x0A || data[place] == 0x0D { data[place] = 0x20 }
        take(name, data.span, &output, isCut: isCut)
        parser.giveBack(consume data)
    }

    /// Takes one event's data; `isCut` tells that the body ended before the event did.
    private func take(
        _ name: EventStreamParser.Name, _ data: Span<UInt8>, _ output: inout DecodedOutput, isCut: Bool = false
    ) {
        guard let text = data.significant else { return }
        let data = data.extracting(text)
        if data.hasPrefix("[DONE]") { return }
        do {
            try tape.scan(data, limits: .stream)
        } catch {
            if name == .error {
                return fail(context.failure(ErrorFacts(status: context.head.status, plain: data)), &output)
            }
            if isCut { return fail(context.failure(.truncated, "the stream ended inside an event"), &output) }
            return fail(context.failure(.malformed, "an event is not valid JSON: \(error.message)"), &output)
        }
        if name == .error { return take(.failed(node: 0), data, &output) }
        take(translator.takeEvent(data, tape, &builder, into: &output), data, &output)
    }

    // MARK: Whole answers

    private func collect(_ bytes: Span<UInt8>, _ output: inout DecodedOutput) {
        guard bytes.count <= OpenAIReader.bodyLimit - body.count else {
            return fail(context.failure(.malformed, "the answer is longer than 64 MiB"), &output)
        }
        body.append(bytes)
    }

    private func endWholeAnswer(_ output: inout DecodedOutput) {
        let text = exchange(&body, with: [])
        do {
            try tape.scan(text.span, limits: JSONLimits(bytes: OpenAIReader.bodyLimit, depth: 256))
        } catch {
            let kind: FailureKind = error.reason == .truncated ? .truncated : .malformed
            return fail(context.failure(kind, "the answer is not valid JSON: \(error.message)"), &output)
        }
        let step = translator.takeAnswer(text.span, tape, &builder, into: &output)
        take(step, text.span, &output)
        if mode != .ended { fail(context.failure(.malformed, "the answer is not complete"), &output) }
    }

    // MARK: Ends

    private func take(_ step: TranslationStep, _ text: Span<UInt8>, _ output: inout DecodedOutput) {
        switch step {
        case .goOn: return
        case .completed: complete(&output)
        case .failed(let node):
            fail(context.failure(ErrorFacts(status: context.head.status, node: node, tape, text)), &output)
        case .broken(let kind, let detail): fail(context.failure(kind, "\(detail)"), &output)
        case .malformed(let detail): fail(context.failure(.malformed, "\(detail)"), &output)
        }
    }

    private func complete(_ output: inout DecodedOutput) {
        mode = .ended
        builder.complete(into: &output)
    }

    private func fail(_ failure: ProviderFailure, _ output: inout DecodedOutput) {
        mode = .ended
        output.events.append(.failed(failure))
    }
}
