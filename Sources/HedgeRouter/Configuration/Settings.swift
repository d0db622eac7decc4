import HedgeCore

/// A value that has the shape its property asks for.
indirect enum Setting: Sendable {
    case boolean(Bool)
    case integer(Int64)
    case number(Double)
    case text(ResolvedText)
    /// The elements in their places, nil where one was wrong.
    case list([Setting?])
    case map([NamedSetting])
    case section(Settings)
    /// A value that is not looked into.
    case opaque
}

/// A string of the document after its environment references were replaced.
struct ResolvedText: Hashable, Sendable {
    var value: String
    /// Whether any part of it came from the environment: such text must not be shown.
    var isFromEnvironment = false
}

/// One member of an object whose names are data.
struct NamedSetting: Sendable {
    var name: String
    var path: String
    var value: Setting
}

/// The valid values of one object; what was missing, null or wrong is absent.
struct Settings: Sendable {
    /// JSON path of the object.
    var path: String
    private var values: [String: Setting] = [:]
    private var rejected: Set<String> = []

    init(path: String) {
        self.path = path
    }

    subscript(name: String) -> Setting? {
        get { values[name] }
        set { values[name] = newValue }
    }

    /// Remembers that a value was given and wrong.
    mutating func reject(_ name: String) {
        rejected.insert(name)
    }

    /// Whether a value was given and wrong, which was reported when it was read.
    func isRejected(_ name: String) -> Bool {
        rejected.contains(name)
    }

    /// JSON path of a member.
    func path(_ name: String) -> String {
        DocumentPath.member(name, of: path)
    }

    func section(_ name: String) -> Settings? {
        guard case .section(let settings)? = values[name] else { return nil }
        return settings
    }

    func boolean(_ name: String) -> Bool? {
        guard case .boolean(let flag)? = values[name] else { return nil }
        return flag
    }

    func integer(_ name: String) -> Int? {
        guard case .integer(let integer)? = values[name] else { return nil }
        return Int(clamping: integer)
    }

    func number(_ name: String) -> Double? {
        guard case .number(let number)? = values[name] else { return nil }
        return number
    }

    func seconds(_ name: String) -> Interval? {
        number(name).map { .seconds($0) }
    }

    func milliseconds(_ name: String) -> Interval? {
        number(name).map { .milliseconds($0) }
    }

    func resolved(_ name: String) -> ResolvedText? {
        guard case .text(let text)? = values[name] else { return nil }
        return text
    }

    func text(_ name: String) -> String? {
        resolved(name)?.value
    }

    func list(_ name: String) -> [Setting?] {
        guard case .list(let list)? = values[name] else { return [] }
        return list
    }

    func map(_ name: String) -> [NamedSetting] {
        guard case .map(let members)? = values[name] else { return [] }
        return members
    }
}

/// JSON paths as messages show them: `model_list[2].litellm_params.api_base`.
enum DocumentPath {
    /// Longer than any known name, and short enough for a line of text.
    private static let longestName = 96

    /// The path of a member; names that are not plain words are put into brackets, cut and cleaned.
    static func member(_ name: String, of path: String) -> String {
        let isPlain = !name.isEmpty && name.utf8.count <= longestName && name.utf8.allSatisfy(isPlain)
        guard !isPlain else { return path.isEmpty ? name : "\(path).\(name)" }
        return "\(path)[\"\(shown(name))\"]"
    }

    static func element(_ index: Int, of path: String) -> String {
        "\(path)[\(index)]"
    }

    /// A name in a form that fits a line of text.
    static func shown(_ name: String) -> String {
        let clean = String(
            String.UnicodeScalarView(
                name.unicodeScalars.map { $0.value < 0x20 || $0 == "\"" || $0.value == 0x7F ? "?" : $0 })
        )
        return clean.utf8.count <= longestName ? clean : clean.cut(toBytes: longestName - 3) + "..."
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
