import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

/// APIs that are passed on as they are: what of their events the router has to understand.
@Suite("Dialects") struct DialectTests {
    /// What a stream of these events comes to, `usage` being the last one told.
    private func read(
        _ operation: HedgeProviders.Operation, _ provider: String, _ events: [String]
    ) throws -> (seen: [Seen], usage: Usage?) {
        let text =
            operation == .responses
            ? #"{"model":"m","input":"u","stream":true}"#
            : #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"u"}],"stream":true}"#
        let request = try ChatRequest(parsing: Array(text.utf8).span, operation: operation)
        let endpoint = Endpoint(model: "m", baseURL: "http://127.0.0.1")
        let decoder = try #require(Providers.named(provider)).makeDecoder(for: request, endpoint: endpoint)
        decoder.begin(ResponseHead(status: 200))
        var output = DecodedOutput()
        for event in events { decoder.decode(Array("data: \(event)\n\n".utf8).span, into: &output) }
        decoder.end(into: &output)
        var usage: Usage?
        for case .usage(let counts) in output.events { usage = counts }
        return (Response.seen(output), usage)
    }

    private static let responseEnd = #"{"type":"response.completed","response":{"id":"r"}}"#

    @Test(
        "a response's first token is the first output that is not empty, of whatever kind",
        arguments: [
            (#"{"type":"response.created","response":{"status":"in_progress"}}"#, false),
            (#"{"type":"response.queued","response":{}}"#, false),
            (#"{"type":"response.in_progress","response":{}}"#, false),
            (#"{"type":"response.output_item.added","item":{"type":"function_call","name":"f"}}"#, false),
            (#"{"type":"response.content_part.added","part":{"type":"output_text","text":""}}"#, false),
            (#"{"type":"response.output_text.delta","delta":""}"#, false),
            (#"{"type":"response.output_text.delta","delta":"x"}"#, true),
            (#"{"type":"response.refusal.delta","delta":"x"}"#, true),
            (#"{"type":"response.reasoning_text.delta","delta":"x"}"#, true),
            (#"{"type":"response.reasoning_summary_text.delta","delta":"x"}"#, true),
            (#"{"type":"response.function_call_arguments.delta","delta":"{"}"#, true),
            (#"{"type":"response.custom_tool_call_input.delta","delta":"x"}"#, true),
            (#"{"type":"response.code_interpreter_call_code.delta","delta":"x"}"#, true),
            (#"{"type":"response.mcp_call_arguments.delta","delta":"x"}"#, true),
            (#"{"type":"response.audio.transcript.delta","delta":"x"}"#, true),
            (#"{"type":"response.web_search_call.searching","item_id":"i"}"#, false),
            (#"{"type":"response.image_generation_call.partial_image","partial_image_b64":"AA=="}"#, true),
            (#"{"type":"response.output_text.done","text":"x"}"#, false),
            (#"{"type":"something.new","n":1}"#, false),
        ] as [(String, Bool)])
    func firstToken(event: String, isOutput: Bool) throws {
        let (seen, _) = try read(.responses, "openai", [event, Self.responseEnd])
        #expect(seen == [.chunk(event, output: isOutput), .chunk(Self.responseEnd, output: false), .completed])
    }

    @Test("a response's usage has what was cached and what was thought")
    func responseUsage() throws {
        let details = #""input_tokens_details":{"cached_tokens":4,"cache_write_tokens":2}"#
        let usage =
            #""usage":{"input_tokens":10,\#(details),"output_tokens":7,"output_tokens_details":{"reasoning_tokens":3}}"#
        for type in ["completed", "incomplete"] {
            let (_, counts) = try read(
                .responses, "openai", [#"{"type":"response.\#(type)","response":{\#(usage)}}"#])
            #expect(
                counts
                    == Usage(
                        promptTokens: 10, completionTokens: 7, cachedPromptTokens: 4, cacheWrittenTokens: 2,
                        reasoningTokens: 3))
        }
    }

    @Test("a message's usage has what went to the cache, and later zeros take nothing away")
    func messageUsage() throws {
        let first =
            #"{"input_tokens":5,"cache_read_input_tokens":2,"cache_creation_input_tokens":3,"output_tokens":1}"#
        let last = #"{"input_tokens":0,"cache_creation_input_tokens":0,"output_tokens":0}"#
        let middle = #"{"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}"#
        let (_, counts) = try read(
            .messages, "anthropic",
            [
                #"{"type":"message_start","message":{"id":"m","usage":\#(first)}}"#,
                #"{"type":"message_delta","delta":{},"usage":\#(middle)}"#,
                #"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":\#(last)}"#,
                #"{"type":"message_stop"}"#,
            ])
        #expect(
            counts
                == Usage(
                    promptTokens: 10, completionTokens: 9, cachedPromptTokens: 2, cacheWrittenTokens: 3,
                    reasoningTokens: 4))
    }

    @Test("counts beyond any sense are cut, and parts are no larger than the whole")
    func oddUsage() throws {
        let usage = #""usage":{"input_tokens":1e300,"output_tokens":-1,"input_tokens_details":{"cached_tokens":1e99}}"#
        let (_, counts) = try read(.responses, "openai", [#"{"type":"response.completed","response":{\#(usage)}}"#])
        #expect(counts == Usage(promptTokens: 1 << 40, completionTokens: 0, cachedPromptTokens: 1 << 40))
    }

    @Test("an error after the beginning is the provider's, and nothing after it counts")
    func errors() throws {
        let created = #"{"type":"response.created","response":{}}"#
        for error in [
            #"{"type":"error","code":"insufficient_quota","message":"m","param":null}"#,
            #"{"type":"error","error":{"type":"insufficient_quota","code":"insufficient_quota","message":"m"}}"#,
            #"{"type":"response.failed","response":{"error":{"code":"insufficient_quota","message":"m"}}}"#,
        ] {
            let (seen, _) = try read(.responses, "openai", [created, error, Self.responseEnd])
            #expect(seen.count == 2 && seen.last?.failure?.kind == .quota)
            #expect(seen.last?.failure?.code == "insufficient_quota")
        }
    }
}
