/// What another threshold or budget would have done to the requests of a log.
///
/// A latency that was seen stays what it was. One that was given up on is drawn from what other attempts of the
/// deployment took, given that it is longer than the wait (Kaplan and Meier's curve); where no attempt ever took that
/// long, nothing can be said, and quantiles that depend on it are unidentified. That hedges load the deployments is
/// not in it.
package struct LogReplay: Sendable {
    /// When a hedge would have started.
    package enum Threshold: Hashable, Sendable {
        case never
        case milliseconds(Double)
        /// Percentile of the primary's deployment, in (0, 1).
        case percentile(Double)
    }

    package struct Question: Hashable, Sendable {
        package var threshold: Threshold
        /// Hedges as a share of requests.
        package var budget: Double

        package init(threshold: Threshold, budget: Double) {
            self.threshold = threshold
            self.budget = budget
        }
    }

    /// A quantile over all draws: its middle and 95 % of the draws; nil if a draw could not tell it.
    package struct Range: Hashable, Sendable {
        package var middle: Double
        package var low: Double
        package var high: Double
    }

    package struct Answer: Sendable {
        package var quantiles: [Range?]
        /// Hedges as a share of requests.
        package var hedges: Double
    }

    package static let probabilities = [0.5, 0.95, 0.99, 0.999]

    private let requests: [LoggedRequest]
    private var curves: [Deployment: KaplanMeier] = [:]
    /// Deployments from the fastest on.
    private var ranking: [Deployment] = []

    private struct Deployment: Hashable, Sendable {
        var name: String
        var isStream: Bool
    }

    package init(_ log: RequestLog) {
        requests = log.requests
        var observations: [Deployment: [(duration: Double, isEvent: Bool)]] = [:]
        var order: [Deployment] = []
        for request in requests {
            for attempt in [request.primary] + request.others {
                let deployment = Deployment(name: attempt.deployment, isStream: request.isStream)
                if observations[deployment] == nil { order.append(deployment) }
                observations[deployment, default: []].append((attempt.latency, attempt.isEvent))
            }
        }
        for (deployment, values) in observations { curves[deployment] = KaplanMeier(values) }
        let medians = curves.mapValues { $0.quantile(0.5)?.value ?? .infinity }
        ranking = order.enumerated().sorted {
            let one = medians[$0.element] ?? .infinity
            let other = medians[$1.element] ?? .infinity
            return one == other ? $0.offset < $1.offset : one < other
        }.map(\.element)
    }

    /// The latencies as they were.
    package func asLogged() -> Answer {
        let answered = requests.compactMap(\.answeredAfter)
        let hedged = requests.count { !$0.others.isEmpty }
        let quantiles = Quantiles(of: answered)
        return Answer(
            quantiles: Self.probabilities.map { probability -> Range? in
                let value = quantiles.value(probability)
                return answered.isEmpty ? nil : Range(middle: value, low: value, high: value)
            }, hedges: Double(hedged) / Double(requests.count))
    }

    /// What a threshold and a budget would have given, over so many draws of requests and of what is not known.
    package func answer(_ question: Question, draws: Int, seed: UInt64) -> Answer {
        var perDraw: [[Double]] = []
        var hedges = 0
        for draw in 0..<draws {
            var random = RandomStream(seed: seed, .replay, draw)
            var latencies: [Double] = []
            latencies.reserveCapacity(requests.count)
            var tokens = min(2, question.budget > 0 ? 2.0 : 0)
            for _ in requests.indices {
                let request = requests[random.index(below: requests.count)]
                tokens = min(10, tokens + question.budget)
                let outcome = replay(request, question.threshold, mayHedge: tokens >= 1, &random)
                if outcome.isHedged {
                    tokens -= 1
                    hedges += 1
                }
                latencies.append(outcome.latency)
            }
            let quantiles = Quantiles(of: latencies)
            perDraw.append(Self.probabilities.map(quantiles.value))
        }
        let ranges = Self.probabilities.indices.map { index in Self.range(perDraw.map { $0[index] }) }
        return Answer(quantiles: ranges, hedges: Double(hedges) / Double(max(1, draws * requests.count)))
    }

    private static func range(_ values: [Double]) -> Range? {
        // Infinite is what nobody ever waited for, and no number what lies between that and the longest wait.
        guard !values.isEmpty, values.allSatisfy(\.isFinite) else { return nil }
        let quantiles = Quantiles(of: values)
        return Range(middle: quantiles.value(0.5), low: quantiles.value(0.025), high: quantiles.value(0.975))
    }

    private func replay(
        _ request: LoggedRequest, _ threshold: Threshold, mayHedge: Bool, _ random: inout RandomStream
    ) -> (latency: Double, isHedged: Bool) {
        let primary = latency(of: request.primary, isStream: request.isStream, &random)
        guard mayHedge, let delay = delay(threshold, request), primary > delay,
            let second = second(request, &random)
        else { return (primary, false) }
        return (min(primary, delay + second), true)
    }

    private func delay(_ threshold: Threshold, _ request: LoggedRequest) -> Double? {
        switch threshold {
        case .never:
            return nil
        case .milliseconds(let delay):
            return delay
        case .percentile(let probability):
            let own = Deployment(name: request.primary.deployment, isStream: request.isStream)
            return curves[own]?.quantile(probability)?.value
        }
    }

    /// What the second attempt would have taken: what it took, if there was one.
    private func second(_ request: LoggedRequest, _ random: inout RandomStream) -> Double? {
        if let other = request.others.first { return latency(of: other, isStream: request.isStream, &random) }
        let target = ranking.first { $0.isStream == request.isStream && $0.name != request.primary.deployment }
        guard let target, let curve = curves[target] else { return nil }
        return Self.draw(curve, after: 0, &random)
    }

    private func latency(
        of attempt: LoggedRequest.Attempt, isStream: Bool, _ random: inout RandomStream
    ) -> Double {
        if attempt.isEvent { return attempt.latency }
        guard let curve = curves[Deployment(name: attempt.deployment, isStream: isStream)] else { return .infinity }
        return Self.draw(curve, after: attempt.latency, &random)
    }

    /// A latency from the curve, given that it is longer than `wait`; infinite where the curve does not reach.
    private static func draw(_ curve: KaplanMeier, after wait: Double, _ random: inout RandomStream) -> Double {
        curve.time(atMost: curve.survival(after: wait) * random.unit()) ?? .infinity
    }
}
