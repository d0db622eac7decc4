package import HedgeCore

/// What one run of a workload through one router gave.
package struct RunResult: Sendable {
    /// Seconds since the start at which each request arrived.
    package var arrivals: [Double] = []
    /// Milliseconds until each request's answer began, or was complete if it does not stream; NaN if it got none.
    package var latencies: [Double] = []
    /// The server whose answer each request got; -1 for none.
    package var winners: [Int] = []
    package var failed = 0

    package var started: [AttemptRole: Int] = [:]
    package var ended = 0
    package var cancelled = 0
    package var suppressed: [HedgeSuppression: Int] = [:]

    /// Milliseconds of all attempts together, each until it answered, failed or was cancelled.
    package var work = 0.0

    /// Mean of the thresholds of hedges, in milliseconds.
    package var thresholdSum = 0.0
    package var thresholdCount = 0

    /// Events told to the router.
    package var events = 0
    /// Actions that made no sense: an attempt nobody started, an answer to nobody's request.
    package var contradictions = 0
    /// Attempts still running or waiting when the last request had ended.
    package var left = 0

    package var attempts: Int { started.values.reduce(0, +) }

    /// Attempts beyond one for each request, as a share of the requests.
    package var extraRequests: Double {
        latencies.isEmpty ? 0 : Double(attempts) / Double(latencies.count) - 1
    }

    /// Work beyond one attempt in flight for each request until its answer, as a share of that.
    package var extraWork: Double {
        var waited = 0.0
        for latency in latencies where !latency.isNaN { waited += latency }
        return waited > 0 ? (work - waited) / waited : 0
    }

    package var meanThreshold: Double? {
        thresholdCount > 0 ? thresholdSum / Double(thresholdCount) : nil
    }

    /// The 99th percentile by what the router recorded, if it is one of those that keep a record.
    package var recordedP99: Double?

    package init() {}
}
