import HedgeJSON

/// Writes a request as a Messages body.
struct AnthropicEncoder {
    let request: RequestView
    let flags: ModelFlags
    let names: ToolNames
    private(set) var thinking = Thinking.off
    /// Whether the effort the caller wants has no equivalent.
    private var losesEffort = false
    private let endpoint: Endpoint
    private let provider: String
    private let host: Host

    /// Who serves the model.
    enum Host {
        case anthropic
        /// The model is in the address, the version in the body, and nothing is fetched from elsewhere.
        case vertex
    }

    /// What tools may be called.
    static let nameForm = ToolNames.Form(longest: 128)
    /// Name of the tool that stands in for an answer with a schema, on models that know no schemas.
    static let schemaTool = "json_tool_call"

    init(_ request: RequestView, endpoint: Endpoint, provider: String, host: Host = .anthropic) {
        self.request = request.refusing(endpoint.flags.refusedMembers)
        self.endpoint = endpoint
        self.provider = provider
        self.host = host
        flags = endpoint.flags
        names = ToolNames(request, Self.nameForm)
        if let plan = plan() {
            thinking = plan
        } else {
            losesEffort = true
            if let given = self.request["thinking"], given.kind == .object { thinking = .given(given, effort: nil) }
        }
    }

    // MARK: What can be said

    /// What of the request has no equivalent.
    var objections: [String] {
        let dropping = endpoint.dropsUnsupported
        return expressible.objections(to: request, dropping: dropping) + partObjections
            + (dropping ? [] : valueObjections)
    }

    private var expressible: Expressible {
        var members = Self.members
        if acceptsSampling { members.formUnion(["temperature", "top_p", "top_k"]) }
        if host == .anthropic { members.insert("service_tier") }
        let forcesTools = flags.acceptsForcedToolUse ?? true
        return Expressible(
            provider: provider, members: members, parts: [.image, .file], resultParts: [.image, .file],
            forcesTools: forcesTools, forcesNamedTool: forcesTools,
            hasJSONObject: false,
            hasJSONSchema: flags.acceptsResponseSchema ?? true || forcesTools && request.tools.isEmpty)
    }

    private static let members: Set<String> = [
        "max_tokens", "max_completion_tokens", "stop", "user", "reasoning_effort", "parallel_tool_calls", "thinking",
        "metadata",
    ]

    /// Sampling and thinking exclude one another.
    private var acceptsSampling: Bool {
        let hasVersion = host == .vertex || endpoint.apiVersion ?? "" < AnthropicProvider.versionWithoutSampling
        return (flags.acceptsSampling ?? true) && hasVersion && thinking.isOff
    }

    /// Values that a member as such has an equivalent for, but not these.
    private var valueObjections: [String] {
        var fields: [String] = []
        if losesEffort { fields.append("reasoning_effort") }
        // The API refuses to stop at white space alone.
        if request.stop.contains(where: { Self.isBlank($0) && !Self.isEmpty($0) }) { fields.append("stop") }
        if let user = request["user"], !Self.isUser(user), !Self.isEmpty(user) { fields.append("user") }
        if let metadata = request["metadata"] {
            let isUser = metadata["user_id"].map { Self.isUser($0) } ?? false
            if metadata.count > 0, !isUser || metadata.count > 1 { fields.append("metadata") }
        }
        if host == .anthropic, let tier = request["service_tier"], Self.tiers[tier.string ?? ""] == nil {
            fields.append("service_tier")
        }
        if flags.acceptsTools == false, !request.tools.isEmpty { fields.append("tools") }
        return fields
    }

    /// Who asks, as Anthropic's documents allow it: at most 256 characters, no address for mail and no phone number.
    static func isUser(_ value: JSONValue) -> Bool {
        value.withUTF8 { text in
            guard (1...256).contains(text.count), !text.indices.contains(where: { text[$0] == UInt8(ascii: "@") })
            else { return false }
            let isNumber = text.indices.allSatisfy { "+-() 0123456789".utf8.contains(text[$0]) }
            return !isNumber || text[0] != UInt8(ascii: "+")
        } ?? false
    }

    /// OpenAI's tiers and Anthropic's own, and what is sent for them; nothing for what holds without it.
    static let tiers = ["auto": "", "default": "standard_only", "standard_only": "standard_only"]

    /// Parts of messages the format has a place for, but not in this form.
    private var partObjections: [String] {
        var fields: [String] = []
        for message in request.messages {
            for part in message.parts where part.kind == .image || part.kind == .file {
                let isUnseen = part.kind == .image && flags.acceptsImages == false
                if isUnseen || !hasPlace(for: part) { fields.append(part.path) }
            }
        }
        if flags.acceptsPrefill == false, let last = request.messages.last, last.role == .assistant {
            fields.append(last.path)
        }
        return fields
    }

    /// Whether an image or a file goes along: bytes of the kinds that the API reads, or an address that it fetches.
    ///
    /// It fetches with TLS only, and on Vertex AI nothing; neither does this library.
    private func hasPlace(for part: PartView) -> Bool {
        switch part.media {
        case .data(let type, _): part.kind == .image ? Self.imageTypes.contains(type) : type == "application/pdf"
        case .url(let url): host == .anthropic && url.hasPrefix("https://")
        case nil: false
        }
    }

    private static let imageTypes = ["image/jpeg", "image/jpg", "image/png", "image/gif", "image/webp"]

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
        let turns = AnthropicTurns(request, acceptsLateSystem: flags.acceptsLateSystem ?? false)
        turns.writeSystem(to: &json)
        turns.writeMessages(names: names, withThinking: !thinking.isOff, to: &json)
        writeTools(called: turns.calledFunctions, to: &json)
        writeSampling(to: &json)
        writeThinking(to: &json)
        if let tier = request["service_tier"]?.string, host == .anthropic, let own = Self.tiers[tier], !own.isEmpty {
            json.member("service_tier", own)
        }
        let user = request["user"] ?? request["metadata"]?["user_id"]
        if let user, Self.isUser(user) {
            json.key("metadata")
            json.beginObject()
            json.key("user_id")
            json.value(user)
            json.endObject()
        }
        json.endObject()
        return json.bytes
    }

    /// The limit the format demands: the caller's, else the model's.
    var maxTokens: Int64 {
        max(1, request.maxTokens ?? Int64(flags.maxOutputTokens ?? 4096))
    }

    private func writeSampling(to json: inout JSONWriter) {
        let stop = request.stop.filter { !Self.isBlank($0) }
        if !stop.isEmpty {
            json.key("stop_sequences")
            json.beginArray()
            for text in stop { json.value(text) }
            json.endArray()
        }
        guard acceptsSampling else { return }
        for key in ["temperature", "top_p", "top_k"] as [StaticString] {
            // What holds without it is not sent, since newer models take only one of the first two.
            guard let value = request[key], !Expressible.saysNothing(key.description, value) else { continue }
            json.key(key)
            // OpenAI's scale of temperatures ends at 2, this one at 1.
            if key.description == "temperature", value.number ?? 0 > 1 {
                json.value(1)
            } else {
                json.value(value)
            }
        }
    }

    private static func isBlank(_ value: JSONValue) -> Bool { value.withUTF8 { $0.firstSignificant == nil } ?? true }
    private static func isEmpty(_ value: JSONValue) -> Bool { value.withUTF8 { $0.isEmpty } ?? true }
}
