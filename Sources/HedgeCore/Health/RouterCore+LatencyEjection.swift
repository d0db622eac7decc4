/// Cooldowns for latency alone. Off unless configured: hedges and the ranking already keep slowness from callers.
extension RouterCore {
    /// Answers since the latest cooldown that are needed.
    static let fewestAnswers = 10
    /// ln 2: how much slower than the best of the others it has to be, too.
    static let slowerThanBest = 0.693_147_180_559_945

    /// Puts a deployment out that became many times slower than in the long run while others did not.
    ///
    /// At least half of the group stays, so that a group that is slow as a whole is left alone.
    mutating func ejectIfSlow(_ slot: Int, isStream: Bool, into actions: inout [Action]) {
        guard let factor = policy.latencyEjection, factor > 1, policy.coolsDown,
            case .healthy = deployments[slot].health.state
        else { return }
        let belief = deployments[slot].belief(isStream: isStream)
        guard let fast = belief.fast, let long = belief.long, fast - long > naturalLog(factor),
            deployments[slot].health.recentAnswers(at: now) >= Self.fewestAnswers,
            deployments[slot].groups.allSatisfy({ isSlowest(slot, of: $0, at: fast, isStream: isStream) })
        else { return }
        let base = deployments[slot].configuration.cooldown
        apply(deployments[slot].health.eject(base: base, at: now, random: &random), to: slot, into: &actions)
    }

    /// Whether enough others of a group take part, one of them less than half as slow.
    private func isSlowest(_ slot: Int, of group: Int, at fast: Double, isStream: Bool) -> Bool {
        let members = groups[group].members
        var healthy = 0
        var best: Double?
        for other in members where other != slot && deployments[other].health.share(at: now) > 0 {
            healthy += 1
            if let estimate = deployments[other].belief(isStream: isStream).estimate(at: now) {
                best = min(best ?? estimate, estimate)
            }
        }
        guard let best else { return false }
        return healthy >= max(1, (members.count + 1) / 2) && fast - best > Self.slowerThanBest
    }
}
