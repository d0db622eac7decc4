/// A deployment that may take an attempt.
struct Candidate: Sendable {
    var slot: Int
    /// The lower the better; a logarithm of seconds for those with history.
    var score: Double
    var isKnown: Bool
}

extension RouterCore {
    /// Lists the deployments that may take an attempt of the request now, in ``candidates``.
    mutating func collectCandidates(_ request: Int) {
        candidates.removeAll(keepingCapacity: true)
        for slot in groups[requests[request].group].members {
            guard isEligible(slot, request), deployments[slot].health.share(at: now) > 0 else { continue }
            candidates.append(candidate(slot, request))
        }
        keepLowestOrder()
    }

    /// Whether a deployment may take an attempt of the request, whatever its health.
    mutating func isEligible(_ slot: Int, _ request: Int) -> Bool {
        deployments[slot].isConfigured && !requests[request].tried.contains(deployments[slot].configuration.id)
            && deployments[slot].hasCapacity(tokens: requests[request].promptTokens, at: now)
    }

    private mutating func candidate(_ slot: Int, _ request: Int) -> Candidate {
        switch policy.strategy {
        case .staggeredHedge, .latencyBased:
            return byLatency(slot, isStream: requests[request].isStream)
        case .simpleShuffle:
            // The first of exponential arrivals with these rates is each of them with its share of the weights.
            let weight = deployments[slot].configuration.weight
            guard weight > 0, weight.isFinite else { return last(slot) }
            return Candidate(slot: slot, score: -naturalLog(1 - random.unit()) / weight, isKnown: true)
        case .leastBusy:
            return Candidate(slot: slot, score: Double(deployments[slot].inFlight), isKnown: true)
        case .costBased:
            guard let cost = deployments[slot].cost(promptTokens: requests[request].promptTokens) else {
                return last(slot)
            }
            return Candidate(slot: slot, score: cost, isKnown: true)
        case .usageBased:
            deployments[slot].usage.advance(to: now)
            return Candidate(slot: slot, score: Double(deployments[slot].usage.tokenTotal), isKnown: true)
        }
    }

    private mutating func byLatency(_ slot: Int, isStream: Bool) -> Candidate {
        guard let estimate = believedLatency(slot, isStream: isStream) else { return last(slot) }
        let most = deployments[slot].configuration.maxParallelRequests ?? DeploymentState.usualParallelism
        let load = Double(deployments[slot].inFlight) / Double(max(1, most))
        return Candidate(slot: slot, score: estimate + naturalLog(1 + load), isKnown: true)
    }

    /// Never seen is never best: these come after every known one, in random order.
    private mutating func last(_ slot: Int) -> Candidate {
        Candidate(slot: slot, score: Self.unknownScore * (1 + random.unit()), isKnown: false)
    }

    /// Above every score.
    static let unknownScore = 1e12

    /// Takes the best of ``candidates``, at random among those that are as good.
    mutating func takeBest() -> Int? {
        while let index = bestIndex() {
            let slot = candidates[index].slot
            let isOnly = candidates.count == 1
            candidates.swapAt(index, candidates.count - 1)
            candidates.removeLast()
            let share = deployments[slot].health.share(at: now)
            if share >= 1 || isOnly || random.chance(share) { return slot }
        }
        return nil
    }

    private mutating func bestIndex() -> Int? {
        guard var best = candidates.first?.score else { return nil }
        for candidate in candidates { best = min(best, candidate.score) }
        let limit = best + tieBreadth
        var chosen: Int?
        var count = 0
        for index in candidates.indices where candidates[index].score <= limit {
            count += 1
            // Each of them ends up chosen with the same probability.
            if count == 1 || random.index(below: count) == 0 { chosen = index }
        }
        return chosen
    }

    /// How far above the best a score is as good: a share of the latency, exact otherwise.
    private var tieBreadth: Double {
        switch policy.strategy {
        case .staggeredHedge, .latencyBased:
            let buffer = policy.lowestLatencyBuffer
            return naturalLog(1 + max(0, buffer.isFinite ? buffer : 0))
        case .simpleShuffle, .leastBusy, .costBased, .usageBased:
            return 0
        }
    }

    /// The best deployment that the request has not tried, for a failover or in place of one that was not eligible.
    mutating func chooseUntried(_ request: Int) -> Int? {
        collectCandidates(request)
        return takeBest()
    }
}
