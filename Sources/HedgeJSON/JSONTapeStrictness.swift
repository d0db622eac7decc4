internal import Glibc

extension JSONTape {
    /// Refuses what RFC 8259 leaves to the reader, in the text that was just scanned: an object with two members of
    /// one name (however their names are written), an escaped NUL, and a surrogate without its other half.
    ///
    /// A text that passes means the same to every reader, so that it can be handed on as it is.
    ///
    /// - Complexity: O(n log n) of the largest object, O(n) of the text.
    public func refuseAmbiguity(in text: Span<UInt8>) throws(JSONParseError) {
        var keys: [KeyHash] = []
        for node in 0..<count {
            if nodes[node].kind == .object {
                if let offset = duplicateKey(in: node, text, &keys) {
                    throw JSONParseError(.duplicateKey, offset: offset)
                }
            } else if nodes[node].kind == .string, nodes[node].hasEscape {
                try checkEscapes(in: content(node), text)
            }
        }
    }

    /// Objects up to this size are searched pair by pair.
    private static let smallObject = 8

    struct KeyHash {
        var hash: Int
        var node: Int
    }

    /// Byte offset of the end of the second key of that name, or nil.
    private func duplicateKey(in object: Int, _ text: Span<UInt8>, _ keys: inout [KeyHash]) -> Int? {
        let end = next(object)
        if elementCount(object) <= Self.smallObject { return duplicateKey(inSmall: object, text) }
        keys.removeAll(keepingCapacity: true)
        var key = object &+ 1
        while key < end {
            keys.append(KeyHash(hash: 0, node: key))
            key = next(key &+ 1)
        }
        for index in keys.indices { keys[index].hash = hash(keys[index].node, text) }
        keys.sort { ($0.hash, $0.node) < ($1.hash, $1.node) }
        // Equal names have equal hashes; the hash is seeded per process, so that nobody can make many names share one.
        for second in keys.indices.dropFirst() {
            var first = second &- 1
            while first >= 0, keys[first].hash == keys[second].hash {
                if isSameKey(keys[first].node, keys[second].node, text) { return range(keys[second].node).upperBound }
                first &-= 1
            }
        }
        return nil
    }

    private func duplicateKey(inSmall object: Int, _ text: Span<UInt8>) -> Int? {
        let end = next(object)
        var second = object &+ 1
        while second < end {
            var first = object &+ 1
            while first < second {
                if isSameKey(first, second, text) { return range(second).upperBound }
                first = next(first &+ 1)
            }
            second = next(second &+ 1)
        }
        return nil
    }

    private func isSameKey(_ first: Int, _ second: Int, _ text: Span<UInt8>) -> Bool {
        if nodes[first].hasEscape || nodes[second].hasEscape {
            return unescaped(first, text) == unescaped(second, text)
        }
        let one = content(first)
        let other = content(second)
        guard one.count == other.count, one.upperBound <= text.count, other.upperBound <= text.count else {
            return false
        }
        return text.withUnsafeBufferPointer { text in
            guard let base = text.baseAddress else { return one.isEmpty }
            return memcmp(base + one.lowerBound, base + other.lowerBound, one.count) == 0
        }
    }

    private func hash(_ key: Int, _ text: Span<UInt8>) -> Int {
        var hasher = Hasher()
        if nodes[key].hasEscape {
            unescaped(key, text).withUnsafeBytes { hasher.combine(bytes: $0) }
        } else {
            let range = content(key).clamped(to: 0..<text.count)
            text.withUnsafeBytes { hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0[range])) }
        }
        return hasher.finalize()
    }

    private func unescaped(_ key: Int, _ text: Span<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        appendString(key, in: text, to: &bytes)
        return bytes
    }

    private func checkEscapes(in range: Range<Int>, _ text: Span<UInt8>) throws(JSONParseError) {
        var position = range.lowerBound
        while let escape = text.firstIndex(of: UInt8(ascii: "\\"), from: position), escape < range.upperBound {
            position = escape + 2
            guard position <= range.upperBound, text[escape + 1] == UInt8(ascii: "u") else { continue }
            guard let first = JSONUnescaping.unit(text, &position, range.upperBound) else { continue }
            if first == 0 { throw JSONParseError(.nul, offset: escape) }
            guard first & 0xF800 == 0xD800 else { continue }
            var after = position + 2
            guard first < 0xDC00, text.hasPrefix("\\u", from: position),
                let second = JSONUnescaping.unit(text, &after, range.upperBound), second & 0xFC00 == 0xDC00
            else { throw JSONParseError(.invalidEscape, offset: escape) }
            position = after
        }
    }
}
