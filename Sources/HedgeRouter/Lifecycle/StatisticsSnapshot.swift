import HedgeCore
import HedgeJSON
import HedgeProviders

/// What a router has seen and done, taken in one turn of its loop.
struct StatisticsSnapshot: Sendable {
    /// Worked out by whoever reads the snapshot, not by the loop.
    var core: CoreReport
    var table: RoutingTable
    /// Attempts whose connection is open, those that only wait for its clean end included.
    var attemptsInFlight: Int
    /// Impossible states that were met, counted and left safely.
    var inconsistencies: UInt64
    var evidence = EvidenceLedger()
    var loads = StateLoads()

    /// The snapshot as a JSON object; times in milliseconds.
    func json() -> [UInt8] {
        let core = core.statistics()
        var json = JSONWriter(capacity: 8192 + 2048 * core.deployments.count)
        json.beginObject()
        json.member("version", Features.version)
        json.member("time_unix_ms", wallClockMilliseconds())
        json.key("requests")
        json.beginObject()
        json.member("submitted", core.requests)
        json.member("committed", core.commits)
        json.member("succeeded", core.succeeded)
        json.member("failed", core.failed)
        json.member("in_flight", core.requestsInFlight)
        json.endObject()
        json.member("races", core.races)
        json.member("failovers", core.failovers)
        json.member("failovers_refused", core.failoversRefused)
        json.member("failover_budget_level", core.failoverBudgetLevel)
        json.member("retries", core.retries)
        json.member("retries_refused", core.retriesRefused)
        json.member("fallbacks", core.fallbacks)
        json.member("fallbacks_in_time", core.fallbacksInTime)
        json.member("canaries", core.canaries)
        json.member("last_resorts", core.lastResorts)
        write(core.queue, to: &json)
        writeHedges(core, to: &json)
        writeGroups(core, to: &json)
        writeMoney(core, to: &json)
        json.key("deployments")
        json.beginArray()
        for deployment in core.deployments { write(deployment, to: &json) }
        json.endArray()
        writeTimeline(to: &json)
        writeLoads(to: &json)
        json.member("open_attempts", attemptsInFlight)
        json.member("inconsistencies", inconsistencies)
        json.endObject()
        return json.bytes
    }

    private func writeHedges(_ core: CoreStatistics, to json: inout JSONWriter) {
        json.key("hedges")
        json.beginObject()
        writeMembers(of: core.hedges, to: &json)
        json.member("budget_level", core.budgetLevel)
        json.endObject()
    }

    /// What became of hedges, without the braces around it.
    func writeMembers(of hedges: HedgeStatistics, to json: inout JSONWriter) {
        json.member("fired", hedges.fired)
        json.member("won", hedges.won)
        json.member("lost", hedges.lost)
        json.member("both_failed", hedges.bothFailed)
        json.key("suppressed")
        json.beginObject()
        for reason in HedgeSuppression.allCases {
            guard let count = hedges.suppressed[reason] else { continue }
            json.key(reason.rawValue)
            json.value(count)
        }
        json.endObject()
    }

    /// What became of the histories in the state documents that were loaded.
    private func writeLoads(to json: inout JSONWriter) {
        json.key("state_loads")
        json.beginObject()
        json.member("documents", loads.documents)
        for outcome in HistoryAdoption.allCases { json.member(outcome.name, loads[outcome]) }
        json.endObject()
    }

    private func write(_ deployment: DeploymentStatistics, to json: inout JSONWriter) {
        json.beginObject()
        if let runtime = table.deployments[deployment.id] {
            json.member("id", runtime.key)
            json.member("group", runtime.group)
            json.member("provider", runtime.provider.name)
            json.member("model", runtime.endpoint.model)
        }
        json.key("attempts")
        json.beginObject()
        for role in AttemptRole.allCases { json.member(role, deployment.attempts[role] ?? 0) }
        json.endObject()
        json.member("wins", deployment.wins)
        json.member("successes", deployment.successes)
        json.key("failures")
        json.beginObject()
        for kind in FailureKind.allCases {
            guard let count = deployment.failures[kind] else { continue }
            json.key(kind.name)
            json.value(count)
        }
        json.endObject()
        json.key("cancelled")
        json.beginObject()
        for (reason, count) in deployment.cancelled.sorted(by: { $0.key.name < $1.key.name }) {
            json.key(reason.name)
            json.value(count)
        }
        json.endObject()
        json.member("in_flight", deployment.inFlight)
        write(deployment.health, to: &json)
        write(deployment.recovery, to: &json)
        json.key("ttft_ms")
        write(deployment.streaming, to: &json)
        json.key("total_ms")
        write(deployment.complete, to: &json)
        writeEvidence(of: deployment.id, to: &json)
        json.endObject()
    }

    private func write(_ health: HealthStatistics, to json: inout JSONWriter) {
        json.key("health")
        json.beginObject()
        json.member("state", health.state.rawValue)
        if let left = health.cooldownLeft { json.member("cooldown_remaining_ms", milliseconds: left.nanoseconds) }
        if let cause = health.cause { json.member("cause", cause.name) }
        json.member("cooldowns", health.cooldowns)
        json.member("failure_streak", health.failureStreak)
        json.member("backoff", health.backoff)
        json.endObject()
    }

    private func write(_ recovery: RecoveryStatistics, to json: inout JSONWriter) {
        json.key("recovery")
        json.beginObject()
        json.member("cooldowns_for_failures", recovery.cooldownsForFailures)
        json.member("cooldowns_for_latency", recovery.cooldownsForLatency)
        json.member("recoveries", recovery.recoveries)
        json.member("canaries", recovery.canaries)
        json.member("canaries_worked", recovery.canariesWorked)
        json.member("canaries_slow", recovery.canariesSlow)
        json.member("canaries_failed", recovery.canariesFailed)
        json.member("canaries_inconclusive", recovery.canariesInconclusive)
        json.member("canaries_abandoned", recovery.canariesAbandoned)
        json.member("probes", recovery.probes)
        json.member("probes_failed", recovery.probesFailed)
        json.member("probe_prompt_tokens", recovery.probePromptTokens)
        json.member("probe_completion_tokens", recovery.probeCompletionTokens)
        json.endObject()
    }

    /// Requests that waited for a deployment.
    private func write(_ queue: QueueStatistics, to json: inout JSONWriter) {
        json.key("queue")
        json.beginObject()
        json.member("waiting", queue.waiting)
        json.member("entered", queue.entered)
        json.member("served", queue.served)
        json.member("expired", queue.expired)
        json.member("left", queue.left)
        json.member("refused", queue.refused)
        json.member("waited_ms", milliseconds: queue.waited.nanoseconds)
        json.member("longest_wait_ms", milliseconds: queue.longestWait.nanoseconds)
        json.endObject()
    }

    /// The latency of streams is to the first token, of everything else to the full answer.
    private func write(_ latency: LatencyStatistics, to json: inout JSONWriter) {
        json.beginObject()
        write("p50", latency.p50, to: &json)
        json.key("spread")
        json.beginArray()
        for quantile in latency.spread {
            if quantile.isIdentified { json.milliseconds(nanoseconds: quantile.value.nanoseconds) } else { json.null() }
        }
        json.endArray()
        write("p95", latency.p95, to: &json)
        write("p99", latency.p99, to: &json)
        json.member("effective_samples", latency.effectiveSamples)
        json.member("censored_share", latency.censoredShare)
        json.member("cold", latency.isCold)
        if let threshold = latency.hedgeThreshold, let source = latency.hedgeThresholdSource {
            json.member("hedge_threshold_ms", milliseconds: threshold.nanoseconds)
            json.member("hedge_threshold_source", source.rawValue)
        }
        if let suggested = latency.suggestedThreshold {
            json.member("suggested_threshold_ms", milliseconds: suggested.nanoseconds)
        }
        json.endObject()
    }

    /// A quantile the data cannot tell is null, not a guess.
    private func write(_ name: StaticString, _ quantile: LatencyQuantile?, to json: inout JSONWriter) {
        json.key(name)
        guard let quantile, quantile.isIdentified else { return json.null() }
        json.milliseconds(nanoseconds: quantile.value.nanoseconds)
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ role: AttemptRole, _ count: UInt64) {
        key(role.rawValue)
        value(count)
    }
}
