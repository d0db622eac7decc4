/// The place of a request in a distributed trace, as W3C Trace Context (level 1) has it.
public struct TraceContext: Hashable, Sendable {
    /// Identifier of the trace; neither half is 0 at the same time.
    var traceHigh: UInt64
    var traceLow: UInt64
    /// The caller's span.
    var parent: UInt64
    var flags: UInt8

    /// Reads a `traceparent` header's value; nil unless it is well formed.
    ///
    /// Of versions after 00 the fields known today are taken, as the recommendation asks for.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        let dash = UInt8(ascii: "-")
        guard bytes.count >= 55, bytes.count <= 512, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
            let version = Self.number(bytes[0..<2]), version != 0xff,
            let high = Self.number(bytes[3..<19]), let low = Self.number(bytes[19..<35]),
            let parent = Self.number(bytes[36..<52]), let flags = Self.number(bytes[53..<55])
        else { return nil }
        guard bytes.count == 55 || (version > 0 && bytes[55] == dash) else { return nil }
        guard high | low != 0, parent != 0 else { return nil }
        traceHigh = high
        traceLow = low
        self.parent = parent
        self.flags = UInt8(truncatingIfNeeded: flags)
    }

    /// Lowercase hexadecimal digits, which is all the recommendation allows.
    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }

    /// The trace's identifier, 32 digits.
    var traceID: String { Self.hex(traceHigh) + Self.hex(traceLow) }

    /// What an attempt with a span of its own sends.
    func header(span: UInt64) -> String {
        let flags = Self.hex(UInt64(flags)).suffix(2)
        return "traceparent: 00-\(traceID)-\(Self.hex(span))-\(flags)"
    }

    /// Sixteen digits.
    static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
