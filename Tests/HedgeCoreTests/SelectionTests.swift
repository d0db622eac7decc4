import Testing

@testable import HedgeCore

@Suite("A class without history")
struct ColdStartTests {
    static func harness(_ count: Int, adjust: (inout Policy) -> Void = { _ in }) -> Harness {
        Harness(deployments: count) {
            $0.coldStartParallel = true
            $0.hedgeThreshold = nil
            adjust(&$0)
        }
    }

    @Test("races as many deployments as may be in flight")
    func races() {
        var harness = Self.harness(5)
        let actions = harness.submit().actions
        #expect(actions.starts.map(\.role) == [.primary, .race, .race])
        #expect(Set(actions.starts.map(\.deployment)).count == 3)
        #expect(actions.notes == [.raced])
    }

    @Test("stops racing after five observations, losers included")
    func warms() throws {
        var harness = Self.harness(3)
        for _ in 0..<5 {
            let starts = harness.submit().actions.starts
            #expect(starts.count == 3)
            harness.advance(to: harness.time + 200)
            let winner = try #require(starts.last)
            harness.tell(.firstToken(winner.attempt))
            harness.succeed(winner.attempt)
        }
        #expect(harness.submit().actions.starts.count == 1)
    }

    @Test("is cold again ten minutes later, and for answers that do not stream")
    func coldAgain() {
        var harness = Self.harness(2)
        for _ in 0..<6 { harness.serve(after: 200) }
        #expect(harness.submit().actions.starts.count == 1)
        #expect(harness.submit(stream: false).actions.starts.count == 2)
        harness.advance(to: harness.time + 601_000)
        #expect(harness.submit().actions.starts.count == 2)
    }

    @Test("has five races in flight at most; further requests are staggered by 250 ms")
    func capped() throws {
        var harness = Self.harness(3)
        for _ in 0..<5 { #expect(harness.submit().actions.starts.count == 3) }
        let sixth = harness.submit().actions
        #expect(sixth.starts.count == 1)
        #expect(sixth.notes == [.hedgeArmed(threshold: .milliseconds(Int64(250)), source: .prior)])
        #expect(harness.advance(to: 249).starts.isEmpty)
        #expect(harness.advance(to: 250).starts.count == 1)
    }

    @Test("has ten races and then one more each minute")
    func budget() {
        var harness = Self.harness(2)
        var raced = 0
        for _ in 0..<30 {
            let (id, actions) = harness.submit()
            if actions.starts.count == 2 { raced += 1 }
            harness.tell(.cancelled(id))
        }
        #expect(raced == 10)
        harness.advance(to: 61_000)
        #expect(harness.submit().actions.starts.count == 2)
        #expect(harness.submit().actions.starts.count == 1)
    }

    @Test("goes on as long as one attempt of the race lives")
    func survives() throws {
        var harness = Self.harness(3) { $0.maxAttempts = 3 }
        let starts = harness.submit().actions.starts
        harness.fail(starts[0].attempt, .server)
        harness.fail(starts[1].attempt, .rateLimit)
        #expect(harness.log.outcomes.isEmpty)
        let won = harness.tell(.firstToken(starts[2].attempt))
        #expect(won.commits == [starts[2].attempt])
    }

    @Test("does not race where that is turned off or one attempt is asked for")
    func off() {
        var sequential = Self.harness(3) { $0.coldStartParallel = false }
        #expect(sequential.submit().actions.starts.count == 1)
        var single = Self.harness(3)
        #expect(single.submit(parallel: 1).actions.starts.count == 1)
        #expect(single.core.groups[0].streamRaces == 0)
    }
}

@Suite("Ranking")
struct RankingTests {
    /// Requests served by each deployment when deployment n takes n times 100 ms.
    static func shares(_ harness: inout Harness, requests: Int, latency: (Int) -> Double) -> [Int: Int] {
        var counts: [Int: Int] = [:]
        for _ in 0..<requests {
            guard let primary = harness.submit().actions.starts.first else { continue }
            harness.advance(to: harness.time + latency(primary.deployment.rawValue))
            harness.tell(.firstToken(primary.attempt))
            harness.succeed(primary.attempt)
            counts[primary.deployment.rawValue, default: 0] += 1
        }
        return counts
    }

    @Test("sends nearly everything to the fastest once all are known")
    func fastest() {
        var harness = Harness(deployments: 3) {
            $0.coldStartParallel = true
            $0.hedgeBudget = 0
        }
        _ = Self.shares(&harness, requests: 20) { Double($0) * 100 }
        let counts = Self.shares(&harness, requests: 500) { Double($0) * 100 }
        #expect((counts[1] ?? 0) > 480)
    }

    @Test("leaves one that became slow and returns when it is well again")
    func returns() {
        var harness = Harness(deployments: 2) {
            $0.coldStartParallel = true
            $0.hedgeBudget = 0
        }
        _ = Self.shares(&harness, requests: 200) { $0 == 1 ? 100 : 200 }
        let during = Self.shares(&harness, requests: 300) { $0 == 1 ? 2000 : 200 }
        #expect((during[2] ?? 0) > 270)
        let after = Self.shares(&harness, requests: 1500) { $0 == 1 ? 100 : 200 }
        #expect((after[1] ?? 0) > 700)
    }

    @Test("never takes the never-seen for the best")
    func neverSeen() throws {
        var harness = Harness(deployments: 1)
        for _ in 0..<10 { harness.serve(after: 500) }
        harness.tell(.configurationReplaced(Harness.configuration(deployments: 3) { $0.hedgeBudget = 0 }))
        for _ in 0..<100 {
            let (id, actions) = harness.submit()
            #expect(actions.starts.first?.deployment == DeploymentID(rawValue: 1))
            harness.tell(.cancelled(id))
        }
    }

    @Test("shares between deployments that are as good")
    func ties() {
        var harness = Harness(deployments: 2) {
            $0.coldStartParallel = true
            $0.hedgeBudget = 0
        }
        let counts = Self.shares(&harness, requests: 1000) { _ in 100 }
        #expect((counts[1] ?? 0) > 300)
        #expect((counts[2] ?? 0) > 300)
    }

    @Test("is not deceived by fast failures")
    func fastFailures() {
        var harness = Harness(deployments: 2) {
            $0.coldStartParallel = true
            $0.hedgeBudget = 0
            $0.allowedFails = 1000
        }
        var random = SplitMix64(seed: 2)
        for _ in 0..<400 {
            let (id, actions) = harness.submit()
            guard let primary = actions.starts.first else { continue }
            let isBad = primary.deployment.rawValue == 1
            harness.advance(to: harness.time + (isBad ? 20 : 300))
            if isBad, random.chance(0.3) {
                harness.fail(primary.attempt, .tooLarge)
                harness.tell(.cancelled(id))
            } else {
                harness.advance(to: harness.time + (isBad ? 500 : 0))
                harness.tell(.firstToken(primary.attempt))
                harness.succeed(primary.attempt)
            }
        }
        let deployments = harness.core.statistics(at: harness.now).deployments
        #expect((deployments[0].attempts[.primary] ?? 0) < (deployments[1].attempts[.primary] ?? 0))
    }

    @Test("by weight gives each deployment its share")
    func weights() {
        var configuration = Harness.configuration(deployments: 3) {
            $0.strategy = .simpleShuffle
            $0.hedgeBudget = 0
        }
        for (index, weight) in [1.0, 3, 0].enumerated() { configuration.deployments[index].weight = weight }
        var harness = Harness(configuration)
        let counts = Self.shares(&harness, requests: 4000) { _ in 1 }
        #expect(abs(Double(counts[1] ?? 0) / 4000 - 0.25) < 0.03)
        #expect(abs(Double(counts[2] ?? 0) / 4000 - 0.75) < 0.03)
        #expect(counts[3] == nil)
    }

    @Test("by load takes the one with the fewest attempts in flight")
    func leastBusy() {
        var harness = Harness(deployments: 3) {
            $0.strategy = .leastBusy
            $0.hedgeBudget = 0
        }
        var counts: [DeploymentID: Int] = [:]
        for _ in 0..<30 { counts[harness.submit().actions.starts[0].deployment, default: 0] += 1 }
        #expect(Set(counts.values) == [10])
    }

    @Test("by cost takes the cheapest, and the unpriced last")
    func cost() {
        var configuration = Harness.configuration(deployments: 3) {
            $0.strategy = .costBased
            $0.hedgeBudget = 0
        }
        for (index, price) in [nil, 3.0, 2.0].enumerated() {
            configuration.deployments[index].inputCostPerToken = price
            configuration.deployments[index].outputCostPerToken = price
        }
        var harness = Harness(configuration)
        #expect(Self.shares(&harness, requests: 50) { _ in 1 } == [3: 50])
    }

    @Test("by usage takes the one with the fewest tokens in the last minute")
    func usage() throws {
        var harness = Harness(deployments: 2) {
            $0.strategy = .usageBased
            $0.hedgeBudget = 0
        }
        let first = try #require(harness.submit(bytes: 400).actions.starts.first)
        harness.tell(.firstToken(first.attempt))
        harness.tell(.attemptEnded(first.attempt, .succeeded(Usage(promptTokens: 100, completionTokens: 10_000))))
        var counts: [DeploymentID: Int] = [:]
        for _ in 0..<20 { counts[harness.submit(bytes: 400).actions.starts[0].deployment, default: 0] += 1 }
        #expect(counts[first.deployment] == nil)
        harness.advance(to: 66_000)
        #expect(harness.submit(bytes: 400).actions.starts[0].deployment == first.deployment || counts.count == 1)
    }
}

@Suite("Limits of a deployment")
struct LimitTests {
    @Test("of requests per minute refuse with the time to the next one")
    func requestsPerMinute() throws {
        var harness = Harness(deployments: 1) {
            $0.maxWaiting = 0
        } each: {
            $0.requestsPerMinute = 3
        }
        harness.time = 2000
        for _ in 0..<3 { #expect(harness.submit().actions.starts.count == 1) }
        let refused = harness.submit().actions
        #expect(refused.starts.isEmpty)
        guard case .failed(.noDeployment(let wait?)) = refused.outcomes.first else {
            Issue.record("refused without saying for how long: \(refused.outcomes)")
            return
        }
        #expect(wait > .seconds(50) && wait <= .seconds(60))
        harness.advance(to: 2000 + wait.milliseconds)
        #expect(harness.submit().actions.starts.count == 1)
    }

    @Test("of tokens per minute count prompts when sent and answers when known")
    func tokensPerMinute() throws {
        var harness = Harness(deployments: 1) { _ in
        } each: {
            $0.tokensPerMinute = 1000
        }
        let first = try #require(harness.submit(bytes: 400).actions.starts.first)
        harness.tell(.firstToken(first.attempt))
        harness.tell(.attemptEnded(first.attempt, .succeeded(Usage(promptTokens: 150, completionTokens: 700))))
        let large = harness.submit(bytes: 800)
        #expect(large.actions.starts.isEmpty)
        harness.tell(.cancelled(large.id))
        #expect(harness.submit(bytes: 400).actions.starts.count == 1)
    }

    @Test("let a prompt larger than the limit go when nothing else went")
    func largePrompt() {
        var harness = Harness(deployments: 1) { _ in
        } each: {
            $0.tokensPerMinute = 10
        }
        #expect(harness.submit(bytes: 4000).actions.starts.count == 1)
        #expect(harness.submit(bytes: 4000).actions.starts.isEmpty)
    }

    @Test("of attempts in flight send the next request elsewhere, and free up at an end")
    func parallel() throws {
        var harness = Harness(deployments: 2, adjust: { $0.hedgeBudget = 0 }, each: { $0.maxParallelRequests = 1 })
        let first = try #require(harness.submit().actions.starts.first)
        let second = try #require(harness.submit().actions.starts.first)
        #expect(first.deployment != second.deployment)
        #expect(harness.submit().actions.starts.isEmpty)
        #expect(harness.succeedWhole(first.attempt).starts.map(\.deployment) == [first.deployment])
    }
}
