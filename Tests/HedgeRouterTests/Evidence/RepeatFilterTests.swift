import Testing

@testable import HedgeRouter

@Suite("Records that repeat each other")
struct RepeatFilterTests {
    @Test("come a few at a time, and say how many were left out")
    func counts() {
        let filter = RepeatFilter()
        let admitted = (0..<100).map { filter.admit("a", at: Int64($0)) }
        #expect(admitted.prefix(RepeatFilter.allowance).allSatisfy { $0 == 0 })
        #expect(admitted.dropFirst(RepeatFilter.allowance).allSatisfy { $0 == nil })
        #expect(filter.admit("b", at: 100) == 0)
        #expect(filter.admit("a", at: RepeatFilter.window) == UInt64(100 - RepeatFilter.allowance))
        #expect(filter.admit("a", at: RepeatFilter.window) == 0)
    }

    @Test("are forgotten rather than kept without end")
    func bounded() {
        let filter = RepeatFilter()
        for index in 0..<10_000 { #expect(filter.admit("subject \(index)", at: 0) == 0) }
    }

    @Test("stay one JSON object when they tell the number")
    func text() {
        let record = LogRecord.traceIgnored("traceparent")
        let counted = String(decoding: record.counting(suppressed: 7).json, as: UTF8.self)
        #expect(counted.hasSuffix(#","suppressed_before":7}"#))
        #expect(record.counting(suppressed: 0).json == record.json)
    }
}
