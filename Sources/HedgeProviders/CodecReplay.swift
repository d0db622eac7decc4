import HedgeCore
import HedgeJSON

/// Runs recorded bytes through a provider's decoder, for tests in any language.
public enum CodecReplay {
    /// A script that cannot be run: where and why, without its text.
    public struct ScriptError: Error, Hashable, Sendable {
        /// JSON path of the offending value; empty when the script is not JSON.
        public var path: String
        /// One line.
        public var message: String

        init(_ path: String, _ message: String) {
            self.path = path
            self.message = message
        }
    }

    /// Decodes the input of a script and returns the events as JSON.
    ///
    /// The script is an object with `provider`, `stream`, `include_usage` (default false), `status` (200), `headers`
    /// (an object, or an array of lines), `received_at` (seconds since 1970), `input` (pieces as they arrive: strings
    /// or `{"base64": "…"}`), `splits` (`"bytes"` for one byte at a time, or a number of bytes after which alone the
    /// input is cut), `api_key`, `model`, `request` (the caller's document; instead of `stream` and
    /// `include_usage`), and `end` (`"clean"`, or `"broken"` for a transfer that breaks instead of ending).
    ///
    /// With `stream_upstream` the provider is asked to stream, whatever the caller is given.
    ///
    /// `endpoint` is the operation, such as `/v1/embeddings`; chat completions by default.
    ///
    /// `repeat` has the work done that often, 1 by default, each time from the beginning; the result is the last one's.
    /// Benchmarks take the cost of a repetition from two runs, so that reading the script does not count.
    ///
    /// With `encode` the request itself is the result, and `input` is not used: see ``encode(_:)``.
    ///
    /// The result has `events`: `{"chunk": …, "output": bool}`, `{"usage": …}`, `{"completed": true}` and
    /// `{"failed": {"kind", "http_status", "code", "retry_after_ms", "may_repeat", "message", "detail"}}`.
    public static func run(_ script: Span<UInt8>) throws(ScriptError) -> [UInt8] {
        let document: JSONDocument
        do {
            document = try JSONDocument.parse(script)
        } catch {
            throw ScriptError("", error.message)
        }
        let root = document.root
        guard root.kind == .object else { throw ScriptError("", "the script must be an object") }
        if root["encode"]?.bool == true { return try encode(root) }
        let provider = try provider(root)
        let request = try parse(requestText(root), root)
        let endpoint = endpoint(root, of: provider)
        let head = try head(root)
        let pieces = try pieces(root)
        let isClean = try endsCleanly(root)
        var output = DecodedOutput()
        for _ in 0..<(try repetitions(root)) {
            output.removeAll()
            let decoder = makeDecoder(provider, request, endpoint)
            decoder.begin(head)
            for piece in pieces { decoder.decode(piece.span, into: &output) }
            if isClean { decoder.end(into: &output) }
        }
        return report(output)
    }

    private static func makeDecoder(
        _ provider: any Provider, _ request: ChatRequest, _ endpoint: Endpoint
    ) -> any ResponseDecoder {
        let decoder = provider.makeDecoder(for: request, endpoint: endpoint)
        // Identifiers that a decoder makes up are the same in every run.
        (decoder as? any SeededDecoder)?.seed = 1
        return decoder
    }

    static func provider(_ root: JSONValue) throws(ScriptError) -> any Provider {
        let name = root["provider"]?.string ?? "openai"
        guard let provider = Providers.named(name) else { throw ScriptError("provider", "unknown provider") }
        return provider
    }

    /// How often the work is to be done.
    static func repetitions(_ root: JSONValue) throws(ScriptError) -> Int {
        guard let count = root["repeat"] else { return 1 }
        guard let count = count.integer, (1...1_000_000).contains(count) else {
            throw ScriptError("repeat", "repeat must be 1 to 1000000")
        }
        return Int(count)
    }

    static func requestText(_ root: JSONValue) -> [UInt8] {
        root["request"]?.compactBytes ?? minimalRequest(root)
    }

    static func parse(_ document: [UInt8], _ root: JSONValue) throws(ScriptError) -> ChatRequest {
        do {
            return try ChatRequest(
                parsing: document.span, operation: operation(root),
                streamsUpstream: root["stream_upstream"]?.bool ?? false)
        } catch {
            throw ScriptError("request.\(error.path)", error.message)
        }
    }

    private static func operation(_ root: JSONValue) -> Operation {
        root["endpoint"]?.string.flatMap { Operation(rawValue: $0) } ?? .chat
    }

    private static func minimalRequest(_ root: JSONValue) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("model", "model")
        writer.member("stream", root["stream"]?.bool ?? false)
        writer.key("stream_options")
        writer.beginObject()
        writer.member("include_usage", root["include_usage"]?.bool ?? false)
        writer.endObject()
        writer.key("messages")
        writer.raw(Array(#"[{"role":"user","content":""}]"#.utf8))
        writer.endObject()
        return writer.bytes
    }

    private static func endsCleanly(_ root: JSONValue) throws(ScriptError) -> Bool {
        guard let end = root["end"] else { return true }
        if let isClean = end.bool { return isClean }
        switch end.string {
        case "clean": return true
        case "broken": return false
        default: throw ScriptError("end", "end must be true, false, \"clean\" or \"broken\"")
        }
    }

    private static func head(_ root: JSONValue) throws(ScriptError) -> ResponseHead {
        var lines = ""
        for line in (root["headers"] ?? root).elements {
            guard let line = line.string else { throw ScriptError("headers", "a header line must be a string") }
            lines += "\(line)\r\n"
        }
        for (name, value) in root["headers"]?.members ?? root.noMembers {
            guard let text = value.string ?? value.integer.map({ String($0) }) else {
                throw ScriptError("headers", "a header value must be a string")
            }
            lines += "\(name): \(text)\r\n"
        }
        let status = root["status"]?.integer ?? 200
        guard (100...999).contains(status) else { throw ScriptError("status", "status must be 100 to 999") }
        return ResponseHead(
            status: Int(status), rawHeaders: Array(lines.utf8), receivedAt: root["received_at"]?.integer)
    }

    private static func pieces(_ root: JSONValue) throws(ScriptError) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        for (index, value) in (root["input"] ?? root).elements.enumerated() {
            if let text = value.string {
                pieces.append(Array(text.utf8))
            } else if let bytes = value["base64"]?.string.flatMap({ Base64.decode($0) }) {
                pieces.append(bytes)
            } else {
                throw ScriptError("input[\(index)]", "a piece must be a string or an object with base64")
            }
        }
        guard let splits = root["splits"], !splits.isNull else { return pieces }
        let whole = pieces.flatMap { $0 }
        if splits.string == "bytes" { return whole.map { [$0] } }
        guard let cut = splits.integer, cut >= 0, cut <= Int64(whole.count) else {
            throw ScriptError("splits", "splits must be \"bytes\" or an offset within the input")
        }
        return [Array(whole[..<Int(cut)]), Array(whole[Int(cut)...])]
    }

    private static func report(_ output: DecodedOutput) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("events")
        writer.beginArray()
        for event in output.events {
            writer.beginObject()
            append(event, output, to: &writer)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    private static func append(_ event: DecodedEvent, _ output: DecodedOutput, to writer: inout JSONWriter) {
        switch event {
        case .chunk(let range, let isOutput):
            writer.key("chunk")
            writer.raw(output.text.span.extracting(range))
            writer.member("output", isOutput)
        case .usage(let usage):
            writer.key("usage")
            writer.beginObject()
            writer.member("prompt_tokens", usage.promptTokens)
            writer.member("completion_tokens", usage.completionTokens)
            if usage.cachedPromptTokens > 0 { writer.member("cached_tokens", usage.cachedPromptTokens) }
            writer.endObject()
        case .progress:
            writer.member("progress", true)
        case .completed:
            writer.member("completed", true)
        case .failed(let failure):
            writer.key("failed")
            append(failure, to: &writer)
        }
    }

    private static func append(_ failure: ProviderFailure, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("kind", "\(failure.kind)")
        writer.member("http_status", failure.httpStatus)
        if let code = failure.code { writer.member("code", code) }
        if let delay = failure.retryAfter { writer.member("retry_after_ms", delay.nanoseconds / 1_000_000) }
        if let mayRepeat = failure.mayRepeat { writer.member("may_repeat", mayRepeat) }
        if let message = failure.providerMessage { writer.member("message", message) }
        if let detail = failure.detail { writer.member("detail", detail) }
        writer.endObject()
    }
}

extension JSONValue {
    /// No members, for where an object is missing.
    fileprivate var noMembers: JSONMembers { JSONObjectBuilder().finish().root.members }
}

/// Base64 as in RFC 4648, with the padding it asks for.
enum Base64 {
    /// The bytes, or nil if the text is not Base64.
    static func decode(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 4 == 0 else { return nil }
        let padding = digits.suffix(2).count { $0 == UInt8(ascii: "=") }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 4 * 3)
        var bits: UInt32 = 0
        for (index, digit) in digits.dropLast(padding).enumerated() {
            guard let value = value(of: digit) else { return nil }
            bits = bits << 6 | value
            let filled = index % 4
            if filled > 0 { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(6 - 2 * filled))) }
        }
        return bytes
    }

    private static func value(of digit: UInt8) -> UInt32? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit) - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit) - 71
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit) + 4
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
