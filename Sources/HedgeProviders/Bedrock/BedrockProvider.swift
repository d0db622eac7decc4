import HedgeJSON

/// Amazon Bedrock's Converse API, with requests signed or under a Bedrock API key.
public struct BedrockProvider: Provider {
    /// Names and facts of the provider.
    public let profile: ProviderProfile

    /// The format under the names of `profile`.
    public init(profile: ProviderProfile) {
        self.profile = profile
    }

    /// The profile's name.
    public var name: String { profile.name }

    /// The model's `converse` or `converse-stream`; a Bedrock API key goes before keys to sign with.
    public func head(for endpoint: Endpoint, isStream: Bool) -> RequestHead {
        var headers = ["Content-Type: application/json"]
        headers.append("Accept: \(isStream ? "application/vnd.amazon.eventstream" : "application/json")")
        if let key = endpoint.bearerToken ?? endpoint.apiKey { headers.append("Authorization: Bearer \(key.exposed)") }
        let address = BedrockAddress(endpoint, method: isStream ? "converse-stream" : "converse")
        return RequestHead(
            url: address.url, headers: RequestHeaders.merge(headers, with: endpoint.extraHeaders))
    }

    /// What the profile says.
    public var operations: Set<Operation> { profile.operations }

    /// 96 for Cohere's models; one call of Titan's takes one text.
    public func embeddingLimits(at endpoint: Endpoint) -> EmbeddingLimits {
        EmbeddingLimits(inputs: BedrockEmbeddings.isCohere(endpoint.knownModel) ? 96 : 1)
    }

    /// The model's `invoke` for embeddings.
    public func head(for endpoint: Endpoint, operation: Operation, isStream: Bool) -> RequestHead {
        var head = head(for: endpoint, isStream: isStream)
        if operation == .embeddings { head.url = BedrockAddress(endpoint, method: "invoke").url }
        return head
    }

    /// What of the request Converse has no equivalent for.
    public func check(_ request: ChatRequest, for endpoint: Endpoint) -> UnsupportedRequest? {
        if request.operation == .embeddings {
            let members = BedrockEmbeddings.members(of: endpoint.knownModel)
            return request.embeddingObjection(besides: members, name: name, endpoint)
        }
        return request.objection(of: name) { BedrockEncoder($0, endpoint: endpoint).objections(of: name) }
    }

    /// The request as a body for Converse, and what signs it.
    public func encode(
        _ request: ChatRequest, for endpoint: Endpoint, at now: Int64
    ) throws(UnsupportedRequest) -> EncodedRequest {
        if request.operation == .embeddings {
            guard let embedding = request.embeddingRequest(at: endpoint) else {
                throw UnsupportedRequest(provider: name, fields: ["input"])
            }
            let embeddings = BedrockEmbeddings(model: endpoint.knownModel, request: embedding)
            return signed(embeddings.body(), endpoint, method: "invoke", at: now)
        }
        var encoder = BedrockEncoder(try request.view(for: name), endpoint: endpoint)
        let method = request.streamsUpstream ? "converse-stream" : "converse"
        return signed(encoder.encode(), endpoint, method: method, at: now)
    }

    private func signed(_ body: [UInt8], _ endpoint: Endpoint, method: String, at now: Int64) -> EncodedRequest {
        EncodedRequest(
            body: Bytes(body), headers: BedrockSigner.headers(endpoint, method: method, body: body.span, at: now))
    }

    /// A decoder for the answer, whether it streams, comes whole or is an error.
    public func makeDecoder(for request: ChatRequest, endpoint: Endpoint) -> any ResponseDecoder {
        if request.operation == .embeddings, let embedding = request.embeddingRequest(at: endpoint) {
            return BodyDecoder(
                BedrockReader(
                    BedrockEmbeddings(model: endpoint.knownModel, request: embedding), model: endpoint.model,
                    endpoint: endpoint))
        }
        let (names, hasSchemaTool) = Self.tools(of: request, at: endpoint)
        var builder = ChunkBuilder(
            model: endpoint.model, isStream: request.isStream, wantsUsage: request.wantsUsage, names: names)
        builder.reportsProgress = request.streamsUpstream && !request.isStream
        return BodyDecoder(
            BedrockReader(builder, endpoint: endpoint, hasSchemaTool: hasSchemaTool))
    }

    /// The names of the request's tools by those they go under, and whether one stands in for an answer with a schema.
    private static func tools(of request: ChatRequest, at endpoint: Endpoint) -> ([String: String], Bool) {
        guard let view = try? request.view() else { return ([:], false) }
        let encoder = BedrockEncoder(view, endpoint: endpoint)
        return (encoder.names.inward, encoder.usesSchemaTool)
    }
}

/// Where a model of Bedrock is.
struct BedrockAddress {
    /// `host`, or `host:port`.
    let host: String
    /// Path as sent, percent-encoded.
    let path: String
    let url: String

    /// The address of a method such as `converse`.
    init(_ endpoint: Endpoint, method: String) {
        var base = endpoint.baseURL[...]
        if base.isEmpty { base = Self.base(region: endpoint.region ?? "us-east-1")[...] }
        while base.hasSuffix("/") { base = base.dropLast() }
        let start = Self.authorityStart(base)
        let authorityEnd = base[start...].firstIndex(of: "/") ?? base.endIndex
        host = Self.withoutOwnPort(base[start..<authorityEnd], scheme: base[..<start])
        path = "\(base[authorityEnd...])/model/\(PercentEncoding.encode(Self.modelID(endpoint.model)))/\(method)"
        url = "\(base[..<authorityEnd])\(path)"
    }

    /// The public address in a region.
    static func base(region: String) -> String {
        let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
        return "https://bedrock-runtime.\(PercentEncoding.encode(region)).\(domain)"
    }

    /// The name without what LiteLLM lets stand before it.
    private static func modelID(_ model: String) -> String {
        for prefix in ["converse/", "converse_like/"] where model.hasPrefix(prefix) {
            return String(model.dropFirst(prefix.count))
        }
        return model
    }

    /// As it goes into the header `Host`: without the port that the scheme stands for.
    private static func withoutOwnPort(_ authority: Substring, scheme: Substring) -> String {
        let port = scheme == "https://" ? ":443" : ":80"
        return String(authority.hasSuffix(port) ? authority.dropLast(port.count) : authority)
    }

    private static func authorityStart(_ url: Substring) -> String.Index {
        guard let colon = url.firstIndex(of: ":"), url[colon...].hasPrefix("://") else { return url.startIndex }
        return url.index(colon, offsetBy: 3)
    }
}

/// Signs requests to Bedrock.
enum BedrockSigner {
    /// The header lines that sign a request; none where a key goes along instead, or there is nothing to sign with.
    static func headers(_ endpoint: Endpoint, method: String, body: Span<UInt8>, at now: Int64) -> [String] {
        guard endpoint.bearerToken == nil, endpoint.apiKey == nil, let keys = endpoint.signingKeys else { return [] }
        let address = BedrockAddress(endpoint, method: method)
        let signer = SignatureV4(
            credentials: keys, region: endpoint.region ?? region(of: address.host) ?? "us-east-1", service: "bedrock")
        return signer.headers(
            for: SignatureV4.Request(
                host: address.host, path: address.path, headers: [("content-type", "application/json")]),
            body: body, at: now)
    }

    /// The region in the name of a host of AWS's, such as `bedrock-runtime.eu-central-1.amazonaws.com`.
    static func region(of host: String) -> String? {
        let labels = host.split(separator: ".")
        guard labels.count >= 4, labels[0].hasPrefix("bedrock-runtime") else { return nil }
        return String(labels[1])
    }
}
