import Glibc

/// A drawing of survival curves on logarithmic axes, as SVG.
package struct SurvivalPlot: Sendable {
    private var title: String
    private var curves: [(name: String, series: SurvivalSeries)]

    private static let colours = [
        "#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e", "#9498a0",
    ]
    private static let left = 70.0
    private static let top = 50.0
    private static let width = 640.0
    private static let height = 400.0
    /// The smallest share shown.
    private static let floor = 1e-4

    package init(title: String, curves: [(name: String, series: SurvivalSeries)]) {
        self.title = title
        self.curves = curves
    }

    package var svg: String {
        let (first, last) = range
        var parts = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 520" font-family="sans-serif" font-size="12">
            <rect width="900" height="520" fill="white"/>
            <text x="\(text(Self.left))" y="28" font-size="16">\(Self.escaped(title))</text>
            """
        ]
        parts += grid(first, last)
        for (index, curve) in curves.enumerated() {
            let colour = Self.colours[index % Self.colours.count]
            parts.append(
                "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.8\" points=\""
                    + points(curve.series, first, last) + "\"/>")
            let y = Self.top + 14 + Double(index) * 20
            let x = Self.left + Self.width + 20
            parts.append(
                "<line x1=\"\(text(x))\" x2=\"\(text(x + 22))\" y1=\"\(text(y - 4))\" y2=\"\(text(y - 4))\" "
                    + "stroke=\"\(colour)\" stroke-width=\"3\"/>"
                    + "<text x=\"\(text(x + 28))\" y=\"\(text(y))\">\(Self.escaped(curve.name))</text>")
        }
        parts.append("</svg>")
        return parts.joined(separator: "\n") + "\n"
    }

    /// Indices of the latencies between which something happens.
    private var range: (first: Int, last: Int) {
        var first = SurvivalSeries.latencies.count - 1
        var last = 0
        for curve in curves {
            for (index, share) in curve.series.shares.enumerated() {
                if share < 0.999 { first = min(first, index) }
                if share > Self.floor { last = max(last, index) }
            }
        }
        return first < last ? (first, last) : (0, SurvivalSeries.latencies.count - 1)
    }

    private func grid(_ first: Int, _ last: Int) -> [String] {
        var parts: [String] = []
        let right = text(Self.left + Self.width)
        let bottom = Self.top + Self.height
        for (share, name) in [
            (1, "1"), (0.1, "10 %"), (0.05, "5 %"), (0.01, "1 %"), (0.001, "0.1 %"), (1e-4, "0.01 %"),
        ] {
            let y = text(y(share), 1)
            parts.append(
                "<line x1=\"\(text(Self.left))\" x2=\"\(right)\" y1=\"\(y)\" y2=\"\(y)\" stroke=\"#ddd\"/>"
                    + "<text x=\"\(text(Self.left - 8))\" y=\"\(y)\" text-anchor=\"end\">\(name)</text>")
        }
        for (index, latency) in SurvivalSeries.latencies.enumerated() where index >= first && index <= last {
            // Every third of a decade: 1, 2.15 and 4.6 times a power of ten.
            guard index % 100 == 0 || index % 100 == 30 || index % 100 == 70 else { continue }
            let x = text(x(index, first, last), 1)
            let label = latency < 995 ? text(latency) + " ms" : text(latency / 1000, latency < 9950 ? 1 : 0) + " s"
            parts.append(
                "<line x1=\"\(x)\" x2=\"\(x)\" y1=\"\(text(Self.top))\" y2=\"\(text(bottom))\" stroke=\"#eee\"/>"
                    + "<text x=\"\(x)\" y=\"\(text(bottom + 18))\" text-anchor=\"middle\">\(label)</text>")
        }
        let middle = text(Self.left + Self.width / 2)
        parts.append("<text x=\"\(middle)\" y=\"\(text(bottom + 42))\" text-anchor=\"middle\">latency</text>")
        parts.append(
            "<text x=\"\(text(Self.left))\" y=\"\(text(Self.top - 8))\">share of requests that took longer</text>")
        return parts
    }

    private func points(_ series: SurvivalSeries, _ first: Int, _ last: Int) -> String {
        var points: [String] = []
        for index in first...last {
            let share = series.shares[index]
            guard share > 0 else { break }
            points.append(text(x(index, first, last), 1) + "," + text(y(max(share, Self.floor)), 1))
            if share < Self.floor { break }
        }
        return points.joined(separator: " ")
    }

    private func x(_ index: Int, _ first: Int, _ last: Int) -> Double {
        Self.left + Self.width * Double(index - first) / Double(max(1, last - first))
    }

    private func y(_ share: Double) -> Double {
        Self.top + Self.height * log10(share) / log10(Self.floor)
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.append(character)
            }
        }
        return result
    }
}
