/// Levels of deployments: those of a higher order serve only when none of a lower one can.
extension RouterCore {
    /// Keeps the candidates of the lowest order.
    ///
    /// What is chosen from them, a race and a hedge alike, stays inside the level for as long as it has anything left.
    /// A level whose deployments are all ramping up after a cooldown gets only its growing share of requests, if there
    /// is another one.
    mutating func keepLowestOrder() {
        while let lowest = candidates.map({ order(of: $0.slot) }).min() {
            guard candidates.contains(where: { order(of: $0.slot) != lowest }) else { return }
            if acceptsLevel(lowest) {
                keepCandidates { core, slot in core.order(of: slot) == lowest }
                return
            }
            keepCandidates { core, slot in core.order(of: slot) != lowest }
        }
    }

    private func order(of slot: Int) -> Int {
        deployments[slot].configuration.order ?? .max
    }

    private mutating func acceptsLevel(_ level: Int) -> Bool {
        var share = 0.0
        for candidate in candidates where order(of: candidate.slot) == level {
            share = max(share, deployments[candidate.slot].health.share(at: now))
        }
        return share >= 1 || random.chance(share)
    }
}
