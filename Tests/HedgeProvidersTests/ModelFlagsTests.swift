import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

/// What `model_info` says of a model decides what it is asked, whatever its name is.
@Suite struct ModelFlagsTests {
    private func objections(
        _ provider: String, _ members: String, dropping: Bool = false, _ set: (inout ModelFlags) -> Void
    ) throws -> [String] {
        let text = Array("{\"model\":\"m\",\(members)}".utf8)
        let request = try ChatRequest(parsing: text.span)
        var endpoint = Endpoint(model: "served", baseURL: "http://127.0.0.1")
        set(&endpoint.flags)
        endpoint.dropsUnsupported = dropping
        return try #require(Providers.named(provider)).check(request, for: endpoint)?.fields ?? []
    }

    private static let question = #""messages":[{"role":"user","content":"q"}]"#

    @Test(
        "a model without eyes is shown nothing, neither bytes nor addresses",
        arguments: ["data:image/png;base64,AA==", "https://x.example/a.png"], ["anthropic", "gemini"])
    func blind(url: String, provider: String) throws {
        let image = #"{"type":"image_url","image_url":{"url":"\#(url)"}}"#
        let messages = #""messages":[{"role":"user","content":[{"type":"text","text":"q"},\#(image)]}]"#
        #expect(try objections(provider, messages) { _ in } == [])
        let fields = try objections(provider, messages, dropping: true) { $0.acceptsImages = false }
        #expect(Set(fields) == ["messages[0].content[1]"])
    }

    @Test("a model without tools is offered none", arguments: ["anthropic", "gemini"])
    func noTools(provider: String) throws {
        let members = Self.question + #","tools":[{"type":"function","function":{"name":"f"}}]"#
        #expect(try objections(provider, members) { _ in } == [])
        #expect(try objections(provider, members) { $0.acceptsTools = false } == ["tools"])
        #expect(try objections(provider, members, dropping: true) { $0.acceptsTools = false } == [])
    }

    @Test("a model that can be given neither schema nor compulsory tool has no answer by a schema")
    func noSchema() throws {
        let format = #"{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}"#
        let members = Self.question + #","response_format":\#(format)"#
        for provider in ["anthropic", "gemini"] {
            let fields = try objections(provider, members) {
                $0.acceptsResponseSchema = false
                $0.acceptsForcedToolUse = false
            }
            #expect(fields == ["response_format"])
        }
    }

    @Test("rules refuse a member, a member beside another that asks for something, and one value")
    func rules() throws {
        let rules = ["seed", "top_p+temperature", "verbosity=high"]
        func refused(_ members: String) throws -> [String] {
            try objections("openai", Self.question + members) { $0.refusedMembers = rules }
        }
        #expect(try refused(#","seed":1"#) == ["seed"])
        #expect(try refused(#","top_p":0.5"#) == [])
        #expect(try refused(#","top_p":0.5,"temperature":1"#) == [])
        #expect(try refused(#","top_p":0.5,"temperature":0.2"#) == ["top_p"])
        #expect(try refused(#","verbosity":"low""#) == [])
        #expect(try refused(#","verbosity":"high""#) == ["verbosity"])
    }

    @Test("what rules refuse is left out where that is allowed, also by a provider that takes bytes as they are")
    func rulesDropping() throws {
        let text = Array("{\"model\":\"m\",\(Self.question),\"top_p\":0.5,\"temperature\":0.25,\"seed\":1}".utf8)
        let request = try ChatRequest(parsing: text.span)
        var endpoint = Endpoint(model: "served", baseURL: "http://127.0.0.1")
        endpoint.flags.refusedMembers = ["top_p+temperature", "seed=2"]
        endpoint.dropsUnsupported = true
        let body = try OpenAIProvider().encode(request, for: endpoint, at: 0).body
        let sent = body.withSpan { $0.text(0..<$0.count) }
        #expect(sent == "{\"model\":\"served\",\(Self.question),\"temperature\":0.25,\"seed\":1}")
    }
}
