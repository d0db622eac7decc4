public import HedgeJSON

/// A transfer, as named by whoever starts it; never reused within one loop.
public struct TransferID: Hashable, Sendable {
    /// The number behind the identifier.
    public var rawValue: UInt64

    /// Creates one with these parts.
    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Spreads neighbouring numbers over all bits (Fibonacci hashing). Nobody can choose them so that they collide, and
    /// the keyed hash that dictionaries use by default would take more time than the rest of a look-up.
    @inlinable
    public func _rawHashValue(seed: Int) -> Int {
        let spread = rawValue &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: spread ^ (spread >> 32)) ^ seed
    }
}

/// An HTTP POST to make.
public struct TransferRequest: Sendable {
    /// The part shared by every request to one endpoint; its identity keys what the loop keeps ready for it.
    public var target: TransferTarget
    /// Header lines of this request alone, sent before those of the target.
    public var headers: [String]
    /// What is sent; kept until the transfer ends, and never copied.
    public var body: Bytes
    /// Limit for name resolution, connecting and the TLS handshake together; 0 or less for libcurl's 300 seconds.
    public var connectTimeoutMilliseconds: Int

    /// Creates one with these parts.
    public init(target: TransferTarget, headers: [String] = [], body: Bytes, connectTimeoutMilliseconds: Int) {
        self.target = target
        self.headers = headers
        self.body = body
        self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
    }
}

/// Where requests go and how: made once per deployment and configuration, then shared.
public final class TransferTarget: Sendable {
    /// An `http` or `https` URL; one without a scheme is taken as `https`.
    public let url: String
    /// Header lines, `Name: value`. `Content-Type: application/json` is added when no line names a content type.
    public let headers: [String]
    /// Proxy, trust and protocol.
    public let network: NetworkSettings

    /// Creates one with the defaults.
    public init(url: String, headers: [String], network: NetworkSettings = NetworkSettings()) {
        self.url = url
        self.headers = headers
        self.network = network
    }
}

extension TransferTarget {
    /// Whether the URL is not for plain HTTP; see ``url`` for one without a scheme.
    var isHTTPS: Bool { !url.lowercased().hasPrefix("http:") }

    /// Whether TLS is spoken to the server or to a proxy.
    var mayUseTLS: Bool { isHTTPS || network.proxy?.lowercased().hasPrefix("https:") == true }
}

/// Network settings of a deployment.
public struct NetworkSettings: Hashable, Sendable {
    /// Proxy URL; nil for none. The environment's proxy variables are not read.
    public var proxy: String?
    /// Hosts the proxy is not used for, comma-separated.
    public var noProxy: String?
    /// File with the certificates to trust instead of the system's.
    public var certificateAuthorityFile: String?
    /// Which versions of HTTP may be spoken.
    public var httpVersion: HTTPVersion

    /// Creates one with these parts.
    public init(
        proxy: String? = nil, noProxy: String? = nil, certificateAuthorityFile: String? = nil,
        httpVersion: HTTPVersion = .automatic
    ) {
        self.proxy = proxy
        self.noProxy = noProxy
        self.certificateAuthorityFile = certificateAuthorityFile
        self.httpVersion = httpVersion
    }
}

/// The versions of HTTP that a target may be spoken to with.
public enum HTTPVersion: String, Hashable, Sendable, CaseIterable {
    /// HTTP/2 when TLS negotiates it, else HTTP/1.1.
    case automatic = "auto"
    /// HTTP/1.1 only.
    case http1 = "1.1"
    /// HTTP/2 over TLS, or by upgrade without TLS; HTTP/1.1 when the server knows no better.
    case http2 = "2"
    /// HTTP/2 without TLS and without an upgrade.
    case http2PriorKnowledge = "2-prior-knowledge"
}
