import HedgeJSON

/// Writes a request as a `GenerateContentRequest`.
struct GeminiEncoder {
    private let request: RequestView
    private let endpoint: Endpoint
    private let flags: ModelFlags
    private var json = JSONWriter()

    init(_ request: RequestView, endpoint: Endpoint) {
        self.request = request
        self.endpoint = endpoint
        flags = endpoint.flags
    }

    /// What Gemini has an equivalent for.
    static func expressible(name: String, service: GeminiProvider.Service, flags: ModelFlags) -> Expressible {
        var members: Set<String> = [
            "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "stop", "n", "seed",
            "presence_penalty", "frequency_penalty", "reasoning_effort", "safetySettings", "cachedContent",
        ]
        if service == .vertex { members.insert("labels") }
        if flags.acceptsSampling == false {
            members.subtract(["temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty"])
        }
        if flags.thinking == nil || flags.thinking == ModelFlags.Thinking.none { members.remove("reasoning_effort") }
        var format = Expressible(provider: name, members: members)
        format.parts = [.image, .audio, .file]
        if flags.acceptsImages == false { format.parts.remove(.image) }
        format.forcesTools = flags.acceptsForcedToolUse ?? true
        format.forcesNamedTool = format.forcesTools
        return format
    }

    /// Parts in forms Gemini does not take, and results of calls nobody made.
    ///
    /// Looks at no more than the beginning of what may be large.
    var objections: [String] {
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

    // MARK: Messages

    private mutating func encodeInstructions(_ messages: ArraySlice<MessageView>) {
        let texts = messages.flatMap(\.parts).filter { !$0.isEmptyText }
        guard !texts.isEmpty else { return }
        json.key("systemInstruction")
        json.beginObject()
        json.key("parts")
        json.beginArray()
        for part in texts { encodeText(part) }
        json.endArray()
        json.endObject()
    }

    /// Messages of one side that follow one another become one turn, as the API demands.
    private mutating func encodeTurns(_ messages: ArraySlice<MessageView>) {
        var rest = messages
        var isEmpty = true
        while let first = rest.first {
            let isModel = first.role == .assistant
            let turn = rest.prefix { ($0.role == .assistant) == isModel }
            rest = rest.dropFirst(turn.count)
            if encodeTurn(turn, isModel: isModel) { isEmpty = false }
        }
        if isEmpty { encodeBlankTurn() }
    }

    /// Writes a turn unless nothing is in it, and tells whether it did.
    private mutating func encodeTurn(
        _ messages: ArraySlice<MessageView>, isModel: Bool
    ) -> Bool {
        let hasCalls = messages.contains { !$0.toolCalls.isEmpty }
        let hasResults = messages.contains { $0.role == .tool }
        let parts = messages.filter { $0.role != .tool }.flatMap(\.parts)
        guard hasCalls || hasResults || parts.contains(where: { !$0.isEmptyText }) else { return false }
        json.beginObject()
        json.member("role", isModel ? "model" : "user")
        json.key("parts")
        json.beginArray()
        // Only the first call of a turn has a signature.
        var needsSignature = flags.acceptsToolCallIDs == true
        for message in messages {
            if message.role == .tool {
                encodeResult(message)
                continue
            }
            for part in message.parts where !part.isEmptyText { encodePart(part) }
            for call in message.toolCalls {
                encodeCall(call, needsSignature: needsSignature)
                needsSignature = false
            }
        }
        // A turn of the user's without any text is refused.
        if !isModel, !hasResults, !parts.contains(where: { $0.kind == .text }) { encodeText(" ") }
        json.endArray()
        json.endObject()
        return true
    }

    private mutating func encodeBlankTurn() {
        json.beginObject()
        json.member("role", "user")
        json.key("parts")
        json.beginArray()
        encodeText(" ")
        json.endArray()
        json.endObject()
    }

    private mutating func encodeText(_ part: PartView) {
        guard let text = part.text else { return }
        json.beginObject()
        json.key("text")
        json.raw(text.compactBytes)
        json.endObject()
    }

    private mutating func encodeText(_ text: String) {
        json.beginObject()
        json.member("text", text)
        json.endObject()
    }

    private mutating func encodePart(_ part: PartView) {
        switch part.kind {
        case .text, .refusal: encodeText(part)
        case .image: encodeMedia(part.media, part)
        case .file:
            if let id = part.json["file"]?["file_id"]?.string {
                encodeMedia(.url(id), part)
            } else {
                encodeMedia(part.media, part)
            }
        case .audio:
            let audio = part.json["input_audio"]
            guard let data = audio?["data"]?.string, let format = audio?["format"]?.string else { return }
            encodeMedia(.data(mediaType: "audio/\(format)", base64: data[...]), part)
        case .other: return
        }
    }

    /// Bytes go along; Google fetches what is public and its own.
    private mutating func encodeMedia(_ media: MediaView?, _ part: PartView) {
        switch media {
        case .data(let type, let base64):
            json.beginObject()
            json.key("inlineData")
            json.beginObject()
            json.member("mimeType", type)
            json.member("data", String(base64))
            json.endObject()
            json.endObject()
        case .url(let url):
            json.beginObject()
            json.key("fileData")
            json.beginObject()
            if let type = Self.mediaType(ofURL: url) { json.member("mimeType", type) }
            json.member("fileUri", url)
            json.endObject()
            json.endObject()
        case nil: return
        }
    }

    /// What the end of the path tells; nil where it tells nothing.
    private static func mediaType(ofURL url: String) -> String? {
        let path = url.prefix { $0 != "?" && $0 != "#" }
        guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return nil }
        return mediaTypes[path[path.index(after: dot)...].lowercased()]
    }

    private static let mediaTypes: [String: String] = [
        "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif",
        "heic": "image/heic", "heif": "image/heif", "pdf": "application/pdf", "txt": "text/plain",
        "mp3": "audio/mp3", "wav": "audio/wav", "mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm",
    ]

    // MARK: Tools

    private mutating func encodeCall(_ call: ToolCallView, needsSignature: Bool) {
        json.beginObject()
        json.key("functionCall")
        json.beginObject()
        encodeID(call.id)
        json.member("name", call.name)
        json.key("args")
        json.raw(call.argumentObject)
        json.endObject()
        if let signature = call.json["extra_content"]?["google"]?["thought_signature"], signature.kind == .string {
            json.key("thoughtSignature")
            json.raw(signature.compactBytes)
        } else if needsSignature {
            json.member("thoughtSignature", Self.noSignature)
        }
        json.endObject()
    }

    /// What Google documents for calls that another model made: Base64 of `skip_thought_signature_validator`.
    private static let noSignature = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="

    /// Models before Gemini 3 refuse identifiers.
    private mutating func encodeID(_ id: String) {
        if flags.acceptsToolCallIDs ?? true { json.member("id", id) }
    }

    private mutating func encodeResult(_ message: MessageView) {
        let id = message.toolCallID ?? ""
        json.beginObject()
        json.key("functionResponse")
        json.beginObject()
        encodeID(id)
        json.member("name", functionName(of: message) ?? id)
        json.key("response")
        let text = Array(message.parts.compactMap { $0.text?.string }.joined().utf8)
        let tape = JSONTape()
        if (try? tape.scan(text.span)) != nil, tape.kind(0) == .object,
            (try? tape.refuseAmbiguity(in: text.span)) != nil
        {
            json.raw(text)
        } else {
            json.beginObject()
            json.key("content")
            json.value(String(decoding: text, as: UTF8.self))
            json.endObject()
        }
        json.endObject()
        json.endObject()
    }

    /// The function a result is of: the one it names, or that of the latest call of its identifier.
    private func functionName(of result: MessageView) -> String? {
        if let name = result.json["name"]?.string { return name }
        for message in request.messages.reversed() {
            if let call = message.toolCalls.last(where: { $0.id == result.toolCallID }) { return call.name }
        }
        return nil
    }

    private mutating func encodeTools() {
        if !request.tools.isEmpty {
            json.key("tools")
            json.beginArray()
            json.beginObject()
            json.key("functionDeclarations")
            json.beginArray()
            for tool in request.tools where tool.isFunction { encodeTool(tool) }
            json.endArray()
            json.endObject()
            json.endArray()
        }
        let mode: String
        var name: String?
        switch request.toolChoice {
        case .auto where !request.tools.isEmpty: mode = "AUTO"
        case .none where !request.tools.isEmpty: mode = "NONE"
        case .required where flags.acceptsForcedToolUse ?? true: mode = "ANY"
        case .function(let function) where flags.acceptsForcedToolUse ?? true:
            mode = "ANY"
            name = function
        default: return
        }
        json.key("toolConfig")
        json.beginObject()
        json.key("functionCallingConfig")
        json.beginObject()
        json.member("mode", mode)
        if let name {
            json.key("allowedFunctionNames")
            json.beginArray()
            json.value(name)
            json.endArray()
        }
        json.endObject()
        json.endObject()
    }

    private mutating func encodeTool(_ tool: ToolView) {
        json.beginObject()
        json.member("name", tool.name)
        if let description = tool.description {
            json.key("description")
            json.raw(description.compactBytes)
        }
        if let parameters = tool.parameters {
            json.key("parametersJsonSchema")
            json.raw(parameters.compactBytes)
        }
        json.endObject()
    }
}

// MARK: - Generation

extension GeminiEncoder {
    private mutating func encodeGeneration() {
        // Written apart, because it is left out when nothing is set.
        let outer = exchange(&json, with: JSONWriter())
        json.beginObject()
        if let limit = request.maxTokens { json.member("maxOutputTokens", limit) }
        if flags.acceptsSampling ?? true {
            for (from, to) in Self.samplingNames { copy(from, as: to) }
        }
        copy("seed", as: "seed")
        if let count = request["n"]?.integer, count > 1 { json.member("candidateCount", count) }
        let stop = request.stop
        if !stop.isEmpty {
            json.key("stopSequences")
            json.beginArray()
            for text in stop { json.raw(text.compactBytes) }
            json.endArray()
        }
        encodeFormat()
        encodeThinking()
        json.endObject()
        let settings = exchange(&json, with: outer)
        guard settings.bytes.count > 2 else { return }
        json.key("generationConfig")
        json.raw(settings.bytes)
    }

    private static let samplingNames: [(StaticString, StaticString)] = [
        ("temperature", "temperature"), ("top_p", "topP"), ("top_k", "topK"), ("presence_penalty", "presencePenalty"),
        ("frequency_penalty", "frequencyPenalty"),
    ]

    private mutating func copy(_ from: StaticString, as to: StaticString) {
        guard let value = request[from] else { return }
        json.key(to)
        json.raw(value.compactBytes)
    }

    private mutating func encodeFormat() {
        switch request.responseFormat {
        case .jsonObject: json.member("responseMimeType", "application/json")
        case .jsonSchema(_, let schema, _):
            json.member("responseMimeType", "application/json")
            json.key("responseJsonSchema")
            json.raw(schema.compactBytes)
        case .text, .other: return
        }
    }

    /// Effort as a level for models from Gemini 3 on, as a number of tokens for those before.
    private mutating func encodeThinking() {
        guard let effort = request.reasoningEffort else { return }
        let isFlash = Words(endpoint.model).contains("flash")
        switch flags.thinking {
        case .effort:
            json.key("thinkingConfig")
            json.beginObject()
            json.member("thinkingLevel", Self.level(effort, isFlash: isFlash))
        case .budget:
            json.key("thinkingConfig")
            json.beginObject()
            json.member("thinkingBudget", budget(effort, isFlash: isFlash))
        case .some(.none), nil: return
        }
        json.member("includeThoughts", effort != "none")
        json.endObject()
    }

    /// Only the flash models can think minimally, and none can not think at all.
    private static func level(_ effort: String, isFlash: Bool) -> String {
        switch effort {
        case "none", "minimal": isFlash ? "MINIMAL" : "LOW"
        case "low": "LOW"
        case "medium": "MEDIUM"
        default: "HIGH"
        }
    }

    /// Tokens, as LiteLLM gives them; the pro models cannot do without any.
    private func budget(_ effort: String, isFlash: Bool) -> Int {
        switch effort {
        case "none": isFlash ? 0 : 128
        case "minimal": Words(endpoint.model).contains("flash-lite") ? 512 : isFlash ? 1 : 128
        case "low": 1024
        case "medium": 2048
        case "high": 4096
        case "xhigh": 8192
        default: 16_384
        }
    }
}

extension MessageView {
    /// Whether the message instructs the model rather than take part in the conversation.
    fileprivate var isInstruction: Bool { role == .system || role == .developer }
}
