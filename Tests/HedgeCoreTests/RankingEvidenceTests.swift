import Glibc
import Testing

@testable import HedgeCore

@Suite("What ranking makes of a belief")
struct RankingBeliefTests {
    static func at(_ seconds: Double) -> Instant { LatencyBeliefTests.at(seconds) }

    @Test("within the noise of the fast average the long run counts, beyond it the fast average in full")
    func deadBand() throws {
        var belief = LatencyBeliefTests.settled(1, until: 200)
        belief.observe(.seconds(4), isEvent: true, at: Self.at(200))
        // 0.15 * ln 4 = 0.21 is noise.
        #expect(abs(try #require(belief.estimate(at: Self.at(200)))) < 0.01)
        belief.observe(.seconds(4), isEvent: true, at: Self.at(200))
        let fast = try #require(belief.fast)
        #expect(fast > LatencyBelief.deadBand)
        #expect(belief.estimate(at: Self.at(200)) == fast)
        // Better than usual is noise just as well, up to the same width.
        var better = LatencyBeliefTests.settled(1, until: 200)
        better.observe(.seconds(0.25), isEvent: true, at: Self.at(200))
        #expect(abs(try #require(better.estimate(at: Self.at(200)))) < 0.01)
    }

    @Test("a belief that goes stale does not shrink while a probe is out")
    func probed() throws {
        var belief = LatencyBeliefTests.settled(0.4, until: 500)
        for step in 501...520 { belief.observe(.seconds(4), isEvent: true, at: Self.at(Double(step))) }
        let later = Self.at(520 + 5 * belief.staleness)
        let alone = try #require(belief.estimate(at: later))
        let probed = try #require(belief.estimate(at: later, isProbed: true))
        #expect(exp(alone) < 0.5)
        #expect(exp(probed) > 3)
    }
}

@Suite("Ranking by what is in flight")
struct RankingEvidenceTests {
    /// Two deployments that answered in 100 and 200 ms for a while.
    static func settled(_ adjust: (inout Policy) -> Void = { _ in }) -> Harness {
        var harness = Harness(deployments: 2) {
            $0.coldStartParallel = true
            $0.hedgeBudget = 0
            adjust(&$0)
        }
        _ = RankingTests.shares(&harness, requests: 200) { $0 == 1 ? 100 : 200 }
        return harness
    }

    private static func primary(_ harness: inout Harness, stream: Bool = true) throws -> AttemptStart {
        try #require(harness.submit(stream: stream).actions.starts.first)
    }

    @Test("leaves a deployment that hangs before anybody gave up on it")
    func hanging() throws {
        var harness = Self.settled()
        for _ in 0..<3 { #expect(try Self.primary(&harness).deployment.rawValue == 1) }
        harness.advance(to: harness.time + 20_000)
        // Nothing ended, and no limit is near: only the waits tell.
        for _ in 0..<3 { #expect(try Self.primary(&harness).deployment.rawValue == 2) }
    }

    @Test("takes a wait for what it is: once the answer is there it is forgotten")
    func answered() throws {
        var harness = Self.settled()
        let late = try Self.primary(&harness)
        harness.advance(to: harness.time + 20_000)
        #expect(try Self.primary(&harness).deployment.rawValue == 2)
        harness.fail(late.attempt, .badRequest)
        #expect(try Self.primary(&harness).deployment.rawValue == 1)
    }

    @Test("does not mind waits of answers that do not stream where streams are ranked, and the other way round")
    func kinds() throws {
        var harness = Self.settled()
        let (_, actions) = harness.submit(stream: false)
        let other = try #require(actions.starts.first)
        harness.advance(to: harness.time + 20_000)
        #expect(other.deployment.rawValue == 1 || other.deployment.rawValue == 2)
        #expect(try Self.primary(&harness).deployment.rawValue == 1)
    }

    @Test("a stream that has begun waits for nothing")
    func begun() throws {
        var harness = Self.settled()
        let long = try Self.primary(&harness)
        harness.advance(to: harness.time + 100)
        harness.tell(.firstToken(long.attempt))
        harness.advance(to: harness.time + 60_000)
        #expect(try Self.primary(&harness).deployment.rawValue == 1)
    }

    @Test("sends one probe at a time to a deployment that was slow")
    func oneProbe() throws {
        var harness = Self.settled()
        _ = RankingTests.shares(&harness, requests: 60) { $0 == 1 ? 2000 : 200 }
        // It was avoided long enough to be worth another try.
        harness.advance(to: harness.time + 100_000)
        let probe = try Self.primary(&harness)
        #expect(probe.deployment.rawValue == 1)
        for _ in 0..<5 { #expect(try Self.primary(&harness).deployment.rawValue == 2) }
        harness.advance(to: harness.time + 100)
        harness.tell(.firstToken(probe.attempt))
        #expect(try Self.primary(&harness).deployment.rawValue == 1)
    }

    @Test("shares a burst among equals by what each has in flight")
    func burst() throws {
        var harness = Harness(deployments: 2) {
            $0.coldStartParallel = true
            $0.hedgeBudget = 0
        }
        _ = RankingTests.shares(&harness, requests: 400) { _ in 100 }
        var counts: [Int: Int] = [:]
        for _ in 0..<20 { counts[try Self.primary(&harness).deployment.rawValue, default: 0] += 1 }
        #expect(abs((counts[1] ?? 0) - (counts[2] ?? 0)) <= 2)
    }
}
