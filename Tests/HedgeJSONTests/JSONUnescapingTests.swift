import HedgeJSON
import Testing

@Suite struct JSONUnescapingTests {
    @Test(
        "an escape of half a character becomes U+FFFD where it stands, and nothing else changes",
        arguments: [
            (#""\ud800""#, #""\ufffd""#), (#""\udc00\ud800""#, #""\ufffd\ufffd""#),
            (#""\uD83D\uDE00""#, #""\uD83D\uDE00""#), (#""\ud800\ud83d\ude00""#, #""\ufffd\ud83d\ude00""#),
            (#""\ud800\u0041""#, #""\ufffd\u0041""#), (#""\ud800\\udc00""#, #""\ufffd\\udc00""#),
            (#""\\ud800\"""#, #""\\ud800\"""#), (#""\ud7ff\ue000\n""#, #""\ud7ff\ue000\n""#), ("{}", "{}"),
        ])
    func surrogates(text: String, mended: String) throws {
        var bytes = Array(text.utf8)
        bytes.mendSurrogates(from: 0)
        #expect(String(decoding: bytes, as: UTF8.self) == mended)
        var later = Array((#""\ud800""# + text).utf8)
        later.mendSurrogates(from: 8)
        #expect(String(decoding: later, as: UTF8.self) == #""\ud800""# + mended)
        try JSONTape().scan(bytes.span)
    }

    @Test("a text that ends inside an escape keeps its length", arguments: [#""\"#, #""\ud80"#, #""\ud800\udc0"#])
    func cut(text: String) {
        var bytes = Array(text.utf8)
        bytes.mendSurrogates(from: 0)
        #expect(bytes.count == text.utf8.count)
    }
}
