import HedgeJSON

/// Header lines as received, looked up by name.
struct HeaderLines {
    private let lines: [UInt8]

    /// Lines of `Name: value`, each ended by CR LF.
    init(_ lines: [UInt8]) {
        self.lines = lines
    }

    /// The value of the last line of that name (lower case), without white space around it.
    func value(_ name: StaticString) -> String? {
        var found: String?
        var start = 0
        let text = lines.span
        while start < text.count {
            let end = text.firstIndex(of: UInt8(ascii: "\n"), from: start) ?? text.count
            if let value = value(of: start..<end, name, text) { found = value }
            start = end + 1
        }
        return found
    }

    private func value(of line: Range<Int>, _ name: StaticString, _ text: Span<UInt8>) -> String? {
        let colon = line.lowerBound + name.utf8CodeUnitCount
        guard colon < line.upperBound, text[colon] == UInt8(ascii: ":") else { return nil }
        var key: [UInt8] = []
        for position in line.lowerBound..<colon {
            let byte = text[position]
            key.append(byte >= 65 && byte <= 90 ? byte | 0x20 : byte)
        }
        guard key.span.hasPrefix(name) else { return nil }
        var value = (colon + 1)..<line.upperBound
        while !value.isEmpty, isSpace(text[value.lowerBound]) { value = (value.lowerBound + 1)..<value.upperBound }
        while !value.isEmpty, isSpace(text[value.upperBound - 1]) { value = value.lowerBound..<(value.upperBound - 1) }
        return text.text(value)
    }

    private func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0D
    }
}
