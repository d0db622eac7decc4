import Testing

@testable import HedgeRouter

@Suite("A caller's trace context")
struct TraceContextTests {
    static let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test("keeps its trace and flags, and gets the attempt's span")
    func header() throws {
        let trace = try #require(TraceContext(Self.valid))
        #expect(trace.traceID == "0af7651916cd43dd8448eb211c80319c")
        #expect(TraceContext.hex(trace.parent) == "b7ad6b7169203331")
        #expect(
            trace.header(span: 0xab)
                == "traceparent: 00-0af7651916cd43dd8448eb211c80319c-00000000000000ab-01")
    }

    @Test("of a later version is read as far as it is known")
    func later() throws {
        #expect(TraceContext("cc" + Self.valid.dropFirst(2) + "-what-comes") == TraceContext(Self.valid))
        #expect(TraceContext("cc" + Self.valid.dropFirst(2)) == TraceContext(Self.valid))
    }

    @Test(
        "that is malformed is none",
        arguments: [
            "", "00", "ff" + valid.dropFirst(2), valid.uppercased(), valid + "-x", valid + "x",
            "cc" + valid.dropFirst(2) + "x",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g", String(repeating: "é", count: 40),
        ])
    func malformed(text: String) {
        #expect(TraceContext(text) == nil)
    }
}

@Suite("What tracing systems say beside a trace context")
struct TraceStateTests {
    static func entries(_ count: Int, long: Int = 0) -> String {
        (0..<count).map { "k\($0)=" + String(repeating: "v", count: max(1, long)) }.joined(separator: ",")
    }

    @Test(
        "passes on as it is, without white space around entries and empty ones",
        arguments: [
            ("rojo=00f067aa0ba902b7", "rojo=00f067aa0ba902b7"),
            ("rojo=1, congo=t61rcWkgMzE", "rojo=1,congo=t61rcWkgMzE"),
            (" \ta=1\t,, b=2 ,", "a=1,b=2"),
            ("fw529a3039@dt=FfYAAA4k;4B,0a_-*/z=!~ inside", "fw529a3039@dt=FfYAAA4k;4B,0a_-*/z=!~ inside"),
            (entries(32), entries(32)),
        ])
    func passes(given: String, sent: String) throws {
        let state = try #require(TraceState(given))
        #expect(state.header == "tracestate: " + sent)
    }

    @Test("is cut at whole entries, the long ones first and then from the end")
    func cut() throws {
        let long = "long=" + String(repeating: "x", count: 200)
        let short = Self.entries(9, long: 40)
        #expect(try #require(TraceState(long + "," + short)).text == short)
        let many = try #require(TraceState(Self.entries(30, long: 40)))
        #expect(many.text.utf8.count <= 512 && many.text.utf8.count > 460)
        #expect(Self.entries(30, long: 40).hasPrefix(many.text + ","))
    }

    @Test(
        "that is malformed is none",
        arguments: [
            "", " , ,", "a", "=1", "a=", "A=1", "a=1,a=2", "a=1,b", "a=\u{7f}", "a=é", "_a=1", "a=b=c", entries(33),
            "a=" + String(repeating: "x", count: 257), String(repeating: "k", count: 257) + "=1",
        ])
    func malformed(text: String) {
        #expect(TraceState(text) == nil)
    }
}
