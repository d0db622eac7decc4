import Testing

@testable import HedgeRouter

/// One case of `Tests/config/cases.json`.
struct ConfigurationCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// The document as JSON text.
    var text: [UInt8]
    var environment: [String: String]
    var errors: [DocumentValue]
    var warnings: [DocumentValue]
    /// Whether the JSON Schema accepts the document; nil when the document is no JSON.
    var isAcceptedBySchema: Bool?

    init(_ value: DocumentValue) {
        testDescription = value["description"]?.string ?? ""
        text = value["text"]?.string.map { Array($0.utf8) } ?? DocumentWriter.compact(Self.document(of: value))
        environment = Dictionary(
            uniqueKeysWithValues: (value["environment"]?.members ?? []).map { ($0.name, $0.value.string ?? "") })
        errors = value["errors"]?.elements ?? []
        warnings = value["warnings"]?.elements ?? []
        switch value["schema"] {
        case .boolean(let flag): isAcceptedBySchema = flag
        case .null: isAcceptedBySchema = nil
        default: isAcceptedBySchema = errors.isEmpty
        }
    }

    private static func document(of value: DocumentValue) -> DocumentValue {
        if let document = value["document"] { return document }
        let parameters = DocumentValue.object([.init("model", .text("openai/gpt-4o")), .init("api_key", .text("k"))])
        let entry = DocumentValue.object([
            .init("model_name", .text("m")), .init("litellm_params", parameters.merging(value["parameters"])),
        ])
        var settings = value["settings"]?.members ?? []
        if let arguments = value["arguments"] { settings.append(.init("routing_strategy_args", arguments)) }
        return .object([
            .init("model_list", .array([entry.merging(value["entry"])])),
            .init("router_settings", .object(settings)),
        ])
    }

    static func load() throws -> [ConfigurationCase] {
        let file = try DocumentValue(json: try ConfigurationSupport.read("Tests/config/cases.json"))
        return (file["cases"]?.elements ?? []).map { ConfigurationCase($0) }
    }

    /// The result of the document.
    func parse() -> Result<RouterConfiguration, ConfigurationReport> {
        text.withUnsafeBytes { bytes in
            RouterConfiguration.parse(bytes) { environment[$0] }
        }
    }
}

@Suite("Configuration cases")
struct ConfigurationCasesTests {
    @Test("A document gives exactly the errors and warnings of its case", arguments: try ConfigurationCase.load())
    func judge(_ example: ConfigurationCase) {
        let errors: [ConfigurationIssue]
        let warnings: [ConfigurationIssue]
        switch example.parse() {
        case .success(let configuration): (errors, warnings) = ([], configuration.warnings)
        case .failure(let report): (errors, warnings) = (report.errors, report.warnings)
        }
        Self.compare(errors, with: example.errors)
        Self.compare(warnings, with: example.warnings)
    }

    @Test(
        "A value from the environment is in no report and no name of a deployment",
        arguments: try ConfigurationCase.load())
    func secrecy(_ example: ConfigurationCase) {
        var shown: String
        switch example.parse() {
        case .success(let configuration):
            shown = configuration.deployments.map(\.key).joined()
            shown += String(
                decoding: ConfigurationReport(warnings: configuration.warnings).json(), as: UTF8.self)
        case .failure(let report):
            shown = String(decoding: report.json(), as: UTF8.self) + report.summary(limit: 100_000)
        }
        #expect(!shown.contains("marked-value"))
    }

    @Test("The same document gives the same report twice", arguments: try ConfigurationCase.load())
    func determinism(_ example: ConfigurationCase) {
        guard case .failure(let first) = example.parse(), case .failure(let second) = example.parse() else { return }
        #expect(first == second)
    }

    private static func compare(_ issues: [ConfigurationIssue], with expected: [DocumentValue]) {
        let paths = issues.map(\.path)
        #expect(paths == expected.map { $0["path"]?.string ?? "" }, "\(issues.map(\.line))")
        guard paths.count == expected.count else { return }
        for (issue, expected) in zip(issues, expected) {
            if let message = expected["message"]?.string { #expect(issue.message == message) }
            if let text = expected["expected"]?.string { #expect(issue.expected == text) }
            switch expected["nearest"] {
            case .text(let name): #expect(issue.nearest == name, "\(issue.path)")
            case .null: #expect(issue.nearest == nil, "\(issue.path)")
            default: break
            }
        }
    }
}
