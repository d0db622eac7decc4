import CCurl
import Glibc
import Testing

@testable import HedgeTransport

private let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/// A port that answers no attempt to connect: its queue of connections is full.
final class SilentPort {
    let port: UInt16
    private let listener: Int32
    private var clients: [Int32] = []

    init() {
        (listener, port) = listen(backlog: 0)
        // One is completed and waits to be accepted; the others keep its place taken.
        for _ in 0..<4 { clients.append(connectWithoutWaiting(to: port)) }
    }

    deinit {
        for client in clients { close(client) }
        close(listener)
    }
}

@Suite("Connections")
struct ConnectionTests {
    @Test("A port where nobody listens is a failure to connect")
    func refused() throws {
        let (listener, port) = listen(backlog: 1)
        close(listener)
        let lab = try Lab()
        let told = try #require(lab.finished(lab.start("http://127.0.0.1:\(port)/")))
        #expect(told.order == "e")
        #expect(told.failure?.kind == .connect)
    }

    @Test("A server that does not take the connection is given up after the connect timeout")
    func connectTimeout() throws {
        let silent = SilentPort()
        let lab = try Lab()
        let told = try #require(lab.finished(lab.start("http://127.0.0.1:\(silent.port)/", connectTimeout: 30)))
        #expect(told.order == "e")
        #expect(told.failure?.kind == .connectTimeout)
    }

    @Test("A server that takes the connection and says no TLS is given up after the connect timeout")
    func handshakeTimeout() throws {
        let server = ScriptedServer { _ = $0.waitForClose() }
        let lab = try Lab()
        let told = try #require(lab.finished(lab.start("https://127.0.0.1:\(server.port)/", connectTimeout: 50)))
        #expect(told.failure?.kind == .connectTimeout)
    }

    @Test("A server that waits longer than the connect timeout with its answer is waited for")
    func connectTimeoutEndsWithConnect() throws {
        let mayAnswer = Watched()
        let server = ScriptedServer { connection in
            guard connection.readRequest() != nil, mayAnswer.wait() else { return }
            connection.send(ok)
        }
        let lab = try Lab()
        let id = lab.start(server.url(), connectTimeout: 20)
        let timer = lab.start("http://127.0.0.1:\(SilentPort().port)/", connectTimeout: 60)
        _ = lab.finished(timer)
        mayAnswer.open()
        #expect(lab.finished(id)?.text == "ok")
    }

    @Test("Requests in a row share a connection, and are told so")
    func reuse() throws {
        let server = ScriptedServer.answering(ok)
        let lab = try Lab()
        let target = TransferTarget(url: server.url(), headers: [])
        var isNew: [Bool] = []
        for _ in 0..<5 { isNew += try #require(lab.finished(lab.start(target))).connections.map(\.isNew) }
        #expect(isNew == [true, false, false, false, false])
        #expect(server.accepted.now == 1)
        let statistics = try #require(lab.statistics())
        #expect(statistics.started == 5 && statistics.completed == 5 && statistics.failed == 0)
        #expect(statistics.connectionsOpened == 1 && statistics.connectionsReused == 4)
        #expect(statistics.internalErrors == 0)
    }

    @Test("Targets of one server share its connections")
    func reuseAcrossTargets() throws {
        let server = ScriptedServer.answering(ok)
        let lab = try Lab()
        for path in ["/a", "/b", "/c"] {
            #expect(lab.finished(lab.start(server.url(path)))?.isComplete == true)
        }
        #expect(server.accepted.now == 1)
    }

    @Test("A connection that died while idle does not fail the next request")
    func staleConnection() throws {
        let isClosed = Watched()
        let server = ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.send(ok)
            connection.close()
            isClosed.open()
        }
        let lab = try Lab()
        let target = TransferTarget(url: server.url(), headers: [])
        #expect(lab.finished(lab.start(target))?.isComplete == true)
        #expect(isClosed.wait())
        #expect(lab.finished(lab.start(target))?.isComplete == true)
        #expect(server.accepted.now == 2)
    }

    @Test("A request that a kept connection swallowed without a byte of answer is sent again on a new one")
    func swallowedRequest() throws {
        let requests = Watched<[ServedRequest]>([])
        let server = ScriptedServer { connection in
            guard let first = connection.readRequest() else { return }
            requests.change { $0.append(first) }
            connection.send(ok)
            if let second = connection.readRequest() { requests.change { $0.append(second) } }
        }
        let lab = try Lab()
        let target = TransferTarget(url: server.url(), headers: [])
        #expect(lab.finished(lab.start(target, body: "one"))?.isComplete == true)
        let told = try #require(lab.finished(lab.start(target, body: "two")))
        #expect(told.isComplete)
        #expect(told.connections.map(\.isNew) == [true])
        #expect(requests.now.map { String(decoding: $0.body, as: UTF8.self) } == ["one", "two", "two"])
    }

    @Test("Many transfers at once all complete, each with its own answer")
    func manyAtOnce() throws {
        let server = ScriptedServer { connection in
            while let request = connection.readRequest() {
                let text = String(decoding: request.body, as: UTF8.self)
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(request.body.count)\r\n\r\n\(text)")
            }
        }
        let lab = try Lab()
        let target = TransferTarget(url: server.url(), headers: [])
        for round in 0..<2 {
            let ids = (0..<500).map { lab.start(target, body: "body \(round) \($0)") }
            for (index, id) in ids.enumerated() { #expect(lab.finished(id)?.text == "body \(round) \(index)") }
        }
        let statistics = try #require(lab.statistics())
        #expect(statistics.completed == 1000)
        #expect(statistics.internalErrors == 0)
    }

    @Test("As many connections are kept as were in use at once")
    func keptConnections() throws {
        let count = 300
        let mayAnswer = Watched()
        let server = ScriptedServer { connection in
            while connection.readRequest() != nil, mayAnswer.wait() { connection.send(ok) }
        }
        let lab = try Lab()
        let target = TransferTarget(url: server.url(), headers: [])
        let first = (0..<count).map { _ in lab.start(target) }
        #expect(server.accepted.wait { $0 == count })
        mayAnswer.open()
        for id in first { #expect(lab.finished(id)?.text == "ok") }
        // One after the other, over the connection used last each time, and still all are there.
        let again = (0..<count).map { _ in lab.start(target) }
        for id in again { #expect(lab.finished(id)?.text == "ok") }
        #expect(server.accepted.now == count)
    }

    @Test("A connection that the server closed while it was idle is replaced")
    func closedWhileIdle() throws {
        let mayClose = Watched()
        let isClosed = Watched()
        let server = ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.send(ok)
            _ = mayClose.wait()
            connection.close()
            isClosed.open()
        }
        let lab = try Lab()
        let target = TransferTarget(url: server.url(), headers: [])
        #expect(lab.finished(lab.start(target))?.text == "ok")
        mayClose.open()
        #expect(isClosed.wait())
        // Turns of the loop that see the end of the connection.
        for _ in 0..<3 { #expect(lab.statistics() != nil) }
        #expect(lab.finished(lab.start(target))?.text == "ok")
        #expect(server.accepted.now == 2)
    }

    @Test("A socket is not inherited by programs the process starts")
    func closedOnExec() throws {
        let multi = try CurlMulti(SystemPoller())
        let context = Unmanaged.passUnretained(multi).toOpaque()
        var address = curl_sockaddr()
        address.family = AF_INET
        address.socktype = Int32(SOCK_STREAM.rawValue)
        let socket = openSocket(context, CURLSOCKTYPE_IPCXN, &address)
        #expect(socket >= 0)
        #expect(fcntl(socket, F_GETFD) & FD_CLOEXEC != 0)
        #expect(closeSocket(context, socket) == 0)
        #expect(fcntl(socket, F_GETFD) == -1)
    }

    @Test("Forgotten targets can be used again, and their transfers in flight go on")
    func forgetTargets() throws {
        let mayAnswer = Watched()
        let server = ScriptedServer { connection in
            while connection.readRequest() != nil, mayAnswer.wait() { connection.send(ok) }
        }
        let lab = try Lab()
        let target = TransferTarget(url: server.url(), headers: [])
        let inFlight = lab.start(target)
        #expect(lab.perform { $0.forgetTargets(except: []) } != nil)
        mayAnswer.open()
        #expect(lab.finished(inFlight)?.text == "ok")
        #expect(lab.finished(lab.start(target))?.text == "ok")
        #expect(lab.perform { $0.forgetTargets(except: [target]) } != nil)
        #expect(lab.finished(lab.start(target))?.text == "ok")
    }
}
