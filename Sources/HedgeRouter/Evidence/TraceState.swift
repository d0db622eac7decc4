/// The `tracestate` that goes with a `traceparent`, as W3C Trace Context has it.
///
/// The library adds no entry of its own, so that the list passes unchanged but for white space, empty entries and length.
struct TraceState: Hashable, Sendable {
    /// The entries, joined by commas.
    let text: String

    /// Entries a list may have.
    static let mostEntries = 32
    /// Bytes that are passed on; the recommendation asks for no fewer.
    static let longest = 512
    /// Entries longer than this go first when the list is too long.
    static let longEntry = 128

    /// Reads a header's value; nil when it is malformed or has nothing in it.
    init?(_ value: String) {
        var entries: [Substring] = []
        for part in value.split(separator: ",") {
            let entry = Self.trimmed(part)
            if entry.isEmpty { continue }
            guard let key = Self.key(of: entry), !entries.contains(where: { Self.key(of: $0) == key }) else {
                return nil
            }
            entries.append(entry)
        }
        guard entries.count <= Self.mostEntries else { return nil }
        while Self.length(entries) > Self.longest {
            guard let long = entries.lastIndex(where: { $0.utf8.count > Self.longEntry }) else { break }
            entries.remove(at: long)
        }
        while Self.length(entries) > Self.longest { entries.removeLast() }
        guard !entries.isEmpty else { return nil }
        text = entries.joined(separator: ",")
    }

    /// What an attempt sends.
    var header: String { "tracestate: " + text }

    private static func length(_ entries: [Substring]) -> Int {
        entries.reduce(max(0, entries.count - 1)) { $0 + $1.utf8.count }
    }

    private static func trimmed(_ part: Substring) -> Substring {
        var part = part.drop { $0 == " " || $0 == "\t" }
        while let last = part.last, last == " " || last == "\t" { part.removeLast() }
        return part
    }

    /// The key of a well-formed entry; nil of any other.
    private static func key(of entry: Substring) -> Substring? {
        guard let equals = entry.utf8.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        let key = entry[..<equals]
        let value = entry[equals...].dropFirst()
        guard (1...256).contains(key.utf8.count), let first = key.utf8.first, isAlphanumeric(first),
            key.utf8.allSatisfy({ isAlphanumeric($0) || "_-*/@".utf8.contains($0) }),
            (1...256).contains(value.utf8.count),
            // Printable, without the comma and the equals sign; blanks only inside.
            value.utf8.allSatisfy({ (0x20...0x7E).contains($0) && $0 != 0x2C && $0 != 0x3D })
        else { return nil }
        return key
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
