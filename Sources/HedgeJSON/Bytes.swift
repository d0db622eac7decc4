/// Bytes that never change once made and stay at one address for as long as they are referenced.
///
/// One allocation holds the count and the bytes, and one NUL follows the last byte, so that the bytes can be handed
/// to C as they are.
public struct Bytes: @unchecked Sendable {
    // Unchecked: nothing writes to the storage after an initialiser has returned.
    private let storage: Storage

    typealias Storage = ManagedBuffer<Int, UInt8>

    /// The first `count` elements of `storage`, which nobody writes to any more and which has room for one more.
    init(_ storage: Storage, count: Int) {
        storage.withUnsafeMutablePointers { header, elements in
            header.pointee = count
            elements[count] = 0
        }
        self.storage = storage
    }

    /// `count` bytes, written by `fill`.
    public init(count: Int, fill: (UnsafeMutableRawBufferPointer) -> Void) {
        storage = Storage.create(minimumCapacity: count + 1) { _ in count }
        storage.withUnsafeMutablePointerToElements { elements in
            fill(UnsafeMutableRawBufferPointer(start: elements, count: count))
            elements[count] = 0
        }
    }

    /// A copy of `source`.
    public init(copying source: UnsafeRawBufferPointer) {
        self.init(count: source.count) { $0.copyMemory(from: source) }
    }

    /// `count` bytes at most, appended by `fill`.
    public init(capacity: Int, fill: (inout BytesBuilder) -> Void) {
        let storage = Storage.create(minimumCapacity: max(0, capacity) + 1) { _ in 0 }
        storage.withUnsafeMutablePointerToElements { elements in
            var builder = BytesBuilder(elements: elements, capacity: max(0, capacity))
            fill(&builder)
            elements[builder.count] = 0
            storage.header = builder.count
        }
        self.storage = storage
    }

    /// A copy of `source`.
    public init(copying source: Span<UInt8>) {
        self = source.withUnsafeBytes { Bytes(copying: $0) }
    }

    /// A copy of `source`.
    public init(_ source: [UInt8]) {
        self = source.withUnsafeBytes { Bytes(copying: $0) }
    }

    /// A copy of the UTF-8 bytes of `source`.
    public init(_ source: String) {
        var source = source
        self = source.withUTF8 { Bytes(copying: UnsafeRawBufferPointer($0)) }
    }

    /// How many bytes there are, without the NUL.
    public var count: Int { storage.header }

    /// The first byte; valid for as long as this value is referenced.
    public var baseAddress: UnsafePointer<UInt8> {
        storage.withUnsafeMutablePointerToElements { UnsafePointer($0) }
    }
}

/// Appends to memory of a fixed size; what does not fit any more is left out.
public struct BytesBuilder: ~Copyable {
    private let elements: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    /// How many bytes there are so far.
    public private(set) var count = 0

    init(elements: UnsafeMutablePointer<UInt8>, capacity: Int) {
        self.elements = elements
        self.capacity = capacity
    }

    /// Appends `source`.
    public mutating func append(_ source: Span<UInt8>) {
        source.withUnsafeBufferPointer { append($0) }
    }

    /// Appends `source`.
    public mutating func append(_ source: [UInt8]) {
        source.withUnsafeBufferPointer { append($0) }
    }

    /// Appends the text of a literal.
    public mutating func append(_ source: StaticString) {
        append(UnsafeBufferPointer(start: source.utf8Start, count: source.utf8CodeUnitCount))
    }

    private mutating func append(_ source: UnsafeBufferPointer<UInt8>) {
        guard let base = source.baseAddress else { return }
        let size = min(source.count, capacity - count)
        (elements + count).update(from: base, count: size)
        count += size
    }
}
