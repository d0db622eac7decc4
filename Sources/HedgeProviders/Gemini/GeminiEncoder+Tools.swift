import HedgeJSON

/// Tools and which of them is to be called.
extension GeminiEncoder {
    mutating func encodeTools() {
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

    mutating func encodeTool(_ tool: ToolView) {
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
