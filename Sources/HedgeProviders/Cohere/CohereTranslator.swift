import HedgeCore
import HedgeJSON

/// Reads the events and answers of Cohere's version 2.
///
/// What an event is, its data's `type` says; the name of the event is not asked.
struct CohereTranslator: AnswerTranslator {
    private var hasStarted = false
    /// The tool call that was begun last, for fragments that do not say which they belong to.
    private var lastTool = 0

    // MARK: Streams

    mutating func takeEvent(
        _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder, into output: inout DecodedOutput
    ) -> TranslationStep {
        guard tape.kind(0) == .object else { return .malformed("an event is not an object") }
        guard let type = tape.member("type", of: 0, in: text) else {
            // Errors have no type, only a message.
            return tape.member("message", of: 0, in: text) == nil
                ? .malformed("an event has no type") : .failed(node: 0)
        }
        func isType(_ name: StaticString) -> Bool { tape.isString(type, name, in: text) }
        let delta = tape.member("delta", of: 0, in: text) ?? -1
        let message = tape.member("message", of: delta, in: text) ?? -1
        if isType("content-delta") || isType("content-start") {
            giveContent(of: message, text, tape, &builder, &output)
        } else if isType("tool-plan-delta") {
            give("tool_plan", of: message, as: .reasoning, text, tape, &builder, &output)
        } else if isType("tool-call-start") {
            startTool(message, text, tape, &builder, &output)
        } else if isType("tool-call-delta") {
            continueTool(message, text, tape, &builder, &output)
        } else if isType("tool-call-end") {
            builder.endTool(key: index(text, tape) ?? lastTool, into: &output)
        } else if isType("citation-start") {
            guard let citations = tape.member("citations", of: message, in: text) else { return .goOn }
            builder.extra("citations", text.extracting(tape.range(citations)), into: &output)
        } else if isType("message-start") {
            hasStarted = true
            takeID(text, tape, &builder)
        } else if isType("message-end") {
            guard hasStarted else { return .malformed("the stream ended without a message") }
            if let step = failure(of: delta, text, tape) { return step }
            return finish(delta, usageOf: delta, text, tape, &builder, &output)
        }
        return .goOn
    }

    private func index(_ text: Span<UInt8>, _ tape: JSONTape) -> Int? {
        tape.member("index", of: 0, in: text).flatMap { tape.integer($0, in: text) }.flatMap { Int(exactly: $0) }
    }

    private func takeID(_ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder) {
        guard let id = tape.member("id", of: 0, in: text), tape.kind(id) == .string else { return }
        builder.setID(text.extracting(tape.range(id)))
    }

    private func giveContent(
        of message: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        guard let content = tape.member("content", of: message, in: text) else { return }
        give("thinking", of: content, as: .reasoning, text, tape, &builder, &output)
        give("text", of: content, as: .content, text, tape, &builder, &output)
    }

    private func give(
        _ key: StaticString, of node: Int, as field: ChunkBuilder.TextField, _ text: Span<UInt8>, _ tape: JSONTape,
        _ builder: inout ChunkBuilder, _ output: inout DecodedOutput
    ) {
        guard let value = tape.member(key, of: node, in: text), tape.isNonEmptyString(value) else { return }
        builder.text(field, text.extracting(tape.range(value)), into: &output)
    }

    // MARK: Tools

    private mutating func startTool(
        _ message: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        guard let call = tape.member("tool_calls", of: message, in: text) else { return }
        // An object in streams, where one would expect an array.
        let node = tape.kind(call) == .array && !tape.isEmptyContainer(call) ? call + 1 : call
        lastTool = index(text, tape) ?? lastTool &+ 1
        give(tool: node, key: lastTool, text, tape, &builder, &output)
    }

    private func give(
        tool call: Int, key: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        let function = tape.member("function", of: call, in: text) ?? -1
        let id = tape.member("id", of: call, in: text).flatMap { tape.string($0, in: text) }
        let name = tape.member("name", of: function, in: text).flatMap { tape.string($0, in: text) }
        builder.toolCall(key: key, id: id, name: name ?? "", into: &output)
        giveArguments(of: function, key: key, text, tape, &builder, &output)
    }

    private func continueTool(
        _ message: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        guard let call = tape.member("tool_calls", of: message, in: text) else { return }
        let node = tape.kind(call) == .array && !tape.isEmptyContainer(call) ? call + 1 : call
        let function = tape.member("function", of: node, in: text) ?? -1
        giveArguments(of: function, key: index(text, tape) ?? lastTool, text, tape, &builder, &output)
    }

    private func giveArguments(
        of function: Int, key: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        guard let arguments = tape.member("arguments", of: function, in: text) else { return }
        switch tape.kind(arguments) {
        case .string: builder.toolArguments(text.extracting(tape.range(arguments)), key: key, into: &output)
        case .object: builder.toolArguments(object: text.extracting(tape.range(arguments)), key: key, into: &output)
        default: return
        }
    }

    // MARK: Whole answers

    mutating func takeAnswer(
        _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder, into output: inout DecodedOutput
    ) -> TranslationStep {
        guard tape.kind(0) == .object else { return .malformed("the answer is not an object") }
        guard let message = tape.member("message", of: 0, in: text) else {
            return .malformed("the answer has no message")
        }
        guard tape.kind(message) == .object else { return .failed(node: 0) }
        if let step = failure(of: 0, text, tape) { return step }
        takeID(text, tape, &builder)
        give("tool_plan", of: message, as: .reasoning, text, tape, &builder, &output)
        each("content", of: message, text, tape) { part in
            give("thinking", of: part, as: .reasoning, text, tape, &builder, &output)
            give("text", of: part, as: .content, text, tape, &builder, &output)
        }
        each("citations", of: message, text, tape) { citation in
            builder.extra("citations", text.extracting(tape.range(citation)), into: &output)
        }
        var key = 0
        each("tool_calls", of: message, text, tape) { call in
            give(tool: call, key: key, text, tape, &builder, &output)
            builder.endTool(key: key, into: &output)
            key += 1
        }
        return finish(0, usageOf: 0, text, tape, &builder, &output)
    }

    private func each(
        _ key: StaticString, of node: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ body: (Int) -> Void
    ) {
        guard let list = tape.member(key, of: node, in: text), tape.kind(list) == .array else { return }
        var element = list + 1
        while element < tape.next(list) {
            body(element)
            element = tape.next(element)
        }
    }

    // MARK: Ends

    /// What a successful status hides: generation that broke.
    private func failure(of node: Int, _ text: Span<UInt8>, _ tape: JSONTape) -> TranslationStep? {
        if let error = tape.member("error", of: node, in: text), tape.isNonEmptyString(error) {
            return .failed(node: error)
        }
        guard let reason = tape.member("finish_reason", of: node, in: text) else { return nil }
        if tape.isString(reason, "ERROR", in: text) {
            return .broken(.server, "the provider ended generation with an error")
        }
        return tape.isString(reason, "TIMEOUT", in: text)
            ? .broken(.providerTimeout, "generation timed out at the provider") : nil
    }

    private func finish(
        _ node: Int, usageOf holder: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) -> TranslationStep {
        let reason = tape.member("finish_reason", of: node, in: text) ?? -1
        func isOne(of words: StaticString...) -> Bool { words.contains { tape.isString(reason, $0, in: text) } }
        let finish: ChunkBuilder.Finish =
            if isOne(of: "MAX_TOKENS") {
                .length
            } else if isOne(of: "TOOL_CALL") {
                .toolCalls
            } else if isOne(of: "ERROR_TOXIC") {
                .contentFilter
            } else {
                .stop
            }
        builder.finish(finish, into: &output)
        if let usage = tape.member("usage", of: holder, in: text), tape.kind(usage) == .object {
            // What was billed is less than what was counted where prompts are cached or free.
            let tokens =
                tape.member("tokens", of: usage, in: text) ?? tape.member("billed_units", of: usage, in: text) ?? -1
            builder.setUsage(
                TokenCounts(
                    prompt: TokenCounts.read("input_tokens", of: tokens, tape, text),
                    completion: TokenCounts.read("output_tokens", of: tokens, tape, text),
                    cached: TokenCounts.read("cached_tokens", of: usage, tape, text)), into: &output)
        }
        return .completed
    }
}
