import HedgeCore
import HedgeJSON

/// Reads an OpenAI `usage` object.
enum UsageReader {
    /// The token counts, or nil if the object has neither.
    ///
    /// xAI leaves reasoning tokens out of `completion_tokens` but not out of `total_tokens`; they are added where the
    /// sums show it.
    static func read(_ node: Int, _ tape: JSONTape, _ text: Span<UInt8>) -> Usage? {
        let prompt = count("prompt_tokens", of: node, tape, text)
        let completion = count("completion_tokens", of: node, tape, text)
        guard prompt != nil || completion != nil else { return nil }
        var usage = Usage(promptTokens: prompt ?? 0, completionTokens: completion ?? 0)
        if let details = tape.member("prompt_tokens_details", of: node, in: text) {
            let cached = count("cached_tokens", of: details, tape, text) ?? 0
            usage.cachedPromptTokens = min(cached, usage.promptTokens)
            let written = count("cache_write_tokens", of: details, tape, text) ?? 0
            usage.cacheWrittenTokens = min(written, usage.promptTokens &- usage.cachedPromptTokens)
        }
        if let missing = missingReasoning(node, tape, text) { usage.completionTokens &+= missing }
        if let details = tape.member("completion_tokens_details", of: node, in: text) {
            let reasoning = count("reasoning_tokens", of: details, tape, text) ?? 0
            usage.reasoningTokens = min(reasoning, usage.completionTokens)
        }
        return usage
    }

    /// Reasoning tokens that are part of the total and not of the completion, as xAI counts; nil for none.
    private static func missingReasoning(_ node: Int, _ tape: JSONTape, _ text: Span<UInt8>) -> Int? {
        guard let details = tape.member("completion_tokens_details", of: node, in: text),
            let reasoning = count("reasoning_tokens", of: details, tape, text), reasoning > 0,
            let total = count("total_tokens", of: node, tape, text)
        else { return nil }
        let prompt = count("prompt_tokens", of: node, tape, text) ?? 0
        let completion = count("completion_tokens", of: node, tape, text) ?? 0
        return total == prompt &+ completion &+ reasoning ? reasoning : nil
    }

    /// Corrects the completion of a usage object that leaves out reasoning tokens, which OpenAI counts as part of it.
    static func correct(_ node: Int, _ tape: JSONTape, _ text: Span<UInt8>, _ editor: inout ChunkEditor) {
        guard let missing = missingReasoning(node, tape, text),
            let value = tape.member("completion_tokens", of: node, in: text),
            let said = count("completion_tokens", of: node, tape, text)
        else { return }
        editor.replace(tape.range(value)) { JSONWriter.appendInteger(said &+ missing, to: &$0) }
    }

    /// A count that is an integer and not negative; counts beyond any sense are cut to 2^40.
    private static func count(_ key: StaticString, of node: Int, _ tape: JSONTape, _ text: Span<UInt8>) -> Int? {
        guard let value = tape.member(key, of: node, in: text).flatMap({ tape.double($0, in: text) }), value >= 0 else {
            return nil
        }
        return Int(min(value, 0x1p40))
    }
}
