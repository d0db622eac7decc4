import Glibc
import HedgeCore
import HedgeJSON

extension RouterConfiguration {
    /// Reads a configuration document, taking the environment from `environment`.
    ///
    /// The report of a failure holds everything that is wrong, in the document's order, and the warnings too.
    public static func parse(
        _ bytes: UnsafeRawBufferPointer, environment: @escaping (String) -> String?
    ) -> Result<RouterConfiguration, ConfigurationReport> {
        let document: DocumentValue
        do throws(JSONParseError) {
            document = try bytes.withMemoryRebound(to: UInt8.self) { bytes throws(JSONParseError) in
                try DocumentValue.parse(bytes.span)
            }
        } catch {
            return .failure(ConfigurationReport(notJSON: error))
        }
        return parse(document, environment: environment)
    }

    /// Reads a configuration document, taking the environment from the process.
    ///
    /// A variable that is not UTF-8 counts as not set.
    public static func parse(_ bytes: UnsafeRawBufferPointer) -> Result<RouterConfiguration, ConfigurationReport> {
        parse(bytes) { name in
            getenv(name).flatMap { String(validatingCString: $0) }
        }
    }

    static func parse(
        _ document: DocumentValue, environment: @escaping (String) -> String?
    ) -> Result<RouterConfiguration, ConfigurationReport> {
        var builder = ConfigurationBuilder(environment: environment)
        return builder.build(document)
    }
}

extension ConfigurationReport {
    /// The report on a document that is no JSON.
    init(notJSON error: JSONParseError) {
        self.init(errors: [ConfigurationIssue(path: "", message: error.message, expected: "a JSON object")])
        syntaxOffset = error.offset
    }
}
