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

    @Test(
        "tokens a cache gave or took, and reasoning, are parts of what they are counted in",
        arguments: [
            (
                #"{"prompt_tokens":90,"completion_tokens":30,"prompt_tokens_details":{"cached_tokens":40,"#
                    + #""cache_write_tokens":20},"completion_tokens_details":{"reasoning_tokens":12}}"#,
                Usage(
                    promptTokens: 90, completionTokens: 30, cachedPromptTokens: 40, cacheWrittenTokens: 20,
                    reasoningTokens: 12)
            ),
            (
                // The sum shows that reasoning was left out of the completion.
                #"{"prompt_tokens":9,"completion_tokens":3,"total_tokens":20,"completion_tokens_details":"#
                    + #"{"reasoning_tokens":8}}"#,
                Usage(promptTokens: 9, completionTokens: 11, reasoningTokens: 8)
            ),
            (
                #"{"prompt_tokens":10,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":8,"#
                    + #""cache_write_tokens":8},"completion_tokens_details":{"reasoning_tokens":7}}"#,
                Usage(
                    promptTokens: 10, completionTokens: 3, cachedPromptTokens: 8, cacheWrittenTokens: 2,
                    reasoningTokens: 3)
            ),
        ])
    func parts(usage: String, expected: Usage) throws {
        let text = Array(usage.utf8)
        let tape = JSONTape()
        try tape.scan(text.span)
        #expect(UsageReader.read(0, tape, text.span) == expected)
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
