import HedgeCore
import HedgeJSON

/// A snapshot made ready to be written as metrics.
struct MetricsSource {
    // Classes: each of the many passes over them would copy some kilobytes of counts otherwise.

    /// A deployment with its labels.
    final class Deployment {
        let labels: [UInt8]
        let runtime: DeploymentRuntime
        let core: DeploymentStatistics
        let evidence: DeploymentEvidence

        init(labels: [UInt8], runtime: DeploymentRuntime, core: DeploymentStatistics, evidence: DeploymentEvidence) {
            self.labels = labels
            self.runtime = runtime
            self.core = core
            self.evidence = evidence
        }
    }

    /// A model group with its labels.
    final class Group {
        let labels: [UInt8]
        let core: GroupStatistics
        let evidence: GroupEvidence

        init(labels: [UInt8], core: GroupStatistics, evidence: GroupEvidence) {
            self.labels = labels
            self.core = core
            self.evidence = evidence
        }
    }

    let snapshot: StatisticsSnapshot
    let core: CoreStatistics
    let deployments: [Deployment]
    let groups: [Group]

    init(_ snapshot: StatisticsSnapshot) {
        self.snapshot = snapshot
        core = snapshot.core.statistics()
        deployments = core.deployments.compactMap { statistics in
            guard let runtime = snapshot.table.deployments[statistics.id] else { return nil }
            let labels = MetricsWriter.join(
                MetricsWriter.label("deployment", runtime.key), MetricsWriter.label("model_group", runtime.group))
            return Deployment(
                labels: labels, runtime: runtime, core: statistics,
                evidence: snapshot.evidence.deployment(statistics.id))
        }
        groups = core.groups.compactMap { statistics in
            guard let name = snapshot.table.groupNames[statistics.id] else { return nil }
            return Group(
                labels: MetricsWriter.label("model_group", name), core: statistics,
                evidence: snapshot.evidence.group(statistics.id))
        }
    }
}

extension StatisticsSnapshot {
    /// The snapshot as metrics.
    func metrics(_ format: MetricsFormat) -> HeapText {
        let source = MetricsSource(self)
        var writer = MetricsWriter(format, reserving: 16_384 + 16_384 * source.deployments.count)
        for metric in MetricTable.all {
            writer.begin(metric)
            metric.write(source, &writer)
        }
        return writer.finish()
    }
}

/// Labels whose values are the cases of something.
enum MetricLabels {
    static let roles = AttemptRole.allCases.map { (value: $0, label: MetricsWriter.label("role", $0.rawValue)) }
    static let kinds = FailureKind.allCases.map { (value: $0, label: MetricsWriter.label("kind", $0.name)) }
    static let suppressions = HedgeSuppression.allCases.map {
        (value: $0, label: MetricsWriter.label("reason", $0.rawValue))
    }
    static let states = HealthState.allCases.map { (value: $0, label: MetricsWriter.label("state", $0.rawValue)) }
    static let isStream = MetricsWriter.label("stream", "true")
    static let isWhole = MetricsWriter.label("stream", "false")
    static let answeredStream = MetricsWriter.join(isStream, MetricsWriter.label("outcome", "answered"))
    static let answeredWhole = MetricsWriter.join(isWhole, MetricsWriter.label("outcome", "answered"))
    static let abandonedStream = MetricsWriter.join(isStream, MetricsWriter.label("outcome", "abandoned"))
    static let abandonedWhole = MetricsWriter.join(isWhole, MetricsWriter.label("outcome", "abandoned"))
    static let answered = MetricsWriter.label("outcome", "ok")
    static let failed = MetricsWriter.label("outcome", "error")
    static let cancelled = MetricsWriter.label("outcome", "cancelled")

    /// For each use, counted and estimated: the labels of prompt and completion tokens, and of money.
    static let uses: [(use: TokenUse, isEstimated: Bool, prompt: [UInt8], completion: [UInt8], money: [UInt8])] =
        TokenUse.allCases.flatMap { use in
            [false, true].map { isEstimated in
                let shared = MetricsWriter.join(
                    MetricsWriter.label("use", use.rawValue),
                    MetricsWriter.label("estimated", isEstimated ? "true" : "false"))
                return (
                    use, isEstimated, MetricsWriter.join(MetricsWriter.label("type", "prompt"), shared),
                    MetricsWriter.join(MetricsWriter.label("type", "completion"), shared), shared
                )
            }
        }

    static func percentile(_ value: String) -> [UInt8] { MetricsWriter.label("percentile", value) }
    static let p50 = percentile("50")
    static let p95 = percentile("95")
    static let p99 = percentile("99")

    static let actual = MetricsWriter.label("estimate", "actual")
    static let withoutHedging = MetricsWriter.label("estimate", "without_hedging")
    static let control = MetricsWriter.label("estimate", "control_arm")
    static let value = MetricsWriter.label("bound", "estimate")
    static let low = MetricsWriter.label("bound", "low")
    static let high = MetricsWriter.label("bound", "high")
}
