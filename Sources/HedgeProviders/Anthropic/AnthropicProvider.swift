import HedgeCore
import HedgeJSON

/// The Messages API of Anthropic.
public struct AnthropicProvider: Provider {
    /// Name, address and keys.
    public let profile: ProviderProfile

    /// The format at the address of `profile`.
    public init(profile: ProviderProfile) {
        self.profile = profile
    }

    /// The profile's name.
    public var name: String { profile.name }

    /// The version that still lets older models be sampled.
    static let defaultVersion = "2023-06-01"
    /// From this version on, sampling parameters are refused for all models.
    static let versionWithoutSampling = "2026-10-21"

    /// `{base}/v1/messages`, with the key as `x-api-key`, or a token as a bearer token.
    public func head(for endpoint: Endpoint, isStream: Bool) -> RequestHead {
        var headers = ["Content-Type: application/json"]
        headers.append("Accept: \(isStream ? "text/event-stream" : "application/json")")
        headers.append("anthropic-version: \(endpoint.apiVersion ?? Self.defaultVersion)")
        if let token = endpoint.bearerToken {
            headers.append("Authorization: Bearer \(token.exposed)")
        } else if let key = endpoint.apiKey {
            headers.append("x-api-key: \(key.exposed)")
        }
        let path = endpoint.baseURL.hasSuffix("/v1") ? "/messages" : "/v1/messages"
        return RequestHead(
            url: EndpointURL.join(endpoint.baseURL, path),
            headers: RequestHeaders.merge(headers, with: endpoint.extraHeaders))
    }

    /// What the profile says: the Messages API itself.
    public var operations: Set<Operation> { profile.operations }

    /// What of the request the Messages API has no equivalent for, at this model.
    public func check(_ request: ChatRequest, for endpoint: Endpoint) -> UnsupportedRequest? {
        guard request.operation == .chat else { return nil }
        return request.objection(of: name) {
            AnthropicEncoder($0, endpoint: endpoint, provider: name).objections
        }
    }

    /// The request as a Messages body, without what ``check(_:for:)`` tells of.
    public func encode(
        _ request: ChatRequest, for endpoint: Endpoint, at now: Int64
    ) throws(UnsupportedRequest) -> EncodedRequest {
        if request.operation == .messages { return EncodedRequest(body: passedOn(request, endpoint)) }
        let encoder = AnthropicEncoder(try request.view(for: name), endpoint: endpoint, provider: name)
        return EncodedRequest(body: Bytes(encoder.body(isStream: request.streamsUpstream)))
    }

    /// A decoder for the answer, whether it streams, comes whole or is an error.
    public func makeDecoder(for request: ChatRequest, endpoint: Endpoint) -> any ResponseDecoder {
        if request.operation == .messages {
            return BodyDecoder(DialectReader(.messages, endpoint: endpoint, expectsEvents: request.isStream))
        }
        let encoder = (try? request.view()).map { AnthropicEncoder($0, endpoint: endpoint, provider: name) }
        let builder = ChunkBuilder(
            model: endpoint.model, isStream: request.isStream, wantsUsage: request.wantsUsage,
            names: encoder?.names.inward ?? [:])
        return BodyDecoder(
            TranslatingReader(
                AnthropicTranslator(hasSchemaTool: encoder?.usesSchemaTool ?? false), builder, endpoint: endpoint,
                expectsEvents: request.streamsUpstream))
    }

    /// The caller's members as they are, with this deployment's model in front.
    private func passedOn(_ request: ChatRequest, _ endpoint: Endpoint) -> Bytes {
        var text: [UInt8] = []
        text.append("{\"model\":")
        JSONWriter.appendQuoted(endpoint.model, to: &text)
        text.append(",")
        request.members.withSpan { text.append($0) }
        text.append("}")
        return Bytes(text)
    }
}
