import Glibc
import HedgeCore
import Testing

@testable import HedgeSimulation

struct ReplayTests {
    private static func log(_ lines: [String]) throws -> RequestLog {
        try RequestLog(Array(lines.joined(separator: "\n").utf8))
    }

    private static func attempt(
        _ deployment: String, _ start: Double, first: Double? = nil, _ end: Double, _ cause: String, won: Bool = false,
        kind: String? = nil
    ) -> String {
        let token = first.map { ",\"first_token_ms\":\($0)" } ?? ""
        let error = kind.map { ",\"error\":{\"kind\":\"\($0)\"}" } ?? ""
        return "{\"deployment\":\"\(deployment)\",\"start_ms\":\(start)\(token),\"end_ms\":\(end),"
            + "\"won\":\(won),\"end\":\"\(cause)\"\(error)}"
    }

    private static func request(_ attempts: [String], stream: Bool = true) -> String {
        "{\"id\":\"r\",\"stream\":\(stream),\"attempts\":[" + attempts.joined(separator: ",") + "]}"
    }

    @Test("a superseded attempt is longer than its wait, and the winner's first token is the answer")
    func superseded() throws {
        let log = try Self.log([
            Self.request([
                Self.attempt("a", 0, 1200, "superseded"),
                Self.attempt("b", 900, first: 1200, 4000, "succeeded", won: true),
            ])
        ])
        let request = try #require(log.requests.first)
        #expect(request.primary == .init(deployment: "a", start: 0, latency: 1200, isEvent: false))
        #expect(request.others == [.init(deployment: "b", start: 900, latency: 300, isEvent: true)])
        #expect(request.answeredAfter == 1200)
    }

    @Test("without a stream the whole answer counts")
    func complete() throws {
        let log = try Self.log([Self.request([Self.attempt("a", 0, 800, "succeeded", won: true)], stream: false), ""])
        #expect(log.requests.first?.primary.latency == 800)
    }

    @Test(
        "what failed for the request's own sake, or was hardly sent, is left out",
        arguments: [
            attempt("a", 0, 50, "failed", kind: "bad_request"), attempt("a", 0, 2, "cancelled"),
            attempt("a", 0, 900, "succeeded"),
        ])
    func leftOut(_ attempt: String) throws {
        let log = try Self.log([
            Self.request([attempt]), Self.request([Self.attempt("a", 0, first: 100, 200, "succeeded", won: true)]),
        ])
        #expect(log.leftOut == 1)
        #expect(log.requests.count == 1)
    }

    @Test("a failure of the deployment ends a wait")
    func failure() throws {
        let log = try Self.log([Self.request([Self.attempt("a", 0, 700, "failed", kind: "server")])])
        #expect(log.requests.first?.primary == .init(deployment: "a", start: 0, latency: 700, isEvent: false))
    }

    @Test(
        "a line that is no attempt log is named",
        arguments: [
            ("{", "not JSON"), ("{}", "attempts"), ("{\"attempts\":[{}]}", "lacks"),
            (request([attempt("a", 5, 1, "succeeded")]), "ends before"),
        ])
    func errors(_ line: String, _ words: String) {
        let good = Self.request([Self.attempt("a", 0, first: 1, 2, "succeeded", won: true)])
        let error = #expect(throws: LogError.self) { try Self.log([good, line]) }
        #expect(error?.line == 2)
        #expect(error?.message.contains(words) == true)
    }

    /// A log of requests to `a` hedged to `b` after `threshold`, as production would have written it.
    private static func hedgedLog(_ distribution: LatencyDistribution, threshold: Double, count: Int) -> [String] {
        (0..<count).map { index in
            var random = RandomStream(seed: 8, .service, index)
            let first = distribution.sample(&random, shared: 0, correlation: 0)
            let second = threshold + distribution.sample(&random, shared: 0, correlation: 0)
            // One in fifty of the late ones is withheld.
            if first <= threshold || index % 50 == 0 {
                return request([attempt("a", 0, first: first, first + 1000, "succeeded", won: true)])
            }
            return first <= second
                ? request([
                    attempt("a", 0, first: first, first + 1000, "succeeded", won: true),
                    attempt("b", threshold, first, "superseded"),
                ])
                : request([
                    attempt("a", 0, second, "superseded"),
                    attempt("b", threshold, first: second, second + 1000, "succeeded", won: true),
                ])
        }
    }

    @Test("from hedged traffic the replay tells what no hedge and another threshold would have given")
    func counterfactual() throws {
        let distribution = LatencyDistribution.lognormal(400, 0.6)
        let replay = LogReplay(try Self.log(Self.hedgedLog(distribution, threshold: 1073, count: 12_000)))
        let unhedged = replay.answer(.init(threshold: .never, budget: 0), draws: 5, seed: 1)
        #expect(unhedged.hedges == 0)
        let p95 = try #require(unhedged.quantiles[1])
        #expect(abs(p95.middle / 1073 - 1) < 0.05)
        #expect(p95.low <= p95.middle && p95.middle <= p95.high)
        // The tenth that waits longest, hedged at its threshold, brings the 99th percentile to 1314 ms.
        let early = replay.answer(.init(threshold: .percentile(0.9), budget: 0.5), draws: 5, seed: 1)
        #expect(abs(early.hedges - 0.1) < 0.01)
        #expect(abs(try #require(early.quantiles[2]).middle / 1314 - 1) < 0.05)
        let fixed = replay.answer(.init(threshold: .milliseconds(863), budget: 0.5), draws: 5, seed: 1)
        #expect(abs(fixed.hedges - early.hedges) < 0.01)
    }

    @Test("a budget bounds the hedges of a replay")
    func budget() throws {
        let replay = LogReplay(try Self.log(Self.hedgedLog(.lognormal(400, 0.6), threshold: 1073, count: 4000)))
        let answer = replay.answer(.init(threshold: .milliseconds(100), budget: 0.05), draws: 3, seed: 1)
        #expect(answer.hedges > 0.045 && answer.hedges < 0.052)
    }

    @Test("what nobody ever waited for is unidentified, and the rest is not")
    func unidentified() throws {
        // A tenth was given up on at 500 ms, and nothing ever took longer.
        let lines = (0..<200).map { index in
            index % 10 == 0
                ? Self.request([Self.attempt("a", 0, 500, "deadline")])
                : Self.request([Self.attempt("a", 0, first: Double(100 + index), 900, "succeeded", won: true)])
        }
        let answer = LogReplay(try Self.log(lines)).answer(.init(threshold: .never, budget: 0), draws: 5, seed: 1)
        #expect(answer.quantiles[0] != nil)
        #expect(answer.quantiles[2] == nil)
    }

    @Test("the latencies as logged are those of the answers")
    func asLogged() throws {
        let lines = (1...100).map {
            Self.request([Self.attempt("a", 0, first: Double($0), 900, "succeeded", won: true)])
        }
        let answer = LogReplay(try Self.log(lines)).asLogged()
        #expect(answer.quantiles[0]?.middle == 50.5)
        #expect(answer.hedges == 0)
    }

    @Test("what the library logged can be asked about, and says so where nobody waited long enough")
    func recorded() throws {
        let log = try RequestLog(try Self.recordedLog())
        #expect(log.requests.count == 59)
        #expect(log.leftOut == 0)
        #expect(log.requests.contains { !$0.others.isEmpty })
        let replay = LogReplay(log)
        let logged = try #require(replay.asLogged().quantiles[0])
        #expect((80...130).contains(logged.middle))
        // Every late request had its hedge: how late it would have been is not in the log.
        let unhedged = replay.answer(.init(threshold: .never, budget: 0), draws: 20, seed: 1)
        #expect(unhedged.quantiles[0] != nil)
        #expect(unhedged.quantiles[2] == nil)
        #expect(unhedged.hedges == 0)
        let early = replay.answer(.init(threshold: .milliseconds(150), budget: 1), draws: 20, seed: 1)
        #expect(early.hedges > 0.1)
        let p95 = try #require(early.quantiles[1])
        #expect(p95.middle > 150)
        #expect(p95.middle < 589)
    }

    /// END documents of requests that the library sent to three misbehaving servers.
    private static func recordedLog() throws -> [UInt8] {
        let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let file = try #require(fopen("/" + folder + "/traces/attempts.jsonl", "rb"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 18)
        let count = bytes.withUnsafeMutableBytes { fread($0.baseAddress, 1, $0.count, file) }
        return Array(bytes.prefix(count))
    }
}
