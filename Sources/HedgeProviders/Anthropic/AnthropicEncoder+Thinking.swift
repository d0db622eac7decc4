import HedgeJSON

/// How hard the model is to think, and the form of its answer.
extension AnthropicEncoder {
    enum Thinking {
        case off
        case disabled
        case budget(Int64)
        case effort(String)
        /// The caller's own member, and the effort beside it.
        case given(JSONValue, effort: String?)

        var isOff: Bool {
            switch self {
            case .off, .disabled: true
            case .budget, .effort: false
            case .given(let value, _): value["type"]?.string == "disabled"
            }
        }
    }

    /// What becomes of the effort the caller wants; nil where nothing can.
    func plan() -> Thinking? {
        let style = flags.thinking ?? .effort
        if let given = request["thinking"], given.kind == .object {
            guard let effort = request.reasoningEffort else { return .given(given, effort: nil) }
            guard style == .effort, effort != "none", given["type"]?.string != "disabled" else { return nil }
            return .given(given, effort: Self.level(effort))
        }
        guard let effort = request.reasoningEffort else { return .off }
        if effort == "none" { return style == .effort ? .disabled : .off }
        // No model thinks about a call it has to make, and a schema without support of its own is such a call.
        guard !forcesTool, !usesSchemaTool else { return nil }
        switch style {
        case .none: return nil
        case .effort: return .effort(Self.level(effort))
        case .budget:
            // An answer that goes on after calls must have the signed reasoning that led to them, which other
            // providers do not give: such a turn is ended without thinking. Models with levels do not ask for it.
            guard !AnthropicTurns.lacksThinking(request) else { return .off }
            // Anthropic's documents: at least 1,024 tokens, fewer than `max_tokens`, and no answer that has begun. The
            // caller's limit includes reasoning, as OpenAI defines it, and is not raised.
            guard maxTokens > Self.leastBudget, request.messages.last?.role != .assistant else { return nil }
            return .budget(min(Self.budgets[effort] ?? Self.leastBudget, maxTokens - 1))
        }
    }

    static func level(_ effort: String) -> String { effort == "minimal" ? "low" : effort }

    /// Fewest tokens there can be to think with.
    static let leastBudget: Int64 = 1024

    /// Tokens for an effort on models that are told a number, as LiteLLM gives them.
    static let budgets: [String: Int64] = [
        "minimal": 1024, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192, "max": 16_384,
    ]

    func writeThinking(to json: inout JSONWriter) {
        var effort: String?
        switch thinking {
        case .off: break
        case .disabled: writeThinking("disabled", to: &json)
        case .given(let value, let level):
            effort = level
            json.key("thinking")
            json.value(value)
        case .budget(let tokens):
            json.key("thinking")
            json.beginObject()
            json.member("type", "enabled")
            json.member("budget_tokens", tokens)
            json.endObject()
        case .effort(let level):
            effort = level
            json.key("thinking")
            json.beginObject()
            json.member("type", "adaptive")
            json.member("display", "summarized")
            json.endObject()
        }
        writeOutput(effort: effort, to: &json)
    }

    func writeThinking(_ type: String, to json: inout JSONWriter) {
        json.key("thinking")
        json.beginObject()
        json.member("type", type)
        json.endObject()
    }

    /// `output_config`: effort and the schema of the answer.
    func writeOutput(effort: String?, to json: inout JSONWriter) {
        var schema: JSONValue?
        if case .jsonSchema(_, let given, _) = request.responseFormat, flags.acceptsResponseSchema ?? true {
            schema = given
        }
        guard effort != nil || schema != nil else { return }
        json.key("output_config")
        json.beginObject()
        if let effort { json.member("effort", effort) }
        if let schema {
            json.key("format")
            json.beginObject()
            json.member("type", "json_schema")
            json.key("schema")
            SchemaFilter.claude.write(schema, to: &json)
            json.endObject()
        }
        json.endObject()
    }
}
