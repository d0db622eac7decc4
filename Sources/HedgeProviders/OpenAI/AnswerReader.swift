import HedgeCore
import HedgeJSON

/// Reads a scanned `chat.completion`.
///
/// What is right passes byte for byte; corrected in place are a finish reason that is empty or another word, reasoning
/// under another name, content that is a list, and arguments that are no string.
struct AnswerReader {
    let tape: JSONTape
    private var editor = ChunkEditor()

    init(tape: JSONTape) {
        self.tape = tape
    }

    /// Gives the answer as one chunk.
    mutating func give(_ text: Span<UInt8>, into output: inout DecodedOutput) -> ChunkNormalizer.Outcome {
        guard tape.kind(0) == .object else { return .malformed("the answer is not an object") }
        let top = ChunkTop(tape, text)
        if let node = top.failure(tape, text) { return .failed(node: node) }
        guard tape.kind(top.choices) == .array, !tape.isEmptyContainer(top.choices) else {
            return .malformed("the answer has no choices")
        }
        var hasOutput = false
        var choice = top.choices + 1
        while choice < tape.next(top.choices) {
            guard tape.kind(choice) == .object else { return .malformed("a choice is not an object") }
            if let failure = read(choice, text, &hasOutput) { return failure }
            choice = tape.next(choice)
        }
        let start = output.text.count
        editor.apply(to: text, appendingTo: &output.text)
        output.events.append(.chunk(start..<output.text.count, isOutput: hasOutput))
        if let node = top.usageObject(tape, text), let usage = UsageReader.read(node, tape, text) {
            output.events.append(.usage(usage))
        }
        return .taken
    }

    /// What keeps the text from being an answer that can be given as a stream; nil when it is one, or an error.
    func defect(_ text: Span<UInt8>) -> StaticString? {
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
    func chunk(_ text: Span<UInt8>) -> [UInt8] {
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
        _ choice: Int, _ text: Span<UInt8>, _ hasOutput: inout Bool
    ) -> ChunkNormalizer.Outcome? {
        guard let message = tape.member("message", of: choice, in: text), tape.kind(message) == .object else {
            return .malformed("a choice has no message")
        }
        let calls = tape.member("tool_calls", of: message, in: text).flatMap {
            tape.kind($0) == .array && !tape.isEmptyContainer($0) ? $0 : nil
        }
        for key in ["content", "reasoning_content", "refusal"] as [StaticString] {
            if let node = tape.member(key, of: message, in: text), tape.isNonEmptyString(node) { hasOutput = true }
        }
        for key in ["function_call", "audio"] as [StaticString] {
            if let node = tape.member(key, of: message, in: text), tape.kind(node) == .object { hasOutput = true }
        }
        if calls != nil { hasOutput = true }
        correctContent(message, text, &hasOutput)
        correctReasoning(message, text, &hasOutput)
        if let calls { correctArguments(calls, text) }
        return correctFinishReason(choice, hasToolCalls: calls != nil, text)
    }

    private mutating func correctContent(_ message: Int, _ text: Span<UInt8>, _ hasOutput: inout Bool) {
        guard let node = tape.member("content", of: message, in: text), tape.kind(node) == .array else { return }
        let parts = ContentParts(node, tape, text)
        if parts.hasText { hasOutput = true }
        editor.replace(tape.range(node)) { parts.append(text, to: &$0) }
    }

    private mutating func correctReasoning(_ message: Int, _ text: Span<UInt8>, _ hasOutput: inout Bool) {
        guard let node = tape.member("reasoning", of: message, in: text), tape.isNonEmptyString(node) else { return }
        hasOutput = true
        guard tape.member("reasoning_content", of: message, in: text) == nil else { return }
        editor.replace(tape.range(node - 1), with: "\"reasoning_content\"")
    }

    private mutating func correctArguments(_ calls: Int, _ text: Span<UInt8>) {
        var call = calls + 1
        while call < tape.next(calls) {
            if let function = tape.member("function", of: call, in: text),
                let arguments = tape.member("arguments", of: function, in: text), tape.kind(arguments) != .string
            {
                let range = tape.range(arguments)
                if tape.kind(arguments) == .null {
                    editor.replace(range, with: "\"{}\"")
                } else {
                    editor.replace(range) { JSONWriter.appendQuoted(text.extracting(range), to: &$0) }
                }
            }
            call = tape.next(call)
        }
    }

    private mutating func correctFinishReason(
        _ choice: Int, hasToolCalls: Bool, _ text: Span<UInt8>
    ) -> ChunkNormalizer.Outcome? {
        let fallback: StaticString = hasToolCalls ? "\"tool_calls\"" : "\"stop\""
        guard let node = tape.member("finish_reason", of: choice, in: text) else {
            editor.insert(atEndOf: tape.range(choice), isFirst: false) {
                $0.append("\"finish_reason\":")
                $0.append(fallback)
            }
            return nil
        }
        let reason = FinishReason(node, hasToolCalls: hasToolCalls, tape, text)
        switch reason {
        case .failed: return .failed(node: -1)
        case .verbatim: return nil
        case .none: editor.replace(tape.range(node), with: fallback)
        case .mapped: editor.replace(tape.range(node)) { reason.append(node, tape, text, to: &$0) }
        }
        return nil
    }
}
