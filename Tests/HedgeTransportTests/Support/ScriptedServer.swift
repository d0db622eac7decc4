import Glibc

/// An HTTP/1.1 server on 127.0.0.1 that says, byte for byte, what a test wants said.
final class ScriptedServer: Sendable {
    typealias Script = @Sendable (ServedConnection) -> Void

    let port: UInt16
    let accepted = Watched(0)

    /// Runs `script` for each connection on a thread of its own, and closes the connection when it returns.
    ///
    /// Listens until the process ends: a test that has said the last about its server may still wait for its answer.
    init(_ script: @escaping Script) {
        let (listener, port) = listen(backlog: 1024)
        self.port = port
        let accepted = accepted
        startThread {
            while true {
                let socket = accept(listener, nil, nil)
                if socket < 0 { return }
                accepted.change { $0 += 1 }
                startThread {
                    let connection = ServedConnection(socket)
                    script(connection)
                    connection.close()
                }
            }
        }
    }

    func url(_ path: String = "/v1/chat/completions") -> String { "http://127.0.0.1:\(port)\(path)" }

    /// A server that answers every request of every connection with `response`.
    static func answering(_ response: String) -> ScriptedServer {
        ScriptedServer { connection in
            while connection.readRequest() != nil { connection.send(response) }
        }
    }
}

/// A listening socket on 127.0.0.1 and its port.
func listen(backlog: Int32) -> (Int32, UInt16) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            _ = bind(listener, $0, size)
            _ = Glibc.listen(listener, backlog)
            _ = getsockname(listener, $0, &size)
        }
    }
    return (listener, UInt16(bigEndian: address.sin_port))
}

/// A socket that is connecting, or connected, to a port of 127.0.0.1.
func connectWithoutWaiting(to port: UInt16) -> Int32 {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let client = socket(AF_INET, kind, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    address.sin_port = port.bigEndian
    withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            _ = connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    return client
}

struct ServedRequest: Sendable {
    /// The request line and the header lines, without the empty line.
    var head: String
    var body: [UInt8]

    func header(_ name: String) -> [String] {
        head.split(separator: "\r\n").dropFirst().compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0].lowercased() == name else { return nil }
            return String(parts[1].drop { $0 == " " })
        }
    }
}

/// The server's end of one connection.
final class ServedConnection {
    private let socket: Int32
    private var input: [UInt8] = []
    private var isClosed = false

    init(_ socket: Int32) {
        self.socket = socket
        var one: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    /// The next request, or nil when the client has closed.
    func readRequest() -> ServedRequest? {
        while true {
            if let request = takeRequest() { return request }
            if !receive() { return nil }
        }
    }

    /// The next `count` bytes, or nil when the client has closed.
    func read(_ count: Int) -> [UInt8]? {
        while input.count < count { if !receive() { return nil } }
        defer { input.removeFirst(count) }
        return Array(input[..<count])
    }

    /// Whether the client closed, or reset, its end.
    func waitForClose() -> Bool {
        while receive() {}
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Whether all of it could be sent.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        return bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return true }
            while sent < bytes.count {
                let count = Glibc.send(socket, base + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
                if count < 0 && errno == EINTR { continue }
                if count <= 0 { return false }
                sent += count
            }
            return true
        }
    }

    func close() {
        if isClosed { return }
        isClosed = true
        Glibc.close(socket)
    }

    /// Closes with a reset instead of an orderly end.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    private func takeRequest() -> ServedRequest? {
        let end: [UInt8] = [13, 10, 13, 10]
        guard input.count >= 4,
            let start = input.indices.dropLast(3).first(where: { input[$0..<($0 + 4)].elementsEqual(end) })
        else { return nil }
        var request = ServedRequest(head: String(decoding: input[..<start], as: UTF8.self), body: [])
        let length = request.header("content-length").first.flatMap { Int($0) } ?? 0
        guard input.count >= start + 4 + length else { return nil }
        request.body = Array(input[(start + 4)..<(start + 4 + length)])
        input.removeFirst(start + 4 + length)
        return request
    }

    private func receive() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return false }
            input.append(contentsOf: buffer[..<count])
            return true
        }
    }
}
