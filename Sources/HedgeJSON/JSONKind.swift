/// The types of a JSON value; numbers with neither fraction nor exponent are integers.
public enum JSONKind: UInt8, Hashable, Sendable, CaseIterable {
    case null, `false`, `true`, integer, real, string, array, object

    /// The type in words, for messages such as "expected a string, found an array".
    public var text: StaticString {
        switch self {
        case .null: "null"
        case .false, .true: "a boolean"
        case .integer: "an integer"
        case .real: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
