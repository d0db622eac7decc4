import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

/// What servers do with the framing of events, each way seen in the field.
@Suite struct EventStreamQuirkTests {
    static let expected: [Seen] = [
        .chunk(chunk(roleDelta), output: false),
        .chunk(chunk(#"{"content":"a"}"#), output: true),
        .chunk(chunk("{}", finish: #""stop""#), output: false),
        .completed,
    ]

    static let lines = [chunk(roleDelta), chunk(#"{"content":"a"}"#), chunk("{}", finish: #""stop""#), "[DONE]"]

    static func body(_ field: String, _ end: String) -> String { lines.map { "\(field)\($0)\(end)" }.joined() }

    @Test(
        "however lines end and fields are spaced, the events are the same",
        arguments: [
            ("data: ", "\n\n"), ("data: ", "\r\n\r\n"), ("data: ", "\r\r"), ("data:", "\n\n"), ("data:", "\r\n\r\n"),
            ("data: ", "\n\r\n"), ("data: ", "\r\n\n"), ("data: ", "\n\n\n\n"), ("data:  ", "  \n\n"),
            ("id: 4\ndata: ", "\nretry: 5\n\n"), ("event: message\ndata: ", "\n\n"), ("unknown: x\ndata: ", "\nx\n\n"),
        ])
    func framing(field: String, end: String) throws {
        #expect(try Response().decode(Self.body(field, end)) == Self.expected)
    }

    @Test("comments are neither events nor the end of the stream, and never reach the caller")
    func comments() throws {
        let comment = ": OPENROUTER PROCESSING\n\n"
        let body = comment + Self.lines.map { ":\n\(comment)data: \($0)\n: keep-alive\n\n" }.joined() + comment
        #expect(try Response().decode(body) == Self.expected)
    }

    @Test("events without data are no events")
    func emptyEvents() throws {
        let empty = "data:\n\n" + "data\n\n" + "event: ping\n\n" + "data: \n\n"
        #expect(try Response().decode(empty + Self.lines.map { "data: \($0)\n\n\(empty)" }.joined()) == Self.expected)
    }

    @Test("a byte order mark at the start is skipped")
    func byteOrderMark() throws {
        #expect(try Response().decode("\u{FEFF}" + Self.body("data: ", "\n\n")) == Self.expected)
    }

    @Test("U+2028, U+2029 and U+0085 end no line")
    func unicodeLineEnds() throws {
        let delta = "{\"content\":\"a\u{2028}b\u{2029}c\u{85}d\"}"
        let seen = try Response().decode(event(roleDelta) + event(delta) + done)
        #expect(seen[1] == .chunk(chunk(delta), output: true))
    }

    @Test("data on several lines is one JSON text, given on one line")
    func severalLines() throws {
        let split = chunk(#"{"content":"a"}"#).replacing(",\"created\"", with: "\ndata: ,\"created\"")
        let seen = try Response().decode(event(roleDelta) + "data: \(split)\n\n" + done)
        #expect(seen[1] == .chunk(split.replacing("\ndata: ", with: " "), output: true))
    }

    @Test("a line break inside a string of data on several lines is no JSON")
    func brokenString() throws {
        let seen = try Response().decode(event(roleDelta) + "data: {\"id\":\"x\ndata: y\",\ndata: oops}\n\n")
        #expect(seen.last?.failure?.kind == .malformed)
    }

    @Test("an event that the end of the body leaves open counts if it is complete", arguments: ["", "\n", "\r\n"])
    func unterminated(end: String) throws {
        let body = event(roleDelta) + event(#"{"content":"a"}"#) + "data: " + chunk("{}", finish: #""stop""#) + end
        #expect(try Response().decode(body) == Self.expected)
        let unterminatedDone =
            event(roleDelta) + event(#"{"content":"a"}"#) + event("{}", finish: #""stop""#) + "data: [DONE]"
        #expect(try Response().decode(unterminatedDone + end) == Self.expected)
    }

    @Test("an event cut in the middle of its JSON is a truncated answer")
    func cutEvent() throws {
        let body = event(roleDelta) + event(#"{"content":"a"}"#) + "data: {\"id\":\"c1\",\"choi"
        let seen = try Response().decode(body)
        #expect(Array(seen.dropLast()) == Array(Self.expected.prefix(2)))
        #expect(seen.last?.failure?.kind == .truncated)
    }

    @Test("characters of several bytes survive any cut")
    func utf8() throws {
        let delta = #"{"content":"zß水🍌\u00e9"}"#
        #expect(try Response().decode(event(roleDelta) + event(delta) + done)[1] == .chunk(chunk(delta), output: true))
    }

    @Test("invalid UTF-8 in an event fails the answer and is not passed on")
    func invalidUTF8() throws {
        var bytes = Array(event(#"{"content":"aXb"}"#).utf8)
        bytes[bytes.firstIndex(of: UInt8(ascii: "X"))!] = 0xFF
        let seen = try Response().decode([Array(event(roleDelta).utf8), bytes])
        #expect(seen.count == 2 && seen.last?.failure?.kind == .malformed)
    }

    @Test("nothing after the terminal counts")
    func afterDone() throws {
        let body = Self.body("data: ", "\n\n") + #"data: {"error":{"message":"late"}}"# + "\n\n" + event("{}")
        #expect(try Response().decode(body) == Self.expected)
    }

    @Test(
        "[DONE] is known with white space around it and text after it", arguments: ["[DONE]", "  [DONE] ", "[DONE]x"])
    func doneSpelling(text: String) throws {
        let body = event(roleDelta) + event(#"{"content":"a"}"#) + event("{}", finish: #""stop""#) + "data: \(text)\n\n"
        #expect(try Response().decode(body) == Self.expected)
    }

    @Test("a line without end is refused at 16 MiB, in memory bounded by that")
    func endlessLine() throws {
        let decoder = BodyDecoder(
            OpenAIReader(endpoint: Endpoint(model: "m", baseURL: ""), isStream: true, wantsUsage: false))
        decoder.begin(ResponseHead(status: 200))
        var output = DecodedOutput()
        decoder.decode(Array("data: \"".utf8).span, into: &output)
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        for _ in 0..<15 { decoder.decode(piece.span, into: &output) }
        #expect(output.events.isEmpty)
        for _ in 0..<2 { decoder.decode(piece.span, into: &output) }
        guard case .failed(let failure) = output.events.first else { return #expect(Bool(false), "no failure") }
        #expect(failure.kind == .malformed && output.events.count == 1)
    }

    @Test("many short data lines of one event are bounded as well")
    func endlessEvent() throws {
        let decoder = BodyDecoder(
            OpenAIReader(endpoint: Endpoint(model: "m", baseURL: ""), isStream: true, wantsUsage: false))
        decoder.begin(ResponseHead(status: 200))
        var output = DecodedOutput()
        let piece = Array(String(repeating: "data: " + String(repeating: "x", count: 1018) + "\n", count: 1024).utf8)
        for _ in 0..<18 where output.events.isEmpty { decoder.decode(piece.span, into: &output) }
        guard case .failed(let failure) = output.events.first else { return #expect(Bool(false), "no failure") }
        #expect(failure.kind == .malformed)
    }
}

extension String {
    /// The text with every occurrence of `part` replaced.
    func replacing(_ part: String, with other: String) -> String {
        var result = ""
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix(part) {
                result += other
                rest = rest.dropFirst(part.count)
            } else {
                result.append(rest.removeFirst())
            }
        }
        return result
    }
}
