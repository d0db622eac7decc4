import Testing

@testable import HedgeSimulation

struct TraceTests {
    private static let header = "provider,model,n,ttft_ms,total_ms,output_tokens,error\n"

    @Test("rows are read by the names in the header, in any order")
    func columns() throws {
        let rows = try TraceRow.rows(ofCSV: "error,total_ms,provider,ttft_ms\r\n,900.5,a,200\n503,40,b,\n")
        #expect(
            rows == [
                TraceRow(provider: "a", firstToken: 200, total: 900.5, isError: false),
                TraceRow(provider: "b", firstToken: 0, total: 40, isError: true),
            ])
    }

    @Test("a time to first token of zero is an answer that never came")
    func zero() throws {
        let rows = try TraceRow.rows(ofCSV: Self.header + "a,m,0,0,1500,0,\n")
        #expect(rows[0].isError)
    }

    @Test(
        "what cannot be read is named with its line",
        arguments: [
            ("provider,total_ms\n", 1, "ttft_ms"), (header + "a,m,0,x,1,1,\n", 2, "ttft_ms"),
            (header + "a,m,0,1,2,1,\na,m,1,1,-2,1,\n", 3, "total_ms"), (header, 2, "no rows"),
        ])
    func errors(_ text: String, _ line: Int, _ word: String) throws {
        let error = #expect(throws: TraceError.self) { try TraceRow.rows(ofCSV: text) }
        #expect(error?.line == line)
        #expect(error?.message.contains(word) == true)
    }

    @Test("a traced deployment repeats its rows in their order")
    func order() {
        let rows = (1...7).map { TraceRow(provider: "a", firstToken: Double($0 * 10), total: 100, isError: false) }
        let workload = Workload(
            name: "trace", servers: [ServerModel(.trace(rows))], arrivalsPerSecond: 1, requests: 70)
        let latencies = PolicyCatalog.none.run(workload, seed: 1).latencies.map { Int($0.rounded()) }
        for (one, next) in zip(latencies, latencies.dropFirst()) {
            #expect(next == one % 70 + 10)
        }
    }

    @Test("the drawing has a curve and a name for each policy")
    func drawing() {
        let series = SurvivalSeries([100, 200, 300])
        let svg = SurvivalPlot(title: "a < b", curves: [("one & two", series), ("three", series)]).svg
        #expect(svg.components("<polyline") == 2)
        #expect(svg.contains("one &amp; two"))
        #expect(svg.contains("a &lt; b"))
        #expect(!svg.contains("nan") && !svg.contains("inf"))
    }

    @Test(
        "numbers are rounded as written",
        arguments: [
            (1.005, 1, "1.0"), (-2.5, 0, "-3"), (0.049, 2, "0.05"), (12345.678, 1, "12345.7"), (Double.nan, 1, "-"),
        ])
    func numbers(_ value: Double, _ decimals: Int, _ expected: String) {
        #expect(text(value, decimals) == expected)
    }
}

extension String {
    fileprivate func components(_ word: String) -> Int {
        var count = 0
        var rest = self[...]
        while let found = rest.range(of: word) {
            count += 1
            rest = rest[found.upperBound...]
        }
        return count
    }

    fileprivate func contains(_ word: String) -> Bool {
        self[...].range(of: word) != nil
    }
}

extension Substring {
    /// Where a word first stands.
    fileprivate func range(of word: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(word), let end = index(start, offsetBy: word.count, limitedBy: endIndex) {
                return start..<end
            }
            start = index(after: start)
        }
        return nil
    }
}
