/// What a request has left when an attempt fails or is late: repetitions in its group, and other groups.
struct RequestRescue: Sendable {
    /// When the next attempt is due; nil unless the request waits for one with nothing in flight.
    var retryAt: Instant?
    /// When a fallback group is entered although attempts still run; nil when that is out of the question.
    var fallbackAt: Instant?

    /// Failovers and repetitions in the group being tried.
    var spent = 0
    /// Repetitions in the group being tried, for the backoff.
    var repetitions = 0
    /// Deployments of the group being tried that failed in a way that repeating may cure.
    var repeatable: [Repeatable] = []

    /// Slots of the groups that were tried, in order; the one being tried is the last.
    var visited: [Int] = []
    /// Slots of the groups that may follow, the next one first.
    var pending: [Int] = []

    /// Whether a token of the failover budget was taken for the latest fallback.
    var owesToken = false

    /// Fallback groups entered.
    var fallbacks: Int { max(0, visited.count - 1) }

    /// Ready for another request; arrays keep their storage.
    mutating func reset(group: Int) {
        retryAt = nil
        fallbackAt = nil
        owesToken = false
        visited.removeAll(keepingCapacity: true)
        pending.removeAll(keepingCapacity: true)
        enter(group)
    }

    /// Counts start anew in each group.
    mutating func enter(_ group: Int) {
        visited.append(group)
        spent = 0
        repetitions = 0
        repeatable.removeAll(keepingCapacity: true)
        retryAt = nil
        fallbackAt = nil
    }

    /// Remembers that a deployment may be asked again, and how long it asked to be left alone.
    mutating func add(_ slot: Int, _ id: DeploymentID, notBefore: Instant) {
        for index in repeatable.indices where repeatable[index].id == id {
            repeatable[index].notBefore = notBefore
            return
        }
        repeatable.append(Repeatable(slot: slot, id: id, notBefore: notBefore))
    }

    /// Forgets a deployment that will not answer however often it is asked.
    mutating func remove(_ id: DeploymentID) {
        repeatable.removeAll { $0.id == id }
    }
}

/// A deployment that failed and may be asked again.
struct Repeatable: Sendable {
    var slot: Int
    /// What the slot stood for; it may stand for something else when configurations were replaced.
    var id: DeploymentID
    /// Until then it asked to be left alone.
    var notBefore: Instant
}

/// Why a request went on to another model group.
public enum FallbackReason: String, Hashable, Sendable, CaseIterable {
    /// The group's attempts failed, and nothing else was left there.
    case failed
    /// None of the group's deployments could take it.
    case unavailable
    /// The group had not answered in time to leave the fallback enough of the deadline.
    case late
    /// The prompt exceeds the context window.
    case contextLength = "context_length"
    /// A content policy refused the request.
    case contentPolicy = "content_policy"
}
