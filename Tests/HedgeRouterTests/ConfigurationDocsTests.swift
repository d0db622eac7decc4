import Glibc
import Testing

@testable import HedgeRouter

@Suite("ConfigurationDocs")
struct ConfigurationDocsTests {
    @Test(
        "The committed pages are what the property table says", arguments: ["configuration.md", "config.schema.json"])
    func pages(_ name: String) throws {
        let text = name == "configuration.md" ? ConfigurationReference.markdown : ConfigurationSchema.json
        let path = "docs/" + name
        if getenv("HEDGEROUTER_UPDATE_DOCS") != nil {
            try ConfigurationSupport.write(Array(text.utf8), to: path)
        }
        let committed = String(decoding: try ConfigurationSupport.read(path), as: UTF8.self)
        let differs = zip(
            committed.split(separator: "\n", omittingEmptySubsequences: false),
            text.split(separator: "\n", omittingEmptySubsequences: false)
        ).first { $0 != $1 }
        let remedy = "run HEDGEROUTER_UPDATE_DOCS=1 swift test --filter ConfigurationDocs"
        #expect(committed == text, "\(path) differs at \(String(describing: differs)); \(remedy)")
    }

    @Test("The example of the page loads without a warning")
    func example() throws {
        let configuration = try ConfigurationSupport.configuration(
            ConfigurationReference.example, environment: ConfigurationReference.exampleEnvironment)
        #expect(configuration.warnings.isEmpty)
        #expect(configuration.deployments.map(\.key) == ["openai-main", "gateway"])
    }

    @Test("Every key has a text that is a sentence, and a default or none")
    func texts() {
        for section in ConfigurationTable.sections {
            for property in section.properties {
                #expect(
                    property.text.last == "." && property.text.first?.isUppercase ?? false
                        || property.text.hasPrefix("`"))
                #expect(property.defaultValue == nil || property.defaultText == nil, "\(property.name)")
            }
            #expect(Set(section.properties.map(\.name)).count == section.properties.count)
            #expect(Set(section.ignoredNames).isDisjoint(with: section.properties.map(\.name)), "\(section.title)")
        }
    }
}

/// Every section of the property table.
enum ConfigurationTable {
    static let sections = [
        DocumentProperties.document, DocumentProperties.deployment, DocumentProperties.parameters,
        DocumentProperties.modelInfo, RouterProperties.settings, RouterProperties.strategyArguments,
        RouterProperties.aliasItem, RetryProperties.policy,
        RetryProperties.targetItem, RequestOverridesDocument.section,
    ]
}
