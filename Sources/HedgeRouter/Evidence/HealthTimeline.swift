import DequeModule
import HedgeCore

/// The latest changes of deployments' health, for a picture of cooldowns over time.
struct HealthTimeline: Sendable {
    /// One change.
    struct Entry: Sendable {
        var deployment: DeploymentID
        var change: HealthChange
        /// Milliseconds since 1970.
        var time: Int64
        /// How long the deployment is left out, when that began.
        var length: Interval?
    }

    private(set) var entries: Deque<Entry> = []

    /// Changes that are kept.
    static let capacity = 256

    mutating func note(_ change: HealthChange, of id: DeploymentID, now: Int64, wallClock: Int64) {
        if entries.count >= Self.capacity { _ = entries.popFirst() }
        var length: Interval?
        if case .cooldownStarted(let until, _) = change { length = until - Instant(nanoseconds: now) }
        entries.append(Entry(deployment: id, change: change, time: wallClock, length: length))
    }
}
