import HedgeCore

/// A question to the loop for its statistics, and the answer.
final class StatisticsReply: @unchecked Sendable {
    private enum State {
        case awaited
        case answered(StatisticsSnapshot)
        case abandoned
    }

    private let monitor = Monitor()
    // Guarded by the monitor.
    private var state = State.awaited

    func fulfil(_ snapshot: StatisticsSnapshot) {
        resolve(.answered(snapshot))
    }

    func abandon() {
        resolve(.abandoned)
    }

    /// Waits for the answer, one turn of the loop; nil when there will be none.
    func wait() -> StatisticsSnapshot? {
        monitor.withLock {
            while true {
                switch state {
                case .answered(let snapshot): return snapshot
                case .abandoned: return nil
                case .awaited: _ = monitor.wait(until: .never)
                }
            }
        }
    }

    private func resolve(_ resolved: State) {
        monitor.withLock {
            state = resolved
            monitor.broadcast()
        }
    }
}
