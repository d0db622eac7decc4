import Testing

@testable import HedgeCore

/// One of two deployments fails always; requests come one each 60 ms for two minutes of virtual time.
private struct HalfBroken {
    var harness: Harness
    var waiting: [(at: Double, attempt: AttemptID, works: Bool)] = []
    var outcomes: [RequestOutcome] = []
    var sent: [AttemptRole: Int] = [:]
    /// Backoff of the broken deployment, as it was seen to grow.
    var backoffs: [Int] = []
    let kind: FailureKind

    init(_ kind: FailureKind) {
        self.kind = kind
        harness = Harness(deployments: 2, adjust: { $0.hedgeBudget = 0 })
    }

    mutating func run(_ count: Int, each milliseconds: Double) {
        for _ in 0..<count {
            pass(to: harness.time + milliseconds)
            take(harness.submit(stream: false).actions)
            let backoff = harness.core.deployments[0].health.backoff
            if backoffs.last != backoff { backoffs.append(backoff) }
        }
        while let last = waiting.map(\.at).max() { pass(to: last) }
    }

    private mutating func pass(to time: Double) {
        while let index = waiting.indices.min(by: { waiting[$0].at < waiting[$1].at }), waiting[index].at <= time {
            let next = waiting.remove(at: index)
            take(harness.advance(to: next.at))
            take(next.works ? harness.succeed(next.attempt) : harness.fail(next.attempt, kind))
        }
        take(harness.advance(to: time))
    }

    private mutating func take(_ actions: [Action]) {
        for start in actions.starts {
            let works = start.deployment.rawValue == 2
            if !works { sent[start.role, default: 0] += 1 }
            waiting.append((harness.time + (works ? 50 : 8), start.attempt, works))
        }
        for cancel in actions.cancels { waiting.removeAll { $0.attempt == cancel.attempt } }
        outcomes += actions.outcomes
    }
}

@Suite("One of two deployments that fails always")
struct OutageTests {
    @Test(
        "is noticed by no caller in two minutes, and tested by canaries further and further apart",
        arguments: [FailureKind.server, .rateLimit])
    func twoMinutes(kind: FailureKind) {
        var run = HalfBroken(kind)
        run.run(2000, each: 60)
        let failed = run.outcomes.count { if case .failed = $0 { true } else { false } }
        #expect(run.outcomes.count == 2000)
        #expect(failed == 0)
        let recovery = run.harness.core.statistics(at: run.harness.now).deployments[0].recovery
        #expect(recovery.canaries >= 3 && recovery.canaries <= 20)
        #expect(recovery.canariesFailed == recovery.canaries)
        // Whatever else it got came before it was put out.
        #expect(run.sent[.canary, default: 0] == Int(recovery.canaries))
        #expect(run.sent.values.reduce(0, +) - Int(recovery.canaries) <= 3)
        // A first rate limit says when to come back, and is no reason to doubt it.
        #expect(run.backoffs == Array(run.backoffs[0]...(run.backoffs.last ?? 0)))
        #expect((run.backoffs.last ?? 0) >= 4)
    }

    @Test("gets exactly one canary from a hundred callers at the moment its cooldown ends")
    func oneCanary() {
        var harness = CooldownTests.harness(2)
        _ = CooldownTests.fail(1, .rateLimit, times: 1, retryAfter: 10_000, in: &harness)
        harness.time = 10_000
        var starts: [AttemptStart] = []
        // Before the core was told that the time has come, and after.
        for index in 0..<100 {
            if index == 50 { harness.tell(.timeReached) }
            starts += harness.submit().actions.starts
        }
        #expect(starts.count { $0.role == .canary } == 1)
        #expect(starts.count { $0.deployment.rawValue == 1 } == 1)
        #expect(starts.count { $0.role == .primary } == 100)
    }

    @Test("leaves nothing in flight of ten thousand calls that are cancelled")
    func cancelled() {
        var harness = Harness(deployments: 3, adjust: { $0.coldStartParallel = true })
        for index in 0..<10_000 {
            let (id, actions) = harness.submit(stream: index % 2 == 0)
            if index % 3 == 0 { harness.advance(to: harness.time + 150) }
            if index % 4 == 0, let start = actions.starts.first { harness.tell(.firstToken(start.attempt)) }
            harness.tell(.cancelled(id))
        }
        let statistics = harness.core.statistics(at: harness.now)
        #expect(harness.log.outcomes.count == 10_000)
        #expect(statistics.requestsInFlight == 0)
        #expect(statistics.deployments.map(\.inFlight) == [0, 0, 0])
        #expect(harness.core.nextDeadline == nil)
        #expect(harness.log.healthChanges.isEmpty)
    }
}
