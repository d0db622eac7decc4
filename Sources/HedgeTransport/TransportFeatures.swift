import CCurl

/// What the libcurl of this process can do.
public struct TransportFeatures: Hashable, Sendable {
    /// libcurl's version, such as `7.88.1`.
    public var curlVersion: String
    /// Whether it was built with HTTP/2.
    public var hasHTTP2: Bool

    /// This process's.
    public static let current: TransportFeatures = {
        guard let information = chr_version_info() else {
            return TransportFeatures(curlVersion: "", hasHTTP2: false)
        }
        return TransportFeatures(
            curlVersion: information.pointee.version.map { String(cString: $0) } ?? "",
            hasHTTP2: information.pointee.features & Int32(CURL_VERSION_HTTP2) != 0)
    }()
}
