import HedgeJSON

/// Writes a request as a body for Converse.
struct BedrockEncoder: ~Copyable {
    let request: RequestView
    let flags: ModelFlags
    let family: Family
    let names: ToolNames
    var json = JSONWriter()
    var documentCount = 0
    private let drops: Bool

    /// Makers of models whose own parameters are known.
    enum Family {
        case claude, nova, mistral, openAI, other

        init(_ model: String) {
            let model = Words(model)
            let makers: [(String, Family)] = [
                ("claude", .claude), ("nova", .nova), ("mistral", .mistral), ("gpt-oss", .openAI),
            ]
            self = makers.first { model.contains($0.0) }?.1 ?? .other
        }
    }

    /// Name of the tool that stands in for an answer with a schema, on models that know no schemas.
    static let schemaTool = "json_tool_call"
    /// What functions may be called.
    static let nameForm = ToolNames.Form(longest: 64)

    init(_ request: RequestView, endpoint: Endpoint) {
        self.request = request.refusing(endpoint.flags.refusedMembers)
        flags = endpoint.flags
        drops = endpoint.dropsUnsupported
        family = Family(endpoint.knownModel)
        names = ToolNames(request, Self.nameForm)
    }

    /// What of the request has no equivalent.
    func objections(of provider: String) -> [String] {
        let fields = expressible(provider).objections(to: request, dropping: drops)
        return fields.isEmpty ? messageObjections + (drops ? [] : memberObjections) : fields
    }

    private func expressible(_ provider: String) -> Expressible {
        var members = Self.members
        if !acceptsSampling { members.subtract(["temperature", "top_p"]) }
        if family == .claude {
            members.insert("parallel_tool_calls")
            if acceptsSampling { members.insert("top_k") }
        }
        if Self.reasons(flags, family) { members.insert("reasoning_effort") }
        var format = Expressible(provider: provider, members: members)
        format.parts = flags.acceptsImages == false ? [.file] : [.image, .file]
        format.resultParts = [.image, .file]
        format.forcesTools = flags.acceptsForcedToolUse ?? true
        // Named tools are Claude's and Nova's (AWS's reference of ToolChoice); of one tool Mistral needs no name.
        format.forcesNamedTool = format.forcesTools && (family != .mistral || request.tools.count == 1)
        format.forbidsTools = calledFunctions.isEmpty
        format.hasJSONObject = false
        format.hasJSONSchema = flags.acceptsResponseSchema ?? false || usesSchemaTool
        return format
    }

    /// Whether the schema of `response_format` goes out as a compulsory tool, which the makers named here know.
    var usesSchemaTool: Bool {
        guard case .jsonSchema = request.responseFormat, request.tools.isEmpty,
            !(flags.acceptsResponseSchema ?? false), flags.acceptsForcedToolUse ?? true
        else { return false }
        return family == .claude || family == .nova || family == .mistral
    }

    /// Claude's sampling and thinking exclude one another.
    var acceptsSampling: Bool { (flags.acceptsSampling ?? true) && !(family == .claude && thinks) }

    /// Whether the model can be told how hard to think.
    static func reasons(_ flags: ModelFlags, _ family: Family) -> Bool {
        switch family {
        case .claude: flags.thinking == .budget || flags.thinking == .effort
        case .openAI, .nova: flags.thinking != ModelFlags.Thinking.none
        case .mistral, .other: false
        }
    }

    /// Members with an equivalent whatever the model is, but for sampling that it refuses.
    private static let members = Set(
        ["max_tokens", "max_completion_tokens", "stop", "metadata", "user", "service_tier", "temperature", "top_p"]
            + passedOn.map { "\($0)" })

    /// Converse's own members, which go through as they are.
    static let passedOn: [StaticString] = [
        "guardrailConfig", "performanceConfig", "promptVariables", "additionalModelResponseFieldPaths",
    ]

    /// Members with values that Converse does not know.
    private var memberObjections: [String] {
        var fields: [String] = []
        if let tier = request["service_tier"]?.string, !["auto", "default", "priority", "flex"].contains(tier) {
            fields.append("service_tier")
        }
        if family == .claude, effort != "none", Self.reasons(flags, family), !hasRoomToThink {
            fields.append("reasoning_effort")
        }
        if request.stop.contains(where: { !isEmptyStop($0) && !isStop($0) }) { fields.append("stop") }
        if let user = request["user"], !Self.isMetadata(user) { fields.append("user") }
        if let metadata = request["metadata"], !metadata.members.allSatisfy({ Self.isMetadata($0.value) }) {
            fields.append("metadata")
        }
        return fields
    }

    /// Parts in forms that Converse does not take, since it fetches nothing but from S3, and the beginning of an answer
    /// where the model does not go on from one.
    private var messageObjections: [String] {
        var fields = request.messages.flatMap { message in
            message.parts.filter { $0.kind != .text && $0.kind != .refusal && BedrockMedia($0) == nil }.map(\.path)
        }
        if flags.acceptsPrefill == false, let last = request.messages.last, last.role == .assistant {
            fields.append(last.path)
        }
        return fields
    }

    /// Up to 256 letters, digits, spaces and some signs.
    static func isMetadata(_ value: JSONValue) -> Bool {
        value.withUTF8 { text in
            text.count <= 256
                && text.indices.allSatisfy { place in
                    ToolCallID.isLetterOrDigit(text[place]) || " _:@$#=/+,-.".utf8.contains(text[place])
                }
        } ?? false
    }

    mutating func encode() -> [UInt8] {
        json.beginObject()
        let instructions = request.messages.prefix { $0.role == .system || $0.role == .developer }
        encodeSystem(instructions)
        encodeMessages(request.messages.dropFirst(instructions.count))
        encodeInference()
        encodeTools()
        encodeOutput()
        encodeAdditional()
        encodeMetadata()
        if let tier = request["service_tier"]?.string, tier == "priority" || tier == "flex" {
            json.key("serviceTier")
            json.beginObject()
            json.member("type", tier)
            json.endObject()
        }
        for key in Self.passedOn {
            guard let value = request[key] else { continue }
            json.key(key)
            json.value(value)
        }
        json.endObject()
        return json.bytes
    }

    mutating func encodeMetadata() {
        encodeUnlessEmpty("requestMetadata") { encoder in
            for (key, value) in (encoder.request["metadata"] ?? encoder.request.root).members
            where encoder.request["metadata"] != nil && Self.isMetadata(value) {
                encoder.json.key(key)
                encoder.json.value(value)
            }
            if let user = encoder.request["user"], Self.isMetadata(user), encoder.request["metadata"]?["user"] == nil {
                encoder.json.key("user")
                encoder.json.value(user)
            }
        }
    }
}
