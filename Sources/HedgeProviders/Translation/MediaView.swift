import HedgeJSON

/// Bytes that go with a message.
enum MediaView: Sendable {
    /// In the request itself.
    case data(mediaType: String, Base64View)
    /// Somewhere else.
    case url(String)

    /// Takes a `data:` URL apart; text that is no URL is Base64 of `defaultType`, if that is given. Nil for no string.
    ///
    /// A `data:` URL that is not Base64 stays an address, which nobody can fetch.
    init?(_ value: JSONValue?, defaultType: String?) {
        guard let media = value?.withUTF8({ Self.read($0, value, defaultType) }) ?? nil else { return nil }
        self = media
    }

    private static func read(_ text: Span<UInt8>, _ value: JSONValue?, _ defaultType: String?) -> MediaView? {
        guard let value else { return nil }
        if text.hasPrefix("data:") {
            guard let comma = text.firstIndex(of: UInt8(ascii: ","), from: 5),
                text.hasPrefix(";base64", from: comma - 7)
            else { return .url(text.text(0..<min(text.count, 64))) }
            let type = text.text(5..<(text.firstIndex(of: UInt8(ascii: ";"), from: 5) ?? 5)).lowercased()
            let base64 = Base64View(value: value, start: comma + 1)
            return .data(mediaType: type.isEmpty ? defaultType ?? "text/plain" : type, base64)
        }
        guard let defaultType, !["http://", "https://", "gs://", "s3://"].contains(where: { text.hasPrefix($0) }) else {
            return .url(text.text(0..<text.count))
        }
        return .data(mediaType: defaultType, Base64View(value: value, start: 0))
    }
}

/// Base64 where it stands in the request: it may be large, so it is copied only into what is sent.
struct Base64View: Sendable {
    private let value: JSONValue
    private let start: Int

    /// The text of a string from `start` on.
    init(value: JSONValue, start: Int) {
        self.value = value
        self.start = start
    }

    /// Writes it as a string.
    func write(to json: inout JSONWriter) {
        value.withUTF8 { json.value($0.extracting(start...)) }
    }
}
