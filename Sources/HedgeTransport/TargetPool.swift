import CCurl

/// What is kept ready for one target: its header lines, and easy handles that are not in use.
final class TargetPool {
    /// Idle handles kept after a burst; a handle holds a few kilobytes.
    private static let idleLimit = 128

    let target: TransferTarget
    let headers: HeaderList
    /// Nil when the URL is none: libcurl tells what is wrong when a transfer starts.
    let url: ParsedURL?
    /// Why nothing can be sent to this target, or nil.
    let problem: String?
    /// Whether the URL or the proxy's URL names a user.
    let hasCredentialsInURL: Bool
    /// Whether requests may share a connection with HTTP/2: assumed until a response shows it.
    private(set) var maySpeakHTTP2: Bool
    private var idle: [Exchange] = []
    private var isKept = true

    /// Nil when memory is short.
    init?(_ target: TransferTarget) {
        // `Expect:` without a value keeps libcurl from asking for leave before it sends a large body.
        var lines = target.headers + ["Expect:"]
        if !target.headers.contains(where: { HeaderList.isNamed($0, "content-type") }) {
            lines.append("Content-Type: application/json")
        }
        if !target.headers.contains(where: { HeaderList.isNamed($0, "user-agent") }) {
            lines.append("User-Agent: libhedgerouter/0.1.0")
        }
        guard let headers = HeaderList(lines) else { return nil }
        self.target = target
        self.headers = headers
        url = ParsedURL(target.url)
        problem = target.headers.lazy.compactMap(HeaderList.problem).first
        maySpeakHTTP2 =
            switch target.network.httpVersion {
            case .http1: false
            case .automatic: target.isHTTPS
            case .http2: true
            case .http2PriorKnowledge: CurlLibrary.reusesPriorKnowledge
            }
        hasCredentialsInURL = target.url.utf8.contains(0x40) || (target.network.proxy?.utf8.contains(0x40) ?? false)
    }

    /// An idle handle, or a new one. Nil when memory is short.
    func take(for loop: EventLoop) -> Exchange? {
        idle.popLast() ?? Exchange(self, of: loop)
    }

    /// Keeps a handle for the next transfer, or frees it.
    func giveBack(_ exchange: Exchange) {
        exchange.recycle()
        if isKept && idle.count < Self.idleLimit { idle.append(exchange) }
    }

    /// Takes note of the version of HTTP that a response came with.
    func learn(httpVersion: Int) {
        switch target.network.httpVersion {
        case .automatic, .http2: maySpeakHTTP2 = httpVersion == chr_http_version_2
        case .http1, .http2PriorKnowledge: break
        }
    }

    /// Frees the idle handles, and each of those in use when it comes back.
    func close() {
        isKept = false
        idle.removeAll()
    }
}
