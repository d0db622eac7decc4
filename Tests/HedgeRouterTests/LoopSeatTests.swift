import CLinux
import Glibc
import HedgeCore
import HedgeProviders
import HedgeTransport
import Synchronization
import Testing

@testable import HedgeRouter

@Suite("A router's loop", .timeLimit(.minutes(1)))
struct LoopSeatTests {
    @Test("is turned by the router's thread until a thread that waited was given something")
    func handsOver() throws {
        let rig = try Rig()
        defer { rig.stop() }
        #expect(!rig.isFree, "nobody has waited yet")
        try rig.letProgramTurn()
    }

    @Test("is nobody's by the time a thread wakes that slept for an answer")
    func leavesBeforeWaking() throws {
        let silent = try Listener()
        let port = silent.port
        let isFree = Atomic<Bool>(false)
        let sleeper = try #require(
            LibraryThread(name: "sleeper") {
                guard (try? stayOnOneProcessor()) != nil, let rig = try? Rig(port: port, givesWay: true),
                    (try? rig.submit()) != nil
                else { return }
                // Sleeps until the deadline, since the router's thread has the loop.
                rig.takeEnd()
                isFree.store(rig.isFree, ordering: .releasing)
                rig.stop()
            })
        sleeper.join()
        let wasFree = isFree.load(ordering: .acquiring)
        #expect(wasFree)
    }

    @Test("is turned by the thread that waits, once it waits again")
    func drives() throws {
        let rig = try Rig()
        defer { rig.stop() }
        // On a busy machine this thread may come back too late; not time after time.
        for _ in 0..<200 {
            try rig.letProgramTurn()
            try rig.submit()
            rig.takeEnd()
            if rig.isRecordedHere { break }
        }
        #expect(rig.isRecordedHere)
    }

    @Test("is turned by the router's thread while a second request is in flight")
    func second() throws {
        let rig = try Rig()
        defer { rig.stop() }
        try rig.letProgramTurn()
        #expect(rig.inFlight.enter(limit: 9))

        try rig.submit()
        rig.takeEnd()
        #expect(!rig.isRecordedHere)
        #expect(rig.inFlight.enter(limit: 9))
        #expect(!rig.isFree)
    }

    @Test("answers another thread while the program turns it, and while nobody does", arguments: [true, false])
    func answers(isTurned: Bool) throws {
        let rig = try Rig()
        defer { rig.stop() }
        try rig.letProgramTurn()
        let isAnswered = Atomic<Bool>(false)
        let asker = try #require(
            LibraryThread(name: "asker") {
                isAnswered.store(rig.ask() != nil, ordering: .releasing)
                rig.queue.wake()
            })
        if isTurned {
            guard case .nothing = rig.queue.take(1, until: .never) else { throw Unexpected() }
        }
        asker.join()
        let wasAnswered = isAnswered.load(ordering: .acquiring)
        #expect(wasAnswered)
    }

    @Test("is taken over by the router's thread when the submitter does not come to wait")
    func staysAway() throws {
        let silent = try Listener()
        let rig = try Rig(port: silent.port)
        defer { rig.stop() }
        try rig.letProgramTurn()

        try rig.submit()
        // This thread does not wait: without the router's thread the deadline would pass unseen.
        while rig.recorder.thread.load(ordering: .acquiring) == 0 { sched_yield() }
        #expect(!rig.isRecordedHere)
    }

    @Test("ends although the program turns it")
    func stops() throws {
        let rig = try Rig()
        try rig.letProgramTurn()
        let stopper = try #require(
            LibraryThread(name: "stopper") {
                _ = rig.queue.closeAndDrain()
                rig.stop()
            })
        guard case .closed = rig.queue.take(1, until: .never) else { throw Unexpected() }
        stopper.join()
        #expect(!rig.isFree)
    }

    @Test("keeps SIGPIPE from the thread that turns it once TLS is used, and only then", arguments: ["http", "https"])
    func pipeSignalOfTheProgram(scheme: String) throws {
        let rig = try Rig(scheme: scheme)
        defer { rig.stop() }
        // Has at least one request sent.
        try rig.letProgramTurn()
        var isBlocked = false
        let hasTurned = rig.seat.turn(until: .never) {
            isBlocked = isPipeSignalBlocked()
            return true
        }
        #expect(hasTurned)
        #expect(isBlocked == (scheme == "https"))
        #expect(!isPipeSignalBlocked())
    }

    @Test("keeps SIGPIPE from the program's thread from the very turn in which TLS is first used")
    func firstUseOfTLS() throws {
        let rig = try Rig()
        defer { rig.stop() }
        try rig.letProgramTurn()
        var isBlocked = (before: true, after: false)
        let hasTurned = rig.seat.turn(until: .never) {
            isBlocked.before = isPipeSignalBlocked()
            rig.seat.expectPipeSignals()
            isBlocked.after = isPipeSignalBlocked()
            return true
        }
        #expect(hasTurned && !isBlocked.before && isBlocked.after)
        #expect(!isPipeSignalBlocked())
    }

    @Test("leaves no SIGPIPE behind and the signals as they were", arguments: [false, true])
    func pipeSignal(isBlockedBefore: Bool) throws {
        let outcome = Mutex((pending: false, blocked: false))
        let thread = try #require(
            LibraryThread(name: "pipe") {
                var pipe = sigset_t()
                sigemptyset(&pipe)
                sigaddset(&pipe, SIGPIPE)
                pthread_sigmask(isBlockedBefore ? SIG_BLOCK : SIG_UNBLOCK, &pipe, nil)
                let signal = PipeSignal()
                pthread_kill(pthread_self(), SIGPIPE)
                // Were it not swallowed, it would end the process here.
                signal.restore()
                var pending = sigset_t()
                sigpending(&pending)
                var mask = sigset_t()
                pthread_sigmask(SIG_BLOCK, nil, &mask)
                let found = (sigismember(&pending, SIGPIPE) == 1, sigismember(&mask, SIGPIPE) == 1)
                outcome.withLock { $0 = found }
            })
        thread.join()
        // A program that blocks the signal may be waiting for it with sigwait().
        #expect(outcome.withLock { $0.pending } == isBlockedBefore)
        #expect(outcome.withLock { $0.blocked } == isBlockedBefore)
    }

    @Test("has an alarm that a later setting moves, to earlier and to later")
    func alarm() throws {
        let alarm = try #require(Alarm())
        let start = monotonicNow()
        alarm.set(start + 3_600_000_000_000)
        alarm.set(start)
        alarm.wait()
        let soon = monotonicNow() + 2_000_000
        alarm.set(monotonicNow())
        alarm.set(soon)
        alarm.wait()
        #expect(monotonicNow() >= soon)
    }
}

/// SCHED_IDLE, which Glibc's module leaves out.
private let idleScheduling: Int32 = 5

/// Whether SIGPIPE is kept from the calling thread.
private func isPipeSignalBlocked() -> Bool {
    var mask = sigset_t()
    pthread_sigmask(SIG_BLOCK, nil, &mask)
    return sigismember(&mask, SIGPIPE) == 1
}

/// Binds the calling thread, and those it starts from here on, to the first processor it may use.
private func stayOnOneProcessor() throws {
    // Glibc's module leaves out what is declared for _GNU_SOURCE.
    typealias Affinity = @convention(c) (pid_t, Int, UnsafeMutableRawPointer) -> Int32
    let get = unsafeBitCast(try #require(dlsym(nil, "sched_getaffinity")), to: Affinity.self)
    let set = unsafeBitCast(try #require(dlsym(nil, "sched_setaffinity")), to: Affinity.self)
    var allowed = [UInt8](repeating: 0, count: 128)
    try #require(get(0, allowed.count, &allowed) == 0)
    let byte = try #require(allowed.firstIndex { $0 != 0 })
    var one = [UInt8](repeating: 0, count: 128)
    one[byte] = allowed[byte] & (~allowed[byte] &+ 1)
    try #require(set(0, one.count, &one) == 0)
}

/// The parts of a router around its seat, with one deployment.
private final class Rig: Sendable {
    /// On which thread the last attempt log was made; 0 for none.
    final class Recorder: Sendable {
        let thread = Atomic<UInt>(0)
    }

    let inFlight = InFlight()
    let seat: LoopSeat
    let queue: EventQueue
    let recorder = Recorder()
    private let mailbox: Mailbox
    private let group: GroupID
    private let thread: LibraryThread
    private let nextRequest = Atomic<UInt64>(1)

    /// Without a listener's port, connections are refused.
    ///
    /// With `givesWay`, the router's thread is of the lowest class: another one on the same processor runs as soon as
    /// it is woken, before the router's thread goes on.
    init(port: UInt16 = 1, scheme: String = "http", givesWay: Bool = false) throws {
        let configuration = try ConfigurationSupport.configuration(
            """
            {"model_list": [{"model_name": "m", "litellm_params":
                {"model": "openai/x", "api_key": "k", "api_base": "\(scheme)://127.0.0.1:\(port)/v1"}}]}
            """)
        var registry = DeploymentRegistry()
        let table = RoutingTable(configuration, registry: &registry)
        group = try #require(table.groups["m"]).id
        let seat = try #require(LoopSeat(loop: try EventLoop(), inFlight: inFlight))
        self.seat = seat
        mailbox = Mailbox(seat: seat)
        queue = EventQueue(seat: seat)
        let recorder = recorder
        nonisolated(unsafe) let engine = Engine(
            table: table, seed: 1, mailbox: mailbox, queue: queue, inFlight: inFlight, log: .silent,
            records: RecordSink { _ in recorder.thread.store(UInt(pthread_self()), ordering: .releasing) })
        thread = try #require(
            LibraryThread(name: "router") {
                var parameters = sched_param()
                if givesWay { pthread_setschedparam(pthread_self(), idleScheduling, &parameters) }
                seat.run(engine)
            })
    }

    /// Whether a thread that waits may turn the loop.
    var isFree: Bool { seat.turn(until: .never) { true } }

    /// Whether the last attempt log was made on this thread.
    var isRecordedHere: Bool { recorder.thread.load(ordering: .acquiring) == UInt(pthread_self()) }

    /// Returns when the seat is the program's, and was last held by this thread.
    func letProgramTurn() throws {
        // The router's thread leaves the seat after it woke this one, which it need not do: events may be there already.
        repeat {
            try submit()
            takeEnd()
        } while !isFree
        recorder.thread.store(0, ordering: .releasing)
    }

    /// Submits a request that fails, after 50 ms at the latest.
    func submit() throws {
        let body = Array(#"{"model": "m", "messages": [{"role": "user", "content": "hi"}]}"#.utf8)
        let chat = try body.withUnsafeBytes { try ChatRequest(parsing: $0, operation: .chat, streamsUpstream: false) }
        let state = RequestState(
            id: RequestID(rawValue: nextRequest.add(1, ordering: .relaxed).oldValue), mailbox: mailbox,
            pauseAbove: 1000, isPulled: false, userData: UserData(nil, finalizer: nil), forkGeneration: 0)
        var traits = RequestTraits(group: group, isStream: false, promptBytes: chat.promptBytes)
        traits.deadline = Instant(nanoseconds: monotonicNow()) + Interval.milliseconds(Int64(50))
        #expect(inFlight.enter(limit: 9))
        mailbox.post(.submit(Submission(state: state, chat: chat, traits: traits)))
    }

    /// Takes events until an END.
    func takeEnd() {
        while case .events(let events) = queue.take(8, until: .never) {
            if events.contains(where: { if case .end = $0.kind { true } else { false } }) { return }
        }
    }

    func ask() -> StatisticsSnapshot? {
        let reply = LoopReply<StatisticsSnapshot>()
        return mailbox.post(.query(reply)) ? reply.wait() : nil
    }

    func stop() {
        seat.stop()
        thread.join()
    }
}

/// Takes connections and never answers.
private final class Listener {
    private let descriptor: Int32
    let port: UInt16

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 8) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        try #require(isListening)
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit {
        close(descriptor)
    }
}

private struct Unexpected: Error {}
