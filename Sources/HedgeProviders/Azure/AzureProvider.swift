/// OpenAI's chat completions as Azure serves them: other addresses, another header for the key, the same bodies.
public struct AzureProvider: Provider {
    /// Names and facts of the provider.
    public let profile: ProviderProfile
    private let format: OpenAIProvider

    /// The format under the names of `profile`.
    public init(profile: ProviderProfile) {
        self.profile = profile
        format = OpenAIProvider(profile: profile)
    }

    /// The profile's name.
    public var name: String { profile.name }

    /// What the profile says.
    public var operations: Set<Operation> { profile.operations }

    /// What the profile says.
    public func embeddingLimits(at endpoint: Endpoint) -> EmbeddingLimits { profile.embeddingLimits }

    /// The deployment's `embeddings`, and version 1's `responses`.
    public func head(for endpoint: Endpoint, operation: Operation, isStream: Bool) -> RequestHead {
        var head = head(for: endpoint, isStream: isStream)
        switch operation {
        case .chat, .messages: break
        case .embeddings: head.url = AzureAddress.url(endpoint, "/embeddings")
        case .responses: head.url = AzureAddress.url(endpoint, "/responses")
        }
        return head
    }

    /// What the format itself has no equivalent for; dated versions have no Responses API.
    public func check(_ request: ChatRequest, for endpoint: Endpoint) -> UnsupportedRequest? {
        if request.operation == .responses, AzureAddress.isDated(endpoint) {
            return UnsupportedRequest(provider: name, fields: [request.operation.rawValue])
        }
        return format.check(request, for: endpoint)
    }

    /// The deployment's address, with a token of Entra ID if there is one, else with the key.
    public func head(for endpoint: Endpoint, isStream: Bool) -> RequestHead {
        var headers = ["Content-Type: application/json"]
        headers.append("Accept: \(isStream ? "text/event-stream" : "application/json")")
        if let token = endpoint.bearerToken {
            headers.append("Authorization: Bearer \(token.exposed)")
        } else if let key = endpoint.apiKey {
            headers.append("api-key: \(key.exposed)")
        }
        return RequestHead(
            url: AzureAddress.url(endpoint, "/chat/completions"),
            headers: RequestHeaders.merge(headers, with: endpoint.extraHeaders))
    }

    /// The caller's own bytes with the deployment's name as the model, which dated versions of the API ignore.
    public func encode(
        _ request: ChatRequest, for endpoint: Endpoint, at now: Int64
    ) throws(UnsupportedRequest) -> EncodedRequest {
        try format.encode(request, for: endpoint, at: now)
    }

    /// A decoder for the answer, whether it streams, comes whole or is an error.
    public func makeDecoder(for request: ChatRequest, endpoint: Endpoint) -> any ResponseDecoder {
        format.makeDecoder(for: request, endpoint: endpoint)
    }
}

/// Where a deployment of Azure OpenAI is.
enum AzureAddress {
    /// The URL of a method such as `/chat/completions`.
    ///
    /// Versions with a date have the deployment in the path; `v1`, which is taken for granted, has it in the body.
    static func url(_ endpoint: Endpoint, _ method: String) -> String {
        let base = endpoint.baseURL
        guard let version = endpoint.apiVersion, !isUndated(version) else {
            let root = stem(base, without: ["/openai/v1", "/openai"])
            let url = EndpointURL.join("\(root)/openai/v1", method)
            return endpoint.apiVersion == "preview" ? "\(url)?api-version=preview" : url
        }
        let query = "?api-version=\(PercentEncoding.encode(version))"
        if Words(base).contains("/deployments/") { return EndpointURL.join(base, method) + query }
        let root = stem(base, without: ["/openai/v1", "/openai/deployments", "/openai"])
        return "\(root)/openai/deployments/\(PercentEncoding.encode(endpoint.model))\(method)\(query)"
    }

    /// Whether the version of the API is one with a date.
    static func isDated(_ endpoint: Endpoint) -> Bool { endpoint.apiVersion.map { !isUndated($0) } ?? false }

    /// Names LiteLLM gives the version without a date.
    private static func isUndated(_ version: String) -> Bool { ["v1", "latest", "preview"].contains(version) }

    private static func stem(_ base: String, without endings: [String]) -> Substring {
        for ending in endings where base.hasSuffix(ending) { return base.dropLast(ending.count) }
        return base[...]
    }
}
