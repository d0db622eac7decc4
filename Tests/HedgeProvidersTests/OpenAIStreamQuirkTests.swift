import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

/// What OpenAI-compatible providers do with chunks, each way seen in the field.
@Suite struct OpenAIStreamQuirkTests {
    // MARK: Ends

    @Test(
        "a clean end without any event is a truncated answer, not an empty success",
        arguments: ["", "\n\n", ": hi\n\n"])
    func noEvents(body: String) throws {
        let seen = try Response().decode(body)
        #expect(seen.count == 1 && seen[0].failure?.kind == .truncated)
    }

    @Test("a terminal without any chunk is no answer")
    func onlyDone() throws {
        let seen = try Response().decode(done)
        #expect(seen.count == 1 && seen[0].failure?.kind == .malformed)
    }

    @Test("an answer of zero tokens with its terminal is complete", arguments: [true, false])
    func zeroTokens(hasFinish: Bool) throws {
        let body = event(roleDelta) + (hasFinish ? event("{}", finish: #""stop""#) : done)
        #expect(
            try Response().decode(body) == [
                .chunk(chunk(roleDelta), output: false), .chunk(chunk("{}", finish: #""stop""#), output: false),
                .completed,
            ])
    }

    @Test("a clean end after the finish of every choice needs no [DONE]")
    func noDone() throws {
        let body = event(roleDelta) + event(#"{"content":"a"}"#) + event("{}", finish: #""length""#)
        #expect(try Response().decode(body).last == .completed)
    }

    @Test("a clean end while a choice is open is truncated, and tells so after what was delivered")
    func openChoice() throws {
        let body =
            event(roleDelta) + event(roleDelta, index: 1) + event(#"{"content":"a"}"#) + event("{}", finish: #""stop""#)
        let seen = try Response().decode(body)
        #expect(seen.count == 4 && seen.last?.failure?.kind == .truncated)
        #expect(seen.last?.failure?.httpStatus == 200 && seen.last?.failure?.detail != nil)
    }

    @Test("without a finish reason the terminal gives one, so that no end is invisible")
    func missingFinish() throws {
        let seen = try Response().decode(event(roleDelta) + event(#"{"content":"a"}"#) + done)
        #expect(seen.suffix(2) == [.chunk(chunk("{}", finish: #""stop""#), output: false), .completed])
    }

    @Test("a usage-only last chunk is no cut stream")
    func usageOnlyLast() throws {
        let body =
            event(roleDelta) + event(#"{"content":"a"}"#) + event("{}", finish: #""stop""#)
            + #"data: {"id":"c1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"# + "\n\n"
        #expect(try Response().decode(body).suffix(3).first == .usage(1, 2))
        #expect(try Response().decode(body).last == .completed)
    }

    @Test("length survives as the reason", arguments: ["length", "content_filter", "function_call"])
    func reasonSurvives(reason: String) throws {
        let seen = try Response().decode(event(roleDelta) + event("{}", finish: "\"\(reason)\"") + done)
        #expect(seen[1].chunk == chunk("{}", finish: "\"\(reason)\""))
    }

    @Test("a repeated finish chunk is given once, the first one")
    func repeatedFinish() throws {
        let body =
            event(roleDelta) + event(#"{"content":"a"}"#) + event("{}", finish: #""stop""#)
            + event(#"{"content":""}"#, finish: #""length""#) + done
        #expect(try Response().decode(body) == EventStreamQuirkTests.expected)
    }

    @Test("text after the finish is given before it")
    func textAfterFinish() throws {
        let body =
            event(roleDelta) + event("{}", finish: #""stop""#) + event(#"{"content":"a"}"#, finish: #""stop""#) + done
        #expect(try Response().decode(body) == EventStreamQuirkTests.expected)
    }

    @Test("an empty finish reason on every chunk means null")
    func emptyFinish() throws {
        let body =
            event(roleDelta, finish: "\"\"") + event(#"{"content":"a"}"#, finish: "\"\"")
            + event("{}", finish: #""stop""#) + done
        #expect(try Response().decode(body) == EventStreamQuirkTests.expected)
    }

    @Test(
        "other words for a reason become OpenAI's",
        arguments: [
            ("eos", "stop"), ("eos_token", "stop"), ("model_length", "length"), ("end_turn", "stop"),
            ("max_tokens", "length"), ("tool_use", "stop"), ("tool_calls", "stop"), ("something_new", "something_new"),
        ])
    func otherWords(reason: String, expected: String) throws {
        let seen = try Response().decode(event(roleDelta) + event("{}", finish: "\"\(reason)\""))
        #expect(seen[1].chunk == chunk("{}", finish: "\"\(expected)\""))
    }

    @Test("a missing finish_reason key is added")
    func missingKey() throws {
        let bare =
            #"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":"#
        let seen = try Response().decode("data: \(bare)\(roleDelta)}]}\n\n" + done)
        #expect(seen[0].chunk == bare + roleDelta + #","finish_reason":null}]}"#)
    }

    @Test("every choice of several gets its own finish, once")
    func severalChoices() throws {
        let both =
            #"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":["#
            + #"{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":"stop"},"#
            + #"{"index":1,"delta":{"role":"assistant","content":"b"},"finish_reason":null}]}"#
        let body =
            "data: \(both)\n\n" + event(#"{"content":"c"}"#, index: 1) + event("{}", finish: #""stop""#, index: 1)
        let seen = try Response().decode(body + done)
        #expect(
            seen == [
                .chunk(both.replacing("\"stop\"", with: "null"), output: true),
                .chunk(chunk(#"{"content":"c"}"#, index: 1), output: true),
                .chunk(chunk("{}", finish: #""stop""#), output: false),
                .chunk(chunk("{}", finish: #""stop""#, index: 1), output: false),
                .completed,
            ])
    }

    // MARK: What counts as output

    @Test(
        "role, empty text, null and framing are no output",
        arguments: [
            "{}", roleDelta, #"{"content":""}"#, #"{"content":null}"#, #"{"role":"assistant","content":null}"#,
            #"{"tool_calls":[]}"#, #"{"tool_calls":null}"#, #"{"reasoning_content":""}"#, #"{"refusal":null}"#,
            #"{"reasoning":""}"#, #"{"audio":{"id":"a","expires_at":5}}"#, #"{"content":[]}"#,
            #"{"content":[{"type":"text","text":""}]}"#, #"{"function_call":{"name":"","arguments":""}}"#,
            #"{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"","arguments":""}}]}"#,
        ])
    func notOutput(delta: String) throws {
        let seen = try Response().decode(event(roleDelta) + event(delta) + done)
        #expect(seen.contains { if case .chunk(_, output: true) = $0 { true } else { false } } == false)
        #expect(seen.last == .completed)
    }

    @Test(
        "text, reasoning, refusal, tool calls and audio are output",
        arguments: [
            #"{"content":" "}"#, #"{"reasoning_content":"h"}"#, #"{"reasoning":"h"}"#, #"{"refusal":"no"}"#,
            #"{"role":"assistant","content":"","reasoning":"h"}"#,
            #"{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":""}}]}"#,
            #"{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}"#,
            #"{"tool_calls":[{"index":0,"id":"c","type":"custom","custom":{"name":"f","input":""}}]}"#,
            #"{"function_call":{"name":"f"}}"#, #"{"function_call":{"arguments":"{"}}"#, #"{"audio":{"data":"AA=="}}"#,
            #"{"audio":{"transcript":"hi"}}"#, #"{"content":[{"type":"text","text":"a"}]}"#,
        ])
    func isOutput(delta: String) throws {
        let seen = try Response().decode(event(roleDelta) + event(delta) + done)
        guard case .chunk(_, let output) = seen[1] else { return #expect(Bool(false), "no chunk") }
        #expect(output)
    }

    // MARK: Azure, Ollama and others: frames that are not quite right

    @Test("Azure's leading frame without choices is no output and gets the stream's own head")
    func azureLeadingFrame() throws {
        let frame =
            #"{"id":"","object":"","created":0,"model":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#
        let seen = try Response().decode("data: \(frame)\n\n" + EventStreamQuirkTests.body("data: ", "\n\n"))
        let corrected =
            #"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[],"#
            + #""prompt_filter_results":[{"prompt_index":0}]}"#
        #expect(seen == [.chunk(corrected, output: false)] + EventStreamQuirkTests.expected)
    }

    @Test("Azure's filter frames without delta pass as empty deltas")
    func azureFilterFrame() throws {
        let frame =
            #"{"id":"","object":"","created":0,"model":"","choices":[{"index":0,"finish_reason":null,"#
            + #""content_filter_results":{"hate":{"filtered":false}},"content_filter_offsets":{"check_offset":1}}]}"#
        let seen = try Response().decode(event(roleDelta) + event(#"{"content":"a"}"#) + "data: \(frame)\n\n" + done)
        #expect(
            seen[2].chunk
                == #"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"#
                + #""finish_reason":null,"content_filter_results":{"hate":{"filtered":false}},"#
                + #""content_filter_offsets":{"check_offset":1},"delta":{}}]}"#)
        #expect(seen.last == .completed)
    }

    @Test("choices that are null or absent do no harm", arguments: [#","choices":null"#, ""])
    func noChoices(member: String) throws {
        let odd = #"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m"\#(member)}"#
        let seen = try Response().decode(event(roleDelta) + "data: \(odd)\n\n" + done)
        let expected = #"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[]}"#
        #expect(seen[1] == .chunk(expected, output: false) && seen.last == .completed)
    }

    @Test("events that are no chunks are left out")
    func foreignEvents() throws {
        let ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n" + "event: note\ndata: not json\n\n"
        #expect(
            try Response().decode(ping + EventStreamQuirkTests.body("data: ", "\n\n") + ping)
                == EventStreamQuirkTests.expected)
    }

    @Test("a bare delta gets everything a chunk must have")
    func bareDelta() throws {
        let seen = try Response(receivedAt: 1_700_000_000).decode(
            #"data: {"choices":[{"delta":{"content":"a"}}]}"# + "\n\n" + done)
        let root = try JSONDocument.parse(try #require(seen[0].chunk)).root
        let choice = try #require(root["choices"]?[0])
        #expect(root["id"]?.string?.hasPrefix("chatcmpl-") == true && root["id"]?.string?.utf8.count == 33)
        #expect(root["object"]?.string == "chat.completion.chunk" && root["created"]?.integer == 1_700_000_000)
        #expect(root["model"]?.string == "served")
        #expect(choice["index"]?.integer == 0 && choice["finish_reason"]?.isNull == true)
        #expect(choice["delta"]?["role"]?.string == "assistant" && choice["delta"]?["content"]?.string == "a")
        let finish = try JSONDocument.parse(try #require(seen[1].chunk)).root
        #expect(finish["id"]?.string == root["id"]?.string)
    }

    @Test(
        "created is an integer whatever the provider makes of it",
        arguments: [("7.0", "7"), ("\"7\"", "7"), ("7.9", "7"), ("null", "0")])
    func created(given: String, expected: String) throws {
        let body = EventStreamQuirkTests.body("data: ", "\n\n")
        let seen = try Response(receivedAt: 0).decode(body.replacing("\"created\":7", with: "\"created\":\(given)"))
        let root = try JSONDocument.parse(try #require(seen[0].chunk)).root
        #expect(root["created"]?.compactText == expected)
    }

    @Test("an identifier that changes from chunk to chunk is the first one throughout")
    func changingIdentifier() throws {
        let body =
            event(roleDelta) + event(#"{"content":"a"}"#).replacing("\"c1\"", with: "\"c2\"")
            + event("{}", finish: #""stop""#).replacing("\"c1\"", with: "\"other\"") + done
        #expect(try Response().decode(body) == EventStreamQuirkTests.expected)
    }

    @Test("the first chunk of a choice names the role")
    func role() throws {
        let seen = try Response().decode(event(#"{"content":"a"}"#) + event(#"{"content":"b"}"#) + done)
        #expect(seen[0].chunk == chunk(#"{"content":"a","role":"assistant"}"#))
        #expect(seen[1].chunk == chunk(#"{"content":"b"}"#))
    }

    @Test("reasoning goes by one name")
    func reasoning() throws {
        let seen = try Response().decode(
            event(roleDelta) + event(#"{"reasoning":"h","x":1}"#)
                + event(#"{"reasoning":"a","reasoning_content":"a"}"#) + done)
        #expect(seen[1] == .chunk(chunk(#"{"reasoning_content":"h","x":1}"#), output: true))
        #expect(seen[2] == .chunk(chunk(#"{"reasoning":"a","reasoning_content":"a"}"#), output: true))
    }

    @Test("a list of parts becomes text and reasoning")
    func contentParts() throws {
        let delta =
            #"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"h\n"}]},"#
            + #"{"type":"text","text":"a"},{"type":"text","text":"\u00e9"}]}"#
        let seen = try Response(provider: "mistral").decode(event(roleDelta) + event(delta) + done)
        #expect(seen[1] == .chunk(chunk(#"{"content":"a\u00e9","reasoning_content":"h\n"}"#), output: true))
    }

    @Test("members nobody knows pass as they are, with their numbers as written")
    func unknownMembers() throws {
        let rest = #","timings":{"predicted_ms":1.50,"big":123456789012345678901234567890},"x":[1e400]"#
        let seen = try Response().decode(event(roleDelta, rest: rest) + done)
        #expect(seen[0].chunk == chunk(roleDelta, rest: rest))
    }

    // MARK: Usage

    @Test("usage that grows on every chunk counts once, as the last one", arguments: [true, false])
    func cumulativeUsage(wanted: Bool) throws {
        func usage(_ tokens: Int) -> String { #","usage":{"prompt_tokens":5,"completion_tokens":\#(tokens)}"# }
        let body =
            event(roleDelta, rest: usage(0)) + event(#"{"content":"a"}"#, rest: usage(1))
            + event("{}", finish: #""stop""#, rest: usage(2)) + done
        let seen = try Response(provider: "perplexity", wantsUsage: wanted).decode(body)
        func hidden(_ delta: String, finish: String = "null") -> String {
            chunk(delta, finish: finish, rest: #","usage":null"#)
        }
        var expected: [Seen] = [
            .usage(5, 0), .chunk(hidden(roleDelta), output: false),
            .usage(5, 1), .chunk(hidden(#"{"content":"a"}"#), output: true),
            .usage(5, 2), .chunk(hidden("{}", finish: #""stop""#), output: false),
        ]
        if wanted {
            let chunk =
                #"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[],"#
                + #""usage":{"prompt_tokens":5,"completion_tokens":2}}"#
            expected.append(.chunk(chunk, output: false))
        }
        #expect(seen == expected + [.completed])
    }

    @Test("Groq's own place for usage is read too")
    func groqUsage() throws {
        let rest = #","x_groq":{"id":"r","usage":{"prompt_tokens":3,"completion_tokens":2}}"#
        let body = event(roleDelta) + event("{}", finish: #""stop""#, rest: rest) + done
        #expect(try Response(provider: "groq").decode(body).contains(.usage(3, 2)))
    }

    @Test("reasoning tokens that xAI leaves out of the completion are added")
    func xaiUsage() throws {
        let rest =
            #","usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":22,"#
            + #""completion_tokens_details":{"reasoning_tokens":7}}"#
        #expect(try Response(provider: "xai").decode(event(roleDelta, rest: rest)).contains(.usage(10, 12)))
        let inclusive = rest.replacing("22", with: "15")
        #expect(try Response().decode(event(roleDelta, rest: inclusive)).contains(.usage(10, 5)))
    }

    @Test(
        "usage without sense is no usage",
        arguments: ["{}", #"{"prompt_tokens":-1}"#, #"{"prompt_tokens":"9"}"#, "[]", "0", #""x""#])
    func senselessUsage(usage: String) throws {
        let seen = try Response().decode(event(roleDelta, rest: #","usage":\#(usage)"#) + done)
        #expect(!seen.contains { if case .usage = $0 { true } else { false } } && seen.last == .completed)
    }
}
