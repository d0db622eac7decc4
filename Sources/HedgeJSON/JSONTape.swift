internal import Glibc

/// A validated JSON text as a flat list of nodes that refer to the text: read in place, no value is built.
///
/// Nodes come in the order of the text. The children of an array follow it; those of an object are key and value in
/// turn; ``next(_:)`` of a node is the node after everything inside it. Memory is kept from one scan to the next.
///
/// Accepts exactly RFC 8259, except that an unpaired `\u` surrogate is accepted (the text is passed on, not decoded)
/// and that duplicate keys are not looked for. The text itself is not kept: callers pass it again where it is needed.
/// Not safe to share between threads.
public final class JSONTape {
    @usableFromInline
    struct Node {
        @usableFromInline var start: UInt32
        @usableFromInline var end: UInt32
        @usableFromInline var next: UInt32
        @usableFromInline var kind: JSONKind
        @usableFromInline var hasEscape: Bool
    }

    @usableFromInline
    struct Storage {
        @usableFromInline var nodes: UnsafeMutablePointer<Node>
        @usableFromInline var count: Int
        @usableFromInline var capacity: Int
    }

    @usableFromInline var storage: Storage

    /// A tape with room for a typical chunk of a stream.
    public init() {
        storage = Storage(nodes: .plain(capacity: 64), count: 0, capacity: 64)
    }

    deinit {
        free(storage.nodes)
    }

    /// How many nodes the last scan found; 0 after one that failed.
    @inlinable
    public var count: Int { storage.count }

    @usableFromInline
    var nodes: UnsafeMutablePointer<Node> {
        @inlinable get { storage.nodes }
    }

    /// Reads `text`, which must be one JSON value, with white space around it at most. Node 0 is the value.
    public func scan(_ text: Span<UInt8>, limits: JSONLimits = JSONLimits()) throws(JSONParseError) {
        storage.count = 0
        guard text.count <= limits.bytes else { throw JSONParseError(.tooLong, offset: limits.bytes) }
        let failure = text.withUnsafeBufferPointer { text -> JSONParseError? in
            guard let base = text.baseAddress else { return JSONParseError(.truncated, offset: 0) }
            var scanner = JSONScanner(base: base, end: text.count, depthLimit: limits.depth, storage: storage)
            let failure = scanner.run()
            storage = scanner.storage
            return failure
        }
        if let failure {
            storage.count = 0
            throw failure
        }
    }
}

extension JSONTape.Storage {
    @inline(__always)
    mutating func append(_ kind: JSONKind, start: Int, end: Int, hasEscape: Bool = false) {
        if count == capacity { grow() }
        nodes[count] = JSONTape.Node(
            start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: end),
            next: UInt32(truncatingIfNeeded: count &+ 1), kind: kind, hasEscape: hasEscape)
        count &+= 1
    }

    @inline(never)
    private mutating func grow() {
        let larger = UnsafeMutablePointer<JSONTape.Node>.plain(capacity: capacity &* 2)
        larger.moveInitialize(from: nodes, count: count)
        free(nodes)
        nodes = larger
        capacity &*= 2
    }
}

extension JSONTape {
    /// The type of a node; null for a node that does not exist.
    @inlinable
    public func kind(_ node: Int) -> JSONKind {
        node >= 0 && node < count ? nodes[node].kind : .null
    }

    /// The node after everything inside `node`: its next sibling, or the end of what it is in.
    @inlinable
    public func next(_ node: Int) -> Int {
        node >= 0 && node < count ? Int(nodes[node].next) : node &+ 1
    }

    /// The bytes of a node in the text, quotes and brackets included.
    @inlinable
    public func range(_ node: Int) -> Range<Int> {
        guard node >= 0 && node < count else { return 0..<0 }
        return Range(uncheckedBounds: (Int(nodes[node].start), Int(nodes[node].end)))
    }

    /// The bytes of a string node without its quotes, escapes as they are; empty for other nodes.
    @inlinable
    public func content(_ node: Int) -> Range<Int> {
        guard node >= 0 && node < count, nodes[node].kind == .string else { return 0..<0 }
        return Range(uncheckedBounds: (Int(nodes[node].start) &+ 1, Int(nodes[node].end) &- 1))
    }

    /// Whether the node is a string with at least one character.
    @inlinable
    public func isNonEmptyString(_ node: Int) -> Bool {
        node >= 0 && node < count && nodes[node].kind == .string && nodes[node].end &- nodes[node].start > 2
    }

    /// Whether an array or object has nothing inside.
    @inlinable
    public func isEmptyContainer(_ node: Int) -> Bool {
        next(node) == node &+ 1
    }

    /// How many values an array holds, or members an object has.
    ///
    /// - Complexity: O(n) of that number.
    public func elementCount(_ node: Int) -> Int {
        let isObject = kind(node) == .object
        guard isObject || kind(node) == .array else { return 0 }
        var found = 0
        var child = node &+ 1
        let end = next(node)
        while child < end {
            found &+= 1
            child = next(isObject ? child &+ 1 : child)
        }
        return found
    }

    /// Whether a string node, as it is written, is `text`; a string written with escapes is equal to nothing.
    @inlinable
    public func isString(_ node: Int, _ literal: StaticString, in text: Span<UInt8>) -> Bool {
        guard node >= 0 && node < count else { return false }
        let length = literal.utf8CodeUnitCount
        guard nodes[node].kind == .string, Int(nodes[node].end &- nodes[node].start) == length &+ 2 else {
            return false
        }
        return equal(text, Int(nodes[node].start) &+ 1, literal)
    }

    /// Whether the bytes of `text` from `offset` on begin with `literal`.
    @usableFromInline
    func equal(_ text: Span<UInt8>, _ offset: Int, _ literal: StaticString) -> Bool {
        let length = literal.utf8CodeUnitCount
        guard length <= text.count, offset <= text.count &- length else { return false }
        return text.withUnsafeBufferPointer { text in
            guard let base = text.baseAddress else { return length == 0 }
            return memcmp(base + offset, literal.utf8Start, length) == 0
        }
    }

    /// The keys of an object node, one after another; the value of a key is the node after it. None for other nodes.
    @inlinable
    public func keys(of object: Int) -> MemberKeys {
        let end = kind(object) == .object ? next(object) : object
        return MemberKeys(tape: self, key: object &+ 1, end: end)
    }

    /// The keys of an object, as ``keys(of:)`` gives them.
    public struct MemberKeys: Sequence, IteratorProtocol {
        @usableFromInline let tape: JSONTape
        @usableFromInline var key: Int
        @usableFromInline let end: Int

        @inlinable
        init(tape: JSONTape, key: Int, end: Int) {
            self.tape = tape
            self.key = key
            self.end = end
        }

        /// The next key, or nil after the last one.
        @inlinable
        public mutating func next() -> Int? {
            guard key < end else { return nil }
            defer { key = tape.next(key &+ 1) }
            return key
        }
    }

    /// The value of a member of an object node, or nil.
    ///
    /// - Complexity: O(n) of the object's members.
    public func member(_ key: StaticString, of object: Int, in text: Span<UInt8>) -> Int? {
        guard kind(object) == .object else { return nil }
        let end = next(object)
        var child = object &+ 1
        while child < end {
            if isString(child, key, in: text) { return child &+ 1 }
            child = next(child &+ 1)
        }
        return nil
    }

    /// The value of an integer node that fits 64 bits, or nil.
    public func integer(_ node: Int, in text: Span<UInt8>) -> Int64? {
        guard kind(node) == .integer else { return nil }
        let range = range(node)
        guard range.upperBound <= text.count else { return nil }
        var position = range.lowerBound
        let isNegative = text[position] == UInt8(ascii: "-")
        if isNegative { position += 1 }
        var value: Int64 = 0
        while position < range.upperBound {
            let digit = Int64(text[position]) &- 48
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = product.subtractingReportingOverflow(digit)
            guard !overflow && !overflow2 else { return nil }
            value = sum
            position += 1
        }
        if isNegative { return value }
        let (positive, overflow) = Int64(0).subtractingReportingOverflow(value)
        return overflow ? nil : positive
    }

    /// The value of a number node as a double, or nil.
    public func double(_ node: Int, in text: Span<UInt8>) -> Double? {
        guard kind(node) == .integer || kind(node) == .real else { return nil }
        // Zero may have a sign.
        if let integer = integer(node, in: text), integer != 0 { return Double(integer) }
        return Double(text.text(range(node)))
    }

    /// The characters of a string node, escapes resolved, or nil; an unpaired surrogate becomes U+FFFD.
    public func string(_ node: Int, in text: Span<UInt8>) -> String? {
        guard node >= 0 && node < count, kind(node) == .string else { return nil }
        guard nodes[node].hasEscape else { return text.text(content(node)) }
        var bytes: [UInt8] = []
        appendString(node, in: text, to: &bytes)
        return bytes.span.text(0..<bytes.count)
    }

    /// Appends the UTF-8 of a string node, escapes resolved; an unpaired surrogate becomes U+FFFD.
    public func appendString(_ node: Int, in text: Span<UInt8>, to bytes: inout [UInt8]) {
        guard node >= 0 && node < count, kind(node) == .string else { return }
        let range = content(node)
        guard nodes[node].hasEscape else { return bytes.append(text, range) }
        JSONUnescaping.append(text, range, to: &bytes)
    }
}

extension UnsafeMutablePointer {
    /// Memory of malloc, to be given to free: `allocate` asks for an alignment, which makes the C library search longer.
    fileprivate static func plain(capacity: Int) -> UnsafeMutablePointer {
        let size = MemoryLayout<Pointee>.stride &* capacity
        guard let memory = malloc(size) else { return .allocate(capacity: capacity) }
        return memory.bindMemory(to: Pointee.self, capacity: capacity)
    }
}
