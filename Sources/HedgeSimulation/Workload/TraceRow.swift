/// One measured request of a trace.
package struct TraceRow: Hashable, Sendable {
    package var provider: String
    /// Milliseconds to the first token and to the end.
    package var firstToken: Double
    package var total: Double
    package var isError: Bool
}

/// Why a trace cannot be read.
package struct TraceError: Error, Hashable, Sendable {
    package var line: Int
    package var message: String
}

extension TraceRow {
    /// Reads comma-separated rows under a header that names at least `provider`, `ttft_ms` and `total_ms`.
    ///
    /// A row with `error` set, or without a positive time to first token, is an attempt that failed.
    package static func rows(ofCSV text: String) throws(TraceError) -> [TraceRow] {
        var columns: [Substring: Int] = [:]
        var rows: [TraceRow] = []
        var number = 0
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            number += 1
            guard !line.allSatisfy(\.isWhitespace) else { continue }
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            if columns.isEmpty {
                for (index, name) in fields.enumerated() { columns[name] = index }
                for name in ["provider", "ttft_ms", "total_ms"] where columns[Substring(name)] == nil {
                    throw TraceError(line: number, message: "the header lacks \(name)")
                }
                continue
            }
            rows.append(try row(fields, columns, number))
        }
        guard !rows.isEmpty else { throw TraceError(line: number, message: "no rows") }
        return rows
    }

    private static func row(
        _ fields: [Substring], _ columns: [Substring: Int], _ line: Int
    ) throws(TraceError) -> TraceRow {
        func field(_ name: Substring) -> Substring {
            guard let index = columns[name], index < fields.count else { return "" }
            return fields[index]
        }
        func milliseconds(_ name: Substring) throws(TraceError) -> Double {
            let text = field(name)
            if text.isEmpty { return 0 }
            guard let value = Double(text), value.isFinite, value >= 0 else {
                throw TraceError(line: line, message: "\(name) is no number of milliseconds")
            }
            return value
        }
        let first = try milliseconds("ttft_ms")
        let total = try milliseconds("total_ms")
        // A time of zero means that no token was seen, not that it was there at once.
        let isError = !field("error").isEmpty || first == 0
        return TraceRow(
            provider: String(field("provider")), firstToken: first, total: max(total, first), isError: isError)
    }

    /// Rows by provider, in the order in which providers first appear.
    package static func byProvider(_ rows: [TraceRow]) -> [(provider: String, rows: [TraceRow])] {
        var order: [String] = []
        var groups: [String: [TraceRow]] = [:]
        for row in rows {
            if groups[row.provider] == nil { order.append(row.provider) }
            groups[row.provider, default: []].append(row)
        }
        return order.map { ($0, groups[$0] ?? []) }
    }
}
