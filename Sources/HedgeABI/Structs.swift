import CHedgeRouter
import Glibc
import HedgeJSON
import HedgeRouter

/// A C struct that starts with `struct_size`.
protocol SizedStruct {
    init()
    var struct_size: UInt32 { get set }
}

extension hr_error: SizedStruct {}
extension hr_event: SizedStruct {}
extension hr_router_options: SizedStruct {}
extension hr_submit_options: SizedStruct {}

/// The `struct_size` of a struct that may be shorter than this library's: `pointee` could read past its end.
func statedSize<Struct: SizedStruct>(of pointer: UnsafePointer<Struct>) -> Int {
    Int(UnsafeRawPointer(pointer).loadUnaligned(as: UInt32.self))
}

extension SizedStruct {
    /// Reads a struct of whatever version the program was compiled with.
    ///
    /// Fields the program does not know read as 0; fields this library does not know must be 0.
    init(reading pointer: UnsafePointer<Self>) throws(RouterError) {
        let size = statedSize(of: pointer)
        let source = UnsafeRawBufferPointer(start: pointer, count: size)
        guard size >= MemoryLayout<UInt32>.size, size <= 4096 else {
            throw RouterError(.invalid, "struct_size is \(size); initialise the struct with its INIT macro")
        }
        let known = MemoryLayout<Self>.size
        if size > known, source[known...].contains(where: { $0 != 0 }) { throw RouterError(.version) }
        self.init()
        withUnsafeMutableBytes(of: &self) {
            $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: source.prefix(known)))
        }
    }

    /// Writes as much of the struct as the program's version of it has room for. Leaves `struct_size` alone.
    func write(to pointer: UnsafeMutableRawPointer, size: Int) {
        let skipped = MemoryLayout<UInt32>.size
        withUnsafeBytes(of: self) { bytes in
            let end = min(size, bytes.count)
            guard end > skipped, let base = bytes.baseAddress else { return }
            (pointer + skipped).copyMemory(from: base + skipped, byteCount: end - skipped)
        }
    }

    /// Sets a struct of `size` bytes to `self`, for languages without the INIT macro.
    func initialise(_ pointer: UnsafeMutablePointer<Self>?, size: Int) -> Int32 {
        guard let pointer, size >= 2 * MemoryLayout<UInt32>.size, size <= 4096 else { return Status.invalid.rawValue }
        let raw = UnsafeMutableRawPointer(pointer)
        memset(raw, 0, size)
        write(to: raw, size: size)
        raw.storeBytes(of: UInt32(size), as: UInt32.self)
        return Status.ok.rawValue
    }
}

extension hr_error {
    /// The error as C sees it; texts too long are cut at a character boundary.
    init(_ error: RouterError) {
        self.init()
        code = error.status.rawValue
        origin = error.origin.rawValue
        http_status = error.httpStatus
        retriable = error.isRetriable ? 1 : 0
        detail = error.detail
        retry_after_ms = error.retryAfterMilliseconds
        withUnsafeMutableBytes(of: &path) { $0.fill(with: error.path) }
        withUnsafeMutableBytes(of: &message) { $0.fill(with: error.message) }
    }

    /// What an error is before anything went wrong.
    static var none: hr_error {
        var error = hr_error()
        error.retry_after_ms = -1
        return error
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Writes text and a NUL, cut at a character boundary if there is no room for all of it.
    func fill(with text: String) {
        var text = text
        text.withUTF8 { utf8 in
            var end = Swift.min(utf8.count, count - 1)
            // A byte of the form 10xxxxxx continues a character: back up to where it starts.
            while end > 0, end < utf8.count, utf8[end] & 0xc0 == 0x80 { end -= 1 }
            copyMemory(from: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(utf8)[..<end]))
            self[end] = 0
        }
    }
}

extension hr_event {
    /// The event as C sees it; its pointers live as long as `event` does.
    init(_ event: QueuedEvent) {
        self.init()
        struct_size = UInt32(MemoryLayout<hr_event>.size)
        request = hr_request(id: event.request.handle)
        user_data = event.request.userData.pointer
        data = UnsafeRawPointer(event.storage.baseAddress + event.offset).assumingMemoryBound(to: CChar.self)
        data_size = event.count
        elapsed_ns = event.elapsed
        retry_after_ms = -1
        message = StaticText.empty
        switch event.kind {
        case .start:
            type = HR_EVENT_START
        case .chunk:
            type = HR_EVENT_CHUNK
        case .end:
            type = HR_EVENT_END
            http_status = event.httpStatus
            guard let failure = event.failure else { return }
            code = failure.error.status.rawValue
            origin = failure.error.origin.rawValue
            retriable = failure.error.isRetriable ? 1 : 0
            retry_after_ms = failure.error.retryAfterMilliseconds
            message = UnsafeRawPointer(failure.message.baseAddress).assumingMemoryBound(to: CChar.self)
            message_size = failure.message.count
        }
    }
}

/// Texts that live as long as the process.
enum StaticText {
    nonisolated(unsafe) static let empty = make("")

    /// A NUL-terminated copy that is never freed; for values made once.
    static func make(_ text: String) -> UnsafePointer<CChar> {
        make(Array(text.utf8))
    }

    static func make(_ bytes: [UInt8]) -> UnsafePointer<CChar> {
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count + 1)
        for (index, byte) in bytes.enumerated() { copy[index] = CChar(bitPattern: byte) }
        copy[bytes.count] = 0
        return UnsafePointer(copy)
    }

    static func pointer(_ text: StaticString) -> UnsafePointer<CChar> {
        guard text.hasPointerRepresentation else { return empty }
        return UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}
