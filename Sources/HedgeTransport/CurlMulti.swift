import CCurl
import Glibc

/// libcurl's multi handle: what it wants watched goes to a poller, what is ready goes to it.
final class CurlMulti {
    /// When libcurl wants to be called, on the clock of the loop; nil when nothing but a socket can give it work.
    private(set) var due: Int64?
    /// How often libcurl or the system refused what should always succeed.
    private(set) var refusals: UInt64 = 0
    /// TLS sessions, which would else be kept for each easy handle alone.
    let share: UnsafeMutableRawPointer?
    private var multi: UnsafeMutableRawPointer?
    /// How many connections libcurl keeps open, over all servers, those in use included.
    private var kept = 256
    private let poller: SystemPoller

    init(_ poller: SystemPoller) throws(EventLoop.SetupError) {
        guard let multi = curl_multi_init() else { throw EventLoop.SetupError(message: "curl_multi_init failed") }
        self.poller = poller
        self.multi = multi
        share = curl_share_init()
        // Only the loop's thread uses it, so that it needs no locks.
        chr_share_add(share, CURL_LOCK_DATA_SSL_SESSION)
        let itself = Unmanaged.passUnretained(self).toOpaque()
        chr_multi_set_socket(multi, watchSocket, itself)
        chr_multi_set_timer(multi, setTimer, itself)
        chr_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
        chr_multi_set_long(multi, CURLMOPT_MAXCONNECTS, kept)
    }

    /// Makes room to keep a connection for each of `count` transfers in flight.
    ///
    /// With less, libcurl would close an idle connection whenever a transfer ends, and the next one would have to
    /// connect again. Idle connections are closed by the servers, and by libcurl after two minutes.
    func makeRoom(forTransfers count: Int) {
        guard count > kept else { return }
        kept = max(count, kept &* 2)
        chr_multi_set_long(multi, CURLMOPT_MAXCONNECTS, kept)
    }

    deinit {
        close()
    }

    /// Closes every connection. All exchanges must have been removed, and their handles freed.
    func close() {
        guard let multi else { return }
        curl_multi_cleanup(multi)
        curl_share_cleanup(share)
        self.multi = nil
    }

    func add(_ exchange: Exchange) -> Bool {
        check(curl_multi_add_handle(multi, exchange.easy))
    }

    /// Closes what is unfinished: the connection, or the stream of a shared one.
    func remove(_ exchange: Exchange) {
        check(curl_multi_remove_handle(multi, exchange.easy))
    }

    /// An exchange that has ended by itself, and how; nil when there is no more. It stays in the multi handle.
    func nextEnded() -> (Exchange, CURLcode)? {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
                let address = chr_easy_get_private(easy)
            else { continue }
            return (Unmanaged<Exchange>.fromOpaque(address).takeUnretainedValue(), message.pointee.data.result)
        }
        return nil
    }

    /// Has libcurl work on what the poller's last wait found.
    func act(on ready: Int) {
        for index in 0..<ready {
            // Looked up one by one: acting on one may close the next.
            guard let found = poller.ready(at: index) else { continue }
            var events: Int32 = 0
            if found.readiness.contains(.readable) { events |= CURL_CSELECT_IN }
            if found.readiness.contains(.writable) { events |= CURL_CSELECT_OUT }
            if found.readiness.contains(.failed) { events |= CURL_CSELECT_ERR }
            socketAction(found.descriptor, events)
        }
    }

    /// Has libcurl do what is due.
    func runTimer(_ now: Int64) {
        guard let due, due <= now else { return }
        // libcurl sets it again, if only because this came a little early.
        self.due = nil
        socketAction(chr_socket_timeout, 0)
    }

    private func socketAction(_ socket: curl_socket_t, _ events: Int32) {
        var running: Int32 = 0
        check(curl_multi_socket_action(multi, socket, events, &running))
    }

    @discardableResult
    private func check(_ code: CURLMcode) -> Bool {
        if code == CURLM_OK { return true }
        refusals &+= 1
        return false
    }

    // MARK: Callbacks

    fileprivate func watch(_ socket: curl_socket_t, _ what: Int32) {
        var interest: Readiness = []
        if what == CURL_POLL_IN || what == CURL_POLL_INOUT { interest.insert(.readable) }
        if what == CURL_POLL_OUT || what == CURL_POLL_INOUT { interest.insert(.writable) }
        if interest.isEmpty {
            poller.unwatch(socket)
        } else if !poller.watch(socket, for: interest) {
            refusals &+= 1
        }
    }

    /// A new socket, which a program that the process starts does not inherit, as it would libcurl's own.
    fileprivate func open(_ address: curl_sockaddr) -> curl_socket_t {
        #if os(Linux)
        let kind = address.socktype | Int32(SOCK_CLOEXEC.rawValue)
        let opened = socket(address.family, kind, address.protocol)
        #else
        let opened = socket(address.family, address.socktype, address.protocol)
        if opened >= 0 { _ = fcntl(opened, F_SETFD, FD_CLOEXEC) }
        #endif
        if opened >= 0 { poller.keep(opened) }
        return opened
    }

    fileprivate func close(_ socket: curl_socket_t) -> Int32 {
        poller.forget(socket)
        return Glibc.close(socket)
    }

    fileprivate func setDue(inMilliseconds milliseconds: Int) {
        switch milliseconds {
        case ..<0: due = nil
        case 0: due = 0
        default: due = monotonicNanoseconds().clampedAdding(Int64(min(milliseconds, Int(Int32.max))) * 1_000_000)
        }
    }
}

private func watchSocket(
    _ easy: UnsafeMutableRawPointer?, _ socket: curl_socket_t, _ what: Int32, _ multi: UnsafeMutableRawPointer?,
    _ mark: UnsafeMutableRawPointer?
) -> Int32 {
    guard let multi else { return 0 }
    Unmanaged<CurlMulti>.fromOpaque(multi)._withUnsafeGuaranteedRef { $0.watch(socket, what) }
    return 0
}

private func setTimer(
    _ handle: UnsafeMutableRawPointer?, _ milliseconds: Int, _ multi: UnsafeMutableRawPointer?
) -> Int32 {
    guard let multi else { return 0 }
    Unmanaged<CurlMulti>.fromOpaque(multi)._withUnsafeGuaranteedRef { $0.setDue(inMilliseconds: milliseconds) }
    return 0
}

func openSocket(
    _ multi: UnsafeMutableRawPointer?, _ purpose: curlsocktype, _ address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
    guard let multi, let address else { return chr_socket_bad }
    return Unmanaged<CurlMulti>.fromOpaque(multi)._withUnsafeGuaranteedRef { $0.open(address.pointee) }
}

func closeSocket(_ multi: UnsafeMutableRawPointer?, _ socket: curl_socket_t) -> Int32 {
    guard let multi else { return Glibc.close(socket) }
    return Unmanaged<CurlMulti>.fromOpaque(multi)._withUnsafeGuaranteedRef { $0.close(socket) }
}
