import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

@Suite struct WholeAnswerTests {
    static func answer(_ message: String, finish: String = #""stop""#, rest: String = "") -> String {
        #"{"id":"c1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":\#(message),"#
            + #""finish_reason":\#(finish),"logprobs":null}],"usage":{"prompt_tokens":9,"completion_tokens":4}\#(rest)}"#
    }

    static let message = #"{"role":"assistant","content":"h\u00e9 é","refusal":null}"#

    @Test("an answer that is right passes byte for byte, unknown members and spaces included")
    func verbatim() throws {
        let text = Self.answer(Self.message, rest: #" , "x" : 1.50 "#) + "\n"
        let seen = try Response(isStream: false).decode(text)
        #expect(seen == [.chunk(text, output: true), .usage(9, 4), .completed])
    }

    @Test("of members given twice the first counts, and both are passed on")
    func repeated() throws {
        let text = Self.answer(#"{"role":"assistant","content":"","content":"x","role":null}"#)
        let seen = try Response(isStream: false).decode(text)
        #expect(seen == [.chunk(text, output: false), .usage(9, 4), .completed])
    }

    @Test("an answer of a megabyte arrives byte for byte, in pieces of any size", arguments: [1000, 16_384, 1 << 22])
    func large(piece: Int) throws {
        let content = String(repeating: "lorem ipsum é ", count: 70_000)
        let text = Self.answer(#"{"role":"assistant","content":"\#(content)"}"#)
        let bytes = Array(text.utf8)
        let pieces = stride(from: 0, to: bytes.count, by: piece).map { Array(bytes[$0..<min($0 + piece, bytes.count)]) }
        let seen = try Response(isStream: false).decode(pieces)
        #expect(seen == [.chunk(text, output: true), .usage(9, 4), .completed])
    }

    @Test("blank lines before the answer are keep-alives", arguments: ["\n", "\r\n \t\n\n"])
    func keepAlive(blank: String) throws {
        let text = Self.answer(Self.message)
        #expect(try Response(isStream: false).decode(blank + text).first == .chunk(text, output: true))
    }

    @Test("an answer cut anywhere is truncated, and never a success")
    func cut() throws {
        let bytes = Array(Self.answer(Self.message).utf8)
        for end in 0..<bytes.count {
            let seen = try Response(isStream: false).decode([Array(bytes[..<end])])
            #expect(seen.count == 1 && seen[0].failure?.kind == .truncated)
        }
    }

    @Test(
        "what is no completion is malformed",
        arguments: [
            "[]", "{}", #"{"choices":[]}"#, #"{"choices":null}"#, #"{"choices":[1]}"#, #"{"choices":[{}]}"#,
            "<html></html>", "{}{}", "null", #"{"choices":[{"message":"x"}]}"#,
        ])
    func malformed(text: String) throws {
        let seen = try Response(isStream: false).decode(text)
        #expect(seen.count == 1 && seen[0].failure?.kind == .malformed && seen[0].failure?.detail != nil)
    }

    @Test("a compressed answer is told from a broken one", arguments: [true, false])
    func compressed(isStream: Bool) throws {
        let gzip: [UInt8] = [0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0]
        for response in [
            Response(isStream: isStream), Response(isStream: isStream, headers: ["Content-Encoding: gzip"]),
        ] {
            let failure = try #require(try response.decode([gzip]).first?.failure)
            #expect(failure.kind == .malformed && failure.detail?.hasPrefix("the answer is compressed") == true)
        }
        let named = Response(isStream: isStream, headers: ["content-encoding: br"])
        #expect(try named.decode([[0x8B, 1, 2]]).first?.failure?.detail?.hasPrefix("the answer is compressed") == true)
        let identity = Response(isStream: false, headers: ["content-encoding: identity"])
        #expect(try identity.decode(Self.answer(Self.message)).last == .completed)
    }

    @Test(
        "what an answer must say is corrected in place",
        arguments: [
            (#"{"content":"a","reasoning":"h"}"#, #""stop""#, #"{"content":"a","reasoning_content":"h"}"#, #""stop""#),
            (#"{"content":"a"}"#, #""""#, #"{"content":"a"}"#, #""stop""#),
            (#"{"content":"a"}"#, "null", #"{"content":"a"}"#, #""stop""#),
            (#"{"content":"a"}"#, #""eos""#, #"{"content":"a"}"#, #""stop""#),
            (#"{"content":"a"}"#, #""model_length""#, #"{"content":"a"}"#, #""length""#),
            (
                #"{"content":null,"tool_calls":[{"id":"A","type":"function","function":{"name":"f","arguments":{"x":1}}}]}"#,
                #""stop""#,
                #"{"content":null,"tool_calls":[{"id":"A","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]}"#,
                #""tool_calls""#
            ),
            (
                #"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"h"}]},{"type":"text","text":"a"}]}"#,
                #""stop""#, #"{"content":"a","reasoning_content":"h"}"#, #""stop""#
            ),
        ])
    func corrections(message: String, finish: String, corrected: String, reason: String) throws {
        let seen = try Response(isStream: false).decode(Self.answer(message, finish: finish))
        // Whose words they are is among what must be said.
        let whole = corrected.dropLast() + #","role":"assistant"}"#
        #expect(seen.first == .chunk(Self.answer(String(whole), finish: reason), output: true))
        #expect(seen.last == .completed)
    }

    @Test("an answer that ended with an error is one")
    func errorFinish() throws {
        let seen = try Response(isStream: false).decode(Self.answer(Self.message, finish: #""error""#))
        #expect(seen.count == 1 && seen[0].failure?.kind == .server)
    }

    @Test("a whole answer to a request that streams comes as chunks", arguments: [true, false])
    func replayedAsStream(wanted: Bool) throws {
        let message =
            #"{"role":"assistant","content":"a","tool_calls":[{"id":"A","type":"function","#
            + #""function":{"name":"f","arguments":"{}"}},{"id":"B","type":"function","function":{"name":"g","arguments":"{}"}}]}"#
        let seen = try Response(wantsUsage: wanted, headers: ["Content-Type: application/json"]).decode(
            Self.answer(message, finish: #""tool_calls""#))
        let first = try JSONDocument.parse(try #require(seen[1].chunk)).root
        let delta = try #require(first["choices"]?[0]?["delta"])
        #expect(seen[0] == .usage(9, 4) && first["object"]?.string == "chat.completion.chunk")
        #expect(delta["content"]?.string == "a" && delta["role"]?.string == "assistant")
        #expect(delta["tool_calls"]?.elements.map { $0["index"]?.integer } == [0, 1])
        #expect(seen[2] == .chunk(chunk("{}", finish: #""tool_calls""#), output: false))
        let usage = try seen[3].chunk.map { try JSONDocument.parse($0).root["usage"]?["prompt_tokens"]?.integer }
        #expect(usage == (wanted ? 9 : nil) && seen.last == .completed && seen.count == (wanted ? 5 : 4))
    }

    @Test("a transfer that breaks gets no end from here")
    func broken() throws {
        let bytes = Array(Self.answer(Self.message).utf8)
        #expect(try Response(isStream: false, ends: false).decode([bytes]) == [])
        #expect(try Response(ends: false).decode([Array(event(roleDelta).utf8)]).count == 1)
    }
}
