import Testing

@testable import HedgeCore

/// What an attempt came to, as the table of observations lists it.
enum AttemptEnd: String, CaseIterable, CustomTestStringConvertible {
    case firstContent = "first content of a stream"
    case fullAnswer = "the full answer of a request that does not stream"
    case superseded = "a loser that is cancelled"
    case deadline = "the deadline while waiting"
    case abandoned = "the caller's cancel while waiting"
    case status429 = "429"
    case status500 = "500, 502, 503, 504"
    case overloaded = "529, or a 503 that says there is no capacity"
    case reset = "a connection that breaks or is refused"
    case malformed = "a stream that is none"
    case truncated = "a stream that ends before its first content"
    case attemptTimeout = "the attempt's own timeout"
    case status400 = "400 and 422"
    case status401 = "401"
    case status402 = "402"
    case status403 = "403"
    case status404 = "404"
    case contextLength = "a prompt that is too long"
    case contentFilter = "the content filter"
    case brokenStream = "a stream that breaks after its first content"
    case timedOutStream = "a stream that stalls after its first content"
    case barelySent = "cancelled within 5 ms of its start"
    case emptyStream = "a stream that ends well without content"

    var testDescription: String { rawValue }
}

/// What is learnt of an attempt: its latency, and whether its deployment can be relied on.
struct Learnt: Equatable {
    enum Latency: Equatable {
        /// It took so many milliseconds.
        case event(Int)
        /// It takes longer than that.
        case longer(Int)
        case nothing
    }

    enum Reliability: Equatable {
        case success
        case none
        /// A hard failure, which counts toward a cooldown.
        case failure
        /// Left out for as long as the provider says, apart from other failures.
        case rateLimited
        /// Left out for minutes: waiting a little does not help.
        case disabled
    }

    var latency: Latency
    var reliability: Reliability

    init(_ latency: Latency, _ reliability: Reliability) {
        self.latency = latency
        self.reliability = reliability
    }
}

@Suite("The table of observations")
struct ObservationTableTests {
    /// The table itself; every attempt below ends, or shows its first content, after 300 ms, unless it says otherwise.
    static func expected(_ end: AttemptEnd) -> Learnt {
        switch end {
        case .firstContent: Learnt(.event(300), .success)
        case .fullAnswer: Learnt(.event(300), .success)
        case .superseded: Learnt(.longer(300), .none)
        case .deadline: Learnt(.longer(300), .none)
        case .abandoned: Learnt(.longer(300), .none)
        case .status429: Learnt(.longer(300), .rateLimited)
        case .status500: Learnt(.longer(300), .failure)
        case .overloaded: Learnt(.longer(300), .failure)
        case .reset: Learnt(.longer(300), .failure)
        case .malformed: Learnt(.longer(300), .failure)
        case .truncated: Learnt(.longer(300), .failure)
        case .attemptTimeout: Learnt(.longer(800), .failure)
        case .status400: Learnt(.nothing, .none)
        case .status401: Learnt(.nothing, .disabled)
        case .status402: Learnt(.nothing, .disabled)
        case .status403: Learnt(.nothing, .disabled)
        case .status404: Learnt(.nothing, .disabled)
        case .contextLength: Learnt(.nothing, .none)
        case .contentFilter: Learnt(.nothing, .none)
        case .brokenStream: Learnt(.event(300), .failure)
        case .timedOutStream: Learnt(.event(300), .failure)
        case .barelySent: Learnt(.nothing, .none)
        case .emptyStream: Learnt(.nothing, .success)
        }
    }

    @Test("says what is learnt of every end of an attempt", arguments: AttemptEnd.allCases)
    func row(end: AttemptEnd) throws {
        #expect(try Self.learnt(end) == Self.expected(end))
    }

    private static func learnt(_ end: AttemptEnd) throws -> Learnt {
        let isStream = end != .fullAnswer
        var harness = Harness(deployments: 2) {
            // One attempt after the other, but where a loser is wanted.
            $0.hedgeThreshold = .milliseconds(Int64(end == .superseded ? 100 : -1))
        } each: {
            if end == .attemptTimeout { $0.timeouts.firstToken = .milliseconds(Int64(800)) }
            if end == .timedOutStream { $0.timeouts.gap = .milliseconds(Int64(500)) }
        }
        let (id, actions) = harness.submit(stream: isStream, deadline: end == .deadline ? 300 : nil)
        let start = try #require(actions.starts.first)
        try finish(end, start, of: id, in: &harness)
        let all = harness.core.statistics(at: harness.now).deployments
        let deployment = try #require(all.first { $0.id == start.deployment })
        return Learnt(latency(isStream ? deployment.streaming : deployment.complete), reliability(deployment))
    }

    private static func finish(
        _ end: AttemptEnd, _ start: AttemptStart, of id: RequestID, in harness: inout Harness
    ) throws {
        let attempt = start.attempt
        switch end {
        case .barelySent: harness.advance(to: 4)
        case .attemptTimeout: harness.advance(to: 800)
        case .superseded: harness.advance(to: 100)
        default: harness.advance(to: 300)
        }
        switch end {
        case .firstContent:
            harness.tell(.firstToken(attempt))
            harness.advance(to: 9000)
            harness.succeed(attempt)
        case .fullAnswer, .emptyStream: harness.succeed(attempt)
        case .superseded:
            let hedge = try #require(harness.log.starts.first { $0.role == .hedge })
            harness.advance(to: 300)
            harness.tell(.firstToken(hedge.attempt))
        case .abandoned, .barelySent: harness.tell(.cancelled(id))
        case .status429: harness.fail(attempt, .rateLimit, retryAfter: 20_000)
        case .status500: harness.fail(attempt, .server)
        case .overloaded: harness.fail(attempt, .overloaded)
        case .reset: harness.fail(attempt, .transport)
        case .malformed: harness.fail(attempt, .malformed)
        case .truncated: harness.fail(attempt, .truncated)
        case .status400: harness.fail(attempt, .badRequest)
        case .status401: harness.fail(attempt, .authentication)
        case .status402: harness.fail(attempt, .quota)
        case .status403: harness.fail(attempt, .permission)
        case .status404: harness.fail(attempt, .notFound)
        case .contextLength: harness.fail(attempt, .contextLength)
        case .contentFilter: harness.fail(attempt, .contentPolicy)
        case .brokenStream:
            harness.tell(.firstToken(attempt))
            harness.advance(to: 2000)
            harness.fail(attempt, .truncated)
            #expect(harness.log.starts.count == 1, "nothing is tried once content was shown")
        case .timedOutStream:
            harness.tell(.firstToken(attempt))
            harness.advance(to: 2000)
            #expect(harness.log.starts.count == 1)
        case .deadline, .attemptTimeout: break
        }
    }

    private static func latency(_ statistics: LatencyStatistics) -> Learnt.Latency {
        guard statistics.effectiveSamples > 0, let median = statistics.p50?.value else { return .nothing }
        #expect(abs(statistics.effectiveSamples - 1) < 1e-9, "one attempt is one observation")
        // A histogram knows a latency to 1 %.
        for known in [300, 800] where abs(median.milliseconds / Double(known) - 1) < 0.011 {
            return statistics.censoredShare == 1 ? .longer(known) : .event(known)
        }
        return .event(Int(median.milliseconds))
    }

    private static func reliability(_ deployment: DeploymentStatistics) -> Learnt.Reliability {
        if deployment.health.state == .cooling {
            let left = deployment.health.cooldownLeft ?? .zero
            if deployment.health.cause == .failure(.rateLimit) {
                #expect(left == .seconds(20), "as long as the provider said")
                return .rateLimited
            }
            #expect(left >= .seconds(300))
            return .disabled
        }
        if deployment.health.failureStreak > 0 { return .failure }
        return deployment.successes > 0 ? .success : .none
    }
}
