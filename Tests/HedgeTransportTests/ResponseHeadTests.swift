import Testing

@testable import HedgeTransport

@Suite("Heads of responses")
struct ResponseHeadTests {
    private func take(_ lines: [String]) -> (ResponseHead, [ResponseHead.Step]) {
        var head = ResponseHead()
        let steps = lines.map { line in Array(line.utf8).withUnsafeBytes { head.take($0) } }
        return (head, steps)
    }

    @Test("Lines end with CR LF however they came, and folded lines are joined")
    func lineEnds() {
        let (head, steps) = take(["HTTP/1.1 200\n", "A: 1\n", "B: 2\r\n", "  and\r\n", "\tmore\n", "\n"])
        #expect(steps.last == .complete)
        #expect(head.status == 200)
        #expect(String(decoding: head.lines, as: UTF8.self) == "A: 1\r\nB: 2  and\tmore\r\n")
    }

    @Test(
        "The status is the number of the status line",
        arguments: [
            ("HTTP/1.1 200 OK", 200), ("HTTP/2 429 ", 429), ("HTTP/1.0  503 x", 503), ("HTTP/1.1 999", 999),
        ])
    func status(line: String, status: Int) {
        let (head, steps) = take([line + "\r\n", "\r\n"])
        #expect(steps == [.unfinished, .complete])
        #expect(head.status == status)
    }

    @Test("What is no status line is refused", arguments: ["", "HTTP/1.1", "HTTP/1.1 20", "HTTP/1.1 2x0 OK", "A: 1"])
    func malformed(line: String) {
        #expect(take([line + "\r\n"]).1 == [.malformed])
    }

    @Test("Nothing after the end of the head counts")
    func trailers() {
        let (head, steps) = take(["HTTP/1.1 200 OK\r\n", "A: 1\r\n", "\r\n", "B: 2\r\n", "\r\n"])
        #expect(steps == [.unfinished, .unfinished, .complete, .unfinished, .unfinished])
        #expect(String(decoding: head.lines, as: UTF8.self) == "A: 1\r\n")
    }
}
