import Testing

@testable import HedgeCore

@Suite("A fallback")
struct FallbackTests {
    /// Groups 1, 2, ... with so many deployments each; deployment 10 * g + n is the n-th of group g.
    private static func harness(
        _ counts: [Int], fallbacks: [Int: GroupFallbacks] = [1: GroupFallbacks(general: [GroupID(rawValue: 2)])],
        adjust: (inout Policy) -> Void = { _ in }, each: (inout DeploymentConfiguration) -> Void = { _ in }
    ) -> Harness {
        var configuration = Harness.configuration(deployments: 1, adjust: adjust)
        configuration.deployments = []
        configuration.groups = []
        for (index, count) in counts.enumerated() {
            let group = index + 1
            let ids = (0..<count).map { DeploymentID(rawValue: 10 * group + $0) }
            for id in ids {
                var deployment = DeploymentConfiguration(id: id)
                deployment.timeouts.total = nil
                each(&deployment)
                configuration.deployments.append(deployment)
            }
            configuration.groups.append(
                GroupConfiguration(
                    id: GroupID(rawValue: group), deployments: ids, fallbacks: fallbacks[group] ?? GroupFallbacks()))
        }
        return Harness(configuration)
    }

    private static func group(_ start: AttemptStart?) -> Int? { start?.group.rawValue }

    @Test("takes over at once when the last attempt of the group failed")
    func takesOver() throws {
        var harness = Self.harness([2, 1])
        let first = try #require(harness.submit().actions.starts.first)
        let second = try #require(harness.fail(first.attempt, .server).starts.first)
        #expect(second.role == .failover)
        let third = try #require(harness.fail(second.attempt, .server).starts.first)
        #expect(third.role == .fallback)
        #expect(third.group == GroupID(rawValue: 2))
        #expect(third.deployment == DeploymentID(rawValue: 20))
        #expect(harness.tell(.firstToken(third.attempt)).commits == [third.attempt])
        #expect(harness.succeed(third.attempt).outcomes == [.succeeded(third.attempt)])
    }

    @Test("takes a request that waits as soon as it has room, the first of them first")
    func roomMeanwhile() throws {
        var harness = Self.harness([1, 1], each: { $0.maxParallelRequests = 1 })
        let own = try #require(harness.submit().actions.starts.first)
        let other = try #require(harness.submit().actions.starts.first)
        #expect(Self.group(own) == 1 && Self.group(other) == 2)
        let (first, none) = harness.submit()
        #expect(none.starts.isEmpty)
        let (second, _) = harness.submit()
        let served = try #require(harness.succeedWhole(other.attempt).starts.first)
        #expect(served.request == first && served.role == .fallback && Self.group(served) == 2)
        #expect(harness.core.statistics(at: harness.now).queue.waiting == 1)
        let home = try #require(harness.succeedWhole(own.attempt).starts.first)
        #expect(home.request == second && Self.group(home) == 1)
        #expect(harness.core.statistics(at: harness.now).queue.waiting == 0)
        #expect(harness.core.inconsistencies == 0)
    }

    @Test("two groups further takes a request that waits when a minute's limit lets it")
    func roomInTime() throws {
        let lists = [
            1: GroupFallbacks(general: [GroupID(rawValue: 2)]), 2: GroupFallbacks(general: [GroupID(rawValue: 3)]),
        ]
        var harness = Self.harness([1, 1, 1], fallbacks: lists) {
            $0.maxWait = .seconds(600)
        } each: {
            if $0.id.rawValue == 30 { $0.requestsPerMinute = 1 } else { $0.maxParallelRequests = 1 }
        }
        for group in 1...3 { #expect(Self.group(harness.submit().actions.starts.first) == group) }
        let (waiting, none) = harness.submit()
        #expect(none.starts.isEmpty)
        #expect(harness.advance(to: 50_000).starts.isEmpty)
        let served = try #require(harness.advance(to: 70_000).starts.first)
        #expect(served.request == waiting && Self.group(served) == 3)
    }

    @Test("comes after the repetitions in the group")
    func afterRetries() throws {
        var harness = Self.harness([1, 1], adjust: { $0.retries = RetryPolicy(standard: 1) })
        let first = try #require(harness.submit().actions.starts.first)
        #expect(harness.fail(first.attempt, .server).starts.isEmpty)
        let second = try #require(harness.advance(to: 1000).starts.first)
        #expect(second.role == .retry)
        #expect(harness.fail(second.attempt, .server).starts.map(\.role) == [.fallback])
    }

    @Test("comes at once when the provider asks for time")
    func insteadOfRetryAfter() throws {
        var harness = Self.harness([1, 1], adjust: { $0.retries = RetryPolicy(standard: 1) })
        let first = try #require(harness.submit().actions.starts.first)
        #expect(harness.fail(first.attempt, .rateLimit, retryAfter: 2000).starts.map(\.role) == [.fallback])
    }

    @Test("names the caller's own group's failure when everything failed")
    func surfaces() throws {
        var harness = Self.harness([1, 1])
        let first = try #require(harness.submit().actions.starts.first)
        let second = try #require(harness.fail(first.attempt, .authentication).starts.first)
        #expect(harness.fail(second.attempt, .server).outcomes == [.failed(.attempt(first.attempt))])
    }

    @Test("goes down its own list before the rest of the first one, each group once")
    func order() throws {
        let ids = (1...5).map { GroupID(rawValue: $0) }
        var harness = Self.harness(
            [1, 1, 1, 1],
            fallbacks: [
                1: GroupFallbacks(general: [ids[1], ids[3], ids[4]]), 2: GroupFallbacks(general: [ids[0], ids[2]]),
                3: GroupFallbacks(general: [ids[1], ids[0]]),
            ])
        var attempt = try #require(harness.submit().actions.starts.first)
        var visited = [1]
        while let next = harness.fail(attempt.attempt, .server).starts.first {
            visited.append(next.group.rawValue)
            attempt = next
        }
        #expect(visited == [1, 2, 3, 4])
        #expect(harness.log.outcomes.count == 1)
    }

    @Test("is bounded in depth", arguments: 0...3)
    func depth(most: Int) throws {
        var lists: [Int: GroupFallbacks] = [:]
        for group in 1...4 { lists[group] = GroupFallbacks(general: [GroupID(rawValue: group % 5 + 1)]) }
        var harness = Self.harness([1, 1, 1, 1, 1], fallbacks: lists, adjust: { $0.maxFallbacks = most })
        var attempt = try #require(harness.submit().actions.starts.first)
        var entered = 0
        while let next = harness.fail(attempt.attempt, .server).starts.first {
            entered += 1
            attempt = next
        }
        #expect(entered == most)
    }

    @Test(
        "for a prompt too long or a refused one has a list of its own",
        arguments: [FailureKind.contextLength, .contentPolicy])
    func special(kind: FailureKind) throws {
        let lists = GroupFallbacks(
            general: [GroupID(rawValue: 2)], contextWindow: [GroupID(rawValue: 3)],
            contentPolicy: [GroupID(rawValue: 4)])
        var harness = Self.harness([2, 1, 1, 1], fallbacks: [1: lists])
        let first = try #require(harness.submit().actions.starts.first)
        let hedge = try #require(harness.advance(to: 100).starts.first)
        let actions = harness.fail(first.attempt, kind)
        // The other attempt of the group would say the same.
        #expect(actions.cancels == [Cancel(hedge.attempt, .requestFailed)])
        #expect(Self.group(actions.starts.first) == (kind == .contextLength ? 3 : 4))
        let last = try #require(actions.starts.first)
        #expect(harness.fail(last.attempt, .server).outcomes.count == 1)
    }

    @Test("from the general list serves those, too, when there is no other list")
    func generalForSpecial() throws {
        var harness = Self.harness([1, 1])
        let first = try #require(harness.submit().actions.starts.first)
        #expect(harness.fail(first.attempt, .contextLength).starts.map(\.role) == [.fallback])
    }

    @Test("is none for a request that is wrong in itself")
    func badRequest() throws {
        var harness = Self.harness([1, 1])
        let first = try #require(harness.submit().actions.starts.first)
        #expect(harness.fail(first.attempt, .badRequest).outcomes == [.failed(.attempt(first.attempt))])
    }

    @Test("may be turned off for a request, or be another one")
    func overrides() throws {
        var harness = Self.harness([1, 1, 1])
        var traits = RequestTraits(group: GroupID(rawValue: 1), isStream: true)
        traits.overrides.disableFallbacks = true
        var first = try #require(harness.tell(.submitted(RequestID(rawValue: 1), traits)).starts.first)
        #expect(harness.fail(first.attempt, .server).outcomes.count == 1)
        traits.overrides = RequestOverrides(fallbacks: [GroupID(rawValue: 3)])
        first = try #require(harness.tell(.submitted(RequestID(rawValue: 2), traits)).starts.first)
        #expect(Self.group(harness.fail(first.attempt, .server).starts.first) == 3)
    }

    @Test("of a hanging group starts after half of the deadline and answers in time")
    func inTime() throws {
        var harness = Self.harness([1, 1])
        let first = try #require(harness.submit(deadline: 1000).actions.starts.first)
        #expect(harness.advance(to: 499).starts.isEmpty)
        let second = try #require(harness.advance(to: 500).starts.first)
        #expect(second.role == .fallback)
        harness.advance(to: 600)
        let actions = harness.tell(.firstToken(second.attempt))
        #expect(actions.commits == [second.attempt])
        #expect(actions.cancels == [Cancel(first.attempt, .superseded)])
        #expect(harness.core.statistics(at: harness.now).fallbacksInTime == 1)
    }

    @Test("in time leaves the answer to whichever comes first")
    func lateButFirst() throws {
        var harness = Self.harness([1, 1])
        let first = try #require(harness.submit(deadline: 1000).actions.starts.first)
        let second = try #require(harness.advance(to: 500).starts.first)
        let actions = harness.tell(.firstToken(first.attempt))
        #expect(actions.commits == [first.attempt])
        #expect(actions.cancels == [Cancel(second.attempt, .superseded)])
        #expect(harness.advance(to: 5000).starts.isEmpty)
    }

    @Test("in time waits for what its group usually takes, and no longer than what it takes itself")
    func usual() throws {
        // The group itself usually takes 700 ms: half of the deadline is too early to give up on it.
        var harness = Self.harness([1, 1])
        for _ in 0..<50 { harness.serve(after: 700) }
        var start = harness.time
        _ = harness.submit(deadline: start + 1000)
        #expect(harness.advance(to: start + 690).starts.isEmpty)
        #expect(harness.advance(to: start + 760).starts.map(\.role) == [.fallback])

        // The fallback usually takes 600 ms: after half of the deadline it would be too late.
        harness = Self.harness([1, 1])
        for _ in 0..<50 {
            harness.core.observe(.milliseconds(600.0), of: DeploymentID(rawValue: 20), isStream: true, at: harness.now)
        }
        start = harness.time
        _ = harness.submit(deadline: start + 1000)
        let early = harness.advance(to: start + 420).starts
        #expect(early.map(\.role) == [.fallback])
        #expect(harness.advance(to: start + 999).starts.isEmpty)
    }

    @Test("has fallbacks in time of its own, each with half of what is left")
    func chain() throws {
        let lists = GroupFallbacks(general: [GroupID(rawValue: 2), GroupID(rawValue: 3)])
        var harness = Self.harness([1, 1, 1], fallbacks: [1: lists])
        _ = harness.submit(deadline: 1000)
        #expect(Self.group(harness.advance(to: 500).starts.first) == 2)
        #expect(Self.group(harness.advance(to: 750).starts.first) == 3)
        #expect(harness.advance(to: 1000).outcomes == [.failed(.deadline)])
        #expect(harness.log.cancels.count == 3)
    }

    @Test("in time comes even when a race fills what may be in flight")
    func crowded() throws {
        var harness = Self.harness([3, 1], adjust: { $0.coldStartParallel = true })
        #expect(harness.submit(deadline: 1000).actions.starts.count == 3)
        #expect(harness.advance(to: 500).starts.map(\.role) == [.fallback])
    }

    @Test("is not started beside another attempt where one at a time is asked for")
    func oneAtATime() throws {
        var harness = Self.harness([1, 1])
        _ = harness.submit(deadline: 1000, parallel: 1)
        #expect(harness.advance(to: 999).starts.isEmpty)
    }

    @Test("still leads on when it fails while the first group hangs")
    func leadsOn() throws {
        let lists = GroupFallbacks(general: [GroupID(rawValue: 2), GroupID(rawValue: 3)])
        var harness = Self.harness([1, 1, 1], fallbacks: [1: lists])
        let first = try #require(harness.submit(deadline: 1000).actions.starts.first)
        let second = try #require(harness.advance(to: 500).starts.first)
        let third = try #require(harness.fail(second.attempt, .server).starts.first)
        #expect(third.group == GroupID(rawValue: 3))
        // Nothing is left: the first group is waited for.
        #expect(harness.fail(third.attempt, .server).outcomes.isEmpty)
        #expect(harness.tell(.firstToken(first.attempt)).commits == [first.attempt])
    }

    @Test("serves while the only deployment of the group cools down, and tests it after")
    func cooling() throws {
        var harness = Self.harness([1, 1], adjust: { $0.allowedFails = 0 })
        let first = try #require(harness.submit().actions.starts.first)
        let failed = harness.fail(first.attempt, .server)
        #expect(failed.healthChanges.count == 1)
        let second = try #require(failed.starts.first)
        harness.succeed(second.attempt)

        // Out: the request goes straight to the fallback.
        let other = harness.submit().actions.starts
        #expect(other.map(\.role) == [.fallback])
        harness.succeed(try #require(other.first).attempt)

        // The cooldown is over: a canary as a shadow of what the fallback serves anyway.
        harness.advance(to: 10_000)
        let both = harness.submit().actions.starts
        #expect(both.map(\.role) == [.fallback, .canary])
        #expect(both.map(\.group.rawValue) == [2, 1])
        harness.tell(.firstToken(both[1].attempt))
        harness.succeed(both[1].attempt)
        #expect(harness.submit().actions.starts.map(\.role) == [.primary])
    }

    @Test("takes what its group has no capacity for")
    func capacity() throws {
        var harness = Self.harness(
            [1, 1, 1],
            fallbacks: [
                1: GroupFallbacks(general: [GroupID(rawValue: 2)]), 2: GroupFallbacks(general: [GroupID(rawValue: 3)]),
            ], each: { $0.requestsPerMinute = 1 })
        let groups = (0..<3).map { _ in Self.group(harness.submit().actions.starts.first) }
        #expect(groups == [1, 2, 3])
        #expect(harness.submit().actions.outcomes.count == 1)
    }

    @Test("is refused once too many of them failed")
    func budget() throws {
        var harness = Self.harness([1, 1], adjust: { $0.allowedFails = 1000 })
        var fallen = 0
        for _ in 0..<400 {
            let first = try #require(harness.submit().actions.starts.first)
            guard let second = harness.fail(first.attempt, .tooLarge).starts.first else { continue }
            fallen += 1
            harness.fail(second.attempt, .tooLarge)
        }
        #expect(fallen > 100)
        #expect(fallen < 200)
    }
}
