import HedgeJSON

/// Tools and which of them is to be called.
extension BedrockEncoder {
    mutating func encodeTools() {
        let called = request.tools.isEmpty ? calledFunctions : []
        guard offersTools || !called.isEmpty || usesSchemaTool else { return }
        json.key("toolConfig")
        json.beginObject()
        json.key("tools")
        json.beginArray()
        for tool in request.tools where tool.isFunction {
            encodeTool(tool.name, description: tool.description, parameters: tool.parameters, strict: tool.strict)
        }
        // A history with calls needs the tools that were called.
        for name in called { encodeTool(name, description: nil, parameters: nil, strict: nil) }
        if usesSchemaTool, case .jsonSchema(_, let schema, _) = request.responseFormat {
            encodeTool(Self.schemaTool, description: nil, parameters: schema, strict: nil)
        }
        json.endArray()
        encodeToolChoice()
        json.endObject()
    }

    /// Whether the request's tools go along. Converse has no word for calling none: without tools there is none to call,
    /// but a history with calls needs them.
    var offersTools: Bool {
        if case .none = request.toolChoice, calledFunctions.isEmpty { return false }
        return !request.tools.isEmpty
    }

    /// Functions the history has calls of, in order.
    var calledFunctions: [String] {
        request.messages.flatMap(\.toolCalls).reduce(into: []) { names, call in
            if !names.contains(call.name) { names.append(call.name) }
        }
    }

    mutating func encodeTool(
        _ name: String, description: JSONValue?, parameters: JSONValue?, strict: Bool?
    ) {
        json.beginObject()
        json.key("toolSpec")
        json.beginObject()
        json.member("name", names[name])
        if let description, description.withUTF8({ $0.firstSignificant != nil }) ?? false {
            json.key("description")
            json.value(description)
        }
        json.key("inputSchema")
        json.beginObject()
        json.key("json")
        if let parameters, parameters.kind == .object, parameters.count > 0 {
            json.value(parameters)
        } else {
            json.raw(ToolView.noParameters)
        }
        json.endObject()
        if strict == true { json.member("strict", true) }
        json.endObject()
        json.endObject()
    }

    var forcesTool: Bool {
        switch request.toolChoice {
        case .required, .function: flags.acceptsForcedToolUse ?? true
        case .auto, .unspecified, .none, .other: false
        }
    }

    /// Only what differs from the model's own choice, for which not every model has a word.
    mutating func encodeToolChoice() {
        if usesSchemaTool { return encodeNamedChoice(Self.schemaTool) }
        guard forcesTool else { return }
        if case .function(let name) = request.toolChoice { return encodeNamedChoice(names[name]) }
        encodeChoice("any") { _ in }
    }

    /// Mistral's models know no names here, and are given just the one tool.
    private mutating func encodeNamedChoice(_ name: String) {
        guard family != .mistral else { return encodeChoice("any") { _ in } }
        encodeChoice("tool") { $0.member("name", name) }
    }

    private mutating func encodeChoice(_ kind: StaticString, _ write: (inout JSONWriter) -> Void) {
        json.key("toolChoice")
        json.beginObject()
        json.key(kind)
        json.beginObject()
        write(&json)
        json.endObject()
        json.endObject()
    }
}
