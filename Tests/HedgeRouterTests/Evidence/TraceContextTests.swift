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
