import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

@Suite struct OpenAIStreamTests {
    @Test("chunks that are right pass byte for byte; the finish waits for the terminal")
    func golden() throws {
        let body =
            event(roleDelta) + event(#"{"content":"né"}"#) + event(#"{"content":" 😀\n\u00e9"}"#)
            + event("{}", finish: #""stop""#) + done
        #expect(
            try Response().decode(body) == [
                .chunk(chunk(roleDelta), output: false),
                .chunk(chunk(#"{"content":"né"}"#), output: true),
                .chunk(chunk(#"{"content":" 😀\n\u00e9"}"#), output: true),
                .chunk(chunk("{}", finish: #""stop""#), output: false),
                .completed,
            ])
    }

    @Test("usage reaches the caller only when asked for, and the router always", arguments: [true, false])
    func usage(wanted: Bool) throws {
        let usage =
            #"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[],"#
            + #""usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}"#
        let body =
            event(roleDelta, rest: #","usage":null"#) + event(#"{"content":"a"}"#)
            + event("{}", finish: #""stop""#) + "data: \(usage)\n\n" + done
        let seen = try Response(wantsUsage: wanted).decode(body)
        let expected: [Seen] = [
            .chunk(chunk(roleDelta, rest: #","usage":null"#), output: false),
            .chunk(chunk(#"{"content":"a"}"#), output: true),
            .usage(9, 4),
            .chunk(chunk("{}", finish: #""stop""#), output: false),
        ]
        #expect(seen == expected + (wanted ? [.chunk(usage, output: false)] : []) + [.completed])
    }

    @Test("a chunk with text and finish reason is given as text, then as finish")
    func textWithFinish() throws {
        let seen = try Response().decode(event(roleDelta) + event(#"{"content":"last"}"#, finish: #""length""#) + done)
        #expect(
            seen == [
                .chunk(chunk(roleDelta), output: false),
                .chunk(chunk(#"{"content":"last"}"#), output: true),
                .chunk(chunk("{}", finish: #""length""#), output: false),
                .completed,
            ])
    }
}
