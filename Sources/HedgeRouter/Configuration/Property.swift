/// One key of a document: the single place that says what it is called, what it may hold and what it does.
///
/// Validation, the JSON Schema and the reference page are all derived from these.
struct Property: Sendable {
    /// What the library makes of a key.
    enum Effect: Hashable, Sendable {
        /// It does what its text says.
        case acted
        /// It is checked and otherwise has no effect in this version; using it is a warning.
        case later
    }

    var name: String
    var shape: ValueShape
    var isRequired: Bool
    /// What holds when the key is absent, in the key's own unit; nil when nothing does.
    var defaultValue: DocumentValue?
    /// What holds when the key is absent, where that is not one value.
    var defaultText: String?
    var unit: Unit?
    /// One paragraph of Markdown.
    var text: String
    /// Whether LiteLLM has the key under the same name.
    var isLiteLLM: Bool
    var effect: Effect
    /// Whether the value is a secret, which must not be shown.
    var isSecret: Bool

    init(
        _ name: String, _ shape: ValueShape, required: Bool = false, default defaultValue: DocumentValue? = nil,
        defaultText: String? = nil, unit: Unit? = nil, liteLLM: Bool, effect: Effect = .acted, secret: Bool = false,
        _ text: String
    ) {
        self.name = name
        self.shape = shape
        self.isRequired = required
        self.defaultValue = defaultValue
        self.defaultText = defaultText
        self.unit = unit
        self.text = text
        self.isLiteLLM = liteLLM
        self.effect = effect
        self.isSecret = secret
    }
}

/// What a number counts.
enum Unit: String, Hashable, Sendable {
    case seconds
    case milliseconds
    case bytes
    case percent
    case perMinute = "per minute"
    case share = "share of 1"
    case price = "price per token"
}

/// What a value may be.
indirect enum ValueShape: Sendable {
    case boolean
    case integer(ClosedRange<Int64>)
    case number(NumberRange)
    case text(TextRule)
    case choice([String])
    case list(of: ValueShape, minimum: Int)
    /// An object whose member names are data: a header name, a model group.
    case map(of: ValueShape)
    case section(Section)
    /// One of two shapes that differ in their JSON type.
    case either(ValueShape, ValueShape)
    /// Anything at all, not looked into.
    case anything
}

/// The numbers a value may be.
struct NumberRange: Hashable, Sendable {
    var minimum: Double
    var maximum: Double
    /// Whether the minimum itself is not allowed.
    var isAboveMinimum = false

    static func from(_ minimum: Double, to maximum: Double) -> NumberRange {
        NumberRange(minimum: minimum, maximum: maximum)
    }

    static func above(_ minimum: Double, to maximum: Double) -> NumberRange {
        NumberRange(minimum: minimum, maximum: maximum, isAboveMinimum: true)
    }

    func contains(_ number: Double) -> Bool {
        // Written so that NaN is in no range.
        (isAboveMinimum ? number > minimum : number >= minimum) && number <= maximum
    }
}

/// An object with a fixed set of keys.
struct Section: Sendable {
    /// What to call it, such as "deployment".
    var title: String
    /// One paragraph of Markdown.
    var text: String
    var properties: [Property]
    /// Keys LiteLLM knows and this library does not act on: accepted, unchecked, with a warning.
    var ignoredNames: [String] = []
    /// Keys of which at most one may be given, because they are names of one thing.
    var alternatives: [Alternatives] = []
    /// Whether keys that are not listed are accepted with a warning rather than refused.
    var isOpen = false

    func property(_ name: String) -> Property? {
        properties.first { $0.name == name }
    }
}

/// Two names of one thing.
struct Alternatives: Hashable, Sendable {
    var first: String
    var second: String
    /// Whether one of them must be given.
    var isRequired = false
}

/// What a string must look like.
enum TextRule: Hashable, Sendable {
    /// At least one character.
    case nonEmpty
    /// An `http` or `https` URL without user, query and fragment.
    case baseURL
    /// A URL libcurl accepts as a proxy.
    case proxyURL
    /// The value of a header line.
    case headerValue
    /// The value of a header line, or nothing.
    case optionalHeaderValue

    /// What the rule asks for, as messages say it.
    var expectation: String {
        switch self {
        case .nonEmpty: "a string that is not empty"
        case .baseURL: "an http:// or https:// URL without user, query and fragment"
        case .proxyURL: "a proxy URL (http, https, socks4, socks4a, socks5 or socks5h)"
        case .headerValue: "a string that is not empty, without control characters"
        case .optionalHeaderValue: "a string without control characters"
        }
    }

    /// What is wrong with `text`, in words that do not repeat it; nil when it follows the rule.
    func violation(of text: String) -> String? {
        if text.isEmpty { return self == .optionalHeaderValue ? nil : "is empty" }
        switch self {
        case .nonEmpty:
            return text.utf8.contains { $0 < 0x20 || $0 == 0x7F } ? "contains control characters" : nil
        case .baseURL:
            return WebAddress.violation(of: text, schemes: ["http", "https"], isProxy: false)
        case .proxyURL:
            let schemes = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"]
            return WebAddress.violation(of: text, schemes: schemes, isProxy: true)
        case .headerValue, .optionalHeaderValue:
            return text.utf8.contains { ($0 < 0x20 && $0 != 0x09) || $0 == 0x7F } ? "contains control characters" : nil
        }
    }
}
