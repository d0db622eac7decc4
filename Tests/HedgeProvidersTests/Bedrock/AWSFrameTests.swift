import HedgeJSON
import Testing

@testable import HedgeProviders

/// Builds frames, right ones and wrong ones.
enum TestFrame {
    static func bytes(_ value: Int, _ count: Int) -> [UInt8] {
        stride(from: 8 * (count - 1), through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    static func header(_ name: String, _ type: UInt8 = 7, _ value: [UInt8]) -> [UInt8] {
        let length = type == 6 || type == 7 ? bytes(value.count, 2) : []
        return bytes(name.utf8.count, 1) + Array(name.utf8) + [type] + length + value
    }

    static func header(_ name: String, _ value: String) -> [UInt8] { header(name, 7, Array(value.utf8)) }

    static func frame(headers: [UInt8], payload: [UInt8] = []) -> [UInt8] {
        var frame = bytes(headers.count + payload.count + 16, 4) + bytes(headers.count, 4)
        frame += bytes(Int(CRC32.checksum(frame.span)), 4)
        frame += headers + payload
        return frame + bytes(Int(CRC32.checksum(frame.span)), 4)
    }

    static func event(_ type: String, _ payload: String) -> [UInt8] {
        frame(
            headers: header(":event-type", type) + header(":content-type", "application/json")
                + header(":message-type", "event"), payload: Array(payload.utf8))
    }

    static func exception(_ type: String, _ payload: String) -> [UInt8] {
        frame(
            headers: header(":exception-type", type) + header(":content-type", "application/json")
                + header(":message-type", "exception"), payload: Array(payload.utf8))
    }

    /// Bytes written as hexadecimal digits.
    static func hex(_ digits: String) -> [UInt8] {
        let digits = Array(digits.utf8).map { $0 < 58 ? $0 - 48 : $0 - 87 }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}

/// A message in a form that tests compare.
struct SeenMessage: Equatable {
    var kind: AWSMessage.Kind
    var type: String
    var payload: String
}

@Suite("AWS event stream")
struct AWSFrameTests {
    private static let delta = TestFrame.hex(
        "0000009d00000057b9bbf89f0b3a6576656e742d74797065070011636f6e74656e74426c6f636b44656c74610d3a636f6e74656e742d747970"
            + "650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b22636f6e74656e74426c6f63"
            + "6b496e646578223a302c2264656c7461223a7b2274657874223a224869227d2c2270223a226162227d8b38b268")
    private static let throttling = TestFrame.hex(
        "0000008800000061de0175f40f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a636f6e7465"
            + "6e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070009657863657074696f6e7b226d"
            + "657373616765223a22736c6f7720646f776e227d832ee072")

    /// Reads pieces; what is malformed ends it.
    private func read(_ pieces: [[UInt8]]) -> (messages: [SeenMessage], problem: String?, isAtBoundary: Bool) {
        var parser = AWSFrameParser()
        var seen: [SeenMessage] = []
        func note(_ message: AWSMessage, _ frame: Span<UInt8>) {
            seen.append(
                SeenMessage(
                    kind: message.kind, type: frame.text(message.type), payload: frame.text(message.payload)))
        }
        for piece in pieces {
            var position = 0
            reading: while true {
                switch parser.next(piece.span, &position) {
                case .needMore: break reading
                case .malformed(let problem): return (seen, "\(problem)", parser.isAtBoundary)
                case .message(let message, .input(let range)): note(message, piece.span.extracting(range))
                case .message(let message, .stored): note(message, parser.frame.span)
                }
            }
            #expect(position == piece.count)
        }
        return (seen, nil, parser.isAtBoundary)
    }

    private static let delivered = [
        SeenMessage(
            kind: .event, type: "contentBlockDelta",
            payload: #"{"contentBlockIndex":0,"delta":{"text":"Hi"},"p":"ab"}"#),
        SeenMessage(kind: .exception, type: "throttlingException", payload: #"{"message":"slow down"}"#),
    ]

    @Test("an event and an exception, cut anywhere")
    func everyCut() {
        let bytes = Self.delta + Self.throttling
        for cut in 0...bytes.count {
            let result = read([Array(bytes[..<cut]), Array(bytes[cut...])])
            #expect(result.messages == Self.delivered)
            #expect(result.problem == nil)
            #expect(result.isAtBoundary)
        }
        #expect(read(bytes.map { [$0] }).messages == Self.delivered)
    }

    @Test("a body that ends inside a frame is known to")
    func cutShort() {
        for cut in 1..<Self.delta.count { #expect(!read([Array(Self.delta[..<cut])]).isAtBoundary) }
    }

    @Test("one wrong bit anywhere is found")
    func flippedBits() {
        for place in Self.delta.indices {
            var bytes = Self.delta
            bytes[place] ^= 0x10
            let result = read([bytes])
            // A longer length that passes its checksum cannot be; the checksum covers all three words.
            #expect(result.problem != nil)
            #expect(result.messages.isEmpty)
        }
    }

    @Test("headers of all types are passed over")
    func headerTypes() {
        let headers =
            TestFrame.header("a", 0, []) + TestFrame.header("b", 1, []) + TestFrame.header("c", 2, [1])
            + TestFrame.header("d", 3, [1, 2]) + TestFrame.header("e", 4, [1, 2, 3, 4])
            + TestFrame.header("f", 5, Array(1...8)) + TestFrame.header("g", 6, [9, 9])
            + TestFrame.header("h", 7, []) + TestFrame.header("i", 8, Array(1...8))
            + TestFrame.header("j", 9, Array(1...16)) + TestFrame.header(":message-type", "error")
            + TestFrame.header(":error-code", "Busy") + TestFrame.header(":error-message", "later")
        let expected = SeenMessage(kind: .error, type: "Busy", payload: "")
        #expect(read([TestFrame.frame(headers: headers)]).messages == [expected])
    }

    @Test("a header of another type does not name the message")
    func headerOfAnotherType() {
        let headers = TestFrame.header(":message-type", 6, Array("event".utf8))
        let expected = SeenMessage(kind: .other, type: "", payload: "")
        #expect(read([TestFrame.frame(headers: headers)]).messages == [expected])
    }

    @Test(
        "malformed headers are refused",
        arguments: [
            TestFrame.header("a", 10, []), TestFrame.header("a", 255, []), TestFrame.header("", 0, []), [5, 97],
            [1, 97], TestFrame.bytes(1, 1) + [97, 7, 0], TestFrame.bytes(1, 1) + [97, 7, 0, 5, 1],
            TestFrame.bytes(1, 1) + [97, 5, 1, 2], TestFrame.header("a", 0, []) + TestFrame.header("a", 1, []),
            (0..<65).flatMap { TestFrame.header("name\($0)", 0, []) },
        ] as [[UInt8]])
    func malformedHeaders(headers: [UInt8]) {
        let result = read([TestFrame.frame(headers: headers)])
        #expect(result.problem != nil)
        #expect(result.messages.isEmpty)
    }

    @Test(
        "absurd lengths are refused at the prelude",
        arguments: [
            (0, 0), (15, 0), (16, 1), (0xffff_ffff, 0), (24 << 20 + 17, 0), (1 << 20, 128 << 10 + 1),
            (0xffff_ffff, 0xffff_ffff), (100, 85),
        ])
    func absurdLengths(total: Int, headers: Int) {
        var prelude = TestFrame.bytes(total, 4) + TestFrame.bytes(headers, 4)
        prelude += TestFrame.bytes(Int(CRC32.checksum(prelude.span)), 4)
        #expect(read([prelude]).problem != nil)
        #expect(read(prelude.map { [$0] }).problem != nil)
    }

    @Test("a frame of a megabyte is read, also when it comes in small pieces")
    func long() {
        let payload = [UInt8](repeating: 32, count: 1 << 20)
        let frame = TestFrame.frame(headers: TestFrame.header(":message-type", "event"), payload: payload)
        let pieces = stride(from: 0, to: frame.count, by: 16_384).map {
            Array(frame[$0..<min($0 + 16_384, frame.count)])
        }
        #expect(read(pieces).messages.first?.payload.utf8.count == payload.count)
    }

    @Test("an empty frame is a message without a kind")
    func emptyFrame() {
        #expect(read([TestFrame.frame(headers: [])]).messages == [SeenMessage(kind: .other, type: "", payload: "")])
    }

    @Test("200 streams of all kinds are read as botocore reads them, whole, in two pieces and byte by byte")
    func botocore() throws {
        let file = try TestFile.read("Tests/aws/frames.json")
        let cases = try JSONDocument.parse(file.span).root
        #expect(cases.count == 200)
        for (number, entry) in cases.elements.enumerated() {
            let stream = try #require(entry["stream"]?.string.flatMap { Base64.decode($0) })
            let expected = try #require(entry["messages"]).elements.map { message in
                let payload = try #require(message["payload"]?.string.flatMap { Base64.decode($0) })
                return SeenMessage(
                    kind: kinds[message["kind"]?.string ?? ""] ?? .other, type: message["type"]?.string ?? "",
                    payload: payload.span.text(0..<payload.count))
            }
            let middle = stream.count * (number % 10) / 10
            for pieces in [[stream], [Array(stream[..<middle]), Array(stream[middle...])], stream.map { [$0] }] {
                let result = read(pieces)
                #expect(result.messages == expected, "stream \(number)")
                #expect((result.problem != nil) == (entry["problem"]?.string != nil), "stream \(number)")
                if result.problem == nil { #expect(result.isAtBoundary == (entry["rest"]?.integer == 0)) }
            }
        }
    }

    private let kinds: [String: AWSMessage.Kind] = ["event": .event, "exception": .exception, "error": .error]
}
