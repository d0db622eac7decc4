/// How much slower a deployment becomes with each attempt in flight: what a hedge costs the requests behind it.
///
/// The slope of the latency's logarithm over the attempts that were in flight when each attempt started, by least
/// squares with weights that decay. Where a deployment has capacity to spare the slope is noise around zero, which its
/// standard error takes out; where attempts queue for it, it is plain after a few hundred of them.
struct LoadSensitivity: Hashable, Sendable {
    private var weight = 0.0
    private var squaredWeight = 0.0
    private var meanLoad = 0.0
    private var meanLatency = 0.0
    private var loadVariance = 0.0
    private var latencyVariance = 0.0
    private var covariance = 0.0

    /// Weight of a sample once there are many: they are worth about a thousand.
    static let gain = 1.0 / 500
    /// Samples below which nothing is said.
    static let fewest = 200.0
    /// Standard errors the slope must be above zero, and that are taken off it.
    static let caution = 2.0

    /// Takes one latency, as a logarithm relative to the usual one, and the attempts that were in flight before it.
    ///
    /// One far from the usual counts as one at the edge: slow periods of the deployment itself, during which attempts
    /// pile up because they are slow and not the other way round, must not look like a queue.
    mutating func observe(_ logRatio: Double, inFlight: Int) {
        let latency = min(1, max(-1, logRatio))
        let load = Double(inFlight)
        let keep = 1 - Self.gain
        weight = weight * keep + 1
        squaredWeight = squaredWeight * keep * keep + 1
        // West's update of weighted moments: no differences of large sums.
        let share = 1 / weight
        let loadStep = load - meanLoad
        let latencyStep = latency - meanLatency
        meanLoad += share * loadStep
        meanLatency += share * latencyStep
        let left = 1 - share
        loadVariance = left * (loadVariance + share * loadStep * loadStep)
        latencyVariance = left * (latencyVariance + share * latencyStep * latencyStep)
        covariance = left * (covariance + share * loadStep * latencyStep)
    }

    /// By which share of its latency one more attempt delays those that start during one attempt, taken together; 0
    /// where that is not known to be more than nothing.
    ///
    /// As many start as are usually in flight (Little's law), and each is delayed by the slope.
    var externality: Double {
        let count = weight * weight / max(squaredWeight, 1)
        guard count >= Self.fewest, loadVariance > 0 else { return 0 }
        let slope = covariance / loadVariance
        let unexplained = max(0, latencyVariance - slope * covariance)
        let error = (unexplained / loadVariance / count).squareRoot()
        return max(0, slope - Self.caution * error) * meanLoad
    }
}
