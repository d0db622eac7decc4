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
        let isStream = requests[request].isStream
        for slot in groups[requests[request].group].members {
            guard isEligible(slot, request), deployments[slot].health.share(at: now) > 0 else { continue }
            candidates.append(candidate(slot, isStream: isStream))
        }
    }

    /// Whether a deployment may take an attempt of the request, whatever its health.
    func isEligible(_ slot: Int, _ request: Int) -> Bool {
        deployments[slot].isConfigured && !requests[request].tried.contains(slot)
            && deployments[slot].hasCapacity(at: now)
    }

    private mutating func candidate(_ slot: Int, isStream: Bool) -> Candidate {
        let belief = deployments[slot].belief(isStream: isStream)
        guard let estimate = belief.estimate(at: now) else {
            // Never seen is never best: these come after every known one, in random order.
            return Candidate(slot: slot, score: Self.unknownScore + random.unit(), isKnown: false)
        }
        return Candidate(slot: slot, score: estimate + naturalLog(1 + deployments[slot].load), isKnown: true)
    }

    /// Above the logarithm of any latency.
    static let unknownScore = 1000.0

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
        let buffer = policy.lowestLatencyBuffer
        let limit = best + naturalLog(1 + max(0, buffer.isFinite ? buffer : 0))
        var chosen: Int?
        var count = 0
        for index in candidates.indices where candidates[index].score <= limit {
            count += 1
            // Each of them ends up chosen with the same probability.
            if count == 1 || random.index(below: count) == 0 { chosen = index }
        }
        return chosen
    }

    /// The best deployment that the request has not tried, for a failover or in place of one that was not eligible.
    mutating func chooseUntried(_ request: Int) -> Int? {
        collectCandidates(request)
        return takeBest()
    }
}
