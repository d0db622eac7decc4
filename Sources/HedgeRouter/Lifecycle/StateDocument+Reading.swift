import HedgeCore
import HedgeJSON

extension StateDocument {
    /// Reads a document; one that is damaged or not of this version is refused as a whole.
    init(reading bytes: UnsafeRawBufferPointer) throws(RouterError) {
        self = try bytes.withMemoryRebound(to: UInt8.self) { bytes throws(RouterError) in
            try StateDocument(reading: bytes.span)
        }
    }

    /// Reads a document; one that is damaged or not of this version is refused as a whole.
    init(reading text: Span<UInt8>) throws(RouterError) {
        let document: JSONDocument
        let checksum: String?
        do throws(JSONParseError) {
            let tape = JSONTape()
            try tape.scan(text, limits: Self.limits)
            checksum = tape.member("state", of: 0, in: text).map { CRC32.digits(text.extracting(tape.range($0))) }
            document = try JSONDocument.build(text)
        } catch {
            var failure = RouterError(error.isLimit ? .limit : .invalid, "state: \(error.message)")
            failure.detail = Int32(clamping: error.offset)
            throw failure
        }
        let root = StateReader(value: document.root, path: "")
        let version = try root.member("hedgerouter_state").integer(in: .min ... .max)
        guard version == Self.version else {
            throw RouterError(
                .invalid, "state: the version is \(version); this library reads \(Self.version)",
                path: "hedgerouter_state")
        }
        guard let checksum, try root.member("crc32").text() == checksum else {
            throw RouterError(.invalid, "state: the checksum does not match: the document was changed", path: "crc32")
        }
        try self.init(root.member("state"))
    }

    private init(_ state: StateReader) throws(RouterError) {
        savedAt = try state.member("saved_at_ms").integer(in: 0...Self.latestTime)
        entries = []
        var keys: Set<String> = []
        for deployment in try state.member("deployments").elements() {
            let name = try deployment.member("key")
            let key = try name.text()
            guard keys.insert(key).inserted else { throw name.error("occurs twice") }
            let history = try DeploymentHistory(
                streaming: deployment.optional("stream")?.latency(),
                complete: deployment.optional("complete")?.latency())
            entries.append(Entry(key: key, history: history))
        }
    }
}

/// A value of the document and where it is, for error messages.
private struct StateReader {
    var value: JSONValue
    var path: String

    func error(_ message: String) -> RouterError {
        RouterError(.invalid, "state: \(path.isEmpty ? "the document" : path) \(message)", path: path)
    }

    func optional(_ name: StaticString) -> StateReader? {
        value[name].map { StateReader(value: $0, path: path.isEmpty ? "\(name)" : "\(path).\(name)") }
    }

    func member(_ name: StaticString) throws(RouterError) -> StateReader {
        guard let member = optional(name) else { throw error("has no \(name)") }
        return member
    }

    func elements() throws(RouterError) -> [StateReader] {
        guard value.kind == .array else { throw error("is not an array") }
        return value.elements.enumerated().map { StateReader(value: $1, path: "\(path)[\($0)]") }
    }

    func text() throws(RouterError) -> String {
        guard let text = value.string else { throw error("is not a string") }
        return text
    }

    func integer(in range: ClosedRange<Int64>) throws(RouterError) -> Int64 {
        guard let integer = value.integer, range.contains(integer) else {
            throw error("is not an integer that makes sense here")
        }
        return integer
    }

    func number() throws(RouterError) -> Double {
        guard let number = value.number, number.isFinite else { throw error("is not a number") }
        return number
    }

    /// An age in milliseconds.
    func age() throws(RouterError) -> Interval {
        .milliseconds(try integer(in: 0 ... .max))
    }

    func latency() throws(RouterError) -> LatencyHistory {
        let belief = try member("belief").belief()
        var ages: [Interval] = []
        for age in try member("recent_ages_ms").elements() { ages.append(try age.age()) }
        var classes: [HistogramHistory?] = []
        for histogram in try member("classes").elements() {
            classes.append(histogram.value.isNull ? nil : try histogram.histogram())
        }
        do throws(HistoryError) {
            return try LatencyHistory(belief: belief, recentAges: ages, classes: classes)
        } catch {
            throw self.error(error)
        }
    }

    private func belief() throws(RouterError) -> BeliefHistory {
        let fast = try member("fast").number()
        let long = try optional("long")?.number()
        let longCount = try optional("long_count")?.number()
        let staleness = try member("staleness_s").number()
        let age = try member("age_ms").age()
        do throws(HistoryError) {
            return try BeliefHistory(
                fast: fast, long: long, longCount: longCount ?? 0, staleness: staleness, age: age)
        } catch {
            throw self.error(error)
        }
    }

    private func histogram() throws(RouterError) -> HistogramHistory {
        let age = try member("age_ms").age()
        let squares = try member("squares").number()
        let events = try member("events").entries()
        let censored = try member("censored").entries()
        do throws(HistoryError) {
            return try HistogramHistory(age: age, squares: squares, events: events, censored: censored)
        } catch {
            throw self.error(error)
        }
    }

    /// Bucket, weight, bucket, weight.
    private func entries() throws(RouterError) -> [HistogramHistory.Entry] {
        guard value.kind == .array, value.count % 2 == 0 else { throw error("is not an array of pairs") }
        var entries: [HistogramHistory.Entry] = []
        entries.reserveCapacity(value.count / 2)
        var bucket: Int?
        for element in value.elements {
            guard let pending = bucket else {
                guard let integer = element.integer, let known = Int(exactly: integer) else {
                    throw error("has a bucket that is not an integer")
                }
                bucket = known
                continue
            }
            guard let weight = element.number else { throw error("has a weight that is not a number") }
            entries.append(HistogramHistory.Entry(bucket: pending, weight: weight))
            bucket = nil
        }
        return entries
    }

    private func error(_ error: HistoryError) -> RouterError {
        self.error("is no history: \(error.field) \(error.message)")
    }
}
