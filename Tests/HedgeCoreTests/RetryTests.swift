import Testing

@testable import HedgeCore

@Suite("A retry")
struct RetryTests {
    private static func harness(
        _ count: Int = 1, retries: Int = 2, seed: UInt64 = 1, adjust: (inout Policy) -> Void = { _ in },
        each: (inout DeploymentConfiguration) -> Void = { _ in }
    ) -> Harness {
        Harness(
            deployments: count, seed: seed,
            adjust: {
                $0.retries = RetryPolicy(standard: retries)
                adjust(&$0)
            }, each: each)
    }

    @Test("follows a failure of the only deployment after a wait, as often as configured")
    func count() throws {
        var harness = Self.harness()
        var attempt = try #require(harness.submit().actions.starts.first)
        for _ in 0..<2 {
            let failed = harness.fail(attempt.attempt, .server)
            #expect(failed.starts.isEmpty)
            #expect(failed.outcomes.isEmpty)
            let again = harness.advance(to: harness.time + 8001).starts
            #expect(again.map(\.role) == [.retry])
            attempt = try #require(again.first)
        }
        #expect(harness.fail(attempt.attempt, .server).outcomes == [.failed(.attempt(AttemptID(rawValue: 1)))])
        #expect(harness.core.statistics(at: harness.now).retries == 2)
    }

    @Test("is no retry while another deployment is left: failover is first and waits for nothing")
    func failoverFirst() throws {
        var harness = Self.harness(2)
        let first = try #require(harness.submit().actions.starts.first)
        let second = try #require(harness.fail(first.attempt, .server).starts.first)
        #expect(second.role == .failover)
        #expect(second.deployment != first.deployment)
        #expect(harness.fail(second.attempt, .server).starts.isEmpty)
        // One of the two further attempts was the failover.
        let third = try #require(harness.advance(to: 10_000).starts.first)
        #expect(third.role == .retry)
        #expect(harness.fail(third.attempt, .server).outcomes.count == 1)
    }

    @Test("waits no longer than 0.5 s, 1 s, 2 s, ... and for a random part of it")
    func backoff() throws {
        var waits: [[Double]] = [[], [], []]
        for seed in 0..<200 {
            var harness = Self.harness(retries: 3, seed: UInt64(seed))
            var attempt = try #require(harness.submit().actions.starts.first)
            for round in 0..<3 {
                harness.fail(attempt.attempt, .transport)
                let before = harness.time
                attempt = try #require(harness.advance(to: before + 10_000).starts.first)
                let due = harness.log.notes.compactMap { note in
                    if case .retryScheduled(let wait) = note { wait.milliseconds } else { nil }
                }
                waits[round].append(try #require(due.last))
            }
        }
        for (round, most) in [500.0, 1000, 2000].enumerated() {
            #expect(waits[round].allSatisfy { $0 >= 0 && $0 <= most })
            #expect((waits[round].max() ?? 0) > 0.9 * most)
            #expect((waits[round].min() ?? most) < 0.1 * most)
        }
    }

    @Test("waits at least as long as the provider asked for, and as configured")
    func floors() throws {
        var harness = Self.harness()
        let first = try #require(harness.submit().actions.starts.first)
        harness.fail(first.attempt, .rateLimit, retryAfter: 3000)
        #expect(harness.advance(to: 2999).starts.isEmpty)
        #expect(harness.advance(to: 3500).starts.map(\.role) == [.retry])

        harness = Self.harness(adjust: { $0.retryAfter = .seconds(20) })
        let other = try #require(harness.submit().actions.starts.first)
        harness.fail(other.attempt, .server)
        #expect(harness.advance(to: 19_999).starts.isEmpty)
        #expect(harness.advance(to: 20_000).starts.map(\.role) == [.retry])
    }

    @Test("never follows a failure that repeating does not cure", arguments: FailureKind.allCases)
    func cures(kind: FailureKind) throws {
        var harness = Self.harness()
        let first = try #require(harness.submit().actions.starts.first)
        let ended = !harness.fail(first.attempt, kind).outcomes.isEmpty
        let expected: Set<FailureKind> = [
            .rateLimit, .overloaded, .providerTimeout, .server, .transport, .malformed, .truncated,
        ]
        #expect(ended != expected.contains(kind))
    }

    @Test("does not come when the provider says not to, and elsewhere all the same")
    func provider() throws {
        var harness = Self.harness()
        let first = try #require(harness.submit().actions.starts.first)
        let failure = Failure(kind: .server, mayRepeat: false)
        #expect(harness.tell(.attemptEnded(first.attempt, .failed(failure))).outcomes.count == 1)

        harness = Self.harness(2)
        let other = try #require(harness.submit().actions.starts.first)
        #expect(harness.tell(.attemptEnded(other.attempt, .failed(failure))).starts.map(\.role) == [.failover])
    }

    @Test("has a number for each class, the request's own before all")
    func policy() throws {
        let adjust: (inout Policy) -> Void = {
            $0.retries = RetryPolicy(standard: 1, timeouts: 0, rateLimits: 3, overloads: 0, serverErrors: 0)
        }
        let cases: [(FailureKind, Bool)] = [
            (.providerTimeout, false), (.rateLimit, true), (.overloaded, false), (.server, false),
        ]
        for (kind, isRepeated) in cases {
            var harness = Self.harness(adjust: adjust)
            let first = try #require(harness.submit().actions.starts.first)
            #expect(harness.fail(first.attempt, kind).outcomes.isEmpty == isRepeated)
        }
        var harness = Self.harness(adjust: adjust)
        var traits = RequestTraits(group: GroupID(rawValue: 1), isStream: true)
        traits.overrides.retries = 0
        let first = try #require(harness.tell(.submitted(RequestID(rawValue: 9), traits)).starts.first)
        #expect(harness.fail(first.attempt, .rateLimit).outcomes.count == 1)
    }

    @Test("is bounded by the deployment's own number before the router's")
    func perDeployment() throws {
        var harness = Self.harness(retries: 0, each: { $0.retries = 1 })
        let first = try #require(harness.submit().actions.starts.first)
        #expect(harness.fail(first.attempt, .server).outcomes.isEmpty)
        let second = try #require(harness.advance(to: 1000).starts.first)
        #expect(harness.fail(second.attempt, .server).outcomes.count == 1)
    }

    @Test("does not start what cannot end before the deadline")
    func deadline() throws {
        // A wait past the deadline.
        var harness = Self.harness()
        var first = try #require(harness.submit(deadline: 2000).actions.starts.first)
        harness.advance(to: 100)
        #expect(harness.fail(first.attempt, .rateLimit, retryAfter: 1900).outcomes.count == 1)

        // Enough time to start, not enough to answer.
        harness = Self.harness()
        for _ in 0..<5 { harness.serve(after: 900) }
        let start = harness.time
        first = try #require(harness.submit(deadline: start + 1000).actions.starts.first)
        harness.advance(to: start + 150)
        #expect(harness.fail(first.attempt, .server).outcomes.count == 1)

        // Enough for both.
        first = try #require(harness.submit(deadline: harness.time + 1500).actions.starts.first)
        #expect(harness.fail(first.attempt, .server).outcomes.isEmpty)
    }

    @Test("counts toward the attempts of a request")
    func attempts() throws {
        var harness = Self.harness(retries: 50, adjust: { $0.maxAttempts = 3 })
        var attempt = try #require(harness.submit().actions.starts.first)
        var started = 1
        while let next = { () -> AttemptStart? in
            harness.fail(attempt.attempt, .server)
            return harness.advance(to: harness.time + 10_000).starts.first
        }() {
            attempt = next
            started += 1
        }
        #expect(started == 3)
        #expect(harness.log.outcomes.count == 1)
    }

    @Test("has a budget that failing repetitions use up and working ones do not")
    func budget() throws {
        var harness = Self.harness(retries: 1)
        var repeated = 0
        for _ in 0..<400 {
            let first = try #require(harness.submit().actions.starts.first)
            harness.fail(first.attempt, .server)
            guard let second = harness.advance(to: harness.time + 1000).starts.first else { continue }
            repeated += 1
            harness.fail(second.attempt, .server)
        }
        #expect(repeated > 100)
        #expect(repeated < 200)
        #expect(harness.core.statistics(at: harness.now).retriesRefused > 0)

        harness = Self.harness(retries: 1)
        for _ in 0..<400 {
            let first = try #require(harness.submit().actions.starts.first)
            harness.fail(first.attempt, .server)
            let second = try #require(harness.advance(to: harness.time + 1000).starts.first)
            harness.succeed(second.attempt)
        }
    }

    @Test("that is waited for ends with the caller's cancel, and leaves no timer")
    func cancelled() throws {
        var harness = Self.harness()
        let (id, actions) = harness.submit()
        harness.fail(try #require(actions.starts.first).attempt, .server)
        #expect(harness.tell(.cancelled(id)).outcomes == [.failed(.cancelled)])
        #expect(harness.advance(to: 60_000).isEmpty)
        #expect(harness.core.nextDeadline == nil)
        #expect(harness.core.inconsistencies == 0)
    }

    @Test("goes to a deployment that became free meanwhile rather than to the one that failed")
    func untriedFirst() throws {
        var harness = Self.harness(2, each: { $0.maxParallelRequests = 1 })
        let busy = try #require(harness.submit().actions.starts.first)
        let first = try #require(harness.submit().actions.starts.first)
        #expect(first.deployment != busy.deployment)
        #expect(harness.fail(first.attempt, .server).starts.isEmpty)
        harness.succeed(busy.attempt)
        let next = try #require(harness.advance(to: 1000).starts.first)
        #expect(next.role == .failover)
        #expect(next.deployment == busy.deployment)
    }
}
