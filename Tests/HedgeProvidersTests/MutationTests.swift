import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

/// Responses damaged at random, the same way in every run: nothing traps, and every one ends exactly once.
@Suite struct MutationTests {
    static let seeds: [String] = {
        let call = #"{"tool_calls":[{"index":0,"id":"A","type":"function","function":{"name":"f","arguments":"{}"}}]}"#
        let parts =
            #"{"content":[{"type":"text","text":"a"},{"type":"thinking","thinking":[{"type":"text","text":"h"}]}]}"#
        return [
            event(roleDelta) + event(#"{"content":"né \u00e9"}"#) + event(call) + event("{}", finish: #""stop""#)
                + #"data: {"id":"c1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"# + "\n\n" + done,
            ": hi\r\n\r\nevent: x\r\n" + event(parts) + event(#"{"reasoning":"h"}"#, index: 1)
                + "data: {\"error\":1}\n\n",
            WholeAnswerTests.answer(WholeAnswerTests.message) + "\n",
            #"{"error":{"message":"sk-0123456789 exceeds the context","type":"t","code":"429","innererror":{"code":"c"}}}"#,
        ]
    }()

    static let alphabet = Array(#"{}[]",:\ntfu0129.eE- "#.utf8) + [0x00, 0x0A, 0x0D, 0x1F, 0x8B, 0xC3, 0xE2, 0xFF]

    private func mutate(_ text: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var text = text
        for _ in 0..<(random.next() % 6) {
            let place = Int.random(in: 0..<max(1, text.count), using: &random)
            guard text.indices.contains(place) else { continue }
            switch random.next() % 5 {
            case 0: text[place] = Self.alphabet.randomElement(using: &random) ?? 0
            case 1: text.insert(Self.alphabet.randomElement(using: &random) ?? 0, at: place)
            case 2: text.remove(at: place)
            case 3: text.removeSubrange(place..<min(text.count, place + 20))
            default:
                let start = Int.random(in: 0..<text.count, using: &random)
                text.insert(contentsOf: text[start..<min(text.count, start + 40)], at: place)
            }
        }
        return text
    }

    private func cut(_ text: [UInt8], _ random: inout SplitMix) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var position = 0
        while position < text.count {
            let end = min(text.count, position + Int.random(in: 1...60, using: &random))
            pieces.append(Array(text[position..<end]))
            position = end
        }
        return pieces
    }

    @Test("every damaged response ends exactly once, and what it gave before is JSON", arguments: 0..<8)
    func damaged(seed: Int) throws {
        var random = SplitMix(state: UInt64(seed))
        for round in 0..<500 {
            let body = mutate(Array(Self.seeds[round % Self.seeds.count].utf8), &random)
            var response = Response()
            response.isStream = random.next() % 3 > 0
            response.streamsUpstream = random.next() % 2 == 0
            response.wantsUsage = random.next() % 2 == 0
            response.status = [200, 200, 200, 429, 500][Int(random.next() % 5)]
            response.apiKey = "sk-0123456789"
            let seen = try response.decode(cut(body, &random))
            let shown = String(decoding: body, as: UTF8.self)
            let ends = seen.filter { $0 == .completed || $0.failure != nil }
            #expect(ends.count == 1 && seen.last == ends.last, "\(shown)")
            for text in seen.compactMap(\.chunk) {
                let isJSON = (try? JSONTape().scan(Array(text.utf8).span)) != nil
                #expect(isJSON && (!response.isStream || !text.utf8.contains(0x0A)), "\(shown)")
            }
            if let failure = seen.last?.failure {
                #expect(failure.code.map(ErrorFacts.isIdentifier) ?? true)
                #expect((failure.providerMessage?.utf8.count ?? 0) <= Redaction.limit)
                #expect(failure.kind != .internal, "\(shown)")
            }
            #expect(try response.decode([body]) == seen, "\(shown)")
        }
    }

    static let others: [(provider: String, operation: HedgeProviders.Operation, request: String, answer: String)] = {
        func events(_ texts: String...) -> String { texts.map { "data: \($0)\n\n" }.joined() }
        let embeddings = #"{"model":"m","input":["a","b"],"encoding_format":"base64"}"#
        let message = #"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":1,"output_tokens":1}}}"#
        return [
            (
                "openai", .responses, #"{"model":"m","input":"u","stream":true}"#,
                events(
                    #"{"type":"response.created","response":{}}"#, #"{"type":"response.refusal.delta","delta":"é"}"#,
                    #"{"type":"response.completed","response":{"usage":{"input_tokens":3,"output_tokens":4}}}"#)
            ),
            (
                "anthropic", .messages,
                #"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"u"}],"stream":true}"#,
                events(
                    message, #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"é"}}"#,
                    #"{"type":"message_delta","usage":{"output_tokens":9}}"#, #"{"type":"message_stop"}"#)
            ),
            (
                "openai", .embeddings, embeddings,
                #"{"data":[{"index":0,"embedding":[1,2.5]},{"index":1,"embedding":"AAAA"}],"usage":{"prompt_tokens":4}}"#
            ),
            (
                "cohere", .embeddings, embeddings,
                #"{"embeddings":{"float":[[1,2.5],[3,4]]},"meta":{"billed_units":{}}}"#
            ),
            ("gemini", .embeddings, embeddings, #"{"embeddings":[{"values":[1]},{"values":[2e3]}]}"#),
        ]
    }()

    @Test("damaged answers of other operations end exactly once, too", arguments: others.indices)
    func damagedOthers(place: Int) throws {
        let other = Self.others[place]
        let request = try ChatRequest(parsing: Array(other.request.utf8).span, operation: other.operation)
        let endpoint = Endpoint(model: "m", baseURL: "http://127.0.0.1")
        var random = SplitMix(state: UInt64(place))
        for _ in 0..<500 {
            let body = mutate(Array(other.answer.utf8), &random)
            let decoder = try #require(Providers.named(other.provider)).makeDecoder(for: request, endpoint: endpoint)
            decoder.begin(ResponseHead(status: [200, 200, 200, 429][Int(random.next() % 4)]))
            var output = DecodedOutput()
            for piece in cut(body, &random) { decoder.decode(piece.span, into: &output) }
            decoder.end(into: &output)
            decoder.end(into: &output)
            let seen = Response.seen(output)
            let shown = String(decoding: body, as: UTF8.self)
            let ends = seen.filter { $0 == .completed || $0.failure != nil }
            #expect(ends.count == 1 && seen.last == ends.last, "\(shown)")
            for text in seen.compactMap(\.chunk) {
                let isJSON = (try? JSONTape().scan(Array(text.utf8).span)) != nil
                #expect(isJSON, "\(shown)")
            }
        }
    }

    @Test("damaged requests are refused or read, and never more", arguments: 0..<4)
    func damagedRequests(seed: Int) throws {
        var random = SplitMix(state: UInt64(seed))
        let text =
            #"{"model":"m","stream":true,"stream_options":{"a":1},\#(ChatRequestTests.messages),"tools":[{}],"n":1}"#
        let endpoint = Endpoint(model: "x", baseURL: "")
        var accepted = 0
        for _ in 0..<1000 {
            let body = mutate(Array(text.utf8), &random)
            guard let request = try? ChatRequest(parsing: body.span) else { continue }
            accepted += 1
            for name in ["openai", "mistral"] {
                let encoded = try #require(Providers.named(name)).encode(request, for: endpoint)
                let sent = encoded.body.withSpan { $0.text(0..<$0.count) }
                let isJSON = (try? JSONTape().scan(Array(sent.utf8).span)) != nil
                #expect(isJSON, "\(sent)")
            }
        }
        #expect(accepted > 50)
    }
}

/// SplitMix64, for inputs that are random and the same in every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
