import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

/// Answers with more of something than any provider gives: an error, in bounded memory, and never half an answer.
@Suite("Answers beyond any sense") struct ExcessTests {
    private func events(_ texts: [String]) -> [[UInt8]] { [Array(texts.map { "data: \($0)\n\n" }.joined().utf8)] }

    private static let anthropicStart =
        #"{"type":"message_start","message":{"id":"m","model":"m","usage":{"input_tokens":1}}}"#
    private static let anthropicEnd = [
        #"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":3}}"#,
        #"{"type":"message_stop"}"#,
    ]

    private func anthropicCalls(_ count: Int) -> [[UInt8]] {
        let calls = (0..<count).flatMap { index in
            [
                #"{"type":"content_block_start","index":\#(index),"#
                    + #""content_block":{"type":"tool_use","id":"t\#(index)","name":"f"}}"#,
                #"{"type":"content_block_stop","index":\#(index)}"#,
            ]
        }
        return events([Self.anthropicStart] + calls + Self.anthropicEnd)
    }

    @Test("no tool call is left out", arguments: [true, false])
    func calls(isStream: Bool) throws {
        let response = Response(provider: "anthropic", isStream: isStream, streamsUpstream: true)
        #expect(try response.decode(anthropicCalls(1024)).last == .completed)
        let failure = try response.decode(anthropicCalls(1025)).last?.failure
        #expect(failure?.kind == .malformed && failure?.detail == "too many tool calls")
    }

    @Test("no choice is left out", arguments: [true, false])
    func choices(isStream: Bool) throws {
        func answer(_ count: Int) -> [[UInt8]] {
            let candidates = (0..<count).map {
                #"{"index":\#($0),"content":{"parts":[{"text":"x"}]},"finishReason":"STOP"}"#
            }
            return events([#"{"candidates":[\#(candidates.joined(separator: ","))]}"#])
        }
        let response = Response(provider: "gemini", isStream: isStream, streamsUpstream: true)
        #expect(try response.decode(answer(128)).last == .completed)
        let failure = try response.decode(answer(129)).last?.failure
        #expect(failure?.kind == .malformed && failure?.detail == "too many choices")
    }

    @Test("an answer that is kept has an end, one that streams has none", arguments: [true, false])
    func length(isStream: Bool) {
        var builder = ChunkBuilder(model: "m", isStream: isStream, wantsUsage: false)
        let words = [UInt8](repeating: UInt8(ascii: "x"), count: 8 << 20)
        for count in 1...9 {
            var output = DecodedOutput()
            builder.text(.content, words.span, into: &output)
            #expect((builder.excess == nil) == (isStream || count < 9))
        }
    }

    @Test("members and elements of an assembled answer are all there, however many")
    func members() throws {
        let range = 0..<5000
        let members = range.map { #""k\#($0)":1"# }.joined(separator: ",")
        let list = range.map { #"{"index":\#($0),"n":1}"# }.joined(separator: ",")
        func body(_ word: String) -> String {
            #"{"id":"c","choices":[{"index":0,"delta":{"content":"\#(word)","list":[\#(list)],\#(members)}}],\#(members)}"#
        }
        let response = Response(isStream: false, streamsUpstream: true)
        let seen = try response.decode(events([body("a"), body("b"), "[DONE]"]))
        let answer = try JSONDocument.parse(try #require(seen.compactMap(\.chunk).last)).root
        let message = try #require(answer["choices"]?[0]?["message"])
        #expect(message["content"]?.string == "ab" && message["list"]?.count == range.count)
        #expect(answer["k4999"]?.integer == 1 && message["k4999"]?.integer == 1)
        #expect(answer.members.count { $0.key.hasPrefix("k") } == range.count)
        #expect(message.members.count { $0.key.hasPrefix("k") } == range.count)
    }

    @Test("an answer of members without end is refused")
    func manyMembers() throws {
        func body(_ round: Int) -> String {
            let members = (0..<100_000).map { #""\#(round)_\#($0)":1"# }.joined(separator: ",")
            return #"{"id":"c","choices":[{"index":0,"delta":{"content":"a"}}],\#(members)}"#
        }
        let response = Response(isStream: false, streamsUpstream: true, ends: false)
        let seen = try response.decode((0..<6).map { events([body($0)])[0] })
        #expect(seen.last?.failure?.detail == "the answer is longer than 64 MiB")
    }

    @Test("keys with escapes stay as they are in an assembled answer")
    func escapedKeys() throws {
        let chunk = #"{"id":"c","a\"b\n":1,"choices":[{"index":0,"delta":{"content":"x","é\\":[1,{"y" : 2}]}}]}"#
        let seen = try Response(isStream: false, streamsUpstream: true).decode(events([chunk, "[DONE]"]))
        let answer = try #require(seen.compactMap(\.chunk).last)
        #expect(answer.contains(#""a\"b\n":1"#) && answer.contains(#""é\\":[1,{"y" : 2}]"#))
    }

    @Test("the chunks that end choices are not kept without end")
    func ends() throws {
        let padding = String(repeating: "x", count: 3 << 20)
        let pieces = (0..<6).map { index in
            events([
                #"{"id":"c","z":"\#(padding)","choices":[{"index":\#(index),"delta":{},"finish_reason":"stop"}]}"#
            ])[0]
        }
        let seen = try Response(ends: false).decode(pieces)
        #expect(seen.last?.failure?.kind == .malformed)
    }

    @Test("an error names no more identifiers than are of use")
    func codes() throws {
        let reasons = (0..<5000).map { #"{"reason":"R\#($0)"}"# }.joined(separator: ",")
        let text = Array(#"{"error":{"code":429,"details":[\#(reasons)]}}"#.utf8)
        let tape = JSONTape()
        try tape.scan(text.span)
        let facts = ErrorFacts(status: 200, node: 0, tape, text.span)
        #expect(facts.status == 429 && facts.codes == (0..<ErrorFacts.codeLimit).map { "R\($0)" })
    }
}
