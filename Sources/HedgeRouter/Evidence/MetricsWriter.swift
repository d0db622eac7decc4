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
struct MetricsWriter {
    private(set) var bytes: [UInt8] = []
    private let format: MetricsFormat
    private var name: [UInt8] = []
    private var kind = MetricKind.gauge

    init(_ format: MetricsFormat, reserving capacity: Int) {
        self.format = format
        bytes.reserveCapacity(capacity)
    }

    /// Starts a family; its samples follow.
    mutating func begin(_ metric: Metric) {
        kind = metric.kind
        let family = "hedgerouter_" + metric.name
        let sample = kind == .counter ? family + "_total" : family
        name = Array(sample.utf8)
        let title = format == .openMetrics ? family : sample
        bytes.append(contentsOf: Array("# HELP \(title) \(metric.help)\n# TYPE \(title) \(kind.rawValue)\n".utf8))
        if format == .openMetrics, let unit = metric.unit {
            bytes.append(contentsOf: Array("# UNIT \(title) \(unit)\n".utf8))
        }
    }

    /// Writes one sample.
    mutating func sample(_ labels: [UInt8] = [], _ more: [UInt8] = [], _ value: UInt64) {
        line([], labels, more)
        bytes.append(UInt8(ascii: " "))
        append(value)
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Writes one sample.
    mutating func sample(_ labels: [UInt8] = [], _ more: [UInt8] = [], _ value: Double) {
        line([], labels, more)
        bytes.append(UInt8(ascii: " "))
        append(value)
        bytes.append(UInt8(ascii: "\n"))
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
            bytes.append(contentsOf: prefix)
            bytes.append(contentsOf: bounds[index])
            append(cumulative)
            if format == .openMetrics, exemplars.indices.contains(index), let exemplar = exemplars[index] {
                append(exemplar)
            }
            bytes.append(UInt8(ascii: "\n"))
        }
        line(Self.sumSuffix, labels, more)
        bytes.append(UInt8(ascii: " "))
        append(histogram.sum)
        bytes.append(UInt8(ascii: "\n"))
        line(Self.countSuffix, labels, more)
        bytes.append(UInt8(ascii: " "))
        append(histogram.total)
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Ends the text.
    mutating func finish() {
        bytes.append(contentsOf: Self.end)
    }

    private mutating func line(_ suffix: [UInt8], _ labels: [UInt8], _ more: [UInt8]) {
        bytes.append(contentsOf: name)
        bytes.append(contentsOf: suffix)
        guard !labels.isEmpty || !more.isEmpty else { return }
        bytes.append(UInt8(ascii: "{"))
        bytes.append(contentsOf: labels)
        if !more.isEmpty {
            if !labels.isEmpty { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: more)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func append(_ value: UInt64) {
        guard value >= 10 else {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value))
            return
        }
        var power: UInt64 = 10
        while power <= value / 10 { power *= 10 }
        var rest = value
        while power > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / power))
            rest %= power
            power /= 10
        }
    }

    private mutating func append(_ value: Double) {
        if value == 0 {
            bytes.append(UInt8(ascii: "0"))
        } else if value.isFinite {
            bytes.append(contentsOf: value.description.utf8)
        } else {
            bytes.append(contentsOf: (value.isNaN ? "NaN" : value > 0 ? "+Inf" : "-Inf").utf8)
        }
    }

    private mutating func append(_ exemplar: Exemplar) {
        bytes.append(contentsOf: Array(" # {request_id=\"req-\(exemplar.request)\"".utf8))
        if let trace = exemplar.trace { bytes.append(contentsOf: Array(",trace_id=\"\(trace.traceID)\"".utf8)) }
        bytes.append(contentsOf: Array("} \(exemplar.value) ".utf8))
        append(Double(exemplar.time) / 1000)
    }

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
