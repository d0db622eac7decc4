extension RouterCore {
    /// An attempt delivered what was asked for.
    mutating func attemptWorked(_ attempt: Int, into actions: inout [Action]) {
        let record = attempts[attempt]
        let change = deployments[record.deployment].health.succeeded(
            generation: record.generation, isSlow: false,
            base: deployments[record.deployment].configuration.cooldown, at: now, random: &random)
        apply(change, to: record.deployment, into: &actions)
        ejectIfSlow(record.deployment, isStream: requests[record.request].isStream, into: &actions)
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
        let isSlow = !isAlone && belief.isSlow(now - record.startedAt)
        deployments[record.deployment].recovery.countAnswer(isSlow: isSlow)
        let change = deployments[record.deployment].health.succeeded(
            generation: record.generation, isSlow: isSlow,
            base: deployments[record.deployment].configuration.cooldown, at: now, random: &random)
        apply(change, to: record.deployment, into: &actions)
    }

    mutating func attemptFailed(_ attempt: Int, _ failure: Failure, into actions: inout [Action]) {
        let record = attempts[attempt]
        if record.isProbe, failure.kind.healthEffect == .none {
            canaryAbandoned(record)
            return
        }
        if record.isProbe { deployments[record.deployment].recovery.canariesFailed &+= 1 }
        let canCool = policy.coolsDown && deployments[record.deployment].hasSibling
        let change = deployments[record.deployment].health.failed(
            failure, generation: record.generation, canCool: canCool, limits: cooldownLimits(record.deployment),
            at: now, random: &random)
        apply(change, to: record.deployment, into: &actions)
    }

    /// A canary told nothing; the next request may carry one.
    private mutating func canaryAbandoned(_ record: AttemptRecord) {
        deployments[record.deployment].recovery.canariesAbandoned &+= 1
        deployments[record.deployment].health.canaryAbandoned(generation: record.generation)
    }

    /// A canary that lost its race says little; only if it already took too long, it failed.
    mutating func probeCancelled(_ attempt: Int, _ reason: CancelReason, into actions: inout [Action]) {
        let record = attempts[attempt]
        let waited = now - record.startedAt
        guard reason == .superseded, waited >= ObservedMoment.brief else {
            canaryAbandoned(record)
            return
        }
        let belief = deployments[record.deployment].belief(isStream: requests[record.request].isStream)
        let change: HealthChange?
        if belief.isSlow(waited) {
            deployments[record.deployment].recovery.countAnswer(isSlow: true)
            change = deployments[record.deployment].health.succeeded(
                generation: record.generation, isSlow: true,
                base: deployments[record.deployment].configuration.cooldown, at: now, random: &random)
        } else {
            deployments[record.deployment].recovery.canariesInconclusive &+= 1
            change = deployments[record.deployment].health.canaryInconclusive(
                generation: record.generation, at: now)
        }
        apply(change, to: record.deployment, into: &actions)
    }

    /// Ends a cooldown whose time is over.
    mutating func expireCooldown(_ deployment: Int, into actions: inout [Action]) {
        apply(deployments[deployment].health.expire(at: now), to: deployment, into: &actions)
    }

    mutating func apply(_ change: HealthChange?, to deployment: Int, into actions: inout [Action]) {
        guard let change else { return }
        healthTimers.set(deployment, to: deployments[deployment].health.coolingUntil)
        setProbeTimer(deployment, after: change)
        noteRoom(on: deployment)
        deployments[deployment].recovery.count(change)
        actions.append(.healthChanged(deployments[deployment].configuration.id, change))
    }
}
