import HedgeJSON

/// Writes a request as a `GenerateContentRequest`.
struct GeminiEncoder: ~Copyable {
    let request: RequestView
    let endpoint: Endpoint
    let flags: ModelFlags
    let service: GeminiProvider.Service
    let names: ToolNames
    var json = JSONWriter()

    /// What functions may be called.
    static let nameForm = ToolNames.Form(longest: 64, signs: "-.:", beginsWithLetter: true)

    init(_ request: RequestView, endpoint: Endpoint, service: GeminiProvider.Service) {
        self.request = request.refusing(endpoint.flags.refusedMembers)
        self.endpoint = endpoint
        self.service = service
        flags = endpoint.flags
        names = ToolNames(request, Self.nameForm)
    }

    /// What of the request has no equivalent.
    func objections(of provider: String) -> [String] {
        let dropping = endpoint.dropsUnsupported
        let fields = expressible(provider).objections(to: request, dropping: dropping)
        return fields.isEmpty ? messageObjections + (dropping ? [] : valueObjections) : fields
    }

    private func expressible(_ provider: String) -> Expressible {
        // `parallel_tool_calls` is not among them: nothing says that calls are to come one by one.
        var members: Set<String> = [
            "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "stop", "n", "seed",
            "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "reasoning_effort", "service_tier",
            "modalities", "safetySettings", "cachedContent",
        ]
        if service == .vertex { members.formUnion(["labels", "metadata"]) }
        if flags.acceptsSampling == false {
            members.subtract(["temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty"])
        }
        if flags.thinking == nil || flags.thinking == ModelFlags.Thinking.none { members.remove("reasoning_effort") }
        var format = Expressible(provider: provider, members: members)
        format.parts = [.image, .audio, .file]
        if flags.acceptsImages == false { format.parts.remove(.image) }
        format.forcesTools = flags.acceptsForcedToolUse ?? true
        format.forcesNamedTool = format.forcesTools
        format.hasJSONSchema = acceptsSchema
        return format
    }

    /// Whether the model answers by a schema.
    var acceptsSchema: Bool { flags.acceptsResponseSchema ?? true }

    /// Values that a member as such has an equivalent for, but not these.
    private var valueObjections: [String] {
        var fields: [String] = []
        if request.stop.count > Self.mostStops { fields.append("stop") }
        if let seed = request["seed"], Self.seed(seed) == nil { fields.append("seed") }
        if let tier = request["service_tier"]?.string, Self.tiers[tier] == nil { fields.append("service_tier") }
        if let kinds = request["modalities"], Self.modalities(kinds) == nil { fields.append("modalities") }
        if service == .vertex, let metadata = request["metadata"], !Self.areLabels(metadata) || request["labels"] != nil
        {
            fields.append("metadata")
        }
        if flags.acceptsTools == false, !request.tools.isEmpty { fields.append("tools") }
        return fields
    }

    /// Parts in forms Gemini does not take, results of calls nobody made, and beginnings of answers.
    ///
    /// Looks at no more than the beginning of what may be large.
    private var messageObjections: [String] {
        var fields: [String] = []
        for message in request.messages {
            for part in message.parts where !isExpressible(part) { fields.append(part.path) }
            if message.role == .tool, functionName(of: message) == nil {
                fields.append("\(message.path).tool_call_id")
            }
        }
        if flags.acceptsPrefill == false, let last = request.messages.last, last.role == .assistant {
            fields.append(last.path)
        }
        return fields
    }

    private func isExpressible(_ part: PartView) -> Bool {
        switch part.kind {
        case .text, .refusal: return true
        case .image, .file: return isWithinReach(part)
        case .audio:
            let audio = part.json["input_audio"]
            return audio?["data"]?.kind == .string && audio?["format"]?.kind == .string
        case .other: return false
        }
    }

    /// Whether Google has it before it or can fetch it, of what is public and its own; this library fetches nothing.
    private func isWithinReach(_ part: PartView) -> Bool {
        switch Self.media(of: part) {
        case .data: true
        case .url(let url):
            // Vertex AI must be told the type of what it fetches.
            (url.hasPrefix("https://") || url.hasPrefix("gs://"))
                && (service != .vertex || Self.mediaType(of: part, at: url) != nil)
        case nil: false
        }
    }

    /// Where an image's bytes are, or a file's, whose identifier is its address.
    static func media(of part: PartView) -> MediaView? {
        part.json["file"]?["file_id"]?.string.map { .url($0) } ?? part.media
    }

    mutating func encode() -> [UInt8] {
        json.beginObject()
        let instructions = request.messages.prefix { $0.isInstruction }
        encodeInstructions(instructions)
        json.key("contents")
        json.beginArray()
        encodeTurns(request.messages.dropFirst(instructions.count))
        json.endArray()
        encodeTools()
        encodeGeneration()
        if let tier = request["service_tier"]?.string, let own = Self.tiers[tier], !own.isEmpty {
            json.member("serviceTier", own)
        }
        for key in ["safetySettings", "cachedContent"] as [StaticString] { copy(key, as: key) }
        if service == .vertex {
            copy("labels", as: "labels")
            if let metadata = request["metadata"], request["labels"] == nil, Self.areLabels(metadata) {
                copy("metadata", as: "labels")
            }
        }
        json.endObject()
        return json.bytes
    }
}

extension MessageView {
    /// Whether the message instructs the model rather than take part in the conversation.
    fileprivate var isInstruction: Bool { role == .system || role == .developer }
}

extension GeminiEncoder {
    /// OpenAI's tiers and Google's own, and what is sent for them; nothing for what holds without it.
    static let tiers = [
        "auto": "", "default": "standard", "standard": "standard", "flex": "flex", "priority": "priority",
    ]

    /// Most texts that end an answer.
    static let mostStops = 5

    /// Google's seeds have 32 bits.
    static func seed(_ value: JSONValue) -> Int32? { value.integer.flatMap { Int32(exactly: $0) } }

    /// Kinds of output under Google's names; nil for kinds that cannot be given back in OpenAI's form, such as sound.
    static func modalities(_ value: JSONValue) -> [String]? {
        var kinds: [String] = []
        for kind in value.elements {
            switch kind.string {
            case "text": kinds.append("TEXT")
            case "image": kinds.append("IMAGE")
            default: return nil
            }
        }
        return kinds
    }

    /// Whether metadata can be labels, which Vertex AI has on its bills: up to 64 of 63 small letters, digits, `_` and `-`.
    static func areLabels(_ metadata: JSONValue) -> Bool {
        metadata.kind == .object && metadata.count <= 64
            && metadata.members.allSatisfy { name, value in
                isLabel(Array(name.utf8).span) && !name.isEmpty && value.withUTF8 { isLabel($0) } ?? false
            }
    }

    private static func isLabel(_ text: Span<UInt8>) -> Bool {
        text.count <= 63
            && text.indices.allSatisfy { place in
                "abcdefghijklmnopqrstuvwxyz0123456789_-".utf8.contains(text[place])
            }
    }
}
