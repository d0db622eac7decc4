import HedgeJSON

/// Google's Gemini API (`generateContent`), as AI Studio and Vertex AI speak it.
public struct GeminiProvider: Provider {
    /// Which of Google's two services is meant.
    public enum Service: Sendable {
        /// `generativelanguage.googleapis.com`, with a key.
        case aiStudio
        /// `aiplatform.googleapis.com`, with a project, a location and a token, or with a key alone.
        case vertex
    }

    /// Names and facts of the provider.
    public let profile: ProviderProfile
    /// The service requests go to.
    public let service: Service

    /// The format as `service` speaks it.
    public init(profile: ProviderProfile, service: Service) {
        self.profile = profile
        self.service = service
    }

    /// The profile's name.
    public var name: String { profile.name }

    /// The model's `streamGenerateContent` or `generateContent`, with a token if there is one, else with the key.
    public func head(for endpoint: Endpoint, isStream: Bool) -> RequestHead {
        var headers = ["Content-Type: application/json"]
        headers.append("Accept: \(isStream ? "text/event-stream" : "application/json")")
        if let token = endpoint.bearerToken {
            headers.append("Authorization: Bearer \(token.exposed)")
        } else if let key = endpoint.apiKey {
            headers.append("x-goog-api-key: \(key.exposed)")
        }
        let method = isStream ? ":streamGenerateContent?alt=sse" : ":generateContent"
        return RequestHead(
            url: GeminiAddress(endpoint, service: service).model + method,
            headers: RequestHeaders.merge(headers, with: endpoint.extraHeaders))
    }

    /// What the profile says.
    public var operations: Set<Operation> { profile.operations }

    /// What the profile says; Vertex AI takes the texts for Gemini's own models one by one.
    public func embeddingLimits(at endpoint: Endpoint) -> EmbeddingLimits {
        service == .vertex && Words(endpoint.knownModel).contains("gemini-embedding")
            ? EmbeddingLimits(inputs: 1) : profile.embeddingLimits
    }

    /// The model's `batchEmbedContents`, or on Vertex AI `predict`, for embeddings.
    public func head(for endpoint: Endpoint, operation: Operation, isStream: Bool) -> RequestHead {
        var head = head(for: endpoint, isStream: isStream)
        if operation == .embeddings {
            let method = service == .vertex ? ":predict" : ":batchEmbedContents"
            head.url = GeminiAddress(endpoint, service: service).model + method
        }
        return head
    }

    /// What of the request Gemini has no equivalent for.
    public func check(_ request: ChatRequest, for endpoint: Endpoint) -> UnsupportedRequest? {
        if request.operation == .embeddings {
            return request.embeddingObjection(besides: GeminiEmbeddings.members, name: name, endpoint)
        }
        return request.objection(of: name) {
            GeminiEncoder($0, endpoint: endpoint, service: service).objections(of: name)
        }
    }

    /// The request as a `GenerateContentRequest`.
    public func encode(
        _ request: ChatRequest, for endpoint: Endpoint, at now: Int64
    ) throws(UnsupportedRequest) -> EncodedRequest {
        if request.operation == .embeddings {
            guard let embedding = request.embeddingRequest(at: endpoint) else {
                throw UnsupportedRequest(provider: name, fields: ["input"])
            }
            let embeddings = GeminiEmbeddings(model: endpoint.model, request: embedding, service: service)
            return EncodedRequest(body: Bytes(embeddings.body()))
        }
        var encoder = GeminiEncoder(try request.view(for: name), endpoint: endpoint, service: service)
        return EncodedRequest(body: Bytes(encoder.encode()))
    }

    /// A decoder for the answer, whether it streams, comes whole or is an error.
    public func makeDecoder(for request: ChatRequest, endpoint: Endpoint) -> any ResponseDecoder {
        if request.operation == .embeddings, let embedding = request.embeddingRequest(at: endpoint) {
            return BodyDecoder(
                WholeAnswerReader(
                    GeminiEmbeddings(model: endpoint.model, request: embedding, service: service), endpoint: endpoint))
        }
        let names = (try? request.view()).map { ToolNames($0, GeminiEncoder.nameForm).inward } ?? [:]
        let builder = ChunkBuilder(
            model: endpoint.model, isStream: request.isStream, wantsUsage: request.wantsUsage, names: names)
        return BodyDecoder(
            TranslatingReader(
                GeminiTranslator(), builder, endpoint: endpoint, expectsEvents: request.streamsUpstream))
    }
}

/// Where a model of Google's is.
struct GeminiAddress {
    /// URL of the model, without a method.
    let model: String

    /// `publisher` is whose model it is, unless its name says so.
    init(_ endpoint: Endpoint, service: GeminiProvider.Service, publisher: String = "google") {
        let base = Self.versioned(endpoint, service)
        switch service {
        case .aiStudio: model = base + "/" + Self.path(endpoint.model, prefix: "models/")
        case .vertex: model = base + Self.place(endpoint) + "/" + Self.vertexPath(endpoint.model, publisher)
        }
    }

    /// The address of Vertex AI at a location: `global`, a group of regions, or a region.
    static func vertexBase(location: String?) -> String {
        switch location {
        case nil, "global": "https://aiplatform.googleapis.com"
        case "us", "eu": "https://aiplatform.\(location ?? "").rep.googleapis.com"
        case .some(let region): "https://\(PercentEncoding.encode(region))-aiplatform.googleapis.com"
        }
    }

    /// The base URL with the version of the API, unless it ends with one already.
    private static func versioned(_ endpoint: Endpoint, _ service: GeminiProvider.Service) -> String {
        var base = endpoint.baseURL
        if base.isEmpty, service == .vertex { base = vertexBase(location: endpoint.location) }
        while base.hasSuffix("/") { base.removeLast() }
        let last = base.split(separator: "/").last ?? ""
        if last.hasPrefix("v1") || last.hasPrefix("v2") { return base }
        let version = endpoint.apiVersion ?? (service == .aiStudio ? "v1beta" : "v1beta1")
        return "\(base)/\(PercentEncoding.encode(version))"
    }

    /// Project and location; empty where a key tells the project.
    private static func place(_ endpoint: Endpoint) -> String {
        guard let project = endpoint.project else { return "" }
        let location = endpoint.location ?? "global"
        return "/projects/\(PercentEncoding.encode(project))/locations/\(PercentEncoding.encode(location))"
    }

    /// A number is an endpoint of a tuned model.
    private static func vertexPath(_ model: String, _ publisher: String) -> String {
        if model.utf8.allSatisfy({ (48...57).contains($0) }) { return "endpoints/\(model)" }
        return path(model, prefix: "publishers/\(publisher)/models/")
    }

    private static func path(_ model: String, prefix: String) -> String {
        PercentEncoding.encode(model.contains("/") ? model : prefix + model, keepingSlashes: true)
    }
}
