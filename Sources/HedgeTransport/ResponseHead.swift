/// Collects the head of the final response from the lines libcurl hands over.
///
/// A response before it (1xx) is dropped, and so is what follows it (trailers). The size of everything that came is
/// bounded, dropped or not.
struct ResponseHead {
    enum Step: Equatable {
        /// There is more to come, or the head was complete before.
        case unfinished
        /// This line completed the head of the final response.
        case complete
        case tooLarge
        /// The first line is no status line.
        case malformed
    }

    private enum Expected {
        case statusLine, fields, nothing
    }

    /// Bytes of all heads of one transfer, interim ones included.
    static let limit = 256 * 1024

    private(set) var status = 0
    /// The header lines, each ended by CR LF; a folded line is joined to the one it continues.
    private(set) var lines: [UInt8] = []
    private var received = 0
    private var expected = Expected.statusLine

    /// Whether the head of the final response has been received.
    var isComplete: Bool { expected == .nothing }

    mutating func take(_ line: UnsafeRawBufferPointer) -> Step {
        received += line.count
        if received > Self.limit { return .tooLarge }
        let text = Self.trimmed(line)
        switch expected {
        case .statusLine:
            guard let status = Self.status(in: text) else { return .malformed }
            self.status = status
            expected = .fields
            // With the array's own header, a size that the C library keeps at hand (below 1 KiB).
            if lines.capacity == 0 { lines.reserveCapacity(960) }
            return .unfinished
        case .fields where text.isEmpty:
            let isInterim = (100..<200).contains(status)
            expected = isInterim ? .statusLine : .nothing
            if isInterim { lines.removeAll(keepingCapacity: true) }
            return isInterim ? .unfinished : .complete
        case .fields:
            append(text, as: line)
            return .unfinished
        case .nothing:
            return .unfinished
        }
    }

    /// Appends the text of a line, which came as `line`.
    private mutating func append(_ text: UnsafeRawBufferPointer, as line: UnsafeRawBufferPointer) {
        let isFolded = text.first == 0x20 || text.first == 0x09
        if isFolded && lines.count >= 2 { lines.removeLast(2) }
        // As nearly every line comes.
        if line.count == text.count + 2, line[text.count] == 0x0d {
            lines.append(contentsOf: line)
            return
        }
        lines.append(contentsOf: text)
        lines.append(0x0d)
        lines.append(0x0a)
    }

    /// The line without its end.
    private static func trimmed(_ line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var end = line.count
        while end > 0, line[end - 1] == 0x0a || line[end - 1] == 0x0d { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: line[..<end])
    }

    /// Whether a line begins with `HTTP/`.
    private static func hasProtocol(_ line: UnsafeRawBufferPointer) -> Bool {
        line.count >= 5 && line[0] == UInt8(ascii: "H") && line[1] == UInt8(ascii: "T")
            && line[2] == UInt8(ascii: "T") && line[3] == UInt8(ascii: "P") && line[4] == UInt8(ascii: "/")
    }

    /// The three digits after the first space of `HTTP/1.1 200 OK`.
    private static func status(in line: UnsafeRawBufferPointer) -> Int? {
        guard hasProtocol(line), let space = line.firstIndex(of: 0x20) else { return nil }
        let digits = line[(space + 1)...].drop { $0 == 0x20 }.prefix(3)
        guard digits.count == 3 else { return nil }
        var status = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            status = status * 10 + Int(digit - 0x30)
        }
        return status
    }
}
