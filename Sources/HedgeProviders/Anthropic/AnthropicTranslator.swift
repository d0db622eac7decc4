import HedgeCore
import HedgeJSON

/// Reads the events and answers of the Messages API.
struct AnthropicTranslator: AnswerTranslator {
    private enum Block {
        case text
        case thinking
        case tool
        /// The tool that stands in for an answer with a schema.
        case schemaTool
        /// Of no concern to the caller: tools the provider runs itself, their results, and what comes to be.
        case other
    }

    /// Whether the answer comes as arguments of ``AnthropicEncoder/schemaTool``.
    let hasSchemaTool: Bool
    private var hasStarted = false
    private var stopReason: ChunkBuilder.Finish?
    /// Whether it was said why the model refused, which every further `message_delta` may say again.
    private var hasRefusal = false
    /// Blocks that are open, by the provider's index.
    private var blocks: [(index: Int, kind: Block)] = []
    /// Arguments that came with the beginning of a call, by its index: what counts if no others come.
    private var inputs: [(index: Int, object: [UInt8])] = []
    private var thinking: [UInt8] = []
    private var signature: [UInt8] = []
    private var counts = Counts()

    init(hasSchemaTool: Bool) {
        self.hasSchemaTool = hasSchemaTool
    }

    // MARK: Streams

    mutating func takeEvent(
        _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder, into output: inout DecodedOutput
    ) -> TranslationStep {
        guard tape.kind(0) == .object, let type = tape.member("type", of: 0, in: text) else {
            return .malformed("an event has no type")
        }
        func isType(_ name: StaticString) -> Bool { tape.isString(type, name, in: text) }
        if isType("content_block_delta") { return takeDelta(text, tape, &builder, &output) }
        if isType("error") { return .failed(node: 0) }
        if isType("message_start") { return start(text, tape, &builder, &output) }
        if isType("content_block_start") { return openBlock(text, tape, &builder, &output) }
        if isType("content_block_stop") { return closeBlock(text, tape, &builder, &output) }
        if isType("message_delta") { return takeMessageDelta(text, tape, &builder, &output) }
        if isType("message_stop") {
            guard hasStarted else { return .malformed("the stream ended without a message") }
            builder.finish(stopReason ?? .stop, into: &output)
            return .completed
        }
        // Pings, and events that come to be.
        return .goOn
    }

    private mutating func start(
        _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder, _ output: inout DecodedOutput
    ) -> TranslationStep {
        guard let message = tape.member("message", of: 0, in: text), tape.kind(message) == .object else {
            return .malformed("message_start has no message")
        }
        hasStarted = true
        takeIdentity(of: message, text, tape, &builder)
        takeUsage(of: message, text, tape, &builder, &output)
        return .goOn
    }

    private func takeIdentity(
        of message: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder
    ) {
        if let id = tape.member("id", of: message, in: text), tape.kind(id) == .string {
            builder.setID(text.extracting(tape.range(id)))
        }
        if let model = tape.member("model", of: message, in: text), tape.kind(model) == .string {
            builder.setModel(text.extracting(tape.range(model)))
        }
    }

    private func index(_ text: Span<UInt8>, _ tape: JSONTape) -> Int? {
        tape.member("index", of: 0, in: text).flatMap { tape.integer($0, in: text) }.flatMap { Int(exactly: $0) }
    }

    private mutating func openBlock(
        _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder, _ output: inout DecodedOutput
    ) -> TranslationStep {
        guard hasStarted, let index = index(text, tape),
            let block = tape.member("content_block", of: 0, in: text), tape.kind(block) == .object
        else { return .malformed("content_block_start is not complete or comes too early") }
        // More blocks open at once than any answer has are not kept.
        guard blocks.count < 1024 else { return .malformed("too many open content blocks") }
        let kind = kind(of: block, text, tape)
        blocks.removeAll { $0.index == index }
        inputs.removeAll { $0.index == index }
        blocks.append((index, kind))
        switch kind {
        case .text: give("text", of: block, as: .content, text, tape, &builder, &output)
        case .thinking:
            thinking.removeAll(keepingCapacity: true)
            signature.removeAll(keepingCapacity: true)
            takeThinking("thinking", of: block, text, tape, &builder, &output)
            takeSignature(of: block, text, tape)
        case .tool:
            let id = tape.member("id", of: block, in: text).flatMap { tape.string($0, in: text) }
            let name = tape.member("name", of: block, in: text).flatMap { tape.string($0, in: text) }
            builder.toolCall(key: index, id: id, name: name ?? "", into: &output)
            takeInput(of: block, index, text, tape)
        case .schemaTool: break
        case .other:
            if isType("redacted_thinking", block, text, tape) {
                builder.extra(
                    "thinking_blocks", text.extracting(tape.range(block)), isOutput: true, into: &output)
            }
        }
        return .goOn
    }

    /// Anthropic itself begins calls with `{}`; its libraries take what stands there unless fragments follow.
    private mutating func takeInput(of block: Int, _ index: Int, _ text: Span<UInt8>, _ tape: JSONTape) {
        guard let input = tape.member("input", of: block, in: text), tape.kind(input) == .object,
            !tape.isEmptyContainer(input)
        else { return }
        var object: [UInt8] = []
        object.append(text, tape.range(input))
        inputs.append((index, object))
    }

    private func isType(_ name: StaticString, _ node: Int, _ text: Span<UInt8>, _ tape: JSONTape) -> Bool {
        tape.member("type", of: node, in: text).map { tape.isString($0, name, in: text) } ?? false
    }

    private func kind(of block: Int, _ text: Span<UInt8>, _ tape: JSONTape) -> Block {
        if isType("text", block, text, tape) { return .text }
        if isType("thinking", block, text, tape) { return .thinking }
        guard isType("tool_use", block, text, tape) else { return .other }
        let name = tape.member("name", of: block, in: text)
        let isSchema = hasSchemaTool && name.map { tape.isString($0, "json_tool_call", in: text) } ?? false
        return isSchema ? .schemaTool : .tool
    }

    private mutating func takeDelta(
        _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder, _ output: inout DecodedOutput
    ) -> TranslationStep {
        guard let index = index(text, tape), let delta = tape.member("delta", of: 0, in: text) else {
            return .malformed("content_block_delta is not complete")
        }
        guard let kind = blocks.last(where: { $0.index == index })?.kind else {
            return hasStarted ? .goOn : .malformed("content_block_delta comes too early")
        }
        switch kind {
        case .text:
            give("text", of: delta, as: .content, text, tape, &builder, &output)
            if let citation = tape.member("citation", of: delta, in: text), tape.kind(citation) == .object {
                builder.extra("citations", text.extracting(tape.range(citation)), into: &output)
            }
        case .thinking:
            takeThinking("thinking", of: delta, text, tape, &builder, &output)
            takeSignature(of: delta, text, tape)
        case .tool:
            if let json = tape.member("partial_json", of: delta, in: text), tape.isNonEmptyString(json) {
                inputs.removeAll { $0.index == index }
                builder.toolArguments(text.extracting(tape.range(json)), key: index, into: &output)
            }
        case .schemaTool: give("partial_json", of: delta, as: .content, text, tape, &builder, &output)
        case .other: break
        }
        return .goOn
    }

    private func give(
        _ key: StaticString, of node: Int, as field: ChunkBuilder.TextField, _ text: Span<UInt8>, _ tape: JSONTape,
        _ builder: inout ChunkBuilder, _ output: inout DecodedOutput
    ) {
        guard let value = tape.member(key, of: node, in: text), tape.isNonEmptyString(value) else { return }
        builder.text(field, text.extracting(tape.range(value)), into: &output)
    }

    private mutating func takeThinking(
        _ key: StaticString, of node: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        guard let value = tape.member(key, of: node, in: text), tape.isNonEmptyString(value) else { return }
        // Kept for the signed block; what is longer than any reasoning is given, but not signed.
        if thinking.count < 8 << 20 { thinking.append(text, tape.content(value)) }
        builder.text(.reasoning, text.extracting(tape.range(value)), into: &output)
    }

    private mutating func takeSignature(of node: Int, _ text: Span<UInt8>, _ tape: JSONTape) {
        guard let value = tape.member("signature", of: node, in: text), tape.isNonEmptyString(value) else { return }
        if signature.count < 1 << 20 { signature.append(text, tape.content(value)) }
    }

    private mutating func closeBlock(
        _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder, _ output: inout DecodedOutput
    ) -> TranslationStep {
        guard let index = index(text, tape), let place = blocks.lastIndex(where: { $0.index == index }) else {
            return .goOn
        }
        let kind = blocks.remove(at: place).kind
        if kind == .tool {
            if let place = inputs.firstIndex(where: { $0.index == index }) {
                let input = inputs.remove(at: place)
                builder.toolArguments(object: input.object.span, key: index, into: &output)
            }
            builder.endTool(key: index, into: &output)
        }
        guard kind == .thinking, !signature.isEmpty else { return .goOn }
        // Must go back unchanged with the results of tools that were called after it.
        var block: [UInt8] = []
        block.append("{\"type\":\"thinking\",\"thinking\":\"")
        block.append(thinking.span)
        block.append("\",\"signature\":\"")
        block.append(signature.span)
        block.append("\"}")
        builder.extra("thinking_blocks", block.span, into: &output)
        return .goOn
    }

    private mutating func takeMessageDelta(
        _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder, _ output: inout DecodedOutput
    ) -> TranslationStep {
        guard hasStarted else { return .malformed("message_delta comes too early") }
        if let delta = tape.member("delta", of: 0, in: text) {
            takeStop(of: delta, text, tape, &builder, &output)
        }
        takeUsage(of: 0, text, tape, &builder, &output)
        return .goOn
    }

    // MARK: Whole answers

    mutating func takeAnswer(
        _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder, into output: inout DecodedOutput
    ) -> TranslationStep {
        guard tape.kind(0) == .object else { return .malformed("the answer is not an object") }
        if isType("error", 0, text, tape) || tape.member("error", of: 0, in: text) != nil { return .failed(node: 0) }
        guard let content = tape.member("content", of: 0, in: text), tape.kind(content) == .array else {
            return .malformed("the answer has no content")
        }
        takeIdentity(of: 0, text, tape, &builder)
        var block = content + 1
        var index = 0
        while block < tape.next(content) {
            give(block, index, text, tape, &builder, &output)
            block = tape.next(block)
            index += 1
        }
        takeStop(of: 0, text, tape, &builder, &output)
        takeUsage(of: 0, text, tape, &builder, &output)
        builder.finish(stopReason ?? .stop, into: &output)
        return .completed
    }

    private func give(
        _ block: Int, _ index: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        switch kind(of: block, text, tape) {
        case .text:
            give("text", of: block, as: .content, text, tape, &builder, &output)
            guard let list = tape.member("citations", of: block, in: text), tape.kind(list) == .array else { return }
            var citation = list + 1
            while citation < tape.next(list) {
                builder.extra("citations", text.extracting(tape.range(citation)), into: &output)
                citation = tape.next(citation)
            }
        case .thinking:
            give("thinking", of: block, as: .reasoning, text, tape, &builder, &output)
            if let value = tape.member("signature", of: block, in: text), tape.isNonEmptyString(value) {
                builder.extra("thinking_blocks", text.extracting(tape.range(block)), into: &output)
            }
        case .tool:
            let id = tape.member("id", of: block, in: text).flatMap { tape.string($0, in: text) }
            let name = tape.member("name", of: block, in: text).flatMap { tape.string($0, in: text) }
            builder.toolCall(key: index, id: id, name: name ?? "", into: &output)
            if let input = tape.member("input", of: block, in: text), tape.kind(input) == .object {
                builder.toolArguments(object: text.extracting(tape.range(input)), key: index, into: &output)
            }
            builder.endTool(key: index, into: &output)
        case .schemaTool:
            guard let input = tape.member("input", of: block, in: text), tape.kind(input) == .object else { return }
            builder.text(.content, object: text.extracting(tape.range(input)), into: &output)
        case .other:
            guard isType("redacted_thinking", block, text, tape) else { return }
            builder.extra("thinking_blocks", text.extracting(tape.range(block)), isOutput: true, into: &output)
        }
    }

    // MARK: Ends

    private mutating func takeStop(
        of node: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        if let reason = tape.member("stop_reason", of: node, in: text), tape.isNonEmptyString(reason) {
            stopReason = Self.finish(reason, text, tape)
        }
        guard !hasRefusal, let details = tape.member("stop_details", of: node, in: text),
            let explanation = tape.member("explanation", of: details, in: text), tape.isNonEmptyString(explanation)
        else { return }
        hasRefusal = true
        give("explanation", of: details, as: .refusal, text, tape, &builder, &output)
    }

    private static func finish(_ node: Int, _ text: Span<UInt8>, _ tape: JSONTape) -> ChunkBuilder.Finish {
        func isOne(of words: StaticString...) -> Bool { words.contains { tape.isString(node, $0, in: text) } }
        if isOne(of: "tool_use") { return .toolCalls }
        if isOne(of: "max_tokens", "model_context_window_exceeded", "pause_turn", "compaction") { return .length }
        return isOne(of: "refusal") ? .contentFilter : .stop
    }

    // MARK: Usage

    /// The counts so far; each one only grows within a message.
    private struct Counts {
        var input: Int?
        var cacheWritten: Int?
        var cacheRead: Int?
        var output: Int?
        var thinking: Int?
    }

    private mutating func takeUsage(
        of node: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        guard let usage = tape.member("usage", of: node, in: text), tape.kind(usage) == .object else { return }
        func grow(_ count: inout Int?, _ key: StaticString, of node: Int) {
            // Later events repeat some counts and leave others at 0.
            if let value = TokenCounts.read(key, of: node, tape, text) { count = max(count ?? 0, value) }
        }
        grow(&counts.input, "input_tokens", of: usage)
        grow(&counts.cacheWritten, "cache_creation_input_tokens", of: usage)
        grow(&counts.cacheRead, "cache_read_input_tokens", of: usage)
        grow(&counts.output, "output_tokens", of: usage)
        if let details = tape.member("output_tokens_details", of: usage, in: text) {
            grow(&counts.thinking, "thinking_tokens", of: details)
        }
        guard counts.input != nil || counts.output != nil else { return }
        let prompt = (counts.input ?? 0) &+ (counts.cacheWritten ?? 0) &+ (counts.cacheRead ?? 0)
        builder.setUsage(
            TokenCounts(
                prompt: prompt, completion: counts.output, cached: counts.cacheRead, cacheWritten: counts.cacheWritten,
                reasoning: counts.thinking), into: &output)
    }
}
