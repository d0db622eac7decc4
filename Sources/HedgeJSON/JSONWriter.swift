/// Appends JSON text to a buffer, piece by piece.
///
/// Writes the commas itself; keeping keys and values in turn and brackets in pairs is the caller's part. Depends on
/// no locale and never fails: a number JSON has no form for (NaN, infinity) becomes null, and text is made valid UTF-8.
public struct JSONWriter: Sendable {
    // An array that is longer than the text, so that a key or a number is one check of room and plain stores.
    private var room: [UInt8]
    private var count: Int
    /// Whether a comma is due before the next key or value.
    private var needsComma = false

    /// A writer that appends to `bytes`.
    public init(appendingTo bytes: consuming [UInt8] = []) {
        count = bytes.count
        room = bytes
    }

    /// A writer with room for `capacity` bytes before it must grow.
    public init(capacity: Int) {
        count = 0
        room = [UInt8](repeating: 0, count: max(0, capacity))
    }

    /// The text so far.
    public var bytes: [UInt8] { Array(room[..<count]) }

    /// The text so far, in memory that is shared from here on.
    public var shared: Bytes { Bytes(copying: room.span.extracting(..<count)) }

    /// The text so far as a string.
    public var text: String { String(decoding: room[..<count], as: UTF8.self) }

    /// Lets `write` fill up to `size` bytes; it returns how many it wrote.
    @inline(__always)
    private mutating func append(atMost size: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Int) {
        if room.count &- count < size { grow(by: size) }
        let start = count
        count &+= room.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return 0 }
            return write(base + start)
        }
    }

    private mutating func grow(by size: Int) {
        let wanted = max(256, 2 * room.count, count + size)
        room.append(contentsOf: repeatElement(0, count: wanted - room.count))
    }

    @inline(__always)
    private mutating func append(_ byte: UInt8) {
        append(atMost: 1) {
            $0[0] = byte
            return 1
        }
    }

    private mutating func append(_ source: UnsafeBufferPointer<UInt8>) {
        append(atMost: source.count) { out in
            if let base = source.baseAddress { out.update(from: base, count: source.count) }
            return source.count
        }
    }

    private mutating func append(_ literal: StaticString) {
        append(UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    @inline(__always)
    private mutating func separate() {
        if needsComma { append(UInt8(ascii: ",")) }
        needsComma = true
    }

    /// Writes `{`.
    public mutating func beginObject() {
        separate()
        append(UInt8(ascii: "{"))
        needsComma = false
    }

    /// Writes `}`.
    public mutating func endObject() {
        append(UInt8(ascii: "}"))
        needsComma = true
    }

    /// Writes `[`.
    public mutating func beginArray() {
        separate()
        append(UInt8(ascii: "["))
        needsComma = false
    }

    /// Writes `]`.
    public mutating func endArray() {
        append(UInt8(ascii: "]"))
        needsComma = true
    }

    /// Writes a key that needs no escapes.
    public mutating func key(_ key: StaticString) {
        let length = key.utf8CodeUnitCount
        let comma = needsComma ? 1 : 0
        append(atMost: length + 4) { out in
            out[0] = UInt8(ascii: ",")
            out[comma] = UInt8(ascii: "\"")
            (out + comma + 1).update(from: key.utf8Start, count: length)
            out[comma + length + 1] = UInt8(ascii: "\"")
            out[comma + length + 2] = UInt8(ascii: ":")
            return comma + length + 3
        }
        needsComma = false
    }

    /// Writes a key.
    public mutating func key(_ key: String) {
        value(key)
        append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes a string.
    public mutating func value(_ value: String) {
        separate()
        var value = value
        value.withUTF8 { text in
            guard text.allSatisfy(Self.isPlain) else { return appendEscaped(text) }
            append(atMost: text.count + 2) { out in
                out[0] = UInt8(ascii: "\"")
                if let base = text.baseAddress { (out + 1).update(from: base, count: text.count) }
                out[text.count + 1] = UInt8(ascii: "\"")
                return text.count + 2
            }
        }
    }

    private mutating func appendEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        var quoted: [UInt8] = []
        Self.appendQuoted(text.span, to: &quoted)
        quoted.withUnsafeBufferPointer { append($0) }
    }

    /// Whether a byte stands for itself in a string and needs no look at its neighbours.
    @inline(__always)
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7F && byte != 0x22 && byte != 0x5C
    }

    /// Writes a boolean.
    public mutating func value(_ value: Bool) {
        separate()
        append(value ? "true" as StaticString : "false")
    }

    /// Writes an integer.
    public mutating func value(_ value: some FixedWidthInteger) {
        separate()
        if let small = Int64(exactly: value) {
            append(atMost: 20) { Self.write(small, to: $0) }
        } else {
            append(String(value))
        }
    }

    /// Writes a number in the shortest form that reads back as the same double; null for NaN and infinity.
    public mutating func value(_ value: Double) {
        separate()
        // Swift's description is the shortest that round-trips, and knows no locale.
        append(value.isFinite ? value.description : "null")
    }

    /// Writes nanoseconds as milliseconds, to the microsecond.
    public mutating func milliseconds(nanoseconds: Int64) {
        guard nanoseconds >= 0 else { return value((Double(nanoseconds) / 1000).rounded() / 1000) }
        let microseconds = nanoseconds / 1000 + (nanoseconds % 1000 >= 500 ? 1 : 0)
        separate()
        append(atMost: 24) { out in
            var length = Self.write(microseconds / 1000, to: out)
            out[length] = UInt8(ascii: ".")
            length += 1
            var rest = microseconds % 1000
            var unit: Int64 = 100
            repeat {
                out[length] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest / unit)
                length += 1
                rest %= unit
                unit /= 10
            } while rest > 0
            return length
        }
    }

    private mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append($0) }
    }

    /// Writes the digits of `value`, 20 at most, and returns how many.
    private static func write(_ value: Int64, to out: UnsafeMutablePointer<UInt8>) -> Int {
        var rest = value.magnitude
        var length = value < 0 ? 1 : 0
        var power = rest
        repeat {
            length += 1
            power /= 10
        } while power > 0
        var place = length
        repeat {
            place -= 1
            out[place] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        if value < 0 { out[0] = UInt8(ascii: "-") }
        return length
    }

    /// Writes null.
    public mutating func null() {
        separate()
        append("null" as StaticString)
    }

    /// Writes bytes that are one JSON value already.
    public mutating func raw(_ json: Span<UInt8>) {
        separate()
        json.withUnsafeBufferPointer { append($0) }
    }

    /// Writes bytes that are one JSON value already.
    public mutating func raw(_ json: [UInt8]) {
        separate()
        json.withUnsafeBufferPointer { append($0) }
    }

    /// Ends the document with a line feed.
    public mutating func endLine() {
        append(UInt8(ascii: "\n"))
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

    /// Writes a key and nanoseconds as milliseconds, to the microsecond.
    public mutating func member(_ key: StaticString, milliseconds nanoseconds: Int64) {
        self.key(key)
        milliseconds(nanoseconds: nanoseconds)
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
