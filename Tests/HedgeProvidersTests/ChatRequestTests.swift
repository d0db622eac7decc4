import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

@Suite struct ChatRequestTests {
    private func parse(
        _ text: String, limits: JSONLimits = ChatRequest.defaultLimits
    ) throws(RequestError) -> ChatRequest {
        try ChatRequest(parsing: Array(text.utf8).span, limits: limits)
    }

    private func body(_ request: ChatRequest, model: String = "served", provider: String = "openai") throws -> String {
        let endpoint = Endpoint(model: model, baseURL: "https://x/v1")
        let encoded = try #require(Providers.named(provider)).encode(request, for: endpoint)
        #expect(encoded.headers == [])
        return encoded.body.withSpan { $0.text(0..<$0.count) }
    }

    static let messages = #""messages":[{"role":"user","content":"hi"}]"#

    @Test(
        "a request that is right is read",
        arguments: [("", false), (#","stream":true"#, true), (#","stream":null"#, false)])
    func valid(member: String, isStream: Bool) throws {
        let text = #"{"model":"gp\u0074",\#(Self.messages)\#(member)}"#
        let request = try parse(text)
        #expect(request.model == "gpt" && request.isStream == isStream && !request.wantsUsage)
        #expect(request.byteCount == text.utf8.count)
        #expect(request.promptBytes == #"[{"role":"user","content":"hi"}]"#.utf8.count)
    }

    @Test(
        "what is wrong is told with its path",
        arguments: [
            ("[]", "", "the request must be an object, found an array"),
            ("{}", "messages", "messages is required"),
            (#"{"messages":{},"model":"m"}"#, "messages", "messages must be an array, found an object"),
            (#"{"messages":[],"model":"m"}"#, "messages", "messages must not be empty"),
            (
                #"{"messages":[{"role":"user"},"x"],"model":"m"}"#, "messages[1]",
                "messages[1] must be an object, found a string"
            ),
            (#"{"messages":[{"content":"x"}],"model":"m"}"#, "messages[0].role", "messages[0].role is required"),
            (
                #"{"messages":[{"role":1}],"model":"m"}"#, "messages[0].role",
                "messages[0].role must be a string, found an integer"
            ),
            (#"{"messages":[{"role":"user"}]}"#, "model", "model is required"),
            (#"{"messages":[{"role":"user"}],"model":""}"#, "model", "model must not be empty"),
            (#"{"messages":[{"role":"user"}],"model":null}"#, "model", "model must be a string, found null"),
            (
                #"{"messages":[{"role":"user"}],"model":"m","stream":"yes"}"#, "stream",
                "stream must be a boolean, found a string"
            ),
            (
                #"{"messages":[{"role":"user"}],"model":"m","stream_options":[]}"#, "stream_options",
                "stream_options must be an object, found an array"
            ),
            (
                #"{"messages":[{"role":"user"}],"model":"m","stream_options":{"include_usage":1}}"#,
                "stream_options.include_usage", "stream_options.include_usage must be a boolean, found an integer"
            ),
            (#"{"messages":[{"role":"user"}],"model":"m","n":0}"#, "n", "n must be at least 1"),
            (#"{"messages":[{"role":"user"}],"model":"m","n":1.5}"#, "n", "n must be an integer, found a number"),
            (
                #"{"messages":[{"role":"user"}],"model":"m","tools":{}}"#, "tools",
                "tools must be an array, found an object"
            ),
        ])
    func wrongShape(text: String, path: String, message: String) {
        #expect(throws: RequestError(path: path, message: message)) { try parse(text) }
    }

    @Test(
        "what is not JSON is told with its offset, and without its text",
        arguments: [
            ("", 0, "the document ends too early at byte 0"),
            (#"{"model":"secret""#, 17, "the document ends too early at byte 17"),
            (#"{"model":"m","model":"secret"}"#, 20, "duplicate object key at byte 20"),
            (#"{"messages":[{"role":"u","role":"v"}]}"#, 31, "duplicate object key at byte 31"),
            (#"{"model":"m"} x"#, 14, "unexpected text after the document at byte 14"),
            (#"{"model":"\u0000"}"#, nil, "NUL character"),
        ])
    func notJSON(text: String, offset: Int?, message: String) {
        let error = #expect(throws: RequestError.self) { try parse(text) }
        #expect(error?.path == "" && error?.isLimit == false)
        if let offset { #expect(error?.offset == offset) }
        #expect(error?.message.hasPrefix(message) == true, "\(error?.message ?? "")")
    }

    @Test("limits are told as limits")
    func limits() throws {
        let text = #"{"model":"m",\#(Self.messages),"x":[[[]]]}"#
        _ = try parse(text, limits: JSONLimits(bytes: text.utf8.count, depth: 4))
        let long = #expect(throws: RequestError.self) { try parse(text, limits: JSONLimits(bytes: 40)) }
        #expect(long?.isLimit == true)
        let deep = #expect(throws: RequestError.self) { try parse(text, limits: JSONLimits(depth: 3)) }
        #expect(deep?.isLimit == true && deep?.offset != nil)
    }

    @Test("everything but the model reaches the provider byte for byte, in any order")
    func untouched() throws {
        let rest =
            #""messages":[ {"role":"user","content":"h\u00e9 \/ \ud83d\ude00"} ],"temperature":0.10,"#
            + #""seed":9007199254740993,"new_member":{"a":[1.0,1e-7,0.30000000000000004],"b":null},"top_p":1.00"#
        let expected = #"{"model":"served",\#(rest)}"#
        #expect(try body(parse(#"{"model":"m",\#(rest)}"#)) == expected)
        #expect(try body(parse(#"{\#(rest),"model":"m"}"#)) == expected)
        let parts = rest.replacing(#","temperature""#, with: #", "model" : "m" ,"temperature""#)
        #expect(try body(parse("{\(parts)}")) == expected)
    }

    @Test("the model's name is escaped")
    func escapedModel() throws {
        let text = try body(parse(#"{"model":"m",\#(Self.messages)}"#), model: "a\"b\\c\n")
        #expect(try JSONDocument.parse(text).root["model"]?.string == "a\"b\\c\n")
    }

    @Test(
        "a stream always asks for usage and keeps the caller's other options",
        arguments: [
            ("", #","stream_options":{"include_usage":true}"#),
            (#","stream_options":null"#, #","stream_options":{"include_usage":true}"#),
            (#","stream_options":{"include_usage":false}"#, #","stream_options":{"include_usage":true}"#),
            (
                #","stream_options":{"a": 1,"include_usage":null,"include_obfuscation":false}"#,
                #","stream_options":{"a": 1,"include_obfuscation":false,"include_usage":true}"#
            ),
        ])
    func streamOptions(given: String, sent: String) throws {
        let text = try body(parse(#"{"model":"m","stream":true\#(given),\#(Self.messages)}"#))
        #expect(text == #"{"model":"served","stream":true,\#(Self.messages)\#(sent)}"#)
    }

    @Test("stream options go as they came where there is no stream, and not at all to whom reports usage unasked")
    func streamOptionsUntouched() throws {
        let given = #""stream_options":{"include_usage": true}"#
        #expect(
            try body(parse(#"{"model":"m",\#(given),\#(Self.messages)}"#))
                == #"{"model":"served",\#(Self.messages),\#(given)}"#)
        let stream = #""stream":true,\#(Self.messages)"#
        for request in [stream, "\(given),\(stream)"] {
            let body = try body(parse(#"{"model":"m",\#(request)}"#), provider: "mistral")
            #expect(body == #"{"model":"served",\#(stream)}"#)
        }
    }

    @Test("the caller's wish for usage is known", arguments: [(true, "true"), (false, "false"), (false, "null")])
    func wantsUsage(wanted: Bool, value: String) throws {
        let options = #""stream":true,"stream_options":{"include_usage":\#(value)}"#
        #expect(try parse(#"{"model":"m",\#(options),\#(Self.messages)}"#).wantsUsage == wanted)
    }

    @Test("members and values that a provider calls by other names are renamed, and nothing else")
    func renames() throws {
        let rest = #"\#(Self.messages),"max_completion_tokens":5,"seed":7,"tool_choice":"required","x":"seed""#
        let renamed = #"\#(Self.messages),"max_tokens":5,"random_seed":7,"tool_choice":"any","x":"seed""#
        let request = try parse(#"{"model":"m",\#(rest)}"#)
        #expect(try body(request, provider: "mistral") == #"{"model":"served",\#(renamed)}"#)
        #expect(try body(request) == #"{"model":"served",\#(rest)}"#)
        let both = #"\#(Self.messages),"max_completion_tokens":5,"max_tokens":6"#
        let own = #"\#(Self.messages),"max_tokens":6"#
        #expect(try body(parse(#"{"model":"m",\#(both)}"#), provider: "mistral") == #"{"model":"served",\#(own)}"#)
    }

    @Test("one request is encoded from several threads at once")
    func threads() async throws {
        let request = try parse(#"{"model":"m","stream":true,\#(Self.messages)}"#)
        let expected = try body(request)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<200).allSatisfy { _ in (try? body(request)) == expected } }
            }
            for await isSame in group { #expect(isSame) }
        }
    }

    @Test("the request is there as a tree for other formats")
    func tree() throws {
        let root = try parse(#"{"model":"m","n":2,\#(Self.messages)}"#).document().root
        #expect(root["n"]?.integer == 2 && root["messages"]?[0]?["content"]?.string == "hi" && root["model"] == nil)
    }
}
