import HedgeJSON

/// Writes a request as a body for Converse.
struct BedrockEncoder {
    private let request: RequestView
    private let flags: ModelFlags
    private let family: Family
    private let names: ToolNames
    private var json = JSONWriter()
    private var documentCount = 0

    /// Makers of models whose own parameters are known.
    enum Family {
        case claude, nova, openAI, other

        init(_ model: String) {
            let model = Words(model)
            self =
                model.contains("claude")
                ? .claude
                : model.contains("nova") ? .nova : model.contains("gpt-oss") ? .openAI : .other
        }
    }

    /// Names of functions may be this long.
    static let longestName = 64

    init(_ request: RequestView, endpoint: Endpoint) {
        self.request = request
        flags = endpoint.flags
        family = Family(endpoint.model)
        names = ToolNames(request, limit: Self.longestName)
    }

    /// What Converse has an equivalent for.
    static func expressible(name: String, endpoint: Endpoint) -> Expressible {
        let flags = endpoint.flags
        let family = Family(endpoint.model)
        var members: Set<String> = ["max_tokens", "max_completion_tokens", "stop", "metadata", "user", "service_tier"]
        members.formUnion(passedOn.map { "\($0)" })
        if flags.acceptsSampling ?? true { members.formUnion(["temperature", "top_p"]) }
        if family == .claude {
            members.insert("parallel_tool_calls")
            if flags.acceptsSampling ?? true { members.insert("top_k") }
        }
        if reasons(flags, family) { members.insert("reasoning_effort") }
        var format = Expressible(provider: name, members: members)
        format.parts = flags.acceptsImages == false ? [.file] : [.image, .file]
        format.resultParts = [.image]
        format.forcesTools = flags.acceptsForcedToolUse ?? true
        format.forcesNamedTool = format.forcesTools
        format.forbidsTools = false
        format.hasJSONObject = false
        format.hasJSONSchema = flags.acceptsResponseSchema ?? false
        return format
    }

    /// Whether the model can be told how hard to think.
    private static func reasons(_ flags: ModelFlags, _ family: Family) -> Bool {
        switch family {
        case .claude: flags.thinking == .budget || flags.thinking == .effort
        case .openAI, .nova: flags.thinking != ModelFlags.Thinking.none
        case .other: false
        }
    }

    /// Converse's own members, which go through as they are.
    private static let passedOn: [StaticString] = [
        "guardrailConfig", "performanceConfig", "promptVariables", "additionalModelResponseFieldPaths",
    ]

    /// Members with values that Converse does not know.
    var memberObjections: [String] {
        var fields: [String] = []
        if let tier = request["service_tier"]?.string, !["auto", "default", "priority", "flex"].contains(tier) {
            fields.append("service_tier")
        }
        if let user = request["user"], !Self.isMetadata(user) { fields.append("user") }
        if let metadata = request["metadata"], !metadata.members.allSatisfy({ Self.isMetadata($0.value) }) {
            fields.append("metadata")
        }
        return fields
    }

    /// Parts in forms that Converse does not take: it fetches nothing but from S3.
    var mediaObjections: [String] {
        request.messages.flatMap { message in
            message.parts.filter { $0.kind != .text && $0.kind != .refusal && BedrockMedia($0) == nil }.map(\.path)
        }
    }

    /// Up to 256 letters, digits, spaces and some signs.
    private static func isMetadata(_ value: JSONValue) -> Bool {
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
            json.raw(value.compactBytes)
        }
        json.endObject()
        return json.bytes
    }

    // MARK: Messages

    private mutating func encodeSystem(_ messages: ArraySlice<MessageView>) {
        let texts = messages.flatMap(\.parts).filter { !Self.isBlank($0) }
        guard !texts.isEmpty else { return }
        json.key("system")
        json.beginArray()
        for part in texts { encodeText(part) }
        json.endArray()
    }

    /// Turns of the two sides alternate and begin with the user's; texts that are blank are refused.
    private mutating func encodeMessages(_ messages: ArraySlice<MessageView>) {
        json.key("messages")
        json.beginArray()
        var rest = messages.filter { $0.role != .assistant || Self.says($0) }[...]
        if rest.first.map({ $0.role == .assistant }) ?? true { encodeTurn([]) }
        while let first = rest.first {
            let turn = rest.prefix { ($0.role == .assistant) == (first.role == .assistant) }
            rest = rest.dropFirst(turn.count)
            encodeTurn(turn)
        }
        json.endArray()
    }

    private static func says(_ message: MessageView) -> Bool {
        !message.toolCalls.isEmpty || message.parts.contains { !isBlank($0) }
    }

    private mutating func encodeTurn(_ messages: ArraySlice<MessageView>) {
        let isAssistant = messages.first?.role == .assistant
        json.beginObject()
        json.member("role", isAssistant ? "assistant" : "user")
        json.key("content")
        json.beginArray()
        var hasText = false
        var needsText = messages.allSatisfy { $0.role != .tool && !Self.says($0) }
        for message in messages {
            if message.role == .tool {
                encodeResult(message)
                continue
            }
            encodeThoughts(message)
            for part in message.parts where !Self.isBlank(part) {
                if part.text != nil { hasText = true }
                if part.kind == .file { needsText = true }
                encodePart(part)
            }
            for call in message.toolCalls { encodeCall(call) }
        }
        // A turn has to have content, and a document a text beside it.
        if needsText && !hasText {
            json.beginObject()
            json.member("text", ".")
            json.endObject()
        }
        json.endArray()
        json.endObject()
    }

    private static func isBlank(_ part: PartView) -> Bool {
        part.text?.withUTF8 { $0.firstSignificant == nil } ?? false
    }

    private mutating func encodeText(_ part: PartView) {
        guard let text = part.text else { return }
        json.beginObject()
        json.key("text")
        json.raw(text.compactBytes)
        json.endObject()
    }

    private mutating func encodePart(_ part: PartView) {
        guard part.text == nil else { return encodeText(part) }
        guard let media = BedrockMedia(part) else { return }
        json.beginObject()
        switch media {
        case .image(let format, let source):
            json.key("image")
            json.beginObject()
            json.member("format", format)
            encodeSource(source)
        case .document(let format, let name, let source):
            documentCount += 1
            json.key("document")
            json.beginObject()
            json.member("format", format)
            // Names must differ from one another.
            json.member("name", documentCount == 1 ? name : "\(name) \(documentCount)")
            encodeSource(source)
        }
        json.endObject()
        json.endObject()
    }

    private mutating func encodeSource(_ source: BedrockMedia.Source) {
        json.key("source")
        json.beginObject()
        switch source {
        case .bytes(let base64): json.member("bytes", String(base64))
        case .s3(let uri):
            json.key("s3Location")
            json.beginObject()
            json.member("uri", uri)
            json.endObject()
        }
        json.endObject()
    }

    /// Signed thoughts, which Claude wants back before the calls they led to.
    private mutating func encodeThoughts(_ message: MessageView) {
        guard family == .claude, thinks, let blocks = message.json["thinking_blocks"] else { return }
        for block in blocks.elements {
            if let text = block["thinking"], let signature = block["signature"] {
                json.beginObject()
                json.key("reasoningContent")
                json.beginObject()
                json.key("reasoningText")
                json.beginObject()
                json.key("text")
                json.raw(text.compactBytes)
                json.key("signature")
                json.raw(signature.compactBytes)
                json.endObject()
                json.endObject()
                json.endObject()
            } else if let data = block["data"] {
                json.beginObject()
                json.key("reasoningContent")
                json.beginObject()
                json.key("redactedContent")
                json.raw(data.compactBytes)
                json.endObject()
                json.endObject()
            }
        }
    }

    private mutating func encodeCall(_ call: ToolCallView) {
        json.beginObject()
        json.key("toolUse")
        json.beginObject()
        json.member("toolUseId", Self.id(call.id))
        json.member("name", names[call.name])
        json.key("input")
        json.raw(call.argumentObject)
        json.endObject()
        json.endObject()
    }

    private static func id(_ id: String) -> String { ToolCallID.isPortable(id) ? id : ToolCallID.plain(id) }

    private mutating func encodeResult(_ message: MessageView) {
        json.beginObject()
        json.key("toolResult")
        json.beginObject()
        json.member("toolUseId", Self.id(message.toolCallID ?? ""))
        json.key("content")
        json.beginArray()
        let parts = message.parts.filter { !Self.isBlank($0) }
        for part in parts { encodePart(part) }
        if parts.isEmpty {
            // A result has to have content, and a blank text is none.
            json.beginObject()
            json.key("json")
            json.beginObject()
            json.endObject()
            json.endObject()
        }
        json.endArray()
        json.member("status", "success")
        json.endObject()
        json.endObject()
    }
}

// MARK: - Settings

extension BedrockEncoder {
    private mutating func encodeInference() {
        encodeUnlessEmpty("inferenceConfig") { encoder in
            if let limit = encoder.request.maxTokens { encoder.json.member("maxTokens", limit) }
            if encoder.flags.acceptsSampling ?? true {
                // Converse ends where OpenAI's range is half way.
                if let value = encoder.request["temperature"], let heat = value.number {
                    encoder.json.key("temperature")
                    if heat > 1 { encoder.json.value(1) } else { encoder.json.raw(value.compactBytes) }
                }
                if let value = encoder.request["top_p"] {
                    encoder.json.key("topP")
                    encoder.json.raw(value.compactBytes)
                }
            }
            let stop = encoder.request.stop.filter { !($0.withUTF8 { $0.isEmpty } ?? true) }
            guard !stop.isEmpty else { return }
            encoder.json.key("stopSequences")
            encoder.json.beginArray()
            for text in stop { encoder.json.raw(text.compactBytes) }
            encoder.json.endArray()
        }
    }

    /// Writes an object, which is left out when nothing is in it.
    private mutating func encodeUnlessEmpty(_ key: StaticString, _ write: (inout BedrockEncoder) -> Void) {
        let outer = exchange(&json, with: JSONWriter())
        json.beginObject()
        write(&self)
        json.endObject()
        let object = exchange(&json, with: outer)
        guard object.bytes.count > 2 else { return }
        json.key(key)
        json.raw(object.bytes)
    }

    private mutating func encodeTools() {
        let called = request.tools.isEmpty ? calledFunctions : []
        guard !request.tools.isEmpty || !called.isEmpty else { return }
        json.key("toolConfig")
        json.beginObject()
        json.key("tools")
        json.beginArray()
        for tool in request.tools where tool.isFunction {
            encodeTool(tool.name, description: tool.description, parameters: tool.parameters, strict: tool.strict)
        }
        // A history with calls needs the tools that were called.
        for name in called { encodeTool(name, description: nil, parameters: nil, strict: nil) }
        json.endArray()
        encodeToolChoice()
        json.endObject()
    }

    /// Functions the history has calls of, in order.
    private var calledFunctions: [String] {
        request.messages.flatMap(\.toolCalls).reduce(into: []) { names, call in
            if !names.contains(call.name) { names.append(call.name) }
        }
    }

    private mutating func encodeTool(
        _ name: String, description: JSONValue?, parameters: JSONValue?, strict: Bool?
    ) {
        json.beginObject()
        json.key("toolSpec")
        json.beginObject()
        json.member("name", names[name])
        if let description, description.withUTF8({ $0.firstSignificant != nil }) ?? false {
            json.key("description")
            json.raw(description.compactBytes)
        }
        json.key("inputSchema")
        json.beginObject()
        json.key("json")
        if let parameters, parameters.kind == .object, parameters.count > 0 {
            json.raw(parameters.compactBytes)
        } else {
            json.raw(Array(#"{"type":"object","properties":{}}"#.utf8))
        }
        json.endObject()
        if strict == true { json.member("strict", true) }
        json.endObject()
        json.endObject()
    }

    private var hasToolChoice: Bool {
        switch request.toolChoice {
        case .auto: true
        case .required, .function: flags.acceptsForcedToolUse ?? true
        case .unspecified, .none, .other: false
        }
    }

    private mutating func encodeToolChoice() {
        guard hasToolChoice else { return }
        json.key("toolChoice")
        json.beginObject()
        switch request.toolChoice {
        case .function(let name):
            json.key("tool")
            json.beginObject()
            json.member("name", names[name])
            json.endObject()
        case .required:
            json.key("any")
            json.beginObject()
            json.endObject()
        case .auto, .unspecified, .none, .other:
            json.key("auto")
            json.beginObject()
            json.endObject()
        }
        json.endObject()
    }

    /// The schema goes as a string.
    private mutating func encodeOutput() {
        encodeUnlessEmpty("outputConfig") { encoder in
            if case .jsonSchema(let name, let schema, _) = encoder.request.responseFormat,
                encoder.flags.acceptsResponseSchema ?? false
            {
                encoder.json.key("textFormat")
                encoder.json.beginObject()
                encoder.json.member("type", "json_schema")
                encoder.json.key("structure")
                encoder.json.beginObject()
                encoder.json.key("jsonSchema")
                encoder.json.beginObject()
                encoder.json.member("schema", schema.compactText)
                encoder.json.member("name", name)
                encoder.json.endObject()
                encoder.json.endObject()
                encoder.json.endObject()
            }
            if encoder.thinks, encoder.family == .claude, encoder.flags.thinking == .effort {
                encoder.json.member("effort", encoder.request.reasoningEffort == "minimal" ? "low" : encoder.effort)
            }
        }
    }

    private var effort: String { request.reasoningEffort ?? "none" }

    /// Whether the request asks for thought, and the model can give it.
    ///
    /// Claude refuses to think on after calls whose thoughts are not in the history.
    private var thinks: Bool {
        guard effort != "none", Self.reasons(flags, family) else { return false }
        guard family == .claude else { return true }
        return request.messages.allSatisfy { $0.toolCalls.isEmpty || $0.json["thinking_blocks"] != nil }
    }

    /// What only some models know.
    private mutating func encodeAdditional() {
        encodeUnlessEmpty("additionalModelRequestFields") { encoder in
            encoder.encodeThinking()
            guard encoder.family == .claude else { return }
            if encoder.flags.acceptsSampling ?? true, let value = encoder.request["top_k"] {
                encoder.json.key("top_k")
                encoder.json.raw(value.compactBytes)
            }
            if encoder.request.parallelToolCalls == false, !encoder.request.tools.isEmpty {
                encoder.json.key("tool_choice")
                encoder.json.beginObject()
                if !encoder.hasToolChoice { encoder.json.member("type", "auto") }
                encoder.json.member("disable_parallel_tool_use", true)
                encoder.json.endObject()
            }
        }
    }

    private mutating func encodeThinking() {
        guard thinks else { return }
        switch (family, flags.thinking) {
        case (.claude, .effort):
            json.key("thinking")
            json.beginObject()
            json.member("type", "adaptive")
            json.member("display", "summarized")
            json.endObject()
        case (.claude, _):
            guard let budget else { return }
            json.key("thinking")
            json.beginObject()
            json.member("type", "enabled")
            json.member("budget_tokens", budget)
            json.endObject()
        case (.openAI, _):
            json.member("reasoning_effort", effort == "minimal" ? "low" : effort)
        case (.nova, _):
            json.key("reasoningConfig")
            json.beginObject()
            json.member("type", "enabled")
            let isNamed = ["low", "medium", "high"].contains(effort)
            json.member("maxReasoningEffort", isNamed ? effort : effort == "minimal" ? "low" : "high")
            json.endObject()
        case (.other, _): return
        }
    }

    /// Tokens to think with: at least 1,024, and fewer than the whole answer may have; nil where that leaves none.
    private var budget: Int64? {
        let wanted: Int64 =
            switch effort {
            case "minimal", "low": 1024
            case "medium": 2048
            case "high": 4096
            case "xhigh": 8192
            default: 16_384
            }
        guard let limit = request.maxTokens else { return wanted }
        return limit > 1024 ? min(wanted, limit - 1) : nil
    }

    private mutating func encodeMetadata() {
        encodeUnlessEmpty("requestMetadata") { encoder in
            for (key, value) in (encoder.request["metadata"] ?? encoder.request.root).members
            where encoder.request["metadata"] != nil && Self.isMetadata(value) {
                encoder.json.key(key)
                encoder.json.raw(value.compactBytes)
            }
            if let user = encoder.request["user"], Self.isMetadata(user), encoder.request["metadata"]?["user"] == nil {
                encoder.json.key("user")
                encoder.json.raw(user.compactBytes)
            }
        }
    }
}

/// Images and documents in the forms Converse takes.
enum BedrockMedia {
    enum Source {
        case bytes(Substring)
        case s3(String)
    }

    case image(format: String, Source)
    case document(format: String, name: String, Source)

    /// Nil where the part is neither, or of a form or format that Converse does not take.
    init?(_ part: PartView) {
        switch (part.kind, part.media) {
        case (.image, .data(let type, let base64)):
            guard let format = Self.imageFormats[type] else { return nil }
            self = .image(format: format, .bytes(base64))
        case (.image, .url(let url)):
            guard url.hasPrefix("s3://"), let format = Self.imageFormats["image/\(Self.ending(of: url))"] else {
                return nil
            }
            self = .image(format: format, .s3(url))
        case (.file, .data(let type, let base64)):
            let ending = part.fileName.map(Self.ending) ?? ""
            guard let format = Self.documentFormats[type] ?? Self.documentFormats[ending] else { return nil }
            self = .document(format: format, name: Self.name(part.fileName), .bytes(base64))
        default: return nil
        }
    }

    private static func ending(of name: String) -> String {
        guard let dot = name.lastIndex(of: ".") else { return "" }
        return name[name.index(after: dot)...].lowercased()
    }

    /// The name without its ending, of letters, digits, single spaces and hyphens.
    private static func name(_ name: String?) -> String {
        let name = name ?? ""
        let stem = name.lastIndex(of: ".").map { name[..<$0] } ?? name[...]
        let plain = String(
            decoding: stem.utf8.map { ToolCallID.isLetterOrDigit($0) || $0 == 0x2D ? $0 : 0x20 }, as: UTF8.self)
        let words = plain.split(separator: " ").joined(separator: " ").prefix(190)
        return words.isEmpty ? "document" : String(words)
    }

    private static let imageFormats = [
        "image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp",
    ]

    /// By media type and by ending.
    private static let documentFormats = [
        "application/pdf": "pdf", "pdf": "pdf", "text/csv": "csv", "csv": "csv", "text/html": "html", "html": "html",
        "text/plain": "txt", "txt": "txt", "text/markdown": "md", "md": "md", "application/msword": "doc", "doc": "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx", "docx": "docx",
        "application/vnd.ms-excel": "xls", "xls": "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx", "xlsx": "xlsx",
    ]
}
