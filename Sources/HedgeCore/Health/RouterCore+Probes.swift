/// The probe in flight.
struct ActiveProbe: Sendable {
    var id: AttemptID
    /// Slot of the deployment it tests.
    var deployment: Int
    /// The deployment's health generation when it was started.
    var generation: UInt32
    var startedAt: Instant
    var deadline: Instant
}

/// Probes: the smallest of requests, sent to deployments whose cooldown is over and that nobody's request tests.
///
/// Off unless configured, and never more than one at a time for the whole router. Requests come first: where there are
/// any, they carry the canary.
extension RouterCore {
    /// How long a probe may take.
    static let longestProbe = Interval.seconds(30)
    /// Tokens a probe is taken to need until its usage is known.
    static let probeTokens = 16

    /// A deployment whose cooldown is over is due for a probe after a while; any other change makes that pointless.
    mutating func setProbeTimer(_ deployment: Int, after change: HealthChange) {
        guard case .canaryAllowed = change, let wait = policy.probeAfter else {
            probeTimers.remove(deployment)
            return
        }
        probeTimers.set(deployment, to: now + max(wait, .milliseconds(Int64(1))))
    }

    /// Ends a probe that takes too long, and starts the next one that is due.
    mutating func probeIfDue(into actions: inout [Action]) {
        if let probe, probe.deadline <= now {
            actions.append(.cancelAttempt(probe.id, .timedOut(.total)))
            probeEnded(.failed(Failure(kind: .providerTimeout)), into: &actions)
        }
        while probe == nil, let deployment = probeTimers.due(at: now) {
            probeTimers.remove(deployment)
            startProbe(deployment, into: &actions)
        }
    }

    private mutating func startProbe(_ deployment: Int, into actions: inout [Action]) {
        guard let wait = policy.probeAfter, deployments[deployment].isConfigured else { return }
        guard deployments[deployment].health.allowsCanary(at: now),
            deployments[deployment].hasCapacity(tokens: Self.probeTokens, at: now)
        else {
            // A canary is in flight, or there is no room: it may be needed later.
            if deployments[deployment].health.share(at: now) == 0 {
                probeTimers.set(deployment, to: now + max(wait, .milliseconds(Int64(1))))
            }
            return
        }
        latestAttempt &+= 1
        let length = min(deployments[deployment].configuration.timeouts.total ?? Self.longestProbe, Self.longestProbe)
        let started = ActiveProbe(
            id: AttemptID(rawValue: latestAttempt), deployment: deployment,
            generation: deployments[deployment].health.generation, startedAt: now,
            deadline: now + length)
        probe = started
        deployments[deployment].health.canaryStarted()
        deployments[deployment].inFlight += 1
        deployments[deployment].recovery.probes &+= 1
        deployments[deployment].usage.addRequest(tokens: Self.probeTokens, at: now)
        actions.append(
            .startProbe(
                ProbeStart(
                    attempt: started.id, deployment: deployments[deployment].configuration.id,
                    connectTimeout: deployments[deployment].configuration.timeouts.connect)))
    }

    /// Takes the end of the probe in flight.
    mutating func probeEnded(_ outcome: AttemptOutcome, into actions: inout [Action]) {
        guard let ended = probe else { return }
        probe = nil
        let slot = ended.deployment
        deployments[slot].inFlight -= 1
        noteRoom(on: slot)
        switch outcome {
        case .succeeded(let usage):
            countProbe(usage, on: slot)
            // One token is what the first token of a stream is, as far as that is known.
            let isSlow = deployments[slot].streaming.belief.isSlow(now - ended.startedAt)
            let change = deployments[slot].health.succeeded(
                generation: ended.generation, isSlow: isSlow, base: deployments[slot].configuration.cooldown, at: now,
                random: &random)
            apply(change, to: slot, into: &actions)
        case .failed(let failure):
            deployments[slot].recovery.probesFailed &+= 1
            probeFailed(ended, failure, into: &actions)
        }
    }

    private mutating func probeFailed(_ ended: ActiveProbe, _ failure: Failure, into actions: inout [Action]) {
        let slot = ended.deployment
        guard failure.kind.healthEffect != .none else {
            // It says nothing about health: the deployment answers, only not this.
            deployments[slot].health.canaryAbandoned(generation: ended.generation)
            if ended.generation == deployments[slot].health.generation {
                setProbeTimer(slot, after: .canaryAllowed)
            }
            return
        }
        let change = deployments[slot].health.failed(
            failure, generation: ended.generation, canCool: policy.coolsDown, limits: cooldownLimits(slot), at: now,
            random: &random)
        if change == nil { deployments[slot].health.canaryAbandoned(generation: ended.generation) }
        apply(change, to: slot, into: &actions)
    }

    private mutating func countProbe(_ usage: Usage?, on slot: Int) {
        guard let usage else { return }
        let prompt = max(0, min(usage.promptTokens, 1 << 40))
        let completion = max(0, min(usage.completionTokens, 1 << 40))
        deployments[slot].recovery.probePromptTokens &+= UInt64(prompt)
        deployments[slot].recovery.probeCompletionTokens &+= UInt64(completion)
        deployments[slot].usage.addTokens(max(0, prompt + completion - Self.probeTokens), at: now)
    }
}
