import HedgeJSON

/// Signs requests to AWS: Signature Version 4, as every service but S3 computes it.
///
/// The canonical path is the path as it is sent, percent-encoded once more. Whatever is signed goes out as it was
/// signed: the time is the caller's, and so is the host.
struct SignatureV4: Sendable {
    var credentials: SigningKeys
    var region: String
    var service: String

    /// A request, as far as a signature covers it.
    struct Request: Sendable {
        var method = "POST"
        /// `host`, or `host:port` where the port is not the scheme's own.
        var host: String
        /// Path as sent, percent-encoded.
        var path: String
        /// Query as sent, without the question mark.
        var query = ""
        /// Signed besides `host`, `x-amz-date` and `x-amz-security-token`: names and values as sent.
        var headers: [(name: String, value: String)] = []
    }

    /// The header lines that sign a request with this body at a time in seconds since 1970.
    func headers(for request: Request, body: Span<UInt8>, at seconds: Int64) -> [String] {
        let time = AWSTime(seconds)
        var lines = ["X-Amz-Date: \(time.stamp)"]
        if let token = credentials.sessionToken { lines.append("X-Amz-Security-Token: \(token.exposed)") }
        lines.append("Authorization: \(authorization(for: request, body: body, at: time))")
        return lines
    }

    /// The value of `Authorization`.
    func authorization(for request: Request, body: Span<UInt8>, at time: AWSTime) -> String {
        let signed = signedHeaders(request, time)
        let names = signed.map(\.name).joined(separator: ";")
        let scope = "\(time.date)/\(region)/\(service)/aws4_request"
        var text = Array("AWS4-HMAC-SHA256\n\(time.stamp)\n\(scope)\n".utf8)
        Hexadecimal.append(SHA256.hash(canonicalRequest(request, signed, names, body).span), to: &text)
        let signature = Hexadecimal.text(HMACSHA256.code(key: key(for: time), message: text))
        return "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope), SignedHeaders=\(names), "
            + "Signature=\(signature)"
    }

    /// The text whose hash is signed.
    func canonicalRequest(_ request: Request, at time: AWSTime, body: Span<UInt8>) -> String {
        let signed = signedHeaders(request, time)
        let names = signed.map(\.name).joined(separator: ";")
        return String(decoding: canonicalRequest(request, signed, names, body), as: UTF8.self)
    }

    private func canonicalRequest(
        _ request: Request, _ signed: [(name: String, value: String)], _ names: String, _ body: Span<UInt8>
    ) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(512)
        text.append(contentsOf: request.method.utf8)
        text.append("\n")
        PercentEncoding.append(request.path.isEmpty ? "/" : request.path, keepingSlashes: true, to: &text)
        text.append("\n")
        text.append(contentsOf: Self.canonicalQuery(request.query).utf8)
        text.append("\n")
        for header in signed {
            text.append(contentsOf: header.name.utf8)
            text.append(":")
            text.append(contentsOf: header.value.utf8)
            text.append("\n")
        }
        text.append("\n")
        text.append(contentsOf: names.utf8)
        text.append("\n")
        Hexadecimal.append(SHA256.hash(body), to: &text)
        return text
    }

    /// Names in lower case and in order; values without white space around them, and one space where there was more.
    private func signedHeaders(_ request: Request, _ time: AWSTime) -> [(name: String, value: String)] {
        var headers = request.headers
        headers.append(("host", request.host))
        headers.append(("x-amz-date", time.stamp))
        if let token = credentials.sessionToken { headers.append(("x-amz-security-token", token.exposed)) }
        return headers.map { (name: $0.name.lowercased(), value: Self.collapsed($0.value)) }.sorted {
            $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
        }
    }

    private static func collapsed(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == 0x20 || $0 == 0x09 }) else { return value }
        return value.split { $0 == " " || $0 == "\t" }.joined(separator: " ")
    }

    /// Parameters ordered by name, then value, as they are spelled in the query; one without `=` has an empty value.
    private static func canonicalQuery(_ query: String) -> String {
        guard !query.isEmpty else { return "" }
        let parameters = query.split(separator: "&", omittingEmptySubsequences: false).map { parameter in
            let parts = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (name: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : "")
        }
        return parameters.sorted {
            $0.name == $1.name
                ? $0.value.utf8.lexicographicallyPrecedes($1.value.utf8)
                : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
        }.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    }

    /// The key of one day, region and service.
    private func key(for time: AWSTime) -> [UInt8] {
        var key = Array("AWS4\(credentials.secretAccessKey.exposed)".utf8)
        for part in [time.date, region, service, "aws4_request"] {
            key = HMACSHA256.code(key: key, message: Array(part.utf8))
        }
        return key
    }
}

/// A time as AWS spells it.
struct AWSTime: Hashable, Sendable {
    /// Such as `20260102`.
    let date: String
    /// Such as `20260102T030405Z`.
    let stamp: String

    /// Seconds since 1970; what lies outside the years 1970 to 9999 becomes their nearest second.
    init(_ seconds: Int64) {
        let seconds = min(max(seconds, 0), 253_402_300_799)
        let (day, second) = seconds.quotientAndRemainder(dividingBy: 86_400)
        // Days in cycles of 400 years that begin with March, so that the leap day is the last one of its year.
        let shifted = day + 719_468
        let cycle = shifted / 146_097
        let dayOfCycle = shifted % 146_097
        let yearOfCycle =
            (dayOfCycle - dayOfCycle / 1460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0)
        date = Self.digits(year, 4) + Self.digits(month, 2) + Self.digits(dayOfMonth, 2)
        let time = Self.digits(second / 3600, 2) + Self.digits(second / 60 % 60, 2) + Self.digits(second % 60, 2)
        stamp = "\(date)T\(time)Z"
    }

    private static func digits(_ value: Int64, _ count: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
}

/// Percent-encoding as in RFC 3986.
enum PercentEncoding {
    /// The UTF-8 of `text` with everything but unreserved characters encoded, and slashes too unless they are kept.
    static func encode(_ text: String, keepingSlashes: Bool = false) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        append(text, keepingSlashes: keepingSlashes, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends what ``encode(_:keepingSlashes:)`` makes of `text`.
    static func append(_ text: String, keepingSlashes: Bool, to bytes: inout [UInt8]) {
        for byte in text.utf8 {
            if isUnreserved(byte) || keepingSlashes && byte == UInt8(ascii: "/") {
                bytes.append(byte)
            } else {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(digit(byte >> 4))
                bytes.append(digit(byte & 15))
            }
        }
    }

    private static func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? nibble + 48 : nibble + 55 }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
