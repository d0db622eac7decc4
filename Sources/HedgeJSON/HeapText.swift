internal import Glibc

/// Text that is written from start to end into memory of `malloc()`, so that C gets it without a copy.
///
/// Large texts cost little but the pages they touch: growing moves them by their page tables, and nothing writes them
/// twice. When memory runs out the rest is left out, and ``take()`` gives nothing.
public struct HeapText: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>?
    private var capacity: Int
    private var isCut = false
    /// How many bytes there are so far.
    public private(set) var count = 0

    /// Text with room for `capacity` bytes before it must grow.
    public init(capacity: Int) {
        self.capacity = max(256, min(capacity, Self.largestGuess))
        base = malloc(self.capacity)?.assumingMemoryBound(to: UInt8.self)
    }

    deinit { free(base) }

    private static let largestGuess = 1 << 26

    /// Lets `write` fill up to `size` bytes; it returns how many it wrote.
    @inline(__always)
    public mutating func append(atMost size: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Int) {
        // One byte stays for the NUL.
        guard capacity &- count > size || grow(by: size), let base else { return }
        count &+= write(base + count)
    }

    /// Appends `source`.
    @inline(__always)
    public mutating func append(_ source: [UInt8]) {
        source.withUnsafeBufferPointer { append($0) }
    }

    /// Appends `source`.
    @inline(__always)
    public mutating func append(_ source: UnsafeBufferPointer<UInt8>) {
        guard let start = source.baseAddress else { return }
        append(atMost: source.count) { out in
            out.update(from: start, count: source.count)
            return source.count
        }
    }

    /// Appends one byte.
    @inline(__always)
    public mutating func append(_ byte: UInt8) {
        append(atMost: 1) { out in
            out[0] = byte
            return 1
        }
    }

    /// Appends the digits of a number.
    @inline(__always)
    public mutating func append(_ value: UInt64) {
        append(atMost: 20) { Self.write(value, to: $0) }
    }

    /// Writes the digits of a number, 20 at most, and returns how many.
    @inline(__always)
    private static func write(_ value: UInt64, to out: UnsafeMutablePointer<UInt8>) -> Int {
        var length = 1
        var limit: UInt64 = 10
        while length < 20, value >= limit {
            length += 1
            limit = limit &* 10
        }
        var rest = value
        var place = length
        repeat {
            place -= 1
            out[place] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while place > 0
        return length
    }

    @inline(never)
    private mutating func grow(by size: Int) -> Bool {
        let (least, isTooLarge) = count.addingReportingOverflow(max(0, size) &+ 1)
        let wanted = max(least, capacity &* 2)
        guard !isCut, !isTooLarge, wanted > capacity, let grown = realloc(base, wanted) else {
            isCut = true
            return false
        }
        base = grown.assumingMemoryBound(to: UInt8.self)
        capacity = wanted
        return true
    }

    /// Calls `body` with the text so far; the pointer is not valid after it.
    public borrowing func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        body(UnsafeBufferPointer(start: base, count: count))
    }

    /// Gives the memory away, with a NUL after the text; nil when memory ran out. `free()` releases it.
    public consuming func take() -> UnsafeMutablePointer<UInt8>? {
        guard !isCut, let base else {
            _ = consume self
            return nil
        }
        base[count] = 0
        discard self
        return base
    }
}
