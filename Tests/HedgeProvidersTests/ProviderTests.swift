import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

@Suite struct ProviderTests {
    @Test(
        "the path goes at the end of the base URL's own path",
        arguments: [
            ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
            ("https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000/chat/completions"),
            ("https://x/v1/chat/completions", "https://x/v1/chat/completions"),
            ("https://x/openai/v1?api-version=preview", "https://x/openai/v1/chat/completions?api-version=preview"),
            ("https://x/v1/?a=b/c#d", "https://x/v1/chat/completions?a=b/c#d"),
        ])
    func urls(base: String, url: String) {
        #expect(OpenAIProvider().head(for: Endpoint(model: "m", baseURL: base), isStream: true).url == url)
    }

    @Test("headers carry the key, the organization and what the configuration adds")
    func headers() {
        var endpoint = Endpoint(model: "m", baseURL: "http://x", apiKey: Secret("k"), organization: "o")
        #expect(
            OpenAIProvider().head(for: endpoint, isStream: true).headers == [
                "Content-Type: application/json", "Accept: text/event-stream", "Authorization: Bearer k",
                "OpenAI-Organization: o",
            ])
        endpoint.extraHeaders = ["authorization: Basic x", "X-Title: t"]
        #expect(
            OpenAIProvider().head(for: endpoint, isStream: false).headers == [
                "Content-Type: application/json", "Accept: application/json", "OpenAI-Organization: o",
                "authorization: Basic x", "X-Title: t",
            ])
        #expect(
            OpenAIProvider().head(for: Endpoint(model: "m", baseURL: "http://x"), isStream: false).headers.count == 2)
    }

    @Test("a line break in a header value smuggles no header in")
    func headerInjection() {
        var endpoint = Endpoint(model: "m", baseURL: "http://x", apiKey: Secret("k\r\nX-Evil: 1"))
        endpoint.extraHeaders = ["X-A: b\nX-Evil: 2", "X-B: c"]
        let headers = OpenAIProvider().head(for: endpoint, isStream: false).headers
        #expect(headers == ["Content-Type: application/json", "Accept: application/json", "X-B: c"])
    }

    @Test("every provider of the catalogue can be had by its names, and each name is one provider's")
    func catalogue() {
        var names: [String] = []
        for profile in Catalogue.profiles {
            for name in [profile.name] + profile.aliases {
                names.append(name)
                #expect(Providers.named(name)?.name == profile.name && Providers.named(name.uppercased()) != nil)
            }
            if let url = profile.baseURL {
                #expect(url.hasPrefix("https://") || url.hasPrefix("http://localhost:"))
                #expect(!url.hasSuffix("/"))
            }
            #expect(!profile.needsKey || !profile.keyVariables.isEmpty)
        }
        #expect(Set(names).count == names.count)
        #expect(Providers.names.count == Catalogue.profiles.count && Providers.names.first == "openai")
        #expect(Providers.named("nobody") == nil)
    }

    @Test(
        "a model names its provider before the first slash, if it names one",
        arguments: [
            ("groq/llama-3.3-70b", "groq", "llama-3.3-70b"), ("together/meta/x", "together_ai", "meta/x"),
            ("openrouter/openai/gpt-4o", "openrouter", "openai/gpt-4o"), ("gpt-4o", nil, "gpt-4o"),
            ("meta-llama/Llama-3.1-8B", nil, "meta-llama/Llama-3.1-8B"), ("/x", nil, "/x"), ("openai/", "openai", ""),
        ] as [(String, String?, String)])
    func split(model: String, provider: String?, rest: String) {
        let found = Providers.split(model)
        #expect(found.provider == provider && found.model == rest)
    }

    @Test("Cohere's penalties stay within its range, and rewards are named", arguments: [("2", "1.0"), ("0.5", "0.5")])
    func coherePenalties(given: String, sent: String) throws {
        let provider = try #require(Providers.named("cohere"))
        let endpoint = Endpoint(model: "m", baseURL: "http://x")
        func request(_ penalty: String) throws -> ChatRequest {
            let text = #"{"model":"m","messages":[{"role":"user","content":"q"}],"presence_penalty":\#(penalty)}"#
            return try ChatRequest(parsing: Array(text.utf8).span)
        }
        let body = try provider.encode(request(given), for: endpoint).body
        #expect(body.withSpan { $0.text(0..<$0.count) }.contains("\"presence_penalty\":\(sent)"))
        #expect(try provider.check(request("-1"), for: endpoint)?.fields == ["presence_penalty"])
    }
}
