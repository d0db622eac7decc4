import HedgeCore
import HedgeProviders
import HedgeTransport
import Synchronization

/// What other threads ask of the loop.
enum Command: Sendable {
    case submit(Submission)
    case cancel(RequestID, CancelCause)
    case resume(RequestID)
    case reload(RoutingTable)
    case query(LoopReply<StatisticsSnapshot>)
    case save(LoopReply<StateSnapshot>)
    case load(StateDocument, LoopReply<StateLoad>)
}

/// A request ready to be routed.
final class Submission: Sendable {
    let state: RequestState
    let chat: ChatRequest
    let traits: RequestTraits
    /// Deployments that cannot express the request, of its group and of those it may go on to.
    let objections: [DeploymentObjection]
    /// Where it stands in its caller's trace.
    let trace: TraceContext?
    /// What tracing systems on the way here added to it.
    let traceState: TraceState?

    init(
        state: RequestState, chat: ChatRequest, traits: RequestTraits, objections: [DeploymentObjection] = [],
        trace: TraceContext? = nil, traceState: TraceState? = nil
    ) {
        self.state = state
        self.chat = chat
        self.traits = traits
        self.objections = objections
        self.trace = trace
        self.traceState = traceState
    }
}

/// Commands on their way to the loop; posting the first one wakes it.
final class Mailbox: Sendable {
    private struct State {
        var commands: [Command] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    /// Who is woken by it.
    let seat: LoopSeat

    init(seat: LoopSeat) {
        self.seat = seat
    }

    /// Posts a command; false when the loop takes none any more.
    @discardableResult
    func post(_ command: Command) -> Bool {
        let (isTaken, mustWake) = state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            state.commands.append(command)
            return (true, state.commands.count == 1)
        }
        if mustWake { wake(for: command) }
        return isTaken
    }

    private func wake(for command: Command) {
        if case .submit = command { seat.turnForSubmission() } else { seat.wakeLoop() }
    }

    /// Swaps everything posted so far into `taken`, which must be empty; its memory serves the next posts.
    func take(into taken: inout [Command]) {
        state.withLock { swap(&$0.commands, &taken) }
    }

    /// Takes no more commands, and returns those the loop never took.
    func close() -> [Command] {
        state.withLock { state in
            state.isClosed = true
            let left = state.commands
            state.commands = []
            return left
        }
    }
}
