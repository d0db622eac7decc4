import HedgeCore
import HedgeJSON

/// Reads one response of an OpenAI-compatible endpoint, whether it streams, answers whole or fails.
struct OpenAIReader: EventReader, SeededReader {
    var seed = IdentifierSource.freshSeed()
    var context: AnswerContext
    var body: AnswerBody
    var parser = EventStreamParser()
    let tape: JSONTape
    private let isStream: Bool
    private var normalizer: ChunkNormalizer

    init(endpoint: Endpoint, isStream: Bool, wantsUsage: Bool) {
        self.isStream = isStream
        context = AnswerContext(endpoint: endpoint)
        body = AnswerBody(isStream ? .events : .none)
        tape = JSONTape()
        normalizer = ChunkNormalizer(tape: tape, model: endpoint.model, wantsUsage: wantsUsage)
    }

    mutating func begin() {
        normalizer.begin(now: context.head.receivedAt ?? 0, seed: seed)
    }

    // MARK: Events

    mutating func take(
        _ name: EventStreamParser.Name, _ data: Span<UInt8>, isCut: Bool, _ output: inout DecodedOutput
    ) {
        if data.hasPrefix("[DONE]") { return complete(isDone: true, &output) }
        if name != .error, normalizer.takeRepeated(data, into: &output) { return }
        do {
            try tape.scan(data, limits: .stream)
        } catch {
            if name == .error { return failPlain(data, &output) }
            // Events of other names need not be JSON.
            if name == .other { return }
            if isCut { return fail(.truncated, "the stream ended inside an event", &output) }
            return fail(.malformed, "an event is not valid JSON: \(error.message)", &output)
        }
        if name == .error { return fail(0, of: data, &output) }
        takeChunk(data, &output)
    }

    mutating func endEvents(_ output: inout DecodedOutput) {
        complete(isDone: false, &output)
    }

    /// Takes a scanned chunk.
    private mutating func takeChunk(_ data: Span<UInt8>, _ output: inout DecodedOutput) {
        judge(normalizer.take(data, into: &output), data, &output)
    }

    private mutating func judge(
        _ outcome: ChunkNormalizer.Outcome, _ text: Span<UInt8>, _ output: inout DecodedOutput
    ) {
        switch outcome {
        case .taken: return
        case .malformed(let detail): fail(.malformed, "\(detail)", &output)
        case .failed(let node):
            guard node >= 0 else { return fail(.server, "the provider ended generation with an error", &output) }
            fail(node, of: text, &output)
        }
    }

    private mutating func complete(isDone: Bool, _ output: inout DecodedOutput) {
        if normalizer.finish(isDone: isDone, into: &output) {
            body.end()
            output.events.append(.completed)
        } else if isDone {
            fail(.malformed, "the stream ended without any chunk", &output)
        } else {
            fail(.truncated, "the stream ended before its terminal", &output)
        }
    }

    // MARK: Whole answers

    mutating func takeAnswer(_ text: Span<UInt8>, _ output: inout DecodedOutput) {
        if isStream { return replay(text, &output) }
        var reader = AnswerReader(
            tape: tape, model: context.endpoint.model, now: context.head.receivedAt ?? 0, seed: seed)
        let outcome = reader.give(text, into: &output)
        guard case .taken = outcome else { return judge(outcome, text, &output) }
        body.end()
        output.events.append(.completed)
    }

    /// Gives a whole answer to a request that streams as the chunks it would have been.
    private mutating func replay(_ answer: Span<UInt8>, _ output: inout DecodedOutput) {
        if let defect = AnswerReader.defect(answer, tape) { return fail(.malformed, "\(defect)", &output) }
        var chunk = AnswerReader.chunk(answer.extracting(answer.significant ?? 0..<0), tape)
        chunk.joinLines()
        guard (try? tape.scan(chunk.span, limits: JSONLimits(bytes: .max, depth: 256))) != nil else {
            return fail(.internal, "a whole answer could not be turned into chunks", &output)
        }
        takeChunk(chunk.span, &output)
        if !body.hasEnded { complete(isDone: true, &output) }
    }
}
