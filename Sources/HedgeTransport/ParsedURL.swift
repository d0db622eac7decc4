import CCurl

/// A URL in libcurl's own form, parsed once instead of for each transfer.
final class ParsedURL {
    let handle: OpaquePointer

    /// A URL without a scheme is taken as `https`. Nil when it is not valid, or memory is short.
    init?(_ text: String) {
        guard let handle = curl_url() else { return nil }
        // What libcurl allows itself when it parses CURLOPT_URL; a scheme it does not speak it refuses later.
        let flags = UInt32(CURLU_DEFAULT_SCHEME | CURLU_NON_SUPPORT_SCHEME)
        guard curl_url_set(handle, CURLUPART_URL, text, flags) == CURLUE_OK else {
            curl_url_cleanup(handle)
            return nil
        }
        self.handle = handle
    }

    deinit {
        curl_url_cleanup(handle)
    }
}
