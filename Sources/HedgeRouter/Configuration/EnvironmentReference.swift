/// Strings that read the environment: `os.environ/NAME` as a whole, or `${NAME}` anywhere inside.
///
/// `$${` stands for a literal `${`.
enum EnvironmentReference {
    /// Why a string could not be resolved.
    enum Failure: Error, Hashable, Sendable {
        case missing(variable: String)
        case malformed
    }

    /// A string with its references replaced.
    struct Resolved: Hashable, Sendable {
        var text: String
        /// The variables that were read, in order.
        var variables: [String]
    }

    private static let wholePrefix = "os.environ/"

    /// Whether `text` contains a reference, well-formed or not.
    static func isPresent(in text: String) -> Bool {
        text.hasPrefix(wholePrefix)
            || zip(text.utf8, text.utf8.dropFirst()).contains { $0 == UInt8(ascii: "$") && $1 == UInt8(ascii: "{") }
    }

    /// `text` with its references replaced by the values `environment` gives.
    static func resolve(_ text: String, environment: (String) -> String?) throws(Failure) -> Resolved {
        if text.hasPrefix(wholePrefix) {
            let name = String(text.dropFirst(wholePrefix.count))
            return Resolved(text: try value(of: name, environment), variables: [name])
        }
        var resolved = Resolved(text: "", variables: [])
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            resolved.text += rest[..<dollar]
            rest = rest[dollar...]
            if rest.hasPrefix("$${") {
                resolved.text += "${"
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("${") {
                guard let close = rest.firstIndex(of: "}") else { throw .malformed }
                let name = String(rest[..<close].dropFirst(2))
                resolved.text += try value(of: name, environment)
                resolved.variables.append(name)
                rest = rest[rest.index(after: close)...]
            } else {
                resolved.text += "$"
                rest = rest.dropFirst()
            }
        }
        resolved.text += rest
        return resolved
    }

    private static func value(of name: String, _ environment: (String) -> String?) throws(Failure) -> String {
        guard isName(name) else { throw .malformed }
        guard let value = environment(name) else { throw .missing(variable: name) }
        return value
    }

    /// Whether `name` is what a shell takes for a variable's name.
    private static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 128, !(0x30...0x39).contains(first) else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
    }
}
