import HedgeJSON
import Testing

@testable import HedgeProviders

@Suite struct CodecReplayTests {
    private func run(_ script: String) throws -> String {
        let result = try CodecReplay.run(Array(script.utf8).span)
        _ = try JSONDocument.parse(result.span)
        return String(decoding: result, as: UTF8.self)
    }

    static let input =
        #"["data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"n\u00e9\"},\"finish_reason\":null}]}\n\ndata: [DONE]\n\n"]"#

    static let events =
        #"{"events":[{"chunk":{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":["#
        + #"{"index":0,"delta":{"role":"assistant","content":"né"},"finish_reason":null}]},"output":true},"#
        + #"{"chunk":{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":["#
        + #"{"index":0,"delta":{},"finish_reason":"stop"}]},"output":false},{"completed":true}]}"#

    @Test(
        "a script's events come out the same whole, cut and byte by byte",
        arguments: ["null", "\"bytes\"", "0", "7", "161"])
    func splits(splits: String) throws {
        #expect(
            try run(#"{"provider":"openai","stream":true,"input":\#(Self.input),"splits":\#(splits)}"#) == Self.events)
    }

    @Test("status, headers and bytes outside UTF-8 can be given")
    func failure() throws {
        let script =
            #"{"provider":"groq","stream":true,"status":429,"headers":{"Retry-After":"2","x":1},"api_key":"abcd","#
            + #""input":[{"base64":"eyJlcnJvciI6eyJjb2RlIjoiYSIs"},"\"message\":\"key abcd\"}}"]}"#
        #expect(
            try run(script)
                == #"{"events":[{"failed":{"kind":"rateLimit","http_status":429,"code":"a","retry_after_ms":2000,"#
                + #""message":"key ***"}}]}"#)
    }

    @Test("identifiers that are made up are the same in every run")
    func deterministic() throws {
        let script =
            #"{"stream":true,"input":["data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n"]}"#
        #expect(try run(script) == run(script))
        #expect(
            try run(script).hasPrefix(#"{"events":[{"chunk":{"choices":[{"delta":{"content":"a","role":"assistant"}"#))
    }

    @Test("a transfer that breaks gives no end", arguments: ["false", "\"broken\""])
    func broken(end: String) throws {
        let result = try run(#"{"stream":true,"input":[],"end":\#(end)}"#)
        #expect(result == #"{"events":[]}"#)
    }

    @Test("usage is part of the events")
    func usage() throws {
        let script =
            #"{"stream":false,"input":["{\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}"]}"#
        #expect(try run(script).contains(#"{"usage":{"prompt_tokens":1,"completion_tokens":2}},{"completed":true}]}"#))
    }

    @Test(
        "a script that cannot be run is refused with the place",
        arguments: [
            ("x", ""), ("[]", ""), (#"{"provider":"nobody"}"#, "provider"), (#"{"input":[1]}"#, "input[0]"),
            (#"{"input":["a",{"base64":"!"}]}"#, "input[1]"), (#"{"status":-1,"input":[]}"#, "status"),
            (#"{"input":["ab"],"splits":3}"#, "splits"), (#"{"input":[],"headers":{"a":{}}}"#, "headers"),
            (#"{"input":[],"headers":[1]}"#, "headers"), (#"{"input":[],"end":1}"#, "end"),
            (#"{"input":[],"request":{"model":"m"}}"#, "request.messages"),
        ])
    func refused(script: String, path: String) {
        let error = #expect(throws: CodecReplay.ScriptError.self) { try CodecReplay.run(Array(script.utf8).span) }
        #expect(error?.path == path)
    }

    @Test(
        "Base64 is read as RFC 4648 writes it",
        arguments: [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFy", "foobar"), ("++//", nil)]
            as [(String, String?)])
    func base64(text: String, decoded: String?) {
        let bytes = decoded.map { Array($0.utf8) } ?? [0xFB, 0xEF, 0xFF]
        #expect(Base64.decode(text) == bytes)
    }

    @Test("what is no Base64 is refused", arguments: ["Z", "Zg", "Zg=", "Z===", "====", "Zm9*", "=Zg="])
    func noBase64(text: String) {
        #expect(Base64.decode(text) == nil)
    }
}

extension String {
    /// Whether `part` occurs in the text.
    fileprivate func contains(_ part: String) -> Bool {
        replacing(part, with: "") != self
    }
}
