import Glibc
import HedgeTransport
import Synchronization

/// Decides who turns a router's loop: the router's own thread, or a thread of the program that waits for its events.
///
/// Handing a chunk from one thread to another costs more than making it. So while at most one request is in flight,
/// the thread that waits for it turns the loop itself, as long as nobody else is waiting too; the router's thread rests
/// and takes over when the program stays away while something is due, when a second request comes, or when another
/// thread asks for something. With several requests in flight the router's thread does everything, beside the program.
///
/// Whoever holds the seat is "the loop's thread" to the loop and the engine, and nobody else touches those.
final class LoopSeat: @unchecked Sendable {
    /// Who turns the loop.
    private enum Holder {
        case routerThread
        /// A thread of the program that waits.
        case program
        /// Nobody, while the program is about to come back. The router's thread takes the seat when it does not.
        case nobody
    }

    /// How long the seat may be empty while the program works on what it was given, or comes to wait for what it
    /// just asked for.
    private static let calmNanoseconds: Int64 = 10_000_000
    /// How long it may be empty when the program went away from a request that has no answer yet.
    private static let briefNanoseconds: Int64 = 500_000
    /// For how long no submitter is relied on to come after one did not.
    private static let distrustNanoseconds: Int64 = 10_000_000_000
    /// How often the loop may turn for a submission, so that a thread that submits is never kept.
    private static let submissionTurns = 4

    private let loop: EventLoop
    private let inFlight: InFlight
    private let alarm: Alarm
    // Only its holder touches the engine; set before anyone else can have the seat.
    private unowned(unsafe) var engine: Engine?
    // Only its holder touches these two as well.
    /// Whether the loop may raise SIGPIPE.
    private var expectsPipeSignals = false
    /// Keeps SIGPIPE from the thread of the program that holds the seat.
    private var pipeSignal: PipeSignal?
    /// Threads of the program that sleep until an event comes, and were not woken.
    private let sleepers = Atomic<Int>(0)

    private let monitor = Monitor()
    // Guarded by the monitor.
    private var holder = Holder.routerThread
    /// When the router's thread takes an empty seat.
    private var overdueAt = EventLoop.never
    /// When the alarm goes off.
    private var alarmAt = EventLoop.never
    /// The last thread of the program that held the seat.
    private var lastOfProgram = pthread_t()
    /// When a submitter that was relied on to wait is late.
    private var submitterDueAt = EventLoop.never
    /// Until when no submitter is relied on.
    private var distrustedUntil = Int64.min

    /// Nil when the system has no descriptor left.
    init?(loop: EventLoop, inFlight: InFlight) {
        guard let alarm = Alarm() else { return nil }
        self.loop = loop
        self.inFlight = inFlight
        self.alarm = alarm
    }

    // MARK: Any thread

    /// Has the loop turn, for what was just put where the engine looks when it does.
    func wakeLoop() {
        loop.wake()
        monitor.withLock {
            if holder == .nobody { fillSeat(by: 0) }
        }
    }

    /// Has the loop turn for a request that was just submitted.
    ///
    /// The thread that last turned the loop sends the request itself: it is likely to wait for it next.
    func turnForSubmission() {
        guard inFlight.current <= 1, takeAsSubmitter() else { return wakeLoop() }
        loop.wake()
        beginTurning()
        for _ in 0..<Self.submissionTurns {
            guard loop.isDue else { break }
            loop.work()
        }
        engine?.loopWillSleep()
        let signal = endTurning()
        monitor.withLock { leave(for: mustLeaveAtOnce ? 0 : Self.calmNanoseconds) }
        signal?.restore()
    }

    private func takeAsSubmitter() -> Bool {
        monitor.withLock {
            let now = monotonicNow()
            guard holder == .nobody, pthread_equal(lastOfProgram, pthread_self()) != 0, !loop.isStopped,
                now >= distrustedUntil
            else { return false }
            holder = .program
            submitterDueAt = now + Self.calmNanoseconds
            return true
        }
    }

    /// Has a thread of the program that turns the loop look whether it is done.
    func nudge() {
        if monitor.withLock({ holder == .program }) { loop.wake() }
    }

    /// Ends the loop, whoever turns it.
    func stop() {
        loop.stop()
        monitor.withLock {
            if holder == .nobody { fillSeat(by: 0) }
        }
    }

    private func fillSeat(by time: Int64) {
        overdueAt = min(overdueAt, time)
        if overdueAt < alarmAt { setAlarm(overdueAt) }
    }

    private func setAlarm(_ time: Int64) {
        alarmAt = time
        alarm.set(time)
    }

    // MARK: The router's thread

    /// Turns the loop until it is stopped, or rests while the program does.
    func run(_ engine: Engine) {
        self.engine = engine
        guard loop.begin(engine) else { return }
        while !loop.isStopped {
            loop.turn()
            let wakings = engine.takeWakings()
            if engine.takeHasWokenSleeper() || !wakings.isEmpty { rest(waking: wakings) }
        }
        loop.end()
    }

    /// Leaves the seat to the program until it is needed again, if it may, and wakes who was given something.
    ///
    /// In this order: a thread that woke to a seat that is still taken would ask for its next request and sleep again,
    /// and a thread that sleeps keeps the router's thread from leaving, time after time.
    private func rest(waking wakings: [Waking]) {
        let isLeft = monitor.withLock {
            guard patience == Self.calmNanoseconds, !loop.isDue else { return false }
            leave(for: Self.calmNanoseconds)
            return true
        }
        // The engine is another thread's by now.
        for waking in wakings { waking.perform() }
        guard isLeft else { return }
        repeat { alarm.wait() } while !takeBack()
    }

    /// Whether the router's thread has the seat again, after the alarm went off.
    private func takeBack() -> Bool {
        monitor.withLock {
            let now = monotonicNow()
            if alarmAt <= now { alarmAt = EventLoop.never }
            guard holder == .nobody else { return false }
            guard overdueAt <= now else {
                if overdueAt < alarmAt { setAlarm(overdueAt) }
                return false
            }
            if now >= submitterDueAt { distrustedUntil = now + Self.distrustNanoseconds }
            submitterDueAt = EventLoop.never
            holder = .routerThread
            return true
        }
    }

    // MARK: A thread of the program

    /// Turns the loop until `isDone`, until `deadline`, or until the router's thread should; false when it should now.
    func turn(until deadline: MonotonicDeadline, _ isDone: () -> Bool) -> Bool {
        guard inFlight.current <= 1, take() else { return false }
        beginTurning()
        while !isDone(), inFlight.current <= 1, !loop.isStopped, !deadline.hasPassed {
            loop.turn(until: deadline.nanoseconds)
            engine?.loopWillSleep()
        }
        let signal = endTurning()
        monitor.withLock { leave(for: patience) }
        signal?.restore()
        return true
    }

    /// Before the calling thread of the program turns the loop.
    private func beginTurning() {
        if expectsPipeSignals { pipeSignal = PipeSignal() }
    }

    /// After it did so; what is returned is to be restored once the seat is left.
    private func endTurning() -> PipeSignal? {
        guard expectsPipeSignals else { return nil }
        return exchange(&pipeSignal, with: nil)
    }

    /// Takes note, on the thread that turns the loop, that it may raise SIGPIPE from here on.
    ///
    /// Without TLS it never does, since libcurl's own writes ask for no signal (MSG_NOSIGNAL), and the system calls that
    /// keep it from a thread of the program would be a twentieth of what a request costs.
    func expectPipeSignals() {
        expectsPipeSignals = true
        if pipeSignal == nil, monitor.withLock({ holder == .program }) { pipeSignal = PipeSignal() }
    }

    private func take() -> Bool {
        monitor.withLock {
            guard holder == .nobody, !loop.isStopped else { return false }
            holder = .program
            lastOfProgram = pthread_self()
            submitterDueAt = EventLoop.never
            return true
        }
    }

    /// Counts a thread that is about to sleep until an event comes; false when it should take the seat instead.
    func addSleeper() -> Bool {
        sleepers.add(1, ordering: .sequentiallyConsistent)
        guard inFlight.current <= 1 else { return true }
        // Whoever leaves the seat looks for sleepers while holding the lock: one of the two sees the other.
        let isFree = monitor.withLock { holder == .nobody && !loop.isStopped }
        if isFree { removeSleepers(1) }
        return !isFree
    }

    /// Takes back ``addSleeper()`` for threads that were woken, or woke.
    func removeSleepers(_ count: Int) {
        sleepers.subtract(count, ordering: .sequentiallyConsistent)
    }

    // MARK: Leaving

    /// How long the seat may be empty.
    private var patience: Int64 {
        if mustLeaveAtOnce { return 0 }
        return engine?.isSettled == true ? Self.calmNanoseconds : Self.briefNanoseconds
    }

    /// Whether the router's thread is to have the seat.
    private var mustLeaveAtOnce: Bool {
        loop.isStopped || inFlight.current > 1 || sleepers.load(ordering: .sequentiallyConsistent) > 0
    }

    private func leave(for patience: Int64) {
        overdueAt = min(monotonicNow() + patience, loop.due)
        holder = .nobody
        if overdueAt < alarmAt { setAlarm(overdueAt) }
    }
}
