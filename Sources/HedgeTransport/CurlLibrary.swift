import CCurl

/// libcurl's state of the whole process.
enum CurlLibrary {
    /// Initialises libcurl once for the process, as it must be before its first use; nil, or what is wrong.
    ///
    /// Never undone: other parts of the process may use libcurl too. libcurl counts initialisations, and since 7.84
    /// with a lock of its own where the platform has atomics.
    static let problem: String? = {
        let code = curl_global_init(Int(CURL_GLOBAL_DEFAULT))
        guard code == CURLE_OK else { return "curl_global_init failed with code \(code.rawValue)" }
        return nil
    }()

    /// Whether a connection with HTTP/2 by prior knowledge can carry a second request.
    ///
    /// libcurl before 8.0.0 begins HTTP/2 anew on the connection it reuses, which fails the request and breaks the
    /// others on that connection; found with 7.88.1.
    static let reusesPriorKnowledge: Bool = {
        guard let info = curl_version_info(CURLVERSION_FIRST) else { return false }
        return info.pointee.version_num >= 0x08_00_00
    }()
}
