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
    /// What the server writes about itself, and a last line when it has ended.
    private let log = Watched("")
    private let process: pid_t

    init(isTLS: Bool) throws {
        var name = Array("/tmp/hedge-http2-XXXXXX\0".utf8CString)
        guard let made = mkdtemp(&name) else { throw Missing(description: "no temporary directory") }
        directory = String(cString: made)
        certificate = directory + "/certificate.pem"
        let key = directory + "/key.pem"
        write(directory + "/large", count: largeCount)
        if isTLS {
            let arguments = [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
            ]
            var status: Int32 = 0
            waitpid(try spawn("openssl", arguments, output: Watched("")), &status, 0)
            guard status == 0 else { throw Missing(description: "openssl made no certificate") }
        }
        // Nobody else is given this port while it lingers here unused; nghttpd cannot choose one and tell.
        let (listener, port) = listen(backlog: 1)
        self.port = port
        close(listener)
        let options = ["-v", "--echo-upload", "-a", "127.0.0.1", "-d", directory]
        let end = isTLS ? ["\(port)", key, certificate] : ["--no-tls", "\(port)"]
        process = try spawn("nghttpd", options + end, output: log)
        let listens = "listen 127.0.0.1:\(port)\n"
        guard log.wait(until: { $0.contains(listens) || $0.contains(ended) }), log.now.contains(listens) else {
            throw Missing(description: "nghttpd does not listen: \(log.now)")
        }
    }

    deinit {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
        for file in ["large", "key.pem", "certificate.pem"] { unlink(directory + "/" + file) }
        rmdir(directory)
    }

    func url(_ path: String, scheme: String = "http") -> String { "\(scheme)://127.0.0.1:\(port)\(path)" }

    var closedConnections: Int { closed(in: log.now) }

    func waitForClosedConnections(_ count: Int) -> Bool { log.wait { closed(in: $0) >= count } }

    /// Waits until the server has written `text` about what it received.
    func waitForLog(_ text: String) -> Bool { log.wait { $0.contains(text) } }
}

/// The last line of a log whose program has ended.
private let ended = "(ended)"

/// How many connections have been closed, as the server writes it: `[id=2] [  0.113] closed`.
private func closed(in log: String) -> Int {
    log.split(separator: "\n").filter { $0.hasPrefix("[id=") && $0.hasSuffix("] closed") }.count
}

/// Starts a program whose output, of both kinds, goes to `output` as it comes.
private func spawn(_ program: String, _ arguments: [String], output: Watched<String>) throws -> pid_t {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw HTTP2Server.Missing(description: "no pipe") }
    let (reading, writing) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(writing) }
    startThread { collect(from: reading, into: output) }
    let actions = UnsafeMutablePointer<posix_spawn_file_actions_t>.allocate(capacity: 1)
    defer { actions.deallocate() }
    posix_spawn_file_actions_init(actions)
    defer { posix_spawn_file_actions_destroy(actions) }
    posix_spawn_file_actions_adddup2(actions, writing, 1)
    posix_spawn_file_actions_adddup2(actions, writing, 2)
    var words = ([program] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var process = pid_t()
    let code = posix_spawnp(&process, program, actions, nil, words, environ)
    guard code == 0 else { throw HTTP2Server.Missing(description: "\(program) is not installed") }
    return process
}

private func write(_ path: String, count: Int) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    let bytes = [UInt8](repeating: 0x61, count: count)
    _ = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
    close(file)
}

private func collect(from descriptor: Int32, into output: Watched<String>) {
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        guard count > 0 else { break }
        output.change { $0 += String(decoding: buffer[..<count], as: UTF8.self) }
    }
    output.change { $0 += "\n\(ended)\n" }
}
