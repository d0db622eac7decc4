import Glibc
import HedgeTransport
import Testing

private let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/// A server that answers every request, and keeps what it was sent.
private func recordingServer() -> (ScriptedServer, Watched<[ServedRequest]>) {
    let requests = Watched<[ServedRequest]>([])
    let server = ScriptedServer { connection in
        while let request = connection.readRequest() {
            requests.change { $0.append(request) }
            connection.send(ok)
        }
    }
    return (server, requests)
}

@Suite("Requests")
struct RequestTests {
    @Test("A request carries the headers of its target, its own and libcurl's fewest")
    func headers() throws {
        let (server, requests) = recordingServer()
        let lab = try Lab()
        let target = TransferTarget(url: server.url("/v1/x?y=z"), headers: ["Authorization: Bearer k", "X-A: 1"])
        _ = try #require(lab.finished(lab.start(target, headers: ["X-B: 2"], body: "{\"a\":1}")))
        let request = try #require(requests.now.first)
        #expect(request.head.hasPrefix("POST /v1/x?y=z HTTP/1.1\r\n"))
        #expect(request.header("authorization") == ["Bearer k"])
        #expect(request.header("x-a") == ["1"])
        #expect(request.header("x-b") == ["2"])
        #expect(request.header("content-type") == ["application/json"])
        #expect(request.header("user-agent") == ["libhedgerouter/0.1.0"])
        #expect(request.header("content-length") == ["7"])
        #expect(request.header("expect") == [])
        #expect(request.header("accept-encoding") == [])
        #expect(String(decoding: request.body, as: UTF8.self) == "{\"a\":1}")
    }

    @Test("The headers of one request are not sent with the next of the same target")
    func ownHeadersDoNotStay() throws {
        let (server, requests) = recordingServer()
        let lab = try Lab()
        let target = TransferTarget(url: server.url(), headers: ["X-A: 1"])
        _ = try #require(lab.finished(lab.start(target, headers: ["X-B: 2", "X-C: 3"])))
        _ = try #require(lab.finished(lab.start(target)))
        _ = try #require(lab.finished(lab.start(target, headers: ["X-B: 4"])))
        #expect(requests.now.map { $0.header("x-a") } == [["1"], ["1"], ["1"]])
        #expect(requests.now.map { $0.header("x-b") } == [["2"], [], ["4"]])
        #expect(requests.now.map { $0.header("x-c") } == [["3"], [], []])
    }

    @Test("A target's own content type is the only one")
    func contentType() throws {
        let (server, requests) = recordingServer()
        let lab = try Lab()
        let target = TransferTarget(url: server.url(), headers: ["content-type: application/x-ndjson"])
        _ = try #require(lab.finished(lab.start(target)))
        #expect(requests.now.first?.header("content-type") == ["application/x-ndjson"])
    }

    @Test("A target's own user agent is the only one")
    func userAgent() throws {
        let (server, requests) = recordingServer()
        let lab = try Lab()
        let target = TransferTarget(url: server.url(), headers: ["user-agent: own/2"])
        _ = try #require(lab.finished(lab.start(target)))
        #expect(requests.now.first?.header("user-agent") == ["own/2"])
    }

    @Test("Everything a URL names is sent, each time a handle is used again")
    func wholeURL() throws {
        let (server, requests) = recordingServer()
        let lab = try Lab()
        let url = "http://alice:p%40ss@localhost:\(server.port)/a/../b%20c/%C3%A9?x=1&y=%2F#part"
        let target = TransferTarget(url: url, headers: [])
        for _ in 0..<3 { _ = try #require(lab.finished(lab.start(target))) }
        #expect(requests.now.count == 3)
        for request in requests.now {
            #expect(request.head.hasPrefix("POST /b%20c/%C3%A9?x=1&y=%2F HTTP/1.1\r\n"))
            #expect(request.header("host") == ["localhost:\(server.port)"])
            // alice:p@ss
            #expect(request.header("authorization") == ["Basic YWxpY2U6cEBzcw=="])
        }
    }

    @Test("A large body arrives whole, without being asked for")
    func largeBody() throws {
        let (server, requests) = recordingServer()
        let lab = try Lab()
        let body = String(repeating: "0123456789abcdef", count: 200_000)
        let told = try #require(lab.finished(lab.start(TransferTarget(url: server.url(), headers: []), body: body)))
        #expect(told.isComplete)
        #expect(requests.now.first?.header("expect") == [])
        #expect(requests.now.first.map { String(decoding: $0.body, as: UTF8.self) == body } == true)
    }

    @Test("Bodies of different lengths on one handle are each sent whole", arguments: [[5, 50_000, 0, 3]])
    func bodiesInARow(lengths: [Int]) throws {
        let (server, requests) = recordingServer()
        let lab = try Lab()
        let target = TransferTarget(url: server.url(), headers: [])
        for length in lengths {
            _ = try #require(lab.finished(lab.start(target, body: String(repeating: "x", count: length))))
        }
        #expect(requests.now.map(\.body.count) == lengths)
    }

    @Test(
        "A header line that could add lines, or lie about the body, is refused",
        arguments: [
            "X-A: 1\r\nX-B: 2", "X-A: 1\nX-B: 2", "X-A: 1\0", "no colon", ": no name", "X A: 1", "Content-Length: 3",
            "transfer-encoding: chunked",
        ])
    func badHeaderLine(line: String) throws {
        let (server, requests) = recordingServer()
        let lab = try Lab()
        let ofRequest = try #require(lab.finished(lab.start(server.url(), headers: [line])))
        let ofTarget = try #require(lab.finished(lab.start(TransferTarget(url: server.url(), headers: [line]))))
        for told in [ofRequest, ofTarget] {
            #expect(told.order == "e")
            #expect(told.failure?.kind == .other)
            #expect(told.failure?.message.contains("1") == false)
        }
        #expect(requests.now.isEmpty)
    }

    @Test(
        "Only HTTP is spoken",
        arguments: [
            "file:///etc/hostname", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "smtp://127.0.0.1", "", "http://",
        ])
    func otherSchemes(url: String) throws {
        let lab = try Lab()
        let told = try #require(lab.finished(lab.start(url)))
        #expect(told.order == "e")
        #expect(told.failure?.kind == .other)
    }

    @Test("A URL without a scheme is not spoken to in the clear")
    func noScheme() throws {
        let server = ScriptedServer { connection in
            connection.send(ok)
            _ = connection.waitForClose()
        }
        let lab = try Lab()
        let told = try #require(lab.finished(lab.start("127.0.0.1:\(server.port)/v1")))
        #expect(told.order == "e")
        #expect(told.failure?.kind == .tls)
    }

    @Test("A failure does not name the user of a URL")
    func noCredentialsInMessages() throws {
        let (listener, port) = listen(backlog: 1)
        close(listener)
        let lab = try Lab()
        let network = NetworkSettings(proxy: "http://alice:sesame@127.0.0.1:\(port)")
        let targets = [
            TransferTarget(url: "http://alice:sesame@127.0.0.1:\(port)/", headers: []),
            TransferTarget(url: "http://upstream.test/", headers: [], network: network),
        ]
        for target in targets {
            let failure = try #require(lab.finished(lab.start(target))?.failure)
            #expect(failure.kind == .connect)
            #expect(!failure.message.contains("alice") && !failure.message.contains("sesame"))
        }
    }
}

@Suite("Proxies")
struct ProxyTests {
    @Test("A proxy is used when it is set")
    func proxy() throws {
        let (proxy, requests) = recordingServer()
        let lab = try Lab()
        let network = NetworkSettings(proxy: "http://127.0.0.1:\(proxy.port)")
        let target = TransferTarget(url: "http://upstream.test/v1", headers: [], network: network)
        #expect(lab.finished(lab.start(target))?.text == "ok")
        #expect(requests.now.first?.head.hasPrefix("POST http://upstream.test/v1 HTTP/1.1\r\n") == true)
    }

    @Test("A proxy is not used for the hosts it is not for")
    func noProxy() throws {
        let (proxy, proxied) = recordingServer()
        let (server, direct) = recordingServer()
        let lab = try Lab()
        let network = NetworkSettings(proxy: "http://127.0.0.1:\(proxy.port)", noProxy: "a.test,127.0.0.1")
        #expect(lab.finished(lab.start(TransferTarget(url: server.url(), headers: [], network: network)))?.text == "ok")
        #expect(proxied.now.isEmpty)
        #expect(direct.now.count == 1)
    }

    @Test("The environment's proxy is not used, nor its exemptions")
    func environment() throws {
        let (stray, strayed) = recordingServer()
        let (proxy, proxied) = recordingServer()
        let (server, direct) = recordingServer()
        for name in ["http_proxy", "all_proxy", "ALL_PROXY"] { setenv(name, "http://127.0.0.1:\(stray.port)", 1) }
        setenv("no_proxy", "*", 1)
        defer { for name in ["http_proxy", "all_proxy", "ALL_PROXY", "no_proxy"] { unsetenv(name) } }
        let lab = try Lab()
        #expect(lab.finished(lab.start(server.url()))?.text == "ok")
        let network = NetworkSettings(proxy: "http://127.0.0.1:\(proxy.port)")
        #expect(lab.finished(lab.start(TransferTarget(url: server.url(), headers: [], network: network)))?.text == "ok")
        #expect(strayed.now.isEmpty)
        #expect(direct.now.count == 1)
        #expect(proxied.now.count == 1)
    }

    @Test("A tunnel that the proxy refuses is a failure to connect, and its answer is not the response's head")
    func refusedTunnel() throws {
        let proxy = ScriptedServer.answering("HTTP/1.1 403 Forbidden\r\nX-Proxy: 1\r\nContent-Length: 0\r\n\r\n")
        let lab = try Lab()
        let network = NetworkSettings(proxy: "http://127.0.0.1:\(proxy.port)")
        let target = TransferTarget(url: "https://upstream.test/v1", headers: [], network: network)
        let told = try #require(lab.finished(lab.start(target)))
        #expect(told.order == "e")
        #expect(told.failure?.kind == .connect)
        #expect(told.failure?.message.contains("403") == true)
    }
}
