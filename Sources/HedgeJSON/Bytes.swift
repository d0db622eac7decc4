/// Bytes that never change once made and stay at one address for as long as they are referenced.
///
/// One allocation holds the count and the bytes, and one NUL follows the last byte, so that the bytes can be handed
/// to C as they are.
public struct Bytes: @unchecked Sendable {
    // Unchecked: nothing writes to the storage after an initialiser has returned.
    private let storage: ManagedBuffer<Int, UInt8>

    /// `count` bytes, written by `fill`.
    public init(count: Int, fill: (UnsafeMutableRawBufferPointer) -> Void) {
        storage = ManagedBuffer.create(minimumCapacity: count + 1) { _ in count }
        storage.withUnsafeMutablePointerToElements { elements in
            fill(UnsafeMutableRawBufferPointer(start: elements, count: count))
            elements[count] = 0
        }
    }

    /// A copy of `source`.
    public init(copying source: UnsafeRawBufferPointer) {
        self.init(count: source.count) { $0.copyMemory(from: source) }
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
