import HedgeJSON

/// Tools and which of them is to be called.
extension GeminiEncoder {
    mutating func encodeTools() {
        let functions = flags.acceptsTools ?? true ? request.tools.filter(\.isFunction) : []
        guard !functions.isEmpty else { return }
        json.key("tools")
        json.beginArray()
        json.beginObject()
        json.key("functionDeclarations")
        json.beginArray()
        for tool in functions { encodeTool(tool) }
        json.endArray()
        json.endObject()
        json.endArray()
        let mode: String
        var name: String?
        switch request.toolChoice {
        case .auto: mode = "AUTO"
        case .none: mode = "NONE"
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
            json.value(names[name])
            json.endArray()
        }
        json.endObject()
        json.endObject()
    }

    /// Schemas go as they are: what Google does not know of JSON Schema, it passes over. `strict` has no equivalent of
    /// its own and changes nothing in what a call means.
    mutating func encodeTool(_ tool: ToolView) {
        json.beginObject()
        json.member("name", names[tool.name])
        if let description = tool.description {
            json.key("description")
            json.value(description)
        }
        if let parameters = tool.parameters {
            json.key("parametersJsonSchema")
            json.value(parameters)
        }
        json.endObject()
    }
}
