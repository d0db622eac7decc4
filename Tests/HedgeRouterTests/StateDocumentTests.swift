import HedgeJSON
import Testing

@testable import HedgeCore
@testable import HedgeRouter

@Suite("State document")
struct StateDocumentTests {
    @Test("reads back as it was written")
    func roundTrip() throws {
        let document = try Self.sample()
        let read = try StateDocument(reading: document.json().span)
        #expect(read.savedAt == document.savedAt)
        #expect(read.entries.map(\.key) == document.entries.map(\.key))
        for (a, b) in zip(read.entries, document.entries) {
            #expect(a.history.streaming?.classes == b.history.streaming?.classes)
            #expect(a.history.complete?.classes == b.history.complete?.classes)
            #expect(a.history.streaming?.belief == b.history.streaming?.belief)
            #expect(a.history.streaming?.recentAges == b.history.streaming?.recentAges)
            #expect((a.history.complete == nil) == (b.history.complete == nil))
        }
        #expect(read.json() == document.json())
    }

    @Test("has the checksum that other programs compute")
    func checksum() {
        #expect(CRC32.digits(Array("123456789".utf8).span) == "cbf43926")
        #expect(CRC32.digits([UInt8]().span) == "00000000")
    }

    /// A change of the latency scale makes buckets mean something else: it needs a new ``StateDocument/version``.
    @Test("of version 1 counts in buckets of 2 % from 1 ms")
    func scale() {
        #expect(StateDocument.version == 1)
        #expect(LogScale.bucketCount == 667)
        #expect(LogScale.bucket(of: .milliseconds(1000.0)) == 346)
        #expect(SizeClass.count == 6)
    }

    @Test(
        "takes a clock that went back as no time at all",
        arguments: [(5000, 6500, 1.5), (5000, 4000, 0), (0, .max, 9.2e9)])
    func elapsed(savedAt: Int64, now: Int64, seconds: Double) throws {
        let elapsed = StateDocument(savedAt: savedAt, entries: []).elapsed(at: now).seconds
        #expect(abs(elapsed - seconds) <= 0.01 * seconds)
        #expect(StateDocument(savedAt: .max, entries: []).elapsed(at: .min) == .zero)
    }

    @Test("that is cut short is refused wherever the cut is")
    func truncation() throws {
        let bytes = try Self.sample().json()
        for count in 0..<(bytes.count - 1) {
            let error = Self.refusal(Array(bytes[..<count]))
            #expect(error?.status == .invalid, "\(count)")
        }
        #expect(Self.refusal(Array(bytes.dropLast())) == nil, "only the final line feed is missing")
    }

    @Test("that is not one is refused with the place")
    func places() throws {
        let document = try Self.sample()
        let text = String(decoding: document.json(), as: UTF8.self)
        let cases: [(String, String)] = [
            ("null", ""), ("[]", ""), ("{}", ""),
            (text.replacing("\"hedgerouter_state\":1", with: "\"hedgerouter_state\":2"), "hedgerouter_state"),
            (text.replacing("\"hedgerouter_state\":1", with: "\"hedgerouter_state\":1.5"), "hedgerouter_state"),
            (text.replacing("\"saved_at_ms\":1", with: "\"saved_at_ms\":2"), "crc32"),
            (text.replacing("\"crc32\":\"", with: "\"crc32\":\"x"), "crc32"),
            (text.replacing("{\"hedgerouter_state\"", with: "{\"state\":{},\"hedgerouter_state\""), ""),
        ]
        for (text, path) in cases {
            let error = try #require(Self.refusal(Array(text.utf8)))
            #expect(error.status == .invalid)
            #expect(error.path == path)
        }
        #expect(Self.refusal([]) != nil)
        #expect(Self.refusal([0xff, 0xfe]) != nil)
        let nesting = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        #expect(Self.refusal(nesting)?.status == .limit)
    }

    @Test(
        "with a valid checksum around absurd values is refused with the place",
        arguments: [
            ("\"saved_at_ms\":1700000000000", "\"saved_at_ms\":-1", "state.saved_at_ms"),
            ("\"saved_at_ms\":1700000000000", "\"saved_at_ms\":1e300", "state.saved_at_ms"),
            ("\"saved_at_ms\":1700000000000,", "", "state"),
            ("\"key\":\"b\"", "\"key\":\"a\"", "state.deployments[1].key"),
            ("\"key\":\"b\"", "\"key\":7", "state.deployments[1].key"),
            ("\"key\":\"b\"", "\"kee\":\"b\"", "state.deployments[1]"),
            ("\"staleness_s\":15.0", "\"staleness_s\":-15", "state.deployments[0].stream.belief"),
            ("\"staleness_s\":15.0", "\"staleness_s\":\"NaN\"", "state.deployments[0].stream.belief.staleness_s"),
            ("{\"age_ms\":", "{\"age_ms\":-", "state.deployments[0].stream.classes[0].age_ms"),
            ("{\"age_ms\":", "{\"age_ms\":92233720368547", "state.deployments[0].stream.classes[0]"),
            ("\"squares\":", "\"squares\":-", "state.deployments[0].stream.classes[0]"),
            ("\"squares\":", "\"squares\":9999999999", "state.deployments[0].stream.classes[0]"),
            ("\"events\":[", "\"events\":[1e3,1,", "state.deployments[0].stream.classes[0].events"),
            ("\"events\":[", "\"events\":[9223372036854775807,1,", "state.deployments[0].stream.classes[0]"),
            ("\"events\":[", "\"events\":[0,1e300,", "state.deployments[0].stream.classes[0]"),
            ("\"events\":[", "\"events\":[0,null,", "state.deployments[0].stream.classes[0].events"),
            ("\"events\":[", "\"events\":[0,", "state.deployments[0].stream.classes[0].events"),
            ("\"events\":[", "\"events\":[0,-5,", "state.deployments[0].stream.classes[0]"),
            ("\"classes\":[", "\"classes\":[null,", "state.deployments[0].stream"),
            ("\"recent_ages_ms\":[", "\"recent_ages_ms\":[-1,", "state.deployments[0].stream.recent_ages_ms[0]"),
        ])
    func absurdValues(plain: String, absurd: String, path: String) throws {
        let state = try Self.state(of: Self.sample().json())
        guard let range = Self.range(of: plain, in: state) else {
            Issue.record("the document has no \(plain)")
            return
        }
        var changed = state
        changed.replaceSubrange(range, with: Array(absurd.utf8))
        #expect(Self.refusal(Self.sealed(state)) == nil)
        let error = try #require(Self.refusal(Self.sealed(changed)))
        #expect(error.status == .invalid)
        #expect(error.path == path)
    }

    @Test("with any bytes changed is refused or the same", arguments: [11, 12, 13] as [UInt64])
    func mutation(seed: UInt64) throws {
        let bytes = try Self.sample().json()
        let state = try Self.state(of: bytes)
        var random = SplitMix64(seed: seed)
        for round in 0..<2000 {
            let mutated = Self.mutated(bytes, &random)
            // What stays valid changed nothing but the space around what is checked.
            if Self.refusal(mutated) == nil { #expect(try Self.state(of: mutated) == state, "\(round)") }
        }
    }

    @Test(
        "changed at random and sealed again is refused or harmless", arguments: [21, 22, 23, 24] as [UInt64])
    func sealedMutation(seed: UInt64) throws {
        let state = try Self.state(of: Self.sample().json())
        var random = SplitMix64(seed: seed)
        var accepted = 0
        for round in 0..<1500 {
            let sealed = Self.sealed(Self.mutated(state, &random))
            guard let document = try? StateDocument(reading: sealed.span) else { continue }
            accepted += 1
            var trial = Trial(seed: UInt64(round))
            trial.load(document)
            trial.run()
            #expect(trial.isSound, "round \(round) of seed \(seed)")
        }
        // Digits changed for others keep the document valid; without some of those this would test nothing.
        #expect(accepted > 50)
    }
}

// MARK: - Documents

extension StateDocumentTests {
    /// Two deployments with some history: one of both kinds of request, one of streams alone.
    static func sample() throws -> StateDocument {
        var core = RouterCore(configuration: Trial.configuration, seed: 1)
        var random = SplitMix64(seed: 5)
        var now = Instant(nanoseconds: 0)
        for index in 0..<60 {
            now = now + .seconds(1)
            let latency = Interval.milliseconds(100 + 900 * random.unit() * random.unit())
            core.observe(latency, of: DeploymentID(rawValue: index % 2), isStream: index % 4 != 2, at: now)
        }
        let entries = core.learned(at: now + .seconds(2)).histories.map {
            StateDocument.Entry(key: $0.id.rawValue == 0 ? "a" : "b", history: $0.history)
        }
        try #require(entries.count == 2)
        return StateDocument(savedAt: 1_700_000_000_000, entries: entries)
    }

    static func refusal(_ bytes: [UInt8]) -> RouterError? {
        do throws(RouterError) {
            _ = try StateDocument(reading: bytes.span)
            return nil
        } catch {
            return error
        }
    }

    /// The bytes of the member `state`.
    static func state(of document: [UInt8]) throws -> [UInt8] {
        let tape = JSONTape()
        try tape.scan(document.span)
        let node = tape.member("state", of: 0, in: document.span)
        return Array(document[tape.range(try #require(node))])
    }

    /// A document around `state` with the checksum that fits.
    static func sealed(_ state: [UInt8]) -> [UInt8] {
        Array("{\"hedgerouter_state\":1,\"crc32\":\"\(CRC32.digits(state.span))\",\"state\":".utf8) + state
            + Array("}".utf8)
    }

    static func range(of text: String, in bytes: [UInt8]) -> Range<Int>? {
        let text = Array(text.utf8)
        for start in bytes.indices where bytes[start...].starts(with: text) { return start..<start + text.count }
        return nil
    }

    /// One to four changes: a byte, a digit, a cut, a doubled or a moved piece.
    static func mutated(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        var bytes = bytes
        for _ in 0...random.index(below: 4) where !bytes.isEmpty {
            let place = random.index(below: bytes.count)
            let length = min(bytes.count - place, 1 + random.index(below: 30))
            switch random.index(below: 8) {
            case 0:
                bytes[place] = UInt8(truncatingIfNeeded: random.next())
            case 1:
                bytes.removeSubrange(place..<place + length)
            case 2:
                bytes.insert(contentsOf: bytes[place..<place + length], at: place)
            case 3:
                let other = random.index(below: bytes.count - length + 1)
                bytes.replaceSubrange(other..<other + length, with: Array(bytes[place..<place + length]))
            case 4:
                let pieces = ["-", "e9", "1e308", "null", ",", "0", "99999999999999999999", "\"\"", "{}", "[]", "."]
                bytes.insert(contentsOf: Array(pieces[random.index(below: pieces.count)].utf8), at: place)
            default:
                let digits = bytes.indices.filter { (48...57).contains(bytes[$0]) }
                guard !digits.isEmpty else { break }
                bytes[digits[random.index(below: digits.count)]] = 48 + UInt8(random.index(below: 10))
            }
        }
        return bytes
    }
}

/// A core that takes a document over and then serves requests.
private struct Trial {
    var core: RouterCore
    var now = Instant(nanoseconds: 1_000_000)
    var random: SplitMix64
    private var requests: UInt64 = 0

    static let configuration: CoreConfiguration = {
        let ids = [DeploymentID(rawValue: 0), DeploymentID(rawValue: 1)]
        return CoreConfiguration(
            deployments: ids.map { DeploymentConfiguration(id: $0) },
            groups: [GroupConfiguration(id: GroupID(rawValue: 0), deployments: ids)], policy: Policy())
    }()

    init(seed: UInt64) {
        core = RouterCore(configuration: Self.configuration, seed: seed)
        random = SplitMix64(seed: seed)
    }

    mutating func load(_ document: StateDocument) {
        for entry in document.entries {
            let id = DeploymentID(rawValue: entry.key == "a" ? 0 : entry.key == "b" ? 1 : 2)
            _ = core.adopt(entry.history, of: id, elapsed: document.elapsed(at: 1_700_000_100_000), at: now)
        }
    }

    /// Four requests of every kind, each answered by whichever attempt a coin chooses.
    mutating func run() {
        for index in 0..<4 {
            requests += 1
            let id = RequestID(rawValue: requests)
            let isStream = index % 2 == 0
            var actions: [Action] = []
            let traits = RequestTraits(group: GroupID(rawValue: 0), isStream: isStream, promptBytes: index * 3000)
            core.handle(.submitted(id, traits), at: now, into: &actions)
            for _ in 0..<random.index(below: 4) {
                guard let due = core.nextDeadline, due - now < .seconds(60) else { break }
                now = max(now, due)
                core.handle(.timeReached, at: now, into: &actions)
            }
            now = now + .milliseconds(random.unit() * 400)
            let attempts = actions.compactMap { action -> AttemptID? in
                if case .startAttempt(let start) = action { start.attempt } else { nil }
            }
            guard !attempts.isEmpty else { continue }
            let winner = attempts[random.index(below: attempts.count)]
            if isStream { core.handle(.firstToken(winner), at: now, into: &actions) }
            core.handle(.attemptEnded(winner, .succeeded(nil)), at: now, into: &actions)
        }
    }

    /// Nothing was impossible, every number reported is one, and what is saved again can be read again.
    var isSound: Bool {
        let statistics = core.statistics(at: now)
        guard core.inconsistencies == 0, statistics.requestsInFlight == 0, statistics.succeeded == 4 else {
            return false
        }
        for deployment in statistics.deployments {
            for latency in [deployment.streaming, deployment.complete] {
                guard latency.effectiveSamples.isFinite, latency.censoredShare >= 0, latency.censoredShare <= 1.001
                else {
                    return false
                }
                if let threshold = latency.hedgeThreshold, threshold < .zero { return false }
            }
        }
        let entries = core.learned(at: now).histories.map {
            StateDocument.Entry(key: "\($0.id.rawValue)", history: $0.history)
        }
        guard entries.count == 2 else { return false }
        return (try? StateDocument(reading: StateDocument(savedAt: 0, entries: entries).json().span)) != nil
    }
}
