import HedgeJSON

/// Writes the members of a request for a compatible provider that takes exception to some of them.
struct CompatibleEncoder {
    private let request: RequestView
    private let profile: ProviderProfile
    private let endpoint: Endpoint
    private var strictness: RequestStrictness { profile.strictness }
    /// Names of the members that are refused here.
    private let refused: [String]

    init(_ request: RequestView, profile: ProviderProfile, endpoint: Endpoint) {
        self.request = request
        self.profile = profile
        self.endpoint = endpoint
        refused = RefusedMembers.names(Self.refused(profile, endpoint), in: request.root)
    }

    /// What the provider or the model refuses; see ``RefusedMembers``.
    static func refused(_ profile: ProviderProfile, _ endpoint: Endpoint) -> [String] {
        guard let members = endpoint.flags.refusedMembers else { return profile.refused }
        return profile.refused + members
    }

    /// The members the request has of these, but for those that ask for nothing.
    var refusedFields: [String] {
        var fields: [String] = []
        for (name, value) in request.root.members where refused.contains(name) {
            if !Expressible.saysNothing(name, value) { fields.append(name) }
        }
        if strictness.refusesOtherTools { fields += request.tools.filter { !$0.isFunction }.map(\.path) }
        if hasExcludedFormat { fields.append("response_format") }
        return fields
    }

    /// Members that ``refusedFields`` has to look at.
    static func watched(_ profile: ProviderProfile, _ endpoint: Endpoint) -> [String] {
        var members = refused(profile, endpoint).map { RefusedMembers.name(of: $0) }
        if profile.strictness.refusesOtherTools { members.append("tools") }
        if profile.strictness.refusesFormatWithTools { members.append("response_format") }
        return members
    }

    /// Whether the form of the answer cannot go along because tools do.
    private var hasExcludedFormat: Bool {
        guard strictness.refusesFormatWithTools, !request.tools.isEmpty else { return false }
        if case .text = request.responseFormat { return false }
        return true
    }

    /// All members, with commas between them.
    func members(streamsUpstream: Bool) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        if streamsUpstream { json.member("stream", true) }
        for (name, value) in request.root.members where name != "stream" && !refused.contains(name) {
            if name == "response_format", hasExcludedFormat { continue }
            let newName = profile.renamed(name, isTaken: { request.root.member($0) != nil })
            json.key(newName ?? name)
            switch name {
            case "messages": writeMessages(to: &json)
            case "tools" where changesTools: writeTools(to: &json)
            default:
                let text = value.compactBytes
                let replacement = profile.replacement(for: String(decoding: text, as: UTF8.self), of: name)
                json.raw(replacement.map { Array($0.utf8) } ?? text)
            }
        }
        json.endObject()
        return Array(json.bytes.dropFirst().dropLast())
    }

    // MARK: Messages

    private func writeMessages(to json: inout JSONWriter) {
        json.beginArray()
        for message in request.messages {
            json.beginObject()
            for (name, value) in message.json.members { write(name, value, of: message, to: &json) }
            let hasContent = message.json["content"] != nil
            if message.role == .assistant, strictness.wantsContent, !hasContent { json.member("content", "") }
            if needsReasoning(message) { json.member("reasoning_content", " ") }
            json.endObject()
        }
        json.endArray()
    }

    /// Whether reasoning was not kept that a model which thinks wants back.
    private func needsReasoning(_ message: MessageView) -> Bool {
        guard strictness.wantsReasoning, message.role == .assistant, thinks else { return false }
        return message.json["reasoning_content"]?.withUTF8 { $0.isEmpty } ?? true
    }

    /// As the request says, else as the model's name does.
    private var thinks: Bool {
        switch request["thinking"]?["type"]?.string {
        case "enabled": true
        case "disabled": false
        default: Words(endpoint.model).contains("reasoner")
        }
    }

    private func write(_ name: String, _ value: JSONValue, of message: MessageView, to json: inout JSONWriter) {
        if name == "reasoning_content", needsReasoning(message) { return }
        if name == "name", strictness.refusesNames, message.role != .tool { return }
        if value.isNull, strictness.refusesNulls, name != "content" { return }
        json.key(name)
        switch name {
        case "content": writeContent(value, of: message, to: &json)
        case "tool_call_id" where strictness.wantsShortCallIDs:
            json.value(ToolCallID.short(message.toolCallID ?? ""))
        case "tool_calls" where strictness.wantsShortCallIDs && !message.toolCalls.isEmpty:
            json.beginArray()
            for call in message.toolCalls { write(call, to: &json) }
            json.endArray()
        default: json.value(value)
        }
    }

    private func writeContent(_ value: JSONValue, of message: MessageView, to json: inout JSONWriter) {
        if value.isNull, strictness.wantsContent, message.role == .assistant { return json.value("") }
        // Parts that are no text cannot be joined; the provider will say so.
        guard strictness.wantsPlainContent, value.kind == .array, message.parts.allSatisfy({ $0.text != nil }) else {
            return json.value(value)
        }
        json.value(message.parts.compactMap { $0.text?.string }.joined(separator: "\n"))
    }

    private func write(_ call: ToolCallView, to json: inout JSONWriter) {
        json.beginObject()
        for (name, value) in call.json.members {
            json.key(name)
            if name == "id" { json.value(ToolCallID.short(call.id)) } else { json.value(value) }
        }
        json.endObject()
    }

    // MARK: Tools

    private var changesTools: Bool {
        strictness.refusesStrictTools || strictness.refusesOtherTools || !strictness.refusedKeywords.isEmpty
    }

    private func writeTools(to json: inout JSONWriter) {
        let filter = SchemaFilter(removed: strictness.refusedKeywords)
        json.beginArray()
        for tool in request.tools where tool.isFunction || !strictness.refusesOtherTools {
            json.beginObject()
            for (name, value) in tool.json.members {
                json.key(name)
                guard name == "function", value.kind == .object else {
                    json.value(value)
                    continue
                }
                json.beginObject()
                for (name, value) in value.members where name != "strict" || !strictness.refusesStrictTools {
                    json.key(name)
                    name == "parameters" ? filter.write(value, to: &json) : json.value(value)
                }
                json.endObject()
            }
            json.endObject()
        }
        json.endArray()
    }
}

extension ToolCallID {
    /// An identifier of 9 letters and digits: itself if it is one, else one made from it that is always the same.
    static func short(_ id: String) -> String {
        if id.utf8.count == 9, id.utf8.allSatisfy(isLetterOrDigit) { return id }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in id.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        var text: [UInt8] = []
        for _ in 0..<9 {
            text.append(digits[Int(hash % 62)])
            hash /= 62
        }
        return String(decoding: text, as: UTF8.self)
    }
}
