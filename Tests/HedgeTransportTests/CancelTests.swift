import HedgeJSON
import HedgeTransport
import Testing

@Suite("Cancelling and pausing")
struct CancelTests {
    /// A server that opens `isAsked` when it has a request, says `answer`, and opens `isClosed` when the client went.
    private func server(
        answer: String = "", isAsked: Watched<Bool> = Watched(), isClosed: Watched<Bool>
    ) -> ScriptedServer {
        ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.send(answer)
            isAsked.open()
            if connection.waitForClose() { isClosed.open() }
        }
    }

    @Test("Cancelling a transfer that waits for its answer closes its connection, and nothing more is told")
    func whileWaiting() throws {
        let (isAsked, isClosed) = (Watched(), Watched())
        let server = server(isAsked: isAsked, isClosed: isClosed)
        let lab = try Lab()
        let id = lab.start(server.url())
        #expect(isAsked.wait())
        #expect(lab.perform { $0.cancel(id) } != nil)
        #expect(isClosed.wait())
        #expect(lab.told.now[id] == nil)
        let statistics = try #require(lab.statistics())
        #expect(statistics.cancelled == 1 && statistics.completed == 0 && statistics.failed == 0)
    }

    @Test("Cancelling a transfer within its body closes its connection, and nothing more is told")
    func withinBody() throws {
        let isClosed = Watched()
        let server = server(answer: "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", isClosed: isClosed)
        let lab = try Lab()
        let id = lab.start(server.url())
        #expect(lab.told.wait { $0[id]?.text == "half" })
        #expect(lab.perform { $0.cancel(id) } != nil)
        #expect(isClosed.wait())
        #expect(lab.told.now[id]?.end == nil)
    }

    @Test("A transfer can be cancelled while it connects")
    func whileConnecting() throws {
        let silent = SilentPort()
        let lab = try Lab()
        let id = lab.start("http://127.0.0.1:\(silent.port)/")
        #expect(lab.perform { $0.cancel(id) } != nil)
        let statistics = try #require(lab.statistics())
        #expect(statistics.cancelled == 1 && statistics.internalErrors == 0)
        #expect(lab.told.now[id] == nil)
    }

    @Test("A transfer can be cancelled while its name is resolved")
    func whileResolving() throws {
        let lab = try Lab()
        let id = lab.start("http://no-such-host.invalid/")
        #expect(lab.perform { $0.cancel(id) } != nil)
        #expect(lab.statistics()?.internalErrors == 0)
    }

    @Test("A transfer can be cancelled in the turn that starts it, also when it could not be started")
    func inTheSameTurn() throws {
        let server = ScriptedServer.answering("HTTP/1.1 204 No Content\r\n\r\n")
        let lab = try Lab()
        let (good, bad) = (lab.newID(), lab.newID())
        let target = TransferTarget(url: server.url(), headers: [])
        _ = lab.perform { loop in
            let headers = ["bad header line"]
            let request = TransferRequest(target: target, body: Bytes("{}"), connectTimeoutMilliseconds: 1000)
            loop.start(good, request)
            loop.start(
                bad,
                TransferRequest(
                    target: target, headers: headers, body: Bytes("{}"), connectTimeoutMilliseconds: 1000))
            loop.cancel(good)
            loop.cancel(bad)
        }
        #expect(lab.finished(lab.start(target))?.status == 204)
        #expect(lab.told.now[good] == nil)
        #expect(lab.told.now[bad] == nil)
    }

    @Test("Cancelling a transfer that has ended, or never was, does nothing")
    func afterTheEnd() throws {
        let server = ScriptedServer.answering("HTTP/1.1 204 No Content\r\n\r\n")
        let lab = try Lab()
        let target = TransferTarget(url: server.url(), headers: [])
        let id = lab.start(target)
        #expect(lab.finished(id)?.isComplete == true)
        _ = lab.perform { loop in
            loop.cancel(id)
            loop.cancel(TransferID(rawValue: 99_999))
            loop.resume(id)
        }
        #expect(lab.finished(lab.start(target))?.isComplete == true)
        #expect(server.accepted.now == 1)
        #expect(lab.statistics()?.cancelled == 0)
    }

    @Test("A cancelled transfer leaves the others of its target alone")
    func oneOfMany() throws {
        let mayAnswer = Watched()
        let isAsked = Watched(0)
        let server = ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            isAsked.change { $0 += 1 }
            guard mayAnswer.wait() else { return }
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
        let lab = try Lab()
        let target = TransferTarget(url: server.url(), headers: [])
        let ids = (0..<20).map { _ in lab.start(target) }
        #expect(isAsked.wait { $0 == 20 })
        _ = lab.perform { loop in for id in ids where id.rawValue % 2 == 0 { loop.cancel(id) } }
        mayAnswer.open()
        for id in ids where id.rawValue % 2 == 1 { #expect(lab.finished(id)?.text == "ok") }
        #expect(ids.filter { lab.told.now[$0] != nil }.count == 10)
    }

    // MARK: Pausing

    @Test("A body that is refused again and again arrives whole and in order", arguments: [false, true])
    func pauseAndResume(isChunked: Bool) throws {
        let body = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
        let server = ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.send("HTTP/1.1 200 OK\r\n")
            if isChunked {
                connection.send("Transfer-Encoding: chunked\r\n\r\n")
                for start in stride(from: 0, to: body.count, by: 9_999) {
                    let piece = body[start..<min(start + 9_999, body.count)]
                    connection.send(String(piece.count, radix: 16) + "\r\n")
                    connection.send(Array(piece) + [13, 10])
                }
                connection.send("0\r\n\r\n")
            } else {
                connection.send("Content-Length: \(body.count)\r\n\r\n")
                connection.send(body)
            }
            _ = connection.waitForClose()
        }
        // Refuses two of three offers.
        let offers = Watched(0)
        let lab = try Lab(resumesAtOnce: true) { _, _ in
            offers.change {
                $0 += 1
                return $0 % 3 == 0
            }
        }
        let id = lab.start(server.url())
        let told = try #require(lab.finished(id))
        #expect(told.isComplete)
        #expect(told.order == "hbe")
        #expect(told.refusals > 10)
        #expect(told.body == body)
    }

    @Test("A paused transfer can be cancelled, also after it was to be resumed")
    func cancelWhilePaused() throws {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"
        for isResumed in [false, true] {
            let isClosed = Watched()
            let server = server(answer: answer, isClosed: isClosed)
            let lab = try Lab { _, _ in false }
            let id = lab.start(server.url())
            #expect(lab.told.wait { $0[id]?.refusals == 1 })
            _ = lab.perform { loop in
                if isResumed { loop.resume(id) }
                loop.cancel(id)
            }
            #expect(isClosed.wait())
            #expect(lab.statistics()?.internalErrors == 0)
            #expect(lab.told.now[id]?.refusals == 1)
            #expect(lab.told.now[id]?.end == nil)
        }
    }

    @Test("While a transfer is paused, no more is read from its connection than buffers hold")
    func backpressure() throws {
        let sent = Watched(0)
        let server = ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
            let piece = [UInt8](repeating: 7, count: 100_000)
            for _ in 0..<2000 where connection.send(piece) { sent.change { $0 += piece.count } }
        }
        let lab = try Lab { _, _ in false }
        let id = lab.start(server.url())
        #expect(lab.told.wait { $0[id]?.refusals == 1 })
        // Other transfers go on, and give the server every chance to send.
        let other = ScriptedServer.answering("HTTP/1.1 204 No Content\r\n\r\n")
        for _ in 0..<50 { #expect(lab.finished(lab.start(other.url()))?.isComplete == true) }
        #expect(lab.told.now[id]?.refusals == 1)
        #expect(sent.now < 100_000_000)
        #expect(lab.perform { $0.cancel(id) } != nil)
    }
}
