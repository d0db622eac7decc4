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
}
