import HedgeCore
import HedgeProviders

/// One metric: everything that is said of it anywhere, and where its samples come from.
struct Metric: Sendable {
    /// Without the prefix `hedgerouter_`, and without `_total`.
    var name: String
    var kind: MetricKind
    /// The unit at the end of the name, for OpenMetrics.
    var unit: String?
    var labels: [String]
    var help: String
    /// Where the same number is in the stats document.
    var statsPath: String
    /// The name under which samples are queried; of a histogram the family's.
    let queryName: String
    /// The name on each line of samples.
    let sampleName: [UInt8]
    /// The lines before the samples, in either format.
    let prometheusHead: [UInt8]
    let openMetricsHead: [UInt8]
    var write: @Sendable (MetricsSource, inout MetricsWriter) -> Void

    init(
        _ name: String, _ kind: MetricKind, unit: String? = nil, labels: [String] = [], stats: String, _ help: String,
        write: @escaping @Sendable (MetricsSource, inout MetricsWriter) -> Void
    ) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.labels = labels
        self.help = help
        statsPath = stats
        self.write = write
        let family = "hedgerouter_" + name
        queryName = kind == .counter ? family + "_total" : family
        sampleName = Array(queryName.utf8)
        let unitLine = unit.map { "# UNIT \(family) \($0)\n" } ?? ""
        prometheusHead = Self.head(queryName, kind, help)
        openMetricsHead = Self.head(family, kind, help) + Array(unitLine.utf8)
    }

    private static func head(_ title: String, _ kind: MetricKind, _ help: String) -> [UInt8] {
        Array("# HELP \(title) \(help)\n# TYPE \(title) \(kind.rawValue)\n".utf8)
    }
}

/// Every metric of the library: the text formats and the reference page are made from this table.
enum MetricTable {
    static let all = requests + hedging + effect + attempts + health + waiting + money + library

    private static let group = ["model_group"]
    static let deployment = ["deployment", "model_group"]

    private static let requests: [Metric] = [
        Metric(
            "requests", .counter, labels: group + ["outcome"], stats: "groups[].requests",
            "Requests that ended: ok, error, or cancelled by their caller."
        ) { source, out in
            for group in source.groups {
                out.sample(group.labels, MetricLabels.answered, group.evidence.succeeded)
                out.sample(group.labels, MetricLabels.failed, group.evidence.failed.values.reduce(0, &+))
                out.sample(group.labels, MetricLabels.cancelled, group.evidence.cancelled)
            }
        },
        Metric(
            "request_errors", .counter, labels: group + ["code"], stats: "groups[].requests.errors",
            "Requests that failed, by the code their caller got."
        ) { source, out in
            for group in source.groups {
                for (status, count) in group.evidence.failed.sorted(by: { $0.key.rawValue > $1.key.rawValue }) {
                    out.sample(group.labels, MetricsWriter.label("code", status.name.description), count)
                }
            }
        },
        Metric("requests_in_flight", .gauge, stats: "requests.in_flight", "Requests under way.") { source, out in
            out.sample([], [], Double(source.core.requestsInFlight))
        },
        Metric(
            "request_first_token_seconds", .histogram, unit: "seconds", labels: group,
            stats: "groups[].first_token_ms", "Time from submission to the first token, of requests that stream."
        ) { source, out in
            for group in source.groups where group.evidence.firstToken.counts.total > 0 {
                out.histogram(
                    group.labels, [], group.evidence.firstToken.counts, exemplars: group.evidence.firstToken.exemplars)
            }
        },
        Metric(
            "request_duration_seconds", .histogram, unit: "seconds", labels: group + ["stream"],
            stats: "groups[].duration_ms", "Time from submission to the end of the answer, of requests that succeeded."
        ) { source, out in
            for group in source.groups {
                let stream = group.evidence.streamDuration
                if stream.counts.total > 0 {
                    out.histogram(group.labels, MetricLabels.isStream, stream.counts, exemplars: stream.exemplars)
                }
                let whole = group.evidence.wholeDuration
                if whole.counts.total > 0 {
                    out.histogram(group.labels, MetricLabels.isWhole, whole.counts, exemplars: whole.exemplars)
                }
            }
        },
        Metric("races", .counter, stats: "races", "Requests that raced for want of history.") { source, out in
            out.sample([], [], source.core.races)
        },
        Metric("failovers", .counter, stats: "failovers", "Attempts started because the one before failed.") {
            source, out in
            out.sample([], [], source.core.failovers)
        },
        Metric(
            "failovers_refused", .counter, stats: "failovers_refused", "Failovers that their budget did not allow."
        ) { source, out in
            out.sample([], [], source.core.failoversRefused)
        },
        Metric(
            "last_resorts", .counter, stats: "last_resorts",
            "Attempts on a deployment that was out, because none was healthy."
        ) { source, out in
            out.sample([], [], source.core.lastResorts)
        },
    ]

    private static let hedging: [Metric] = [
        Metric("hedges_fired", .counter, labels: group, stats: "groups[].hedges.fired", "Hedges started.") {
            source, out in
            for group in source.groups { out.sample(group.labels, [], group.core.hedges.fired) }
        },
        Metric("hedges_won", .counter, labels: group, stats: "groups[].hedges.won", "Hedges that answered first.") {
            source, out in
            for group in source.groups { out.sample(group.labels, [], group.core.hedges.won) }
        },
        Metric(
            "hedges_lost", .counter, labels: group, stats: "groups[].hedges.lost", "Hedges that did not answer first."
        ) { source, out in
            for group in source.groups { out.sample(group.labels, [], group.core.hedges.lost) }
        },
        Metric(
            "hedges_both_failed", .counter, labels: group, stats: "groups[].hedges.both_failed",
            "Requests with a hedge that got no answer from either attempt."
        ) { source, out in
            for group in source.groups { out.sample(group.labels, [], group.core.hedges.bothFailed) }
        },
        Metric(
            "hedges_suppressed", .counter, labels: group + ["reason"], stats: "groups[].hedges.suppressed",
            "Thresholds that passed without a hedge, by the reason for it."
        ) { source, out in
            for group in source.groups {
                for reason in MetricLabels.suppressions {
                    out.sample(group.labels, reason.label, group.core.hedges.suppressed[reason.value] ?? 0)
                }
            }
        },
        Metric(
            "hedge_budget_available", .gauge, stats: "hedges.budget_level", "Hedges that the budget allows now."
        ) { source, out in
            out.sample([], [], source.core.budgetLevel)
        },
        Metric(
            "failover_budget_available", .gauge, stats: "failover_budget_level",
            "Failovers that may fail before others are refused."
        ) { source, out in
            out.sample([], [], source.core.failoverBudgetLevel)
        },
        Metric(
            "retries", .counter, stats: "retries", "Attempts on deployments that had failed the same request before."
        ) { source, out in
            out.sample([], [], source.core.retries)
        },
        Metric(
            "retries_refused", .counter, stats: "retries_refused", "Repetitions that the budget did not allow."
        ) { source, out in
            out.sample([], [], source.core.retriesRefused)
        },
        Metric(
            "fallbacks", .counter, stats: "fallbacks", "Times a request went on to another model group."
        ) { source, out in
            out.sample([], [], source.core.fallbacks)
        },
        Metric(
            "fallbacks_in_time", .counter, stats: "fallbacks_in_time",
            "Fallbacks that began because the group before was about to use up the deadline."
        ) { source, out in
            out.sample([], [], source.core.fallbacksInTime)
        },
        Metric(
            "hedge_threshold_seconds", .gauge, unit: "seconds", labels: deployment + ["stream"],
            stats: "deployments[].ttft_ms.hedge_threshold_ms", "Hedge threshold of small prompts, in force now."
        ) { source, out in
            for deployment in source.deployments {
                if let threshold = deployment.core.streaming.hedgeThreshold {
                    out.sample(deployment.labels, MetricLabels.isStream, threshold)
                }
                if let threshold = deployment.core.complete.hedgeThreshold {
                    out.sample(deployment.labels, MetricLabels.isWhole, threshold)
                }
            }
        },
        Metric(
            "storm", .gauge, labels: group, stats: "groups[].storm",
            "1 while a whole group is slow and hedging stands still."
        ) { source, out in
            for group in source.groups { out.sample(group.labels, [], group.core.isStorm ? 1 as UInt64 : 0) }
        },
    ]

    private static let effect: [Metric] = [
        Metric(
            "latency_seconds", .gauge, unit: "seconds", labels: group + ["stream", "estimate", "percentile", "bound"],
            stats: "groups[].streaming.actual",
            "Latency of answered requests as callers saw it and as it would be without hedging, with bounds of 95 %. "
                + "Absent where the samples cannot tell."
        ) { source, out in
            for group in source.groups {
                out.effect(group.labels, MetricLabels.isStream, group.core.streaming)
                out.effect(group.labels, MetricLabels.isWhole, group.core.complete)
            }
        },
        Metric(
            "hedging_saved_seconds", .gauge, unit: "seconds", labels: group + ["stream", "estimate", "bound"],
            stats: "groups[].streaming.saved",
            "Mean time that hedging saved each request, with bounds of 95 %. Absent where the samples cannot tell."
        ) { source, out in
            for group in source.groups {
                out.saving(group.labels, MetricLabels.isStream, group.core.streaming)
                out.saving(group.labels, MetricLabels.isWhole, group.core.complete)
            }
        },
        Metric(
            "hedging_saved_second_price", .gauge, labels: group + ["stream"],
            stats: "groups[].streaming.price_of_saved_second",
            "Money for superseded attempts, per second that hedging saved. Absent without prices or savings."
        ) { source, out in
            for group in source.groups {
                if let price = group.priceOfSavedSecond(isStream: true) {
                    out.sample(group.labels, MetricLabels.isStream, price)
                }
                if let price = group.priceOfSavedSecond(isStream: false) {
                    out.sample(group.labels, MetricLabels.isWhole, price)
                }
            }
        },
    ]

    private static let attempts: [Metric] = [
        Metric(
            "attempts", .counter, labels: deployment + ["role"], stats: "deployments[].attempts",
            "Attempts started, by the reason they were."
        ) { source, out in
            for deployment in source.deployments {
                for role in MetricLabels.roles {
                    out.sample(deployment.labels, role.label, deployment.core.attempts[role.value] ?? 0)
                }
            }
        },
        Metric(
            "attempts_in_flight", .gauge, labels: deployment, stats: "deployments[].in_flight", "Attempts in flight."
        ) { source, out in
            for deployment in source.deployments {
                out.sample(deployment.labels, [], UInt64(max(0, deployment.core.inFlight)))
            }
        },
        Metric(
            "attempts_won", .counter, labels: deployment, stats: "deployments[].wins",
            "Requests whose answer the deployment gave or began."
        ) { source, out in
            for deployment in source.deployments { out.sample(deployment.labels, [], deployment.core.wins) }
        },
        Metric(
            "attempts_succeeded", .counter, labels: deployment, stats: "deployments[].successes",
            "Attempts that delivered a whole answer."
        ) { source, out in
            for deployment in source.deployments { out.sample(deployment.labels, [], deployment.core.successes) }
        },
        Metric(
            "attempts_failed", .counter, labels: deployment + ["kind"], stats: "deployments[].failures",
            "Attempts that failed, by the class of the failure."
        ) { source, out in
            for deployment in source.deployments where !deployment.core.failures.isEmpty {
                for kind in MetricLabels.kinds {
                    guard let count = deployment.core.failures[kind.value] else { continue }
                    out.sample(deployment.labels, kind.label, count)
                }
            }
        },
        Metric(
            "attempts_cancelled", .counter, labels: deployment + ["reason"], stats: "deployments[].cancelled",
            "Attempts the router cancelled, by reason."
        ) { source, out in
            for deployment in source.deployments {
                for (reason, count) in deployment.core.cancelled.sorted(by: { $0.key.name < $1.key.name }) {
                    out.sample(deployment.labels, MetricsWriter.label("reason", reason.name), count)
                }
            }
        },
        Metric(
            "attempt_wait_seconds", .histogram, unit: "seconds", labels: deployment + ["stream", "outcome"],
            stats: "deployments[].waits",
            "Time from an attempt's start to its first token, or to the whole answer where it does not stream; "
                + "abandoned: how long it was waited for in vain."
        ) { source, out in
            for deployment in source.deployments {
                let evidence = deployment.evidence
                for (label, counts) in [
                    (MetricLabels.answeredStream, evidence.answeredStream),
                    (MetricLabels.answeredWhole, evidence.answeredWhole),
                    (MetricLabels.abandonedStream, evidence.abandonedStream),
                    (MetricLabels.abandonedWhole, evidence.abandonedWhole),
                ] where counts.total > 0 {
                    out.histogram(deployment.labels, label, counts)
                }
            }
        },
        Metric(
            "deployment_latency_seconds", .gauge, unit: "seconds", labels: deployment + ["stream", "percentile"],
            stats: "deployments[].ttft_ms",
            "Latency of a deployment lately, with attempts that were given up on counted as longer than that. "
                + "Absent where the samples cannot tell."
        ) { source, out in
            for deployment in source.deployments {
                out.latency(deployment.labels, MetricLabels.isStream, deployment.core.streaming)
                out.latency(deployment.labels, MetricLabels.isWhole, deployment.core.complete)
            }
        },
    ]

    private static let health: [Metric] = [
        Metric(
            "deployment_info", .gauge, labels: deployment + ["provider", "model"], stats: "deployments[]",
            "1 for each deployment of the configuration."
        ) { source, out in
            for deployment in source.deployments {
                let more = MetricsWriter.join(
                    MetricsWriter.label("provider", deployment.runtime.provider.name),
                    MetricsWriter.label("model", deployment.runtime.endpoint.model))
                out.sample(deployment.labels, more, 1 as UInt64)
            }
        },
        Metric(
            "deployment_state", .gauge, labels: deployment + ["state"], stats: "deployments[].health.state",
            "1 for the state the deployment is in, 0 for the others."
        ) { source, out in
            for deployment in source.deployments {
                for state in MetricLabels.states {
                    out.sample(
                        deployment.labels, state.label, deployment.core.health.state == state.value ? 1 as UInt64 : 0)
                }
            }
        },
        Metric(
            "cooldowns", .counter, labels: deployment, stats: "deployments[].health.cooldowns", "Cooldowns begun."
        ) { source, out in
            for deployment in source.deployments { out.sample(deployment.labels, [], deployment.core.health.cooldowns) }
        },
        Metric(
            "cooldown_remaining_seconds", .gauge, unit: "seconds", labels: deployment,
            stats: "deployments[].health.cooldown_remaining_ms", "Time left of a cooldown; 0 without one."
        ) { source, out in
            for deployment in source.deployments {
                out.sample(deployment.labels, [], deployment.core.health.cooldownLeft ?? .zero)
            }
        },
        Metric("canaries", .counter, stats: "canaries", "Attempts that tested a deployment after its cooldown.") {
            source, out in
            out.sample([], [], source.core.canaries)
        },
    ]

    private static let money: [Metric] = [
        Metric(
            "tokens", .counter, unit: "tokens", labels: deployment + ["type", "use", "estimated"],
            stats: "deployments[].spent",
            "Tokens billed for attempts, by whether they made the answer or why they were wasted."
        ) { source, out in
            for deployment in source.deployments {
                for label in MetricLabels.uses {
                    let spent = deployment.evidence.tally(isEstimated: label.isEstimated)[label.use]
                    guard spent.attempts > 0 || (label.use == .answer && !label.isEstimated) else { continue }
                    out.sample(deployment.labels, label.prompt, spent.tokens.prompt)
                    out.sample(deployment.labels, label.completion, spent.tokens.completion)
                }
            }
        },
        Metric(
            "cost", .counter, labels: deployment + ["use", "estimated"], stats: "deployments[].spent",
            "Money for attempts, in the currency of the configured prices. Absent without prices."
        ) { source, out in
            for deployment in source.deployments where deployment.runtime.prices.areKnown {
                for label in MetricLabels.uses {
                    let spent = deployment.evidence.tally(isEstimated: label.isEstimated)[label.use]
                    guard spent.attempts > 0 || (label.use == .answer && !label.isEstimated) else { continue }
                    out.sample(deployment.labels, label.money, spent.cost)
                }
            }
        },
        Metric(
            "received_bytes", .counter, unit: "bytes", labels: deployment, stats: "deployments[].bytes_received",
            "Bytes of answers received, whatever they were for."
        ) { source, out in
            for deployment in source.deployments {
                out.sample(deployment.labels, [], deployment.evidence.bytesReceived)
            }
        },
    ]

    private static let library: [Metric] = [
        Metric("build_info", .gauge, labels: ["version"], stats: "version", "1, with the library's version.") {
            _, out in
            out.sample([], MetricsWriter.label("version", Features.version), 1 as UInt64)
        },
        Metric(
            "open_attempts", .gauge, stats: "open_attempts",
            "Attempts whose connection is open, those that only wait for its clean end included."
        ) { source, out in
            out.sample([], [], UInt64(max(0, source.snapshot.attemptsInFlight)))
        },
        Metric(
            "inconsistencies", .counter, stats: "inconsistencies",
            "Impossible states that were met, counted and left safely: each one is a defect."
        ) { source, out in
            out.sample([], [], source.snapshot.inconsistencies)
        },
    ]
}

extension DeploymentEvidence {
    /// What was counted by providers, or estimated.
    func tally(isEstimated: Bool) -> TokenTally { isEstimated ? estimated : counted }
}

extension TokenPrices {
    /// Whether attempts can be priced.
    var areKnown: Bool { input != nil && output != nil }
}

extension MetricsSource.Group {
    /// Money for superseded attempts per second saved; nil where either is unknown or nothing was saved.
    func priceOfSavedSecond(isStream: Bool) -> Double? {
        evidence.priceOfSavedSecond(isStream ? core.streaming : core.complete, isStream: isStream)
    }
}

extension GroupEvidence {
    /// Money for superseded attempts per second saved; nil where either is unknown or nothing was saved.
    func priceOfSavedSecond(_ effect: HedgingEffect?, isStream: Bool) -> Double? {
        let cost = isStream ? hedgeCostStream : hedgeCostWhole
        guard let effect, effect.isSavingIdentified, effect.meanSaved > .zero, effect.answered > 0, cost > 0 else {
            return nil
        }
        let price = cost / Double(effect.answered) / effect.meanSaved.seconds
        return price.isFinite ? price : nil
    }
}

extension MetricsWriter {
    fileprivate mutating func latency(_ labels: [UInt8], _ kind: [UInt8], _ latency: LatencyStatistics) {
        for (label, quantile) in [
            (MetricLabels.p50, latency.p50), (MetricLabels.p95, latency.p95), (MetricLabels.p99, latency.p99),
        ] {
            guard let quantile, quantile.isIdentified else { continue }
            sample(labels, Self.join(kind, label), quantile.value)
        }
    }

    fileprivate mutating func effect(_ labels: [UInt8], _ kind: [UInt8], _ effect: HedgingEffect?) {
        guard let effect else { return }
        for (name, quantiles) in [
            (MetricLabels.actual, effect.actual), (MetricLabels.withoutHedging, effect.withoutHedging),
            (MetricLabels.control, effect.withoutHedgingByControl),
        ] {
            for (label, quantile) in [
                (MetricLabels.p50, quantiles.p50), (MetricLabels.p95, quantiles.p95), (MetricLabels.p99, quantiles.p99),
            ] {
                guard let quantile, quantile.isIdentified else { continue }
                let shared = Self.join(Self.join(kind, name), label)
                sample(labels, Self.join(shared, MetricLabels.value), quantile.value)
                if let low = quantile.low { sample(labels, Self.join(shared, MetricLabels.low), low) }
                if let high = quantile.high { sample(labels, Self.join(shared, MetricLabels.high), high) }
            }
        }
    }

    fileprivate mutating func saving(_ labels: [UInt8], _ kind: [UInt8], _ effect: HedgingEffect?) {
        guard let effect else { return }
        if effect.isSavingIdentified {
            let shared = Self.join(kind, MetricLabels.withoutHedging)
            sample(labels, Self.join(shared, MetricLabels.value), effect.meanSaved)
            sample(labels, Self.join(shared, MetricLabels.low), effect.meanSavedLow)
            sample(labels, Self.join(shared, MetricLabels.high), effect.meanSavedHigh)
        }
        if let saved = effect.savedByControl {
            let shared = Self.join(kind, MetricLabels.control)
            sample(labels, Self.join(shared, MetricLabels.value), saved.mean)
            sample(labels, Self.join(shared, MetricLabels.low), saved.low)
            sample(labels, Self.join(shared, MetricLabels.high), saved.high)
        }
    }
}
