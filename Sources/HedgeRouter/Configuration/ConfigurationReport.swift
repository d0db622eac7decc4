/// One thing that is wrong with a document, or that its author should know.
///
/// Never contains a value of the document or of the environment, only the names of keys and variables.
public struct ConfigurationIssue: Hashable, Sendable {
    /// JSON path of the place, such as `model_list[2].litellm_params.api_base`; empty for the document as a whole.
    public var path: String
    /// One line of text.
    public var message: String
    /// What would be right there, where that can be said in a few words.
    public var expected: String?
    /// The known name that is nearest to the one that was written.
    public var nearest: String?

    /// An issue at `path`.
    public init(path: String, message: String, expected: String? = nil, nearest: String? = nil) {
        self.path = path
        self.message = message
        self.expected = expected
        self.nearest = nearest
    }

    /// The issue as one line of text: path, message, expectation and suggestion.
    public var line: String {
        var line = path.isEmpty ? message : "\(path): \(message)"
        if let expected { line += ", expected \(expected)" }
        if let nearest { line += ", did you mean \"\(nearest)\"?" }
        return line
    }

    var document: DocumentValue {
        var members = [DocumentValue.Member("path", .text(path)), DocumentValue.Member("message", .text(message))]
        if let expected { members.append(.init("expected", .text(expected))) }
        if let nearest { members.append(.init("nearest", .text(nearest))) }
        return .object(members)
    }
}

/// Everything found in a document, in the document's order; a document with errors is not used at all.
public struct ConfigurationReport: Error, Hashable, Sendable {
    /// What keeps the document from being used.
    public var errors: [ConfigurationIssue]
    /// What is accepted but does not do what its author may expect.
    public var warnings: [ConfigurationIssue]
    /// Byte offset at which the document stops being JSON; nil when it is JSON.
    public var syntaxOffset: Int?

    /// A report of `errors` and `warnings`.
    public init(errors: [ConfigurationIssue] = [], warnings: [ConfigurationIssue] = [], syntaxOffset: Int? = nil) {
        self.errors = errors
        self.warnings = warnings
        self.syntaxOffset = syntaxOffset
    }

    /// The report as the JSON object `{"errors": [...], "warnings": [...]}`.
    public func json() -> [UInt8] {
        DocumentWriter.compact(
            .object([
                .init("errors", .array(errors.map(\.document))),
                .init("warnings", .array(warnings.map(\.document))),
            ])
        )
    }

    /// All errors on one line of at most `limit` bytes; those that do not fit are counted at its end.
    public func summary(limit: Int) -> String {
        let lines = errors.map(\.line)
        let all = lines.joined(separator: "; ")
        guard all.utf8.count > limit else { return all }
        var text = ""
        for (index, line) in lines.enumerated() {
            let separator = index == 0 ? "" : "; "
            let rest = lines.count - index - 1
            let tail = rest == 0 ? "" : "; and \(rest) more"
            guard text.utf8.count + separator.utf8.count + line.utf8.count + tail.utf8.count <= limit else {
                let tail = "\(separator)\(index == 0 ? "" : "and ")\(lines.count - index) more"
                // The first error alone is longer than the limit: its beginning says more than a count.
                return index == 0 ? line.cut(toBytes: limit) : (text + tail).cut(toBytes: limit)
            }
            text += separator + line
        }
        return text
    }
}

extension String {
    /// The longest prefix of whole characters that is at most `limit` bytes long.
    func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var count = 0
        return String(
            prefix { character in
                count += character.utf8.count
                return count <= limit
            }
        )
    }
}
