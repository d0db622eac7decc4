import HedgeJSON

/// Writes a request as a `GenerateContentRequest`.
struct GeminiEncoder {
    let request: RequestView
    let endpoint: Endpoint
    let flags: ModelFlags
    var json = JSONWriter()

    init(_ request: RequestView, endpoint: Endpoint) {
        self.request = request.refusing(endpoint.flags.refusedMembers)
        self.endpoint = endpoint
        flags = endpoint.flags
    }

    /// What of the request has no equivalent.
    func objections(of provider: String, service: GeminiProvider.Service) -> [String] {
        let fields = expressible(provider, service).objections(to: request, dropping: endpoint.dropsUnsupported)
        return fields.isEmpty ? mediaObjections : fields
    }

    private func expressible(_ provider: String, _ service: GeminiProvider.Service) -> Expressible {
        var members: Set<String> = [
            "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "stop", "n", "seed",
            "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "reasoning_effort", "safetySettings",
            "cachedContent",
        ]
        if service == .vertex { members.insert("labels") }
        if flags.acceptsSampling == false {
            members.subtract(["temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty"])
        }
        if flags.thinking == nil || flags.thinking == ModelFlags.Thinking.none { members.remove("reasoning_effort") }
        var format = Expressible(provider: provider, members: members)
        format.parts = [.image, .audio, .file]
        if flags.acceptsImages == false { format.parts.remove(.image) }
        format.forcesTools = flags.acceptsForcedToolUse ?? true
        format.forcesNamedTool = format.forcesTools
        return format
    }

    /// Parts in forms Gemini does not take, and results of calls nobody made.
    ///
    /// Looks at no more than the beginning of what may be large.
    private var mediaObjections: [String] {
        request.messages.flatMap { message in
            var paths = message.parts.filter { !Self.isExpressible($0) }.map(\.path)
            if message.role == .tool, functionName(of: message) == nil { paths.append("\(message.path).tool_call_id") }
            return paths
        }
    }

    private static func isExpressible(_ part: PartView) -> Bool {
        switch part.kind {
        case .text, .refusal: return true
        case .image: return isAddress(part.json["image_url"]?["url"], orData: true)
        case .file:
            let file = part.json["file"]
            return isAddress(file?["file_id"], orData: false) || file?["file_data"]?.kind == .string
        case .audio:
            let audio = part.json["input_audio"]
            return audio?["data"]?.kind == .string && audio?["format"]?.kind == .string
        case .other: return false
        }
    }

    /// Whether Google can fetch it: what is public, and its own.
    private static func isAddress(_ value: JSONValue?, orData: Bool) -> Bool {
        value?.withUTF8 {
            $0.hasPrefix("https://") || $0.hasPrefix("gs://") || orData && $0.hasPrefix("data:")
        } ?? false
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
        for key in ["safetySettings", "cachedContent", "labels"] as [StaticString] {
            guard let value = request[key] else { continue }
            json.key(key)
            json.raw(value.compactBytes)
        }
        json.endObject()
        return json.bytes
    }
}

extension MessageView {
    /// Whether the message instructs the model rather than take part in the conversation.
    fileprivate var isInstruction: Bool { role == .system || role == .developer }
}
