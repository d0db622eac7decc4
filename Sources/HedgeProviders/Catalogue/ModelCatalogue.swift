/// What is known of models by their names: data that ages, and that `model_info` overrides.
enum ModelCatalogue {
    /// One rule: it holds for every model whose name has one of `names` in it as whole words; one with `^` before it has
    /// to be the beginning of the model's own name, after the last slash.
    struct Row: Sendable {
        var names: [String]
        var flags: ModelFlags

        init(_ names: String..., set: (inout ModelFlags) -> Void) {
            self.names = names
            flags = ModelFlags()
            set(&flags)
        }
    }

    /// Everything known of the model; what stands earlier in ``rows`` counts first.
    static func flags(of model: String) -> ModelFlags {
        let model = model.lowercased()
        return rows.reduce(into: ModelFlags()) { flags, row in
            if row.names.contains(where: { contains(model, $0) }) { flags = flags.completed(with: row.flags) }
        }
    }

    /// Whether `name` stands in `model` and neither begins in the middle of a word nor ends in that of a number there:
    /// `opus-4` is no `opus-41`.
    private static func contains(_ model: String, _ name: String) -> Bool {
        if name.hasPrefix("^") {
            let own = model.lastIndex(of: "/").map { model[model.index(after: $0)...] } ?? model[...]
            return own.hasPrefix(name.dropFirst()) && contains(String(own), String(name.dropFirst()))
        }
        let model = Array(model.utf8)
        let name = Array(name.utf8)
        guard let last = name.last, name.count <= model.count else { return false }
        return (0...(model.count - name.count)).contains { start in
            guard model[start..<(start + name.count)].elementsEqual(name) else { return false }
            let end = start + name.count
            return (start == 0 || !ToolCallID.isLetterOrDigit(model[start - 1]))
                && (!isDigit(last) || end == model.count || !isDigit(model[end]))
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

    static let rows: [Row] = [
        // Claude: sampling went away with Opus 4.7 and everything named 5.
        Row("opus-4-7", "opus-4-8", "opus-5", "sonnet-5", "haiku-5-5", "fable", "mythos") {
            $0.acceptsSampling = false
        },
        // From Opus 4.1 on one of the two, says the API; the last ones think always, says Amazon's table of models.
        Row("opus-4-1", "opus-4-5", "sonnet-4-5", "haiku-4-5", "opus-4-6", "sonnet-4-6") {
            $0.refusedMembers = ["top_p+temperature"]
        },
        Row("fable", "mythos") { $0.refusedMembers = ["reasoning_effort=none"] },
        Row("opus-5-5", "sonnet-5-5", "fable-5-1", "mythos-5-1") { $0.acceptsForcedToolUse = false },
        Row("opus-4-6", "opus-4-7", "opus-4-8", "sonnet-4-6", "opus-5", "sonnet-5", "haiku-5", "fable", "mythos") {
            $0.acceptsPrefill = false
            $0.thinking = .effort
            $0.acceptsResponseSchema = true
            $0.maxOutputTokens = 64_000
        },
        Row("opus-5", "sonnet-5", "haiku-5", "fable", "mythos") { $0.acceptsLateSystem = true },
        Row("opus-4-5", "sonnet-4-5", "haiku-4-5", "opus-4-1") {
            $0.thinking = .budget
            $0.acceptsResponseSchema = true
        },
        Row("sonnet-4", "haiku-4", "opus-4-5") { $0.maxOutputTokens = 64_000 },
        Row("opus-4", "sonnet-4", "haiku-4", "3-7-sonnet") {
            $0.thinking = .budget
            $0.acceptsResponseSchema = false
        },
        Row("opus-4") { $0.maxOutputTokens = 32_000 },
        Row("3-7-sonnet") { $0.maxOutputTokens = 64_000 },
        Row("3-5-sonnet", "3-5-haiku") { $0.maxOutputTokens = 8192 },
        Row("claude-3", "claude-2", "claude-instant") {
            $0.maxOutputTokens = 4096
            $0.thinking = ModelFlags.Thinking.none
            $0.acceptsResponseSchema = false
        },
        // Gemini: identifiers of tool calls and levels of thinking came with version 3, penalties went.
        // Before it, a form of the answer and tools excluded one another, and before version 2 there was no JSON Schema.
        Row("gemini-1", "gemini-2") { $0.refusedMembers = ["response_format+tools"] },
        Row("gemini-1") {
            $0.acceptsToolCallIDs = false
            $0.thinking = ModelFlags.Thinking.none
            $0.acceptsResponseSchema = false
        },
        Row("gemini-2.0") {
            $0.acceptsToolCallIDs = false
            $0.thinking = ModelFlags.Thinking.none
        },
        Row("gemini-2.5") {
            $0.acceptsToolCallIDs = false
            $0.thinking = .budget
        },
        // Google's guide to these: sampling is passed over and to be refused, beginnings of answers are refused.
        Row("gemini-3.5-flash-lite", "gemini-3.6", "gemini-3.7", "gemini-3.8") {
            $0.acceptsSampling = false
            $0.acceptsPrefill = false
        },
        Row("gemini-") {
            $0.acceptsToolCallIDs = true
            $0.thinking = .effort
            $0.refusedMembers = ["presence_penalty", "frequency_penalty"]
        },
        // OpenAI: reasoning models steer their sampling themselves while they think. Those from 5.1 on think when asked to;
        // 5.6 always does, and like 5.4 not beside functions. What only chats is named apart.
        Row("gpt-5-chat", "gpt-5.1-chat", "gpt-5.2-chat", "gpt-5.3-chat") {
            $0.refusedMembers = []
            $0.refusedWhileThinking = []
        },
        Row("gpt-5.4", "gpt-5.5", "gpt-5.6") { $0.thinksWithTools = false },
        Row("gpt-5.1", "gpt-5.2", "gpt-5.3", "gpt-5.4", "gpt-5.5") { $0.thinksUnasked = false },
        Row("gpt-5", "^o1", "^o3", "^o4-mini") { $0.thinksUnasked = true },
        Row("gpt-5", "gpt-6") {
            $0.refusedMembers = [
                "presence_penalty", "frequency_penalty", "stop", "logit_bias", "modalities", "prediction", "audio",
            ]
        },
        Row("^o1", "^o3-mini") { $0.refusedMembers = ["presence_penalty", "frequency_penalty", "logit_bias"] },
        Row("^o3", "^o4-mini") { $0.refusedMembers = ["presence_penalty", "frequency_penalty", "stop", "logit_bias"] },
        Row("gpt-5", "gpt-6", "^o1", "^o3", "^o4-mini") {
            $0.wantsCompletionLimit = true
            $0.refusedWhileThinking = ["temperature", "top_p", "logprobs", "top_logprobs"]
        },
        // DeepSeek: everything thinks unless told not to, but for the name that stands for not thinking.
        Row("deepseek-chat", "deepseek-coder") { $0.thinksUnasked = false },
        Row("deepseek-") { $0.thinksUnasked = true },
        // xAI: reasoning models refuse what steers sampling beyond temperature; how hard they think is only some models'
        // to be told.
        Row("grok-4-fast", "grok-4-1-fast", "grok-4.1-fast", "grok-4-0709", "grok-4.20-non-reasoning", "grok-code-fast")
        {
            $0.refusedMembers = ["stop", "frequency_penalty", "presence_penalty", "reasoning_effort"]
        },
        Row("grok-4") { $0.refusedMembers = ["stop", "frequency_penalty", "presence_penalty"] },
        Row("grok-3-mini") { $0.refusedMembers = ["stop"] },
        // Bedrock: which tool is to be called can be said to Claude, Nova and Mistral; Nova thinks from its second version
        // on, and some models do not know where to stop.
        Row("meta.llama", "cohere.command", "ai21.jamba", "writer.palmyra", "deepseek.", "qwen.", "openai.gpt-oss") {
            $0.acceptsForcedToolUse = false
        },
        Row("openai.gpt-oss", "qwen.") { $0.refusedMembers = ["stop"] },
        Row("nova-pro-v1", "nova-lite-v1", "nova-micro-v1", "nova-premier-v1") {
            $0.thinking = ModelFlags.Thinking.none
        },
        // Embeddings: the length of the vectors could not be chosen before OpenAI's text-embedding-3, Cohere's embed-v4 and
        // Titan's second version, which can be told not to normalize them, too.
        Row("ada-002", "embed-english", "embed-multilingual") { $0.refusedMembers = ["dimensions"] },
        Row("titan-embed-text-v1", "titan-embed-g1-text") { $0.refusedMembers = ["dimensions", "normalize"] },
        // Cohere: only the reasoning models think.
        Row("command-a-reasoning") { $0.thinking = .budget },
        Row("command-") { $0.thinking = ModelFlags.Thinking.none },
    ]
}
