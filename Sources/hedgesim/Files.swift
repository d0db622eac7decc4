import Glibc

/// What ends the program with a message.
struct Complaint: Error {
    var message: String

    init(_ message: String) {
        self.message = message
    }
}

/// The content of a file.
func contents(of path: String) throws(Complaint) -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw Complaint("\(path): \(String(cString: strerror(errno)))") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = fread(&buffer, 1, buffer.count, file)
        guard count > 0 else { break }
        bytes.append(contentsOf: buffer[0..<count])
    }
    guard ferror(file) == 0 else { throw Complaint("\(path): cannot be read") }
    return bytes
}

/// Writes a file, or to standard output if the path is `-`.
func save(_ bytes: [UInt8], to path: String) throws(Complaint) {
    if path == "-" {
        print(String(decoding: bytes, as: UTF8.self), terminator: "")
        return
    }
    guard let file = fopen(path, "wb") else { throw Complaint("\(path): \(String(cString: strerror(errno)))") }
    let written = bytes.withUnsafeBufferPointer { fwrite($0.baseAddress, 1, $0.count, file) }
    guard fclose(file) == 0, written == bytes.count else { throw Complaint("\(path): cannot be written") }
}

/// Says something that is not part of the result.
func remark(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    // Nobody is left to tell that this could not be said.
    _ = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
}
