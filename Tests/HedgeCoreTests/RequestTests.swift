import Testing

@testable import HedgeCore

@Suite("A request")
struct RequestTests {
    @Test("that the primary answers in time has no hedge and leaves no timer")
    func fastPrimary() throws {
        var harness = Harness(deployments: 2)
        let (id, started) = harness.submit()
        let primary = try #require(started.starts.first)
        #expect(started.starts.count == 1)
        #expect(primary.role == .primary)
        #expect(harness.core.nextDeadline != nil)

        harness.advance(to: 99)
        let answered = harness.tell(.firstToken(primary.attempt))
        #expect(answered.commits == [primary.attempt])
        #expect(harness.core.nextDeadline == nil)
        #expect(harness.advance(to: 1000).starts.isEmpty)

        let ended = harness.succeed(primary.attempt)
        #expect(ended.outcomes == [.succeeded(primary.attempt)])
        #expect(harness.core.requestSlots[id] == nil)
        #expect(harness.core.inconsistencies == 0)
    }

    @Test("whose primary is late gets a hedge exactly at the threshold, elsewhere")
    func slowPrimary() throws {
        var harness = Harness(deployments: 2)
        let primary = try #require(harness.submit().actions.starts.first)
        #expect(harness.advance(to: 99.9).starts.isEmpty)
        let hedges = harness.advance(to: 100).starts
        #expect(harness.time == 100)
        #expect(hedges.map(\.role) == [.hedge])
        #expect(hedges.first?.deployment != primary.deployment)
    }

    @Test("gets its second hedge one threshold after the first")
    func staggeredHedges() throws {
        var harness = Harness(deployments: 3) { $0.maxHedges = 2 }
        harness.time = 50
        _ = harness.submit()
        #expect(harness.advance(to: 150).starts.count == 1)
        #expect(harness.advance(to: 249.9).starts.isEmpty)
        #expect(harness.advance(to: 250).starts.count == 1)
        #expect(harness.advance(to: 10_000).starts.isEmpty)
    }

    @Test("with a threshold of zero starts as many attempts as may be in flight, at once")
    func zeroThreshold() {
        var harness = Harness(deployments: 5) { $0.hedgeThreshold = .zero }
        let starts = harness.submit().actions.starts
        #expect(starts.count == 3)
        #expect(Set(starts.map(\.deployment)).count == 3)
        #expect(starts.map(\.role) == [.primary, .hedge, .hedge])
    }

    @Test("with a negative threshold tries one deployment after the other")
    func negativeThreshold() throws {
        var harness = Harness(deployments: 3) { $0.hedgeThreshold = .milliseconds(Int64(-1)) }
        let primary = try #require(harness.submit().actions.starts.first)
        #expect(harness.advance(to: 60_000).starts.isEmpty)
        #expect(harness.fail(primary.attempt, .server).starts.map(\.role) == [.failover])
    }

    @Test("may bring its own threshold and number of parallel attempts")
    func overrides() {
        var harness = Harness(deployments: 3)
        _ = harness.submit(threshold: 30)
        #expect(harness.advance(to: 30).starts.count == 1)
        _ = harness.submit(parallel: 1)
        #expect(harness.advance(to: 10_000).starts.isEmpty)
    }

    @Test("commits to the hedge that answers first and closes the primary in the same turn")
    func hedgeWins() throws {
        var harness = Harness(deployments: 2)
        let primary = try #require(harness.submit().actions.starts.first)
        let hedge = try #require(harness.advance(to: 100).starts.first)
        harness.advance(to: 150)
        let actions = harness.tell(.firstToken(hedge.attempt))
        #expect(actions.cancels == [Cancel(primary.attempt, .superseded)])
        #expect(actions.commits == [hedge.attempt])
        guard case .cancelAttempt = actions.first else {
            Issue.record("the loser is closed before the winner is announced")
            return
        }
        let statistics = harness.core.statistics(at: harness.now)
        #expect(statistics.hedges.fired == 1)
        #expect(statistics.hedges.won == 1)
        #expect(statistics.hedges.lost == 0)
    }

    @Test("counts a hedge that lost")
    func primaryWinsAfterHedge() throws {
        var harness = Harness(deployments: 2)
        let primary = try #require(harness.submit().actions.starts.first)
        let hedge = try #require(harness.advance(to: 100).starts.first)
        let actions = harness.tell(.firstToken(primary.attempt))
        #expect(actions.cancels == [Cancel(hedge.attempt, .superseded)])
        #expect(actions.commits == [primary.attempt])
        let statistics = harness.core.statistics(at: harness.now)
        #expect(statistics.hedges.won == 0)
        #expect(statistics.hedges.lost == 1)
        #expect(harness.core.hedgesInFlight == 0)
    }

    @Test("has one winner when two attempts answer in the same tick")
    func tie() throws {
        var harness = Harness(deployments: 2)
        let primary = try #require(harness.submit().actions.starts.first)
        let hedge = try #require(harness.advance(to: 100).starts.first)
        harness.tell(.firstToken(hedge.attempt))
        #expect(harness.tell(.firstToken(primary.attempt)).isEmpty)
        #expect(harness.succeed(primary.attempt).isEmpty)
        #expect(harness.log.commits == [hedge.attempt])
        #expect(harness.core.inconsistencies == 0)
    }

    @Test("starts the next attempt at once when the primary fails, and its schedule goes on from there")
    func eagerFailover() throws {
        var harness = Harness(deployments: 3)
        let primary = try #require(harness.submit().actions.starts.first)
        harness.advance(to: 40)
        let next = harness.fail(primary.attempt, .transport).starts
        #expect(next.map(\.role) == [.failover])
        #expect(harness.advance(to: 139).starts.isEmpty)
        #expect(harness.advance(to: 140).starts.map(\.role) == [.hedge])
    }

    @Test("keeps waiting for the primary when its hedge fails")
    func hedgeFails() throws {
        var harness = Harness(deployments: 3)
        let primary = try #require(harness.submit().actions.starts.first)
        let hedge = try #require(harness.advance(to: 100).starts.first)
        #expect(harness.fail(hedge.attempt, .server).isEmpty)
        #expect(harness.tell(.firstToken(primary.attempt)).commits == [primary.attempt])
    }

    @Test(
        "ends at once with an error that every deployment would give",
        arguments: [FailureKind.badRequest, .contextLength, .contentPolicy])
    func fatal(kind: FailureKind) throws {
        var harness = Harness(deployments: 3)
        let primary = try #require(harness.submit().actions.starts.first)
        let hedge = try #require(harness.advance(to: 100).starts.first)
        let actions = harness.fail(hedge.attempt, kind)
        #expect(actions.cancels == [Cancel(primary.attempt, .requestFailed)])
        #expect(actions.outcomes == [.failed(.attempt(hedge.attempt))])
        #expect(actions.starts.isEmpty)
    }

    @Test("that fails everywhere ends with the primary's error")
    func allFail() throws {
        var harness = Harness(deployments: 2)
        let primary = try #require(harness.submit().actions.starts.first)
        let second = try #require(harness.fail(primary.attempt, .server).starts.first)
        #expect(harness.fail(second.attempt, .overloaded).outcomes == [.failed(.attempt(primary.attempt))])
    }

    @Test("succeeds with the last deployment when all others fail")
    func lastOneAnswers() throws {
        var harness = Harness(deployments: 4)
        var attempt = try #require(harness.submit().actions.starts.first)
        for _ in 0..<3 { attempt = try #require(harness.fail(attempt.attempt, .server).starts.first) }
        harness.tell(.firstToken(attempt.attempt))
        #expect(harness.succeed(attempt.attempt).outcomes == [.succeeded(attempt.attempt)])
    }

    @Test("makes no more attempts than allowed altogether")
    func mostAttempts() throws {
        var harness = Harness(deployments: 6) { $0.maxAttempts = 2 }
        let primary = try #require(harness.submit().actions.starts.first)
        let second = try #require(harness.fail(primary.attempt, .server).starts.first)
        let ended = harness.fail(second.attempt, .server)
        #expect(ended.starts.isEmpty)
        #expect(ended.outcomes == [.failed(.attempt(primary.attempt))])
    }

    @Test("goes on to the next deployment when one cannot express it, without blame and with the same role")
    func unsupported() throws {
        var harness = Harness(deployments: 3) { $0.maxAttempts = 2 }
        let first = try #require(harness.submit().actions.starts.first)
        let second = try #require(harness.fail(first.attempt, .unsupported).starts.first)
        #expect(second.role == .primary)
        let third = try #require(harness.fail(second.attempt, .server).starts.first)
        #expect(third.role == .failover)
        #expect(harness.fail(third.attempt, .server).outcomes == [.failed(.attempt(second.attempt))])
        let statistics = harness.core.statistics(at: harness.now)
        let blamed = statistics.deployments.first { $0.id == first.deployment }
        #expect(blamed?.health.failureStreak == 0)
        #expect(blamed?.streaming.effectiveSamples == 0)
    }

    @Test("fails with the first refusal when no deployment can express it")
    func unsupportedEverywhere() throws {
        var harness = Harness(deployments: 6)
        let first = try #require(harness.submit().actions.starts.first)
        var attempt = first
        for _ in 0..<5 { attempt = try #require(harness.fail(attempt.attempt, .unsupported).starts.first) }
        #expect(harness.fail(attempt.attempt, .unsupported).outcomes == [.failed(.attempt(first.attempt))])
    }

    @Test("to a group of one goes straight through: no hedge, and its error is the answer")
    func singleDeployment() throws {
        var harness = Harness(deployments: 1) { $0.coldStartParallel = true }
        for _ in 0..<20 {
            let (_, actions) = harness.submit()
            let primary = try #require(actions.starts.first)
            #expect(actions.count == 1)
            #expect(harness.core.nextDeadline == nil)
            #expect(harness.fail(primary.attempt, .server).outcomes == [.failed(.attempt(primary.attempt))])
        }
        #expect(harness.log.healthChanges.isEmpty)
    }

    @Test("that does not stream commits and finishes with the full answer")
    func nonStream() throws {
        var harness = Harness(deployments: 2)
        let primary = try #require(harness.submit(stream: false).actions.starts.first)
        let hedge = try #require(harness.advance(to: 100).starts.first)
        let actions = harness.succeed(hedge.attempt)
        #expect(actions.cancels == [Cancel(primary.attempt, .superseded)])
        #expect(actions.commits == [hedge.attempt])
        #expect(actions.outcomes == [.succeeded(hedge.attempt)])
    }

    @Test("whose stream ends well without a token has an empty answer and no latency")
    func emptyStream() throws {
        var harness = Harness(deployments: 2)
        let primary = try #require(harness.submit().actions.starts.first)
        harness.advance(to: 50)
        let actions = harness.succeed(primary.attempt)
        #expect(actions.commits == [primary.attempt])
        #expect(actions.outcomes == [.succeeded(primary.attempt)])
        let statistics = harness.core.statistics(at: harness.now)
        #expect(statistics.deployments.allSatisfy { $0.streaming.effectiveSamples == 0 })
    }

    @Test("whose stream breaks after its first token is interrupted, and nothing else is tried")
    func interrupted() throws {
        var harness = Harness(deployments: 3)
        let primary = try #require(harness.submit().actions.starts.first)
        harness.tell(.firstToken(primary.attempt))
        let actions = harness.fail(primary.attempt, .truncated)
        #expect(actions.outcomes == [.failed(.interrupted(primary.attempt))])
        #expect(actions.starts.isEmpty)
    }

    @Test("that the caller cancels closes everything, before and after its answer began")
    func cancelled() throws {
        var harness = Harness(deployments: 2)
        let (id, started) = harness.submit()
        let primary = try #require(started.starts.first)
        let hedge = try #require(harness.advance(to: 100).starts.first)
        let actions = harness.tell(.cancelled(id))
        #expect(
            Set(actions.cancels) == [
                Cancel(primary.attempt, .callerCancelled), Cancel(hedge.attempt, .callerCancelled),
            ])
        #expect(actions.outcomes == [.failed(.cancelled)])
        #expect(harness.core.nextDeadline == nil)

        let (other, again) = harness.submit()
        let winner = try #require(again.starts.first)
        harness.tell(.firstToken(winner.attempt))
        #expect(harness.tell(.cancelled(other)).cancels == [Cancel(winner.attempt, .callerCancelled)])
        #expect(harness.tell(.cancelled(other)).isEmpty)
        #expect(harness.log.healthChanges.isEmpty)
        #expect(harness.core.inconsistencies == 0)
    }

    @Test("ends at its deadline with every attempt closed")
    func deadline() throws {
        var harness = Harness(deployments: 2)
        _ = harness.submit(deadline: 500)
        harness.advance(to: 499)
        let actions = harness.advance(to: 500)
        #expect(actions.cancels.map(\.reason) == [.deadline, .deadline])
        #expect(actions.outcomes == [.failed(.deadline)])
    }

    @Test("without a deadline has the configured one")
    func requestTimeout() {
        var harness = Harness(deployments: 1) { $0.requestTimeout = .milliseconds(Int64(700)) }
        _ = harness.submit()
        #expect(harness.advance(to: 699).isEmpty)
        #expect(harness.advance(to: 700).outcomes == [.failed(.deadline)])
    }

    @Test("whose deadline has passed is not sent")
    func lateDeadline() {
        var harness = Harness(deployments: 2)
        harness.time = 100
        let actions = harness.submit(deadline: 100).actions
        #expect(actions.starts.isEmpty)
        #expect(actions.outcomes == [.failed(.deadline)])
    }

    @Test("for an unknown group is refused")
    func unknownGroup() {
        var harness = Harness(deployments: 2)
        let traits = RequestTraits(group: GroupID(rawValue: 9), isStream: true)
        let actions = harness.tell(.submitted(RequestID(rawValue: 1), traits))
        #expect(actions.outcomes == [.failed(.noDeployment(retryAfter: nil))])
    }
}

@Suite("Attempt timeouts")
struct AttemptTimeoutTests {
    @Test("the first token's: the next deployment is tried")
    func firstToken() throws {
        var harness = Harness(
            deployments: 2, adjust: { $0.hedgeBudget = 0 },
            each: { $0.timeouts.firstToken = .milliseconds(Int64(300)) })
        let primary = try #require(harness.submit().actions.starts.first)
        #expect(harness.advance(to: 299).isEmpty)
        let actions = harness.advance(to: 300)
        #expect(actions.cancels == [Cancel(primary.attempt, .timedOut(.firstToken))])
        #expect(actions.starts.map(\.role) == [.failover])
        #expect(harness.advance(to: 600).outcomes == [.failed(.attempt(primary.attempt))])
    }

    @Test("the first token's does not apply to a request that does not stream")
    func firstTokenOfFullAnswer() {
        var harness = Harness(deployments: 1) { _ in
        } each: {
            $0.timeouts.firstToken = .milliseconds(Int64(300))
        }
        _ = harness.submit(stream: false)
        #expect(harness.core.nextDeadline == nil)
    }

    @Test("the gap's counts from the latest output and stands still while paused")
    func gap() throws {
        var harness = Harness(deployments: 1) { _ in
        } each: {
            $0.timeouts.gap = .milliseconds(Int64(100))
        }
        let primary = try #require(harness.submit().actions.starts.first)
        #expect(harness.advance(to: 1000).isEmpty)
        harness.tell(.firstToken(primary.attempt))
        for time in stride(from: 1080.0, through: 1400, by: 80) {
            #expect(harness.advance(to: time).isEmpty)
            harness.tell(.progressed(primary.attempt))
        }
        harness.tell(.paused(primary.attempt))
        #expect(harness.advance(to: 5000).isEmpty)
        harness.tell(.resumed(primary.attempt))
        #expect(harness.advance(to: 5099).isEmpty)
        let actions = harness.advance(to: 5100)
        #expect(actions.cancels == [Cancel(primary.attempt, .timedOut(.gap))])
        #expect(actions.outcomes == [.failed(.interrupted(primary.attempt))])
    }

    @Test("the total's ends a stream that goes on and on")
    func total() throws {
        var harness = Harness(deployments: 1) { _ in
        } each: {
            $0.timeouts.total = .milliseconds(Int64(1000))
        }
        let primary = try #require(harness.submit().actions.starts.first)
        harness.tell(.firstToken(primary.attempt))
        harness.advance(to: 999)
        harness.tell(.progressed(primary.attempt))
        #expect(harness.advance(to: 1000).cancels == [Cancel(primary.attempt, .timedOut(.total))])
        #expect(harness.log.outcomes == [.failed(.interrupted(primary.attempt))])
    }
}

@Suite("Events that fit nothing")
struct ImpossibleEventTests {
    @Test("are counted and change nothing")
    func counted() throws {
        var harness = Harness(deployments: 2)
        #expect(harness.tell(.firstToken(AttemptID(rawValue: 77))).isEmpty)
        let (id, actions) = harness.submit(stream: false)
        let primary = try #require(actions.starts.first)
        #expect(harness.tell(.firstToken(primary.attempt)).isEmpty)
        let again = RequestTraits(group: GroupID(rawValue: 1), isStream: true)
        #expect(harness.tell(.submitted(id, again)).isEmpty)
        #expect(harness.core.inconsistencies == 3)
        #expect(harness.succeed(primary.attempt).outcomes == [.succeeded(primary.attempt)])
    }

    @Test("are not those that crossed a cancel on the way")
    func late() throws {
        var harness = Harness(deployments: 2)
        let (id, actions) = harness.submit()
        let primary = try #require(actions.starts.first)
        harness.tell(.cancelled(id))
        harness.tell(.firstToken(primary.attempt))
        harness.tell(.progressed(primary.attempt))
        #expect(harness.fail(primary.attempt, .transport).isEmpty)
        #expect(harness.core.inconsistencies == 0)
    }
}
