import CCurl

/// Sets options of an easy handle, and remembers the first refusal.
struct Setup {
    /// The first code that was not CURLE_OK.
    private(set) var result = CURLE_OK
    private let easy: UnsafeMutableRawPointer

    init(_ easy: UnsafeMutableRawPointer) {
        self.easy = easy
    }

    mutating func long(_ option: CURLoption, _ value: Int) {
        note(chr_easy_set_long(easy, option, value))
    }

    mutating func offset(_ option: CURLoption, _ value: curl_off_t) {
        note(chr_easy_set_offset(easy, option, value))
    }

    mutating func string(_ option: CURLoption, _ value: String) {
        note(chr_easy_set_string(easy, option, value))
    }

    mutating func pointer(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) {
        note(chr_easy_set_pointer(easy, option, value))
    }

    mutating func list(_ option: CURLoption, _ value: UnsafeMutablePointer<curl_slist>?) {
        note(chr_easy_set_list(easy, option, value))
    }

    mutating func sink(_ option: CURLoption, _ value: curl_write_callback) {
        note(chr_easy_set_sink(easy, option, value))
    }

    /// Has `multi` open and close the sockets of connections; both callbacks outlive the handle with the connection.
    mutating func sockets(of multi: CurlMulti) {
        let multi = Unmanaged.passUnretained(multi).toOpaque()
        note(chr_easy_set_open_socket(easy, openSocket, multi))
        note(chr_easy_set_close_socket(easy, closeSocket, multi))
    }

    mutating func url(_ value: ParsedURL) {
        note(chr_easy_set_url(easy, value.handle))
    }

    mutating func share(_ value: UnsafeMutableRawPointer?) {
        note(chr_easy_set_share(easy, value))
    }

    private mutating func note(_ code: CURLcode) {
        if result == CURLE_OK { result = code }
    }

    /// What a guest in another program's process owes it.
    mutating func process() {
        long(CURLOPT_NOSIGNAL, 1)
        long(CURLOPT_NOPROGRESS, 1)
        // A transfer that is cancelled while its name is resolved leaves the resolver's thread to clean up after
        // itself. Without this, removing the handle waits for the thread, and the loop with it, for as long as the
        // name server takes.
        long(CURLOPT_QUICK_EXIT, 1)
    }

    /// The request: an HTTP POST that follows nothing, negotiates nothing and waits for no leave to send.
    ///
    /// Text that libcurl would put together anew for each request costs it some 70 instructions a byte: so the URL is
    /// parsed beforehand, and the user agent is among the header lines.
    mutating func request(_ target: TransferTarget, _ parsed: ParsedURL?, headers: HeaderList) {
        string(CURLOPT_PROTOCOLS_STR, "http,https")
        // Else libcurl guesses by the name of the host, and would send a key in the clear.
        string(CURLOPT_DEFAULT_PROTOCOL, "https")
        string(CURLOPT_URL, target.url)
        if let parsed { url(parsed) }
        long(CURLOPT_POST, 1)
        long(CURLOPT_FOLLOWLOCATION, 0)
        list(CURLOPT_HTTPHEADER, headers.head)
        long(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        // libcurl takes the buffer from malloc and gives it back for each transfer; from 64 KiB on that has the C library
        // tidy up all its small pieces each time.
        long(CURLOPT_BUFFERSIZE, 32 * 1024)
    }

    mutating func network(_ network: NetworkSettings) {
        // An unset proxy or exemption list is read from the environment; an empty one is not.
        string(CURLOPT_PROXY, network.proxy ?? "")
        string(CURLOPT_NOPROXY, network.noProxy ?? "")
        long(CURLOPT_HTTP_VERSION, Self.version(network.httpVersion))
        // Reuse is wanted, but no transfer waits to see whether another's connection can be shared.
        long(CURLOPT_PIPEWAIT, 0)
        if network.httpVersion == .http2PriorKnowledge && !CurlLibrary.reusesPriorKnowledge {
            long(CURLOPT_FRESH_CONNECT, 1)
            long(CURLOPT_FORBID_REUSE, 1)
        }
        long(CURLOPT_TCP_NODELAY, 1)
        long(CURLOPT_TCP_KEEPALIVE, 1)
        long(CURLOPT_TCP_KEEPIDLE, 30)
        long(CURLOPT_TCP_KEEPINTVL, 15)
        long(CURLOPT_SSL_VERIFYPEER, 1)
        long(CURLOPT_SSL_VERIFYHOST, 2)
        if let file = network.certificateAuthorityFile { string(CURLOPT_CAINFO, file) }
    }

    private static func version(_ version: HTTPVersion) -> Int {
        switch version {
        case .automatic: chr_http_version_automatic
        case .http1: chr_http_version_1
        case .http2: chr_http_version_2
        case .http2PriorKnowledge: chr_http_version_2_prior_knowledge
        }
    }
}
