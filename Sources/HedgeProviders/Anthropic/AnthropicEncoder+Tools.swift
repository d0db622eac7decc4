import HedgeJSON

/// Tools, which of them is to be called, and the tool that stands in for a schema.
extension AnthropicEncoder {
    var forcesTool: Bool {
        switch request.toolChoice {
        case .required, .function: flags.acceptsForcedToolUse ?? true
        default: false
        }
    }

    /// `called` are the functions that the history has calls of.
    func writeTools(called: [String], to json: inout JSONWriter) {
        if usesSchemaTool { return writeSchemaTool(to: &json) }
        let functions = request.tools.filter(\.isFunction)
        // A history with tool calls needs tools, whether more may be called or not.
        let mentioned = functions.isEmpty ? called : []
        guard !functions.isEmpty || !mentioned.isEmpty, flags.acceptsTools ?? true else { return }
        json.key("tools")
        json.beginArray()
        for tool in functions { write(tool, to: &json) }
        for name in mentioned { writeTool(names[name], to: &json) }
        json.endArray()
        writeToolChoice(mayCall: !functions.isEmpty, to: &json)
    }

    func write(_ tool: ToolView, to json: inout JSONWriter) {
        json.beginObject()
        json.member("name", names[tool.name])
        if let description = tool.description {
            json.key("description")
            json.value(description)
        }
        json.key("input_schema")
        // Models without schemas for answers enforce none for calls either; the call is the same but for that.
        if tool.strict == true, flags.acceptsResponseSchema ?? true, let schema = tool.parameters {
            SchemaFilter.claude.write(schema, to: &json)
            json.member("strict", true)
        } else {
            writeInputSchema(tool.parameters, to: &json)
        }
        if let cache = tool.json["cache_control"] ?? tool.json["function"]?["cache_control"] {
            json.key("cache_control")
            json.value(cache)
        }
        json.endObject()
    }

    /// A tool that is only there because the history mentions it.
    func writeTool(_ name: String, to json: inout JSONWriter) {
        json.beginObject()
        json.member("name", name)
        json.key("input_schema")
        writeInputSchema(nil, to: &json)
        json.endObject()
    }

    /// The schema must be that of an object.
    func writeInputSchema(_ schema: JSONValue?, to json: inout JSONWriter) {
        guard let schema, schema.kind == .object else { return json.raw(ToolView.noParameters) }
        if schema["type"]?.string == "object" { return json.value(schema) }
        json.beginObject()
        json.member("type", "object")
        for (name, value) in schema.members where name != "type" {
            json.key(name)
            json.value(value)
        }
        json.endObject()
    }

    func writeToolChoice(mayCall: Bool, to json: inout JSONWriter) {
        var type: String?
        var function: String?
        switch request.toolChoice {
        case _ where !mayCall: type = "none"
        case .unspecified, .other: break
        case .auto: type = "auto"
        case .none: type = "none"
        case .required: type = forcesTool ? "any" : nil
        case .function(let name):
            guard forcesTool else { break }
            type = "tool"
            function = names[name]
        }
        let isSingle = request.parallelToolCalls == false && type != "none"
        guard type != nil || isSingle else { return }
        json.key("tool_choice")
        json.beginObject()
        json.member("type", type ?? "auto")
        if let function { json.member("name", function) }
        if isSingle { json.member("disable_parallel_tool_use", true) }
        json.endObject()
    }

    /// A compulsory tool whose arguments are the answer.
    func writeSchemaTool(to json: inout JSONWriter) {
        guard case .jsonSchema(_, let schema, _) = request.responseFormat else { return }
        json.key("tools")
        json.beginArray()
        json.beginObject()
        json.member("name", Self.schemaTool)
        json.key("input_schema")
        writeInputSchema(schema, to: &json)
        json.endObject()
        json.endArray()
        json.key("tool_choice")
        json.beginObject()
        json.member("type", "tool")
        json.member("name", Self.schemaTool)
        json.endObject()
    }
}
