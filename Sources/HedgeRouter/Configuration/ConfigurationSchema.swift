/// The JSON Schema of the configuration document, made from the property table.
public enum ConfigurationSchema {
    /// The schema (draft 2020-12) as JSON text, one key per line.
    ///
    /// It checks what a schema can: keys, types, ranges and names. What values mean together, such as the group an
    /// alias names, is checked by ``RouterConfiguration/parse(_:environment:)`` alone.
    public static let json: String = String(decoding: DocumentWriter.pretty(document), as: UTF8.self)

    static let document: DocumentValue = {
        var members: [DocumentValue.Member] = [
            .init("$schema", .text("https://json-schema.org/draft/2020-12/schema")),
            .init("title", .text("Configuration of libhedgerouter")),
        ]
        members += body(of: DocumentProperties.document)
        let definitions = [
            DocumentProperties.deployment, DocumentProperties.parameters, DocumentProperties.modelInfo,
            RouterProperties.settings, RouterProperties.strategyArguments, RouterProperties.aliasItem,
            RetryProperties.policy,
            RetryProperties.targetItem,
        ]
        members.append(.init("$defs", .object(definitions.map { .init($0.title, .object(body(of: $0))) })))
        return .object(members)
    }()

    // MARK: Objects

    private static func body(of section: Section) -> [DocumentValue.Member] {
        var members: [DocumentValue.Member] = [
            .init("description", .text(section.text)),
            .init("type", .text("object")),
            .init("properties", .object(section.properties.map { .init($0.name, schema(of: $0)) })),
        ]
        let required = section.properties.filter(\.isRequired).map { DocumentValue.text($0.name) }
        if !required.isEmpty { members.append(.init("required", .array(required))) }
        if !section.ignoredNames.isEmpty {
            let names = "^(" + section.ignoredNames.joined(separator: "|") + ")$"
            let note = DocumentValue.text(
                "A LiteLLM setting that this library does not act on: accepted with a warning.")
            members.append(
                .init("patternProperties", .object([.init(names, .object([.init("description", note)]))]))
            )
        }
        if !section.isOpen { members.append(.init("additionalProperties", .boolean(false))) }
        let rules = section.alternatives.flatMap(rules)
        if !rules.isEmpty { members.append(.init("allOf", .array(rules))) }
        return members
    }

    private static func rules(for pair: Alternatives) -> [DocumentValue] {
        let names = [pair.first, pair.second]
        var rules: [DocumentValue] = [.object([.init("not", present(names))])]
        if pair.isRequired { rules.append(.object([.init("anyOf", .array(names.map { present([$0]) }))])) }
        return rules
    }

    /// A schema that holds when all of `names` are there and none is null.
    private static func present(_ names: [String]) -> DocumentValue {
        let notNull = DocumentValue.object([.init("not", .object([.init("type", .text("null"))]))])
        return .object([
            .init("required", .array(names.map { .text($0) })),
            .init("properties", .object(names.map { .init($0, notNull) })),
        ])
    }

    // MARK: Values

    private static func schema(of property: Property) -> DocumentValue {
        var text = property.text
        if let unit = property.unit { text += " Unit: \(unit.rawValue)." }
        if let defaultText = property.defaultText { text += " Default: \(defaultText)." }
        if property.effect == .later { text += " Checked, but not acted on yet in this version." }
        var members: [DocumentValue.Member] = [.init("description", .text(text))]
        if let value = property.defaultValue { members.append(.init("default", value)) }
        if property.isSecret { members.append(.init("writeOnly", .boolean(true))) }
        return .object(members + shape(property.shape, isNullable: !property.isRequired))
    }

    /// What a reference to the environment looks like, alone or inside a string.
    private static let reference = #"^os\.environ/|\$\{"#

    private static func shape(_ shape: ValueShape, isNullable: Bool = false) -> [DocumentValue.Member] {
        switch shape {
        case .boolean:
            return types(["boolean", "string"], isNullable) + [.init("pattern", .text(reference))]
        case .integer(let range):
            return types(["integer", "string"], isNullable) + [
                .init("minimum", .integer(range.lowerBound)), .init("maximum", .integer(range.upperBound)),
                .init("pattern", .text(reference)),
            ]
        case .number(let range):
            return types(["number", "string"], isNullable) + [
                .init(range.isAboveMinimum ? "exclusiveMinimum" : "minimum", .number(range.minimum)),
                .init("maximum", .number(range.maximum)), .init("pattern", .text(reference)),
            ]
        case .text(let rule):
            return types(["string"], isNullable) + text(rule)
        case .choice(let names):
            let choices: [DocumentValue] = names.map { .text($0) }
            return anyOf([
                [.init("enum", .array(choices + (isNullable ? [.null] : [])))],
                types(["string"], false) + [.init("pattern", .text(reference))],
            ])
        case .list(let element, let minimum):
            let items = DocumentValue.object(self.shape(element))
            return types(["array"], isNullable) + [.init("items", items)]
                + (minimum > 0 ? [.init("minItems", .integer(Int64(minimum)))] : [])
        case .map(let element):
            return types(["object"], isNullable)
                + [.init("additionalProperties", .object(self.shape(element)))]
        case .section(let section):
            let name = DocumentValue.text("#/$defs/" + section.title)
            return isNullable ? anyOf([[.init("$ref", name)], types(["null"], false)]) : [.init("$ref", name)]
        case .either(let first, let second):
            return anyOf([self.shape(first), self.shape(second)] + (isNullable ? [types(["null"], false)] : []))
        case .anything:
            return []
        }
    }

    private static func types(_ names: [String], _ isNullable: Bool) -> [DocumentValue.Member] {
        let names = (isNullable ? names + ["null"] : names).map { DocumentValue.text($0) }
        return [.init("type", names.count == 1 ? names[0] : .array(names))]
    }

    private static func anyOf(_ shapes: [[DocumentValue.Member]]) -> [DocumentValue.Member] {
        [.init("anyOf", .array(shapes.map { .object($0) }))]
    }

    private static func text(_ rule: TextRule) -> [DocumentValue.Member] {
        switch rule {
        case .nonEmpty, .headerValue:
            [.init("minLength", .integer(1))]
        case .optionalHeaderValue:
            []
        case .baseURL:
            [.init("pattern", .text(#"^[hH][tT][tT][pP][sS]?://[^\s@?#/]+(/[^\s?#]*)?$|"# + reference))]
        case .proxyURL:
            [
                .init(
                    "pattern",
                    .text(#"^([hH][tT][tT][pP][sS]?|[sS][oO][cC][kK][sS](4a?|5h?|4A|5H))://[^\s?#]+$|"# + reference))
            ]
        }
    }
}
