import Testing

@testable import HedgeCore

/// What each end of an attempt leaves behind, told by what the deployment's statistics show.
@Suite("What is observed of an attempt")
struct ObservationTests {
    /// Samples and their censored share that one deployment shows after `body`.
    static func observed(
        stream: Bool = true, timeouts: AttemptTimeouts = AttemptTimeouts(total: nil), deadline: Double? = nil,
        _ body: (inout Harness, RequestID, AttemptID) -> Void
    ) throws -> (samples: Double, censored: Double, health: Int, median: Double?) {
        var harness = Harness(deployments: 1) { _ in
        } each: {
            $0.timeouts = timeouts
        }
        let (id, actions) = harness.submit(stream: stream, deadline: deadline)
        let attempt = try #require(actions.starts.first?.attempt)
        body(&harness, id, attempt)
        let deployment = try #require(harness.core.statistics(at: harness.now).deployments.first)
        let latency = stream ? deployment.streaming : deployment.complete
        return (
            latency.effectiveSamples, latency.censoredShare, deployment.health.failureStreak,
            latency.p50?.value.milliseconds
        )
    }

    static func isNear(_ a: Double?, _ b: Double) -> Bool {
        guard let a else { return false }
        return abs(a / b - 1) < 0.011
    }

    @Test("the first token is the event, and what follows changes nothing")
    func firstToken() throws {
        let seen = try Self.observed { harness, _, attempt in
            harness.advance(to: 300)
            harness.tell(.firstToken(attempt))
            harness.advance(to: 9000)
            harness.succeed(attempt)
        }
        #expect(seen.samples == 1 && seen.censored == 0 && seen.health == 0)
        #expect(Self.isNear(seen.median, 300))
    }

    @Test("the full answer is the event of a request that does not stream")
    func fullAnswer() throws {
        let seen = try Self.observed(stream: false) { harness, _, attempt in
            harness.advance(to: 1700)
            harness.succeed(attempt)
        }
        #expect(seen.samples == 1 && seen.censored == 0)
        #expect(Self.isNear(seen.median, 1700))
    }

    @Test("an empty stream says nothing")
    func emptyStream() throws {
        let seen = try Self.observed { harness, _, attempt in
            harness.advance(to: 300)
            harness.succeed(attempt)
        }
        #expect(seen.samples == 0)
    }

    @Test("the caller's cancel and the deadline leave a lower bound and no blame")
    func abandoned() throws {
        let cancelled = try Self.observed { harness, id, _ in
            harness.advance(to: 400)
            harness.tell(.cancelled(id))
        }
        #expect(cancelled.samples == 1 && cancelled.censored == 1 && cancelled.health == 0)
        #expect(Self.isNear(cancelled.median, 400))
        let late = try Self.observed(deadline: 700) { harness, _, _ in harness.advance(to: 700) }
        #expect(late.samples == 1 && late.censored == 1 && late.health == 0)
    }

    @Test("an attempt cancelled within 5 ms was hardly sent")
    func brief() throws {
        let seen = try Self.observed { harness, id, _ in
            harness.advance(to: 4)
            harness.tell(.cancelled(id))
        }
        #expect(seen.samples == 0)
    }

    @Test(
        "a deployment's failure is a lower bound, never an event",
        arguments: [FailureKind.overloaded, .providerTimeout, .server, .transport, .malformed, .truncated])
    func hardFailure(kind: FailureKind) throws {
        let seen = try Self.observed { harness, _, attempt in
            harness.advance(to: 30)
            harness.fail(attempt, kind)
        }
        #expect(seen.samples == 1 && seen.censored == 1 && seen.health == 1)
    }

    @Test("a rate limit is a lower bound and no part of the streak")
    func rateLimit() throws {
        let seen = try Self.observed { harness, _, attempt in
            harness.advance(to: 30)
            harness.fail(attempt, .rateLimit)
        }
        #expect(seen.samples == 1 && seen.censored == 1 && seen.health == 0)
    }

    @Test(
        "a refusal of the request or the credentials says nothing about latency",
        arguments: [
            FailureKind.authentication, .permission, .notFound, .badRequest, .contextLength, .contentPolicy, .tooLarge,
            .quota, .unsupported, .internal,
        ])
    func refusal(kind: FailureKind) throws {
        let seen = try Self.observed { harness, _, attempt in
            harness.advance(to: 30)
            harness.fail(attempt, kind)
        }
        #expect(seen.samples == 0 && seen.health == 0)
    }

    @Test("an attempt's own timeout is a lower bound and a failure")
    func timeout() throws {
        let timeouts = AttemptTimeouts(firstToken: .milliseconds(Int64(800)), total: nil)
        let seen = try Self.observed(timeouts: timeouts) { harness, _, _ in harness.advance(to: 800) }
        #expect(seen.samples == 1 && seen.censored == 1 && seen.health == 1)
        #expect(Self.isNear(seen.median, 800))
    }

    @Test("a stream that breaks keeps its event and is a failure")
    func brokenStream() throws {
        let seen = try Self.observed { harness, _, attempt in
            harness.advance(to: 300)
            harness.tell(.firstToken(attempt))
            harness.advance(to: 2000)
            harness.fail(attempt, .truncated)
        }
        #expect(seen.samples == 1 && seen.censored == 0 && seen.health == 1)
    }

    @Test("a superseded loser leaves a lower bound and no blame")
    func superseded() throws {
        var harness = Harness(deployments: 2)
        let primary = try #require(harness.submit().actions.starts.first)
        let hedge = try #require(harness.advance(to: 100).starts.first)
        harness.advance(to: 250)
        harness.tell(.firstToken(hedge.attempt))
        let deployments = harness.core.statistics(at: harness.now).deployments
        let loser = try #require(deployments.first { $0.id == primary.deployment })
        #expect(loser.streaming.effectiveSamples == 1)
        #expect(loser.streaming.censoredShare == 1)
        #expect(Self.isNear(loser.streaming.p50?.value.milliseconds, 250))
        #expect(loser.health.failureStreak == 0)
        #expect(loser.cancelled == [.superseded: 1])
    }

    @Test("streams and full answers are apart")
    func kinds() throws {
        let seen = try Self.observed(stream: false) { harness, _, attempt in
            harness.advance(to: 300)
            harness.succeed(attempt)
            #expect(harness.core.statistics(at: harness.now).deployments[0].streaming.effectiveSamples == 0)
        }
        #expect(seen.samples == 1)
    }
}
