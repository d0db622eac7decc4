internal import Glibc

/// Resolves the escapes of a JSON string that a scanner has accepted.
enum JSONUnescaping {
    /// Appends the UTF-8 of the string between the quotes; an unpaired surrogate becomes U+FFFD.
    static func append(_ text: Span<UInt8>, _ range: Range<Int>, to bytes: inout [UInt8]) {
        var position = range.lowerBound
        let end = min(range.upperBound, text.count)
        bytes.reserveCapacity(bytes.count + max(0, end - position))
        while position < end {
            let byte = text[position]
            position += 1
            guard byte == UInt8(ascii: "\\"), position < end else {
                bytes.append(byte)
                continue
            }
            let escape = text[position]
            position += 1
            switch escape {
            case UInt8(ascii: "b"): bytes.append(0x08)
            case UInt8(ascii: "f"): bytes.append(0x0C)
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "u"): appendScalar(scalar(text, &position, end), to: &bytes)
            default: bytes.append(escape)
            }
        }
    }

    /// The scalar of a `\u` escape whose digits begin at `position`, together with the second half of a pair.
    private static func scalar(_ text: Span<UInt8>, _ position: inout Int, _ end: Int) -> UInt32 {
        guard let first = unit(text, &position, end) else { return 0xFFFD }
        guard first & 0xF800 == 0xD800 else { return first }
        guard first < 0xDC00, end - position >= 6,
            text[position] == UInt8(ascii: "\\"), text[position + 1] == UInt8(ascii: "u")
        else { return 0xFFFD }
        var after = position + 2
        guard let second = unit(text, &after, end), second & 0xFC00 == 0xDC00 else { return 0xFFFD }
        position = after
        return 0x10000 &+ ((first &- 0xD800) << 10) &+ (second &- 0xDC00)
    }

    /// The value of the `\u` escape that stands at `place`, or nil.
    @inline(__always)
    static func unit(of text: UnsafeMutableBufferPointer<UInt8>, at place: Int) -> UInt32? {
        guard text.count &- place >= 6, text[place] == UInt8(ascii: "\\"), text[place &+ 1] == UInt8(ascii: "u") else {
            return nil
        }
        var value: UInt32 = 0
        for offset in 2..<6 {
            guard let digit = hexDigit(text[place &+ offset]) else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// The value of four hexadecimal digits.
    static func unit(_ text: Span<UInt8>, _ position: inout Int, _ end: Int) -> UInt32? {
        guard end - position >= 4 else { return nil }
        var value: UInt32 = 0
        for offset in 0..<4 {
            guard let digit = hexDigit(text[position + offset]) else { return nil }
            value = value << 4 | UInt32(digit)
        }
        position += 4
        return value
    }

    private static func appendScalar(_ value: UInt32, to bytes: inout [UInt8]) {
        let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
        for unit in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { bytes.append(unit) }
    }

    @inline(__always)
    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte &- 48
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte &- 87
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte &- 55
        default: nil
        }
    }
}

extension [UInt8] {
    /// Puts the escape of U+FFFD in the place of every surrogate escape without its other half, in JSON texts that
    /// begin at `start`; many readers refuse a text with half a character.
    ///
    /// - Complexity: one search for a backslash where there is none.
    public mutating func mendSurrogates(from start: Int) {
        guard start >= 0 && start < count else { return }
        withUnsafeMutableBufferPointer { text in
            guard let base = text.baseAddress else { return }
            let end = text.count
            var position = start
            while position < end, let found = memchr(base + position, 0x5C, end &- position) {
                let escape = UnsafeMutableRawPointer(base).distance(to: found)
                position = escape &+ 2
                guard let first = JSONUnescaping.unit(of: text, at: escape), first & 0xF800 == 0xD800 else { continue }
                position = escape &+ 6
                if first < 0xDC00, let second = JSONUnescaping.unit(of: text, at: position), second & 0xFC00 == 0xDC00 {
                    position &+= 6
                } else {
                    for place in 2..<5 { base[escape &+ place] = UInt8(ascii: "f") }
                    base[escape &+ 5] = UInt8(ascii: "d")
                }
            }
        }
    }
}
