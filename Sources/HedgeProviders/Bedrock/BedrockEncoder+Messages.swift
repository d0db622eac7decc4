import HedgeJSON

/// The conversation: system texts apart, turns of the two sides that alternate.
extension BedrockEncoder {
    mutating func encodeSystem(_ messages: ArraySlice<MessageView>) {
        let texts = messages.flatMap(\.parts).filter { !Self.isBlank($0) }
        guard !texts.isEmpty else { return }
        json.key("system")
        json.beginArray()
        for part in texts { encodeText(part) }
        json.endArray()
    }

    /// Turns of the two sides alternate and begin with the user's; texts that are blank are refused.
    mutating func encodeMessages(_ messages: ArraySlice<MessageView>) {
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

    static func says(_ message: MessageView) -> Bool {
        !message.toolCalls.isEmpty || message.parts.contains { !isBlank($0) }
    }

    mutating func encodeTurn(_ messages: ArraySlice<MessageView>) {
        let isAssistant = messages.first?.role == .assistant
        json.beginObject()
        json.member("role", isAssistant ? "assistant" : "user")
        json.key("content")
        json.beginArray()
        var hasText = false
        var needsText = messages.allSatisfy { $0.role != .tool && !Self.says($0) }
        // Results come right after the calls, whatever else the turn says.
        for message in messages where message.role == .tool { encodeResult(message) }
        for message in messages where message.role != .tool {
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

    static func isBlank(_ part: PartView) -> Bool {
        part.text?.withUTF8 { $0.firstSignificant == nil } ?? false
    }

    mutating func encodeText(_ part: PartView) {
        guard let text = part.text else { return }
        json.beginObject()
        json.key("text")
        json.value(text)
        json.endObject()
    }

    mutating func encodePart(_ part: PartView) {
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

    mutating func encodeSource(_ source: BedrockMedia.Source) {
        json.key("source")
        json.beginObject()
        switch source {
        case .bytes(let base64):
            json.key("bytes")
            base64.write(to: &json)
        case .s3(let uri):
            json.key("s3Location")
            json.beginObject()
            json.member("uri", uri)
            json.endObject()
        }
        json.endObject()
    }

    /// Signed thoughts, which Claude wants back before the calls they led to.
    mutating func encodeThoughts(_ message: MessageView) {
        guard family == .claude, thinks, let blocks = message.json["thinking_blocks"] else { return }
        for block in blocks.elements {
            if let text = block["thinking"], let signature = block["signature"] {
                json.beginObject()
                json.key("reasoningContent")
                json.beginObject()
                json.key("reasoningText")
                json.beginObject()
                json.key("text")
                json.value(text)
                json.key("signature")
                json.value(signature)
                json.endObject()
                json.endObject()
                json.endObject()
            } else if let data = block["data"] {
                json.beginObject()
                json.key("reasoningContent")
                json.beginObject()
                json.key("redactedContent")
                json.value(data)
                json.endObject()
                json.endObject()
            }
        }
    }

    mutating func encodeCall(_ call: ToolCallView) {
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

    static func id(_ id: String) -> String { ToolCallID.isPortable(id) ? id : ToolCallID.plain(id) }

    mutating func encodeResult(_ message: MessageView) {
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
