import HedgeCore
import HedgeJSON

/// Reads one response of an OpenAI-compatible endpoint, whether it streams, answers whole or fails.
final class OpenAIDecoder: ResponseDecoder, SeededDecoder {
    // One struct, so that each call makes one checked access to the class's storage and no more.
    private var reader: OpenAIReader

    init(endpoint: Endpoint, isStream: Bool, wantsUsage: Bool) {
        reader = OpenAIReader(endpoint: endpoint, isStream: isStream, wantsUsage: wantsUsage)
    }

    var seed: UInt64 {
        get { reader.seed }
        set { reader.seed = newValue }
    }

    func begin(_ head: ResponseHead) {
        reader.begin(head)
    }

    func decode(_ bytes: Span<UInt8>, into output: inout DecodedOutput) {
        reader.decode(bytes, into: &output)
    }

    func end(into output: inout DecodedOutput) {
        reader.end(into: &output)
    }
}

/// A decoder that makes up identifiers, from a seed that replays set.
protocol SeededDecoder: AnyObject {
    var seed: UInt64 { get set }
}

/// What ``OpenAIDecoder`` does, as a value.
struct OpenAIReader {
    /// Longest whole answer.
    static let bodyLimit = 64 << 20
    /// How much of an error answer is read; the rest has nothing to tell.
    static let errorBodyLimit = 1 << 20

    private enum Mode {
        /// Whether a 200 to a stream request is events or one JSON text shows at its first byte.
        case undecided
        case events
        case wholeAnswer
        case errorAnswer
        case ended
    }

    var seed = IdentifierSource.freshSeed()

    private let endpoint: Endpoint
    private let isStream: Bool
    private var head = ResponseHead(status: 200)
    private var mode: Mode
    private var parser = EventStreamParser()
    private var body: [UInt8] = []
    private var isCompressed = false
    private let tape: JSONTape
    private var normalizer: ChunkNormalizer

    init(endpoint: Endpoint, isStream: Bool, wantsUsage: Bool) {
        self.endpoint = endpoint
        self.isStream = isStream
        tape = JSONTape()
        normalizer = ChunkNormalizer(tape: tape, model: endpoint.model, wantsUsage: wantsUsage)
        mode = isStream ? .undecided : .wholeAnswer
    }

    mutating func begin(_ head: ResponseHead) {
        self.head = head
        normalizer.begin(now: head.receivedAt ?? 0, seed: seed)
        if !(200...299).contains(head.status) { mode = .errorAnswer }
        let encoding = HeaderLines(head.rawHeaders).value("content-encoding")?.lowercased()
        isCompressed = encoding.map { !$0.isEmpty && $0 != "identity" } ?? false
    }

    mutating func decode(_ bytes: Span<UInt8>, into output: inout DecodedOutput) {
        switch mode {
        case .undecided: decide(bytes, &output)
        case .events: readEvents(bytes, &output)
        case .wholeAnswer: collect(bytes, &output)
        case .errorAnswer: body.append(bytes, 0..<max(0, min(bytes.count, Self.errorBodyLimit - body.count)))
        case .ended: return
        }
    }

    mutating func end(into output: inout DecodedOutput) {
        switch mode {
        case .undecided: fail(.truncated, "the stream ended before its first event", &output)
        case .events: endEvents(&output)
        case .wholeAnswer: endWholeAnswer(&output)
        case .errorAnswer: endErrorAnswer(&output)
        case .ended: return
        }
    }

    // MARK: Events

    private mutating func decide(_ bytes: Span<UInt8>, _ output: inout DecodedOutput) {
        guard let first = bytes.firstSignificant else { return }
        if isCompressed || bytes[first] == 0x1F {
            return fail(.malformed, "the answer is compressed although that was not asked for", &output)
        }
        let isJSON = bytes[first] == UInt8(ascii: "{") || bytes[first] == UInt8(ascii: "[")
        mode = isJSON ? .wholeAnswer : .events
        // White space before it counts as little when it comes in the same piece as when it came in one of its own.
        decode(bytes.extracting(first..<bytes.count), into: &output)
    }

    private mutating func readEvents(_ bytes: Span<UInt8>, _ output: inout DecodedOutput) {
        parser.startInput()
        var position = 0
        while mode == .events {
            switch parser.next(bytes, &position) {
            case .needMore: return
            case .event(let name, .input(let range)): take(name, bytes.extracting(range), &output)
            case .event(let name, .stored): takeStored(name, &output)
            case .errorField: takeStored(.error, &output)
            case .tooLong: fail(.malformed, "an event is longer than 16 MiB", &output)
            }
        }
    }

    private mutating func endEvents(_ output: inout DecodedOutput) {
        switch parser.finish() {
        case .event(let name, .stored): takeStored(name, &output, isCut: true)
        case .errorField: takeStored(.error, &output)
        case .tooLong: fail(.malformed, "an event is longer than 16 MiB", &output)
        case .needMore, .event: break
        }
        if mode == .events { complete(isDone: false, &output) }
    }

    private mutating func takeStored(_ name: EventStreamParser.Name, _ output: inout DecodedOutput, isCut: Bool = false)
    {
        var data = parser.takeData()
        Self.joinLines(&data)
        take(name, data.span, &output, isCut: isCut)
        parser.giveBack(consume data)
    }

    /// Makes one line of JSON text: between its tokens a line break is white space, and it has none elsewhere.
    private static func joinLines(_ text: inout [UInt8]) {
        for place in text.indices where text[place] == UInt8(ascii: "\n") || text[place] == UInt8(ascii: "\r") {
            text[place] = UInt8(ascii: " ")
        }
    }

    /// Takes one event's data; `isCut` tells that the body ended before the event did.
    private mutating func take(
        _ name: EventStreamParser.Name, _ data: Span<UInt8>, _ output: inout DecodedOutput, isCut: Bool = false
    ) {
        guard let text = data.significant else { return }
        let data = data.extracting(text)
        if data.hasPrefix("[DONE]") { return complete(isDone: true, &output) }
        if name != .error, normalizer.takeRepeated(data, into: &output) { return }
        do {
            try tape.scan(data, limits: .stream)
        } catch {
            if name == .error { return fail(ErrorFacts(status: head.status, plain: data), &output) }
            // Events of other names need not be JSON.
            if name == .other { return }
            if isCut { return fail(.truncated, "the stream ended inside an event", &output) }
            return fail(.malformed, "an event is not valid JSON: \(error.message)", &output)
        }
        if name == .error {
            return fail(ErrorFacts(status: head.status, node: 0, tape, data), &output)
        }
        takeChunk(data, &output)
    }

    /// Takes a scanned chunk.
    private mutating func takeChunk(_ data: Span<UInt8>, _ output: inout DecodedOutput) {
        switch normalizer.take(data, into: &output) {
        case .taken: return
        case .malformed(let detail): fail(.malformed, "\(detail)", &output)
        case .failed(let node):
            guard node >= 0 else { return fail(.server, "the provider ended generation with an error", &output) }
            fail(ErrorFacts(status: head.status, node: node, tape, data), &output)
        }
    }

    private mutating func complete(isDone: Bool, _ output: inout DecodedOutput) {
        if normalizer.finish(isDone: isDone, into: &output) {
            mode = .ended
            output.events.append(.completed)
        } else if isDone {
            fail(.malformed, "the stream ended without any chunk", &output)
        } else {
            fail(.truncated, "the stream ended before its terminal", &output)
        }
    }

    // MARK: Whole answers

    private mutating func collect(_ bytes: Span<UInt8>, _ output: inout DecodedOutput) {
        guard bytes.count <= Self.bodyLimit - body.count else {
            return fail(.malformed, "the answer is longer than 64 MiB", &output)
        }
        body.append(bytes)
    }

    private mutating func endWholeAnswer(_ output: inout DecodedOutput) {
        let text = exchange(&body, with: [])
        guard let first = text.span.firstSignificant else {
            return fail(.truncated, "the answer is empty", &output)
        }
        if isCompressed || text[first] == 0x1F {
            return fail(.malformed, "the answer is compressed although that was not asked for", &output)
        }
        // Blank lines before the text are keep-alives.
        let answer = text.span.extracting(first..<text.count)
        do {
            try tape.scan(answer, limits: JSONLimits(bytes: Self.bodyLimit, depth: 256))
        } catch {
            let kind: FailureKind = error.reason == .truncated ? .truncated : .malformed
            return fail(kind, "the answer is not valid JSON: \(error.message)", &output)
        }
        isStream ? replay(answer, &output) : give(answer, &output)
    }

    private mutating func give(_ answer: Span<UInt8>, _ output: inout DecodedOutput) {
        var reader = AnswerReader(tape: tape)
        switch reader.give(answer, into: &output) {
        case .taken:
            mode = .ended
            output.events.append(.completed)
        case .malformed(let detail): fail(.malformed, "\(detail)", &output)
        case .failed(let node):
            guard node >= 0 else { return fail(.server, "the provider ended generation with an error", &output) }
            fail(ErrorFacts(status: head.status, node: node, tape, answer), &output)
        }
    }

    /// Gives a whole answer to a request that streams as the chunks it would have been.
    private mutating func replay(_ answer: Span<UInt8>, _ output: inout DecodedOutput) {
        let reader = AnswerReader(tape: tape)
        if let defect = reader.defect(answer) { return fail(.malformed, "\(defect)", &output) }
        var chunk = reader.chunk(answer.extracting(answer.significant ?? 0..<0))
        Self.joinLines(&chunk)
        guard (try? tape.scan(chunk.span, limits: JSONLimits(bytes: .max, depth: 256))) != nil else {
            return fail(.internal, "a whole answer could not be turned into chunks", &output)
        }
        takeChunk(chunk.span, &output)
        if mode != .ended { complete(isDone: true, &output) }
    }

    // MARK: Failures

    private mutating func endErrorAnswer(_ output: inout DecodedOutput) {
        let text = exchange(&body, with: [])
        guard head.status >= 400 else {
            return fail(.malformed, "the answer has the unexpected status \(head.status)", &output)
        }
        let facts: ErrorFacts
        if (try? tape.scan(text.span, limits: JSONLimits(depth: 64))) != nil {
            facts = ErrorFacts(status: head.status, node: 0, tape, text.span)
        } else {
            facts = ErrorFacts(status: head.status, plain: text.span)
        }
        fail(facts, &output)
    }

    private mutating func fail(_ facts: ErrorFacts, _ output: inout DecodedOutput) {
        var failure = ProviderFailure(kind: ErrorClassifier.kind(of: facts), httpStatus: facts.status)
        failure.code = Redaction.code(facts.codes.first, of: endpoint)
        failure.providerMessage = Redaction.clean(facts.message, of: endpoint)
        if head.status >= 400 {
            let headers = HeaderLines(head.rawHeaders)
            failure.retryAfter = RetryDelay.read(headers, status: head.status, now: head.receivedAt)
            failure.mayRepeat = RetryAdvice.read(headers)
        }
        end(failure, &output)
    }

    private mutating func fail(_ kind: FailureKind, _ detail: String, _ output: inout DecodedOutput) {
        end(ProviderFailure(kind: kind, httpStatus: head.status, detail: detail), &output)
    }

    private mutating func end(_ failure: ProviderFailure, _ output: inout DecodedOutput) {
        mode = .ended
        output.events.append(.failed(failure))
    }
}
