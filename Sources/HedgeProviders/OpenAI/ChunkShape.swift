import HedgeJSON

/// The last chunk that passed as it was, because the next one often differs from it in the text alone.
///
/// Such a chunk needs no scan: what stands before and after the text was accepted with the last one, and plain ASCII
/// between the same two quotes is the same string with another value.
struct ChunkShape {
    /// The remembered chunk up to and with the quote that opens its text; empty if there is none.
    private var head: [UInt8] = []
    /// The remembered chunk from the quote that closes its text.
    private var tail: [UInt8] = []
    /// Chunks in a row that had another shape.
    private var misses = 0

    /// Streams whose chunks differ elsewhere, such as by padding of random length, are not worth remembering.
    private static let missLimit = 8

    /// Remembers a chunk whose text is the string at `quoted`, its quotes included.
    mutating func remember(_ text: Span<UInt8>, quoted: Range<Int>) {
        guard misses < Self.missLimit, quoted.count >= 2, quoted.upperBound <= text.count else { return }
        misses += 1
        head.removeAll(keepingCapacity: true)
        head.append(text, 0..<(quoted.lowerBound + 1))
        tail.removeAll(keepingCapacity: true)
        tail.append(text, (quoted.upperBound - 1)..<text.count)
    }

    /// Whether `text` is the remembered chunk with another text that is not empty and needs no second look.
    mutating func matches(_ text: Span<UInt8>) -> Bool {
        let end = text.count - tail.count
        guard !head.isEmpty, end > head.count else { return false }
        guard text.isEqual(0..<head.count, head), text.isEqual(end..<text.count, tail) else { return false }
        for place in head.count..<end where !Self.isPlain(text[place]) { return false }
        misses = 0
        return true
    }

    /// Printable ASCII that means itself inside a string.
    @inline(__always)
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }
}
