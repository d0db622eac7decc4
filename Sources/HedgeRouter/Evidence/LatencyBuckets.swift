/// The buckets of exported latency histograms: preferred numbers a factor of 1.26 apart from 50 ms to 31.5 s.
///
/// A quantile read from them by linear interpolation is off by a bucket's width at most, and by a few percent as a rule.
enum LatencyBuckets {
    /// Upper bounds in seconds; what is above the last one counts as +Inf.
    static let bounds: [Double] = [
        0.01, 0.025, 0.05, 0.063, 0.08, 0.1, 0.125, 0.16, 0.2, 0.25, 0.315, 0.4, 0.5, 0.63, 0.8, 1, 1.25, 1.6, 2, 2.5,
        3.15, 4, 5, 6.3, 8, 10, 12.5, 16, 20, 25, 31.5, 40, 60, 120, 300, 600,
    ]

    /// One more than there are bounds.
    static let count = 37

    /// The bucket of a latency, which is no longer than the bucket's bound.
    static func index(ofNanoseconds latency: Int64) -> Int {
        let seconds = Double(latency) / 1e9
        var low = 0
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if seconds <= bounds[middle] { high = middle } else { low = middle + 1 }
        }
        return min(low, count - 1)
    }
}

/// A histogram that only grows, as Prometheus wants it.
struct LatencyCounts: Sendable {
    private(set) var counts = InlineArray<37, UInt64>(repeating: 0)
    private(set) var total: UInt64 = 0
    /// In seconds.
    private(set) var sum = 0.0

    /// Adds a latency and returns its bucket.
    @discardableResult
    mutating func add(nanoseconds latency: Int64) -> Int {
        let latency = max(0, latency)
        let index = LatencyBuckets.index(ofNanoseconds: latency)
        counts[index] &+= 1
        total &+= 1
        sum += Double(latency) * 1e-9
        return index
    }
}

/// A request that stands for those of its bucket.
struct Exemplar: Sendable {
    var request: UInt64
    var trace: TraceContext?
    /// In seconds.
    var value: Double
    /// Milliseconds since 1970.
    var time: Int64
}

/// A histogram with the latest request of each bucket.
struct ExemplifiedCounts: Sendable {
    private(set) var counts = LatencyCounts()
    private(set) var exemplars: [Exemplar?] = []

    mutating func add(nanoseconds latency: Int64, request: UInt64, trace: TraceContext?, time: Int64) {
        let index = counts.add(nanoseconds: latency)
        if exemplars.isEmpty { exemplars = Array(repeating: nil, count: LatencyBuckets.count) }
        guard exemplars.indices.contains(index) else { return }
        exemplars[index] = Exemplar(request: request, trace: trace, value: Double(max(0, latency)) * 1e-9, time: time)
    }
}
