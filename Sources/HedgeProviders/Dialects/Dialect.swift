import HedgeCore
import HedgeJSON

/// How an API that is passed on as it is tells of tokens, usage, its end and its errors.
enum Dialect: Sendable {
    case responses
    case messages

    /// What an event means to the router.
    struct Meaning {
        var isOutput = false
        /// The event is the terminal of a success.
        var isEnd = false
        /// Node of an error.
        var failure: Int?
        var usage: Usage?
    }

    func meaning(of text: Span<UInt8>, _ tape: JSONTape, usage known: Usage?) -> Meaning {
        switch self {
        case .responses: Self.response(text, tape)
        case .messages: Self.message(text, tape, known)
        }
    }

    /// What a whole answer says of usage; a failure if it is one.
    func meaning(ofAnswer text: Span<UInt8>, _ tape: JSONTape) -> Meaning {
        var meaning = Meaning(isOutput: true, isEnd: true)
        if let error = tape.member("error", of: 0, in: text), tape.kind(error) != .null { meaning.failure = error }
        meaning.usage = Self.usage(of: 0, text, tape, known: nil)
        return meaning
    }

    private static func usage(of node: Int, _ text: Span<UInt8>, _ tape: JSONTape, known: Usage?) -> Usage? {
        guard let usage = tape.member("usage", of: node, in: text), tape.kind(usage) == .object else { return nil }
        func count(_ key: StaticString) -> Int? { TokenCounts.read(key, of: usage, tape, text) }
        let cached = (count("cache_creation_input_tokens") ?? 0) &+ (count("cache_read_input_tokens") ?? 0)
        let prompt = (count("input_tokens") ?? 0) &+ cached
        return Usage(
            promptTokens: max(prompt, known?.promptTokens ?? 0),
            completionTokens: count("output_tokens") ?? known?.completionTokens ?? 0)
    }

    // MARK: Responses

    private static func response(_ text: Span<UInt8>, _ tape: JSONTape) -> Meaning {
        var meaning = Meaning()
        guard let type = tape.member("type", of: 0, in: text) else { return meaning }
        func isOne(of names: StaticString...) -> Bool { names.contains { tape.isString(type, $0, in: text) } }
        let response = tape.member("response", of: 0, in: text) ?? -1
        if isOne(of: "response.completed", "response.incomplete") {
            meaning.isEnd = true
            meaning.usage = usage(of: response, text, tape, known: nil)
        } else if isOne(of: "response.failed") {
            meaning.failure = tape.member("error", of: response, in: text) ?? 0
        } else if isOne(of: "error") {
            meaning.failure = 0
        } else if let delta = tape.member("delta", of: 0, in: text) {
            // Every kind of output has events of its own, and all of them a delta.
            meaning.isOutput = tape.isNonEmptyString(delta)
        }
        return meaning
    }

    // MARK: Messages

    private static func message(_ text: Span<UInt8>, _ tape: JSONTape, _ known: Usage?) -> Meaning {
        var meaning = Meaning()
        guard let type = tape.member("type", of: 0, in: text) else { return meaning }
        func isType(_ name: StaticString) -> Bool { tape.isString(type, name, in: text) }
        if isType("content_block_delta"), let delta = tape.member("delta", of: 0, in: text) {
            meaning.isOutput = ["text", "thinking", "partial_json"].contains { (key: StaticString) in
                tape.member(key, of: delta, in: text).map { tape.isNonEmptyString($0) } ?? false
            }
        } else if isType("content_block_start"), let block = tape.member("content_block", of: 0, in: text),
            let kind = tape.member("type", of: block, in: text)
        {
            meaning.isOutput =
                tape.isString(kind, "tool_use", in: text) || tape.isString(kind, "redacted_thinking", in: text)
        } else if isType("message_start") {
            meaning.usage = usage(of: tape.member("message", of: 0, in: text) ?? -1, text, tape, known: known)
        } else if isType("message_delta") {
            meaning.usage = usage(of: 0, text, tape, known: known)
        } else if isType("message_stop") {
            meaning.isEnd = true
        } else if isType("error") {
            meaning.failure = 0
        }
        return meaning
    }
}

/// Passes the events of a dialect on as they are, one chunk for each event's data, or the one answer.
final class DialectDecoder: ResponseDecoder {
    private let dialect: Dialect
    private let expectsEvents: Bool
    private var context: AnswerContext
    private let tape = JSONTape()
    private var parser = EventStreamParser()
    private var body: [UInt8] = []
    private var usage: Usage?
    private var hasEnded = false

    init(_ dialect: Dialect, endpoint: Endpoint, expectsEvents: Bool) {
        self.dialect = dialect
        self.expectsEvents = expectsEvents
        context = AnswerContext(endpoint: endpoint)
    }

    func begin(_ head: ResponseHead) {
        context.head = head
    }

    func decode(_ bytes: Span<UInt8>, into output: inout DecodedOutput) {
        guard !hasEnded else { return }
        guard expectsEvents, context.isSuccess, body.isEmpty, !isJSON(bytes) else { return collect(bytes, &output) }
        hasSeenEvents = true
        parser.startInput()
        var position = 0
        while !hasEnded {
            switch parser.next(bytes, &position) {
            case .needMore: return
            case .event(_, .input(let range)): take(bytes.extracting(range), &output)
            case .event(_, .stored): takeStored(&output)
            case .errorField: takeStored(&output)
            case .tooLong: fail(context.failure(.malformed, "an event is longer than 16 MiB"), &output)
            }
        }
    }

    private var hasSeenEvents = false

    /// Whether the body begins as one JSON text.
    private func isJSON(_ bytes: Span<UInt8>) -> Bool {
        guard !hasSeenEvents, let first = bytes.firstSignificant else { return false }
        return bytes[first] == UInt8(ascii: "{") || bytes[first] == UInt8(ascii: "[")
    }

    private func collect(_ bytes: Span<UInt8>, _ output: inout DecodedOutput) {
        let limit = context.isSuccess ? OpenAIReader.bodyLimit : OpenAIReader.errorBodyLimit
        guard bytes.count <= limit - body.count else {
            guard context.isSuccess else { return }
            return fail(context.failure(.malformed, "the answer is longer than 64 MiB"), &output)
        }
        body.append(bytes)
    }

    private func takeStored(_ output: inout DecodedOutput) {
        var data = parser.takeData()
        for place in data.indices where data[place] == 0x0A || data[place] == 0x0D { data[place] = 0x20 }
        take(data.span, &output)
        parser.giveBack(consume data)
    }

    private func take(_ data: Span<UInt8>, _ output: inout DecodedOutput) {
        guard let range = data.significant else { return }
        let text = data.extracting(range)
        guard !text.hasPrefix("[DONE]") else { return }
        do {
            try tape.scan(text, limits: .stream)
        } catch {
            return fail(context.failure(.malformed, "an event is not valid JSON: \(error.message)"), &output)
        }
        let meaning = dialect.meaning(of: text, tape, usage: usage)
        if let node = meaning.failure {
            return fail(context.failure(ErrorFacts(status: context.head.status, node: node, tape, text)), &output)
        }
        give(text, meaning, &output)
    }

    private func give(_ text: Span<UInt8>, _ meaning: Dialect.Meaning, _ output: inout DecodedOutput) {
        let start = output.text.count
        output.text.append(text)
        output.events.append(.chunk(start..<output.text.count, isOutput: meaning.isOutput))
        if let counts = meaning.usage {
            usage = counts
            output.events.append(.usage(counts))
        }
        guard meaning.isEnd else { return }
        hasEnded = true
        output.events.append(.completed)
    }

    func end(into output: inout DecodedOutput) {
        guard !hasEnded else { return }
        if hasSeenEvents, body.isEmpty {
            if case .event(_, .stored) = parser.finish() { takeStored(&output) }
            guard !hasEnded else { return }
            return fail(context.failure(.truncated, "the stream ended before its terminal"), &output)
        }
        let text = exchange(&body, with: [])
        guard context.isSuccess else { return fail(context.failure(errorAnswer: text.span, tape), &output) }
        do {
            try tape.scan(text.span, limits: JSONLimits(bytes: OpenAIReader.bodyLimit, depth: 256))
        } catch {
            let kind: FailureKind = error.reason == .truncated ? .truncated : .malformed
            return fail(context.failure(kind, "the answer is not valid JSON: \(error.message)"), &output)
        }
        let meaning = dialect.meaning(ofAnswer: text.span, tape)
        if let node = meaning.failure {
            let facts = ErrorFacts(status: context.head.status, node: node, tape, text.span)
            return fail(context.failure(facts), &output)
        }
        give(text.span.extracting(text.span.significant ?? 0..<text.count), meaning, &output)
    }

    private func fail(_ failure: ProviderFailure, _ output: inout DecodedOutput) {
        hasEnded = true
        output.events.append(.failed(failure))
    }
}
