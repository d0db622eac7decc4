import HedgeCore
import HedgeJSON

/// What was learnt of deployments, as a document that a program keeps between two runs.
///
/// One JSON object: `hedgerouter_state` is the version of the form, `state` what was learnt, and `crc32` the CRC-32 of
/// the bytes of `state` as they are written, in eight hexadecimal digits. Buckets are those of the latency scale, so a
/// change of that scale is a new version. Deployments go by the keys they have in logs and stats.
struct StateDocument: Sendable {
    /// One deployment's history under the key it has in logs and stats.
    struct Entry: Sendable {
        var key: String
        var history: DeploymentHistory
    }

    /// When it was saved: milliseconds since 1970, by the wall clock, which may have been set since.
    var savedAt: Int64
    var entries: [Entry]

    static let version: Int64 = 1
    /// Far more than is usual: a deployment takes some kB, and 350 kB with a sample in every bucket there is.
    static let limits = JSONLimits(bytes: 256 << 20, depth: 16)
    /// The last millisecond of the year 9999.
    static let latestTime: Int64 = 253_402_300_799_999

    /// Time between saving and `now`, both by the wall clock; 0 when that went back.
    func elapsed(at now: Int64) -> Interval {
        let (difference, overflow) = now.subtractingReportingOverflow(savedAt)
        return overflow || difference < 0 ? .zero : .milliseconds(difference)
    }
}

// MARK: - Writing

extension StateDocument {
    /// The document as text.
    func json() -> [UInt8] {
        var state = JSONWriter()
        state.beginObject()
        state.member("saved_at_ms", savedAt)
        state.key("deployments")
        state.beginArray()
        for entry in entries {
            state.beginObject()
            state.member("key", entry.key)
            if let streaming = entry.history.streaming { Self.write("stream", streaming, to: &state) }
            if let complete = entry.history.complete { Self.write("complete", complete, to: &state) }
            state.endObject()
        }
        state.endArray()
        state.endObject()

        var json = JSONWriter()
        json.beginObject()
        json.member("hedgerouter_state", Self.version)
        json.member("crc32", CRC32.digits(state.bytes.span))
        json.key("state")
        json.raw(state.bytes)
        json.endObject()
        json.endLine()
        return json.bytes
    }

    private static func write(_ name: StaticString, _ history: LatencyHistory, to json: inout JSONWriter) {
        json.key(name)
        json.beginObject()
        json.key("belief")
        json.beginObject()
        json.member("fast", history.belief.fast)
        if let long = history.belief.long {
            json.member("long", long)
            json.member("long_count", history.belief.longCount)
        }
        json.member("staleness_s", history.belief.staleness)
        json.member("age_ms", milliseconds(history.belief.age))
        json.endObject()
        json.key("recent_ages_ms")
        json.beginArray()
        for age in history.recentAges { json.value(milliseconds(age)) }
        json.endArray()
        json.key("classes")
        json.beginArray()
        for histogram in history.classes {
            if let histogram { write(histogram, to: &json) } else { json.null() }
        }
        json.endArray()
        json.endObject()
    }

    private static func write(_ histogram: HistogramHistory, to json: inout JSONWriter) {
        json.beginObject()
        json.member("age_ms", milliseconds(histogram.age))
        json.member("squares", histogram.squares)
        json.key("events")
        write(histogram.events, to: &json)
        json.key("censored")
        write(histogram.censored, to: &json)
        json.endObject()
    }

    /// Bucket, weight, bucket, weight: flat, because there are many.
    private static func write(_ entries: [HistogramHistory.Entry], to json: inout JSONWriter) {
        json.beginArray()
        for entry in entries {
            json.value(entry.bucket)
            if let whole = Int64(exactly: entry.weight) { json.value(whole) } else { json.value(entry.weight) }
        }
        json.endArray()
    }

    private static func milliseconds(_ age: Interval) -> Int64 { age.nanoseconds / 1_000_000 }
}
