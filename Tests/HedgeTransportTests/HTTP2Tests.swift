import HedgeTransport
import Testing

@Suite("HTTP/2")
struct HTTP2Tests {
    private let plain = NetworkSettings(httpVersion: .http2PriorKnowledge)

    @Test("HTTP/2 is spoken without TLS where it is known to be understood")
    func priorKnowledge() throws {
        let server = try HTTP2Server(isTLS: false)
        defer { withExtendedLifetime(server) {} }
        let lab = try Lab()
        let target = TransferTarget(url: server.url("/echo"), headers: ["X-A: 1"], network: plain)
        let told = try #require(lab.finished(lab.start(target, headers: ["X-B: 2"], body: "posted")))
        #expect(told.order == "hbe")
        #expect(told.status == 200)
        #expect(told.text == "posted")
        #expect(server.waitForLog("x-b: 2"))
    }

    @Test("Prior knowledge serves one request after the other, and many at once")
    func priorKnowledgeAgain() throws {
        let server = try HTTP2Server(isTLS: false)
        defer { withExtendedLifetime(server) {} }
        let lab = try Lab()
        let target = TransferTarget(url: server.url("/echo"), headers: [], network: plain)
        for round in 0..<3 { #expect(lab.finished(lab.start(target, body: "\(round)"))?.text == "\(round)") }
        let ids = (0..<50).map { lab.start(target, body: "body \($0)") }
        for (index, id) in ids.enumerated() { #expect(lab.finished(id)?.text == "body \(index)") }
    }

    /// An endpoint of a server that speaks HTTP/2 over TLS, whose certificate is trusted.
    private func echo(_ server: HTTP2Server) -> TransferTarget {
        let network = NetworkSettings(certificateAuthorityFile: server.certificate)
        return TransferTarget(url: server.url("/echo", scheme: "https"), headers: [], network: network)
    }

    @Test("Transfers share one connection, also at the same time")
    func multiplexing() throws {
        let server = try HTTP2Server(isTLS: true)
        defer { withExtendedLifetime(server) {} }
        let lab = try Lab()
        let target = echo(server)
        #expect(lab.finished(lab.start(target))?.isComplete == true)
        let ids = (0..<50).map { lab.start(target, body: "body \($0)") }
        for (index, id) in ids.enumerated() { #expect(lab.finished(id)?.text == "body \(index)") }
        #expect(lab.statistics()?.connectionsOpened == 1)
    }

    @Test("Cancelling the only stream of a connection closes it", arguments: [false, true])
    func cancelAlone(isPaused: Bool) throws {
        let server = try HTTP2Server(isTLS: true)
        defer { withExtendedLifetime(server) {} }
        let lab = try Lab { id, _ in id.rawValue != 2 }
        let echo = echo(server)
        #expect(lab.finished(lab.start(echo))?.isComplete == true)
        let before = server.closedConnections
        let id = lab.start(echo, body: String(repeating: "x", count: server.largeCount))
        if isPaused { #expect(lab.told.wait { $0[id]?.refusals == 1 }) }
        #expect(lab.perform { $0.cancel(id) } != nil)
        #expect(server.waitForClosedConnections(before + 1))
        #expect(lab.finished(lab.start(echo, body: "after"))?.text == "after")
        #expect(lab.told.now[id]?.end == nil)
    }

    @Test("Cancelling a stream resets it at once, though all else on its connection is silent")
    func cancelAmongOthers() throws {
        let frames = Watched<[Frame]>([])
        let server = ScriptedServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
            connection.send([0, 0, 0, 4, 0, 0, 0, 0, 0])
            guard connection.read(24) != nil else { return }
            while let frame = Frame(from: connection) {
                frames.change { $0.append(frame) }
                // Acknowledges the settings.
                if frame.type == 4 && frame.flags == 0 { connection.send([0, 0, 0, 4, 1, 0, 0, 0, 0]) }
            }
        }
        let lab = try Lab()
        let network = NetworkSettings(httpVersion: .http2)
        let target = TransferTarget(url: server.url(), headers: [], network: network)
        let first = lab.start(target)
        #expect(frames.wait { !$0.isEmpty })
        let second = lab.start(target)
        #expect(frames.wait { $0.contains { $0.type == 1 && $0.stream == 3 } })
        #expect(lab.perform { $0.cancel(second) } != nil)
        #expect(frames.wait { $0.contains { $0.type == 3 && $0.stream == 3 } })
        #expect(lab.told.now[first]?.end == nil)
        let third = lab.start(target)
        #expect(frames.wait { $0.contains { $0.type == 1 && $0.stream == 5 } })
        #expect(lab.perform { $0.cancel(third) } != nil)
        #expect(frames.wait { $0.contains { $0.type == 3 && $0.stream == 5 } })
        #expect(server.accepted.now == 1)
    }

    @Test(
        "A paused stream that is cancelled or resumed does not keep the others of its connection from going on",
        arguments: [false, true])
    func pausedStreamLetsOthersGoOn(isCancelled: Bool) throws {
        let server = try HTTP2Server(isTLS: true)
        defer { withExtendedLifetime(server) {} }
        let mayTake = Watched()
        let lab = try Lab { id, _ in id.rawValue != 2 || mayTake.now }
        let echo = echo(server)
        #expect(lab.finished(lab.start(echo))?.isComplete == true)
        let body = String(repeating: "x", count: 1_000_000)
        let paused = lab.start(echo, body: body)
        let others = (0..<5).map { _ in lab.start(echo, body: body) }
        #expect(lab.told.wait { $0[paused]?.refusals == 1 })
        mayTake.open()
        #expect(lab.perform { isCancelled ? $0.cancel(paused) : $0.resume(paused) } != nil)
        for other in others { #expect(lab.finished(other)?.text == body) }
        if !isCancelled { #expect(lab.finished(paused)?.text == body) }
    }

    @Test("TLS negotiates HTTP/2 when the server's certificate is trusted")
    func negotiated() throws {
        let server = try HTTP2Server(isTLS: true)
        defer { withExtendedLifetime(server) {} }
        let lab = try Lab()
        let target = echo(server)
        let told = try #require(lab.finished(lab.start(target, body: "posted")))
        #expect(told.text == "posted")
        let again = try #require(lab.finished(lab.start(target, body: "again")))
        #expect(again.connections.map(\.isNew) == [false])
    }

    @Test("A certificate that is not trusted, or not this server's, is a failure of TLS that says why")
    func untrusted() throws {
        let server = try HTTP2Server(isTLS: true)
        defer { withExtendedLifetime(server) {} }
        let lab = try Lab()
        let url = server.url("/echo", scheme: "https")
        let stranger = try #require(lab.finished(lab.start(url))?.failure)
        #expect(stranger.kind == .tls)
        #expect(stranger.message.contains("certificate"))

        let network = NetworkSettings(certificateAuthorityFile: server.certificate)
        let misnamed = "https://localhost:\(server.port)/echo"
        let target = TransferTarget(url: misnamed, headers: [], network: network)
        #expect(lab.finished(lab.start(target))?.failure?.kind == .tls)

        let nowhere = NetworkSettings(certificateAuthorityFile: "/nonexistent/ca.pem")
        let untrusting = TransferTarget(url: url, headers: [], network: nowhere)
        #expect(lab.finished(lab.start(untrusting))?.failure?.kind == .tls)
    }
}

/// The head of an HTTP/2 frame; RFC 9113 section 4.1.
private struct Frame {
    var type: UInt8
    var flags: UInt8
    var stream: UInt32

    /// The next frame, whose payload is dropped; nil at the end.
    init?(from connection: ServedConnection) {
        guard let head = connection.read(9) else { return nil }
        type = head[3]
        flags = head[4]
        stream = head[5..<9].reduce(0) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
        let length = head[0..<3].reduce(0) { $0 << 8 | Int($1) }
        guard connection.read(length) != nil else { return nil }
    }
}
