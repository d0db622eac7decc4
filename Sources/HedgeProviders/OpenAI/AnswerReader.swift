import HedgeCore
import HedgeJSON

/// Reads a scanned `chat.completion`.
///
/// What is right passes byte for byte; corrected in place are a head that is not complete, a finish reason that is empty
/// or another word, reasoning under another name, content that is a list, calls without an identifier, arguments that
/// are no string, and a usage that leaves out reasoning.
struct AnswerReader {
    let tape: JSONTape
    private var editor = ChunkEditor()
    private var identifiers: IdentifierSource
    private let model: String
    private let now: Int64

    /// For an answer from a deployment of `model` at `now`, in seconds since 1970, whose text is scanned with `tape`;
    /// identifiers that are missing come from `seed`.
    init(tape: JSONTape, model: String, now: Int64, seed: UInt64) {
        self.tape = tape
        self.now = now
        self.model = model
        identifiers = IdentifierSource(seed: seed)
    }

    /// Gives the answer as one chunk.
    mutating func give(_ text: Span<UInt8>, into output: inout DecodedOutput) -> ChunkNormalizer.Outcome {
        guard tape.kind(0) == .object else { return .malformed("the answer is not an object") }
        let top = ChunkTop(tape, text)
        if let node = top.failure(tape, text) { return .failed(node: node) }
        guard tape.kind(top.choices) == .array, !tape.isEmptyContainer(top.choices) else {
            return .malformed("the answer has no choices")
        }
        if !StreamIdentity.isComplete(top, object: "chat.completion", tape, text) {
            var identity = StreamIdentity(model: model)
            identity.learn(top, tape, text)
            identity.complete(random: &identifiers, now: now)
            identity.correct(top, object: "chat.completion", tape, text, &editor)
        }
        var hasOutput = false
        var choice = top.choices + 1
        var place = 0
        while choice < tape.next(top.choices) {
            guard tape.kind(choice) == .object else { return .malformed("a choice is not an object") }
            if let failure = read(AnswerChoice(choice, tape, text), place, text, &hasOutput) { return failure }
            choice = tape.next(choice)
            place += 1
        }
        if let node = top.usageObject(tape, text), node == top.usage { UsageReader.correct(node, tape, text, &editor) }
        let start = output.text.count
        editor.apply(to: text, appendingTo: &output.text)
        output.events.append(.chunk(start..<output.text.count, isOutput: hasOutput))
        if let node = top.usageObject(tape, text), let usage = UsageReader.read(node, tape, text) {
            output.events.append(.usage(usage))
        }
        return .taken
    }

    /// What keeps the text from being an answer that can be given as a stream; nil when it is one, or an error.
    static func defect(_ text: Span<UInt8>, _ tape: JSONTape) -> StaticString? {
        guard tape.kind(0) == .object else { return "the answer is not an object" }
        let top = ChunkTop(tape, text)
        guard top.failure(tape, text) == nil else { return nil }
        guard tape.kind(top.choices) == .array, !tape.isEmptyContainer(top.choices) else {
            return "the answer has no choices"
        }
        var choice = top.choices + 1
        while choice < tape.next(top.choices) {
            guard tape.kind(choice) == .object else { return "a choice is not an object" }
            let message = tape.member("message", of: choice, in: text) ?? tape.member("delta", of: choice, in: text)
            guard let message, tape.kind(message) == .object else { return "a choice has no message" }
            choice = tape.next(choice)
        }
        return nil
    }

    /// The answer with every `message` as a `delta`, so that it can be read as one chunk of a stream.
    static func chunk(_ text: Span<UInt8>, _ tape: JSONTape) -> [UInt8] {
        var editor = ChunkEditor()
        let choices = tape.member("choices", of: 0, in: text) ?? -1
        var choice = choices + 1
        while choices >= 0, choice < tape.next(choices) {
            if let message = tape.member("message", of: choice, in: text) {
                editor.replace(tape.range(message - 1), with: "\"delta\"")
            }
            choice = tape.next(choice)
        }
        var chunk: [UInt8] = []
        editor.apply(to: text, appendingTo: &chunk)
        return chunk
    }

    private mutating func read(
        _ choice: AnswerChoice, _ place: Int, _ text: Span<UInt8>, _ hasOutput: inout Bool
    ) -> ChunkNormalizer.Outcome? {
        guard tape.kind(choice.message) == .object else { return .malformed("a choice has no message") }
        correctHead(of: choice, place)
        let list = choice.toolCalls
        if tape.kind(list) != .array, tape.kind(list) != .null {
            guard tape.isEmptyContainer(list) else { return .malformed("the tool calls are no list") }
            editor.replace(tape.range(list), with: "null")
        }
        let hasCalls = tape.kind(list) == .array && !tape.isEmptyContainer(list)
        let hasFunctionCall = tape.kind(choice.functionCall) == .object
        if hasCalls || hasFunctionCall || tape.kind(choice.audio) == .object { hasOutput = true }
        correctTexts(choice, text, &hasOutput)
        if hasCalls { correctCalls(list, text) }
        return correctFinishReason(choice, hasCalls ? .tools : hasFunctionCall ? .function : .nothing, text)
    }

    /// Says which choice it is and who speaks, where the provider does not.
    private mutating func correctHead(of choice: AnswerChoice, _ place: Int) {
        if choice.index < 0 {
            editor.insert(atEndOf: tape.range(choice.node), isFirst: false) {
                $0.append("\"index\":")
                JSONWriter.appendInteger(place, to: &$0)
            }
        } else if tape.kind(choice.index) != .integer {
            editor.replace(tape.range(choice.index)) { JSONWriter.appendInteger(place, to: &$0) }
        }
        if choice.role < 0 {
            editor.insert(atEndOf: tape.range(choice.message), isFirst: tape.isEmptyContainer(choice.message)) {
                $0.append("\"role\":\"assistant\"")
            }
        } else if !tape.isNonEmptyString(choice.role) {
            editor.replace(tape.range(choice.role), with: "\"assistant\"")
        }
    }

    private mutating func correctTexts(_ choice: AnswerChoice, _ text: Span<UInt8>, _ hasOutput: inout Bool) {
        if choice.content >= 0, editor.correctContent(choice.content, tape, text) { hasOutput = true }
        for node in [choice.reasoningContent, choice.refusal] where node >= 0 {
            if editor.correctText(node, tape, text) { hasOutput = true }
        }
        guard choice.reasoning >= 0, editor.correctText(choice.reasoning, tape, text) else { return }
        hasOutput = true
        guard choice.reasoningContent < 0 else { return }
        editor.replace(tape.range(choice.reasoning - 1), with: "\"reasoning_content\"")
    }

    private mutating func correctCalls(_ calls: Int, _ text: Span<UInt8>) {
        var call = calls + 1
        while call < tape.next(calls) {
            if tape.kind(call) == .object { correct(ToolCallNodes(call, tape, text), text) }
            call = tape.next(call)
        }
    }

    /// A call has an identifier and a type, and its arguments are a string.
    private mutating func correct(_ call: ToolCallNodes, _ text: Span<UInt8>) {
        guard call.function >= 0 else { return }
        if !tape.isNonEmptyString(call.id) {
            var id: [UInt8] = []
            id.append("\"call_")
            identifiers.append(to: &id)
            id.append("\"")
            put(call.id, "\"id\":", of: call) { $0.append(id.span) }
        }
        if !tape.isNonEmptyString(call.type) { put(call.type, "\"type\":", of: call) { $0.append("\"function\"") } }
        guard tape.kind(call.function) == .object else { return }
        if call.arguments < 0 {
            return editor.insert(atEndOf: tape.range(call.function), isFirst: tape.isEmptyContainer(call.function)) {
                $0.append("\"arguments\":\"{}\"")
            }
        }
        let range = tape.range(call.arguments)
        switch tape.kind(call.arguments) {
        case .string: return
        case .null: editor.replace(range, with: "\"{}\"")
        default: editor.replace(range) { JSONWriter.appendQuoted(text.extracting(range), to: &$0) }
        }
    }

    /// Replaces the value at a node, or adds the member where there is none; a call with a function is not empty.
    private mutating func put(
        _ node: Int, _ key: StaticString, of call: ToolCallNodes, _ write: (inout [UInt8]) -> Void
    ) {
        if node >= 0 { return editor.replace(tape.range(node), write) }
        editor.insert(atEndOf: tape.range(call.node), isFirst: false) {
            $0.append(key)
            write(&$0)
        }
    }

    private mutating func correctFinishReason(
        _ choice: AnswerChoice, _ calls: FinishReason.Calls, _ text: Span<UInt8>
    ) -> ChunkNormalizer.Outcome? {
        let fallback: StaticString = calls == .tools ? "\"tool_calls\"" : "\"stop\""
        let node = choice.finishReason
        guard node >= 0 else {
            editor.insert(atEndOf: tape.range(choice.node), isFirst: false) {
                $0.append("\"finish_reason\":")
                $0.append(fallback)
            }
            return nil
        }
        let reason = FinishReason(node, calls: calls, tape, text)
        switch reason {
        case .failed: return .failed(node: -1)
        case .verbatim: return nil
        case .none: editor.replace(tape.range(node), with: fallback)
        case .mapped: editor.replace(tape.range(node)) { reason.append(node, tape, text, to: &$0) }
        }
        return nil
    }
}
