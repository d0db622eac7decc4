import HedgeCore
import HedgeJSON

/// The formats metrics can be read in.
public enum MetricsFormat: Int32, Sendable {
    /// Prometheus' text format, version 0.0.4.
    case prometheus = 0
    /// OpenMetrics 1.0.0, with units and exemplars.
    case openMetrics = 1
}

/// What a metric is, as both formats have it.
enum MetricKind: String, Sendable {
    case counter
    case gauge
    case histogram
}

/// Writes metric families as text.
///
/// Labels come ready to write (`a="x",b="y"`), so that a line is a few copies of bytes: reading the metrics of many
/// deployments must cost a host less than anything else it does.
struct MetricsWriter: ~Copyable {
    private var text: HeapText
    private let format: MetricsFormat
    private var name: [UInt8] = []

    init(_ format: MetricsFormat, reserving capacity: Int) {
        self.format = format
        text = HeapText(capacity: capacity)
    }

    /// Starts a family; its samples follow.
    mutating func begin(_ metric: Metric) {
        name = metric.sampleName
        text.append(format == .openMetrics ? metric.openMetricsHead : metric.prometheusHead)
    }

    /// Writes one sample.
    mutating func sample(_ labels: [UInt8] = [], _ more: [UInt8] = [], _ value: UInt64) {
        line([], labels, more)
        text.append(value)
        text.append(Self.lineFeed)
    }

    /// Writes one sample.
    mutating func sample(_ labels: [UInt8] = [], _ more: [UInt8] = [], _ value: Double) {
        line([], labels, more)
        append(value)
        text.append(Self.lineFeed)
    }

    /// Writes one sample in seconds.
    mutating func sample(_ labels: [UInt8] = [], _ more: [UInt8] = [], _ value: Interval) {
        line([], labels, more)
        append(value)
        text.append(Self.lineFeed)
    }

    /// Writes a histogram, and with OpenMetrics the exemplars of its buckets.
    mutating func histogram(
        _ labels: [UInt8], _ more: [UInt8], _ histogram: LatencyCounts, exemplars: [Exemplar?] = []
    ) {
        // What is the same in all lines of the buckets is put together once.
        var prefix = name + Self.bucketSuffix
        prefix.append(UInt8(ascii: "{"))
        prefix.append(contentsOf: Self.join(labels, more))
        prefix.append(UInt8(ascii: ","))
        let bounds = Self.bounds
        var cumulative: UInt64 = 0
        for index in bounds.indices {
            cumulative &+= histogram.counts[index]
            text.append(prefix)
            text.append(bounds[index])
            text.append(cumulative)
            if format == .openMetrics, exemplars.indices.contains(index), let exemplar = exemplars[index] {
                append(exemplar)
            }
            text.append(Self.lineFeed)
        }
        line(Self.sumSuffix, labels, more)
        append(histogram.sum)
        text.append(Self.lineFeed)
        line(Self.countSuffix, labels, more)
        text.append(histogram.total)
        text.append(Self.lineFeed)
    }

    /// Ends the text.
    consuming func finish() -> HeapText {
        if format == .openMetrics { text.append(Self.end) }
        return text
    }

    /// A line up to its value.
    private mutating func line(_ suffix: [UInt8], _ labels: [UInt8], _ more: [UInt8]) {
        text.append(name)
        text.append(suffix)
        if !labels.isEmpty || !more.isEmpty {
            text.append(UInt8(ascii: "{"))
            text.append(labels)
            if !labels.isEmpty, !more.isEmpty { text.append(UInt8(ascii: ",")) }
            text.append(more)
            text.append(UInt8(ascii: "}"))
        }
        text.append(UInt8(ascii: " "))
    }

    private mutating func append(_ value: Double) {
        // Token counts and the like are whole, and by far most numbers here.
        if value >= 0, value < 1e15, value == value.rounded(.towardZero) {
            text.append(UInt64(value))
        } else {
            append(value.isFinite ? value.description : value.isNaN ? "NaN" : value > 0 ? "+Inf" : "-Inf")
        }
    }

    /// Seconds to the nanosecond, without the zeros at the end.
    private mutating func append(_ value: Interval) {
        guard value.nanoseconds >= 0 else { return append(value.seconds) }
        let nanoseconds = UInt64(value.nanoseconds)
        text.append(nanoseconds / 1_000_000_000)
        var rest = nanoseconds % 1_000_000_000
        guard rest > 0 else { return }
        text.append(UInt8(ascii: "."))
        var unit: UInt64 = 100_000_000
        while rest > 0, unit > 0 {
            text.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest / unit))
            rest %= unit
            unit /= 10
        }
    }

    private mutating func append(_ value: String) {
        var value = value
        value.withUTF8 { text.append($0) }
    }

    private mutating func append(_ exemplar: Exemplar) {
        append(" # {request_id=\"req-\(exemplar.request)\"")
        if let trace = exemplar.trace { append(",trace_id=\"\(trace.traceID)\"") }
        append("} \(exemplar.value) ")
        append(Double(exemplar.time) / 1000)
    }

    private static let lineFeed = UInt8(ascii: "\n")
    private static let bucketSuffix = Array("_bucket".utf8)
    private static let sumSuffix = Array("_sum".utf8)
    private static let countSuffix = Array("_count".utf8)
    private static let end = Array("# EOF\n".utf8)
    /// The ends of the buckets' lines, up to the number.
    private static let bounds: [[UInt8]] =
        LatencyBuckets.bounds.map { Array("le=\"\($0)\"} ".utf8) } + [Array("le=\"+Inf\"} ".utf8)]

    /// A label ready to write.
    static func label(_ name: String, _ value: String) -> [UInt8] {
        var bytes = Array("\(name)=\"".utf8)
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): bytes.append(contentsOf: Array("\\\\".utf8))
            case UInt8(ascii: "\""): bytes.append(contentsOf: Array("\\\"".utf8))
            case UInt8(ascii: "\n"): bytes.append(contentsOf: Array("\\n".utf8))
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
        return bytes
    }

    /// Two labels in one.
    static func join(_ a: [UInt8], _ b: [UInt8]) -> [UInt8] {
        a.isEmpty ? b : b.isEmpty ? a : a + [UInt8(ascii: ",")] + b
    }
}
