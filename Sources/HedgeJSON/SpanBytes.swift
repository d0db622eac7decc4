internal import Glibc

extension Span<UInt8> {
    /// The first place at or after `start` where `byte` stands, or nil.
    public func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        guard start >= 0 && start < count else { return nil }
        return withUnsafeBufferPointer { buffer -> Int? in
            guard let base = buffer.baseAddress,
                let found = memchr(base + start, Int32(byte), buffer.count &- start)
            else { return nil }
            return UnsafeRawPointer(base).distance(to: UnsafeRawPointer(found))
        }
    }

    /// Whether the bytes from `offset` on begin with `literal`.
    public func hasPrefix(_ literal: StaticString, from offset: Int = 0) -> Bool {
        let length = literal.utf8CodeUnitCount
        guard offset >= 0, length <= count, offset <= count &- length else { return false }
        return withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return length == 0 }
            return memcmp(base + offset, literal.utf8Start, length) == 0
        }
    }

    /// The bytes of `range` as text, with U+FFFD for what is not UTF-8; what lies outside is left out.
    public func text(_ range: Range<Int>) -> String {
        let range = range.clamped(to: 0..<count)
        return withUnsafeBufferPointer { String(decoding: UnsafeBufferPointer(rebasing: $0[range]), as: UTF8.self) }
    }
}

extension [UInt8] {
    /// Appends the bytes of `range`; what lies outside is left out.
    public mutating func append(_ span: Span<UInt8>, _ range: Range<Int>) {
        let range = range.clamped(to: 0..<span.count)
        span.withUnsafeBufferPointer { append(contentsOf: UnsafeBufferPointer(rebasing: $0[range])) }
    }

    /// Appends all bytes of `span`.
    public mutating func append(_ span: Span<UInt8>) {
        span.withUnsafeBufferPointer { append(contentsOf: $0) }
    }

    /// Appends the text of a literal.
    public mutating func append(_ literal: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }
}

extension Bytes {
    /// Calls `body` with the bytes in place.
    public func withSpan<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // The storage outlives the call because the span borrows from this value.
        let result = try body(UnsafeBufferPointer(start: baseAddress, count: count).span)
        withExtendedLifetime(self) {}
        return result
    }
}

extension Span<UInt8> {
    /// Whether the bytes of `range` are the UTF-8 of `text`.
    public func isEqual(_ range: Range<Int>, _ text: String) -> Bool {
        guard range.lowerBound >= 0, range.upperBound <= count, range.count == text.utf8.count else { return false }
        var place = range.lowerBound
        for byte in text.utf8 {
            guard self[place] == byte else { return false }
            place &+= 1
        }
        return true
    }

    /// Whether the bytes of `range` are those of `other`.
    public func isEqual(_ range: Range<Int>, _ other: [UInt8]) -> Bool {
        guard range.lowerBound >= 0, range.upperBound <= count, range.count == other.count else { return false }
        return withUnsafeBufferPointer { buffer in
            other.withUnsafeBufferPointer { other in
                guard let base = buffer.baseAddress, let otherBase = other.baseAddress else { return range.isEmpty }
                return memcmp(base + range.lowerBound, otherBase, range.count) == 0
            }
        }
    }
}
