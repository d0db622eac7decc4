import Glibc
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
        case .success: throw Failure(message: "the document is valid")
        case .failure(let report): return report
        }
    }

    /// A document with one deployment that has `parameters` besides its model and key.
    static func document(parameters: String = "", settings: String = "", arguments: String = "") -> String {
        let parameters = parameters.isEmpty ? "" : ", " + parameters
        let arguments = arguments.isEmpty ? "" : #""routing_strategy_args": {\#(arguments)}"#
        let settings = [settings, arguments].filter { !$0.isEmpty }.joined(separator: ", ")
        let deployment = #"{"model": "openai/gpt-4o", "api_key": "k"\#(parameters)}"#
        return #"""
            {"model_list": [{"model_name": "m", "litellm_params": \#(deployment)}], "router_settings": {\#(settings)}}
            """#
    }

    /// Path of a file of the repository.
    static func path(_ relative: String) -> String {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        return parts.joined(separator: "/") + "/" + relative
    }

    static func read(_ relative: String) throws -> [UInt8] {
        guard let file = fopen(path(relative), "rb") else { throw Failure(message: "cannot read \(relative)") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
    }

    static func write(_ bytes: [UInt8], to relative: String) throws {
        guard let file = fopen(path(relative), "wb") else { throw Failure(message: "cannot write \(relative)") }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
            throw Failure(message: "cannot write \(relative)")
        }
    }

    struct Failure: Error {
        var message: String
    }
}

extension DocumentValue {
    /// The value of a JSON text that must be valid.
    init(json text: [UInt8]) throws {
        self = try DocumentValue.parse(text.span)
    }

    subscript(name: String) -> DocumentValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    var elements: [DocumentValue] {
        guard case .array(let values) = self else { return [] }
        return values
    }

    var members: [Member] {
        guard case .object(let members) = self else { return [] }
        return members
    }

    var string: String? {
        guard case .text(let text) = self else { return nil }
        return text
    }

    /// An object with the members of both, those of `other` in place of those of the same name.
    func merging(_ other: DocumentValue?) -> DocumentValue {
        guard let other else { return self }
        let kept = members.filter { other[$0.name] == nil }
        return .object(kept + other.members)
    }
}
