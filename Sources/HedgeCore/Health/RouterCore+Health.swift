extension RouterCore {
    /// An attempt delivered what was asked for.
    mutating func attemptWorked(_ attempt: Int, into actions: inout [Action]) {
        let record = attempts[attempt]
        let change = deployments[record.deployment].health.succeeded(
            generation: record.generation, isSlow: false,
            base: deployments[record.deployment].configuration.cooldown, at: now, random: &random)
        apply(change, to: record.deployment, into: &actions)
    }

    /// A canary answered.
    mutating func probeWorked(_ attempt: Int, into actions: inout [Action]) {
        let record = attempts[attempt]
        attempts[attempt].isProbe = false
        let belief = deployments[record.deployment].belief(isStream: requests[record.request].isStream)
        // Alone, a slow answer is better than none; next to others it is no recovery.
        let isAlone = !groups[record.group].members.contains { slot in
            slot != record.deployment && deployments[slot].isConfigured && deployments[slot].health.share(at: now) > 0
        }
        let change = deployments[record.deployment].health.succeeded(
            generation: record.generation, isSlow: !isAlone && belief.isSlow(now - record.startedAt),
            base: deployments[record.deployment].configuration.cooldown, at: now, random: &random)
        apply(change, to: record.deployment, into: &actions)
    }

    mutating func attemptFailed(_ attempt: Int, _ failure: Failure, into actions: inout [Action]) {
        let record = attempts[attempt]
        let limits = CooldownLimits(
            base: deployments[record.deployment].configuration.cooldown, allowedFails: max(1, policy.allowedFails))
        if record.isProbe, failure.kind.healthEffect == .none {
            deployments[record.deployment].health.canaryAbandoned(generation: record.generation)
            return
        }
        let change = deployments[record.deployment].health.failed(
            failure, generation: record.generation, canCool: deployments[record.deployment].hasSibling,
            limits: limits, at: now, random: &random)
        apply(change, to: record.deployment, into: &actions)
    }

    /// A canary that lost its race says little; only if it already took too long, it failed.
    mutating func probeCancelled(_ attempt: Int, _ reason: CancelReason, into actions: inout [Action]) {
        let record = attempts[attempt]
        let waited = now - record.startedAt
        guard reason == .superseded, waited >= ObservedMoment.brief else {
            deployments[record.deployment].health.canaryAbandoned(generation: record.generation)
            return
        }
        let belief = deployments[record.deployment].belief(isStream: requests[record.request].isStream)
        let change: HealthChange?
        if belief.isSlow(waited) {
            change = deployments[record.deployment].health.succeeded(
                generation: record.generation, isSlow: true,
                base: deployments[record.deployment].configuration.cooldown, at: now, random: &random)
        } else {
            change = deployments[record.deployment].health.canaryInconclusive(
                generation: record.generation, at: now)
        }
        apply(change, to: record.deployment, into: &actions)
    }

    /// Ends a cooldown whose time is over.
    mutating func expireCooldown(_ deployment: Int, into actions: inout [Action]) {
        apply(deployments[deployment].health.expire(at: now), to: deployment, into: &actions)
    }

    private mutating func apply(_ change: HealthChange?, to deployment: Int, into actions: inout [Action]) {
        guard let change else { return }
        healthTimers.set(deployment, to: deployments[deployment].health.coolingUntil)
        actions.append(.healthChanged(deployments[deployment].configuration.id, change))
    }
}
