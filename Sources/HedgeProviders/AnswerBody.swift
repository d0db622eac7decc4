import HedgeCore
import HedgeJSON

/// What the body of a response turns out to be, whatever pieces it arrives in: a stream, one JSON text or an error.
///
/// The status tells errors. Whether a success is a stream shows at its first byte, whatever was asked for: providers
/// answer a request for a stream with one JSON text, too.
struct AnswerBody {
    /// Longest whole answer.
    static let limit = 64 << 20
    /// How much of an error answer is read; the rest has nothing to tell.
    static let errorLimit = 1 << 20

    /// How the streams of a format begin.
    enum Stream {
        /// Not at all: everything is one JSON text.
        case none
        /// With anything but a JSON text.
        case events
        /// With the length of a frame, whose first byte is 0 or 1.
        case frames
    }

    private enum Mode {
        case undecided
        case stream
        case answer
        case error
        case ended
    }

    /// What is to be done with bytes that arrived.
    enum Arrival {
        /// Nothing more.
        case taken
        /// They are of a stream, from this place on.
        case stream(from: Int)
        case malformed(StaticString)
    }

    /// What the body was, when it ends.
    enum Whole {
        /// Over before: something completed or failed it.
        case ended
        /// Without a single byte but white space.
        case empty
        case stream
        case answer([UInt8])
        case error([UInt8])
    }

    private let expected: Stream
    private var mode = Mode.undecided
    private var bytes: [UInt8] = []

    init(_ expected: Stream) {
        self.expected = expected
    }

    /// Whether the stream goes on.
    var isStream: Bool { mode == .stream }
    /// Whether something completed or failed it.
    var hasEnded: Bool { mode == .ended }

    /// Takes note of the status.
    mutating func begin(isSuccess: Bool) {
        mode = isSuccess ? .undecided : .error
    }

    /// Takes note that nothing more is to be read.
    mutating func end() {
        mode = .ended
        bytes = []
    }

    /// Takes bytes of the body; `context` is that of the response.
    mutating func take(_ input: Span<UInt8>, _ context: AnswerContext) -> Arrival {
        switch mode {
        case .stream: return .stream(from: 0)
        case .undecided: return decide(input, context)
        case .answer: return collect(input, from: 0)
        case .error:
            bytes.append(input, 0..<max(0, min(input.count, Self.errorLimit - bytes.count)))
            return .taken
        case .ended: return .taken
        }
    }

    /// White space before the answer counts as little when it comes with it as when it comes in a piece of its own.
    private mutating func decide(_ input: Span<UInt8>, _ context: AnswerContext) -> Arrival {
        guard let first = input.firstSignificant else { return .taken }
        if context.isCompressed || input[first] == 0x1F {
            return .malformed("the answer is compressed although that was not asked for")
        }
        let isStream =
            switch expected {
            case .none: false
            case .events: input[first] != UInt8(ascii: "{") && input[first] != UInt8(ascii: "[")
            case .frames: input[first] <= 1
            }
        mode = isStream ? .stream : .answer
        return isStream ? .stream(from: first) : collect(input, from: first)
    }

    private mutating func collect(_ input: Span<UInt8>, from start: Int) -> Arrival {
        guard input.count - start <= Self.limit - bytes.count else {
            return .malformed("the answer is longer than 64 MiB")
        }
        bytes.append(input, start..<input.count)
        return .taken
    }

    /// Takes the clean end of the body.
    mutating func finish() -> Whole {
        switch mode {
        case .undecided: .empty
        case .stream: .stream
        case .answer: .answer(exchange(&bytes, with: []))
        case .error: .error(exchange(&bytes, with: []))
        case .ended: .ended
        }
    }
}

/// What sets the responses of one format apart, as a value; ``BodyDecoder`` is the object around it.
protocol BodyReader {
    var context: AnswerContext { get set }
    var body: AnswerBody { get set }
    var tape: JSONTape { get }

    /// Takes note that ``context`` has the head of the response.
    mutating func begin()

    /// Takes the next bytes of a stream.
    mutating func readStream(_ bytes: Span<UInt8>, _ output: inout DecodedOutput)

    /// Takes the clean end of a stream.
    mutating func endStream(_ output: inout DecodedOutput)

    /// Takes a whole answer, which the tape has just scanned.
    mutating func takeAnswer(_ text: Span<UInt8>, _ output: inout DecodedOutput)

    /// What an error answer stands for.
    func failure(ofErrorAnswer text: Span<UInt8>) -> ProviderFailure

    // No reader has its own way with these. As requirements, each reader gets them compiled for itself; called from a
    // generic class, one version for all would copy ``context`` and ``body`` for each piece.

    /// Takes the next bytes of the body.
    mutating func take(_ bytes: Span<UInt8>, _ output: inout DecodedOutput)

    /// Takes the clean end of the body.
    mutating func finish(_ output: inout DecodedOutput)
}

/// Reads one response by a ``BodyReader``.
final class BodyDecoder<Reader: BodyReader>: ResponseDecoder {
    // One value, so that each call makes one checked access to the storage of the class and no more.
    fileprivate var reader: Reader

    init(_ reader: Reader) {
        self.reader = reader
    }

    func begin(_ head: ResponseHead) {
        reader.context.head = head
        reader.body.begin(isSuccess: reader.context.isSuccess)
        reader.begin()
    }

    func decode(_ bytes: Span<UInt8>, into output: inout DecodedOutput) {
        let start = output.text.count
        reader.take(bytes, &output)
        output.text.mendSurrogates(from: start)
    }

    func end(into output: inout DecodedOutput) {
        let start = output.text.count
        reader.finish(&output)
        output.text.mendSurrogates(from: start)
    }
}

/// A reader that makes up identifiers, from a seed that replays set.
protocol SeededReader: BodyReader {
    var seed: UInt64 { get set }
}

/// A decoder that makes up identifiers, from a seed that replays set.
protocol SeededDecoder: AnyObject {
    var seed: UInt64 { get set }
}

extension BodyDecoder: SeededDecoder where Reader: SeededReader {
    var seed: UInt64 {
        get { reader.seed }
        set { reader.seed = newValue }
    }
}

extension BodyReader {
    /// Nothing.
    mutating func begin() {}

    /// What an error answer stands for, where its format is not AWS's.
    func failure(ofErrorAnswer text: Span<UInt8>) -> ProviderFailure {
        context.failure(errorAnswer: text, tape)
    }

    /// There is none.
    mutating func readStream(_ bytes: Span<UInt8>, _ output: inout DecodedOutput) {}

    /// There is none.
    mutating func endStream(_ output: inout DecodedOutput) {}

    /// Takes the next bytes of the body.
    mutating func take(_ bytes: Span<UInt8>, _ output: inout DecodedOutput) {
        switch body.take(bytes, context) {
        case .taken: return
        case .stream(0): readStream(bytes, &output)
        case .stream(let start): readStream(bytes.extracting(start..<bytes.count), &output)
        case .malformed(let detail): fail(.malformed, "\(detail)", &output)
        }
    }

    /// Takes the clean end of the body.
    mutating func finish(_ output: inout DecodedOutput) {
        switch body.finish() {
        case .ended: return
        case .empty: fail(.truncated, "the answer is empty", &output)
        case .stream: endStream(&output)
        case .answer(let text): finish(text.span, &output)
        case .error(let text): fail(failure(ofErrorAnswer: text.span), &output)
        }
    }

    private mutating func finish(_ text: Span<UInt8>, _ output: inout DecodedOutput) {
        do {
            try tape.scan(text, limits: JSONLimits(bytes: AnswerBody.limit, depth: 256))
        } catch {
            let kind: FailureKind = error.reason == .truncated ? .truncated : .malformed
            return fail(kind, "the answer is not valid JSON: \(error.message)", &output)
        }
        takeAnswer(text, &output)
        if !body.hasEnded { fail(.malformed, "the answer is not complete", &output) }
    }

    /// Fails with what this library found.
    mutating func fail(_ kind: FailureKind, _ detail: String, _ output: inout DecodedOutput) {
        fail(context.failure(kind, detail), &output)
    }

    /// Fails with what the provider tells at a node of a scanned text.
    mutating func fail(_ node: Int, of text: Span<UInt8>, _ output: inout DecodedOutput) {
        fail(context.failure(ErrorFacts(status: context.head.status, node: node, tape, text)), &output)
    }

    /// Fails with an error that is no JSON.
    mutating func failPlain(_ text: Span<UInt8>, _ output: inout DecodedOutput) {
        fail(context.failure(ErrorFacts(status: context.head.status, plain: text)), &output)
    }

    /// Ends the response with a failure.
    mutating func fail(_ failure: ProviderFailure, _ output: inout DecodedOutput) {
        body.end()
        output.events.append(.failed(failure))
    }
}

/// A reader whose streams are `text/event-stream`: how events are taken from the bytes.
protocol EventReader: BodyReader {
    var parser: EventStreamParser { get set }
    /// Where events are scanned.
    var tape: JSONTape { get }

    /// Takes one event's data without white space around it; `isCut` tells that the body ended before the event did.
    mutating func take(
        _ name: EventStreamParser.Name, _ data: Span<UInt8>, isCut: Bool, _ output: inout DecodedOutput)

    /// Takes the end of a stream whose events have not ended it.
    mutating func endEvents(_ output: inout DecodedOutput)
}

extension EventReader {
    /// Scans an event whose data must be JSON and must not tell of an error; false when that has ended the answer.
    mutating func scan(
        _ name: EventStreamParser.Name, _ data: Span<UInt8>, isCut: Bool, _ output: inout DecodedOutput
    ) -> Bool {
        do {
            try tape.scan(data, limits: .stream)
        } catch {
            if name == .error {
                failPlain(data, &output)
            } else if isCut {
                fail(.truncated, "the stream ended inside an event", &output)
            } else {
                fail(.malformed, "an event is not valid JSON: \(error.message)", &output)
            }
            return false
        }
        if name == .error { fail(0, of: data, &output) }
        return name != .error
    }

    mutating func readStream(_ bytes: Span<UInt8>, _ output: inout DecodedOutput) {
        parser.startInput()
        var position = 0
        while body.isStream {
            switch parser.next(bytes, &position) {
            case .needMore: return
            case .event(let name, .input(let range)):
                let data = bytes.extracting(range)
                if let text = data.significant { take(name, data.extracting(text), isCut: false, &output) }
            case .event(let name, .stored): takeStored(name, isCut: false, &output)
            case .errorField: takeStored(.error, isCut: false, &output)
            case .tooLong: fail(.malformed, "an event is longer than 16 MiB", &output)
            }
        }
    }

    mutating func endStream(_ output: inout DecodedOutput) {
        switch parser.finish() {
        case .event(let name, .stored): takeStored(name, isCut: true, &output)
        case .errorField: takeStored(.error, isCut: false, &output)
        case .tooLong: fail(.malformed, "an event is longer than 16 MiB", &output)
        case .needMore, .event: break
        }
        if body.isStream { endEvents(&output) }
    }

    private mutating func takeStored(
        _ name: EventStreamParser.Name, isCut: Bool, _ output: inout DecodedOutput
    ) {
        var data = parser.takeData()
        data.joinLines()
        if let text = data.span.significant {
            take(name, data.span.extracting(text), isCut: isCut, &output)
        }
        parser.giveBack(consume data)
    }
}

extension [UInt8] {
    /// Makes one line of JSON text: between its tokens a line break is white space, and its strings have none.
    mutating func joinLines() {
        for place in indices where self[place] == UInt8(ascii: "\n") || self[place] == UInt8(ascii: "\r") {
            self[place] = UInt8(ascii: " ")
        }
    }
}
