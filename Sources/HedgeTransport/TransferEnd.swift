/// How a transfer ended by itself.
public enum TransferEnd: Sendable {
    /// The response is complete as far as HTTP can tell.
    ///
    /// A response without a declared length is complete when its connection or stream is closed in order, also when
    /// the server meant to say more: whether the answer is whole must be seen in the answer.
    case complete
    /// No response, or one that HTTP knows to be incomplete.
    case failed(TransferFailure)
}

/// Why a transfer failed.
public struct TransferFailure: Error, Hashable, Sendable {
    /// What failed.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// The name of the server, or of the proxy, has no address.
        case resolve
        /// No connection, or the proxy refused the tunnel.
        case connect
        /// No connection, TLS included, within the connect timeout.
        case connectTimeout
        /// The handshake failed, or the certificate is not trusted.
        case tls
        /// The connection broke while the request was sent.
        case send
        /// The connection broke while the response was awaited or read.
        case receive
        /// The connection was closed in order before the response was complete, or began.
        case closedEarly
        /// The response breaks the rules of HTTP, or its head is too large.
        case http
        /// A redirection that was not to be followed.
        case redirect
        /// Anything else, such as a URL that cannot be used.
        case other
    }

    /// What happened.
    public var kind: Kind
    /// The CURLcode.
    public var code: Int32
    /// One line that names no secret.
    public var message: String

    /// Creates one with these parts.
    public init(kind: Kind, code: Int32, message: String) {
        self.kind = kind
        self.code = code
        self.message = message
    }
}
