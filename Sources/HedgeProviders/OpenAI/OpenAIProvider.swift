import HedgeCore
import HedgeJSON

/// The chat completions format of OpenAI, as spoken by every compatible endpoint.
///
/// A reference, because a profile is large and every request asks its provider several times.
public final class OpenAIProvider: Provider {
    /// What sets this provider apart from OpenAI itself.
    public let profile: ProviderProfile
    /// Whether messages and tools are taken exception to.
    private let isStrict: Bool

    /// The format with the deviations of `profile`; of OpenAI itself by default.
    public init(profile: ProviderProfile = .openAI) {
        self.profile = profile
        isStrict = profile.strictness != RequestStrictness()
    }

    /// The profile's name.
    public var name: String { profile.name }

    /// What the profile says.
    public var operations: Set<Operation> { profile.operations }

    /// What the profile says.
    public func embeddingLimits(at endpoint: Endpoint) -> EmbeddingLimits { profile.embeddingLimits }

    /// `{base}/embeddings` or `{base}/responses`, with the same headers as chat completions.
    public func head(for endpoint: Endpoint, operation: Operation, isStream: Bool) -> RequestHead {
        var head = head(for: endpoint, isStream: isStream)
        switch operation {
        case .chat, .messages: break
        case .embeddings: head.url = EndpointURL.join(Self.base(endpoint), "/embeddings")
        case .responses: head.url = EndpointURL.join(Self.base(endpoint), "/responses")
        }
        return head
    }

    /// The base URL without the path of chat completions, which configurations may give with it.
    private static func base(_ endpoint: Endpoint) -> String {
        let path = "/chat/completions"
        return endpoint.baseURL.hasSuffix(path) ? String(endpoint.baseURL.dropLast(path.count)) : endpoint.baseURL
    }

    /// `{base}/chat/completions`, with the key as a bearer token; extra headers replace those of the same name.
    public func head(for endpoint: Endpoint, isStream: Bool) -> RequestHead {
        var headers = ["Content-Type: application/json"]
        headers.append("Accept: \(isStream ? "text/event-stream" : "application/json")")
        if let key = endpoint.apiKey { headers.append("Authorization: Bearer \(key.exposed)") }
        if let organization = endpoint.organization { headers.append("OpenAI-Organization: \(organization)") }
        return RequestHead(
            url: EndpointURL.join(endpoint.baseURL, "/chat/completions"),
            headers: RequestHeaders.merge(headers, with: endpoint.extraHeaders))
    }

    /// The members this provider or the endpoint's model refuses, unless they are to be left out.
    public func check(_ request: ChatRequest, for endpoint: Endpoint) -> UnsupportedRequest? {
        guard !endpoint.dropsUnsupported else { return nil }
        if request.operation == .embeddings {
            let fields = refusedEmbeddingFields(request, endpoint)
            return fields.isEmpty ? nil : UnsupportedRequest(provider: name, fields: fields)
        }
        guard request.operation == .chat else { return nil }
        let watched = CompatibleEncoder.watched(profile, endpoint)
        let fields = watched.isEmpty ? [] : refusedFields(watched, request, endpoint)
        return fields.isEmpty ? nil : UnsupportedRequest(provider: name, fields: fields)
    }

    private func refusedEmbeddingFields(_ request: ChatRequest, _ endpoint: Endpoint) -> [String] {
        let refused = CompatibleEncoder.refused(profile, endpoint)
        guard !refused.isEmpty else { return [] }
        return request.members.withSpan { members in
            request.fields.filter { members.text($0.value) != "null" }.map { members.text($0.key) }.filter(
                refused.contains)
        }
    }

    private func refusedFields(_ watched: [String], _ request: ChatRequest, _ endpoint: Endpoint) -> [String] {
        guard request.mentions(watched), let view = try? request.view() else { return [] }
        return CompatibleEncoder(view, profile: profile, endpoint: endpoint).refusedFields
    }

    /// The caller's own bytes with this deployment's model in front; never throws.
    ///
    /// What the provider takes exception to is changed or left out; see ``RequestStrictness``.
    ///
    /// - Complexity: one copy of the document.
    public func encode(
        _ request: ChatRequest, for endpoint: Endpoint, at now: Int64
    ) throws(UnsupportedRequest) -> EncodedRequest {
        if request.operation != .chat { return EncodedRequest(body: passedOn(request, endpoint)) }
        let model = endpoint.modelMember
        let encoder = compatible(request, endpoint)
        let streams = request.streamsUpstream && !(encoder?.isAnsweredWhole ?? false)
        let options = streamOptions(of: request, streams: streams)
        let fields = encoder?.members(streamsUpstream: streams) ?? rewritten(request, endpoint)
        let size = model.count + (fields?.count ?? request.members.count) + options.count + 16
        let body = Bytes(capacity: size) { builder in
            builder.append("{")
            builder.append(model)
            builder.append(",")
            if let fields {
                builder.append(fields)
            } else {
                request.members.withSpan { builder.append($0) }
            }
            builder.append(options)
            builder.append("}")
        }
        return EncodedRequest(body: body)
    }

    /// A decoder for the answer, whether it streams, comes whole or is an error.
    public func makeDecoder(for request: ChatRequest, endpoint: Endpoint) -> any ResponseDecoder {
        switch request.operation {
        case .chat, .messages: break
        case .embeddings:
            return BodyDecoder(WholeAnswerReader(OpenAIEmbeddings(request, at: endpoint), endpoint: endpoint))
        case .responses:
            return BodyDecoder(DialectReader(.responses, endpoint: endpoint, expectsEvents: request.isStream))
        }
        let isAssembled = request.streamsUpstream && !request.isStream
        let decoder = BodyDecoder(
            OpenAIReader(
                endpoint: endpoint, isStream: request.streamsUpstream, wantsUsage: request.wantsUsage || isAssembled))
        return isAssembled ? AssemblingDecoder(decoder) : decoder
    }

    /// The caller's members as they are, with this deployment's model in front.
    private func passedOn(_ request: ChatRequest, _ endpoint: Endpoint) -> Bytes {
        var text: [UInt8] = []
        text.append("{")
        text.append(endpoint.modelMember.span)
        text.append(",")
        let isEmbedding = request.operation == .embeddings
        let left = isEmbedding && endpoint.dropsUnsupported ? CompatibleEncoder.refused(profile, endpoint) : []
        if isEmbedding, let fields = rewritten(request, endpoint, without: left) {
            text.append(fields.span)
        } else {
            request.members.withSpan { text.append($0) }
        }
        if let options = request.streamOptions {
            text.append(",\"stream_options\":")
            text.append(options.span)
        }
        text.append("}")
        return Bytes(text)
    }

    /// The member `stream_options`, with a comma before it; empty for none.
    ///
    /// A stream always reports its usage, where the provider can, since the cost of an attempt depends on it; the
    /// chunk is kept from callers that did not ask for it. Providers that report it unasked do not know the member.
    private func streamOptions(of request: ChatRequest, streams: Bool) -> [UInt8] {
        var member: [UInt8] = []
        guard profile.reportsStreamUsage, streams || !request.streamsUpstream else { return [] }
        guard streams else {
            guard let given = request.streamOptions else { return [] }
            member.append(",\"stream_options\":")
            member.append(given.span)
            return member
        }
        member.append(",\"stream_options\":{")
        if let given = request.streamOptions { appendOtherOptions(given.span, to: &member) }
        member.append("\"include_usage\":true}")
        return member
    }

    /// Appends the caller's stream options but for `include_usage`, each with a comma after it.
    private func appendOtherOptions(_ options: Span<UInt8>, to member: inout [UInt8]) {
        let tape = JSONTape()
        guard (try? tape.scan(options)) != nil else { return }
        for key in tape.keys(of: 0) {
            let value = key + 1
            if !tape.isString(key, "include_usage", in: options) {
                member.append(options, tape.range(key).lowerBound..<tape.range(value).upperBound)
                member.append(UInt8(ascii: ","))
            }
        }
    }

    /// What writes the request's members as a strict provider wants them; nil if they may stay as they are.
    private func compatible(_ request: ChatRequest, _ endpoint: Endpoint) -> CompatibleEncoder? {
        let drops = endpoint.dropsUnsupported && request.mentions(CompatibleEncoder.watched(profile, endpoint))
        guard drops || isStrict, let view = try? request.view() else { return nil }
        return CompatibleEncoder(view, profile: profile, endpoint: endpoint)
    }

    /// The request's members, but for those `left` out, with other names and values where the provider's or the model's
    /// differ; nil if they may stay as they are.
    private func rewritten(_ request: ChatRequest, _ endpoint: Endpoint, without left: [String] = []) -> [UInt8]? {
        let isAssembled = request.streamsUpstream && !request.isStream
        let renames = profile.renames(at: endpoint)
        if !isAssembled {
            // Most have none of these, and this is asked for each attempt.
            if renames.isEmpty, profile.replacements.isEmpty, left.isEmpty { return nil }
            let changed = renames.map(\.from) + profile.replacements.map(\.member) + left
            guard request.mentions(changed) else { return nil }
        }
        var text: [UInt8] = []
        text.reserveCapacity(request.members.count + 64)
        request.members.withSpan { members in
            if isAssembled { text.append("\"stream\":true") }
            for field in request.fields {
                let name = members.text(field.key)
                if isAssembled && name == "stream" || left.contains(name) { continue }
                let newName = renames.first { $0.from == name }?.to
                // With both names given, the provider's own one counts.
                if let newName, request.mentions([newName]) { continue }
                if !text.isEmpty { text.append(UInt8(ascii: ",")) }
                JSONWriter.appendQuoted(newName ?? name, to: &text)
                text.append(UInt8(ascii: ":"))
                if let value = profile.replacement(of: name, for: { members.text(field.value) }) {
                    text.append(contentsOf: value.utf8)
                } else {
                    text.append(members, field.value)
                }
            }
        }
        return text
    }
}

/// Puts together the URL of a request.
enum EndpointURL {
    /// `base` with `path` at the end of its own path; a base that has it already stays, a query stays at the end.
    static func join(_ base: String, _ path: String) -> String {
        let end = base.firstIndex { $0 == "?" || $0 == "#" } ?? base.endIndex
        var stem = base[..<end]
        while stem.hasSuffix("/") { stem = stem.dropLast() }
        return String(stem) + (stem.hasSuffix(path) ? "" : path) + base[end...]
    }
}

/// Puts together header lines.
enum RequestHeaders {
    /// `lines`, each replaced by the extra line of the same name, and all other extra lines.
    ///
    /// Lines with control characters are left out: they could end the line and begin another.
    static func merge(_ lines: [String], with extra: [String]) -> [String] {
        let extra = extra.filter(isClean)
        let replaced = Set(extra.map(name))
        return lines.filter { isClean($0) && !replaced.contains(name($0)) } + extra
    }

    private static func name(_ line: String) -> String {
        String(line.prefix { $0 != ":" && $0 != ";" }).lowercased()
    }

    private static func isClean(_ line: String) -> Bool {
        line.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }
}
