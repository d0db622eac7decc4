import HedgeJSON

/// Writes a JSON Schema without what a provider's subset has no room for.
struct SchemaFilter: Sendable {
    /// Keywords that are left out wherever a schema stands.
    var removed: Set<String> = []
    /// Keywords that are left out, and put into words where the model reads them: at the end of the description.
    var described: Set<String> = []
    /// Whether objects that do not say so are closed to further members.
    var closesObjects = false

    /// What a schema that Claude has to keep to has no room for; limits are told in words, as Anthropic's own libraries do it.
    static let claude = SchemaFilter(
        removed: ["$schema", "$id"],
        described: [
            "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
            "pattern", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
        ],
        closesObjects: true)

    /// Appends `schema` as the subset allows it.
    func write(_ schema: JSONValue, to json: inout JSONWriter) {
        guard schema.kind == .object else { return json.value(schema) }
        json.beginObject()
        var isClosed = false
        var notes = ""
        for (name, value) in schema.members where !removed.contains(name) {
            if name == "additionalProperties" { isClosed = true }
            if described.contains(name) {
                notes += "\(notes.isEmpty ? "" : ", ")\(name): \(value.compactText)"
                continue
            }
            if name == "description", !described.isEmpty { continue }
            json.key(name == "oneOf" && closesObjects ? "anyOf" : name)
            writeKeyword(name, value, to: &json)
        }
        if closesObjects, !isClosed, schema["type"]?.string == "object" || schema["properties"] != nil {
            json.member("additionalProperties", false)
        }
        writeDescription(schema["description"], notes, to: &json)
        json.endObject()
    }

    private func writeDescription(_ description: JSONValue?, _ notes: String, to json: inout JSONWriter) {
        guard !described.isEmpty, description != nil || !notes.isEmpty else { return }
        let text = description?.string ?? ""
        json.member("description", notes.isEmpty ? text : text + (text.isEmpty ? "{" : "\n\n{") + notes + "}")
    }

    private func writeKeyword(_ name: String, _ value: JSONValue, to json: inout JSONWriter) {
        switch (name, value.kind) {
        case ("properties", .object), ("$defs", .object), ("definitions", .object), ("patternProperties", .object):
            // Names of members, not keywords.
            json.beginObject()
            for (name, schema) in value.members {
                json.key(name)
                write(schema, to: &json)
            }
            json.endObject()
        case ("items", .object), ("additionalProperties", .object), ("not", .object):
            write(value, to: &json)
        case ("anyOf", .array), ("oneOf", .array), ("allOf", .array), ("prefixItems", .array):
            json.beginArray()
            for schema in value.elements { write(schema, to: &json) }
            json.endArray()
        default:
            json.value(value)
        }
    }
}
