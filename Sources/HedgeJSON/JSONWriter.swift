/// Appends JSON text to a buffer, piece by piece.
///
/// Writes the commas itself; keeping keys and values in turn and brackets in pairs is the caller's part. Depends on
/// no locale and never fails: a number JSON has no form for (NaN, infinity) becomes null, and text is made valid UTF-8.
public struct JSONWriter: ~Copyable, @unchecked Sendable {
    // Unchecked: nobody else has the memory before the text is done.

    /// The memory of the text, with room for the NUL that ``Bytes`` end with; nil before anything is written.
    private var storage: Bytes.Storage?
    /// Its first byte. Kept, because there is one writer: an array would look for others at every append.
    private var start: UnsafeMutablePointer<UInt8>?
    private var room = 0
    private var count = 0
    /// Whether a comma is due before the next key or value.
    private var needsComma = false

    /// A writer that takes memory when something is written.
    public init() {}

    /// A writer with room for `capacity` bytes before it must grow.
    public init(capacity: Int) {
        move(toRoom: max(0, capacity))
    }

    /// The text so far.
    public var bytes: [UInt8] { Array(UnsafeBufferPointer(start: start, count: count)) }

    /// The text so far as a string.
    public var text: String { String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self) }

    /// Appends the text so far to `bytes`.
    public func append(to bytes: inout [UInt8]) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: start, count: count))
    }

    /// Ends the text, without a copy of it.
    public consuming func finish() -> Bytes {
        guard let storage else { return Bytes([]) }
        return Bytes(storage, count: count)
    }

    /// Lets `write` fill up to `size` bytes; it returns how many it wrote.
    @inline(__always)
    private mutating func append(atMost size: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Int) {
        if room &- count < size { grow(by: size) }
        guard let start else { return }
        count &+= write(start + count)
    }

    @inline(never)
    private mutating func grow(by size: Int) {
        move(toRoom: max(256, 2 * room, count + size))
    }

    private mutating func move(toRoom wanted: Int) {
        let larger = Bytes.Storage.create(minimumCapacity: wanted + 1) { _ in 0 }
        let place = larger.withUnsafeMutablePointerToElements { $0 }
        if let start { place.update(from: start, count: count) }
        storage = larger
        start = place
        room = wanted
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
        let isFirst = !needsComma
        append(atMost: key.utf8CodeUnitCount + 4) { Self.write(key, isFirst, to: $0) }
        needsComma = false
    }

    /// Writes a key, what separates it from the member before, and the colon; returns how many bytes that is.
    @inline(__always)
    private static func write(_ key: StaticString, _ isFirst: Bool, to out: UnsafeMutablePointer<UInt8>) -> Int {
        let length = key.utf8CodeUnitCount
        let comma = isFirst ? 0 : 1
        out[0] = UInt8(ascii: ",")
        out[comma] = UInt8(ascii: "\"")
        (out + comma + 1).update(from: key.utf8Start, count: length)
        out[comma + length + 1] = UInt8(ascii: "\"")
        out[comma + length + 2] = UInt8(ascii: ":")
        return comma + length + 3
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
        // Without the variable that `withUTF8` needs, which would count a reference to the text.
        if value.utf8.withContiguousStorageIfAvailable({ string($0) }) != nil { return }
        var value = value
        value.withUTF8 { string($0) }
    }

    /// Writes UTF-8 as a string; bytes that are no UTF-8 become U+FFFD.
    public mutating func value(_ text: Span<UInt8>) {
        separate()
        text.withUnsafeBufferPointer { string($0) }
    }

    /// Writes a value that was read: members in order, integers as they are, reals in their shortest form.
    public mutating func value(_ value: JSONValue) {
        switch value.kind {
        case .null: null()
        case .true: self.value(true)
        case .false: self.value(false)
        case .integer: self.value(value.integer ?? 0)
        case .real: self.value(value.number ?? 0)
        case .string: value.withUTF8 { self.value($0) }
        case .array:
            beginArray()
            for element in value.elements { self.value(element) }
            endArray()
        case .object:
            beginObject()
            for member in value.members {
                key(member.key)
                self.value(member.value)
            }
            endObject()
        }
    }

    private mutating func string(_ text: UnsafeBufferPointer<UInt8>) {
        guard Self.isPlain(text) else { return appendEscaped(text) }
        append(atMost: text.count + 2) { Self.write(quoted: text, to: $0) }
    }

    /// Writes text that needs no escapes; returns how many bytes that is.
    @inline(__always)
    private static func write(quoted text: UnsafeBufferPointer<UInt8>, to out: UnsafeMutablePointer<UInt8>) -> Int {
        out[0] = UInt8(ascii: "\"")
        if let base = text.baseAddress { (out + 1).update(from: base, count: text.count) }
        out[text.count + 1] = UInt8(ascii: "\"")
        return text.count + 2
    }

    private mutating func appendEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        var quoted: [UInt8] = []
        quoted.reserveCapacity(text.count + text.count / 8 + 2)
        Self.appendQuoted(text.span, to: &quoted)
        quoted.withUnsafeBufferPointer { append($0) }
    }

    /// Whether every byte stands for itself in a string and needs no look at its neighbours.
    private static func isPlain(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let base = text.baseAddress else { return true }
        guard text.count >= 8 else {
            return text.allSatisfy { $0 >= 0x20 && $0 <= 0x7E && $0 != 0x22 && $0 != 0x5C }
        }
        let ones: UInt64 = 0x0101_0101_0101_0101
        // Eight bytes at a time, the last of which may overlap those before.
        let last = text.count &- 8
        var position = 0
        while true {
            let word = UnsafeRawPointer(base + position).loadUnaligned(as: UInt64.self)
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            // The top bit of a byte is set in one of these if the byte is above 0x7E, below 0x20, a quote or a
            // backslash; borrows and carries can set others only where there is such a byte.
            let hits =
                word | (word &+ ones) | (word &- (ones &* 0x20)) | (quote &- ones) & ~quote
                | (backslash &- ones) & ~backslash
            if hits & (ones << 7) != 0 { return false }
            if position == last { return true }
            position = min(position &+ 8, last)
        }
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

    /// Writes members that are JSON text already, with commas between them.
    public mutating func members(_ json: [UInt8]) {
        raw(json)
    }

    /// Ends the document with a line feed.
    public mutating func endLine() {
        append(UInt8(ascii: "\n"))
    }

    /// Writes a key and a string.
    public mutating func member(_ key: StaticString, _ value: String) {
        let isWritten = value.utf8.withContiguousStorageIfAvailable { plainMember(key, $0) }
        if isWritten == true { return }
        self.key(key)
        self.value(value)
    }

    /// Writes a key and a string.
    public mutating func member(_ key: StaticString, _ value: StaticString) {
        let text = UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount)
        if plainMember(key, text) { return }
        self.key(key)
        string(text)
    }

    /// Writes a key and a string in one go, if the string needs no escapes; false when nothing was written.
    private mutating func plainMember(_ key: StaticString, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard Self.isPlain(text) else { return false }
        let isFirst = !needsComma
        append(atMost: key.utf8CodeUnitCount + 4 + text.count + 2) { out in
            let length = Self.write(key, isFirst, to: out)
            return length + Self.write(quoted: text, to: out + length)
        }
        needsComma = true
        return true
    }

    /// Writes a key and a string that ends with a number, such as a name that counts up.
    public mutating func member(_ key: StaticString, _ prefix: StaticString, _ number: UInt64) {
        self.key(key)
        let text = UnsafeBufferPointer(start: prefix.utf8Start, count: prefix.utf8CodeUnitCount)
        guard let number = Int64(exactly: number), Self.isPlain(text) else { return value("\(prefix)\(number)") }
        append(atMost: text.count + 22) { out in
            let length = Self.write(quoted: text, to: out) - 1
            let digits = Self.write(number, to: out + length)
            out[length + digits] = UInt8(ascii: "\"")
            return length + digits + 1
        }
        needsComma = true
    }

    /// Writes a key and an integer.
    public mutating func member(_ key: StaticString, _ value: some FixedWidthInteger) {
        guard let small = Int64(exactly: value) else {
            self.key(key)
            return self.value(value)
        }
        let isFirst = !needsComma
        append(atMost: key.utf8CodeUnitCount + 24) { out in
            let length = Self.write(key, isFirst, to: out)
            return length + Self.write(small, to: out + length)
        }
        needsComma = true
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
