import HedgeCore
import HedgeJSON

/// Reads the events of ConverseStream and the answers of Converse.
///
/// Whole is a stream with `messageStop` and `metadata`; between the two an exception may still come.
struct BedrockTranslator {
    /// The events that matter.
    enum Event {
        case messageStart, contentBlockStart, contentBlockDelta, contentBlockStop, messageStop, metadata

        /// Nil for events that come to be.
        init?(_ message: AWSMessage, in frame: Span<UInt8>) {
            func isType(_ name: StaticString) -> Bool {
                message.type.count == name.utf8CodeUnitCount && frame.hasPrefix(name, from: message.type.lowerBound)
            }
            if isType("contentBlockDelta") {
                self = .contentBlockDelta
            } else if isType("contentBlockStart") {
                self = .contentBlockStart
            } else if isType("contentBlockStop") {
                self = .contentBlockStop
            } else if isType("messageStart") {
                self = .messageStart
            } else if isType("messageStop") {
                self = .messageStop
            } else if isType("metadata") {
                self = .metadata
            } else {
                return nil
            }
        }
    }

    /// What became of an event or an answer.
    enum Step {
        case goOn
        case completed
        case broken(FailureKind, StaticString)
    }

    /// Whether the answer comes as arguments of ``BedrockEncoder/schemaTool``.
    private let hasSchemaTool: Bool
    /// The block that is the answer then.
    private var schemaBlock: Int?
    /// The inside of the JSON strings of the thought under way, for the block that must come back with its signature.
    private var thought: [UInt8] = []
    private var signature: [UInt8] = []
    private var hasStopped = false
    private var hasMetadata = false

    init(hasSchemaTool: Bool = false) {
        self.hasSchemaTool = hasSchemaTool
    }

    /// Whether a stream that ends here is whole.
    var mayEnd: Bool { hasStopped && hasMetadata }

    /// Takes the payload of an event, which the tape has just scanned.
    mutating func take(
        _ event: Event, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) -> Step {
        switch event {
        case .messageStart: return .goOn
        case .contentBlockStart:
            let key = Self.index(tape, text)
            if let start = tape.member("start", of: 0, in: text),
                let use = tape.member("toolUse", of: start, in: text)
            {
                beginTool(use, key: key, text, tape, &builder, &output)
            }
            return .goOn
        case .contentBlockDelta:
            if let delta = tape.member("delta", of: 0, in: text) { takeDelta(delta, text, tape, &builder, &output) }
            return .goOn
        case .contentBlockStop:
            builder.endTool(key: Self.index(tape, text), into: &output)
            giveThought(&builder, &output)
            return .goOn
        case .messageStop:
            guard let step = Self.finish(of: 0, text, tape, &builder, &output) else {
                hasStopped = true
                return mayEnd ? .completed : .goOn
            }
            return step
        case .metadata:
            hasMetadata = true
            Self.takeUsage(of: 0, text, tape, &builder, &output)
            return mayEnd ? .completed : .goOn
        }
    }

    /// Takes a whole answer, which the tape has just scanned.
    mutating func takeAnswer(
        _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder, _ output: inout DecodedOutput
    ) -> Step {
        guard let answer = tape.member("output", of: 0, in: text),
            let message = tape.member("message", of: answer, in: text), tape.kind(message) == .object
        else { return .broken(.malformed, "the answer has no message") }
        var key = 0
        if let content = tape.member("content", of: message, in: text), tape.kind(content) == .array {
            var block = content + 1
            while block < tape.next(content) {
                takeBlock(block, key: key, text, tape, &builder, &output)
                key += 1
                block = tape.next(block)
            }
        }
        Self.takeUsage(of: 0, text, tape, &builder, &output)
        return Self.finish(of: 0, text, tape, &builder, &output) ?? .completed
    }

    // MARK: Content

    private static func index(_ tape: JSONTape, _ text: Span<UInt8>) -> Int {
        let index = tape.member("contentBlockIndex", of: 0, in: text).flatMap { tape.integer($0, in: text) }
        return Int(clamping: index ?? 0)
    }

    private mutating func beginTool(
        _ use: Int, key: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        guard let name = tape.member("name", of: use, in: text).flatMap({ tape.string($0, in: text) }) else { return }
        if hasSchemaTool, name == BedrockEncoder.schemaTool {
            schemaBlock = key
            return
        }
        let id = tape.member("toolUseId", of: use, in: text).flatMap { tape.string($0, in: text) }
        builder.toolCall(key: key, id: id, name: name, into: &output)
    }

    private mutating func takeDelta(
        _ delta: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        if let words = tape.member("text", of: delta, in: text), tape.isNonEmptyString(words) {
            builder.text(.content, text.extracting(tape.range(words)), into: &output)
        } else if let use = tape.member("toolUse", of: delta, in: text),
            let input = tape.member("input", of: use, in: text), tape.isNonEmptyString(input)
        {
            let key = Self.index(tape, text)
            if key == schemaBlock {
                builder.text(.content, text.extracting(tape.range(input)), into: &output)
            } else {
                builder.toolArguments(text.extracting(tape.range(input)), key: key, into: &output)
            }
        } else if let thought = tape.member("reasoningContent", of: delta, in: text) {
            takeThought(thought, text, tape, &builder, &output)
        }
    }

    private mutating func takeBlock(
        _ block: Int, key: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        if let words = tape.member("text", of: block, in: text), tape.isNonEmptyString(words) {
            builder.text(.content, text.extracting(tape.range(words)), into: &output)
        } else if let use = tape.member("toolUse", of: block, in: text) {
            beginTool(use, key: key, text, tape, &builder, &output)
            if let input = tape.member("input", of: use, in: text), tape.kind(input) == .object {
                if key == schemaBlock {
                    return builder.text(.content, object: text.extracting(tape.range(input)), into: &output)
                }
                builder.toolArguments(object: text.extracting(tape.range(input)), key: key, into: &output)
            }
            builder.endTool(key: key, into: &output)
        } else if let thought = tape.member("reasoningContent", of: block, in: text) {
            let words = tape.member("reasoningText", of: thought, in: text)
            takeThought(words ?? thought, text, tape, &builder, &output)
            giveThought(&builder, &output)
        }
    }

    private mutating func takeThought(
        _ node: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        if let words = tape.member("text", of: node, in: text), tape.isNonEmptyString(words) {
            if thought.count < Self.longestThought { thought.append(text, tape.content(words)) }
            builder.text(.reasoning, text.extracting(tape.range(words)), into: &output)
        }
        if let value = tape.member("signature", of: node, in: text), signature.count < Self.longestThought {
            signature.append(text, tape.content(value))
        }
        if let data = tape.member("redactedContent", of: node, in: text), tape.isNonEmptyString(data) {
            var block: [UInt8] = []
            block.append("{\"type\":\"redacted_thinking\",\"data\":")
            block.append(text, tape.range(data))
            block.append("}")
            builder.extra("thinking_blocks", block.span, isOutput: true, into: &output)
        }
    }

    /// What is longer than any reasoning is given, but not kept.
    private static let longestThought = 8 << 20

    /// Gives the signed thought, which must go back unchanged with the results of tools that were called after it; in
    /// the form LiteLLM's callers know.
    private mutating func giveThought(_ builder: inout ChunkBuilder, _ output: inout DecodedOutput) {
        let words = exchange(&thought, with: [])
        let signature = exchange(&signature, with: [])
        guard !signature.isEmpty else { return }
        var block: [UInt8] = []
        block.append("{\"type\":\"thinking\",\"thinking\":\"")
        block.append(words.span)
        block.append("\",\"signature\":\"")
        block.append(signature.span)
        block.append("\"}")
        builder.extra("thinking_blocks", block.span, into: &output)
    }

    // MARK: Ends

    /// Takes the reason of the end; what comes back is a failure.
    private static func finish(
        of node: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) -> Step? {
        guard let reason = tape.member("stopReason", of: node, in: text), tape.isNonEmptyString(reason) else {
            return .broken(.malformed, "the answer does not say why it ended")
        }
        func isOne(of words: StaticString...) -> Bool { words.contains { tape.isString(reason, $0, in: text) } }
        if isOne(of: "end_turn", "stop_sequence") {
            builder.finish(.stop, into: &output)
        } else if isOne(of: "tool_use") {
            builder.finish(.toolCalls, into: &output)
        } else if isOne(of: "guardrail_intervened", "content_filtered") {
            builder.finish(.contentFilter, into: &output)
        } else if isOne(of: "malformed_model_output", "malformed_tool_use") {
            return .broken(.server, "the model's answer was malformed")
        } else {
            // Too many tokens, and reasons that come to be: whatever it is, the model had not come to its end.
            builder.finish(.length, into: &output)
        }
        return nil
    }

    /// The prompt of Converse leaves out what came from a cache or went to it. A later event without counts changes
    /// nothing.
    private static func takeUsage(
        of node: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        guard let usage = tape.member("usage", of: node, in: text), tape.kind(usage) == .object else { return }
        func count(_ key: StaticString) -> Int? { TokenCounts.read(key, of: usage, tape, text) }
        var counts = TokenCounts()
        counts.cached = count("cacheReadInputTokens")
        counts.cacheWritten = count("cacheWriteInputTokens")
        counts.prompt = count("inputTokens").map { $0 &+ (counts.cached ?? 0) &+ (counts.cacheWritten ?? 0) }
        counts.completion = count("outputTokens")
        builder.setUsage(counts, into: &output)
    }
}
