extension RouterCore {
    /// A snapshot of counters, health and latencies. Costs some microseconds for each deployment.
    public func statistics(at now: Instant) -> CoreStatistics {
        var result = CoreStatistics()
        result.requests = counters.requests
        result.commits = counters.commits
        result.succeeded = counters.succeeded
        result.failed = counters.failed
        result.requestsInFlight = requestSlots.count
        result.races = counters.races
        result.failovers = counters.failovers
        result.failoversRefused = counters.failoversRefused
        result.failoverBudgetLevel = failoverBudget.level
        result.canaries = counters.canaries
        result.lastResorts = counters.lastResorts
        result.hedgesFired = counters.hedgesFired
        result.hedgesWon = counters.hedgesWon
        result.hedgesLost = counters.hedgesLost
        for reason in HedgeSuppression.allCases where counters.suppressed[reason.ordinal] > 0 {
            result.hedgesSuppressed[reason] = counters.suppressed[reason.ordinal]
        }
        result.budgetLevel = hedgeBudget.level
        result.groups = groups.filter { !$0.members.isEmpty }.map { group in
            var entry = GroupStatistics(id: group.id)
            entry.isStorm = group.members.allSatisfy { slot in
                var storms = deployments[slot].storms
                return storms.isStorm(expectedShare: 1 - thresholdSettings.percentile, at: now)
            }
            entry.streaming = group.streamLedger.effect()
            entry.complete = group.completeLedger.effect()
            return entry
        }
        result.deployments = configuredOrder.map { deploymentStatistics($0, at: now) }
        return result
    }

    private func deploymentStatistics(_ slot: Int, at now: Instant) -> DeploymentStatistics {
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
        result.health = healthStatistics(deployment.health, at: now)
        result.streaming = latencyStatistics(deployment.streaming, at: now)
        result.complete = latencyStatistics(deployment.complete, at: now)
        return result
    }

    private func healthStatistics(_ health: DeploymentHealth, at now: Instant) -> HealthStatistics {
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
        result.cooldowns = health.trips
        result.failureStreak = health.streak
        return result
    }

    private func latencyStatistics(_ model: LatencyModel, at now: Instant) -> LatencyStatistics {
        var result = LatencyStatistics()
        result.isCold = model.isCold(at: now)
        guard model.pooled.weight > 0 else { return result }
        let curve = model.measuredCurve()
        result.p50 = curve.quantile(0.5)
        result.p95 = curve.quantile(0.95)
        result.p99 = curve.quantile(0.99)
        result.effectiveSamples = model.pooled.effectiveCount
        result.censoredShare = min(1, model.pooled.censoredWeight / model.pooled.weight)
        if let fixed = policy.hedgeThreshold {
            result.hedgeThreshold = fixed
            result.hedgeThresholdSource = .fixed
            return result
        }
        var copy = model
        let basis = copy.thresholdBasis(
            SizeClass(promptBytes: 0), settings: thresholdSettings, isFrozen: false, at: now, samples: samples)
        let threshold = basis?.clamped(policy, timeLeft: nil, attemptTimeout: nil)
        result.hedgeThreshold = threshold?.delay
        result.hedgeThresholdSource = threshold?.source
        return result
    }
}
