import HedgeJSON

/// Tools and which of them is to be called.
extension BedrockEncoder {
    mutating func encodeTools() {
        let called = request.tools.isEmpty ? calledFunctions : []
        guard !request.tools.isEmpty || !called.isEmpty || usesSchemaTool else { return }
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
            json.raw(Array(#"{"type":"object","properties":{}}"#.utf8))
        }
        json.endObject()
        if strict == true { json.member("strict", true) }
        json.endObject()
        json.endObject()
    }

    var hasToolChoice: Bool {
        if case .auto = request.toolChoice { return true }
        return forcesTool
    }

    var forcesTool: Bool {
        switch request.toolChoice {
        case .required, .function: flags.acceptsForcedToolUse ?? true
        case .auto, .unspecified, .none, .other: false
        }
    }

    mutating func encodeToolChoice() {
        guard hasToolChoice || usesSchemaTool else { return }
        json.key("toolChoice")
        json.beginObject()
        switch request.toolChoice {
        case _ where usesSchemaTool: encodeNamedChoice(Self.schemaTool)
        case .function(let name): encodeNamedChoice(names[name])
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

    private mutating func encodeNamedChoice(_ name: String) {
        json.key("tool")
        json.beginObject()
        json.member("name", name)
        json.endObject()
    }
}
