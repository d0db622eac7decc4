import HedgeProviders

/// The request of a probe: as small as a chat request can be.
enum ProbeRequest {
    /// Read once; nil only if this library could not read its own document.
    static let chat: ChatRequest? = {
        var text = #"{"model":"probe","messages":[{"role":"user","content":"hi"}],"max_tokens":1}"#
        return try? text.withUTF8 { bytes in
            try ChatRequest(parsing: UnsafeRawBufferPointer(bytes))
        }
    }()
}
