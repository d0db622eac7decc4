import Glibc
import HedgeCore
import HedgeJSON
import HedgeTransport
import Synchronization
import Testing

@testable import HedgeRouter

/// A request that no router knows, for queues alone.
private func makeRequest(id: UInt64 = 1, pauseAbove: Int = 100) throws -> (RequestState, Mailbox) {
    let mailbox = Mailbox(seat: try #require(LoopSeat(loop: try EventLoop(), inFlight: InFlight())))
    let state = RequestState(
        id: RequestID(rawValue: id), mailbox: mailbox, pauseAbove: pauseAbove, isPulled: true,
        userData: UserData(nil, finalizer: nil), forkGeneration: 0)
    return (state, mailbox)
}

private func chunk(_ text: String, of request: RequestState) -> QueuedEvent {
    let bytes = Bytes(text)
    return QueuedEvent(
        kind: .chunk, request: request, storage: bytes, offset: 0, count: bytes.count, elapsed: 0)
}

private func end(of request: RequestState) -> QueuedEvent {
    QueuedEvent(
        kind: .end, request: request, storage: Bytes("{}"), offset: 0, count: 2, elapsed: 0, httpStatus: 200)
}

extension EventQueue {
    fileprivate func append(_ events: [QueuedEvent]) {
        var events = events
        append(contentsOf: &events)?.perform()
    }
}

private func isReadable(_ descriptor: Int32) -> Bool {
    var descriptor = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&descriptor, 1, 0) == 1
}

@Suite struct EventQueueTests {
    @Test("Events come out in order, as many as asked for")
    func order() throws {
        let (request, _) = try makeRequest()
        let queue = EventQueue()
        queue.append(["a", "b", "c"].map { chunk($0, of: request) })
        guard case .events(let first) = queue.take(2, until: .never) else { throw Unexpected() }
        guard case .events(let second) = queue.take(2, until: .never) else { throw Unexpected() }
        #expect((first + second).map { String(decoding: $0.text, as: UTF8.self) } == ["a", "b", "c"])
        #expect(first.count == 2)
    }

    @Test("The descriptor is readable exactly while events wait")
    func readiness() throws {
        let (request, _) = try makeRequest()
        let queue = EventQueue()
        queue.append([chunk("early", of: request)])
        let descriptor = try #require(queue.readinessDescriptor())
        #expect(isReadable(descriptor))
        _ = queue.take(8, until: .never)
        #expect(!isReadable(descriptor))
        queue.append([chunk("a", of: request), chunk("b", of: request)])
        #expect(isReadable(descriptor))
        _ = queue.take(1, until: .never)
        #expect(isReadable(descriptor))
        _ = queue.take(1, until: .never)
        #expect(!isReadable(descriptor))
    }

    @Test("A wake ends one take, the one in progress or the next")
    func wake() throws {
        let queue = EventQueue()
        queue.wake()
        guard case .nothing = queue.take(1, until: .never) else { throw Unexpected() }
        guard case .nothing = queue.take(1, until: .at(monotonicNow())) else { throw Unexpected() }
    }

    @Test("A waiting thread gets what another one adds")
    func handover() throws {
        let (request, _) = try makeRequest()
        let queue = EventQueue()
        let taken = Mutex<[String]>([])
        let thread = try #require(
            LibraryThread(name: "taker") {
                while case .events(let events) = queue.take(8, until: .never) {
                    taken.withLock { $0 += events.map { String(decoding: $0.text, as: UTF8.self) } }
                }
            })
        for number in 0..<1000 { queue.append([chunk("\(number)", of: request)]) }
        while taken.withLock({ $0.count }) < 1000 { sched_yield() }
        _ = queue.closeAndDrain()
        thread.join()
        #expect(taken.withLock { $0 } == (0..<1000).map { "\($0)" })
    }

    @Test("A thread that comes to wait takes no other's waking")
    func latecomer() throws {
        let (request, _) = try makeRequest()
        for _ in 0..<200 {
            let queue = EventQueue()
            let hasTaken = Atomic<Bool>(false)
            let sleeper = try #require(LibraryThread(name: "sleeper") { _ = queue.waitForEnd(until: .never) })
            queue.append(chunk("a", of: request))
            let waking = queue.announce()
            let latecomer = try #require(
                LibraryThread(name: "latecomer") {
                    _ = queue.take(8, until: .never)
                    hasTaken.store(true, ordering: .releasing)
                    _ = queue.take(8, until: .never)
                })
            while !hasTaken.load(ordering: .acquiring) { sched_yield() }
            waking?.perform()
            queue.append(end(of: request))
            queue.announce()?.perform()
            sleeper.join()
            latecomer.join()
        }
    }

    @Test("Closing gives back what waits, ends every wait, and gives back later what came later")
    func closing() throws {
        let (request, _) = try makeRequest()
        let queue = EventQueue()
        queue.append([chunk("left", of: request)])
        #expect(queue.closeAndDrain().count == 1)
        queue.append([end(of: request)])
        guard case .closed = queue.take(1, until: .never) else { throw Unexpected() }
        let late = queue.closeAndDrain()
        guard case .end = try #require(late.first).kind, late.count == 1 else { throw Unexpected() }
        #expect(queue.closeAndDrain().isEmpty)
    }

    @Test("A backlog keeps order and count through partial takes and late additions", arguments: [1, 3, 64, 1000])
    func backlog(capacity: Int) throws {
        let (request, _) = try makeRequest()
        var backlog = EventBacklog()
        var seen: [Int] = []
        for round in 0..<200 {
            var added = (0..<5).map { index in
                QueuedEvent(
                    kind: .chunk, request: request, storage: Bytes([]), offset: 0, count: 0,
                    elapsed: Int64(round * 5 + index))
            }
            backlog.append(contentsOf: &added)
            added.removeAll()
            if round % 3 == 2 { seen += backlog.take(capacity).map { Int($0.elapsed) } }
        }
        while !backlog.isEmpty { seen += backlog.take(capacity).map { Int($0.elapsed) } }
        #expect(seen == Array(0..<1000))
    }

    @Test("A wait for the end sees it before and after the events are taken")
    func waitForEnd() throws {
        let (request, _) = try makeRequest()
        let queue = EventQueue()
        guard case .running = queue.waitForEnd(until: .at(monotonicNow())) else { throw Unexpected() }
        queue.append(end(of: request))
        guard case .ended = queue.waitForEnd(until: .never) else { throw Unexpected() }
        _ = queue.take(1, until: .never)
        guard case .ended = queue.waitForEnd(until: .never) else { throw Unexpected() }
    }
}

@Suite struct PulledRequestTests {
    @Test("A request the program is done with goes away with the events it was handed last", arguments: [true, false])
    func release(wasTaken: Bool) throws {
        weak var gone: RequestState?
        do {
            let (request, _) = try makeRequest()
            gone = request
            request.pullQueue?.append(chunk("text", of: request))
            request.pullQueue?.append(end(of: request))
            if wasTaken {
                #expect(try request.take(capacity: 8, timeoutMilliseconds: 0) { $0.count } == 2)
            }
            request.abandon()
        }
        #expect(gone == nil)
    }

    @Test("An answer that was waited for keeps no request alive")
    func answer() throws {
        weak var gone: RequestState?
        do {
            let (request, _) = try makeRequest()
            gone = request
            request.pullQueue?.append(chunk("text", of: request))
            request.pullQueue?.append(end(of: request))
            #expect(try request.awaitAnswer().count == 4)
        }
        #expect(gone == nil)
    }
}

@Suite struct BackpressureTests {
    @Test("Reading stops above the limit and resumes when half was taken")
    func pauseAndResume() throws {
        let (request, mailbox) = try makeRequest(pauseAbove: 100)
        request.countQueued(100)
        #expect(!request.mustPause())
        request.countQueued(1)
        #expect(request.mustPause())
        request.countTaken(50)
        #expect(commands(of: mailbox).isEmpty)
        request.countTaken(1)
        guard case .resume(let id) = try #require(commands(of: mailbox).first) else { throw Unexpected() }
        #expect(id == request.id)
    }

    @Test("A request that is not paused posts no resume")
    func noResume() throws {
        let (request, mailbox) = try makeRequest(pauseAbove: 100)
        request.countQueued(90)
        request.countTaken(90)
        #expect(commands(of: mailbox).isEmpty)
    }

    private func commands(of mailbox: Mailbox) -> [Command] {
        var taken: [Command] = []
        mailbox.take(into: &taken)
        return taken
    }
}

@Suite struct MailboxTests {
    @Test("A closed mailbox gives back what was left and refuses more")
    func closing() throws {
        let mailbox = Mailbox(seat: try #require(LoopSeat(loop: try EventLoop(), inFlight: InFlight())))
        let request = RequestID(rawValue: 1)
        #expect(mailbox.post(.resume(request)))
        #expect(mailbox.close().count == 1)
        #expect(!mailbox.post(.resume(request)))
        #expect(mailbox.close().isEmpty)
    }
}

@Suite struct InFlightTests {
    @Test("No more than the limit enter, and none while draining")
    func limit() {
        let inFlight = InFlight()
        #expect(inFlight.enter(limit: 2))
        #expect(inFlight.enter(limit: 2))
        #expect(!inFlight.enter(limit: 2))
        inFlight.leave()
        #expect(inFlight.enter(limit: 2))
        inFlight.refuseNew()
        inFlight.leave()
        #expect(!inFlight.enter(limit: 2))
        #expect(inFlight.current == 1)
    }

    @Test("A wait ends with the last request, or at its deadline")
    func idle() throws {
        let inFlight = InFlight()
        #expect(inFlight.enter(limit: 1))
        inFlight.refuseNew()
        #expect(!inFlight.waitUntilIdle(.at(monotonicNow())))
        let thread = try #require(LibraryThread(name: "leaver") { inFlight.leave() })
        #expect(inFlight.waitUntilIdle(.never))
        thread.join()
    }
}

@Suite struct UserDataTests {
    @Test("A finalizer runs once, however often and wherever it is released")
    func once() {
        let count = UnsafeMutablePointer<Int>.allocate(capacity: 1)
        count.pointee = 0
        defer { count.deallocate() }
        do {
            let data = UserData(UnsafeMutableRawPointer(count)) { pointer in
                pointer?.assumingMemoryBound(to: Int.self).pointee += 1
            }
            data.release()
            data.release()
        }
        #expect(count.pointee == 1)
    }
}

@Suite struct StatusTests {
    @Test("Every code has a name of its own and an explanation")
    func names() {
        let names = Set(Status.allCases.map { $0.name.description })
        #expect(names.count == Status.allCases.count)
        #expect(names.allSatisfy { $0 == "HR_OK" || $0.hasPrefix("HR_E_") })
        #expect(Status.allCases.allSatisfy { $0.explanation.description.hasSuffix(".") })
    }
}

private struct Unexpected: Error {}
