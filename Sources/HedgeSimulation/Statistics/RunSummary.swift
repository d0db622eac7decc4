package import HedgeCore

/// The numbers of one run that reports compare.
package struct RunSummary: Sendable {
    package var p50: Double
    package var p95: Double
    package var p99: Double
    package var p999: Double
    package var mean: Double
    package var failed: Int
    /// Attempts beyond one for each request, as a share of the requests; all of them, and hedges alone.
    package var extraRequests: Double
    package var hedgeShare: Double
    package var extraWork: Double
    package var meanThreshold: Double?
    package var recordedP99: Double?
    package var requests: Int
    package var contradictions: Int
    /// Hedges that were due and not sent, by the reason the core gave, as shares of the requests.
    package var suppressed: [HedgeSuppression: Double]

    package init(_ result: RunResult) {
        let quantiles = Quantiles(of: result.latencies)
        p50 = quantiles.value(0.5)
        p95 = quantiles.value(0.95)
        p99 = quantiles.value(0.99)
        p999 = quantiles.value(0.999)
        mean = quantiles.mean
        failed = result.failed
        extraRequests = result.extraRequests
        hedgeShare = Double(result.started[.hedge] ?? 0) / Double(max(1, result.latencies.count))
        extraWork = result.extraWork
        meanThreshold = result.meanThreshold
        recordedP99 = result.recordedP99
        requests = result.latencies.count
        contradictions = result.contradictions
        suppressed = result.suppressed.mapValues { Double($0) / Double(max(1, result.latencies.count)) }
    }
}
