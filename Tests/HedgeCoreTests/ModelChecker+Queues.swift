@testable import HedgeCore

/// The rules of waiting, as far as they can be told from outside.
extension ModelChecker {
    func isWaiting(_ id: RequestID, _ core: RouterCore) -> Bool {
        guard let slot = core.requestSlots[id] else { return false }
        return core.requests[slot].wait != nil
    }

    /// A first attempt overtakes nobody: no request that came before it still waits for its own.
    mutating func judgeTurn(_ id: RequestID) {
        guard let request = requests[id], request.tried.isEmpty else { return }
        for (other, waiting) in requests
        where other != id && waiting.groups.last == request.groups.last && waiting.tried.isEmpty
            && waiting.rank < request.rank
        {
            fail("\(id) is served before \(other)")
        }
    }

    /// Queues hold what waits and nothing else, within their bound, and nothing waits beside a deployment with room.
    mutating func judgeQueues(_ event: Event, _ core: RouterCore) {
        // With nobody in a queue only one that waits outside of any is left to find; that shows a few events later, too.
        if core.waitingRequests == 0, waitingBefore == 0, !isThorough, core.groups.allSatisfy({ $0.waiting.isEmpty }) {
            return
        }
        let waiting = requests.keys.filter { isWaiting($0, core) }
        if core.waitingRequests != waiting.count || core.groups.reduce(0, { $0 + $1.waiting.count }) != waiting.count {
            fail("\(waiting.count) requests wait, and \(core.waitingRequests) are counted")
        }
        for group in core.groups where group.waiting.count > max(waitingBefore, configuration.policy.maxWaiting) {
            fail("\(group.waiting.count) requests wait in one queue")
        }
        waitingBefore = waiting.count
        for id in waiting {
            guard let request = requests[id], request.tried.isEmpty, let group = request.groups.last, hasRoom(group)
            else { continue }
            fail("\(id) waits although there is room after \(event)")
        }
    }

    /// Whether a deployment that works, without limits per minute, could take one more attempt.
    private func hasRoom(_ id: GroupID) -> Bool {
        guard let group = configuration.groups.first(where: { $0.id == id }) else { return false }
        return configuration.deployments.contains { deployment in
            guard group.deployments.contains(deployment.id), !out.contains(deployment.id),
                deployment.requestsPerMinute == nil, deployment.tokensPerMinute == nil
            else { return false }
            return deployment.maxParallelRequests.map { inFlight[deployment.id, default: 0] < $0 } ?? true
        }
    }
}
