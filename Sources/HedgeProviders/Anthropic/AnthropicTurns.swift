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

        var isResult: Bool { if case .result = self { true } else { false } }
        var isThinking: Bool { if case .thinking = self { true } else { false } }
    }

    private struct Turn {
        var role: StaticString
        var blocks: [Block]
        /// Whether tools were called in it.
        var hasCalls = false
    }

    private var system: [PartView] = []
    private var turns: [Turn] = []
    /// Functions that were called, in the order of first mention.
    private(set) var calledFunctions: [String] = []

    /// `acceptsLateSystem` tells whether the model takes system messages between others.
    init(_ request: RequestView, acceptsLateSystem: Bool) {
        var isLeading = true
        for message in request.messages {
            let isSystem = message.role == .system || message.role == .developer
            if isSystem, isLeading {
                system += message.parts.filter { $0.text != nil && !$0.isBlankText }
                continue
            }
            isLeading = false
            switch message.role {
            // Taken out of their place, they would change what came before, and with it what is cached.
            case .system, .developer: add(acceptsLateSystem ? "system" : "user", Self.blocks(of: message))
            case .assistant: addAnswer(message)
            case .tool: addResult(message)
            case .user, .other: add("user", Self.blocks(of: message))
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

    /// Results come at once after the calls and before anything else that was said since.
    private mutating func addResult(_ message: MessageView) {
        guard let place = turns.lastIndex(where: \.hasCalls).map({ $0 + 1 }) else {
            return add("user", [.result(message)])
        }
        if place == turns.count || turns[place].role.description != "user" {
            turns.insert(Turn(role: "user", blocks: []), at: place)
        }
        let isSaid = turns[place].blocks.firstIndex { !$0.isResult }
        turns[place].blocks.insert(.result(message), at: isSaid ?? turns[place].blocks.count)
    }

    private static func blocks(of message: MessageView) -> [Block] {
        message.parts.compactMap { part in
            switch part.kind {
            // The API refuses texts of white space alone.
            case .text, .refusal: part.isBlankText ? nil : .text(part)
            case .image, .file: .media(part)
            case .audio, .other: nil
            }
        }
    }

    private mutating func addAnswer(_ message: MessageView) {
        let thinking = Self.thinking(of: message)
        for call in message.toolCalls where !calledFunctions.contains(call.name) { calledFunctions.append(call.name) }
        add(
            "assistant",
            thinking.map { .thinking($0) } + Self.blocks(of: message) + message.toolCalls.map { .call($0) })
        if !message.toolCalls.isEmpty, let last = turns.indices.last { turns[last].hasCalls = true }
    }

    /// Whether the turn that goes on has tool calls without the signed reasoning that led to them.
    static func lacksThinking(_ request: RequestView) -> Bool {
        for message in request.messages.reversed() where message.role != .tool {
            guard message.role == .assistant else { return false }
            if !message.toolCalls.isEmpty { return thinking(of: message).isEmpty }
        }
        return false
    }

    private static func thinking(of message: MessageView) -> [JSONValue] {
        guard let blocks = message.json["thinking_blocks"], blocks.kind == .array else { return [] }
        return blocks.elements.filter { isSigned($0) }
    }

    /// Reasoning without a signature is refused.
    private static func isSigned(_ block: JSONValue) -> Bool {
        switch block["type"]?.string {
        case "thinking": block["signature"]?.withUTF8 { !$0.isEmpty } ?? false
        case "redacted_thinking": true
        default: false
        }
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
        for (index, turn) in turns.enumerated() {
            // Nothing is left of an answer of thoughts alone.
            guard withThinking || !turn.blocks.allSatisfy(\.isThinking) else { continue }
            let isBeginning = index == turns.count - 1 && turn.role.description == "assistant"
            json.beginObject()
            json.member("role", turn.role.description)
            json.key("content")
            json.beginArray()
            for (place, block) in turn.blocks.enumerated() {
                if isBeginning, place == turn.blocks.count - 1, case .text(let part) = block {
                    writeBeginning(part, to: &json)
                } else {
                    write(block, names, withThinking, to: &json)
                }
            }
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
        case .thinking(let value): if withThinking { json.value(value) }
        }
    }

    private func writeText(_ part: PartView, to json: inout JSONWriter) {
        part.text?.withUTF8 { writeText($0, of: part, to: &json) }
    }

    /// Writes the text that the answer is to go on from, which must not end in white space.
    private func writeBeginning(_ part: PartView, to json: inout JSONWriter) {
        part.text?.withUTF8 { text in
            writeText(text.extracting(0..<(text.significant?.upperBound ?? text.count)), of: part, to: &json)
        }
    }

    private func writeText(_ text: Span<UInt8>, of part: PartView, to json: inout JSONWriter) {
        json.beginObject()
        json.member("type", "text")
        json.key("text")
        json.value(text)
        if part.json.kind == .object, let cache = part.json["cache_control"] {
            json.key("cache_control")
            json.value(cache)
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
            json.key("data")
            base64.write(to: &json)
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
            json.value(content)
        } else {
            let blocks = Self.blocks(of: message)
            if !blocks.isEmpty {
                json.key("content")
                json.beginArray()
                for block in blocks {
                    switch block {
                    case .text(let part): writeText(part, to: &json)
                    case .media(let part): writeMedia(part, to: &json)
                    case .call, .result, .thinking: continue
                    }
                }
                json.endArray()
            }
        }
        if message.json["is_error"]?.bool == true { json.member("is_error", true) }
        json.endObject()
    }
}
