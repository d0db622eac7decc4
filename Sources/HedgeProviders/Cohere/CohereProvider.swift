import HedgeCore
import HedgeJSON

/// Version 2 of Cohere's chat API.
public struct CohereProvider: Provider {
    /// Name, address and keys.
    public let profile: ProviderProfile

    /// The format at the address of `profile`.
    public init(profile: ProviderProfile) {
        self.profile = profile
    }

    /// The profile's name.
    public var name: String { profile.name }

    /// `{base}/v2/chat`, with the key as a bearer token.
    public func head(for endpoint: Endpoint, isStream: Bool) -> RequestHead {
        var headers = ["Content-Type: application/json"]
        headers.append("Accept: \(isStream ? "text/event-stream" : "application/json")")
        if let key = endpoint.bearerToken ?? endpoint.apiKey { headers.append("Authorization: Bearer \(key.exposed)") }
        let path = endpoint.baseURL.hasSuffix("/v2") ? "/chat" : "/v2/chat"
        return RequestHead(
            url: EndpointURL.join(endpoint.baseURL, path),
            headers: RequestHeaders.merge(headers, with: endpoint.extraHeaders))
    }

    /// What the profile says.
    public var operations: Set<Operation> { profile.operations }

    /// What the profile says.
    public func embeddingLimits(at endpoint: Endpoint) -> EmbeddingLimits { profile.embeddingLimits }

    /// `{base}/v2/embed` for embeddings.
    public func head(for endpoint: Endpoint, operation: Operation, isStream: Bool) -> RequestHead {
        var head = head(for: endpoint, isStream: isStream)
        if operation == .embeddings, head.url.hasSuffix("/chat") { head.url = head.url.dropLast(4) + "embed" }
        return head
    }

    /// What of the request Cohere has no equivalent for, at this model.
    public func check(_ request: ChatRequest, for endpoint: Endpoint) -> UnsupportedRequest? {
        if request.operation == .embeddings {
            return request.embeddingObjection(besides: CohereEmbeddings.members, name: name, endpoint)
        }
        return request.objection(of: name) {
            CohereEncoder($0, endpoint: endpoint, provider: name).objections
        }
    }

    /// The request as a body of version 2.
    public func encode(
        _ request: ChatRequest, for endpoint: Endpoint, at now: Int64
    ) throws(UnsupportedRequest) -> EncodedRequest {
        if request.operation == .embeddings {
            if let objection = check(request, for: endpoint) { throw objection }
            guard let embedding = request.embeddingRequest(at: endpoint) else {
                throw UnsupportedRequest(provider: name, fields: ["input"])
            }
            return EncodedRequest(body: Bytes(CohereEmbeddings(model: endpoint.model, request: embedding).body()))
        }
        let encoder = CohereEncoder(try request.view(for: name), endpoint: endpoint, provider: name)
        let fields = encoder.objections
        guard fields.isEmpty else { throw UnsupportedRequest(provider: name, fields: fields) }
        return EncodedRequest(body: Bytes(encoder.body(isStream: request.streamsUpstream)))
    }

    /// A decoder for the answer, whether it streams, comes whole or is an error.
    public func makeDecoder(for request: ChatRequest, endpoint: Endpoint) -> any ResponseDecoder {
        if request.operation == .embeddings, let embedding = request.embeddingRequest(at: endpoint) {
            return BodyDecoder(
                WholeAnswerReader(CohereEmbeddings(model: endpoint.model, request: embedding), endpoint: endpoint))
        }
        let builder = ChunkBuilder(model: endpoint.model, isStream: request.isStream, wantsUsage: request.wantsUsage)
        return BodyDecoder(
            TranslatingReader(
                CohereTranslator(), builder, endpoint: endpoint, expectsEvents: request.streamsUpstream))
    }
}

/// Writes a request as a body of version 2.
struct CohereEncoder {
    private let request: RequestView
    private let endpoint: Endpoint
    private let provider: String
    private let flags: ModelFlags

    init(_ request: RequestView, endpoint: Endpoint, provider: String) {
        self.request = request.refusing(endpoint.flags.refusedMembers)
        self.endpoint = endpoint
        self.provider = provider
        flags = endpoint.flags
    }

    /// What of the request has no equivalent.
    var objections: [String] {
        let isDropping = endpoint.dropsUnsupported
        let format = Expressible(
            provider: provider,
            members: [
                "max_tokens", "max_completion_tokens", "stop", "temperature", "top_p", "top_k", "seed",
                "frequency_penalty", "presence_penalty", "reasoning_effort", "safety_mode", "documents",
            ],
            parts: flags.acceptsImages == false ? [] : [.image], forcesNamedTool: false,
            hasJSONObject: request.tools.isEmpty, hasJSONSchema: request.tools.isEmpty)
        var fields = format.objections(to: request, dropping: isDropping)
        if !isDropping, let effort = request.reasoningEffort, effort != "none",
            flags.thinking == ModelFlags.Thinking.none
        {
            fields.append("reasoning_effort")
        }
        guard !isDropping else { return fields }
        return fields + Self.penalties.filter { isBelowZero($0) }.map { "\($0)" }
    }

    /// Penalties go from 0 to 1 here: what rewards repetition has no equivalent.
    private static let penalties: [StaticString] = ["frequency_penalty", "presence_penalty"]

    private func isBelowZero(_ name: StaticString) -> Bool { request[name]?.number.map { $0 < 0 } ?? false }

    /// The whole body.
    func body(isStream: Bool) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.member("model", endpoint.model)
        json.member("stream", isStream)
        json.key("messages")
        json.beginArray()
        for message in request.messages { write(message, to: &json) }
        json.endArray()
        writeTools(to: &json)
        writeSampling(to: &json)
        writeFormat(to: &json)
        writeThinking(to: &json)
        json.endObject()
        return json.bytes
    }

    // MARK: Messages

    private func write(_ message: MessageView, to json: inout JSONWriter) {
        let role: String
        switch message.role {
        case .system, .developer: role = "system"
        case .user, .other: role = "user"
        case .assistant: role = "assistant"
        case .tool: role = "tool"
        }
        json.beginObject()
        json.member("role", role)
        if let id = message.toolCallID { json.member("tool_call_id", id) }
        writeContent(of: message, to: &json)
        if !message.toolCalls.isEmpty {
            json.key("tool_calls")
            json.beginArray()
            for call in message.toolCalls { write(call, to: &json) }
            json.endArray()
        }
        json.endObject()
    }

    private func writeContent(of message: MessageView, to json: inout JSONWriter) {
        guard let content = message.json["content"], !message.parts.isEmpty else { return }
        json.key("content")
        guard content.kind == .array else { return json.value(content) }
        json.beginArray()
        for part in message.parts {
            if part.kind == .image {
                json.value(part.json)
            } else if let text = part.text {
                json.beginObject()
                json.member("type", "text")
                json.key("text")
                json.value(text)
                json.endObject()
            }
        }
        json.endArray()
    }

    private func write(_ call: ToolCallView, to json: inout JSONWriter) {
        json.beginObject()
        json.member("id", call.id)
        json.member("type", "function")
        json.key("function")
        json.beginObject()
        json.member("name", call.name)
        json.member("arguments", String(decoding: call.argumentObject, as: UTF8.self))
        json.endObject()
        json.endObject()
    }

    // MARK: Tools

    private func writeTools(to json: inout JSONWriter) {
        let functions = request.tools.filter(\.isFunction)
        guard !functions.isEmpty else { return }
        json.key("tools")
        json.beginArray()
        for tool in functions {
            json.beginObject()
            json.member("type", "function")
            json.key("function")
            json.beginObject()
            json.member("name", tool.name)
            if let description = tool.description {
                json.key("description")
                json.value(description)
            }
            if let parameters = tool.parameters {
                json.key("parameters")
                json.value(parameters)
            }
            json.endObject()
            json.endObject()
        }
        json.endArray()
        if functions.contains(where: { $0.strict == true }) { json.member("strict_tools", true) }
        switch request.toolChoice {
        case .required: json.member("tool_choice", "REQUIRED")
        case .none: json.member("tool_choice", "NONE")
        case .unspecified, .auto, .function, .other: break
        }
    }

    // MARK: Settings

    private func writeSampling(to json: inout JSONWriter) {
        if let limit = request.maxTokens { json.member("max_tokens", limit) }
        if !request.stop.isEmpty {
            json.key("stop_sequences")
            json.beginArray()
            for text in request.stop { json.value(text) }
            json.endArray()
        }
        for (name, key) in Self.passedOn {
            guard let value = request[name] else { continue }
            json.key(key)
            json.value(value)
        }
        // The ranges are Cohere's own (its reference of chat): the whole of the share is a little less here.
        write("top_p", as: "p", within: 0.01...0.99, to: &json)
        for name in Self.penalties where !isBelowZero(name) { write(name, as: name, within: 0...1, to: &json) }
    }

    /// Writes a number, or the end of the range that is next to it.
    private func write(
        _ name: StaticString, as key: StaticString, within range: ClosedRange<Double>, to json: inout JSONWriter
    ) {
        guard let value = request[name], let number = value.number else { return }
        json.key(key)
        range.contains(number)
            ? json.raw(value.compactBytes) : json.value(min(max(number, range.lowerBound), range.upperBound))
    }

    /// OpenAI's names, and Cohere's.
    private static let passedOn: [(StaticString, StaticString)] = [
        ("temperature", "temperature"), ("top_k", "k"), ("seed", "seed"), ("safety_mode", "safety_mode"),
        ("documents", "documents"),
    ]

    private func writeFormat(to json: inout JSONWriter) {
        guard request.tools.isEmpty else { return }
        switch request.responseFormat {
        case .text, .other: return
        case .jsonObject, .jsonSchema:
            json.key("response_format")
            json.beginObject()
            json.member("type", "json_object")
            if case .jsonSchema(_, let schema, _) = request.responseFormat {
                json.key("json_schema")
                json.value(schema)
            }
            json.endObject()
        }
    }

    private func writeThinking(to json: inout JSONWriter) {
        guard let effort = request.reasoningEffort, flags.thinking != ModelFlags.Thinking.none else { return }
        json.key("thinking")
        json.beginObject()
        json.member("type", effort == "none" ? "disabled" : "enabled")
        if let budget = Self.budgets[effort] { json.member("token_budget", budget) }
        json.endObject()
    }

    /// Tokens for an effort.
    private static let budgets: [String: Int64] = [
        "minimal": 512, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192, "max": 16_384,
    ]
}
