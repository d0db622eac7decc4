import Glibc

/// nghttpd on 127.0.0.1: a real HTTP/2 server, which answers a POST with what was posted.
///
/// It is a tool these tests need (Debian: nghttp2-server), not one they do without.
final class HTTP2Server {
    struct Missing: Error, CustomStringConvertible {
        var description: String
    }

    let port: UInt16
    /// A file that is served as /large: 8 MB.
    let largeCount = 8_000_000
    /// The certificate the server shows, when it speaks TLS.
    let certificate: String
    private let directory: String
    private let log: String
    private let process: pid_t

    init(isTLS: Bool) throws {
        var name = Array("/tmp/hedge-http2-XXXXXX\0".utf8CString)
        guard let made = mkdtemp(&name) else { throw Missing(description: "no temporary directory") }
        directory = String(cString: made)
        log = directory + "/log"
        certificate = directory + "/certificate.pem"
        let key = directory + "/key.pem"
        write(directory + "/large", count: largeCount)
        if isTLS {
            let arguments = [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
            ]
            var status: Int32 = 0
            waitpid(try spawn("openssl", arguments, output: log), &status, 0)
            guard status == 0 else { throw Missing(description: "openssl made no certificate") }
        }
        // Nobody else is given this port while it lingers here unused; nghttpd cannot choose one and tell.
        let (listener, port) = listen(backlog: 1)
        self.port = port
        close(listener)
        let options = ["-v", "--echo-upload", "-a", "127.0.0.1", "-d", directory]
        let end = isTLS ? ["\(port)", key, certificate] : ["--no-tls", "\(port)"]
        process = try spawn("nghttpd", options + end, output: log)
        for _ in 0..<3000 {
            if canConnect(to: port) { return }
            usleep(10_000)
        }
        throw Missing(description: "nghttpd does not listen")
    }

    deinit {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
        for file in ["log", "large", "key.pem", "certificate.pem"] { unlink(directory + "/" + file) }
        rmdir(directory)
    }

    func url(_ path: String, scheme: String = "http") -> String { "\(scheme)://127.0.0.1:\(port)\(path)" }

    /// How many connections have been closed, as the server writes it: `[id=2] [  0.113] closed`.
    var closedConnections: Int {
        read(log).split(separator: "\n").filter { $0.hasPrefix("[id=") && $0.hasSuffix("] closed") }.count
    }

    func waitForClosedConnections(_ count: Int) -> Bool {
        for _ in 0..<3000 {
            if closedConnections >= count { return true }
            usleep(10_000)
        }
        return false
    }

    /// Waits until the server has written `text` about what it received.
    func waitForLog(_ text: String) -> Bool {
        for _ in 0..<3000 {
            if read(log).contains(text) { return true }
            usleep(10_000)
        }
        return false
    }
}

private func spawn(_ program: String, _ arguments: [String], output: String) throws -> pid_t {
    let actions = UnsafeMutablePointer<posix_spawn_file_actions_t>.allocate(capacity: 1)
    defer { actions.deallocate() }
    posix_spawn_file_actions_init(actions)
    defer { posix_spawn_file_actions_destroy(actions) }
    posix_spawn_file_actions_addopen(actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(actions, 1, 2)
    var words = ([program] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var process = pid_t()
    let code = posix_spawnp(&process, program, actions, nil, words, environ)
    guard code == 0 else { throw HTTP2Server.Missing(description: "\(program) is not installed") }
    return process
}

private func canConnect(to port: UInt16) -> Bool {
    let client = connectWithoutWaiting(to: port)
    defer { close(client) }
    var watched = pollfd(fd: client, events: Int16(POLLOUT), revents: 0)
    guard poll(&watched, 1, 1000) == 1 else { return false }
    var failure: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(client, SOL_SOCKET, SO_ERROR, &failure, &size)
    return failure == 0
}

private func write(_ path: String, count: Int) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    let bytes = [UInt8](repeating: 0x61, count: count)
    _ = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
    close(file)
}

private func read(_ path: String) -> String {
    let file = open(path, O_RDONLY)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = Glibc.read(file, &buffer, buffer.count)
        if count <= 0 { return String(decoding: text, as: UTF8.self) }
        text.append(contentsOf: buffer[..<count])
    }
}
