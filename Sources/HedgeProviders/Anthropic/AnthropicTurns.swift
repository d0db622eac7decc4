import HedgeJSON

/// A conversation as the Messages API wants it: system texts apart, turns of one role merged, results of tools first.
struct AnthropicTurns {
    private enum Block {
        case text(PartView)
        case media(PartView)
        case call(ToolCallView)
        case result(MessageView)
        /// Signed reasoning as the provider sent it.
        case thinking(JSONValue)
    }

    private struct Turn {
        var role: StaticString
        var blocks: [Block]
    }

    private var system: [PartView] = []
    private var turns: [Turn] = []
    /// Functions that were called, in the order of first mention.
    private(set) var calledFunctions: [String] = []
    /// Whether the turn that goes on has tool calls without the signed reasoning that led to them.
    private(set) var lacksThinking = false

    /// `acceptsLateSystem` tells whether the model takes system messages between others.
    init(_ request: RequestView, acceptsLateSystem: Bool) {
        var isLeading = true
        for message in request.messages {
            let isSystem = message.role == .system || message.role == .developer
            if isSystem, isLeading {
                system += message.parts.filter { $0.text != nil && !$0.isEmptyText }
                continue
            }
            isLeading = false
            switch message.role {
            case .system, .developer: add(acceptsLateSystem ? "system" : "user", texts(of: message))
            case .assistant: addAnswer(message)
            case .tool: add("user", [.result(message)])
            case .user, .other: addQuestion(message)
            }
        }
    }

    private mutating func add(_ role: StaticString, _ blocks: [Block]) {
        guard !blocks.isEmpty else { return }
        if let last = turns.indices.last, turns[last].role.description == role.description {
            turns[last].blocks += blocks
        } else {
            turns.append(Turn(role: role, blocks: blocks))
        }
    }

    private func texts(of message: MessageView) -> [Block] {
        // The API refuses texts without characters.
        message.parts.filter { $0.text != nil && !$0.isEmptyText }.map { .text($0) }
    }

    private mutating func addQuestion(_ message: MessageView) {
        lacksThinking = false
        add("user", message.parts.compactMap { Self.block($0) })
    }

    private static func block(_ part: PartView) -> Block? {
        switch part.kind {
        case .text, .refusal: part.isEmptyText ? nil : .text(part)
        case .image, .file: .media(part)
        case .audio, .other: nil
        }
    }

    private mutating func addAnswer(_ message: MessageView) {
        let thinking = (message.json["thinking_blocks"] ?? message.json).elements.filter { block in
            ["thinking", "redacted_thinking"].contains(block["type"]?.string)
        }
        if !message.toolCalls.isEmpty { lacksThinking = thinking.isEmpty }
        for call in message.toolCalls where !calledFunctions.contains(call.name) { calledFunctions.append(call.name) }
        add(
            "assistant",
            thinking.map { .thinking($0) } + texts(of: message) + message.toolCalls.map { .call($0) })
    }

    // MARK: Writing

    /// Writes `system`, unless there is none.
    func writeSystem(to json: inout JSONWriter) {
        guard !system.isEmpty else { return }
        json.key("system")
        json.beginArray()
        for part in system { writeText(part, to: &json) }
        json.endArray()
    }

    /// Writes `messages`; reasoning of earlier turns only to a request that thinks.
    func writeMessages(names: ToolNames, withThinking: Bool, to json: inout JSONWriter) {
        json.key("messages")
        json.beginArray()
        for turn in turns {
            json.beginObject()
            json.member("role", turn.role.description)
            json.key("content")
            json.beginArray()
            for block in turn.blocks { write(block, names, withThinking, to: &json) }
            json.endArray()
            json.endObject()
        }
        json.endArray()
    }

    private func write(_ block: Block, _ names: ToolNames, _ withThinking: Bool, to json: inout JSONWriter) {
        switch block {
        case .text(let part): writeText(part, to: &json)
        case .media(let part): writeMedia(part, to: &json)
        case .call(let call):
            json.beginObject()
            json.member("type", "tool_use")
            json.member("id", ToolCallID.plain(call.id))
            json.member("name", names[call.name])
            json.key("input")
            json.raw(call.argumentObject)
            json.endObject()
        case .result(let message): writeResult(message, to: &json)
        case .thinking(let value): if withThinking { json.raw(value.compactBytes) }
        }
    }

    private func writeText(_ part: PartView, to json: inout JSONWriter) {
        json.beginObject()
        json.member("type", "text")
        json.key("text")
        part.text?.withUTF8 { text in
            var quoted: [UInt8] = []
            JSONWriter.appendQuoted(text, to: &quoted)
            json.raw(quoted)
        }
        if part.json.kind == .object, let cache = part.json["cache_control"] {
            json.key("cache_control")
            json.raw(cache.compactBytes)
        }
        json.endObject()
    }

    private func writeMedia(_ part: PartView, to json: inout JSONWriter) {
        guard let media = part.media else { return }
        json.beginObject()
        json.member("type", part.kind == .image ? "image" : "document")
        json.key("source")
        json.beginObject()
        switch media {
        case .url(let url):
            json.member("type", "url")
            json.member("url", url)
        case .data(let type, let base64):
            json.member("type", "base64")
            json.member("media_type", type == "image/jpg" ? "image/jpeg" : type)
            json.member("data", String(base64))
        }
        json.endObject()
        if part.kind == .file, let name = part.fileName { json.member("title", name) }
        json.endObject()
    }

    private func writeResult(_ message: MessageView, to json: inout JSONWriter) {
        json.beginObject()
        json.member("type", "tool_result")
        json.member("tool_use_id", ToolCallID.plain(message.toolCallID ?? ""))
        if let content = message.json["content"], content.kind == .string {
            json.key("content")
            json.raw(content.compactBytes)
        } else {
            let blocks = message.parts.compactMap { Self.block($0) }
            if !blocks.isEmpty {
                json.key("content")
                json.beginArray()
                for case .text(let part) in blocks { writeText(part, to: &json) }
                for case .media(let part) in blocks { writeMedia(part, to: &json) }
                json.endArray()
            }
        }
        if message.json["is_error"]?.bool == true { json.member("is_error", true) }
        json.endObject()
    }
}
