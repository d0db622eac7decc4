import HedgeJSON
import Testing

@testable import HedgeRouter

/// Configuration documents in tests: JSON text in, results out.
enum ConfigurationSupport {
    /// The result of a document; variables come from `environment` alone.
    static func parse(
        _ text: String, environment: [String: String] = [:]
    ) -> Result<RouterConfiguration, ConfigurationReport> {
        Array(text.utf8).withUnsafeBytes { bytes in
            RouterConfiguration.parse(bytes) { environment[$0] }
        }
    }

    /// The configuration of a document that must be valid.
    static func configuration(_ text: String, environment: [String: String] = [:]) throws -> RouterConfiguration {
        try parse(text, environment: environment).get()
    }

    /// The report on a document that must not be valid.
    static func report(_ text: String, environment: [String: String] = [:]) throws -> ConfigurationReport {
        switch parse(text, environment: environment) {
        case .success: throw Unexpected(message: "the document is valid")
        case .failure(let report): return report
        }
    }

    /// A document with one deployment that has `parameters` besides its model and key.
    static func document(parameters: String = "", settings: String? = nil, entry: String = "") -> String {
        let parameters = parameters.isEmpty ? "" : ", " + parameters
        let entry = entry.isEmpty ? "" : ", " + entry
        let settings = settings.map { #", "router_settings": {\#($0)}"# } ?? ""
        return #"""
            {"model_list": [{"model_name": "m", "litellm_params": {"model": "openai/gpt-4o", "api_key": "k"\#(parameters)}\#(entry)}]\#(settings)}
            """#
    }

    struct Unexpected: Error {
        var message: String
    }
}
