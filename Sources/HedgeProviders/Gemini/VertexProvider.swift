import HedgeJSON

/// Google's Vertex AI: Google's own models as ``GeminiProvider`` has them, Claude in Anthropic's Messages format.
public struct VertexProvider: Provider {
    /// Names and facts of the provider.
    public let profile: ProviderProfile
    private let gemini: GeminiProvider
    private let claude: AnthropicProvider

    /// Both formats under the names of `profile`.
    public init(profile: ProviderProfile) {
        self.profile = profile
        gemini = GeminiProvider(profile: profile, service: .vertex)
        claude = AnthropicProvider(profile: profile)
    }

    /// The profile's name.
    public var name: String { profile.name }

    /// What the profile says; Claude has no embeddings, which ``check(_:for:)`` tells.
    public var operations: Set<Operation> { profile.operations }

    private static func isClaude(_ endpoint: Endpoint) -> Bool { Words(endpoint.knownModel).contains("claude") }

    /// The model's `streamRawPredict` or `rawPredict` for Claude.
    public func head(for endpoint: Endpoint, isStream: Bool) -> RequestHead {
        var head = gemini.head(for: endpoint, isStream: isStream)
        if Self.isClaude(endpoint) {
            let method = isStream ? ":streamRawPredict" : ":rawPredict"
            head.url = GeminiAddress(endpoint, service: .vertex, publisher: "anthropic").model + method
        }
        return head
    }

    /// Gemini's, for embeddings.
    public func head(for endpoint: Endpoint, operation: Operation, isStream: Bool) -> RequestHead {
        operation == .chat
            ? head(for: endpoint, isStream: isStream)
            : gemini.head(for: endpoint, operation: operation, isStream: isStream)
    }

    /// Gemini's.
    public func embeddingLimits(at endpoint: Endpoint) -> EmbeddingLimits { gemini.embeddingLimits(at: endpoint) }

    /// What of the request the model's format has no equivalent for.
    public func check(_ request: ChatRequest, for endpoint: Endpoint) -> UnsupportedRequest? {
        guard Self.isClaude(endpoint) else { return gemini.check(request, for: endpoint) }
        guard request.operation == .chat else {
            return UnsupportedRequest(provider: name, fields: [request.operation.rawValue])
        }
        return request.objection(of: name) {
            AnthropicEncoder($0, endpoint: endpoint, provider: name, host: .vertex).objections
        }
    }

    /// The request in the model's format.
    public func encode(
        _ request: ChatRequest, for endpoint: Endpoint, at now: Int64
    ) throws(UnsupportedRequest) -> EncodedRequest {
        guard Self.isClaude(endpoint) else { return try gemini.encode(request, for: endpoint, at: now) }
        let encoder = AnthropicEncoder(
            try request.view(for: name), endpoint: endpoint, provider: name, host: .vertex)
        return EncodedRequest(body: Bytes(encoder.body(isStream: request.streamsUpstream)))
    }

    /// A decoder for an answer in the model's format.
    public func makeDecoder(for request: ChatRequest, endpoint: Endpoint) -> any ResponseDecoder {
        Self.isClaude(endpoint)
            ? claude.makeDecoder(for: request, endpoint: endpoint)
            : gemini.makeDecoder(for: request, endpoint: endpoint)
    }
}
