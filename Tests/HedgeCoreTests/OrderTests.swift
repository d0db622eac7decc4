import Testing

@testable import HedgeCore

@Suite("Levels of deployments")
struct OrderTests {
    /// Deployments with these orders.
    private static func harness(_ orders: [Int?], adjust: (inout Policy) -> Void = { _ in }) -> Harness {
        var configuration = Harness.configuration(deployments: orders.count, adjust: adjust)
        for (index, order) in orders.enumerated() { configuration.deployments[index].order = order }
        return Harness(configuration)
    }

    @Test("serve in their order, those without one last")
    func order() throws {
        var harness = Self.harness([nil, 2, 1, 1])
        var attempt = try #require(harness.submit().actions.starts.first)
        var served = [attempt.deployment.rawValue]
        while let next = harness.fail(attempt.attempt, .tooLarge).starts.first {
            served.append(next.deployment.rawValue)
            attempt = next
        }
        #expect(Set(served[0...1]) == [3, 4])
        #expect(Array(served[2...]) == [2, 1])
    }

    @Test("are not mixed by a race")
    func race() throws {
        var harness = Self.harness([1, 1, 2, 2], adjust: { $0.coldStartParallel = true })
        let starts = harness.submit().actions.starts
        #expect(Set(starts.map(\.deployment.rawValue)) == [1, 2])
    }

    @Test("are left by a hedge only when they have nothing more")
    func hedge() throws {
        var harness = Self.harness([1, 1, 2], adjust: { $0.maxHedges = 2 })
        let first = try #require(harness.submit().actions.starts.first)
        let second = try #require(harness.advance(to: 100).starts.first)
        #expect(Set([first, second].map(\.deployment.rawValue)) == [1, 2])
        #expect(harness.advance(to: 200).starts.map(\.deployment.rawValue) == [3])
    }

    @Test("of a lower order get their growing share after a cooldown, not everything")
    func ramp() throws {
        var harness = Self.harness([1, 2], adjust: { $0.allowedFails = 0 })
        let first = try #require(harness.submit().actions.starts.first)
        let second = try #require(harness.fail(first.attempt, .server).starts.first)
        harness.succeed(second.attempt)
        harness.advance(to: 10_000)
        let both = harness.submit().actions.starts
        #expect(both.map(\.role) == [.primary, .canary])
        #expect(both.map(\.deployment.rawValue) == [2, 1])
        harness.tell(.firstToken(both[1].attempt))
        harness.succeed(both[1].attempt)
        var shares = 0
        for _ in 0..<200 {
            let start = try #require(harness.submit().actions.starts.first)
            if start.deployment.rawValue == 1 { shares += 1 }
            harness.tell(.firstToken(start.attempt))
            harness.succeed(start.attempt)
        }
        #expect(shares > 5)
        #expect(shares < 60)
        harness.advance(to: 100_000)
        #expect(harness.submit().actions.starts.first?.deployment.rawValue == 1)
    }
}
