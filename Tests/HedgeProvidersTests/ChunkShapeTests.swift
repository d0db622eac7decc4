import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

@Suite struct ChunkShapeTests {
    /// What may stand between the quotes of a text, or come in place of the rest.
    static let deltas = [
        #"{"content":"two"}"#, #"{"content":""}"#, #"{"content":"\""}"#, #"{"content":"\\"}"#, #"{"content":"\"}"#,
        #"{"content":"a","content":"b"}"#, #"{"content":"a","role":"user"}"#, #"{"content":"a"},"x":{"y":"z"}"#,
        #"{"content":"né"}"#, "{\"content\":\"tab\t\"}", "{\"content\":\"\u{7f}\"}", "{\"content\":\"nul\0\"}",
        #"{"content":"a" }"#, #"{"content": "a"}"#, #"{"content":null}"#, #"{"content":["a"]}"#, #"{"content":"a"}}"#,
        #"{"content":"a","tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":""}}]}"#,
        #"{"content":"a","refusal":"b"}"#, #"{"reasoning":"a"}"#, #"{"reasoning_content":"a"}"#, "{}",
    ]

    @Test("a chunk is read the same after one of its shape as after one of another", arguments: deltas)
    func sameShape(delta: String) throws {
        let after = event(delta) + event(#"{"content":"end"}"#) + event("{}", finish: #""stop""#) + done
        let warm = try Response().decode(event(roleDelta) + event(#"{"content":"one"}"#) + after)
        let cold = try Response().decode(event(roleDelta) + event(#"{"content":"one"}"#, rest: #","x":1"#) + after)
        #expect(warm.dropFirst(2) == cold.dropFirst(2))
    }

    @Test("bytes that are no UTF-8 are refused after a chunk of the same shape too")
    func invalidText() throws {
        var bad = Array(event(#"{"content":"?"}"#).utf8)
        let place = try #require(bad.firstIndex(of: UInt8(ascii: "?")))
        bad[place] = 0xFF
        let good = Array((event(roleDelta) + event(#"{"content":"one"}"#)).utf8)
        let seen = try Response().decode([good + bad])
        #expect(seen.last?.failure?.kind == .malformed)
    }

    @Test("a shape is recognised, and given up when chunks keep differing elsewhere")
    func givesUp() {
        func text(_ words: String, _ padding: String) -> [UInt8] { Array(#"{"t":"\#(words)","p":"\#(padding)"}"#.utf8) }
        var shape = ChunkShape()
        func matches(_ words: String, _ padding: String) -> Bool {
            let text = text(words, padding)
            return shape.matches(text.span)
        }
        let first = text("one", "")
        shape.remember(first.span, quoted: 5..<10)
        #expect(matches("another", ""))
        #expect(!matches("another", "x"))
        #expect(!matches("", ""))
        for _ in 0..<20 { shape.remember(text("one", "x").span, quoted: 5..<10) }
        shape.remember(first.span, quoted: 5..<10)
        #expect(!matches("another", ""))
    }
}
