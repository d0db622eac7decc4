import Glibc
import HedgeJSON
import HedgeTransport
import Testing

@Suite("The loop")
struct LoopTests {
    @Test("Wake-ups that come before the loop looks are one")
    func wakesAreCoalesced() throws {
        let lab = try Lab(isRunning: false)
        for _ in 0..<1000 { lab.loop.wake() }
        lab.run()
        #expect(lab.wakes.wait { $0 > 0 })
        // This wake-up is one more, and nothing of the thousand is left.
        #expect(lab.perform { _ in true } == true)
        #expect(lab.wakes.now <= 2)
    }

    @Test("Wake-ups while the driver works are one, and none is lost")
    func wakesDuringATurn() throws {
        let lab = try Lab()
        let (isInside, mayGoOn) = (Watched(), Watched())
        #expect(lab.perform { _ in true } == true)
        startThread {
            _ = lab.perform { _ in
                isInside.open()
                _ = mayGoOn.wait()
            }
        }
        #expect(isInside.wait())
        let before = lab.wakes.now
        for _ in 0..<100 { lab.loop.wake() }
        mayGoOn.open()
        #expect(lab.wakes.wait { $0 == before + 1 })
        // This wake-up is one more, and nothing of the hundred is left.
        #expect(lab.perform { _ in true } == true)
        #expect(lab.wakes.now <= before + 2)
    }

    @Test("No wake-up of many threads is lost")
    func wakesOfManyThreads() throws {
        let lab = try Lab()
        let done = Watched(0)
        for _ in 0..<8 {
            startThread {
                for _ in 0..<500 { _ = lab.perform { _ in true } }
                done.change { $0 += 1 }
            }
        }
        #expect(done.wait { $0 == 8 })
    }

    @Test("The loop turns when the driver's time has come, not before, and sleeps in between")
    func deadlines() throws {
        final class Clockwork: LoopDriver {
            var due: [Int64] = []
            var turns: [Int64] = []
            var next: Int64?

            func transferReceivedHead(_ transfer: TransferID, status: Int, rawHeaders: [UInt8]) {}
            func transferReceivedBody(_ transfer: TransferID, _ bytes: UnsafeRawBufferPointer) -> Bool { true }
            func transferEnded(_ transfer: TransferID, _ end: TransferEnd) {}
            func loopWoken() {}

            func loopTurned(_ loop: EventLoop, now: Int64) -> Int64? {
                if let next, now < next { return next }
                turns.append(now)
                if turns.count > 20 {
                    loop.stop()
                    return nil
                }
                let due = now + 700_000
                self.due.append(due)
                next = due
                return due
            }
        }
        let clockwork = Clockwork()
        let loop = try EventLoop()
        let result = Watched<(due: [Int64], turns: [Int64], all: UInt64)?>(nil)
        nonisolated(unsafe) let driver = clockwork
        startThread {
            loop.run(driver)
            result.change { $0 = (driver.due, driver.turns, loop.statistics.turns) }
        }
        #expect(result.wait { $0 != nil })
        let seen = try #require(result.now)
        #expect(seen.turns.count == 21)
        for (due, turn) in zip(seen.due, seen.turns.dropFirst()) { #expect(turn >= due) }
        // The first turn, those that were due, and the one that stop() wakes; no turning in circles.
        #expect(seen.all <= 2 * 21)
    }

    @Test("An idle loop does not turn")
    func idle() throws {
        let lab = try Lab()
        let server = ScriptedServer.answering("HTTP/1.1 204 No Content\r\n\r\n")
        #expect(lab.finished(lab.start(server.url()))?.isComplete == true)
        let before = try #require(lab.statistics()).turns
        var wait = timespec(tv_sec: 0, tv_nsec: 30_000_000)
        nanosleep(&wait, nil)
        let after = try #require(lab.statistics()).turns
        #expect(after - before <= 3)
    }

    @Test("Stopping closes what is in flight, without a word, and lets go of everything")
    func stopWithTransfersInFlight() throws {
        let isAsked = Watched(0)
        let isClosed = Watched(0)
        let server = ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            isAsked.change { $0 += 1 }
            if connection.waitForClose() { isClosed.change { $0 += 1 } }
        }
        let lab = try Lab()
        let target = TransferTarget(url: server.url(), headers: [])
        let ids = (0..<10).map { _ in lab.start(target) }
        #expect(isAsked.wait { $0 == 10 })
        lab.loop.stop()
        #expect(lab.isDone.wait())
        #expect(isClosed.wait { $0 == 10 })
        #expect(ids.allSatisfy { lab.told.now[$0] == nil })
        #expect(lab.loop.statistics.cancelled == 10)
        // Harmless afterwards.
        lab.loop.wake()
        lab.loop.stop()
        lab.loop.cancel(ids[0])
        lab.loop.start(
            lab.newID(), TransferRequest(target: target, body: Bytes("{}"), connectTimeoutMilliseconds: 1000))
    }

    @Test("A loop that is stopped before it runs returns at once, and one that never runs is let go")
    func stoppedBeforeItRuns() throws {
        let lab = try Lab(isRunning: false)
        lab.loop.stop()
        lab.run()
        #expect(lab.isDone.wait())
        _ = try EventLoop()
    }

    @Test("A loop is let go with its target and the bodies it was given")
    func nothingIsKept() throws {
        weak var loop: EventLoop?
        weak var target: TransferTarget?
        let server = ScriptedServer.answering("HTTP/1.1 204 No Content\r\n\r\n")
        let thread = JoinableThread()
        do {
            let lab = try Lab(isRunning: false)
            lab.run(on: thread.start)
            let kept = TransferTarget(url: server.url(), headers: ["X-A: 1"])
            loop = lab.loop
            target = kept
            #expect(lab.finished(lab.start(kept, headers: ["X-B: 2"]))?.isComplete == true)
            lab.loop.stop()
        }
        thread.join()
        #expect(loop == nil)
        #expect(target == nil)
    }

    @Test("The loop's thread takes no signal of the process")
    func signalsAreBlocked() throws {
        let lab = try Lab()
        let blocked = lab.perform { _ in
            let set = UnsafeMutablePointer<sigset_t>.allocate(capacity: 1)
            defer { set.deallocate() }
            pthread_sigmask(SIG_BLOCK, nil, set)
            return [SIGINT, SIGTERM, SIGPIPE, SIGUSR1, SIGCHLD, SIGALRM].allSatisfy { sigismember(set, $0) == 1 }
        }
        #expect(blocked == true)
    }
}
