import Testing

@testable import HedgeRouter

@Suite("ConfigurationSchema")
struct ConfigurationSchemaTests {
    @Test("The schema's text is the document it was made from")
    func text() throws {
        let text = Array(ConfigurationSchema.json.utf8)
        #expect(DocumentWriter.pretty(try DocumentValue(json: text)) == text)
    }

    @Test("Schema and validator judge the edges of every key alike", arguments: ConfigurationProbe.all)
    func edges(_ probe: ConfigurationProbe) throws {
        var reader = DocumentReader(environment: { _ in nil })
        _ = reader.read(.object([.init(probe.name, probe.value)]), as: probe.section, at: "")
        // That one of two names is required concerns the section, not the value of this key.
        let isRequired = probe.section.property(probe.name)?.isRequired ?? false
        let isValid = !reader.errors.contains {
            $0.path.hasPrefix(probe.name) && (isRequired || $0.message != "is required")
        }
        #expect(isValid == probe.isValid, "\(reader.errors.map(\.line))")

        let schema = try #require(ConfigurationProbe.schema(of: probe.section)?["properties"]?[probe.name])
        #expect(try SchemaEvaluator().accepts(probe.value, schema) == probe.isValid)
    }

    @Test("Schema and validator refuse an unknown key in every closed section and accept LiteLLM's")
    func unknownKeys() throws {
        for section in ConfigurationTable.sections where section.title != "overrides" {
            let schema = try #require(ConfigurationProbe.schema(of: section))
            let evaluator = SchemaEvaluator()
            for (name, isAccepted) in [("no_such_key_at_all", section.isOpen)]
                + section.ignoredNames.map({ ($0, true) })
            {
                let document = DocumentValue.object([.init(name, .integer(1))])
                var reader = DocumentReader(environment: nil)
                _ = reader.read(document, as: section, at: "")
                #expect(!reader.errors.contains { $0.path == name } == isAccepted, "\(section.title) \(name)")
                #expect(reader.warnings.contains { $0.path == name } == isAccepted, "\(section.title) \(name)")
                #expect(try evaluator.acceptsName(name, in: schema) == isAccepted, "\(section.title) \(name)")
            }
        }
    }

    @Test("The schema judges each case as the case says", arguments: try ConfigurationCase.load())
    func cases(_ example: ConfigurationCase) throws {
        guard let expected = example.isAcceptedBySchema else { return }
        let document = try DocumentValue(json: example.text)
        #expect(try SchemaEvaluator().accepts(document, ConfigurationSchema.document) == expected)
    }
}

/// A value for one key, at the edge of what it may be.
struct ConfigurationProbe: Sendable, CustomTestStringConvertible {
    var section: Section
    var name: String
    var value: DocumentValue
    var isValid: Bool

    var testDescription: String {
        let text = String(decoding: DocumentWriter.compact(value), as: UTF8.self)
        return "\(section.title).\(name) = \(text): \(isValid ? "valid" : "refused")"
    }

    static let all = ConfigurationTable.sections.filter { $0.title != "overrides" }.flatMap { section in
        section.properties.flatMap { property in
            let edges = edges(of: property.shape) + [(.null, !property.isRequired)]
            return edges.map { ConfigurationProbe(section: section, name: property.name, value: $0, isValid: $1) }
        }
    }

    /// The part of the schema that describes a section.
    static func schema(of section: Section) -> DocumentValue? {
        section.title == "document"
            ? ConfigurationSchema.document : ConfigurationSchema.document["$defs"]?[section.title]
    }

    private static func edges(of shape: ValueShape) -> [(DocumentValue, Bool)] {
        switch shape {
        case .boolean:
            return [(.boolean(true), true), (.boolean(false), true), (.text("true"), false), (.integer(1), false)]
        case .integer(let range):
            var edges: [(DocumentValue, Bool)] = [
                (.integer(range.lowerBound), true), (.integer(range.upperBound), true), (.number(1.5), false),
                (.text("1"), false), (.boolean(true), false), (.array([]), false),
            ]
            if range.lowerBound > .min { edges.append((.integer(range.lowerBound - 1), false)) }
            if range.upperBound < .max { edges.append((.integer(range.upperBound + 1), false)) }
            return edges
        case .number(let range):
            return [
                (.number(range.minimum), !range.isAboveMinimum), (.number(range.minimum.nextUp), true),
                (.number(range.minimum.nextDown), false), (.number(range.maximum), true),
                (.number(range.maximum.nextUp), false), (.text("1"), false), (.boolean(true), false),
            ]
        case .text(let rule):
            return [
                (.text("https://a.example/v1"), true), (.text("http://127.0.0.1:80"), true), (.integer(1), false),
                (.text(""), rule == .optionalHeaderValue), (.text("plain"), rule != .baseURL && rule != .proxyURL),
                (.text("https://u:p@a.example"), rule != .baseURL), (.text("https://a.example?q"), !isURL(rule)),
                (.text("HTTPS://a.example/@"), true), (.object([]), false),
            ]
        case .choice(let names):
            return names.map { (.text($0), true) } + [(.text("none of them"), false), (.integer(2), false)]
        case .list(_, let minimum):
            return [(.array([]), minimum == 0), (.object([]), false), (.text("a"), false)]
        case .map(let element):
            return [(.object([]), true), (.array([]), false)]
                + edges(of: element).map { (.object([.init("X", $0)]), $1) }
        case .section:
            return [(.array([]), false), (.text("a"), false)]
        case .either(let first, let second):
            // What one side refuses the other may take, so that only what is valid is sure.
            return (edges(of: first) + edges(of: second)).filter(\.1) + [(.array([]), false), (.boolean(true), false)]
        case .anything:
            return [(.integer(1), true)]
        }
    }

    private static func isURL(_ rule: TextRule) -> Bool { rule == .baseURL || rule == .proxyURL }
}
