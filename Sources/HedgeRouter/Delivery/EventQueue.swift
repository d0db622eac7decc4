import CLinux
import Glibc
import Synchronization

/// Events waiting for the program, with a blocking take and, on demand, a descriptor that tells of them.
///
/// One for each router, and one for each request whose events are pulled.
public final class EventQueue: @unchecked Sendable {
    /// What a take found.
    enum Taken {
        case events([QueuedEvent])
        /// Nothing came in time, or the wait was ended by ``wake()``.
        case nothing
        case closed
    }

    private let monitor = Monitor()
    /// Lets a thread that waits turn the loop.
    private let seat: LoopSeat?
    // Guarded by the monitor.
    private var events = EventBacklog()
    /// Threads that sleep until something comes and were not woken.
    private var sleepers = 0
    /// How often sleepers were woken.
    private var wakings: UInt64 = 0
    private var isWoken = false
    private var isClosed = false
    private var descriptor: Int32 = -1
    /// Whether an END was added, and the failure that came with it.
    private var hasEnd = false
    private var failure: RequestFailureDetails?

    init(seat: LoopSeat? = nil) {
        self.seat = seat
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Adds events in order and leaves the array empty, perhaps with other memory. Returns who is to be woken for them.
    ///
    /// After ``closeAndDrain()`` nobody can take them, but calling it again gives them back: an END among them is the
    /// last trace of its request.
    func append(contentsOf added: inout [QueuedEvent]) -> Waking? {
        guard !added.isEmpty else { return nil }
        let woken = monitor.withLock {
            let wasEmpty = events.isEmpty
            events.append(contentsOf: &added)
            guard !isClosed else { return 0 }
            if wasEmpty { showReadable() }
            return claimSleepers()
        }
        added.removeAll(keepingCapacity: true)
        return Waking(woken, of: monitor)
    }

    /// Adds an event of the one request whose queue this is; ``announce()`` tells of it.
    func append(_ added: consuming QueuedEvent) {
        monitor.withLock {
            guard !isClosed else { return }
            if case .end = added.kind {
                hasEnd = true
                failure = added.failure
            }
            events.append(added)
        }
    }

    /// Returns who is to be woken for what was appended one by one.
    func announce() -> Waking? {
        Waking(monitor.withLock { !events.isEmpty || hasEnd ? claimSleepers() : 0 }, of: monitor)
    }

    /// What a wait for the end found.
    enum EndWait {
        /// nil for success.
        case ended(RequestFailureDetails?)
        case running
        case closed
    }

    /// Waits until the END of the one request whose queue this is was added.
    func waitForEnd(until deadline: MonotonicDeadline) -> EndWait {
        while true {
            let found: EndWait? = monitor.withLock {
                if hasEnd { return .ended(failure) }
                return isClosed ? .closed : nil
            }
            if let found { return found }
            guard wait(until: deadline, for: { hasEnd || isClosed }) else { return .running }
        }
    }

    /// Takes up to `capacity` events, waiting for the first one until `deadline`.
    func take(_ capacity: Int, until deadline: MonotonicDeadline) -> Taken {
        while true {
            if let taken = monitor.withLock({ takeNow(capacity) }) { return taken }
            guard wait(until: deadline, for: { hasNews }) else { return .nothing }
        }
    }

    /// Nil when there is something to wait for.
    private func takeNow(_ capacity: Int) -> Taken? {
        guard hasNews else { return nil }
        if isClosed { return .closed }
        isWoken = false
        guard !events.isEmpty else { return .nothing }
        let taken = events.take(capacity)
        if events.isEmpty { showEmpty() }
        return .events(taken)
    }

    private var hasNews: Bool { !events.isEmpty || isClosed || isWoken }

    /// Ends a wait in progress, or the next one.
    func wake() {
        let woken = monitor.withLock {
            isWoken = true
            return claimSleepers()
        }
        Waking(woken, of: monitor)?.perform()
        seat?.nudge()
    }

    /// Ends every wait and gives back what nobody will take; can be called again for what was added since.
    func closeAndDrain() -> [QueuedEvent] {
        let (dropped, woken) = monitor.withLock {
            isClosed = true
            let dropped = events.take(.max)
            // A host's event loop should notice: the descriptor stays readable.
            showReadable()
            return (dropped, claimSleepers())
        }
        Waking(woken, of: monitor)?.perform()
        seat?.nudge()
        return dropped
    }

    /// A descriptor that is readable while events wait; nil when the system has none left.
    func readinessDescriptor() -> Int32? {
        monitor.withLock {
            if descriptor < 0 {
                descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
                if descriptor >= 0, !events.isEmpty || isClosed { showReadable() }
            }
            return descriptor < 0 ? nil : descriptor
        }
    }

    // MARK: Waiting

    /// Waits until there may be what is waited for, by turning the loop if nobody else does, and asleep otherwise;
    /// false when `deadline` has passed. `isThere` is called with the lock held.
    private func wait(until deadline: MonotonicDeadline, for isThere: () -> Bool) -> Bool {
        if deadline.hasPassed { return false }
        if let seat, seat.turn(until: deadline, { monitor.withLock(isThere) }) { return true }
        return monitor.withLock {
            if isThere() { return true }
            guard seat?.addSleeper() ?? true else { return true }
            sleepers += 1
            let waking = wakings
            let wasSignalled = monitor.wait(until: deadline)
            if waking == wakings {
                sleepers -= 1
                seat?.removeSleepers(1)
            }
            return wasSignalled
        }
    }

    /// Counts every sleeper as woken, which a ``Waking`` then does, and returns how many there are.
    private func claimSleepers() -> Int {
        guard sleepers > 0 else { return 0 }
        defer { sleepers = 0 }
        wakings &+= 1
        seat?.removeSleepers(sleepers)
        return sleepers
    }

    private func showReadable() {
        guard descriptor >= 0 else { return }
        eventfd_write(descriptor, 1)
    }

    private func showEmpty() {
        guard descriptor >= 0 else { return }
        var value: eventfd_t = 0
        eventfd_read(descriptor, &value)
    }
}

/// Threads that sleep at a queue and count as woken already: to be performed soon, and without the queue's lock, since a
/// thread that wakes while it is held only goes to sleep again.
struct Waking {
    private let monitor: Monitor

    /// Nil for nobody.
    fileprivate init?(_ count: Int, of monitor: Monitor) {
        guard count > 0 else { return nil }
        self.monitor = monitor
    }

    /// Wakes every thread there is, since one that came to sleep meanwhile could take the place of one that is meant,
    /// which nobody would wake again.
    func perform() {
        monitor.broadcast()
    }
}
