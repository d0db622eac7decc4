import HedgeCore

extension MetricTable {
    /// What waited for a deployment, and how deployments came back.
    static let waiting: [Metric] = [
        Metric("queue_waiting", .gauge, stats: "queue.waiting", "Requests that wait for a deployment.") { source, out in
            out.sample([], [], Double(source.core.queue.waiting))
        },
        Metric("queue_entered", .counter, stats: "queue.entered", "Requests that began to wait for a deployment.") {
            source, out in
            out.sample([], [], source.core.queue.entered)
        },
        Metric("queue_served", .counter, stats: "queue.served", "Waiting requests that a deployment took.") {
            source, out in
            out.sample([], [], source.core.queue.served)
        },
        Metric("queue_expired", .counter, stats: "queue.expired", "Requests that waited as long as they might.") {
            source, out in
            out.sample([], [], source.core.queue.expired)
        },
        Metric("queue_refused", .counter, stats: "queue.refused", "Requests refused because too many waited.") {
            source, out in
            out.sample([], [], source.core.queue.refused)
        },
        Metric(
            "queue_waited_seconds", .counter, unit: "seconds", stats: "queue.waited_ms",
            "Time that requests waited before a deployment took them, all together."
        ) { source, out in
            out.sample([], [], source.core.queue.waited.seconds)
        },
        Metric(
            "canaries_failed", .counter, labels: deployment, stats: "deployments[].recovery.canaries_failed",
            "Canaries that failed."
        ) { source, out in
            for deployment in source.deployments {
                out.sample(deployment.labels, [], deployment.core.recovery.canariesFailed)
            }
        },
        Metric(
            "cooldown_backoff", .gauge, labels: deployment, stats: "deployments[].health.backoff",
            "How often in a row a deployment had to be left out; each step doubles the next cooldown."
        ) { source, out in
            for deployment in source.deployments {
                out.sample(deployment.labels, [], Double(deployment.core.health.backoff))
            }
        },
        Metric(
            "probes", .counter, labels: deployment, stats: "deployments[].recovery.probes",
            "Requests of the library's own that tested an idle deployment."
        ) { source, out in
            for deployment in source.deployments {
                out.sample(deployment.labels, [], deployment.core.recovery.probes)
            }
        },
    ]
}
