internal import CJansson

/// A value inside a ``JSONDocument``, which it keeps alive.
public struct JSONValue: @unchecked Sendable {
    // Unchecked: see JSONDocument, whose tree `node` points into.
    let owner: JSONDocument
    let node: UnsafeMutablePointer<json_t>

    /// The value's type.
    public var kind: JSONKind {
        switch node.pointee.type {
        case JSON_OBJECT: .object
        case JSON_ARRAY: .array
        case JSON_STRING: .string
        case JSON_INTEGER: .integer
        case JSON_REAL: .real
        case JSON_TRUE: .true
        case JSON_FALSE: .false
        default: .null
        }
    }

    /// Whether the value is null.
    public var isNull: Bool { kind == .null }

    /// The value of a boolean, or nil.
    public var bool: Bool? {
        switch kind {
        case .true: true
        case .false: false
        default: nil
        }
    }

    /// The value of an integer, or nil; a number written with a fraction or exponent is none.
    public var integer: Int64? {
        kind == .integer ? Int64(json_integer_value(node)) : nil
    }

    /// The value of any number, or nil.
    public var number: Double? {
        kind == .integer || kind == .real ? json_number_value(node) : nil
    }

    /// The text of a string, or nil.
    public var string: String? {
        withUTF8 { text in text.text(0..<text.count) }
    }

    /// Calls `body` with the UTF-8 of a string in place; nil if the value is no string.
    public func withUTF8<Result>(_ body: (Span<UInt8>) -> Result) -> Result? {
        guard kind == .string, let text = json_string_value(node) else { return nil }
        let count = json_string_length(node)
        return text.withMemoryRebound(to: UInt8.self, capacity: count) {
            let result = body(UnsafeBufferPointer(start: $0, count: count).span)
            withExtendedLifetime(owner) {}
            return result
        }
    }

    /// How many values an array holds, or members an object has; 0 for anything else.
    public var count: Int {
        switch kind {
        case .array: json_array_size(node)
        case .object: json_object_size(node)
        default: 0
        }
    }

    /// A value of an array; nil outside its bounds or if this is no array.
    public subscript(index: Int) -> JSONValue? {
        guard index >= 0, kind == .array, let found = json_array_get(node, index) else { return nil }
        return JSONValue(owner: owner, node: found)
    }

    /// A member of an object; nil if it has none of that name or is no object.
    public subscript(key: StaticString) -> JSONValue? {
        guard kind == .object else { return nil }
        let found = key.utf8Start.withMemoryRebound(to: CChar.self, capacity: key.utf8CodeUnitCount) {
            json_object_getn(node, $0, key.utf8CodeUnitCount)
        }
        return found.map { JSONValue(owner: owner, node: $0) }
    }

    /// A member of an object; nil if it has none of that name or is no object.
    public func member(_ key: String) -> JSONValue? {
        guard kind == .object else { return nil }
        var key = key
        let found = key.withUTF8 { key in
            key.baseAddress.flatMap {
                $0.withMemoryRebound(to: CChar.self, capacity: key.count) { json_object_getn(node, $0, key.count) }
            }
        }
        return found.map { JSONValue(owner: owner, node: $0) }
    }

    /// The values of an array, in order; none if this is no array.
    public var elements: JSONElements { JSONElements(array: self) }

    /// The members of an object in the order of the text; none if this is no object.
    public var members: JSONMembers { JSONMembers(object: self) }
}

/// The values of an array, in order.
public struct JSONElements: Sequence, IteratorProtocol, Sendable {
    let array: JSONValue
    private var index = 0

    init(array: JSONValue) {
        self.array = array
    }

    /// The next value, or nil at the end.
    public mutating func next() -> JSONValue? {
        guard let value = array[index] else { return nil }
        index += 1
        return value
    }
}

/// The members of an object, in the order of the text.
public struct JSONMembers: Sequence, IteratorProtocol, @unchecked Sendable {
    // Unchecked: the position points into a tree that never changes.
    let object: JSONValue
    private var position: UnsafeMutableRawPointer?

    init(object: JSONValue) {
        self.object = object
        position = json_object_iter(object.node)
    }

    /// The next key and value, or nil at the end.
    public mutating func next() -> (key: String, value: JSONValue)? {
        guard let current = position, let key = json_object_iter_key(current),
            let value = json_object_iter_value(current)
        else { return nil }
        position = json_object_iter_next(object.node, current)
        let length = json_object_iter_key_len(current)
        let text = key.withMemoryRebound(to: UInt8.self, capacity: length) {
            String(decoding: UnsafeBufferPointer(start: $0, count: length), as: UTF8.self)
        }
        return (text, JSONValue(owner: object.owner, node: value))
    }
}

extension JSONValue {
    /// Appends the value as compact JSON: members in order, integers as they are, reals in their shortest form.
    public func append(to bytes: inout [UInt8]) {
        switch kind {
        case .null: bytes.append("null" as StaticString)
        case .true: bytes.append("true" as StaticString)
        case .false: bytes.append("false" as StaticString)
        case .integer: JSONWriter.appendInteger(Int64(json_integer_value(node)), to: &bytes)
        case .real: JSONWriter.appendNumber(json_real_value(node), to: &bytes)
        case .string: _ = withUTF8 { JSONWriter.appendQuoted($0, to: &bytes) }
        case .array:
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                element.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object:
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                JSONWriter.appendQuoted(member.key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// The value as compact JSON.
    public var compactBytes: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    /// The value as compact JSON.
    public var compactText: String { String(decoding: compactBytes, as: UTF8.self) }

    /// Whether both are the same value: integers and reals differ, the order of members does not matter.
    public func isEqual(to other: JSONValue) -> Bool {
        json_equal(node, other.node) == 1
    }
}
