extension RouterCore {
    /// A snapshot of counters, health and latencies. Costs some microseconds for each deployment.
    public func statistics(at now: Instant) -> CoreStatistics {
        report(at: now).statistics()
    }

    /// What ``statistics(at:)`` is made from, for another thread to make it.
    public func report(at now: Instant) -> CoreReport {
        CoreReport(
            now: now, counters: counters, requestsInFlight: requestSlots.count, hedgeBudgetLevel: hedgeBudget.level,
            failoverBudgetLevel: failoverBudget.level, retryBudgetLevel: retryBudget.level, policy: policy,
            samples: samples,
            thresholdSettings: thresholdSettings, groups: groups, deployments: deployments,
            configuredOrder: configuredOrder)
    }
}

/// The state of a core that reports are about, at one instant.
///
/// Taking it costs the core next to nothing, whatever it has learnt: histograms are shared until one of them changes.
/// The curves are estimated by whoever asks for ``statistics()``.
public struct CoreReport: Sendable {
    let now: Instant
    let counters: RouterCounters
    let requestsInFlight: Int
    let hedgeBudgetLevel: Double
    let failoverBudgetLevel: Double
    let retryBudgetLevel: Double
    let policy: Policy
    let samples: SamplePolicy
    let thresholdSettings: ThresholdSettings
    let groups: [GroupState]
    let deployments: [DeploymentState]
    let configuredOrder: [Int]

    /// The report in numbers. Costs some microseconds for each deployment.
    public func statistics() -> CoreStatistics {
        var result = CoreStatistics()
        result.requests = counters.requests
        result.commits = counters.commits
        result.succeeded = counters.succeeded
        result.failed = counters.failed
        result.requestsInFlight = requestsInFlight
        result.races = counters.races
        result.failovers = counters.failovers
        result.failoversRefused = counters.failoversRefused
        result.failoverBudgetLevel = failoverBudgetLevel
        result.retries = counters.retries
        result.retriesRefused = counters.retriesRefused
        result.fallbacks = counters.fallbacks
        result.fallbacksInTime = counters.fallbacksInTime
        result.retryBudgetLevel = retryBudgetLevel
        result.canaries = counters.canaries
        result.lastResorts = counters.lastResorts
        result.queue = groups.reduce(into: QueueStatistics()) { $0.add($1.queueStatistics) }
        result.hedges = groups.reduce(into: HedgeStatistics()) { $0.add($1.hedges.statistics) }
        result.budgetLevel = hedgeBudgetLevel
        result.groups = groups.filter { !$0.members.isEmpty }.map { group in
            var entry = GroupStatistics(id: group.id)
            entry.isStorm = group.members.allSatisfy { slot in
                var storms = deployments[slot].storms
                return storms.isStorm(expectedShare: 1 - thresholdSettings.percentile, at: now)
            }
            entry.queue = group.queueStatistics
            entry.hedges = group.hedges.statistics
            entry.streaming = group.streamLedger.effect()
            entry.complete = group.completeLedger.effect()
            return entry
        }
        result.deployments = configuredOrder.map { deploymentStatistics($0) }
        return result
    }

    private func deploymentStatistics(_ slot: Int) -> DeploymentStatistics {
        let deployment = deployments[slot]
        var result = DeploymentStatistics(id: deployment.configuration.id)
        for role in AttemptRole.allCases where deployment.counters.attempts[role.ordinal] > 0 {
            result.attempts[role] = deployment.counters.attempts[role.ordinal]
        }
        result.wins = deployment.counters.wins
        result.successes = deployment.counters.successes
        for kind in FailureKind.allCases where deployment.counters.failures[kind.ordinal] > 0 {
            result.failures[kind] = deployment.counters.failures[kind.ordinal]
        }
        for reason in CancelReason.all where deployment.counters.cancelled[reason.ordinal] > 0 {
            result.cancelled[reason] = deployment.counters.cancelled[reason.ordinal]
        }
        result.inFlight = deployment.inFlight
        result.health = healthStatistics(deployment.health)
        result.recovery = deployment.recovery
        result.streaming = latencyStatistics(deployment.streaming)
        result.complete = latencyStatistics(deployment.complete)
        return result
    }

    private func healthStatistics(_ health: DeploymentHealth) -> HealthStatistics {
        var result = HealthStatistics()
        switch health.state {
        case .healthy:
            result.state = .healthy
        case .cooling(let until):
            result.state = until > now ? .cooling : .probation
            result.cooldownLeft = until > now ? until - now : nil
        case .probation:
            result.state = .probation
        case .ramping:
            result.state = .ramping
        }
        result.cause = health.cause
        result.backoff = health.backoff
        result.cooldowns = health.trips
        result.failureStreak = health.streak
        return result
    }

    private func latencyStatistics(_ model: LatencyModel) -> LatencyStatistics {
        var result = LatencyStatistics()
        result.isCold = model.isCold(at: now)
        guard model.hasSamples else { return result }
        let pooled = model.pooled(samples)
        let quantiles = pooled.quantiles([0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99])
        if quantiles.count == 7 {
            result.p50 = quantiles[2]
            result.p95 = quantiles[5]
            result.p99 = quantiles[6]
            result.spread = [quantiles[0], quantiles[1], quantiles[3], quantiles[4]]
        }
        result.effectiveSamples = pooled.effectiveCount
        result.censoredShare = min(1, pooled.censoredWeight / pooled.weight)
        let suggested = suggestedThreshold(model)
        result.suggestedThreshold = suggested?.delay
        if let fixed = policy.hedgeThreshold {
            result.hedgeThreshold = fixed
            result.hedgeThresholdSource = .fixed
        } else {
            result.hedgeThreshold = suggested?.delay
            result.hedgeThresholdSource = suggested?.source
        }
        return result
    }

    /// The threshold in force for small prompts, or, where none was needed yet, the one that would be.
    private func suggestedThreshold(_ model: LatencyModel) -> HedgeThreshold? {
        let size = SizeClass(promptBytes: 0)
        if let known = model.latestBasis(size), known.settings == thresholdSettings {
            return known.clamped(policy, timeLeft: nil, attemptTimeout: nil)
        }
        var copy = model
        let basis = copy.thresholdBasis(
            size, settings: thresholdSettings, isFrozen: false, at: now, samples: samples)
        return basis?.clamped(policy, timeLeft: nil, attemptTimeout: nil)
    }
}
