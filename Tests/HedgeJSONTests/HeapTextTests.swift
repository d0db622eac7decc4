import Glibc
import HedgeJSON
import Testing

@Suite struct HeapTextTests {
    @Test("grows over any number of pieces and keeps them all")
    func growth() {
        var text = HeapText(capacity: 0)
        var expected = ""
        for index in 0..<5000 as Range<UInt64> {
            let piece = "line \(index) " + String(repeating: "x", count: Int(index % 37))
            text.append(Array(piece.utf8))
            text.append(index &* 0x1234_5678_9ABC)
            text.append(UInt8(ascii: "\n"))
            expected += piece + String(index &* 0x1234_5678_9ABC) + "\n"
        }
        #expect(text.count == expected.utf8.count)
        #expect(text.withBytes { String(decoding: $0, as: UTF8.self) } == expected)
    }

    @Test(
        "writes every digit of a number",
        arguments: [0, 9, 10, 11, 99, 100, 12_345, 9_999_999_999, 10_000_000_000_000_000_000, .max] as [UInt64])
    func digits(value: UInt64) {
        var text = HeapText(capacity: 1)
        text.append(value)
        #expect(text.withBytes { String(decoding: $0, as: UTF8.self) } == String(value))
    }

    @Test("gives its memory away with a NUL at the end")
    func take() throws {
        var text = HeapText(capacity: 16)
        text.append(Array("twelve bytes".utf8))
        let taken = text.take()
        let memory = try #require(taken)
        defer { free(memory) }
        #expect(String(cString: memory) == "twelve bytes")
    }
}
