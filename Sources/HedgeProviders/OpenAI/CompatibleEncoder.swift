import HedgeJSON

/// Writes the members of a request for a compatible provider that takes exception to some of them.
struct CompatibleEncoder {
    private let request: RequestView
    private let profile: ProviderProfile
    private let endpoint: Endpoint
    private var strictness: RequestStrictness { profile.strictness }
    /// Names of the members that are refused in this request.
    private var refused: [String] = []

    init(_ request: RequestView, profile: ProviderProfile, endpoint: Endpoint) {
        self.request = request
        self.profile = profile
        self.endpoint = endpoint
        var rules = Self.refused(profile, endpoint)
        if thinks && !isKeptFromThinking { rules += Self.refusedWhileThinking(endpoint) }
        refused = RefusedMembers.names(rules, in: request.root)
    }

    // MARK: What is refused

    /// What the provider or the model refuses whatever else is asked; see ``RefusedMembers``.
    static func refused(_ profile: ProviderProfile, _ endpoint: Endpoint) -> [String] {
        guard let members = endpoint.flags.refusedMembers else { return profile.refused }
        return profile.refused + members
    }

    /// Members that the model refuses only while it thinks.
    private static func refusedWhileThinking(_ endpoint: Endpoint) -> [String] {
        endpoint.flags.acceptsSampling == true ? [] : endpoint.flags.refusedWhileThinking ?? []
    }

    /// Members that ``refusedFields`` has to look at.
    static func watched(_ profile: ProviderProfile, _ endpoint: Endpoint) -> [String] {
        let flags = endpoint.flags
        var members: [String] = []
        // Most have no rules, and this is asked for each request.
        if !profile.refused.isEmpty || flags.refusedMembers != nil || flags.refusedWhileThinking != nil {
            let rules = refused(profile, endpoint) + refusedWhileThinking(endpoint)
            members = rules.map { RefusedMembers.name(of: $0) }
        }
        if profile.strictness.refusesOtherTools || flags.thinksWithTools == false { members.append("tools") }
        if profile.strictness.refusesFormatWithTools { members.append("response_format") }
        return members
    }

    /// The members the request has of these, but for those that ask for nothing.
    var refusedFields: [String] {
        var fields: [String] = []
        for (name, value) in request.root.members where refused.contains(name) {
            if !Expressible.saysNothing(name, value) { fields.append(name) }
        }
        if strictness.refusesOtherTools { fields += request.tools.filter { !$0.isFunction }.map(\.path) }
        if hasExcludedFormat { fields.append("response_format") }
        if isKeptFromThinking { fields.append(request.reasoningEffort == nil ? "tools" : "reasoning_effort") }
        return fields
    }

    /// Whether the form of the answer cannot go along because tools do.
    private var hasExcludedFormat: Bool {
        strictness.refusesFormatWithTools && !request.tools.isEmpty && hasFormat
    }

    private var hasFormat: Bool {
        if case .text = request.responseFormat { false } else { true }
    }

    /// Whether the answer comes whole although the provider is asked for a stream.
    var isAnsweredWhole: Bool { strictness.answersFormsWhole && hasFormat && !hasExcludedFormat }

    /// Whether the model thinks: as the request says, else as the model does unasked.
    private var thinks: Bool {
        switch request["thinking"]?["type"]?.string {
        case "enabled": true
        case "disabled": false
        default: request.reasoningEffort.map { $0 != "none" } ?? endpoint.flags.thinksUnasked ?? false
        }
    }

    /// Whether functions go along beside which the model does not think.
    private var isKeptFromThinking: Bool {
        endpoint.flags.thinksWithTools == false && !request.tools.isEmpty && thinks
    }

    // MARK: Members

    /// All members, with commas between them.
    func members(streamsUpstream: Bool) -> [UInt8] {
        let renames = profile.renames(at: endpoint)
        var json = JSONWriter()
        json.beginObject()
        if streamsUpstream { json.member("stream", true) }
        if isKeptFromThinking { json.member("reasoning_effort", "none") }
        for (name, value) in request.root.members where name != "stream" && !refused.contains(name) {
            if name == "response_format", hasExcludedFormat { continue }
            if name == "reasoning_effort", isKeptFromThinking { continue }
            let newName = renames.first { $0.from == name }?.to
            // With both names given, the provider's own one counts.
            if let newName, request.root.member(newName) != nil { continue }
            if name == "reasoning_effort", strictness.switchesThinking, value.string == "none" {
                writeDisabledThinking(to: &json)
                continue
            }
            json.key(newName ?? name)
            switch name {
            case "messages": writeMessages(to: &json)
            case "tools" where changesTools: writeTools(to: &json)
            default:
                let text = value.compactBytes
                let replacement = profile.replacement(of: name) { String(decoding: text, as: UTF8.self) }
                json.raw(replacement.map { Array($0.utf8) } ?? text)
            }
        }
        json.endObject()
        return Array(json.bytes.dropFirst().dropLast())
    }

    private func writeDisabledThinking(to json: inout JSONWriter) {
        guard request["thinking"] == nil else { return }
        json.key("thinking")
        json.beginObject()
        json.member("type", "disabled")
        json.endObject()
    }

    // MARK: Messages

    private func writeMessages(to json: inout JSONWriter) {
        json.beginArray()
        for message in request.messages where !isRefused(message) {
            json.beginObject()
            for (name, value) in message.json.members { write(name, value, of: message, to: &json) }
            let hasContent = message.json["content"] != nil
            if message.role == .assistant, strictness.wantsContent, !hasContent { json.member("content", "") }
            if needsReasoning(message) { json.member("reasoning_content", " ") }
            json.endObject()
        }
        json.endArray()
    }

    /// Whether the message is an answer that says nothing, where that is refused.
    private func isRefused(_ message: MessageView) -> Bool {
        strictness.wantsContent && message.role == .assistant && message.toolCalls.isEmpty
            && message.parts.allSatisfy(\.isEmptyText)
    }

    /// Whether reasoning was not kept that a model which thinks wants back.
    private func needsReasoning(_ message: MessageView) -> Bool {
        guard strictness.wantsReasoning, message.role == .assistant, thinks else { return false }
        return message.json["reasoning_content"]?.withUTF8 { $0.isEmpty } ?? true
    }

    private func write(_ name: String, _ value: JSONValue, of message: MessageView, to json: inout JSONWriter) {
        if name == "reasoning_content", needsReasoning(message) { return }
        if name == "name", strictness.refusesNames, message.role != .tool { return }
        if value.isNull, strictness.refusesNulls, name != "content" { return }
        var name = name
        if name == "reasoning_content", let other = strictness.reasoningName, message.json.member(other) == nil {
            name = other
        }
        guard strictness.messageMembers.isEmpty || strictness.messageMembers.contains(name) else { return }
        json.key(name)
        switch name {
        case "content": writeContent(value, of: message, to: &json)
        case "tool_call_id" where strictness.wantsShortCallIDs:
            json.value(ToolCallID.short(message.toolCallID ?? ""))
        case "tool_calls" where changesCalls && !message.toolCalls.isEmpty:
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

    private var changesCalls: Bool { strictness.wantsShortCallIDs || !strictness.messageMembers.isEmpty }

    private func write(_ call: ToolCallView, to json: inout JSONWriter) {
        json.beginObject()
        for (name, value) in call.json.members {
            guard strictness.messageMembers.isEmpty || Self.callMembers.contains(name) else { continue }
            json.key(name)
            if name == "id", strictness.wantsShortCallIDs {
                json.value(ToolCallID.short(call.id))
            } else {
                json.value(value)
            }
        }
        json.endObject()
    }

    /// What a call has; a place in a stream and signatures of other providers are none of it.
    private static let callMembers = ["id", "type", "function"]

    // MARK: Tools

    private var changesTools: Bool {
        strictness.refusesStrictTools || strictness.refusesOtherTools || strictness.wantsParameters
            || !strictness.refusedKeywords.isEmpty
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
                if strictness.wantsParameters, value["parameters"] == nil {
                    json.key("parameters")
                    json.raw(ToolView.noParameters)
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
