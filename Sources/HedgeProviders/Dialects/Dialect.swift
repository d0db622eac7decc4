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

    /// What a whole answer says of usage; a failure if it is one, nil if it is neither.
    func meaning(ofAnswer text: Span<UInt8>, _ tape: JSONTape) -> Meaning? {
        var meaning = Meaning(isOutput: true, isEnd: true)
        if let error = tape.member("error", of: 0, in: text), tape.kind(error) != .null {
            meaning.failure = error
            return meaning
        }
        let content: StaticString =
            switch self {
            case .responses: "output"
            case .messages: "content"
            }
        guard let list = tape.member(content, of: 0, in: text), tape.kind(list) == .array else { return nil }
        meaning.usage = Self.usage(of: 0, text, tape, known: nil)
        return meaning
    }

    /// The prompt of the Messages API leaves out what came from a cache or went to it; that of the Responses API does not.
    private static func usage(of node: Int, _ text: Span<UInt8>, _ tape: JSONTape, known: Usage?) -> Usage? {
        guard let usage = tape.member("usage", of: node, in: text), tape.kind(usage) == .object else { return nil }
        func count(_ key: StaticString, of node: Int) -> Int? { TokenCounts.read(key, of: node, tape, text) }
        let read = count("cache_read_input_tokens", of: usage)
        let written = count("cache_creation_input_tokens", of: usage)
        let input = tape.member("input_tokens_details", of: usage, in: text) ?? -1
        let output = tape.member("output_tokens_details", of: usage, in: text) ?? -1
        // Later events of a message repeat some counts and leave others out, or at 0.
        let counts = TokenCounts(
            prompt: max(
                (count("input_tokens", of: usage) ?? 0) &+ (read ?? 0) &+ (written ?? 0), known?.promptTokens ?? 0),
            completion: max(count("output_tokens", of: usage) ?? 0, known?.completionTokens ?? 0),
            cached: max(read ?? count("cached_tokens", of: input) ?? 0, known?.cachedPromptTokens ?? 0),
            cacheWritten: max(written ?? count("cache_write_tokens", of: input) ?? 0, known?.cacheWrittenTokens ?? 0),
            reasoning: max(
                count("reasoning_tokens", of: output) ?? count("thinking_tokens", of: output) ?? 0,
                known?.reasoningTokens ?? 0))
        return counts.total
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
        } else if let delta = tape.member("delta", of: 0, in: text)
            ?? tape.member("partial_image_b64", of: 0, in: text)
        {
            // Every kind of output has events of its own, and all of them a delta but those of pictures.
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
struct DialectReader: EventReader {
    var context: AnswerContext
    var body: AnswerBody
    var parser = EventStreamParser()
    let tape = JSONTape()
    private let dialect: Dialect
    private var usage: Usage?

    init(_ dialect: Dialect, endpoint: Endpoint, expectsEvents: Bool) {
        self.dialect = dialect
        context = AnswerContext(endpoint: endpoint)
        body = AnswerBody(expectsEvents ? .events : .none)
    }

    mutating func take(
        _ name: EventStreamParser.Name, _ data: Span<UInt8>, isCut: Bool, _ output: inout DecodedOutput
    ) {
        guard !data.hasPrefix("[DONE]"), scan(name, data, isCut: isCut, &output) else { return }
        give(dialect.meaning(of: data, tape, usage: usage), data, &output)
    }

    mutating func endEvents(_ output: inout DecodedOutput) {
        fail(.truncated, "the stream ended before its terminal", &output)
    }

    mutating func takeAnswer(_ text: Span<UInt8>, _ output: inout DecodedOutput) {
        guard let meaning = dialect.meaning(ofAnswer: text, tape) else {
            return fail(.malformed, "the answer has no content", &output)
        }
        give(meaning, text.extracting(text.significant ?? 0..<text.count), &output)
    }

    private mutating func give(_ meaning: Dialect.Meaning, _ text: Span<UInt8>, _ output: inout DecodedOutput) {
        if let node = meaning.failure { return fail(node, of: text, &output) }
        let start = output.text.count
        output.text.append(text)
        output.events.append(.chunk(start..<output.text.count, isOutput: meaning.isOutput))
        if let counts = meaning.usage {
            usage = counts
            output.events.append(.usage(counts))
        }
        guard meaning.isEnd else { return }
        body.end()
        output.events.append(.completed)
    }
}
