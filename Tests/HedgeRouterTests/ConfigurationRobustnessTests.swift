import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeRouter

@Suite("Configuration robustness")
struct ConfigurationRobustnessTests {
    @Test("A value in the wrong place or of the wrong form is not shown")
    func literals() {
        let mark = DocumentValue.text("marked-value")
        let forms: [DocumentValue] = [mark, .array([mark]), .array([.array([mark])]), .object([.init("x", mark)])]
        for section in ConfigurationTable.sections {
            let names = section.properties.map(\.name) + section.ignoredNames + ["no_such_key"]
            for name in names {
                for form in forms {
                    var reader = DocumentReader(environment: { _ in nil })
                    _ = reader.read(.object([.init(name, form)]), as: section, at: "")
                    let lines = (reader.errors + reader.warnings).map(\.line)
                    #expect(!lines.contains { $0.contains("marked-value") }, "\(section.title).\(name)")
                }
            }
        }
    }

    @Test("Names that exist nowhere are not shown where they are used")
    func references() throws {
        let report = try ConfigurationSupport.report(
            ConfigurationSupport.document(
                parameters: #""custom_llm_provider": "marked-value", "api_base": "marked-value""#,
                settings: #"""
                    "model_group_alias": {"x": "marked-value"}, "default_fallbacks": ["marked-value"],
                    "fallbacks": [{"m": ["marked-value"]}], "routing_strategy": "marked-value"
                    """#))
        #expect(report.errors.count == 6)
        #expect(!String(decoding: report.json(), as: UTF8.self).contains("marked-value"))
    }

    @Test("A large document is read in order and every deployment gets a name of its own")
    func large() throws {
        let entries = (0..<3000).map { index in
            ("g\(index % 1000)", #""model": "openai/m", "api_key": "k\#(index)""#)
        }
        let configuration = try ConfigurationSupport.configuration(ConfigurationTests.list(entries))
        #expect(Set(configuration.deployments.map(\.key)).count == 3000)
        #expect(configuration.groups.map(\.name) == (0..<1000).map { "g\($0)" })
        #expect(configuration.groups[7].deployments == [7, 1007, 2007])
    }

    @Test("Nesting beyond the limit is refused, and at the limit is only a wrong type")
    func depth() throws {
        func nested(_ depth: Int) -> String {
            #"{"model_list": "# + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
        }
        #expect(try ConfigurationSupport.report(nested(DocumentValue.limits.depth)).syntaxOffset != nil)
        #expect(try ConfigurationSupport.report(nested(DocumentValue.limits.depth - 1)).syntaxOffset == nil)
    }

    @Test("Whatever is done to a document, it is judged, twice alike", arguments: 0..<8 as Range<UInt64>)
    func mutations(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let seeds = try ConfigurationCase.load()
        for _ in 0..<400 {
            let example = seeds[random.below(seeds.count)]
            guard var document = try? DocumentValue(json: example.text) else { continue }
            for _ in 0...random.below(3) { document = random.changed(document) }
            let environment: (String) -> String? = { example.environment[$0] }
            let first = RouterConfiguration.parse(document, environment: environment)
            let second = RouterConfiguration.parse(document, environment: environment)
            switch (first, second) {
            case (.success(let configuration), .success):
                #expect(!configuration.deployments.isEmpty)
                #expect(configuration.groups.allSatisfy { !$0.deployments.isEmpty })
                #expect(Set(configuration.deployments.map(\.key)).count == configuration.deployments.count)
                #expect(try SchemaEvaluator().accepts(document, ConfigurationSchema.document))
            case (.failure(let one), .failure(let other)):
                #expect(one == other && !one.errors.isEmpty)
            default:
                #expect(Bool(false), "the two judgements differ")
            }
        }
    }

    @Test("Bytes that are no document are refused and not trapped on", arguments: 0..<4 as Range<UInt64>)
    func bytes(seed: UInt64) throws {
        var random = SplitMix(state: seed &+ 100)
        let seeds = try ConfigurationCase.load()
        var refused = 0
        for _ in 0..<300 {
            var text = seeds[random.below(seeds.count)].text
            for _ in 0...random.below(4) where !text.isEmpty {
                text[random.below(text.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            let result = text.withUnsafeBytes { RouterConfiguration.parse($0) { _ in "value" } }
            if case .failure(let report) = result {
                refused += 1
                #expect(!report.errors.isEmpty)
                #expect(report.summary(limit: 511).utf8.count <= 511)
            }
        }
        #expect(refused > 100)
    }
}

/// SplitMix64, for choices that can be repeated.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<max(1, bound), using: &self) }

    /// `value` with one place inside it changed.
    mutating func changed(_ value: DocumentValue) -> DocumentValue {
        switch value {
        case .object(var members) where !members.isEmpty && below(8) > 0:
            let index = below(members.count)
            switch below(6) {
            case 0: members.remove(at: index)
            case 1: members[index].name = ConfigurationTable.names[below(ConfigurationTable.names.count)]
            default: members[index].value = changed(members[index].value)
            }
            // Duplicate names do not pass the parser, so that they are no document.
            var seen: Set<String> = []
            return .object(members.filter { seen.insert($0.name).inserted })
        case .array(var values) where !values.isEmpty && below(8) > 0:
            let index = below(values.count)
            switch below(4) {
            case 0: values.remove(at: index)
            case 1: values.append(values[index])
            default: values[index] = changed(values[index])
            }
            return .array(values)
        default:
            let others: [DocumentValue] = [
                .null, .boolean(true), .integer(0), .integer(-1), .integer(.max), .integer(.min), .number(0.5),
                .number(1e308), .number(-0.0), .text(""), .text("${A}"), .text("os.environ/A"), .text("${"),
                .text("m"), .text("https://a.example"), .text("openai/x"), .array([]), .object([]), .array([.null]),
            ]
            return others[below(others.count)]
        }
    }
}

extension ConfigurationTable {
    /// Every name of the table once, and one that is none.
    fileprivate static let names = Array(Set(sections.flatMap { $0.properties.map(\.name) })).sorted() + ["none"]
}
