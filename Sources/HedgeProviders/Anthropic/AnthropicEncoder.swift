import HedgeJSON

/// Writes a request as a Messages body.
struct AnthropicEncoder {
    private let request: RequestView
    private let endpoint: Endpoint
    private let provider: String
    private let flags: ModelFlags
    private let names: ToolNames
    private let turns: AnthropicTurns
    private let host: Host

    /// Who serves the model.
    enum Host {
        case anthropic
        /// The model is in the address, the version in the body, and nothing is fetched from elsewhere.
        case vertex
    }

    /// Longest name of a tool.
    static let longestName = 128
    /// Name of the tool that stands in for an answer with a schema, on models that know no schemas.
    static let schemaTool = "json_tool_call"

    init(_ request: RequestView, endpoint: Endpoint, provider: String, host: Host = .anthropic) {
        self.request = request.refusing(endpoint.flags.refusedMembers)
        self.endpoint = endpoint
        self.provider = provider
        self.host = host
        flags = endpoint.flags
        names = ToolNames(request, limit: Self.longestName)
        turns = AnthropicTurns(request, acceptsLateSystem: flags.acceptsLateSystem ?? false)
    }

    // MARK: What can be said

    /// What of the request has no equivalent.
    var objections: [String] {
        let dropping = endpoint.dropsUnsupported
        return expressible.objections(to: request, dropping: dropping) + partObjections
            + (dropping ? [] : valueObjections)
    }

    private var expressible: Expressible {
        var members: Set<String> = [
            "max_tokens", "max_completion_tokens", "stop", "user", "reasoning_effort", "parallel_tool_calls",
            "thinking",
            "metadata",
        ]
        if acceptsSampling { members.formUnion(["temperature", "top_p", "top_k"]) }
        return Expressible(
            provider: provider, members: members, parts: [.image, .file], resultParts: [.image, .file],
            forcesTools: flags.acceptsForcedToolUse ?? true, forcesNamedTool: flags.acceptsForcedToolUse ?? true,
            hasJSONObject: false, hasJSONSchema: flags.acceptsResponseSchema ?? true || request.tools.isEmpty)
    }

    /// Sampling and thinking exclude one another.
    private var acceptsSampling: Bool {
        let hasVersion = host == .vertex || endpoint.apiVersion ?? "" < AnthropicProvider.versionWithoutSampling
        return (flags.acceptsSampling ?? true) && hasVersion && thinking.isOff
    }

    /// Values that a member as such has an equivalent for, but not these.
    private var valueObjections: [String] {
        var fields: [String] = []
        // No model thinks about a call it has to make, and a schema without support of its own is such a call.
        let cannotThink = flags.thinking == ModelFlags.Thinking.none || forcesTool || usesSchemaTool
        if let effort = request.reasoningEffort, effort != "none", cannotThink { fields.append("reasoning_effort") }
        if request["metadata"] != nil, request["metadata"]?["user_id"]?.string == nil { fields.append("metadata") }
        if flags.acceptsTools == false, !request.tools.isEmpty { fields.append("tools") }
        return fields
    }

    /// Parts of messages the format has a place for, but not in this form.
    private var partObjections: [String] {
        var fields: [String] = []
        for message in request.messages {
            for part in message.parts where part.kind == .image || part.kind == .file {
                switch part.media {
                case .data: if part.kind == .image, flags.acceptsImages == false { fields.append(part.path) }
                case .url(let url): if host == .vertex || !url.hasPrefix("https://") { fields.append(part.path) }
                case nil: fields.append(part.path)
                }
            }
        }
        if flags.acceptsPrefill == false, let last = request.messages.last, last.role == .assistant {
            fields.append(last.path)
        }
        return fields
    }

    /// Whether the schema of `response_format` goes out as a tool.
    var usesSchemaTool: Bool {
        guard case .jsonSchema = request.responseFormat, request.tools.isEmpty else { return false }
        return flags.acceptsResponseSchema == false
    }

    // MARK: The body

    /// The whole body.
    func body(isStream: Bool) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        switch host {
        case .anthropic: json.member("model", endpoint.model)
        case .vertex: json.member("anthropic_version", "vertex-2023-10-16")
        }
        json.member("max_tokens", maxTokens)
        if isStream { json.member("stream", true) }
        turns.writeSystem(to: &json)
        turns.writeMessages(names: names, withThinking: !thinking.isOff, to: &json)
        writeTools(to: &json)
        writeSampling(to: &json)
        writeThinking(to: &json)
        let user = request["user"] ?? request["metadata"]?["user_id"]
        if let user, user.kind == .string {
            json.key("metadata")
            json.beginObject()
            json.key("user_id")
            json.raw(user.compactBytes)
            json.endObject()
        }
        json.endObject()
        return json.bytes
    }

    /// The limit the format demands: the caller's, else the model's.
    private var maxTokens: Int64 {
        max(1, request.maxTokens ?? Int64(flags.maxOutputTokens ?? 4096))
    }

    private func writeSampling(to json: inout JSONWriter) {
        let stop = request.stop.filter { text in
            text.withUTF8 { bytes in bytes.firstSignificant != nil } ?? false
        }
        if !stop.isEmpty {
            json.key("stop_sequences")
            json.beginArray()
            for text in stop { json.raw(text.compactBytes) }
            json.endArray()
        }
        guard acceptsSampling else { return }
        if let temperature = request["temperature"]?.number {
            json.key("temperature")
            // OpenAI's scale ends at 2, this one at 1.
            temperature > 1 ? json.value(Int64(1)) : json.raw(request["temperature"]?.compactBytes ?? [])
        }
        for key in ["top_p", "top_k"] as [StaticString] {
            guard let value = request[key] else { continue }
            json.key(key)
            json.raw(value.compactBytes)
        }
    }

    // MARK: Thinking

    private enum Thinking {
        case off
        case disabled
        case budget(Int64)
        case effort(String)
        /// The caller's own member.
        case given(JSONValue)

        var isOff: Bool {
            switch self {
            case .off, .disabled: true
            case .budget, .effort: false
            case .given(let value): value["type"]?.string == "disabled"
            }
        }
    }

    private var thinking: Thinking {
        if let given = request["thinking"], given.kind == .object { return .given(given) }
        guard let effort = request.reasoningEffort else { return .off }
        let style = flags.thinking ?? .effort
        if effort == "none" { return style == .effort ? .disabled : .off }
        // A forced tool call and thinking exclude one another, and so do a signature that is missing and thinking.
        guard !forcesTool, !usesSchemaTool, !turns.lacksThinking else { return .off }
        switch style {
        case .none: return .off
        case .effort: return .effort(effort == "minimal" ? "low" : effort)
        case .budget:
            // The answer needs room beside the thinking.
            let budget = min(Self.budgets[effort] ?? 2048, maxTokens - 1)
            return budget >= 1024 ? .budget(budget) : .off
        }
    }

    /// Tokens for an effort on models that are told a number.
    private static let budgets: [String: Int64] = [
        "minimal": 1024, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192, "max": 16_384,
    ]

    private func writeThinking(to json: inout JSONWriter) {
        var effort: String?
        switch thinking {
        case .off: break
        case .disabled: write("disabled", to: &json)
        case .given(let value):
            json.key("thinking")
            json.raw(value.compactBytes)
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

    private func write(_ type: String, to json: inout JSONWriter) {
        json.key("thinking")
        json.beginObject()
        json.member("type", type)
        json.endObject()
    }

    /// `output_config`: effort and the schema of the answer.
    private func writeOutput(effort: String?, to json: inout JSONWriter) {
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
            Self.schemaFilter.write(schema, to: &json)
            json.endObject()
        }
        json.endObject()
    }

    /// What the schema of an answer has no room for.
    private static let schemaFilter = SchemaFilter(
        removed: [
            "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
            "pattern", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "$schema", "$id",
        ],
        closesObjects: true)

    // MARK: Tools

    private var forcesTool: Bool {
        switch request.toolChoice {
        case .required, .function: flags.acceptsForcedToolUse ?? true
        default: false
        }
    }

    private func writeTools(to json: inout JSONWriter) {
        if usesSchemaTool { return writeSchemaTool(to: &json) }
        let functions = request.tools.filter(\.isFunction)
        // A history with tool calls needs tools, whether more may be called or not.
        let mentioned = functions.isEmpty ? turns.calledFunctions : []
        guard !functions.isEmpty || !mentioned.isEmpty, flags.acceptsTools ?? true else { return }
        json.key("tools")
        json.beginArray()
        for tool in functions { write(tool, to: &json) }
        for name in mentioned { writeTool(names[name], to: &json) }
        json.endArray()
        writeToolChoice(mayCall: !functions.isEmpty, to: &json)
    }

    private func write(_ tool: ToolView, to json: inout JSONWriter) {
        json.beginObject()
        json.member("name", names[tool.name])
        if let description = tool.description {
            json.key("description")
            json.raw(description.compactBytes)
        }
        json.key("input_schema")
        writeInputSchema(tool.parameters, to: &json)
        if tool.strict == true { json.member("strict", true) }
        if let cache = tool.json["cache_control"] ?? tool.json["function"]?["cache_control"] {
            json.key("cache_control")
            json.raw(cache.compactBytes)
        }
        json.endObject()
    }

    /// A tool that is only there because the history mentions it.
    private func writeTool(_ name: String, to json: inout JSONWriter) {
        json.beginObject()
        json.member("name", name)
        json.key("input_schema")
        writeInputSchema(nil, to: &json)
        json.endObject()
    }

    /// The schema must be that of an object.
    private func writeInputSchema(_ schema: JSONValue?, to json: inout JSONWriter) {
        guard let schema, schema.kind == .object else {
            return json.raw(Array(#"{"type":"object","properties":{}}"#.utf8))
        }
        if schema["type"]?.string == "object" { return json.raw(schema.compactBytes) }
        json.beginObject()
        json.member("type", "object")
        for (name, value) in schema.members where name != "type" {
            json.key(name)
            json.raw(value.compactBytes)
        }
        json.endObject()
    }

    private func writeToolChoice(mayCall: Bool, to json: inout JSONWriter) {
        var type: String?
        var function: String?
        switch request.toolChoice {
        case _ where !mayCall: type = "none"
        case .unspecified, .other: break
        case .auto: type = "auto"
        case .none: type = "none"
        case .required: type = forcesTool ? "any" : nil
        case .function(let name):
            guard forcesTool else { break }
            type = "tool"
            function = names[name]
        }
        let isSingle = request.parallelToolCalls == false && type != "none"
        guard type != nil || isSingle else { return }
        json.key("tool_choice")
        json.beginObject()
        json.member("type", type ?? "auto")
        if let function { json.member("name", function) }
        if isSingle { json.member("disable_parallel_tool_use", true) }
        json.endObject()
    }

    /// A compulsory tool whose arguments are the answer.
    private func writeSchemaTool(to json: inout JSONWriter) {
        guard case .jsonSchema(_, let schema, _) = request.responseFormat else { return }
        json.key("tools")
        json.beginArray()
        json.beginObject()
        json.member("name", Self.schemaTool)
        json.key("input_schema")
        writeInputSchema(schema, to: &json)
        json.endObject()
        json.endArray()
        json.key("tool_choice")
        json.beginObject()
        json.member("type", "tool")
        json.member("name", Self.schemaTool)
        json.endObject()
    }
}
