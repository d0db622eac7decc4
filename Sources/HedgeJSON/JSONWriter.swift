/// Appends JSON text to a buffer, piece by piece.
///
/// Writes the commas itself; keeping keys and values in turn and brackets in pairs is the caller's part. Depends on
/// no locale and never fails: a number JSON has no form for (NaN, infinity) becomes null, and text is made valid UTF-8.
public struct JSONWriter: Sendable {
    /// The text so far.
    public var bytes: [UInt8]
    /// Whether a comma is due before the next key or value.
    private var needsComma = false

    /// A writer that appends to `bytes`.
    public init(appendingTo bytes: consuming [UInt8] = []) {
        self.bytes = bytes
    }

    /// The text so far as a string.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    @inline(__always)
    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    /// Writes `{`.
    public mutating func beginObject() {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
    }

    /// Writes `}`.
    public mutating func endObject() {
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    /// Writes `[`.
    public mutating func beginArray() {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
    }

    /// Writes `]`.
    public mutating func endArray() {
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    /// Writes a key that needs no escapes.
    public mutating func key(_ key: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(key)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes a key.
    public mutating func key(_ key: String) {
        separate()
        Self.appendQuoted(key, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes a string.
    public mutating func value(_ value: String) {
        separate()
        Self.appendQuoted(value, to: &bytes)
    }

    /// Writes a boolean.
    public mutating func value(_ value: Bool) {
        separate()
        bytes.append(value ? "true" as StaticString : "false")
    }

    /// Writes an integer.
    public mutating func value(_ value: some FixedWidthInteger) {
        separate()
        Self.appendInteger(value, to: &bytes)
    }

    /// Writes a number in the shortest form that reads back as the same double; null for NaN and infinity.
    public mutating func value(_ value: Double) {
        separate()
        Self.appendNumber(value, to: &bytes)
    }

    /// Writes null.
    public mutating func null() {
        separate()
        bytes.append("null" as StaticString)
    }

    /// Writes bytes that are one JSON value already.
    public mutating func raw(_ json: Span<UInt8>) {
        separate()
        bytes.append(json)
    }

    /// Writes bytes that are one JSON value already.
    public mutating func raw(_ json: [UInt8]) {
        separate()
        bytes.append(contentsOf: json)
    }

    /// Writes a key and a string.
    public mutating func member(_ key: StaticString, _ value: String) {
        self.key(key)
        self.value(value)
    }

    /// Writes a key and an integer.
    public mutating func member(_ key: StaticString, _ value: some FixedWidthInteger) {
        self.key(key)
        self.value(value)
    }

    /// Writes a key and a number.
    public mutating func member(_ key: StaticString, _ value: Double) {
        self.key(key)
        self.value(value)
    }

    /// Writes a key and a boolean.
    public mutating func member(_ key: StaticString, _ value: Bool) {
        self.key(key)
        self.value(value)
    }
}

extension JSONWriter {
    /// Appends `text` as a JSON string.
    public static func appendQuoted(_ text: String, to bytes: inout [UInt8]) {
        var text = text
        text.withUTF8 { appendQuoted($0.span, to: &bytes) }
    }

    /// Appends UTF-8 as a JSON string; bytes that are no UTF-8 become U+FFFD.
    public static func appendQuoted(_ text: Span<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        appendEscaped(text, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends UTF-8 as the inside of a JSON string; bytes that are no UTF-8 become U+FFFD.
    public static func appendEscaped(_ text: Span<UInt8>, to bytes: inout [UInt8]) {
        text.withUnsafeBufferPointer { text in
            var plainStart = 0
            var isASCII = true
            for position in 0..<text.count {
                let byte = text[position]
                if byte >= 0x80 { isASCII = false }
                guard byte == 0x22 || byte == 0x5C || byte < 0x20 || byte == 0x7F else { continue }
                appendPlain(UnsafeBufferPointer(rebasing: text[plainStart..<position]), isASCII, to: &bytes)
                appendEscape(byte, to: &bytes)
                plainStart = position + 1
                isASCII = true
            }
            appendPlain(UnsafeBufferPointer(rebasing: text[plainStart...]), isASCII, to: &bytes)
        }
    }

    private static func appendPlain(_ text: UnsafeBufferPointer<UInt8>, _ isASCII: Bool, to bytes: inout [UInt8]) {
        if isASCII {
            bytes.append(contentsOf: text)
        } else {
            bytes.append(contentsOf: String(decoding: text, as: UTF8.self).utf8)
        }
    }

    private static func appendEscape(_ byte: UInt8, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x22, 0x5C: bytes.append(byte)
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        default:
            let digits: StaticString = "0123456789abcdef"
            bytes.append("u00" as StaticString)
            bytes.append(digits.utf8Start[Int(byte >> 4)])
            bytes.append(digits.utf8Start[Int(byte & 15)])
        }
    }

    /// Appends a number in the shortest form that reads back as the same double; null for NaN and infinity.
    public static func appendNumber(_ value: Double, to bytes: inout [UInt8]) {
        guard value.isFinite else { return bytes.append("null" as StaticString) }
        // Swift's description is the shortest that round-trips, and knows no locale.
        bytes.append(contentsOf: value.description.utf8)
    }

    /// Appends an integer.
    public static func appendInteger(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: String(value).utf8)
    }
}
