import HedgeJSON

extension CodecReplay {
    /// Encodes the script's `request` as an attempt would.
    ///
    /// The endpoint is given by `model`, `api_base`, `api_key`, `api_version`, `bearer_token`, `aws_region_name`,
    /// `aws_access_key_id`, `aws_secret_access_key`, `aws_session_token`, `vertex_project`, `vertex_location` and
    /// `drop_params`; `now` is the time in seconds since 1970. The result has `url`, `headers` (an array of lines) and
    /// `body`; or `parts`, a list of these, where inputs for embeddings go out in several requests; or `unsupported`
    /// with `provider` and `fields`.
    static func encode(_ root: JSONValue) throws(ScriptError) -> [UInt8] {
        let provider = try provider(root)
        let text = requestText(root)
        let endpoint = endpoint(root, of: provider)
        let now = root["now"]?.integer ?? 0
        let times = try repetitions(root)
        var request = try parse(text, root)
        var result = encode(request, provider, endpoint, now)
        for _ in 1..<times {
            request = try parse(text, root)
            result = encode(request, provider, endpoint, now)
        }
        switch result {
        case .success(let parts):
            let head = provider.head(
                for: endpoint, operation: request.operation, isStream: request.streamsUpstream)
            return report(head, parts)
        case .failure(let unsupported): return report(unsupported)
        }
    }

    private static func encode(
        _ request: ChatRequest, _ provider: any Provider, _ endpoint: Endpoint, _ now: Int64
    ) -> Result<[EncodedRequest], UnsupportedRequest> {
        if let objection = provider.objection(to: request, at: endpoint) { return .failure(objection) }
        return Result { () throws(UnsupportedRequest) in
            var encoded: [EncodedRequest] = []
            for part in EmbeddingBatch.parts(of: request, to: provider, at: endpoint) {
                encoded.append(try provider.encode(part, for: endpoint, at: now))
            }
            return encoded
        }
    }

    static func endpoint(_ root: JSONValue, of provider: any Provider) -> Endpoint {
        func secret(_ key: StaticString) -> Secret? { root[key]?.string.map { Secret($0) } }
        let profile = Providers.profile(named: provider.name)
        var endpoint = Endpoint(
            model: root["model"]?.string ?? "model",
            baseURL: root["api_base"]?.string ?? profile?.baseURL ?? "http://127.0.0.1", apiKey: secret("api_key"))
        endpoint.flags = profile?.holding(endpoint.flags) ?? endpoint.flags
        endpoint.apiVersion = root["api_version"]?.string
        endpoint.bearerToken = secret("bearer_token")
        endpoint.region = root["aws_region_name"]?.string
        endpoint.project = root["vertex_project"]?.string
        endpoint.location = root["vertex_location"]?.string
        if let id = root["aws_access_key_id"]?.string, let key = secret("aws_secret_access_key") {
            endpoint.signingKeys = SigningKeys(
                accessKeyID: id, secretAccessKey: key, sessionToken: secret("aws_session_token"))
        }
        endpoint.dropsUnsupported = root["drop_params"]?.bool ?? false
        return endpoint
    }

    private static func report(_ head: RequestHead, _ parts: [EncodedRequest]) -> [UInt8] {
        var writer = JSONWriter()
        if parts.count == 1 {
            write(head, parts[0], to: &writer)
            return writer.bytes
        }
        writer.beginObject()
        writer.key("parts")
        writer.beginArray()
        for part in parts { write(head, part, to: &writer) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    private static func write(_ head: RequestHead, _ encoded: EncodedRequest, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("url", head.url)
        writer.key("headers")
        writer.beginArray()
        for line in encoded.headers + head.headers { writer.value(line) }
        writer.endArray()
        writer.key("body")
        encoded.body.withSpan { writer.raw($0) }
        writer.endObject()
    }

    private static func report(_ unsupported: UnsupportedRequest) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("unsupported")
        writer.beginObject()
        writer.member("provider", unsupported.provider)
        writer.key("fields")
        writer.beginArray()
        for field in unsupported.fields { writer.value(field) }
        writer.endArray()
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }
}
