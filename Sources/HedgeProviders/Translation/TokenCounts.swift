import HedgeCore
import HedgeJSON

/// Token counts in OpenAI's terms: the prompt includes what was cached, the completion includes reasoning.
struct TokenCounts: Hashable, Sendable {
    var prompt: Int?
    var completion: Int?
    /// Part of the prompt that was read from a cache.
    var cached: Int?
    /// Part of the prompt that was written to a cache.
    var cacheWritten: Int?
    /// Part of the completion that was reasoning.
    var reasoning: Int?

    /// Takes over what `other` knows.
    mutating func merge(_ other: TokenCounts) {
        prompt = other.prompt ?? prompt
        completion = other.completion ?? completion
        cached = other.cached ?? cached
        cacheWritten = other.cacheWritten ?? cacheWritten
        reasoning = other.reasoning ?? reasoning
    }

    /// What the router accounts for.
    var total: Usage {
        let prompt = prompt ?? 0
        let completion = completion ?? 0
        let read = min(cached ?? 0, prompt)
        return Usage(
            promptTokens: prompt, completionTokens: completion, cachedPromptTokens: read,
            cacheWrittenTokens: min(cacheWritten ?? 0, prompt &- read), reasoningTokens: min(reasoning ?? 0, completion)
        )
    }

    /// Appends the `usage` object; counts that are not known are 0 or left out.
    func append(to bytes: inout [UInt8]) {
        var json = JSONWriter(capacity: 240)
        json.beginObject()
        json.member("prompt_tokens", prompt ?? 0)
        json.member("completion_tokens", completion ?? 0)
        json.member("total_tokens", (prompt ?? 0) &+ (completion ?? 0))
        if cached != nil || cacheWritten != nil {
            json.key("prompt_tokens_details")
            json.beginObject()
            json.member("cached_tokens", cached ?? 0)
            if let cacheWritten { json.member("cache_write_tokens", cacheWritten) }
            json.endObject()
        }
        if let reasoning {
            json.key("completion_tokens_details")
            json.beginObject()
            json.member("reasoning_tokens", reasoning)
            json.endObject()
        }
        json.endObject()
        json.append(to: &bytes)
    }

    /// A count at `key` of a scanned object: a number that is not negative, cut to 2^40; nil for anything else.
    static func read(_ key: StaticString, of node: Int, _ tape: JSONTape, _ text: Span<UInt8>) -> Int? {
        guard let value = tape.member(key, of: node, in: text).flatMap({ tape.double($0, in: text) }), value >= 0 else {
            return nil
        }
        return Int(min(value, 0x1p40))
    }
}

extension ChunkBuilder {
    /// Gives a JSON object as text, without the white space between its tokens.
    mutating func text(_ field: TextField, object json: Span<UInt8>, into output: inout DecodedOutput) {
        var compact: [UInt8] = []
        compact.appendCompact(json)
        var quoted: [UInt8] = []
        JSONWriter.appendQuoted(compact.span, to: &quoted)
        text(field, quoted.span, into: &output)
    }
}

extension [UInt8] {
    /// Appends a JSON text without the white space between its tokens.
    mutating func appendCompact(_ json: Span<UInt8>) {
        var isInString = false
        var isEscaped = false
        for index in json.indices {
            let byte = json[index]
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
            } else if byte == UInt8(ascii: "\"") {
                isInString = true
            } else if byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
                continue
            }
            append(byte)
        }
    }
}
