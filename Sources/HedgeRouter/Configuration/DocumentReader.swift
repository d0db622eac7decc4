/// Checks a document against the property table and keeps what is right.
///
/// Everything wrong is reported, in the document's order, and what depends on a wrong value is left out rather than
/// reported again.
struct DocumentReader {
    private(set) var errors: [ConfigurationIssue] = []
    private(set) var warnings: [ConfigurationIssue] = []

    /// Reads a variable of the environment; nil where a document may not refer to it.
    private let environment: ((String) -> String?)?
    /// Suggestions left to look for: each one compares a name with all known ones.
    private var suggestionsLeft = 200

    init(environment: ((String) -> String?)?) {
        self.environment = environment
    }

    mutating func report(_ path: String, _ message: String, expected: String? = nil, nearest: String? = nil) {
        errors.append(ConfigurationIssue(path: path, message: message, expected: expected, nearest: nearest))
    }

    mutating func warn(_ path: String, _ message: String, expected: String? = nil, nearest: String? = nil) {
        warnings.append(ConfigurationIssue(path: path, message: message, expected: expected, nearest: nearest))
    }

    /// The known name nearest to `name`, as long as not too many were looked for.
    mutating func nearest(to name: String, in known: @autoclosure () -> [String]) -> String? {
        guard suggestionsLeft > 0 else { return nil }
        suggestionsLeft -= 1
        return NearestName.find(name, in: known())
    }

    // MARK: Objects

    /// Reads an object with a fixed set of keys; nil when it is no object.
    mutating func read(_ value: DocumentValue, as section: Section, at path: String) -> Settings? {
        guard case .object(let members) = value else {
            report(path, "is \(value.typeName)", expected: "an object")
            return nil
        }
        var settings = Settings(path: path)
        for member in members {
            let memberPath = DocumentPath.member(member.name, of: path)
            guard let property = section.property(member.name) else {
                readUnlisted(member.name, of: section, at: memberPath)
                continue
            }
            // YAML writes an empty value as null: the key is as good as absent.
            if member.value.isNull { continue }
            if property.effect == .later {
                warn(memberPath, "is checked but not acted on yet in this version")
            }
            settings[member.name] = read(member.value, as: property.shape, unit: property.unit, at: memberPath)
            if settings[member.name] == nil { settings.reject(member.name) }
        }
        checkPresence(members, of: section, at: path)
        return settings
    }

    private mutating func readUnlisted(_ name: String, of section: Section, at path: String) {
        if section.ignoredNames.contains(name) {
            warn(path, "is a LiteLLM setting that this library does not act on")
        } else if section.isOpen {
            warn(path, "is not used", nearest: nearest(to: name, in: section.properties.map(\.name)))
        } else {
            let near = nearest(to: name, in: section.properties.map(\.name) + section.ignoredNames)
            report(path, "unknown key in \(section.title)", nearest: near)
        }
    }

    private mutating func checkPresence(_ members: [DocumentValue.Member], of section: Section, at path: String) {
        let present = members.filter { !$0.value.isNull }.map(\.name)
        for property in section.properties where property.isRequired && !present.contains(property.name) {
            let expected = Self.expectation(of: property.shape, unit: property.unit)
            report(DocumentPath.member(property.name, of: path), "is required", expected: expected)
        }
        for pair in section.alternatives {
            switch (present.contains(pair.first), present.contains(pair.second)) {
            case (true, true):
                let path = DocumentPath.member(pair.second, of: path)
                report(path, "is another name for \(pair.first); only one of them may be given")
            case (false, false) where pair.isRequired:
                report(DocumentPath.member(pair.first, of: path), "is required", expected: "an object")
            default: break
            }
        }
    }

    // MARK: Values

    /// Reads one value; nil when it is not what `shape` asks for, which is then reported.
    mutating func read(_ value: DocumentValue, as shape: ValueShape, unit: Unit? = nil, at path: String) -> Setting? {
        switch shape {
        case .boolean, .integer, .number, .text, .choice:
            return readScalar(value, as: shape, unit: unit, at: path)
        case .list(let element, let minimum):
            return readList(value, of: element, minimum: minimum, at: path)
        case .map(let element):
            guard case .object(let members) = value else { return mismatch(value, shape, unit, path) }
            return .map(
                members.compactMap { member in
                    let memberPath = DocumentPath.member(member.name, of: path)
                    return read(member.value, as: element, at: memberPath).map {
                        NamedSetting(name: member.name, path: memberPath, value: $0)
                    }
                }
            )
        case .section(let section):
            return read(value, as: section, at: path).map { .section($0) }
        case .either(let first, let second):
            if Self.matches(value, first) { return read(value, as: first, unit: unit, at: path) }
            if Self.matches(value, second) { return read(value, as: second, unit: unit, at: path) }
            return mismatch(value, shape, unit, path)
        case .anything:
            return .opaque
        }
    }

    private mutating func readList(
        _ value: DocumentValue, of element: ValueShape, minimum: Int, at path: String
    ) -> Setting? {
        guard case .array(let values) = value else {
            return mismatch(value, .list(of: element, minimum: minimum), nil, path)
        }
        guard values.count >= minimum else {
            report(path, "is empty", expected: Self.expectation(of: .list(of: element, minimum: minimum), unit: nil))
            return nil
        }
        var settings: [Setting?] = []
        for (index, value) in values.enumerated() {
            settings.append(read(value, as: element, at: DocumentPath.element(index, of: path)))
        }
        return .list(settings)
    }

    private mutating func readScalar(
        _ value: DocumentValue, as shape: ValueShape, unit: Unit?, at path: String
    ) -> Setting? {
        var value = value
        var variable: String?
        if case .text(let text) = value, environment != nil, EnvironmentReference.isPresent(in: text) {
            guard let resolved = resolve(text, at: path) else { return nil }
            variable = resolved.variables.first
            value = .text(resolved.text)
            if variable != nil { value = Self.converted(resolved.text, to: shape) }
        }
        switch (shape, value) {
        case (.boolean, .boolean(let flag)):
            return .boolean(flag)
        case (.integer(let range), _):
            guard let integer = Self.integer(value) else { break }
            if range.contains(integer) { return .integer(integer) }
            return outOfRange(shape, unit, path, variable)
        case (.number(let range), .integer), (.number(let range), .number):
            let number = Self.double(value)
            if range.contains(number) { return .number(number) }
            return outOfRange(shape, unit, path, variable)
        case (.text(let rule), .text(let text)):
            if text.isEmpty, let variable {
                report(path, "environment variable \(variable) is empty", expected: rule.expectation)
                return nil
            }
            guard let violation = rule.violation(of: text) else {
                return .text(ResolvedText(value: text, isFromEnvironment: variable != nil))
            }
            report(path, Self.blame(variable) + violation, expected: rule.expectation)
            return nil
        case (.choice(let names), .text(let text)):
            if names.contains(text) { return .text(ResolvedText(value: text, isFromEnvironment: variable != nil)) }
            // What is near a value of the environment would tell something about it.
            let near = variable == nil ? nearest(to: text, in: names) : nil
            report(
                path, Self.blame(variable) + "is not one of the known names",
                expected: Self.expectation(of: shape, unit: unit), nearest: near
            )
            return nil
        default: break
        }
        if let variable {
            report(
                path, "the value of environment variable \(variable) has the wrong type",
                expected: Self.expectation(of: shape, unit: unit)
            )
            return nil
        }
        return mismatch(value, shape, unit, path)
    }

    private mutating func resolve(_ text: String, at path: String) -> EnvironmentReference.Resolved? {
        guard let environment else { return nil }
        do throws(EnvironmentReference.Failure) {
            return try EnvironmentReference.resolve(text, environment: environment)
        } catch {
            switch error {
            case .missing(let variable): report(path, "environment variable \(variable) is not set")
            case .malformed:
                report(
                    path, "has a malformed environment reference",
                    expected: "os.environ/NAME or ${NAME}, with $${ for a literal ${"
                )
            }
            return nil
        }
    }

    private mutating func mismatch(
        _ value: DocumentValue, _ shape: ValueShape, _ unit: Unit?, _ path: String
    ) -> Setting? {
        report(path, "is \(value.typeName)", expected: Self.expectation(of: shape, unit: unit))
        return nil
    }

    private mutating func outOfRange(
        _ shape: ValueShape, _ unit: Unit?, _ path: String, _ variable: String?
    ) -> Setting? {
        report(path, Self.blame(variable) + "is out of range", expected: Self.expectation(of: shape, unit: unit))
        return nil
    }

    private static func blame(_ variable: String?) -> String {
        variable.map { "the value of environment variable \($0) " } ?? ""
    }
}

// MARK: - Scalars

extension DocumentReader {
    /// The text of an environment variable as the JSON value that `shape` asks for, or as a string.
    private static func converted(_ text: String, to shape: ValueShape) -> DocumentValue {
        switch shape {
        case .boolean:
            switch text.lowercased() {
            case "true": return .boolean(true)
            case "false": return .boolean(false)
            default: return .text(text)
            }
        case .integer, .number:
            let isNumeral =
                !text.isEmpty && text.utf8.count <= 64
                && text.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || "+-.eE".utf8.contains(byte)
                }
            guard isNumeral else { return .text(text) }
            if let integer = Int64(text) { return .integer(integer) }
            guard let number = Double(text), number.isFinite else { return .text(text) }
            return .number(number)
        default:
            return .text(text)
        }
    }

    /// A number without a fraction, in whichever way it is written.
    private static func integer(_ value: DocumentValue) -> Int64? {
        switch value {
        case .integer(let integer): integer
        case .number(let number): Int64(exactly: number)
        default: nil
        }
    }

    private static func double(_ value: DocumentValue) -> Double {
        switch value {
        case .integer(let integer): Double(integer)
        case .number(let number): number
        default: .nan
        }
    }

    /// Whether a value has the JSON type that a shape begins with.
    private static func matches(_ value: DocumentValue, _ shape: ValueShape) -> Bool {
        switch (shape, value) {
        case (.boolean, .boolean), (.integer, .integer), (.integer, .number), (.number, .integer), (.number, .number),
            (.text, .text), (.choice, .text), (.list, .array), (.map, .object), (.section, .object), (.anything, _):
            true
        case (.either(let first, let second), _):
            matches(value, first) || matches(value, second)
        default:
            false
        }
    }

    /// What a shape asks for, in a few words.
    static func expectation(of shape: ValueShape, unit: Unit?) -> String {
        let suffix = unit.map { " (\($0.rawValue))" } ?? ""
        switch shape {
        case .boolean: return "true or false"
        case .integer(let range):
            if range == .min ... .max { return "an integer" + suffix }
            if range.upperBound == .max { return "an integer of at least \(range.lowerBound)" + suffix }
            return "an integer from \(range.lowerBound) to \(range.upperBound)" + suffix
        case .number(let range):
            let (low, high) = (DocumentWriter.text(of: range.minimum), DocumentWriter.text(of: range.maximum))
            return
                (range.isAboveMinimum ? "a number above \(low) and up to \(high)" : "a number from \(low) to \(high)")
                + suffix
        case .text(let rule): return rule.expectation
        case .choice(let names): return "one of " + names.map { "\"\($0)\"" }.joined(separator: ", ")
        case .list(_, let minimum): return minimum > 0 ? "an array that is not empty" : "an array"
        case .map, .section: return "an object"
        case .either(let first, let second):
            return expectation(of: first, unit: nil) + " or " + expectation(of: second, unit: nil) + suffix
        case .anything: return "any value"
        }
    }
}
