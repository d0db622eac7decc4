import DequeModule
import HedgeCore
import HedgeJSON

extension StatisticsSnapshot {
    /// For each model group: what became of its requests, how long they took, and what hedging bought them.
    func writeGroups(_ core: CoreStatistics, to json: inout JSONWriter) {
        json.key("groups")
        json.beginArray()
        for group in core.groups {
            guard let name = table.groupNames[group.id] else { continue }
            let evidence = evidence.group(group.id)
            json.beginObject()
            json.member("name", name)
            json.member("storm", group.isStorm)
            write(evidence, to: &json)
            json.key("hedges")
            json.beginObject()
            writeMembers(of: group.hedges, to: &json)
            json.endObject()
            json.key("streaming")
            write(group.streaming, evidence, isStream: true, to: &json)
            json.key("complete")
            write(group.complete, evidence, isStream: false, to: &json)
            json.endObject()
        }
        json.endArray()
    }

    private func write(_ group: GroupEvidence, to json: inout JSONWriter) {
        json.key("requests")
        json.beginObject()
        json.member("ok", group.succeeded)
        json.member("error", group.failed.values.reduce(0, &+))
        json.member("cancelled", group.cancelled)
        json.key("errors")
        json.beginObject()
        for (status, count) in group.failed.sorted(by: { $0.key.rawValue > $1.key.rawValue }) {
            json.key(status.name)
            json.value(count)
        }
        json.endObject()
        json.endObject()
        json.key("first_token_ms")
        write(group.firstToken.counts, to: &json)
        json.key("duration_ms")
        json.beginObject()
        json.key("streaming")
        write(group.streamDuration.counts, to: &json)
        json.key("complete")
        write(group.wholeDuration.counts, to: &json)
        json.endObject()
    }

    private func write(_ counts: LatencyCounts, to json: inout JSONWriter) {
        json.beginObject()
        json.member("count", counts.total)
        json.member("sum", counts.sum * 1000)
        json.endObject()
    }

    private func write(
        _ effect: HedgingEffect?, _ evidence: GroupEvidence, isStream: Bool, to json: inout JSONWriter
    ) {
        guard let effect else { return json.null() }
        json.beginObject()
        json.key("actual")
        write(effect.actual, to: &json)
        json.key("without_hedging")
        write(effect.withoutHedging, to: &json)
        json.key("without_hedging_by_control")
        write(effect.withoutHedgingByControl, to: &json)
        json.key("saved")
        let saved = SavingEstimate(
            mean: effect.meanSaved, low: effect.meanSavedLow, high: effect.meanSavedHigh)
        write(effect.isSavingIdentified ? saved : nil, to: &json)
        json.key("saved_by_control")
        write(effect.savedByControl, to: &json)
        json.member("saving_horizon_ms", milliseconds: effect.savingHorizon.nanoseconds)
        json.key("price_of_saved_second")
        if let price = evidence.priceOfSavedSecond(effect, isStream: isStream) {
            json.value(price)
        } else {
            json.null()
        }
        json.member("answered", effect.answered)
        json.member("rescued", effect.rescued)
        json.member("controls", effect.controls)
        json.member("effective_samples", effect.effectiveSamples)
        write(effect.curve, to: &json)
        json.endObject()
    }

    private func write(_ quantiles: QuantileEstimates, to json: inout JSONWriter) {
        json.beginObject()
        json.key("p50")
        write(quantiles.p50, to: &json)
        json.key("p95")
        write(quantiles.p95, to: &json)
        json.key("p99")
        write(quantiles.p99, to: &json)
        json.key("p999")
        write(quantiles.p999, to: &json)
        json.endObject()
    }

    /// What the samples cannot tell is `unidentified`, with what it is at least.
    private func write(_ quantile: QuantileEstimate?, to json: inout JSONWriter) {
        json.beginObject()
        guard let quantile, quantile.isIdentified else {
            json.member("status", "unidentified")
            if let quantile { json.member("at_least_ms", milliseconds: quantile.value.nanoseconds) }
            return json.endObject()
        }
        json.member("status", "identified")
        json.member("ms", milliseconds: quantile.value.nanoseconds)
        if let low = quantile.low { json.member("low_ms", milliseconds: low.nanoseconds) }
        if let high = quantile.high { json.member("high_ms", milliseconds: high.nanoseconds) }
        json.endObject()
    }

    private func write(_ saving: SavingEstimate?, to json: inout JSONWriter) {
        json.beginObject()
        if let saving {
            json.member("status", "identified")
            json.member("mean_ms", milliseconds: saving.mean.nanoseconds)
            json.member("low_ms", milliseconds: saving.low.nanoseconds)
            json.member("high_ms", milliseconds: saving.high.nanoseconds)
        } else {
            json.member("status", "unidentified")
        }
        json.endObject()
    }

    /// Rows of latency, share beyond it as callers saw it, share without hedging, its bounds, and whether it is known.
    private func write(_ curve: [SurvivalPoint], to json: inout JSONWriter) {
        json.key("curve")
        json.beginArray()
        for point in curve {
            json.beginArray()
            json.value(rounded(point.latency.milliseconds))
            json.value(rounded(point.actual))
            json.value(rounded(point.withoutHedging))
            json.value(rounded(point.low))
            json.value(rounded(point.high))
            json.value(point.isIdentified)
            json.endArray()
        }
        json.endArray()
    }

    /// Five digits after the point are more than any estimate deserves.
    private func rounded(_ value: Double) -> Double {
        (value * 100_000).rounded() / 100_000
    }

    /// Tokens and money over all deployments.
    func writeMoney(_ core: CoreStatistics, to json: inout JSONWriter) {
        var total = SpendingSummary()
        for deployment in core.deployments {
            total.add(evidence.deployment(deployment.id))
            total.arePricesKnown = total.arePricesKnown && table.deployments[deployment.id]?.prices.areKnown == true
        }
        json.key("spent")
        total.write(to: &json)
    }

    /// What is counted of a deployment beside the core.
    func writeEvidence(of id: DeploymentID, to json: inout JSONWriter) {
        let evidence = evidence.deployment(id)
        let runtime = table.deployments[id]
        json.member("bytes_received", evidence.bytesReceived)
        json.key("cancel_stops_billing")
        if let stops = runtime?.cancelStopsBilling { json.value(stops) } else { json.null() }
        var summary = SpendingSummary()
        summary.add(evidence)
        summary.arePricesKnown = runtime?.prices.areKnown == true
        json.key("spent")
        summary.write(to: &json)
        json.key("waits")
        json.beginObject()
        for (name, counts) in [
            ("answered_streaming", evidence.answeredStream), ("answered_complete", evidence.answeredWhole),
            ("abandoned_streaming", evidence.abandonedStream), ("abandoned_complete", evidence.abandonedWhole),
        ] as [(StaticString, LatencyCounts)] {
            json.key(name)
            write(counts, to: &json)
        }
        json.endObject()
    }

    /// The latest changes of health, the oldest first.
    func writeTimeline(to json: inout JSONWriter) {
        json.key("health_events")
        json.beginArray()
        for entry in evidence.timeline.entries {
            guard let deployment = table.deployments[entry.deployment] else { continue }
            json.beginObject()
            json.member("time_unix_ms", entry.time)
            json.member("deployment", deployment.key)
            switch entry.change {
            case .cooldownStarted(_, let cause):
                json.member("change", "cooldown_started")
                json.member("cause", cause.name)
                if let length = entry.length { json.member("for_ms", length.milliseconds.rounded()) }
            case .canaryAllowed: json.member("change", "canary_allowed")
            case .recovered: json.member("change", "recovered")
            }
            json.endObject()
        }
        json.endArray()
    }
}

/// Tokens and money by use, of one deployment or of all.
private struct SpendingSummary {
    private var counted = TokenTally()
    private var estimated = TokenTally()
    var arePricesKnown = true

    mutating func add(_ evidence: DeploymentEvidence) {
        counted.add(evidence.counted)
        estimated.add(evidence.estimated)
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        var cost = 0.0
        var wasted = 0.0
        var guessed = 0.0
        for use in TokenUse.allCases {
            let guess = estimated[use]
            let sum = counted[use] + guess
            cost += sum.cost
            guessed += guess.cost
            if use != .answer { wasted += sum.cost }
            guard use == .answer || sum.attempts > 0 else { continue }
            json.key(use.rawValue)
            write(sum, estimatedTokens: guess.tokens.total, to: &json)
        }
        if arePricesKnown {
            json.member("cost", cost)
            json.member("wasted_cost", wasted)
            json.member("estimated_cost", guessed)
        }
        json.endObject()
    }

    private func write(_ spent: Spending, estimatedTokens: Double, to json: inout JSONWriter) {
        json.beginObject()
        json.member("attempts", spent.attempts)
        json.member("prompt_tokens", Int64(clamping: spent.tokens.prompt))
        json.member("cached_prompt_tokens", Int64(clamping: spent.tokens.cachedPrompt))
        json.member("cache_written_prompt_tokens", Int64(clamping: spent.tokens.cacheWritten))
        json.member("completion_tokens", Int64(clamping: spent.tokens.completion))
        json.member("estimated_tokens", Int64(clamping: estimatedTokens))
        if arePricesKnown { json.member("cost", spent.cost) }
        json.endObject()
    }
}
