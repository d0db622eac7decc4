import HedgeJSON

/// What the attempt log of one request says about latency.
package struct LoggedRequest: Hashable, Sendable {
    package struct Attempt: Hashable, Sendable {
        package var deployment: String
        /// Milliseconds since the request was submitted.
        package var start: Double
        /// Milliseconds from its start until it answered, or until nobody waited any more.
        package var latency: Double
        /// Whether it answered; otherwise its latency is longer than that.
        package var isEvent: Bool
    }

    package var isStream: Bool
    /// The attempt that was started first.
    package var primary: Attempt
    /// The others whose latency is known at all.
    package var others: [Attempt]
    /// Milliseconds until the answer began; nil if there was none.
    package var answeredAfter: Double?
}

/// Why a line is no attempt log.
package struct LogError: Error, Hashable, Sendable {
    package var line: Int
    package var message: String
}

/// The attempt logs of a file: one JSON document of an END event on each line.
package struct RequestLog: Sendable {
    package private(set) var requests: [LoggedRequest] = []
    /// Requests whose first attempt says nothing about latency: it failed at once, or was never sent.
    package private(set) var leftOut = 0

    /// Reads the lines of a file; empty ones are skipped.
    package init(_ text: [UInt8]) throws(LogError) {
        var number = 0
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            guard !line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }) else { continue }
            if let request = try Self.request(Array(line), number) {
                requests.append(request)
            } else {
                leftOut += 1
            }
        }
        guard !requests.isEmpty else { throw LogError(line: number, message: "no request whose latency is known") }
    }

    private static func request(_ line: [UInt8], _ number: Int) throws(LogError) -> LoggedRequest? {
        let root: JSONValue
        do throws(JSONParseError) {
            root = try JSONDocument.parse(line.span).root
        } catch {
            throw LogError(line: number, message: "not JSON: \(error.message)")
        }
        guard let attempts = root["attempts"], attempts.kind == .array else {
            throw LogError(line: number, message: "attempts is missing")
        }
        let isStream = root["stream"]?.bool ?? false
        var known: [LoggedRequest.Attempt] = []
        var answeredAfter: Double?
        var isFirst = true
        for value in attempts.elements {
            let attempt = try Self.attempt(value, isStream: isStream, number)
            if isFirst, attempt == nil { return nil }
            isFirst = false
            guard let attempt else { continue }
            known.append(attempt)
            if value["won"]?.bool == true, attempt.isEvent { answeredAfter = attempt.start + attempt.latency }
        }
        guard let primary = known.first else { return nil }
        return LoggedRequest(
            isStream: isStream, primary: primary, others: Array(known.dropFirst()), answeredAfter: answeredAfter)
    }

    /// What one attempt says; nil if that is nothing.
    private static func attempt(
        _ value: JSONValue, isStream: Bool, _ line: Int
    ) throws(LogError) -> LoggedRequest.Attempt? {
        guard let deployment = value["deployment"]?.string, let start = value["start_ms"]?.number,
            let end = value["end_ms"]?.number, let cause = value["end"]?.string
        else { throw LogError(line: line, message: "an attempt lacks deployment, start_ms, end_ms or end") }
        guard start >= 0, end >= start else { throw LogError(line: line, message: "an attempt ends before it starts") }
        func known(_ latency: Double, _ isEvent: Bool) -> LoggedRequest.Attempt {
            LoggedRequest.Attempt(deployment: deployment, start: start, latency: latency, isEvent: isEvent)
        }
        if isStream, let first = value["first_token_ms"]?.number {
            guard first >= start else { throw LogError(line: line, message: "a first token comes before its attempt") }
            return known(first - start, true)
        }
        switch cause {
        case "succeeded":
            // A stream that ended without a token was never waited for.
            return isStream ? nil : known(end - start, true)
        case "failed":
            let kind = value["error"]?["kind"]?.string ?? ""
            return says(kind) ? known(end - start, false) : nil
        default:
            // Given up on: longer than that, unless it was hardly sent.
            return end - start >= briefest ? known(end - start, false) : nil
        }
    }

    /// An attempt cancelled within so many milliseconds says nothing.
    private static let briefest = 5.0

    /// Whether a failure of this kind interrupted a wait, and was not an answer to the request itself.
    private static func says(_ kind: String) -> Bool {
        let silent: Set = [
            "authentication", "permission", "not_found", "bad_request", "context_length", "content_policy", "too_large",
            "unsupported", "internal",
        ]
        return !silent.contains(kind)
    }
}
