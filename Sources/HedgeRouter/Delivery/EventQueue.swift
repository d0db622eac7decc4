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
    // Guarded by the monitor.
    private var events = EventBacklog()
    private var waiting = 0
    private var isWoken = false
    private var isClosed = false
    private var descriptor: Int32 = -1
    /// Whether an END was added, and the failure that came with it.
    private var hasEnd = false
    private var failure: RequestFailureDetails?

    init() {}

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Adds events in order and leaves the array empty, perhaps with other memory.
    ///
    /// After ``closeAndDrain()`` nobody can take them, but calling it again gives them back: an END among them is the
    /// last trace of its request.
    func append(contentsOf added: inout [QueuedEvent]) {
        guard !added.isEmpty else { return }
        let mustSignal = monitor.withLock {
            let wasEmpty = events.isEmpty
            events.append(contentsOf: &added)
            guard !isClosed else { return false }
            if wasEmpty { showReadable() }
            return waiting > 0
        }
        // After the lock: a thread that wakes while it is held only goes to sleep again.
        if mustSignal { monitor.signal() }
        added.removeAll(keepingCapacity: true)
    }

    /// Adds an event of the one request whose queue this is; ``announce()`` tells of it.
    func append(_ added: QueuedEvent) {
        monitor.withLock {
            guard !isClosed else { return }
            events.append(added)
            if case .end = added.kind {
                hasEnd = true
                failure = added.failure
            }
        }
    }

    /// Wakes whoever waits for what was appended one by one.
    func announce() {
        let mustSignal = monitor.withLock { waiting > 0 && (!events.isEmpty || hasEnd) }
        if mustSignal { monitor.broadcast() }
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
        monitor.withLock {
            while true {
                if hasEnd { return .ended(failure) }
                if isClosed { return .closed }
                waiting += 1
                let wasSignalled = monitor.wait(until: deadline)
                waiting -= 1
                if !wasSignalled { return hasEnd ? .ended(failure) : .running }
            }
        }
    }

    /// Takes up to `capacity` events, waiting for the first one until `deadline`.
    func take(_ capacity: Int, until deadline: MonotonicDeadline) -> Taken {
        monitor.withLock {
            while events.isEmpty, !isClosed, !isWoken {
                waiting += 1
                let wasSignalled = monitor.wait(until: deadline)
                waiting -= 1
                if !wasSignalled { break }
            }
            if isClosed { return .closed }
            isWoken = false
            guard !events.isEmpty else { return .nothing }
            let taken = events.take(capacity)
            if events.isEmpty { showEmpty() }
            return .events(taken)
        }
    }

    /// Ends a wait in progress, or the next one.
    func wake() {
        monitor.withLock {
            isWoken = true
            monitor.broadcast()
        }
    }

    /// Ends every wait and gives back what nobody will take; can be called again for what was added since.
    func closeAndDrain() -> [QueuedEvent] {
        monitor.withLock {
            isClosed = true
            let dropped = events.take(.max)
            // A host's event loop should notice: the descriptor stays readable.
            showReadable()
            monitor.broadcast()
            return dropped
        }
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
