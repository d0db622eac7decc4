import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

/// What every decoder does with the body of a response, whatever its format.
@Suite("Bodies in every format") struct AnswerBodyTests {
    /// A decoder, and an answer of each kind to it.
    struct Format: Sendable, CustomTestStringConvertible {
        var name: String
        var provider: String
        var endpoint = Operation.chat
        var prompt = #""messages":[{"role":"user","content":"q"}]"#
        /// A stream up to its terminal; empty where there are none.
        var stream: [UInt8]
        /// A whole answer.
        var answer: String
        var testDescription: String { name }
    }

    static let formats: [Format] = {
        let chat = WholeAnswerTests.answer(WholeAnswerTests.message)
        let chunks = event(roleDelta) + event(#"{"content":"a"}"#) + event("{}", finish: #""stop""#) + done
        let anthropic =
            #"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","#
            + #""text":"a"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}"#
        let messages =
            #"data: {"type":"message_start","message":{"id":"msg_1","model":"m"}}"# + "\n\n"
            + #"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"# + "\n\n"
            + #"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"# + "\n\n"
            + #"data: {"type":"message_stop"}"# + "\n\n"
        let gemini = #"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP","index":0}]}"#
        let cohere = #"{"id":"c","finish_reason":"COMPLETE","message":{"content":[{"type":"text","text":"a"}]}}"#
        let cohereStream = [
            #"{"type":"message-start","id":"c"}"#,
            #"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"a"}}}}"#,
            #"{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}"#,
        ].map { "data: \($0)\n\n" }.joined()
        let bedrock = #"{"output":{"message":{"role":"assistant","content":[{"text":"a"}]}},"stopReason":"end_turn"}"#
        let frames =
            TestFrame.event("contentBlockDelta", #"{"contentBlockIndex":0,"delta":{"text":"a"}}"#)
            + TestFrame.event("messageStop", #"{"stopReason":"end_turn"}"#) + TestFrame.event("metadata", "{}")
        let response = #"{"id":"r","object":"response","output":[{"type":"message"}]}"#
        let responses =
            #"data: {"type":"response.output_text.delta","delta":"a"}"# + "\n\n"
            + #"data: {"type":"response.completed","response":{"id":"r"}}"# + "\n\n"
        let vectors = #"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1]}],"model":"m"}"#
        func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }
        var all = ["openai", "azure", "mistral", "groq"].map {
            Format(name: $0, provider: $0, stream: utf8(chunks), answer: chat)
        }
        all += [
            Format(name: "anthropic", provider: "anthropic", stream: utf8(messages), answer: anthropic),
            Format(name: "gemini", provider: "gemini", stream: utf8("data: \(gemini)\r\n\r\n"), answer: gemini),
            Format(name: "vertex_ai", provider: "vertex_ai", stream: utf8("data: \(gemini)\n\n"), answer: gemini),
            Format(name: "cohere", provider: "cohere", stream: utf8(cohereStream), answer: cohere),
            Format(name: "bedrock", provider: "bedrock", stream: frames, answer: bedrock),
            Format(
                name: "responses", provider: "openai", endpoint: .responses, prompt: #""input":"q""#,
                stream: utf8(responses), answer: response),
            Format(
                name: "messages", provider: "anthropic", endpoint: .messages, stream: utf8(messages),
                answer: anthropic),
            Format(
                name: "embeddings", provider: "openai", endpoint: .embeddings, prompt: #""input":"q""#, stream: [],
                answer: vectors),
        ]
        return all
    }()

    /// A response as the decoder of a format reads it.
    private func decode(
        _ format: Format, _ pieces: [[UInt8]], isStream: Bool, status: Int = 200, headers: String = "",
        ends: Bool = true
    ) throws -> [Seen] {
        let provider = try #require(Providers.named(format.provider))
        let text = Array(#"{"model":"m","stream":\#(isStream),\#(format.prompt)}"#.utf8)
        let request = try ChatRequest(parsing: text.span, operation: format.endpoint)
        let decoder = provider.makeDecoder(for: request, endpoint: Endpoint(model: "served", baseURL: ""))
        (decoder as? any SeededDecoder)?.seed = 1
        decoder.begin(ResponseHead(status: status, rawHeaders: Array(headers.utf8)))
        var output = DecodedOutput()
        for piece in pieces { decoder.decode(piece.span, into: &output) }
        if ends { decoder.end(into: &output) }
        return Response.seen(output)
    }

    /// The same cut at any place and byte by byte.
    private func decodeAnyhow(
        _ format: Format, _ body: [UInt8], isStream: Bool, status: Int = 200, headers: String = ""
    ) throws -> [Seen] {
        let whole = try decode(format, [body], isStream: isStream, status: status, headers: headers)
        for cut in body.indices {
            let halves = [Array(body[..<cut]), Array(body[cut...])]
            let parts = try decode(format, halves, isStream: isStream, status: status, headers: headers)
            if parts != whole { Issue.record("cut at \(cut): \(parts), whole: \(whole)") }
        }
        let bytes = try decode(format, body.map { [$0] }, isStream: isStream, status: status, headers: headers)
        #expect(bytes == whole, "byte by byte")
        return whole
    }

    private func failure(_ seen: [Seen]) throws -> ProviderFailure {
        #expect(seen.count == 1, "\(seen)")
        return try #require(seen.last?.failure)
    }

    @Test("a stream is read alike however it is cut", arguments: formats.filter { !$0.stream.isEmpty })
    func stream(format: Format) throws {
        let seen = try decodeAnyhow(format, format.stream, isStream: true)
        #expect(seen.last == .completed && seen.contains { if case .chunk(_, true) = $0 { true } else { false } })
        #expect(!seen.contains { $0.failure != nil })
    }

    @Test("a stream cut short anywhere is no success, and what it gave is a beginning of the whole", arguments: formats)
    func truncatedStream(format: Format) throws {
        let whole = try format.stream.isEmpty ? [] : decode(format, [format.stream], isStream: true)
        // Some servers leave out what comes after the last event that counts.
        let last = whole.count
        for end in format.stream.indices {
            let seen = try decode(format, [Array(format.stream[..<end])], isStream: true)
            if seen.last == .completed {
                #expect(seen.count == last, "\(end)")
            } else {
                #expect(seen.last?.failure?.kind == .truncated, "\(end): \(seen)")
            }
            let broken = try decode(format, [Array(format.stream[..<end])], isStream: true, ends: false)
            #expect(whole.starts(with: broken), "\(end)")
        }
    }

    @Test("a whole answer is read alike however it is cut, white space before it included", arguments: formats)
    func wholeAnswer(format: Format) throws {
        for isStream in [false, true] {
            for blank in ["", "\r\n \n"] {
                let seen = try decodeAnyhow(format, Array((blank + format.answer).utf8), isStream: isStream)
                #expect(seen.last == .completed && seen.contains { $0.chunk != nil }, "\(seen)")
            }
        }
    }

    @Test("a whole answer cut short anywhere is truncated", arguments: formats)
    func truncatedAnswer(format: Format) throws {
        let body = Array(format.answer.utf8)
        for end in body.indices {
            let seen = try decode(format, [Array(body[..<end])], isStream: false)
            #expect(try failure(seen).kind == .truncated, "\(end): \(seen)")
        }
    }

    @Test("an error answer has its class however it is cut, streaming or not", arguments: formats)
    func errorAnswer(format: Format) throws {
        let bodies: [(Int, String, FailureKind)] = [
            (429, #"{"error":{"message":"m","type":"rate_limit_error","code":"rate_limit_exceeded"}}"#, .rateLimit),
            (503, "<html>Service Unavailable</html>", .overloaded), (500, "", .server), (401, "{", .authentication),
        ]
        for (status, body, kind) in bodies {
            for isStream in [false, true] {
                let seen = try decodeAnyhow(
                    format, Array(body.utf8), isStream: isStream, status: status, headers: "Retry-After: 7\r\n")
                let failure = try failure(seen)
                #expect(failure.kind == kind && failure.httpStatus == status, "\(failure)")
                #expect(failure.retryAfter == .seconds(7) || status != 429, "\(failure)")
            }
        }
    }

    @Test("what is no answer ends in a clear error", arguments: formats)
    func noAnswer(format: Format) throws {
        for isStream in [false, true] {
            #expect(try failure(decode(format, [], isStream: isStream)).kind == .truncated)
            #expect(try failure(decode(format, [Array("\n\n".utf8)], isStream: isStream)).kind == .truncated)
            for body in ["{}", "[]", "{\"a\":", "{]", "{}{}"] {
                let failure = try failure(decodeAnyhow(format, Array(body.utf8), isStream: isStream))
                #expect([.malformed, .truncated].contains(failure.kind), "\(body): \(failure)")
                #expect(failure.detail != nil, "\(body)")
            }
            let redirect = try failure(decode(format, [Array("moved".utf8)], isStream: isStream, status: 302))
            #expect(redirect.kind == .malformed && redirect.detail == "the answer has the unexpected status 302")
        }
    }

    @Test("a compressed answer is told at its first byte, by header or by content", arguments: formats)
    func compressed(format: Format) throws {
        for isStream in [false, true] {
            for (body, headers) in [([0x1F, 0x8B] as [UInt8], ""), (Array("data".utf8), "Content-Encoding: br\r\n")] {
                let failure = try failure(decodeAnyhow(format, body, isStream: isStream, headers: headers))
                #expect(failure.kind == .malformed && failure.detail?.contains("compressed") == true, "\(failure)")
            }
        }
    }

    @Test(
        "of an error answer a mebibyte is kept, of an answer 64",
        arguments: formats.filter { ["openai", "anthropic", "bedrock", "responses"].contains($0.name) })
    func limits(format: Format) throws {
        let piece = [UInt8](repeating: UInt8(ascii: " "), count: 1 << 20)
        let error = [Array(#"{"error":{"code":"rate_limit_exceeded"}}"#.utf8)] + Array(repeating: piece, count: 3)
        #expect(try failure(decode(format, error, isStream: true, status: 429)).kind == .rateLimit)
        let endless = [Array("{".utf8)] + Array(repeating: piece, count: 64)
        let failure = try failure(decode(format, endless, isStream: false, ends: false))
        #expect(failure.kind == .malformed && failure.detail?.contains("64 MiB") == true)
    }
}
