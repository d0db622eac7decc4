import Testing

@testable import HedgeCore

@Suite("A request that nothing can take")
struct WaitingTests {
    /// Deployments that take one attempt at a time.
    static func harness(
        _ count: Int = 1, adjust: (inout Policy) -> Void = { _ in },
        each: (inout DeploymentConfiguration) -> Void = { $0.maxParallelRequests = 1 }
    ) -> Harness {
        Harness(
            deployments: count,
            adjust: {
                $0.hedgeBudget = 0
                adjust(&$0)
            }, each: each)
    }

    @Test("waits and is served when an attempt ends")
    func served() throws {
        var harness = Self.harness()
        let first = try #require(harness.submit().actions.starts.first)
        let (second, actions) = harness.submit()
        #expect(actions.isEmpty)
        #expect(harness.core.statistics(at: harness.now).queue.waiting == 1)
        harness.advance(to: 700)
        let freed = harness.fail(first.attempt, .badRequest)
        #expect(freed.starts.map(\.request) == [second])
        #expect(freed.starts.map(\.role) == [.primary])
        let queue = harness.core.statistics(at: harness.now).queue
        #expect(queue.waiting == 0 && queue.entered == 1 && queue.served == 1)
        #expect(queue.longestWait == .milliseconds(Int64(700)))
    }

    @Test("is served in the order of arrival, the lowest priority number first")
    func order() throws {
        var harness = Self.harness()
        var running = try #require(harness.submit().actions.starts.first)
        var expected: [(priority: Int, id: RequestID)] = []
        for priority in [3, 1, 2, 1, 0, 3, 0] {
            harness.time += 1
            let (id, actions) = harness.submit(priority: priority)
            #expect(actions.isEmpty)
            expected.append((priority, id))
        }
        let order = expected.enumerated().sorted {
            ($0.element.priority, $0.offset) < ($1.element.priority, $1.offset)
        }
        for (_, entry) in order {
            running = try #require(harness.succeedWhole(running.attempt).starts.first)
            #expect(running.request == entry.id)
        }
    }

    @Test("is overtaken by those of a better priority only for ten seconds a step")
    func aging() throws {
        var harness = Self.harness()
        let running = try #require(harness.submit().actions.starts.first)
        let (patient, _) = harness.submit(priority: 2)
        harness.advance(to: 20_001)
        let (late, _) = harness.submit(priority: 0)
        let next = try #require(harness.succeedWhole(running.attempt).starts.first)
        #expect(next.request == patient)
        #expect(harness.succeedWhole(next.attempt).starts.first?.request == late)
    }

    @Test("is refused beyond the bound of the queue, which does not touch those that wait")
    func bound() throws {
        var harness = Self.harness(adjust: { $0.maxWaiting = 3 })
        let running = try #require(harness.submit().actions.starts.first)
        let waiting = (0..<3).map { _ in harness.submit().id }
        #expect(harness.submit().actions.outcomes == [.failed(.queueFull(retryAfter: nil))])
        #expect(harness.core.statistics(at: harness.now).queue.refused == 1)
        #expect(harness.succeedWhole(running.attempt).starts.map(\.request) == [waiting[0]])
        #expect(harness.submit().actions.outcomes.isEmpty)
    }

    @Test("waits no longer than configured, nor beyond its deadline")
    func expiry() {
        var harness = Self.harness(adjust: { $0.maxWait = .seconds(2) })
        _ = harness.submit()
        _ = harness.submit()
        _ = harness.submit(deadline: 900)
        #expect(harness.advance(to: 899).outcomes.isEmpty)
        #expect(harness.advance(to: 901).outcomes == [.failed(.deadline)])
        #expect(harness.advance(to: 2001).outcomes == [.failed(.noDeployment(retryAfter: nil))])
        let queue = harness.core.statistics(at: harness.now).queue
        #expect(queue.expired == 1 && queue.left == 1 && queue.waiting == 0)
    }

    @Test("is refused at once when room is known to come too late")
    func inVain() throws {
        var harness = Self.harness(each: { $0.requestsPerMinute = 1 })
        harness.time = 10_000
        _ = harness.submit()
        let refused = harness.submit(deadline: 40_000).actions.outcomes
        guard case .failed(.noDeployment(let wait?)) = try #require(refused.first) else {
            Issue.record("\(refused)")
            return
        }
        #expect(wait == .seconds(60))
    }

    @Test("is served when enough of the minute has passed, one for each that leaves it")
    func perMinute() {
        var harness = Self.harness(adjust: { $0.maxWait = .seconds(200) }, each: { $0.requestsPerMinute = 2 })
        for _ in 0..<6 { _ = harness.submit() }
        #expect(harness.log.starts.count == 2)
        #expect(harness.advance(to: 59_999).starts.isEmpty)
        #expect(harness.advance(to: 60_000).starts.count == 2)
        #expect(harness.advance(to: 120_000).starts.count == 2)
        #expect(harness.core.nextDeadline.map { $0 > harness.now } ?? true)
    }

    @Test("with a large prompt is not starved by small ones")
    func largePrompt() throws {
        var harness = Self.harness(adjust: { $0.maxWait = .seconds(200) }, each: { $0.tokensPerMinute = 1000 })
        _ = harness.submit(bytes: 2000)
        harness.advance(to: 10)
        let (large, _) = harness.submit(bytes: 3600)
        let (small, actions) = harness.submit(bytes: 400)
        #expect(actions.starts.isEmpty)
        #expect(harness.advance(to: 60_000).starts.map(\.request) == [large, small])
    }

    @Test("keeps its place while a newcomer could be served")
    func newcomers() throws {
        var harness = Self.harness(2, each: { $0.maxParallelRequests = 1 })
        let first = try #require(harness.submit().actions.starts.first)
        _ = harness.submit()
        let waiting = harness.submit().id
        #expect(harness.succeedWhole(first.attempt).starts.map(\.request) == [waiting])
    }

    @Test("and is cancelled leaves nothing behind, even ten thousand of them")
    func cancelled() {
        var harness = Self.harness(adjust: { $0.maxWaiting = 20_000 })
        var ids: [RequestID] = []
        for _ in 0..<10_001 { ids.append(harness.submit().id) }
        #expect(harness.core.statistics(at: harness.now).queue.waiting == 10_000)
        // Not in the order of the queue.
        for index in ids.indices { harness.tell(.cancelled(ids[(index * 7919) % ids.count])) }
        let statistics = harness.core.statistics(at: harness.now)
        #expect(statistics.queue.waiting == 0)
        #expect(statistics.requestsInFlight == 0)
        #expect(statistics.deployments.allSatisfy { $0.inFlight == 0 })
        #expect(harness.core.waitingRequests == 0)
        #expect(harness.core.nextDeadline == nil)
        #expect(harness.core.inconsistencies == 0)
    }

    @Test("after a failure waits for the deployment that works, and goes there as a failover")
    func failover() throws {
        var harness = Self.harness(2)
        let first = try #require(harness.submit().actions.starts.first)
        let second = try #require(harness.submit().actions.starts.first)
        let failed = harness.fail(first.attempt, .server)
        #expect(failed.starts.isEmpty && failed.outcomes.isEmpty)
        let freed = harness.succeedWhole(second.attempt).starts
        #expect(freed.map(\.request) == [first.request])
        #expect(freed.map(\.role) == [.failover])
        #expect(freed.map(\.deployment) == [second.deployment])
    }

    @Test("after a failure fails with that once it waited in vain")
    func failoverExpires() throws {
        var harness = Self.harness(2, adjust: { $0.maxWait = .seconds(1) })
        let first = try #require(harness.submit().actions.starts.first)
        _ = harness.submit()
        harness.fail(first.attempt, .server)
        #expect(harness.advance(to: 1001).outcomes == [.failed(.attempt(first.attempt))])
    }

    @Test("does not hold up others with a deployment that it tried before")
    func passedOver() throws {
        var harness = Self.harness(2)
        let first = try #require(harness.submit().actions.starts.first)
        let second = try #require(harness.submit().actions.starts.first)
        let third = harness.submit().id
        // It goes on waiting for the other one; the third takes what it left.
        #expect(harness.fail(first.attempt, .server).starts.map(\.request) == [third])
        #expect(harness.succeedWhole(second.attempt).starts.map(\.request) == [first.request])
    }

    @Test("is told at once where waiting is turned off")
    func off() throws {
        var harness = Self.harness(adjust: { $0.maxWaiting = 0 })
        _ = harness.submit()
        #expect(harness.submit().actions.outcomes == [.failed(.noDeployment(retryAfter: nil))])
    }

    @Test("ends when its group is taken away, and is served when a configuration makes room")
    func replaced() throws {
        var harness = Self.harness()
        _ = harness.submit()
        let (id, _) = harness.submit()
        var configuration = Harness.configuration(deployments: 1, adjust: { $0.hedgeBudget = 0 })
        #expect(harness.tell(.configurationReplaced(configuration)).starts.map(\.request) == [id])
        configuration = Harness.configuration(deployments: 1, each: { $0.maxParallelRequests = 1 })
        harness.tell(.configurationReplaced(configuration))
        _ = harness.submit()
        configuration.groups = []
        let outcomes = harness.tell(.configurationReplaced(configuration)).outcomes
        #expect(outcomes == [.failed(.noDeployment(retryAfter: nil))])
    }

    @Test("tests a deployment that may have recovered meanwhile, and takes its answer")
    func canaryWhileWaiting() throws {
        var harness = Self.harness(2, adjust: { $0.strategy = .leastBusy })
        var broken: DeploymentID?
        for _ in 0..<3 {
            let start = try #require(harness.submit().actions.starts.first)
            if broken == nil { broken = start.deployment }
            if start.deployment == broken {
                harness.fail(start.attempt, .rateLimit)
                break
            }
        }
        harness.advance(to: 6000)
        #expect(harness.log.healthChanges.last == .canaryAllowed)
        // The failover above runs on the other one, which is full now.
        let (id, actions) = harness.submit()
        #expect(actions.starts.map(\.role) == [.canary])
        let canary = try #require(actions.starts.first)
        #expect(harness.core.statistics(at: harness.now).queue.waiting == 1)
        let answered = harness.tell(.firstToken(canary.attempt))
        #expect(answered.commits == [canary.attempt])
        #expect(answered.healthChanges == [.recovered])
        #expect(canary.request == id)
        #expect(harness.core.statistics(at: harness.now).queue.waiting == 0)
    }
}

@Suite("Usage of a minute")
struct UsageWindowTests {
    @Test("tells exactly when a limit allows one more")
    func exact() {
        var random = SplitMix64(seed: 11)
        for _ in 0..<300 {
            var window = UsageWindow()
            var time: Int64 = 1_000_000_000
            for _ in 0..<random.index(below: 40) {
                time += Int64(random.index(below: 4_000_000_000))
                window.addRequest(tokens: random.index(below: 100), at: Instant(nanoseconds: time))
                if random.chance(0.5) {
                    time += Int64(random.index(below: 4_000_000_000))
                    window.addTokens(random.index(below: 100), at: Instant(nanoseconds: time))
                }
            }
            let limit = UInt64(1 + random.index(below: 10))
            let tokens = UInt64(random.index(below: 400))
            let now = Instant(nanoseconds: time)
            judge(window, now, window.timeUntil(requestsBelow: limit, at: now)) { $0.requestTotal < limit }
            judge(window, now, window.timeUntil(tokensAtMost: tokens, at: now)) { $0.tokenTotal <= tokens }
        }
    }

    private func judge(_ window: UsageWindow, _ now: Instant, _ wait: Interval, _ fits: (UsageWindow) -> Bool) {
        var after = window
        after.advance(to: now + wait)
        #expect(fits(after))
        guard wait > .zero else { return }
        var before = window
        before.advance(to: now + (wait - Interval(nanoseconds: 1)))
        #expect(!fits(before))
    }
}
