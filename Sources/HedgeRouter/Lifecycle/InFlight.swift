import Synchronization

/// Counts the requests in flight, refuses new ones while draining, and lets a thread wait for the last one.
final class InFlight: @unchecked Sendable {
    private let count = Atomic<Int>(0)
    private let isDraining = Atomic<Bool>(false)
    private let monitor = Monitor()

    /// Whether requests are refused.
    var refusesRequests: Bool { isDraining.load(ordering: .acquiring) }

    var current: Int { count.load(ordering: .relaxed) }

    /// Counts a new request; false when `limit` are in flight already or no new ones are taken.
    func enter(limit: Int) -> Bool {
        let (_, now) = count.add(1, ordering: .sequentiallyConsistent)
        guard now <= limit, !refusesRequests else {
            leave()
            return false
        }
        return true
    }

    func leave() {
        let (_, left) = count.subtract(1, ordering: .sequentiallyConsistent)
        guard left <= 0, isDraining.load(ordering: .sequentiallyConsistent) else { return }
        monitor.withLock { monitor.broadcast() }
    }

    /// Refuses new requests from now on.
    func refuseNew() {
        isDraining.store(true, ordering: .sequentiallyConsistent)
    }

    /// Waits until none is in flight; false when `deadline` passed first.
    func waitUntilIdle(_ deadline: MonotonicDeadline) -> Bool {
        monitor.withLock {
            while count.load(ordering: .sequentiallyConsistent) > 0 {
                guard monitor.wait(until: deadline) else {
                    return count.load(ordering: .sequentiallyConsistent) <= 0
                }
            }
            return true
        }
    }

    /// Ends every wait, for a router that closes.
    func abandon() {
        count.store(0, ordering: .sequentiallyConsistent)
        monitor.withLock { monitor.broadcast() }
    }
}
