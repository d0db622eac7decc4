import HedgeJSON

/// Changes to a scanned JSON text, collected first and made in one copy.
///
/// Keeps its memory from one text to the next.
struct ChunkEditor {
    private struct Edit {
        var range: Range<Int>
        /// Place of the new text in `scratch`.
        var replacement: Range<Int>
    }

    private var edits: [Edit] = []
    private var scratch: [UInt8] = []

    /// Whether the text is right as it is.
    var isEmpty: Bool { edits.isEmpty }

    mutating func removeAll() {
        edits.removeAll(keepingCapacity: true)
        scratch.removeAll(keepingCapacity: true)
    }

    /// Puts what `write` appends in the place of `range`.
    mutating func replace(_ range: Range<Int>, _ write: (inout [UInt8]) -> Void) {
        let start = scratch.count
        write(&scratch)
        edits.append(Edit(range: range, replacement: start..<scratch.count))
    }

    mutating func replace(_ range: Range<Int>, with text: StaticString) {
        replace(range) { $0.append(text) }
    }

    /// Adds members at the end of an object; `isFirst` tells whether no member goes before them.
    mutating func insert(atEndOf object: Range<Int>, isFirst: Bool, _ write: (inout [UInt8]) -> Void) {
        let place = max(object.lowerBound, object.upperBound - 1)
        replace(place..<place) {
            if !isFirst { $0.append(UInt8(ascii: ",")) }
            write(&$0)
        }
    }

    /// Appends `text` with the changes made.
    mutating func apply(to text: Span<UInt8>, appendingTo output: inout [UInt8]) {
        guard !edits.isEmpty else { return output.append(text) }
        sort()
        var position = 0
        for edit in edits {
            // A change inside a value that is replaced as a whole has no place any more.
            guard edit.range.lowerBound >= position else { continue }
            output.append(text, position..<edit.range.lowerBound)
            output.append(scratch.span, edit.replacement)
            position = edit.range.upperBound
        }
        output.append(text, min(position, text.count)..<text.count)
    }

    /// Orders the edits by place; those at one place stay in the order they were made. They are few and nearly sorted.
    private mutating func sort() {
        for index in edits.indices.dropFirst() {
            var place = index
            while place > 0, edits[place - 1].range.lowerBound > edits[place].range.lowerBound {
                edits.swapAt(place - 1, place)
                place -= 1
            }
        }
    }
}
