import Testing

@testable import HedgeCore

@Suite("A new configuration")
struct ReconfigurationTests {
    @Test("keeps what was learnt of deployments that stay")
    func keepsHistory() {
        var harness = Harness(deployments: 2)
        for _ in 0..<30 { harness.serve(after: 50) }
        let before = harness.core.statistics(at: harness.now)
        harness.tell(.configurationReplaced(Harness.configuration(deployments: 3)))
        let after = harness.core.statistics(at: harness.now)
        #expect(after.deployments.count == 3)
        for index in 0..<2 {
            #expect(
                after.deployments[index].streaming.effectiveSamples
                    == before.deployments[index].streaming.effectiveSamples)
            #expect(after.deployments[index].wins == before.deployments[index].wins)
        }
    }

    @Test("gives deployments that are gone no new attempts, and lets running ones end")
    func removed() throws {
        var harness = Harness(deployments: 1)
        let running = try #require(harness.submit().actions.starts.first)
        var configuration = Harness.configuration(deployments: 2)
        configuration.deployments.removeFirst()
        configuration.groups[0].deployments.removeFirst()
        harness.tell(.configurationReplaced(configuration))
        #expect(harness.submit().actions.starts.first?.deployment.rawValue == 2)
        #expect(harness.tell(.firstToken(running.attempt)).commits == [running.attempt])
        #expect(harness.succeed(running.attempt).outcomes == [.succeeded(running.attempt)])
    }

    @Test("fails over from a deployment that is gone")
    func failover() throws {
        var harness = Harness(deployments: 2)
        let running = try #require(harness.submit().actions.starts.first)
        var configuration = Harness.configuration(deployments: 2)
        configuration.deployments.removeAll { $0.id == running.deployment }
        harness.tell(.configurationReplaced(configuration))
        #expect(harness.fail(running.attempt, .server).starts.count == 1)
    }

    @Test("does not grow with deployments that come and go")
    func slots() {
        var harness = Harness(deployments: 2)
        for round in 0..<50 {
            var configuration = Harness.configuration(deployments: 2)
            for index in 0..<2 { configuration.deployments[index].id = DeploymentID(rawValue: 100 + 2 * round + index) }
            configuration.groups[0].deployments = configuration.deployments.map(\.id)
            harness.tell(.configurationReplaced(configuration))
        }
        #expect(harness.core.deployments.count <= 6)
        #expect(harness.core.deploymentSlots.count <= 4)
    }

    @Test("without a group refuses its requests; a deployment named twice counts once")
    func gaps() {
        var configuration = Harness.configuration(deployments: 2)
        configuration.groups[0].deployments += configuration.groups[0].deployments
        configuration.groups[0].deployments.append(DeploymentID(rawValue: 99))
        var harness = Harness(configuration)
        #expect(harness.core.groups[0].members.count == 2)
        configuration.groups = []
        harness.tell(.configurationReplaced(configuration))
        #expect(harness.submit().actions.outcomes == [.failed(.noDeployment(retryAfter: nil))])
    }

    @Test("with absurd numbers harms nothing", arguments: [Double.nan, .infinity, -.infinity, -1, 1e300])
    func absurd(number: Double) throws {
        var harness = Harness(deployments: 3) {
            $0.hedgeThreshold = nil
            $0.coldStartParallel = true
            $0.hedgePercentile = number
            $0.hedgeBudget = number
            $0.failoverBudget = number
            $0.controlFraction = number
            $0.lowestLatencyBuffer = number
            $0.sampleHalfLife = .seconds(number)
            $0.sampleLifetime = .seconds(number)
            $0.maxAttempts = Int(max(-5, min(1e6, number.isNaN ? 0 : number)))
            $0.allowedFails = -4
        } each: {
            $0.weight = number
            $0.inputCostPerToken = number
            $0.outputCostPerToken = number
            $0.cooldown = .seconds(number)
            $0.requestsPerMinute = nil
        }
        for index in 0..<200 {
            let (id, actions) = harness.submit(bytes: index % 3 == 0 ? .max : -7)
            let primary = try #require(actions.starts.first)
            harness.advance(to: harness.time + 20)
            if index % 4 == 0 { harness.fail(primary.attempt, .server, retryAfter: number) }
            harness.tell(.firstToken(primary.attempt))
            harness.tell(
                .attemptEnded(primary.attempt, .succeeded(Usage(promptTokens: .max, completionTokens: .max))))
            harness.tell(.cancelled(id))
        }
        _ = harness.core.statistics(at: harness.now)
        #expect(harness.core.requestSlots.isEmpty)
    }
}

@Suite("Deadlines of many")
struct TimerQueueTests {
    @Test("are those of a sorted list, whatever is set, moved and removed", arguments: 1...5)
    func model(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        var queue = TimerQueue()
        var model: [Int: Instant] = [:]
        for _ in 0..<20_000 {
            let slot = random.index(below: 50)
            if random.chance(0.3) {
                queue.remove(slot)
                model[slot] = nil
            } else {
                let deadline = Instant(nanoseconds: Int64(random.index(below: 1000)))
                queue.set(slot, to: deadline)
                model[slot] = deadline
            }
            #expect(queue.earliest == model.values.min())
            #expect(queue.count == model.count)
            #expect(queue.key(of: slot) == model[slot])
        }
        var drained: [Instant] = []
        while let slot = queue.due(at: .distantFuture) {
            drained.append(queue.key(of: slot) ?? .distantFuture)
            queue.remove(slot)
        }
        #expect(drained == model.values.sorted())
    }
}

@Suite("The same seed")
struct DeterminismTests {
    @Test("gives the same actions for the same events")
    func replay() {
        func run(_ seed: UInt64) -> String {
            var harness = Harness(deployments: 4, seed: seed) {
                $0.coldStartParallel = true
                $0.controlFraction = 0.3
            }
            for index in 0..<300 { harness.serve(stream: index % 3 > 0, after: Double(index % 150)) }
            return harness.log.map { "\($0)" }.joined(separator: "\n")
        }
        #expect(run(1) == run(1))
        #expect(run(1) != run(2))
    }
}

@Suite("What hedging bought")
struct HedgeLedgerTests {
    static let samples = SamplePolicy()

    static func normal(_ random: inout SplitMix64) -> Double {
        (0..<12).reduce(-6.0) { sum, _ in sum + random.unit() }
    }

    /// Requests with a heavy tail, hedged at a threshold except for a control arm.
    static func ledger(seed: UInt64, count: Int) -> (ledger: HedgeLedger, unhedged: [Double], seen: [Double]) {
        var random = SplitMix64(seed: seed)
        var ledger = HedgeLedger()
        var unhedged: [Double] = []
        var seen: [Double] = []
        func latency() -> Double {
            exponential(random.chance(0.07) ? 0.6 + 0.6 * normal(&random) : -0.8 + 0.45 * normal(&random))
        }
        for index in 0..<count {
            let primary = latency()
            let hedge = 1.5 + latency()
            let isControl = primary > 1.5 && random.chance(0.05)
            let byHedge = !isControl && hedge < primary
            unhedged.append(primary)
            seen.append(byHedge ? hedge : primary)
            ledger.answered(
                after: .seconds(byHedge ? hedge : primary), byHedge: byHedge, isControl: isControl,
                at: Instant(nanoseconds: Int64(index) * 1_000_000), samples: samples)
        }
        return (ledger, unhedged.sorted(), seen.sorted())
    }

    @Test("is a saving whose interval holds the truth, in nearly every run")
    func coverage() throws {
        var covered = 0
        var savings = 0
        for seed in 1...20 {
            let (ledger, unhedged, seen) = Self.ledger(seed: UInt64(seed), count: 10_000)
            let effect = try #require(ledger.effect())
            let p95 = try #require(effect.withoutHedging.p95)
            let truth = unhedged[unhedged.count * 95 / 100]
            if let low = p95.low, let high = p95.high, low.seconds * 0.98 <= truth, truth <= high.seconds * 1.02 {
                covered += 1
            }
            let horizon = effect.savingHorizon.seconds
            let saved =
                zip(unhedged, seen).reduce(0) { $0 + min($1.0, horizon) - min($1.1, horizon) } / Double(seen.count)
            #expect(saved > 0)
            if effect.isSavingIdentified, effect.meanSavedLow.seconds <= saved, saved <= effect.meanSavedHigh.seconds {
                savings += 1
            }
        }
        #expect(covered >= 17, "only \(covered) of 20 intervals hold the true percentile")
        #expect(savings >= 17, "only \(savings) of 20 intervals hold the true saving")
    }

    @Test("is no claim where nothing was hedged or next to nothing is known")
    func unidentified() throws {
        var ledger = HedgeLedger()
        #expect(ledger.effect() == nil)
        for index in 0..<8 {
            ledger.answered(
                after: .seconds(1), byHedge: index % 2 == 0, isControl: false, at: Instant(nanoseconds: 0),
                samples: Self.samples)
        }
        let effect = try #require(ledger.effect())
        #expect(effect.withoutHedging.p95?.isIdentified == false)
        #expect(!effect.isSavingIdentified)
    }

    @Test("is recorded for each kind of request, with the hedges that rescued")
    func recorded() throws {
        var harness = Harness(deployments: 2) { $0.hedgeBudget = 1 }
        for _ in 0..<20 {
            _ = harness.submit()
            let hedge = try #require(harness.advance(to: harness.time + 100).starts.first)
            harness.advance(to: harness.time + 20)
            harness.tell(.firstToken(hedge.attempt))
            harness.succeed(hedge.attempt)
        }
        let group = try #require(harness.core.statistics(at: harness.now).groups.first)
        let effect = try #require(group.streaming)
        #expect(group.complete == nil)
        #expect(effect.rescued == 20)
        #expect(abs(try #require(effect.actual.p50).value.milliseconds / 120 - 1) < 0.02)
        #expect(effect.withoutHedging.p50?.isIdentified == false)
    }
}
