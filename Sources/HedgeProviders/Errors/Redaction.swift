/// Makes a provider's message fit to be shown to the caller of the request.
enum Redaction {
    /// Longest message kept, in bytes of UTF-8.
    static let limit = 2048

    /// The message without the endpoint's key and whatever else looks like a key, cut at a character; nil if empty.
    static func clean(_ message: String, key: Secret?) -> String? {
        guard !message.isEmpty else { return nil }
        var bytes = Array(message.utf8)
        if let key = key?.exposed.utf8, key.count >= 4 { bytes = replace(Array(key), in: bytes) }
        bytes = replaceTokens(in: bytes)
        return String(decoding: cut(bytes), as: UTF8.self)
    }

    /// The message without anything secret of the endpoint's: keys, tokens and the values of configured headers.
    static func clean(_ message: String, of endpoint: Endpoint) -> String? {
        guard !message.isEmpty else { return nil }
        var bytes = Array(message.utf8)
        for secret in secrets(of: endpoint) { bytes = replace(Array(secret.utf8), in: bytes) }
        return String(decoding: cut(replaceTokens(in: bytes)), as: UTF8.self)
    }

    /// A provider's code, which logs show; nil where it holds a secret.
    static func code(_ code: String?, of endpoint: Endpoint) -> String? {
        code.flatMap { clean($0, of: endpoint) == $0 ? $0 : nil }
    }

    private static func secrets(of endpoint: Endpoint) -> [String] {
        let keys = [
            endpoint.apiKey, endpoint.bearerToken, endpoint.signingKeys?.secretAccessKey,
            endpoint.signingKeys?.sessionToken,
        ].compactMap { $0?.exposed }.filter { $0.utf8.count >= 4 }
        // Short values of headers are versions and the like, and words that any message may have.
        let headers = endpoint.extraHeaders.compactMap { line -> String? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            return value.utf8.count >= 8 ? String(value) : nil
        }
        // A secret that holds another one goes first.
        return (keys + headers).sorted { $0.utf8.count > $1.utf8.count }
    }

    private static let mask = Array("***".utf8)

    private static func replace(_ key: [UInt8], in bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var position = 0
        while position < bytes.count {
            if bytes[position...].starts(with: key) {
                result += mask
                position += key.count
            } else {
                result.append(bytes[position])
                position += 1
            }
        }
        return result
    }

    /// How keys of the usual providers begin, and how many characters must follow.
    private static let prefixes: [(text: [UInt8], tail: Int)] = [
        ("sk-", 8), ("sk_", 12), ("gsk_", 8), ("xai-", 8), ("pplx-", 8), ("nvapi-", 8), ("csk-", 8), ("tgp_", 12),
        ("fw_", 12), ("hf_", 12), ("AIza", 16), ("Bearer ", 8),
    ].map { (Array($0.0.utf8), $0.1) }

    private static func replaceTokens(in bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var position = 0
        while position < bytes.count {
            let isStart = position == 0 || !isWord(bytes[position - 1])
            if isStart, let end = tokenEnd(bytes, position) {
                result += mask
                position = end
            } else {
                result.append(bytes[position])
                position += 1
            }
        }
        return result
    }

    /// Where the key that begins here ends; nil if none begins here.
    private static func tokenEnd(_ bytes: [UInt8], _ start: Int) -> Int? {
        for prefix in prefixes where bytes[start...].starts(with: prefix.text) {
            var end = start + prefix.text.count
            while end < bytes.count, isToken(bytes[end]) { end += 1 }
            if end - start - prefix.text.count >= prefix.tail { return end }
        }
        return nil
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte | 0x20 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        isWord(byte) || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "*"), UInt8(ascii: ".")].contains(byte)
    }

    private static func cut(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        guard bytes.count > limit else { return bytes[...] }
        var end = limit
        while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        return bytes[..<end]
    }
}
