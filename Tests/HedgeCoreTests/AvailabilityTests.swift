import Testing

@testable import HedgeCore

/// Deployments that fail at random, under load, in virtual time.
private struct LoadedGroup {
    var harness: Harness
    var random = SplitMix64(seed: 7)
    /// Share of attempts that fail, by deployment.
    var failureShare: (DeploymentID, Double) -> Double
    var waiting: [(at: Double, attempt: AttemptID, works: Bool)] = []
    var outcomes: [RequestOutcome] = []
    var attemptsByDeployment: [DeploymentID: Int] = [:]

    init(deployments: Int, failureShare: @escaping (DeploymentID, Double) -> Double) {
        harness = Harness(deployments: deployments, adjust: { $0.hedgeBudget = 0 })
        self.failureShare = failureShare
    }

    /// Submits `count` requests, one each millisecond, and lets all of them end.
    mutating func run(_ count: Int) {
        for _ in 0..<count {
            pass(to: harness.time + 1)
            take(harness.submit(stream: false).actions)
        }
        while let last = waiting.map(\.at).max() { pass(to: last) }
    }

    private mutating func pass(to time: Double) {
        while let index = waiting.indices.min(by: { waiting[$0].at < waiting[$1].at }), waiting[index].at <= time {
            let next = waiting.remove(at: index)
            take(harness.advance(to: next.at))
            take(next.works ? harness.succeed(next.attempt) : harness.fail(next.attempt, .server))
        }
        take(harness.advance(to: time))
    }

    private mutating func take(_ actions: [Action]) {
        for start in actions.starts {
            let works = random.unit() >= failureShare(start.deployment, harness.time)
            waiting.append((harness.time + (works ? 60 : 15) * (0.5 + random.unit()), start.attempt, works))
            attemptsByDeployment[start.deployment, default: 0] += 1
        }
        for cancel in actions.cancels { waiting.removeAll { $0.attempt == cancel.attempt } }
        outcomes += actions.outcomes
    }

    var failed: Int {
        outcomes.count { if case .failed = $0 { true } else { false } }
    }

    var refused: Int {
        outcomes.count { if case .failed(.noDeployment) = $0 { true } else { false } }
    }
}

@Suite("A group under load")
struct AvailabilityTests {
    @Test("of deployments that each fail one request in five answers nearly all")
    func randomFailures() {
        var group = LoadedGroup(deployments: 3) { _, _ in 0.2 }
        group.run(10_000)
        #expect(group.outcomes.count == 10_000)
        #expect(group.refused == 0)
        #expect(group.failed <= 200)
        #expect(group.harness.core.inconsistencies == 0)
    }

    @Test("of deployments that mostly fail refuses nobody")
    func mostlyBroken() {
        var group = LoadedGroup(deployments: 3) { _, _ in 0.7 }
        group.run(5_000)
        #expect(group.outcomes.count == 5_000)
        #expect(group.refused == 0)
        #expect(group.failed < 3_500)
    }

    @Test("leaves a dead deployment out and no caller notices")
    func oneDead() {
        var group = LoadedGroup(deployments: 2) { id, _ in id.rawValue == 1 ? 1 : 0 }
        group.run(10_000)
        #expect(group.failed == 0)
        #expect(group.attemptsByDeployment[DeploymentID(rawValue: 1), default: 0] < 100)
    }

    @Test("comes back when everything was down and works again")
    func outage() {
        var group = LoadedGroup(deployments: 3) { _, time in (1_000..<3_000).contains(time) ? 1 : 0 }
        group.run(6_000)
        let late = group.outcomes.suffix(2_500).count { if case .failed = $0 { true } else { false } }
        #expect(group.failed > 1_000)
        #expect(late == 0)
        #expect(group.refused == 0)
    }
}
