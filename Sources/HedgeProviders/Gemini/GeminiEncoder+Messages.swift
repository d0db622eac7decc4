import HedgeJSON

/// The conversation: instructions apart, messages of one side merged into turns.
extension GeminiEncoder {
    mutating func encodeInstructions(_ messages: ArraySlice<MessageView>) {
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
    mutating func encodeTurns(_ messages: ArraySlice<MessageView>) {
        var rest = messages
        var isEmpty = true
        var calls: [String] = []
        while let first = rest.first {
            let isModel = first.role == .assistant
            let turn = rest.prefix { ($0.role == .assistant) == isModel }
            rest = rest.dropFirst(turn.count)
            if encodeTurn(turn, isModel: isModel, after: calls) { isEmpty = false }
            calls = []
            for call in turn.lazy.flatMap(\.toolCalls) where !calls.contains(call.id) { calls.append(call.id) }
        }
        if isEmpty { encodeBlankTurn() }
    }

    /// Writes a turn unless nothing is in it, and tells whether it did; `calls` are those of the turn before.
    mutating func encodeTurn(
        _ messages: ArraySlice<MessageView>, isModel: Bool, after calls: [String]
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
        // Results come right after the calls, whatever else the turn says, and in their order, by which alone older
        // models tell which is whose.
        if hasResults {
            for id in calls {
                for message in messages where message.toolCallID == id && message.role == .tool {
                    encodeResult(message)
                }
            }
            for message in messages where message.role == .tool && !calls.contains(message.toolCallID ?? "") {
                encodeResult(message)
            }
        }
        for message in messages where message.role != .tool {
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

    mutating func encodeBlankTurn() {
        json.beginObject()
        json.member("role", "user")
        json.key("parts")
        json.beginArray()
        encodeText(" ")
        json.endArray()
        json.endObject()
    }

    mutating func encodeText(_ part: PartView) {
        guard let text = part.text else { return }
        json.beginObject()
        json.key("text")
        json.value(text)
        json.endObject()
    }

    mutating func encodeText(_ text: String) {
        json.beginObject()
        json.member("text", text)
        json.endObject()
    }

    mutating func encodePart(_ part: PartView) {
        switch part.kind {
        case .text, .refusal: encodeText(part)
        case .image, .file: encodeMedia(Self.media(of: part), part)
        case .audio:
            let audio = part.json["input_audio"]
            guard let data = audio?["data"], data.kind == .string, let format = audio?["format"]?.string else { return }
            encodeMedia(.data(mediaType: "audio/\(format)", Base64View(value: data, start: 0)), part)
        case .other: return
        }
    }

    /// Bytes go along; Google fetches what is public and its own.
    mutating func encodeMedia(_ media: MediaView?, _ part: PartView) {
        switch media {
        case .data(let type, let base64):
            json.beginObject()
            json.key("inlineData")
            json.beginObject()
            json.member("mimeType", type)
            json.key("data")
            base64.write(to: &json)
            json.endObject()
            json.endObject()
        case .url(let url):
            json.beginObject()
            json.key("fileData")
            json.beginObject()
            if let type = Self.mediaType(of: part, at: url) { json.member("mimeType", type) }
            json.member("fileUri", url)
            json.endObject()
            json.endObject()
        case nil: return
        }
    }

    /// What the part itself says (`format`, as LiteLLM's callers give it), or the end of the address; nil where neither
    /// tells.
    static func mediaType(of part: PartView, at url: String) -> String? {
        if let format = (part.json["image_url"] ?? part.json["file"])?["format"]?.string { return format }
        let path = url.prefix { $0 != "?" && $0 != "#" }
        guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return nil }
        return mediaTypes[path[path.index(after: dot)...].lowercased()]
    }

    static let mediaTypes: [String: String] = [
        "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif",
        "heic": "image/heic", "heif": "image/heif", "pdf": "application/pdf", "txt": "text/plain",
        "mp3": "audio/mp3", "wav": "audio/wav", "mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm",
    ]

    mutating func encodeCall(_ call: ToolCallView, needsSignature: Bool) {
        json.beginObject()
        json.key("functionCall")
        json.beginObject()
        encodeID(call.id)
        json.member("name", names[call.name])
        json.key("args")
        json.raw(call.argumentObject)
        json.endObject()
        if let signature = call.json["extra_content"]?["google"]?["thought_signature"], signature.kind == .string {
            json.key("thoughtSignature")
            json.value(signature)
        } else if needsSignature {
            json.member("thoughtSignature", Self.noSignature)
        }
        json.endObject()
    }

    /// What Google documents for calls that another model made: Base64 of `skip_thought_signature_validator`.
    static let noSignature = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="

    /// Models before Gemini 3 refuse identifiers.
    mutating func encodeID(_ id: String) {
        if flags.acceptsToolCallIDs ?? true { json.member("id", id) }
    }

    mutating func encodeResult(_ message: MessageView) {
        let id = message.toolCallID ?? ""
        json.beginObject()
        json.key("functionResponse")
        json.beginObject()
        encodeID(id)
        json.member("name", functionName(of: message).map { names[$0] } ?? id)
        json.key("response")
        var text: [UInt8] = []
        for part in message.parts { part.text?.withUTF8 { text.append($0) } }
        if Self.isObject(text.span) {
            json.raw(text)
        } else {
            json.beginObject()
            json.key("content")
            json.value(text.span)
            json.endObject()
        }
        json.endObject()
        json.endObject()
    }

    private static func isObject(_ text: Span<UInt8>) -> Bool {
        guard let first = text.firstSignificant, text[first] == UInt8(ascii: "{") else { return false }
        let tape = JSONTape()
        return (try? tape.scan(text)) != nil && (try? tape.refuseAmbiguity(in: text)) != nil
    }

    /// The function a result is of: the one it names, or that of the latest call of its identifier.
    func functionName(of result: MessageView) -> String? {
        if let name = result.json["name"]?.string { return name }
        for message in request.messages.reversed() {
            if let call = message.toolCalls.last(where: { $0.id == result.toolCallID }) { return call.name }
        }
        return nil
    }
}
