import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

@Suite("Addresses and credentials of clouds")
struct CloudProviderTests {
    private func endpoint(_ base: String, model: String = "m") -> Endpoint { Endpoint(model: model, baseURL: base) }

    @Test(
        "Claude thinks on after calls whose signed thoughts are there, and after turns that are over",
        arguments: [
            (#""thinking_blocks":[{"type":"thinking","thinking":"t","signature":"s"}],"#, "", true),
            (#""thinking_blocks":[{"type":"thinking","thinking":"t"}],"#, "", false),
            ("", "", false),
            ("", #",{"role":"user","content":"and now?"}"#, true),
        ])
    func thinkingOn(blocks: String, rest: String, thinks: Bool) throws {
        let call = #""tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]"#
        let text = #"""
            {"model":"m","reasoning_effort":"low","tools":[{"type":"function","function":{"name":"f"}}],"messages":[
            {"role":"user","content":"q"},{"role":"assistant",\#(blocks)\#(call)},
            {"role":"tool","tool_call_id":"c","content":"r"}\#(rest)]}
            """#
        let request = try ChatRequest(parsing: Array(text.utf8).span)
        let provider = try #require(Providers.named("bedrock"))
        let behind = endpoint("https://x", model: "anthropic.claude-sonnet-4-5-20250929-v1:0")
        let body = try provider.encode(request, for: behind).body
        #expect(body.withSpan { $0.text(0..<$0.count) }.contains("budget_tokens") == thinks)
    }

    @Test("The maker of a model behind an ARN is that of its base model")
    func baseModel() throws {
        let text = #"{"model":"m","messages":[{"role":"user","content":"q"}],"reasoning_effort":"low"}"#
        let request = try Array(text.utf8).withUnsafeBytes { try ChatRequest(parsing: $0) }
        var behind = endpoint("https://x", model: "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc")
        let provider = try #require(Providers.named("bedrock"))
        // Nobody knows how such a model is told to think.
        #expect(provider.check(request, for: behind)?.fields == ["reasoning_effort"])
        behind.baseModel = "anthropic.claude-sonnet-4-5-20250929-v1:0"
        #expect(provider.check(request, for: behind) == nil)
        let body = try provider.encode(request, for: behind).body
        #expect(body.withSpan { $0.text(0..<$0.count) }.contains("budget_tokens"))
    }

    @Test(
        "what is signed is where the request goes",
        arguments: [
            ("https://h.example", "h.example", "/model/m/converse", "https://h.example/model/m/converse"),
            ("https://h.example:443/", "h.example", "/model/m/converse", "https://h.example:443/model/m/converse"),
            ("http://h.example:80", "h.example", "/model/m/converse", "http://h.example:80/model/m/converse"),
            (
                "http://127.0.0.1:8080/a/b", "127.0.0.1:8080", "/a/b/model/m/converse",
                "http://127.0.0.1:8080/a/b/model/m/converse"
            ),
            ("https://[::1]:8443", "[::1]:8443", "/model/m/converse", "https://[::1]:8443/model/m/converse"),
        ])
    func bedrockAddress(base: String, host: String, path: String, url: String) {
        let address = BedrockAddress(endpoint(base), method: "converse")
        #expect(address.host == host)
        #expect(address.path == path)
        #expect(address.url == url)
    }

    @Test("the region of a signature is that of the host where none is given")
    func regionOfHost() {
        #expect(BedrockSigner.region(of: "bedrock-runtime.eu-central-1.amazonaws.com") == "eu-central-1")
        #expect(BedrockSigner.region(of: "bedrock-runtime-fips.us-east-1.amazonaws.com") == "us-east-1")
        #expect(BedrockSigner.region(of: "proxy.example.com") == nil)
        var endpoint = endpoint("https://bedrock-runtime.eu-central-1.amazonaws.com")
        endpoint.signingKeys = SigningKeys(accessKeyID: "id", secretAccessKey: Secret("s"))
        let lines = BedrockSigner.headers(endpoint, method: "converse", body: [UInt8]().span, at: 0)
        #expect(
            lines.last?.hasPrefix("Authorization: AWS4-HMAC-SHA256 Credential=id/19700101/eu-central-1/bedrock/")
                == true)
    }

    @Test("a key goes before keys to sign with, and nothing is signed without any")
    func noSignature() {
        var endpoint = endpoint("https://h.example")
        #expect(BedrockSigner.headers(endpoint, method: "converse", body: [UInt8]().span, at: 0).isEmpty)
        endpoint.signingKeys = SigningKeys(accessKeyID: "id", secretAccessKey: Secret("s"))
        endpoint.apiKey = Secret("k")
        #expect(BedrockSigner.headers(endpoint, method: "converse", body: [UInt8]().span, at: 0).isEmpty)
    }

    @Test("keys that sign are masked in what AWS says")
    func maskedKeys() throws {
        var endpoint = endpoint("https://h.example")
        endpoint.signingKeys = SigningKeys(
            accessKeyID: "AKIDEXAMPLE", secretAccessKey: Secret("secret-example"), sessionToken: Secret("token-example")
        )
        let request = try ChatRequest(
            parsing: Array(#"{"model":"m","messages":[{"role":"user","content":"q"}]}"#.utf8).span)
        let decoder = BedrockProvider(profile: try #require(Providers.profile(named: "bedrock"))).makeDecoder(
            for: request, endpoint: endpoint)
        var output = DecodedOutput()
        decoder.begin(ResponseHead(status: 403))
        let body = #"{"message":"AKIDEXAMPLE secret-example token-example é Canonical String: token-example"}"#
        decoder.decode(Array(body.utf8).span, into: &output)
        decoder.end(into: &output)
        guard case .failed(let failure)? = output.events.last else {
            Issue.record("no failure")
            return
        }
        #expect(failure.providerMessage == "*** *** *** é ")
    }

    @Test("closing the connection ends the bill where that is known, and does not where it is known not to")
    func billing() {
        for (name, stops) in [
            ("azure", true), ("gemini", false), ("vertex_ai", false), ("bedrock", false), ("anthropic", true),
        ] {
            #expect(Providers.profile(named: name)?.cancelStopsBilling == stops)
        }
    }

    @Test(
        "Azure's addresses",
        arguments: [
            ("https://r.openai.azure.com", nil, "https://r.openai.azure.com/openai/v1/embeddings"),
            ("https://r.openai.azure.com/openai/v1", "latest", "https://r.openai.azure.com/openai/v1/embeddings"),
            (
                "https://r.openai.azure.com/openai", "2024-10-21",
                "https://r.openai.azure.com/openai/deployments/m/embeddings?api-version=2024-10-21"
            ),
            (
                "https://r.openai.azure.com/openai/v1", "a&b",
                "https://r.openai.azure.com/openai/deployments/m/embeddings?api-version=a%26b"
            ),
        ] as [(String, String?, String)])
    func azureAddress(base: String, version: String?, url: String) {
        var endpoint = endpoint(base)
        endpoint.apiVersion = version
        #expect(AzureAddress.url(endpoint, "/embeddings") == url)
    }

    @Test(
        "Google's addresses",
        arguments: [
            ("tunedModels/a b", GeminiProvider.Service.aiStudio, "https://g.example/v1beta/tunedModels/a%20b"),
            ("gemini-3", .aiStudio, "https://g.example/v1beta/models/gemini-3"),
            ("gemini-3", .vertex, "https://g.example/v1beta1/publishers/google/models/gemini-3"),
            ("publishers/x/models/y", .vertex, "https://g.example/v1beta1/publishers/x/models/y"),
        ])
    func googleAddress(model: String, service: GeminiProvider.Service, url: String) {
        #expect(GeminiAddress(endpoint("https://g.example/", model: model), service: service).model == url)
    }
}
