/// A question to the loop, and the answer.
final class LoopReply<Answer: Sendable>: @unchecked Sendable {
    private enum State {
        case awaited
        case answered(Answer)
        case abandoned
    }

    private let monitor = Monitor()
    // Guarded by the monitor.
    private var state = State.awaited

    func fulfil(_ answer: Answer) {
        resolve(.answered(answer))
    }

    func abandon() {
        resolve(.abandoned)
    }

    /// Waits for the answer, one turn of the loop; nil when there will be none.
    func wait() -> Answer? {
        monitor.withLock {
            while true {
                switch state {
                case .answered(let answer): return answer
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
