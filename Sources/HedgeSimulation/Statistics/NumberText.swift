/// A number with so many decimals; `-` for what is none.
package func text(_ value: Double, _ decimals: Int = 0) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "-" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let rounded = (value * scale).rounded(.toNearestOrAwayFromZero)
    let whole = UInt64(abs(rounded))
    let sign = rounded < 0 ? "-" : ""
    guard decimals > 0 else { return sign + String(whole) }
    let divisor = UInt64(scale)
    let fraction = String(whole % divisor)
    return sign + String(whole / divisor) + "." + String(repeating: "0", count: decimals - fraction.count) + fraction
}

/// A share in percent.
package func percent(_ share: Double, _ decimals: Int = 1) -> String {
    share.isFinite ? text(share * 100, decimals) + " %" : "-"
}

/// Rows of cells as aligned columns: the first to the left, the others to the right.
package func table(_ header: [String], _ rows: [[String]]) -> String {
    var widths = header.map(\.count)
    for row in rows {
        for (index, cell) in row.enumerated() where index < widths.count {
            widths[index] = max(widths[index], cell.count)
        }
    }
    func line(_ cells: [String]) -> String {
        var parts: [String] = []
        for (index, cell) in cells.enumerated() where index < widths.count {
            let padding = String(repeating: " ", count: widths[index] - cell.count)
            parts.append(index == 0 ? cell + padding : padding + cell)
        }
        return parts.joined(separator: "  ")
    }
    let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
    return ([line(header), rule] + rows.map(line)).joined(separator: "\n")
}
