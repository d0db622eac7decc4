@testable import HedgeRouter

/// The part of JSON Schema (draft 2020-12) that the published schema uses; anything else is an error.
struct SchemaEvaluator {
    struct UnknownKeyword: Error {
        var name: String
    }

    /// Whether `schema` accepts `value`; references are looked up in the published schema.
    func accepts(_ value: DocumentValue, _ schema: DocumentValue) throws -> Bool {
        if case .boolean(let flag) = schema { return flag }
        return try schema.members.allSatisfy { keyword in
            try holds(keyword.name, keyword.value, of: schema, for: value)
        }
    }

    /// Whether an object described by `schema` may have a member called `name`.
    func acceptsName(_ name: String, in schema: DocumentValue) throws -> Bool {
        guard schema["additionalProperties"] == .boolean(false) else { return true }
        return try schema["properties"]?[name] != nil || matchesPattern(name, schema)
    }

    private func holds(
        _ keyword: String, _ argument: DocumentValue, of schema: DocumentValue, for value: DocumentValue
    ) throws -> Bool {
        switch keyword {
        case "$schema", "$defs", "title", "description", "default", "writeOnly": return true
        case "$ref": return try accepts(value, definition(argument))
        case "type": return types(argument).contains { matches(value, type: $0) }
        case "enum": return argument.elements.contains(value)
        case "minimum": return number(value).map { $0 >= number(argument) ?? 0 } ?? true
        case "maximum": return number(value).map { $0 <= number(argument) ?? 0 } ?? true
        case "exclusiveMinimum": return number(value).map { $0 > number(argument) ?? 0 } ?? true
        case "minLength": return value.string.map { !$0.isEmpty } ?? true
        case "pattern": return try value.string.map { try search(argument.string ?? "", in: $0) } ?? true
        case "minItems": return value.elements.count >= 1 || !matches(value, type: "array")
        case "items": return try value.elements.allSatisfy { try accepts($0, argument) }
        case "required": return argument.elements.allSatisfy { value[$0.string ?? ""] != nil } || !isObject(value)
        case "properties":
            return try argument.members.allSatisfy { member in
                try value[member.name].map { try accepts($0, member.value) } ?? true
            }
        case "patternProperties": return true  // What they match may be anything.
        case "additionalProperties":
            return try value.members.allSatisfy { member in
                let isListed = try schema["properties"]?[member.name] != nil || matchesPattern(member.name, schema)
                return try isListed || accepts(member.value, argument)
            }
        case "anyOf": return try argument.elements.contains { try accepts(value, $0) }
        case "allOf": return try argument.elements.allSatisfy { try accepts(value, $0) }
        case "not": return try !accepts(value, argument)
        default: throw UnknownKeyword(name: keyword)
        }
    }

    private func definition(_ reference: DocumentValue) -> DocumentValue {
        let name = String(reference.string?.split(separator: "/").last ?? "")
        return ConfigurationSchema.document["$defs"]?[name] ?? .boolean(false)
    }

    private func types(_ argument: DocumentValue) -> [String] {
        argument.string.map { [$0] } ?? argument.elements.compactMap(\.string)
    }

    private func matches(_ value: DocumentValue, type: String) -> Bool {
        switch (type, value) {
        case ("null", .null), ("boolean", .boolean), ("string", .text), ("array", .array), ("object", .object),
            ("number", .number), ("number", .integer), ("integer", .integer):
            true
        case ("integer", .number(let number)): number.rounded() == number
        default: false
        }
    }

    private func isObject(_ value: DocumentValue) -> Bool { matches(value, type: "object") }

    private func number(_ value: DocumentValue) -> Double? {
        switch value {
        case .integer(let integer): Double(integer)
        case .number(let number): number
        default: nil
        }
    }

    private func matchesPattern(_ name: String, _ schema: DocumentValue) throws -> Bool {
        try schema["patternProperties"]?.members.contains { try search($0.name, in: name) } ?? false
    }

    private func search(_ pattern: String, in text: String) throws -> Bool {
        // The regular expression engine takes its time with hundreds of names, which are a plain list here.
        if pattern.hasPrefix("^("), pattern.hasSuffix(")$"), !pattern.contains("[") {
            return pattern.dropFirst(2).dropLast(2).split(separator: "|").contains { $0 == text }
        }
        return try text.firstMatch(of: Regex(pattern)) != nil
    }
}
