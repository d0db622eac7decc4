import Testing

@testable import HedgeCore

@Suite("While every deployment cools down")
struct AllCoolingTests {
    /// Two deployments out, the first for a minute, the second for twenty seconds.
    static func allOut(_ rule: AllCoolingRule, adjust: (inout Policy) -> Void = { _ in }) -> Harness {
        var harness = CooldownTests.harness(2) {
            $0.whenAllCooling = rule
            $0.failoverBudget = 1
            adjust(&$0)
        }
        _ = CooldownTests.fail(1, .rateLimit, times: 1, retryAfter: 60_000, in: &harness)
        _ = CooldownTests.fail(2, .rateLimit, times: 1, retryAfter: 20_000, in: &harness)
        return harness
    }

    @Test("a request fails at once where that is configured, with the time to the earliest return")
    func failFast() {
        var harness = Self.allOut(.failFast)
        harness.advance(to: 5000)
        let actions = harness.submit().actions
        #expect(actions.outcomes == [.failed(.noDeployment(retryAfter: .seconds(15)))])
        #expect(actions.starts.isEmpty)
    }

    @Test("what keeps each deployment out, and for how long, can be told")
    func obstacles() {
        var harness = Self.allOut(.failFast)
        harness.advance(to: 20_500)
        let found = harness.core.obstacles(in: GroupID(rawValue: 1), at: harness.now)
        #expect(
            found == [
                ObstructedDeployment(
                    deployment: DeploymentID(rawValue: 1),
                    obstacle: .cooling(.failure(.rateLimit), left: .milliseconds(Int64(39_500)))),
                ObstructedDeployment(
                    deployment: DeploymentID(rawValue: 2), obstacle: .unproven(.failure(.rateLimit))),
            ])
    }

    @Test("requests wait for the earliest return where that is configured; one of them is the canary")
    func wait() throws {
        var harness = Self.allOut(.wait)
        let ids = (0..<50).map { _ in harness.submit().id }
        #expect(harness.advance(to: 19_999).starts.isEmpty)
        let canaries = harness.advance(to: 20_001).starts
        #expect(canaries.count == 1)
        #expect(canaries.first?.request == ids.first)
        #expect(canaries.first?.deployment.rawValue == 2)
        let canary = try #require(canaries.first)
        let answered = harness.tell(.firstToken(canary.attempt))
        #expect(answered.healthChanges == [.recovered])
        #expect(Set(answered.starts.map(\.request)) == Set(ids.dropFirst()))
        #expect(harness.core.statistics(at: harness.now).queue.waiting == 0)
    }

    @Test("a canary that fails lets its request wait for the next one, and the others go on waiting")
    func waitOn() throws {
        var harness = Self.allOut(.wait, adjust: { $0.maxWait = .seconds(200) })
        let ids = (0..<3).map { _ in harness.submit().id }
        let canary = try #require(harness.advance(to: 20_001).starts.first)
        #expect(harness.fail(canary.attempt, .server).outcomes.isEmpty)
        #expect(harness.core.statistics(at: harness.now).queue.waiting == 3)
        let later = harness.advance(to: 60_001)
        #expect(later.outcomes.isEmpty)
        let next = try #require(later.starts.first { $0.request != ids[0] })
        #expect(ids.contains(next.request))
        harness.tell(.firstToken(next.attempt))
        #expect(harness.core.statistics(at: harness.now).queue.waiting == 0)
    }

    @Test("a request does not wait for what comes back after its deadline")
    func waitInVain() {
        var harness = Self.allOut(.wait)
        #expect(
            harness.submit(deadline: 10_000).actions.outcomes
                == [.failed(.noDeployment(retryAfter: .seconds(20)))])
    }

    @Test("a canary tests even where requests fail at once", arguments: [AllCoolingRule.failFast, .wait])
    func canary(rule: AllCoolingRule) throws {
        var harness = Self.allOut(rule)
        harness.advance(to: 20_001)
        let starts = (0..<100).flatMap { _ in harness.submit().actions.starts }
        #expect(starts.count == 1)
        let canary = try #require(starts.first)
        harness.tell(.firstToken(canary.attempt))
        harness.succeed(canary.attempt)
        #expect(harness.submit().actions.starts.map(\.deployment.rawValue) == [2])
    }

    @Test("everything down gives every caller an answer in time, and one canary brings the service back")
    func outage() throws {
        var harness = CooldownTests.harness(3) { $0.failoverBudget = 1 }
        func serve(_ works: Bool) -> RequestOutcome? {
            var actions = harness.submit(stream: false).actions
            while let start = actions.starts.first {
                actions = works ? harness.succeed(start.attempt) : harness.fail(start.attempt, .server)
            }
            return actions.outcomes.first
        }
        for _ in 0..<200 {
            harness.advance(to: harness.time + 50)
            guard case .failed(.attempt)? = serve(false) else {
                Issue.record("a request was refused or lost")
                return
            }
        }
        #expect(harness.core.statistics(at: harness.now).deployments.allSatisfy { $0.health.state != .healthy })
        guard case .succeeded? = serve(true) else {
            Issue.record("the first request after the outage failed")
            return
        }
        guard case .succeeded? = serve(true) else {
            Issue.record("the second request after the outage failed")
            return
        }
    }
}
