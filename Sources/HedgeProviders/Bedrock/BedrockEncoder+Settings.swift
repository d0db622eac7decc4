import HedgeJSON

/// How the model is to answer: limits, sampling, form and thought.
extension BedrockEncoder {
    mutating func encodeInference() {
        encodeUnlessEmpty("inferenceConfig") { encoder in
            if let limit = encoder.request.maxTokens { encoder.json.member("maxTokens", limit) }
            if encoder.acceptsSampling {
                // Converse ends where OpenAI's range is half way.
                if let value = encoder.request["temperature"], let heat = value.number {
                    encoder.json.key("temperature")
                    if heat > 1 { encoder.json.value(1) } else { encoder.json.value(value) }
                }
                if let value = encoder.request["top_p"] {
                    encoder.json.key("topP")
                    encoder.json.value(value)
                }
            }
            let stop = encoder.request.stop.filter { encoder.isStop($0) }
            guard !stop.isEmpty else { return }
            encoder.json.key("stopSequences")
            encoder.json.beginArray()
            for text in stop { encoder.json.value(text) }
            encoder.json.endArray()
        }
    }

    /// Whether a text can end the answer: Converse refuses empty ones, which ask for nothing, and Claude blank ones.
    func isStop(_ text: JSONValue) -> Bool {
        !isEmptyStop(text) && (family != .claude || text.withUTF8 { $0.firstSignificant != nil } ?? false)
    }

    func isEmptyStop(_ text: JSONValue) -> Bool { text.withUTF8 { $0.isEmpty } ?? true }

    /// Writes an object, which is left out when nothing is in it.
    mutating func encodeUnlessEmpty(_ key: StaticString, _ write: (inout BedrockEncoder) -> Void) {
        let outer = exchange(&json, with: JSONWriter())
        json.beginObject()
        write(&self)
        json.endObject()
        let object = exchange(&json, with: outer)
        guard object.bytes.count > 2 else { return }
        json.key(key)
        json.raw(object.bytes)
    }

    /// The schema goes as a string.
    mutating func encodeOutput() {
        encodeUnlessEmpty("outputConfig") { encoder in
            if case .jsonSchema(let name, let schema, _) = encoder.request.responseFormat,
                encoder.flags.acceptsResponseSchema ?? false
            {
                encoder.json.key("textFormat")
                encoder.json.beginObject()
                encoder.json.member("type", "json_schema")
                encoder.json.key("structure")
                encoder.json.beginObject()
                encoder.json.key("jsonSchema")
                encoder.json.beginObject()
                encoder.json.member("schema", encoder.text(of: schema))
                encoder.json.member("name", name)
                encoder.json.endObject()
                encoder.json.endObject()
                encoder.json.endObject()
            }
            if encoder.thinks, encoder.family == .claude, encoder.flags.thinking == .effort {
                encoder.json.member("effort", AnthropicEncoder.level(encoder.effort))
            }
        }
    }

    /// A schema as the model takes it; Claude's are as narrow as at Anthropic.
    private func text(of schema: JSONValue) -> String {
        guard family == .claude else { return schema.compactText }
        var json = JSONWriter()
        SchemaFilter.claude.write(schema, to: &json)
        return json.text
    }

    var effort: String { request.reasoningEffort ?? "none" }

    /// Whether the request asks for thought, and the model can give it.
    ///
    /// A Claude that is told a number of tokens refuses to think on after calls whose thoughts are not in the history;
    /// those that are told a level do not ask for them.
    var thinks: Bool {
        guard effort != "none", Self.reasons(flags, family) else { return false }
        guard family == .claude else { return true }
        guard hasRoomToThink else { return false }
        guard flags.thinking == .budget else { return true }
        return !AnthropicTurns.lacksThinking(request)
    }

    /// Whether Claude can think: not about a call it has to make, nor within fewer tokens than thinking takes at least.
    var hasRoomToThink: Bool {
        !forcesTool && !usesSchemaTool && (flags.thinking != .budget || budget != nil)
    }

    /// What only some models know.
    mutating func encodeAdditional() {
        encodeUnlessEmpty("additionalModelRequestFields") { encoder in
            encoder.encodeThinking()
            guard encoder.family == .claude else { return }
            if encoder.acceptsSampling, let value = encoder.request["top_k"] {
                encoder.json.key("top_k")
                encoder.json.value(value)
            }
            if encoder.request.parallelToolCalls == false, encoder.offersTools {
                encoder.json.key("tool_choice")
                encoder.json.beginObject()
                if !encoder.forcesTool { encoder.json.member("type", "auto") }
                encoder.json.member("disable_parallel_tool_use", true)
                encoder.json.endObject()
            }
        }
    }

    mutating func encodeThinking() {
        guard thinks else { return }
        switch (family, flags.thinking) {
        case (.claude, .effort):
            json.key("thinking")
            json.beginObject()
            json.member("type", "adaptive")
            json.member("display", "summarized")
            json.endObject()
        case (.claude, _):
            guard let budget else { return }
            json.key("thinking")
            json.beginObject()
            json.member("type", "enabled")
            json.member("budget_tokens", budget)
            json.endObject()
        case (.openAI, _):
            json.member("reasoning_effort", effort == "minimal" ? "low" : effort)
        case (.nova, _):
            json.key("reasoningConfig")
            json.beginObject()
            json.member("type", "enabled")
            let isNamed = ["low", "medium", "high"].contains(effort)
            json.member("maxReasoningEffort", isNamed ? effort : effort == "minimal" ? "low" : "high")
            json.endObject()
        case (.mistral, _), (.other, _): return
        }
    }

    /// Tokens to think with: at least 1,024, and fewer than the whole answer may have; nil where that leaves none.
    var budget: Int64? {
        let least = AnthropicEncoder.leastBudget
        let wanted = AnthropicEncoder.budgets[effort] ?? least
        guard let limit = request.maxTokens else { return wanted }
        return limit > least ? min(wanted, limit - 1) : nil
    }
}
