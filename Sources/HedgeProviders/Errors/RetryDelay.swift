import HedgeCore

/// How long a provider asks to stay away, from the headers of its answer.
enum RetryDelay {
    /// Longer delays are cut to a week: daily and weekly quotas exist, longer ones are mistakes.
    static let longest = Interval.seconds(7 * 86_400)

    /// The delay, or nil if the headers give none that makes sense.
    ///
    /// `retry-after-ms` goes before `retry-after` (seconds or an HTTP date), and both before the `x-ratelimit-reset`
    /// family, which is asked only after a 429. `now` is the local time in seconds since 1970; the answer's own
    /// `date` is preferred, since a date in `retry-after` is of the same clock.
    static func read(_ headers: HeaderLines, status: Int, now: Int64?) -> Interval? {
        if let value = headers.value("retry-after-ms").flatMap(number) { return limited(value / 1000) }
        let reference = headers.value("date").flatMap(HTTPDate.seconds) ?? now
        if let text = headers.value("retry-after") {
            if let value = number(text) { return limited(value) }
            if let date = HTTPDate.seconds(text), let reference {
                return limited(max(0, Double(date) - Double(reference)))
            }
        }
        return status == 429 ? reset(headers, reference) : nil
    }

    /// The names providers give to the reset time of a limit, with that of what remains of it.
    private static let limits: [(remaining: StaticString, reset: StaticString)] = [
        ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
        ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
        ("x-ratelimit-remaining-requests-minute", "x-ratelimit-reset-requests-minute"),
        ("x-ratelimit-remaining-tokens-minute", "x-ratelimit-reset-tokens-minute"),
        ("x-ratelimit-remaining-requests-day", "x-ratelimit-reset-requests-day"),
        ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
        ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
        ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
        ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
        ("anthropic-priority-input-tokens-remaining", "anthropic-priority-input-tokens-reset"),
        ("anthropic-priority-output-tokens-remaining", "anthropic-priority-output-tokens-reset"),
    ]

    /// The longest reset of a limit that is used up; if none is, the shortest of all.
    private static func reset(_ headers: HeaderLines, _ reference: Int64?) -> Interval? {
        var exhausted: Double?
        var shortest: Double?
        for limit in limits {
            guard let text = headers.value(limit.reset), let seconds = duration(text) ?? wait(until: text, reference)
            else { continue }
            if let remaining = headers.value(limit.remaining).flatMap(number), remaining == 0 {
                exhausted = max(exhausted ?? 0, seconds)
            }
            shortest = min(shortest ?? .infinity, seconds)
        }
        if let seconds = exhausted ?? shortest { return limited(seconds) }
        // Anthropic's plans with one limit for everything write it under a name of its own.
        let whole = headers.value("x-ratelimit-reset") ?? headers.value("anthropic-ratelimit-unified-reset")
        return whole.flatMap(number).flatMap { point(in: $0, reference) }
    }

    /// Seconds until a point in time as RFC 3339 writes it.
    private static func wait(until text: String, _ reference: Int64?) -> Double? {
        guard let reference, let point = HTTPDate.internetSeconds(text) else { return nil }
        return Double(max(0, point - reference))
    }

    /// A point in time in seconds or milliseconds since 1970, or a number of seconds, by its size.
    private static func point(in value: Double, _ reference: Int64?) -> Interval? {
        guard value >= 1e9 else { return limited(value) }
        guard let reference else { return nil }
        return limited(max(0, (value >= 1e12 ? value / 1000 : value) - Double(reference)))
    }

    private static func limited(_ seconds: Double) -> Interval? {
        guard seconds >= 0 else { return nil }
        return min(.seconds(seconds), longest)
    }

    /// Digits with at most one decimal point: no sign, no exponent, no words.
    static func number(_ text: String) -> Double? {
        guard !text.isEmpty, text.utf8.count <= 32,
            text.utf8.allSatisfy({ ($0 >= 48 && $0 <= 57) || $0 == UInt8(ascii: ".") })
        else { return nil }
        return Double(text)
    }

    /// A Go duration, cut to a week; nil for other text.
    static func interval(_ text: String) -> Interval? { duration(text).flatMap(limited) }

    /// Seconds of a Go duration such as `6m0s`, `7.66s`, `1h2m3.5s` or `100ms`; a bare number is seconds.
    static func duration(_ text: String) -> Double? {
        if let seconds = number(text) { return seconds }
        guard text.utf8.count <= 64 else { return nil }
        var total = 0.0
        var rest = Substring(text)
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
            rest = rest.dropFirst(unit.count)
            guard let value = number(String(digits)), let scale = units[String(unit)] else { return nil }
            total += value * scale
        }
        return text.isEmpty ? nil : total
    }

    private static let units: [String: Double] = [
        "h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "d": 86_400,
    ]
}

/// What a provider says of repeating a request it refused: `x-should-retry`, of OpenAI and Anthropic.
enum RetryAdvice {
    /// True or false as the header says; nil for anything else.
    static func read(_ headers: HeaderLines) -> Bool? {
        switch headers.value("x-should-retry")?.lowercased() {
        case "true": true
        case "false": false
        default: nil
        }
    }
}

/// Reads the date format of HTTP headers (RFC 9110, IMF-fixdate).
enum HTTPDate {
    /// Seconds since 1970 of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`; nil for anything else.
    static func seconds(_ text: String) -> Int64? {
        let parts = text.split(separator: " " as Character)
        guard parts.count == 6, parts[0].hasSuffix(","), parts[5] == "GMT" else { return nil }
        let time = parts[4].split(separator: ":" as Character)
        guard time.count == 3,
            let day = integer(parts[1], 1...31), let year = integer(parts[3], 1970...9999),
            let month = months.firstIndex(of: String(parts[2])),
            let hour = integer(time[0], 0...23), let minute = integer(time[1], 0...59),
            let second = integer(time[2], 0...60)
        else { return nil }
        let days = days(year: year, month: Int64(month) + 1, day: day)
        return ((days * 24 + hour) * 60 + minute) * 60 + second
    }

    /// Seconds since 1970 of a date of RFC 3339 such as `2026-01-02T03:04:05Z` or with an offset such as `+02:00`;
    /// fractions are left out.
    static func internetSeconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        func number(_ place: Int, _ count: Int, _ range: ClosedRange<Int64>) -> Int64? {
            guard place + count <= bytes.count else { return nil }
            return integer(Substring(String(decoding: bytes[place..<(place + count)], as: UTF8.self)), range)
        }
        guard bytes.count >= 20, bytes.count <= 40, bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[10] | 0x20 == 0x74,
            bytes[13] == 0x3A, bytes[16] == 0x3A,
            let year = number(0, 4, 1970...9999), let month = number(5, 2, 1...12), let day = number(8, 2, 1...31),
            let hour = number(11, 2, 0...23), let minute = number(14, 2, 0...59), let second = number(17, 2, 0...60)
        else { return nil }
        var place = 19
        if bytes[place] == UInt8(ascii: ".") {
            place += 1
            while place < bytes.count, (48...57).contains(bytes[place]) { place += 1 }
        }
        guard place < bytes.count else { return nil }
        var offset: Int64 = 0
        if bytes[place] | 0x20 != UInt8(ascii: "z") {
            guard bytes[place] == UInt8(ascii: "+") || bytes[place] == UInt8(ascii: "-"),
                let hours = number(place + 1, 2, 0...23), let minutes = number(place + 4, 2, 0...59)
            else { return nil }
            offset = (hours * 60 + minutes) * (bytes[place] == UInt8(ascii: "-") ? -60 : 60)
        }
        return ((days(year: year, month: month, day: day) * 24 + hour) * 60 + minute) * 60 + second - offset
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func integer(_ text: Substring, _ range: ClosedRange<Int64>) -> Int64? {
        guard text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let value = Int64(text), range.contains(value) else {
            return nil
        }
        return value
    }

    /// Days since 1970-01-01 in the Gregorian calendar, counting years from March so that the leap day comes last.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
