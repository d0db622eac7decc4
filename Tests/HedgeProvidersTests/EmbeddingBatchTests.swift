import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

@Suite("Inputs for embeddings beyond a provider's limit") struct EmbeddingBatchTests {
    static func request(_ input: String, rest: String = "") throws -> ChatRequest {
        let text = Array(#"{"model":"g\"1","input":\#(input)\#(rest)}"#.utf8)
        return try ChatRequest(parsing: text.span, operation: .embeddings)
    }

    static func list(_ count: Int) -> String {
        "[" + (0..<count).map { "\"t\($0)\"" }.joined(separator: " , ") + "]"
    }

    static func endpoint(limit: Int?, model: String = "e") -> Endpoint {
        var endpoint = Endpoint(model: model, baseURL: "http://127.0.0.1")
        endpoint.flags.maxEmbeddingInputs = limit
        return endpoint
    }

    static func inputs(of part: ChatRequest) throws -> [String] {
        let embedding = try #require(part.embeddingRequest(at: endpoint(limit: nil)))
        return embedding.texts.compactMap(\.string)
    }

    @Test(
        "are divided in order, none lost and none twice",
        arguments: [(1, 3), (2, 4), (2, 5), (3, 3), (3, 4), (96, 97), (1000, 1)])
    func divided(limit: Int, count: Int) throws {
        let request = try Self.request(Self.list(count), rest: #","dimensions":3"#)
        let parts = request.parts(within: EmbeddingLimits(inputs: limit))
        #expect(parts.count == (count + limit - 1) / limit)
        #expect(try parts.flatMap(Self.inputs) == (0..<count).map { "t\($0)" })
        for part in parts {
            #expect(try Self.inputs(of: part).count <= limit)
            #expect(part.embeddingRequest(at: Self.endpoint(limit: nil))?.dimensions == 3)
            #expect(part.model == request.model && part.operation == .embeddings)
        }
    }

    @Test("lists of tokens are divided as lists, and one list of tokens is not")
    func tokens() throws {
        let parts = try Self.request("[[1,2],[3],[4,5,6]]").parts(within: EmbeddingLimits(inputs: 2))
        #expect(
            parts.map { $0.members.withSpan { $0.text($0.indices) } } == [
                #""input":[[1,2],[3]]"#, #""input":[[4,5,6]]"#,
            ])
        #expect(try Self.request("[1,2,3]").parts(within: EmbeddingLimits(inputs: 2)).count == 1)
        #expect(try Self.request(#""one""#).parts(within: EmbeddingLimits(inputs: 1)).count == 1)
    }

    @Test(
        "are divided by their tokens, too: two bytes of a text are one, a list has what it has",
        arguments: [
            (#"["aaaa","bbbb","cccc"]"#, 6, [#"["aaaa","bbbb"]"#, #"["cccc"]"#]),
            (#"["aaaa","bbbb","cccc"]"#, 9, []),
            (#"["aaaaaaaaaaaaaaaaaa","b","c"]"#, 6, [#"["aaaaaaaaaaaaaaaaaa"]"#, #"["b","c"]"#]),
            ("[[1,2],[3,4],[5,6,7]]", 5, ["[[1,2],[3,4]]", "[[5,6,7]]"]),
            ("[1,2,3,4,5,6,7]", 2, []), (#""aaaaaaaaaaaaaaaa""#, 2, []),
        ] as [(String, Int, [String])])
    func tokenLimit(input: String, tokens: Int, parts: [String]) throws {
        let made = try Self.request(input).parts(within: EmbeddingLimits(inputs: 100, tokens: tokens))
        let texts = made.map { $0.members.withSpan { $0.text($0.indices) } }
        #expect(texts == (parts.isEmpty ? [input] : parts).map { #""input":\#($0)"# })
    }

    @Test(
        "have a limit of tokens at each provider that has one",
        arguments: [
            ("openai", "e", 300_000), ("azure", "e", 300_000), ("vertex_ai", "text-embedding-005", 20_000),
            ("mistral", "mistral-embed", 16_384), ("cohere", "e", nil), ("gemini", "e", nil), ("ollama", "e", nil),
        ] as [(String, String, Int?)])
    func tokenLimits(name: String, model: String, tokens: Int?) throws {
        let provider = try #require(Providers.named(name))
        var endpoint = Self.endpoint(limit: nil, model: model)
        #expect(provider.embeddingLimits(at: endpoint).tokens == tokens)
        let long = "\"" + String(repeating: "x", count: 400_000) + "\""
        let request = try Self.request("[\(long),\(long),\(long)]")
        let parts = EmbeddingBatch.parts(of: request, to: provider, at: endpoint)
        #expect(parts.count == (tokens == nil ? 1 : 3))
        endpoint.flags.maxEmbeddingTokens = 500_000
        #expect(EmbeddingBatch.parts(of: request, to: provider, at: endpoint).count == 2)
    }

    @Test(
        "have a limit at each provider that has one",
        arguments: [
            ("openai", "e", 2048), ("azure", "e", 2048), ("cohere", "e", 96), ("gemini", "gemini-embedding-001", 100),
            ("vertex_ai", "text-embedding-005", 250), ("vertex_ai", "gemini-embedding-001", 1),
            ("bedrock", "amazon.titan-embed-text-v2:0", 1), ("bedrock", "us.cohere.embed-v4:0", 96),
            ("mistral", "mistral-embed", nil), ("ollama", "nomic-embed-text", nil), ("hosted_vllm", "e", nil),
        ] as [(String, String, Int?)])
    func limits(name: String, model: String, limit: Int?) throws {
        let provider = try #require(Providers.named(name))
        #expect(provider.embeddingLimits(at: Self.endpoint(limit: nil, model: model)).inputs == limit)
        let request = try Self.request(Self.list(2049))
        let parts = EmbeddingBatch.parts(of: request, to: provider, at: Self.endpoint(limit: nil, model: model))
        #expect(parts.count == limit.map { (2049 + $0 - 1) / $0 } ?? 1)
        // The configuration's own limit goes before the provider's.
        #expect(EmbeddingBatch.parts(of: request, to: provider, at: Self.endpoint(limit: 2000)).count == 2)
    }

    /// An answer with one vector for each value, given in this order of indices.
    static func answer(_ vectors: [(index: Int, value: Int)], tokens: Int?) -> String {
        let data = vectors.map { #"{"object":"embedding","index":\#($0.index),"embedding":[\#($0.value)]}"# }
        let usage = tokens.map { #","usage":{"prompt_tokens":\#($0),"total_tokens":\#($0)}"# } ?? ""
        return #"{"object":"list","data":[\#(data.joined(separator: ","))],"model":"m1"\#(usage)}"#
    }

    /// What comes of these answers, each read in pieces of this many bytes.
    static func join(
        _ answers: [(status: Int, body: String)], inputs: Int, piece: Int, provider: String = "openai"
    ) throws -> [Seen] {
        let provider = try #require(Providers.named(provider))
        let batch = try #require(
            EmbeddingBatch.of(try request(list(inputs)), to: provider, at: endpoint(limit: 2)))
        var seen: [Seen] = []
        for answer in answers {
            var output = DecodedOutput()
            batch.begin(ResponseHead(status: answer.status))
            #expect(!batch.awaitsTransfer)
            let bytes = Array(answer.body.utf8)
            for start in stride(from: 0, to: bytes.count, by: piece) {
                batch.decode(Array(bytes[start..<min(start + piece, bytes.count)]).span, into: &output)
            }
            batch.end(into: &output)
            seen += Response.seen(output)
            let isOver = seen.last == .completed || seen.last?.failure != nil
            #expect(batch.awaitsTransfer != isOver)
        }
        return seen
    }

    @Test("come back as one answer, in order, with their usage summed up", arguments: [1, 7, 1 << 20])
    func joined(piece: Int) throws {
        let seen = try Self.join(
            [
                (200, Self.answer([(0, 10), (1, 11)], tokens: 3)),
                // The second answer gives its vectors in another order, as indices allow.
                (200, Self.answer([(1, 13), (0, 12)], tokens: 4)),
                (200, Self.answer([(0, 14)], tokens: 5)),
            ], inputs: 5, piece: piece)
        let vectors = [(0, 10), (1, 11), (3, 13), (2, 12), (4, 14)].map {
            #"{"object":"embedding","embedding":[\#($0.1)],"index":\#($0.0)}"#
        }
        let usage = #""usage":{"prompt_tokens":12,"total_tokens":12}"#
        let whole = #"{"object":"list","data":[\#(vectors.joined(separator: ","))],"model":"m1",\#(usage)}"#
        #expect(
            seen == [.usage(3, 0), .usage(7, 0), .usage(12, 0), .chunk(whole, output: true), .completed])
    }

    @Test("say nothing of usage where the provider does not")
    func withoutUsage() throws {
        let seen = try Self.join(
            [(200, Self.answer([(0, 1), (1, 2)], tokens: nil)), (200, Self.answer([(0, 3)], tokens: nil))],
            inputs: 3, piece: 1 << 20)
        #expect(seen.count == 2 && seen.last == .completed && seen.first?.chunk?.contains("usage") == false)
    }

    @Test("have the usage they would have in one part, where the provider counts nothing")
    func uncounted() throws {
        let answers = [#"{"embeddings":[{"values":[1]},{"values":[2]}]}"#, #"{"embeddings":[{"values":[3]}]}"#]
        let seen = try Self.join(answers.map { (200, $0) }, inputs: 3, piece: 1 << 20, provider: "gemini")
        let usage = #","usage":{"prompt_tokens":0,"total_tokens":0}}"#
        #expect(seen.count == 2 && seen.first?.chunk?.hasSuffix(usage) == true && seen.last == .completed)
    }

    @Test("fail as a whole when a part fails")
    func failure() throws {
        let first = Self.answer([(0, 1), (1, 2)], tokens: 3)
        let error = #"{"error":{"message":"m","type":"server_error"}}"#
        let seen = try Self.join([(200, first), (500, error)], inputs: 3, piece: 5)
        #expect(seen.first == .usage(3, 0) && seen.last?.failure?.kind == .server && seen.count == 2)
        #expect(seen.last?.failure?.detail == "part 2 of 2")
        let short = try Self.join([(200, first), (200, Self.answer([], tokens: 1))], inputs: 3, piece: 5)
        #expect(short.last?.failure?.kind == .malformed && !short.contains(.completed))
        let cut = try Self.join([(200, String(first.dropLast(9)))], inputs: 3, piece: 5)
        #expect(cut.map { $0.failure?.kind } == [.truncated])
        #expect(cut.first?.failure?.detail?.hasPrefix("part 1 of 2: the answer is not valid JSON") == true)
    }
}
