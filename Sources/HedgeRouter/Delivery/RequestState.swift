import Glibc
import HedgeCore
import Synchronization

/// What the program and the router's loop share of one request.
public final class RequestState: @unchecked Sendable {
    /// The handle the program knows the request by; set once, before the request starts.
    public internal(set) var handle: UInt64 = 0

    /// When it was submitted, on the clock of `monotonicNow()`.
    let submittedAt: Int64

    /// Where its events go when the program pulls them; nil when they go to the router's queue.
    let pullQueue: EventQueue?

    /// The program's pointer and its finalizer.
    public let userData: UserData

    /// Ways to reach the loop, for cancelling and for reading on.
    private let mailbox: Mailbox
    let id: RequestID

    /// Bytes of events that were queued and not yet taken.
    private let bufferedBytes = Atomic<Int>(0)
    /// Whether the loop stopped reading for this request.
    private let isPaused = Atomic<Bool>(false)
    private let pauseAbove: Int

    /// The process the request belongs to, as told by ``ForkGuard``.
    public let forkGeneration: UInt64

    private let isPolling = Atomic<Bool>(false)
    /// What the last ``take(capacity:timeoutMilliseconds:_:)`` handed out; touched only by whoever holds `isPolling`.
    /// Events refer to their request, so these must be dropped when the program is done with it.
    private var handedOut: [QueuedEvent] = []
    private var hasTakenEnd = false
    /// Whether the program is done with the request.
    private let isAbandoned = Atomic<Bool>(false)

    /// Whether an event callback had enough of it; touched only by whoever hands out the router's events.
    var isRejected = false

    init(
        id: RequestID, mailbox: Mailbox, pauseAbove: Int, isPulled: Bool, userData: UserData, forkGeneration: UInt64
    ) {
        self.id = id
        self.mailbox = mailbox
        self.pauseAbove = pauseAbove
        self.userData = userData
        self.forkGeneration = forkGeneration
        submittedAt = monotonicNow()
        pullQueue = isPulled ? EventQueue(seat: mailbox.seat) : nil
    }

    /// Whether the program pulls its events.
    public var isPulled: Bool { pullQueue != nil }

    /// Takes up to `capacity` events of a pulled request and passes them to `body`; their data lives until the next
    /// call. None come after the END.
    public func take<Result>(
        capacity: Int, timeoutMilliseconds: Int64, _ body: ([QueuedEvent]) -> Result
    ) throws(RouterError) -> Result {
        guard let pullQueue else {
            throw RouterError(.invalid, "the request's events go to the router's queue")
        }
        guard !isPolling.exchange(true, ordering: .sequentiallyConsistent) else { throw RouterError(.busy) }
        defer {
            isPolling.store(false, ordering: .sequentiallyConsistent)
            if isAbandoned.load(ordering: .sequentiallyConsistent) { dropHandedOut() }
        }
        guard !hasTakenEnd else {
            handedOut.removeAll()
            return body([])
        }
        switch pullQueue.take(capacity, until: MonotonicDeadline(inMilliseconds: timeoutMilliseconds)) {
        case .closed:
            throw RouterError(.closed)
        case .nothing:
            return body([])
        case .events(let events):
            handedOut = events
            for event in events {
                switch event.kind {
                case .start: break
                case .chunk: countTaken(event.count)
                case .end: hasTakenEnd = true
                }
            }
            return body(events)
        }
    }

    /// Waits until a pulled request has ended, without taking its events; returns why it failed, nil for success.
    public func waitForEnd(timeoutMilliseconds: Int64) throws(RouterError) -> RequestFailureDetails? {
        guard let pullQueue else {
            throw RouterError(.invalid, "the request's events go to the router's queue")
        }
        switch pullQueue.waitForEnd(until: MonotonicDeadline(inMilliseconds: timeoutMilliseconds)) {
        case .ended(let failure): return failure
        case .running: throw RouterError(.timeout)
        case .closed: throw RouterError(.closed)
        }
    }

    /// Waits for the one chunk of a pulled request that does not stream, and for its end.
    public func awaitAnswer() throws(RouterError) -> QueuedEvent {
        defer { dropHandedOut() }
        var answer: QueuedEvent?
        while true {
            let events = try take(capacity: 8, timeoutMilliseconds: -1) { $0 }
            for event in events {
                switch event.kind {
                case .start: break
                case .chunk: answer = event
                case .end:
                    if let failure = event.failure { throw failure.error }
                    guard let answer else { throw RouterError(.internalError) }
                    return answer
                }
            }
        }
    }

    /// Ends a pulled request for the program: cancels it if it runs, and drops its events.
    public func abandon() {
        cancel(.caller)
        _ = pullQueue?.closeAndDrain()
        isAbandoned.store(true, ordering: .sequentiallyConsistent)
        dropHandedOut()
        userData.release()
    }

    /// Drops what the last `take` handed out, unless a thread is in there, which then does it on leaving.
    private func dropHandedOut() {
        guard !isPolling.exchange(true, ordering: .sequentiallyConsistent) else { return }
        handedOut.removeAll()
        isPolling.store(false, ordering: .sequentiallyConsistent)
    }

    /// Cancels the request because the program asked for it; without effect once it has ended.
    public func cancel() {
        cancel(.caller)
    }

    /// Cancels the request; without effect once it has ended.
    func cancel(_ cause: CancelCause) {
        mailbox.post(.cancel(id, cause))
    }

    /// Counts bytes that were queued for the program.
    func countQueued(_ count: Int) {
        bufferedBytes.add(count, ordering: .sequentiallyConsistent)
    }

    /// Counts bytes the program took, and has the loop read on if it had stopped for want of room.
    func countTaken(_ count: Int) {
        let (_, left) = bufferedBytes.subtract(count, ordering: .sequentiallyConsistent)
        if left <= pauseAbove / 2, isPaused.exchange(false, ordering: .sequentiallyConsistent) {
            mailbox.post(.resume(id))
        }
    }

    /// Whether the loop must stop reading for this request until it gets a resume command.
    func mustPause() -> Bool {
        guard bufferedBytes.load(ordering: .sequentiallyConsistent) > pauseAbove else { return false }
        isPaused.store(true, ordering: .sequentiallyConsistent)
        // The program may have taken everything between the two lines above, before it could see the mark.
        if bufferedBytes.load(ordering: .sequentiallyConsistent) <= pauseAbove / 2,
            isPaused.exchange(false, ordering: .sequentiallyConsistent)
        {
            return false
        }
        return true
    }
}

/// Why a request is cancelled before its time.
enum CancelCause: Sendable {
    /// The program asked for it.
    case caller
    /// An event callback returned non-zero.
    case callback
}

/// The program's pointer that travels with its events, and the function that releases what it refers to.
public final class UserData: @unchecked Sendable {
    /// No pointer, and nothing to release: shared by all requests that have none.
    public static let none = UserData(nil, finalizer: nil)

    /// The pointer itself.
    public let pointer: UnsafeMutableRawPointer?
    private let finalizer: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
    private let isReleased = Atomic<Bool>(false)

    /// Creates one with these parts.
    public init(
        _ pointer: UnsafeMutableRawPointer?, finalizer: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
    ) {
        self.pointer = pointer
        self.finalizer = finalizer
    }

    deinit {
        release()
    }

    /// Calls the finalizer, the first time.
    public func release() {
        guard let finalizer, !isReleased.exchange(true, ordering: .acquiringAndReleasing) else { return }
        finalizer(pointer)
    }
}
