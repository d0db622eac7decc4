import HedgeCore
import Testing

@testable import HedgeProviders

@Suite struct RetryDelayTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var headers: [String]
        /// In milliseconds.
        var delay: Int64?
        var status = 429
        var now: Int64? = 784_111_777

        var testDescription: String { "\(status) \(headers) waits \(delay.map { "\($0) ms" } ?? "unknown")" }
    }

    static let week: Int64 = 7 * 86_400_000

    static let cases = [
        Case(headers: [], delay: nil),
        Case(headers: ["Retry-After-Ms: 1500"], delay: 1500),
        Case(headers: ["retry-after-ms: 250.5", "retry-after: 9"], delay: 250),
        Case(headers: ["Retry-After: 7"], delay: 7000),
        Case(headers: ["RETRY-AFTER:  1.5  "], delay: 1500),
        Case(headers: ["retry-after: 0"], delay: 0),
        Case(headers: ["retry-after: 52758"], delay: 52_758_000),
        Case(headers: ["retry-after: 999999999"], delay: week),
        Case(headers: ["retry-after-ms: 99999999999999999999999999999999"], delay: week),
        // Garbage and negative values are as good as absent.
        Case(headers: ["retry-after: -5"], delay: nil),
        Case(headers: ["retry-after: soon"], delay: nil),
        Case(headers: ["retry-after: nan"], delay: nil),
        Case(headers: ["retry-after: inf"], delay: nil),
        Case(headers: ["retry-after: 1e9"], delay: nil),
        Case(headers: ["retry-after: 1.2.3"], delay: nil),
        Case(headers: ["retry-after:"], delay: nil),
        Case(headers: ["retry-after-ms: x", "retry-after: 3"], delay: 3000),
        Case(headers: ["x-retry-after: 3"], delay: nil),
        // Dates: against the answer's own date, else against the local time.
        Case(headers: ["retry-after: Sun, 06 Nov 1994 08:49:47 GMT"], delay: 10_000),
        Case(
            headers: ["retry-after: Sun, 06 Nov 1994 08:49:47 GMT", "date: Sun, 06 Nov 1994 08:49:45 GMT"], delay: 2000),
        Case(headers: ["retry-after: Sun, 06 Nov 1994 08:49:47 GMT"], delay: nil, now: nil),
        Case(headers: ["retry-after: Sun, 06 Nov 1994 07:00:00 GMT"], delay: 0),
        Case(headers: ["retry-after: Fri, 31 Dec 9999 23:59:59 GMT"], delay: week),
        Case(headers: ["retry-after: Sun, 99 Nov 1994 08:49:47 GMT"], delay: nil),
        // Any status may ask for a delay.
        Case(headers: ["retry-after: 7"], delay: 7000, status: 503),
        // Rate limit resets count only after a 429 without the above.
        Case(headers: ["x-ratelimit-reset-requests: 1s"], delay: 1000),
        Case(headers: ["x-ratelimit-reset-requests: 6m0s"], delay: 360_000),
        Case(headers: ["x-ratelimit-reset-tokens: 1h2m3s"], delay: 3_723_000),
        Case(headers: ["x-ratelimit-reset-tokens: 100ms"], delay: 100),
        Case(headers: ["x-ratelimit-reset-tokens: 7.66s"], delay: 7660),
        Case(headers: ["x-ratelimit-reset-tokens: 2m59.56s"], delay: 179_560),
        Case(headers: ["x-ratelimit-reset-tokens: 12"], delay: 12_000),
        Case(headers: ["x-ratelimit-reset-tokens: 5 parsecs"], delay: nil),
        Case(headers: ["x-ratelimit-reset-tokens: s"], delay: nil),
        Case(headers: ["x-ratelimit-reset-tokens: "], delay: nil),
        Case(headers: ["x-ratelimit-reset-tokens: 7s"], delay: nil, status: 500),
        Case(headers: ["retry-after: 2", "x-ratelimit-reset-tokens: 7s"], delay: 2000),
        // Of several limits the one that is used up; when none says so, the one that returns first.
        Case(headers: ["x-ratelimit-reset-requests: 24h0m0s", "x-ratelimit-reset-tokens: 7s"], delay: 7000),
        Case(
            headers: [
                "x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 20s",
                "x-ratelimit-remaining-tokens: 5", "x-ratelimit-reset-tokens: 7s",
            ], delay: 20_000),
        Case(
            headers: ["x-ratelimit-remaining-tokens-minute: 0", "x-ratelimit-reset-tokens-minute: 11.5"], delay: 11_500),
        // A point in time, in seconds or milliseconds, or a number of seconds.
        Case(headers: ["x-ratelimit-reset: 1784111787", "date: x"], delay: 10_000, now: 1_784_111_777),
        Case(headers: ["x-ratelimit-reset: 1784111787000"], delay: 10_000, now: 1_784_111_777),
        Case(headers: ["x-ratelimit-reset: 1784111787000"], delay: nil, now: nil),
        Case(headers: ["x-ratelimit-reset: 30"], delay: 30_000),
        Case(headers: ["anthropic-ratelimit-unified-reset: 1784111787"], delay: 10_000, now: 1_784_111_777),
        Case(
            headers: [
                "anthropic-priority-input-tokens-remaining: 0",
                "anthropic-priority-input-tokens-reset: 2026-07-15T10:36:27Z",
            ], delay: 10_000, now: 1_784_111_777),
    ]

    @Test("the delay a provider asks for is read from its headers", arguments: cases)
    func delays(example: Case) throws {
        let response = Response(status: example.status, headers: example.headers, receivedAt: example.now)
        let failure = try #require(try response.decode([]).first?.failure)
        #expect(failure.retryAfter.map { $0.nanoseconds / 1_000_000 } == example.delay)
    }

    @Test("every answer's delay is its own")
    func ownHeaders() throws {
        let first = try Response(status: 429, headers: ["retry-after: 60"]).decode([]).first?.failure
        let second = try Response(status: 429).decode([]).first?.failure
        #expect(first?.retryAfter == .seconds(60) && second?.retryAfter == nil)
    }

    @Test("an error inside a stream takes no delay from the headers of its success")
    func inStream() throws {
        let response = Response(headers: ["retry-after: 60"])
        let seen = try response.decode(["data: {\"error\":\"x\"}\n\n"].map { Array($0.utf8) })
        #expect(seen.first?.failure != nil && seen.first?.failure?.retryAfter == nil)
    }

    @Test(
        "dates are days of the Gregorian calendar",
        arguments: [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Int64(0)), ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600), ("Sat, 28 Feb 2026 23:59:59 GMT", 1_772_323_199),
            ("Sun, 01 Mar 2026 00:00:00 GMT", 1_772_323_200),
        ])
    func dates(text: String, seconds: Int64) {
        #expect(HTTPDate.seconds(text) == seconds)
    }

    @Test(
        "what is no date is none",
        arguments: [
            "", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
        ])
    func noDates(text: String) {
        #expect(HTTPDate.seconds(text) == nil)
    }
}
