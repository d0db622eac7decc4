import CCurl

/// Header lines in the form libcurl takes them, which it does not copy: they live as long as this object.
final class HeaderList {
    /// The first line, or nil for none.
    let head: UnsafeMutablePointer<curl_slist>?
    // The last line of this list, when another list is joined to it.
    private let joint: UnsafeMutablePointer<curl_slist>?
    private let rest: HeaderList?

    /// Copies `lines`, and goes on with those of `rest`. Nil when memory is short.
    init?(_ lines: [String], followedBy rest: HeaderList? = nil) {
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines {
            guard let longer = curl_slist_append(list, line) else {
                curl_slist_free_all(list)
                return nil
            }
            list = longer
        }
        var last = list
        while let next = last?.pointee.next { last = next }
        last?.pointee.next = rest?.head
        head = list ?? rest?.head
        joint = last
        self.rest = rest
    }

    deinit {
        // Nothing of its own to free: `head` belongs to `rest`.
        guard let joint else { return }
        joint.pointee.next = nil
        curl_slist_free_all(head)
    }

    /// What is wrong with a header line, or nil.
    ///
    /// A line break in a value would let whoever writes the value add headers, or a request; and the length and the
    /// coding of the body are the transport's to say.
    static func problem(in line: String) -> String? {
        guard let colon = line.utf8.firstIndex(of: 0x3a) else { return "a header line has no colon" }
        let name = line.utf8[..<colon]
        if name.isEmpty || !name.allSatisfy(isTokenCharacter) { return "a header line has no valid name" }
        if line.utf8.contains(where: { $0 == 0x0d || $0 == 0x0a || $0 == 0 }) {
            return "the header \(line[..<colon]) has a line break or a NUL in its value"
        }
        let lowercased = line[..<colon].lowercased()
        if lowercased == "content-length" || lowercased == "transfer-encoding" {
            return "the header \(line[..<colon]) is not for callers to set"
        }
        return nil
    }

    /// Whether a line is of the header `name` (lower case).
    static func isNamed(_ line: String, _ name: String) -> Bool {
        guard let colon = line.utf8.firstIndex(of: 0x3a) else { return false }
        return line[..<colon].lowercased() == name
    }

    /// RFC 9110 section 5.6.2.
    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
