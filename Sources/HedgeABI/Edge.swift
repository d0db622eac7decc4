import CHedgeRouter
import Glibc
import HedgeJSON
import HedgeRouter

/// The way every fallible function of the C API runs: what it throws becomes its status and fills the caller's error.
func call(_ error: UnsafeMutablePointer<hr_error>?, _ body: () throws(RouterError) -> Int32) -> Int32 {
    do throws(RouterError) {
        let result = try body()
        report(.none, to: error)
        return result
    } catch let failure {
        report(hr_error(failure), to: error)
        return failure.status.rawValue
    }
}

private func report(_ report: hr_error, to error: UnsafeMutablePointer<hr_error>?) {
    guard let error else { return }
    let size = statedSize(of: error)
    // A struct that was not initialised says nothing of its room.
    guard size >= 2 * MemoryLayout<UInt32>.size, size <= 4096 else { return }
    report.write(to: UnsafeMutableRawPointer(error), size: size)
}

/// Input of the program: a pointer and a size, checked.
func input(_ pointer: UnsafePointer<CChar>?, _ size: Int, _ name: String) throws(RouterError) -> UnsafeRawBufferPointer
{
    guard let pointer else { throw RouterError(.invalid, "\(name) is NULL") }
    // A size that is negative as a signed number can only be a mistake.
    guard size >= 0 else { throw RouterError(.limit, "the size of \(name) is out of range") }
    return UnsafeRawBufferPointer(start: pointer, count: size)
}

/// Gives the program a string of its own, which it releases with `hr_string_free()`.
func give(
    _ bytes: UnsafeRawBufferPointer, _ out: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>,
    _ size: UnsafeMutablePointer<Int>?
) throws(RouterError) {
    guard let copy = malloc(bytes.count + 1) else { throw RouterError(.noMemory) }
    if let base = bytes.baseAddress { memcpy(copy, base, bytes.count) }
    copy.storeBytes(of: 0, toByteOffset: bytes.count, as: UInt8.self)
    out.pointee = copy.assumingMemoryBound(to: CChar.self)
    size?.pointee = bytes.count
}

/// Gives the program a string of its own, which it releases with `hr_string_free()`.
func give(
    _ bytes: [UInt8], _ out: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>, _ size: UnsafeMutablePointer<Int>?
) throws(RouterError) {
    // Typed errors do not pass through the closure.
    let copy: UnsafeMutablePointer<UInt8>? = bytes.withUnsafeBufferPointer { source in
        var text = HeapText(capacity: source.count + 1)
        text.append(source)
        return text.take()
    }
    try give(copy, count: bytes.count, out, size)
}

/// Gives the program memory that `malloc()` gave, which it releases with `hr_string_free()`.
func give(
    _ memory: UnsafeMutablePointer<UInt8>?, count: Int, _ out: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>,
    _ size: UnsafeMutablePointer<Int>?
) throws(RouterError) {
    guard let memory else { throw RouterError(.noMemory) }
    out.pointee = UnsafeMutableRawPointer(memory).assumingMemoryBound(to: CChar.self)
    size?.pointee = count
}

/// An output parameter for a string, cleared.
func output(
    _ out: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ size: UnsafeMutablePointer<Int>?
) throws(RouterError) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> {
    size?.pointee = 0
    guard let out else { throw RouterError(.invalid, "out is NULL") }
    out.pointee = nil
    return out
}
