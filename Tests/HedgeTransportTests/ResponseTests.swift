import HedgeTransport
import Testing

@Suite("Responses")
struct ResponseTests {
    @Test("A response is told as one head, its body and its end")
    func plainResponse() throws {
        let server = ScriptedServer.answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Ray: 7\r\n\r\nhello")
        let lab = try Lab()
        let told = try #require(lab.finished(lab.start(server.url())))
        #expect(told.order == "hbe")
        #expect(told.status == 200)
        #expect(told.headerText == "Content-Length: 5\r\nX-Ray: 7\r\n")
        #expect(told.text == "hello")
        #expect(told.isComplete)
    }

    @Test("A response without a body has its head told before its end")
    func emptyBody() throws {
        let server = ScriptedServer.answering("HTTP/1.1 204 No Content\r\n\r\n")
        let lab = try Lab()
        let told = try #require(lab.finished(lab.start(server.url())))
        #expect(told.order == "he")
        #expect(told.status == 204)
        #expect(told.isComplete)
    }

    @Test("A chunked body that arrives one byte at a time is put together, and its trailers are no headers")
    func chunkedByteByByte() throws {
        let server = ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            let response = head + "4\r\nabcd\r\n3\r\nefg\r\n0\r\nT: 1\r\n\r\n"
            for byte in response.utf8 { connection.send([byte]) }
            _ = connection.waitForClose()
        }
        let lab = try Lab()
        let told = try #require(lab.finished(lab.start(server.url())))
        #expect(told.order == "hbe")
        #expect(told.text == "abcdefg")
        #expect(told.headerText == "Transfer-Encoding: chunked\r\n")
        #expect(told.isComplete)
    }

    @Test("The head is told as soon as it is there, before any of the body")
    func headBeforeBody() throws {
        let isHeadSeen = Watched()
        let server = ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
            guard isHeadSeen.wait() else { return }
            connection.send("ok")
            _ = connection.waitForClose()
        }
        let lab = try Lab()
        let id = lab.start(server.url())
        #expect(lab.told.wait { $0[id]?.order == "h" })
        isHeadSeen.open()
        #expect(lab.finished(id)?.text == "ok")
    }

    @Test("Interim responses are not told")
    func interimResponses() throws {
        let server = ScriptedServer.answering(
            "HTTP/1.1 100 Continue\r\nA: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nB: 2\r\n\r\n"
                + "HTTP/1.1 201 Created\r\nC: 3\r\nContent-Length: 1\r\n\r\nx")
        let lab = try Lab()
        let told = try #require(lab.finished(lab.start(server.url())))
        #expect(told.order == "hbe")
        #expect(told.status == 201)
        #expect(told.headerText == "C: 3\r\nContent-Length: 1\r\n")
    }

    @Test("A redirection is told like any other response, and not followed", arguments: [301, 302, 307, 308])
    func redirection(status: Int) throws {
        let server = ScriptedServer.answering(
            "HTTP/1.1 \(status) Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        let lab = try Lab()
        let told = try #require(lab.finished(lab.start(server.url())))
        #expect(told.status == status)
        #expect(told.isComplete)
        #expect(lab.statistics()?.started == 1)
    }

    @Test(
        "A body that ends before its declared end is a failure",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        ])
    func truncatedBody(response: String) throws {
        let server = ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.send(response)
        }
        let lab = try Lab()
        let told = try #require(lab.finished(lab.start(server.url())))
        #expect(told.order == "hbe")
        #expect(told.text == "half")
        #expect(told.failure?.kind == .closedEarly)
    }

    @Test("A body without a declared length ends with its connection")
    func bodyUntilClose() throws {
        let server = ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.send("HTTP/1.1 200 OK\r\n\r\nall there is")
        }
        let lab = try Lab()
        let told = try #require(lab.finished(lab.start(server.url())))
        #expect(told.text == "all there is")
        #expect(told.isComplete)
    }

    @Test("A connection that is closed without an answer is a failure")
    func noAnswer() throws {
        let server = ScriptedServer { connection in _ = connection.readRequest() }
        let lab = try Lab()
        let told = try #require(lab.finished(lab.start(server.url())))
        #expect(told.order == "e")
        #expect(told.failure?.kind == .closedEarly)
        #expect(server.accepted.now == 1)
    }

    @Test("A connection that is reset within the body is a failure")
    func reset() throws {
        let isBodySeen = Watched()
        let server = ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")
            _ = isBodySeen.wait()
            connection.reset()
        }
        let lab = try Lab()
        let id = lab.start(server.url())
        #expect(lab.told.wait { $0[id]?.text == "half" })
        isBodySeen.open()
        #expect(lab.finished(id)?.failure?.kind == .receive)
    }

    @Test("A head beyond the limit is a failure, in one line or in many", arguments: [(280, 1000), (1, 280_000)])
    func headTooLarge(lines: Int, length: Int) throws {
        let server = ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            let line = "X: " + String(repeating: "a", count: length) + "\r\n"
            connection.send("HTTP/1.1 200 OK\r\n" + String(repeating: line, count: lines) + "Content-Length: 0\r\n\r\n")
            _ = connection.waitForClose()
        }
        let lab = try Lab()
        let told = try #require(lab.finished(lab.start(server.url())))
        #expect(told.order == "e")
        #expect(told.failure?.kind == .http)
    }

    @Test("Interim responses without end are a failure")
    func endlessInterimResponses() throws {
        let server = ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            let hint = "HTTP/1.1 103 Early Hints\r\nX: " + String(repeating: "a", count: 1000) + "\r\n\r\n"
            for _ in 0..<300 { connection.send(hint) }
            _ = connection.waitForClose()
        }
        let lab = try Lab()
        let told = try #require(lab.finished(lab.start(server.url())))
        #expect(told.order == "e")
        #expect(told.failure?.kind == .http)
    }

    @Test(
        "What is not HTTP is a failure",
        arguments: [
            "SSH-2.0-OpenSSH_9.2\r\n", "hello\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
        ])
    func notHTTP(answer: String) throws {
        let server = ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.send(answer)
        }
        let lab = try Lab()
        let told = try #require(lab.finished(lab.start(server.url())))
        #expect(told.order == "e")
        #expect(told.failure?.kind == .http)
    }
}
