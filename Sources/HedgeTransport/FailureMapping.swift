import CCurl

extension TransferFailure {
    /// What a CURLcode means for a transfer.
    init(_ code: CURLcode, of exchange: Exchange) {
        let connectStatus = chr_easy_get_long(exchange.easy, CURLINFO_HTTP_CONNECTCODE)
        let hadConnection = chr_easy_get_offset(exchange.easy, CURLINFO_PRETRANSFER_TIME_T) > 0
        var kind = Self.kind(of: code)
        var message = Self.text(of: code)
        if code == CURLE_RECV_ERROR, !hadConnection, connectStatus >= 300 {
            kind = .connect
            message = "The proxy refused the tunnel with status \(connectStatus)"
        } else if code == CURLE_UNSUPPORTED_PROTOCOL, hadConnection {
            kind = .http
            message = "The answer is not HTTP"
        } else if code == CURLE_OUT_OF_MEMORY, hadConnection, !exchange.head.isComplete {
            // How libcurl reports a single header line beyond its own limit.
            kind = .http
            message = "A header line is too long"
        } else if Self.hasTellingDetail(kind), let detail = exchange.detail {
            message = detail
        }
        self.init(kind: kind, code: Int32(truncatingIfNeeded: code.rawValue), message: message)
    }

    /// Whether libcurl's own text says more than the code, and nothing of the request beyond the server's name.
    private static func hasTellingDetail(_ kind: Kind) -> Bool {
        switch kind {
        case .resolve, .connect, .connectTimeout, .tls: true
        case .send, .receive, .closedEarly, .http, .redirect, .other: false
        }
    }

    private static func kind(of code: CURLcode) -> Kind {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            .resolve
        case CURLE_COULDNT_CONNECT, CURLE_PROXY, CURLE_INTERFACE_FAILED:
            .connect
        // No other time limit is set on a transfer.
        case CURLE_OPERATION_TIMEDOUT:
            .connectTimeout
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_SHUTDOWN_FAILED,
            CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT,
            CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_ENGINE_INITFAILED, CURLE_USE_SSL_FAILED:
            .tls
        case CURLE_SEND_ERROR, CURLE_SEND_FAIL_REWIND:
            .send
        case CURLE_RECV_ERROR:
            .receive
        case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING:
            .closedEarly
        case CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING:
            .http
        case CURLE_TOO_MANY_REDIRECTS:
            .redirect
        default:
            .other
        }
    }

    /// libcurl's text for the code alone.
    private static func text(of code: CURLcode) -> String {
        guard let text = curl_easy_strerror(code) else { return "libcurl error \(code.rawValue)" }
        return String(cString: text)
    }
}
