/// The parts of a URL that configuration depends on.
struct WebAddress: Hashable, Sendable {
    var scheme: String
    /// Lower case; without the brackets of an IPv6 address.
    var host: String

    /// Reads an absolute URL that ``violation(of:schemes:isProxy:)`` has nothing against.
    init?(_ text: String) {
        guard let (scheme, authority, _) = Self.split(text), let (host, _) = Self.hostAndPort(of: authority) else {
            return nil
        }
        self.scheme = scheme.lowercased()
        self.host = host.lowercased()
    }

    /// What is wrong with a URL, in words that do not repeat any of it; nil when nothing is.
    ///
    /// A proxy may carry a user and a password; a base URL may not, because it ends up in logs and metrics.
    static func violation(of text: String, schemes: [String], isProxy: Bool) -> String? {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return "contains spaces, control characters or characters beyond ASCII"
        }
        guard let (scheme, authority, rest) = split(text) else { return "is not an absolute URL" }
        guard schemes.contains(scheme.lowercased()) else { return "has an unsupported URL scheme" }
        var hostPart = authority
        if let at = authority.lastIndex(of: "@") {
            guard isProxy else { return "contains a user or password; use api_key or extra_headers" }
            hostPart = authority[authority.index(after: at)...]
        }
        guard let (host, port) = hostAndPort(of: hostPart) else { return "has a malformed host or port" }
        if host.isEmpty { return "has no host" }
        if let port, !(UInt16(port).map { $0 > 0 } ?? false) { return "has a port outside 1 to 65535" }
        if rest.contains("?") || rest.contains("#") { return "contains a query or fragment" }
        return nil
    }

    private static func split(_ text: String) -> (scheme: Substring, authority: Substring, rest: Substring)? {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://"), colon > text.startIndex else {
            return nil
        }
        let afterScheme = text[colon...].dropFirst(3)
        let end = afterScheme.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? afterScheme.endIndex
        return (text[..<colon], afterScheme[..<end], afterScheme[end...])
    }

    private static func hostAndPort(of authority: Substring) -> (host: Substring, port: Substring?)? {
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { return nil }
            let host = authority[authority.index(after: authority.startIndex)..<close]
            guard host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { return nil }
            let tail = authority[authority.index(after: close)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { return nil }
            return (host, tail.isEmpty ? nil : tail.dropFirst())
        }
        guard let colon = authority.firstIndex(of: ":") else { return valid(host: authority) ? (authority, nil) : nil }
        let host = authority[..<colon]
        return valid(host: host) ? (host, authority[authority.index(after: colon)...]) : nil
    }

    private static func valid(host: Substring) -> Bool {
        host.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." || $0 == "_" }
    }
}
