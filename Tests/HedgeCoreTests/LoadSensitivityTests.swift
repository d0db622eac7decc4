import Glibc
import Testing

@testable import HedgeCore

@Suite("What an attempt costs those behind it")
struct LoadSensitivityTests {
    /// Latencies e^(slope * load + noise) at loads between 0 and 20.
    static func sensitivity(slope: Double, samples: Int, seed: UInt64 = 5) -> LoadSensitivity {
        var random = SplitMix64(seed: seed)
        var result = LoadSensitivity()
        for _ in 0..<samples {
            let load = random.index(below: 21)
            let noise = 0.4 * SurvivalCurveTests.normal(&random)
            result.observe(slope * Double(load - 10) + noise, inFlight: load)
        }
        return result
    }

    @Test("is the slope times the attempts in flight, a little below it for caution")
    func queue() {
        let found = Self.sensitivity(slope: 0.03, samples: 3000).externality
        #expect(found < 0.03 * 10)
        #expect(found > 0.6 * 0.03 * 10)
    }

    @Test("is nothing where latency does not follow the load", arguments: [UInt64(1), 2, 3, 4, 5, 6, 7, 8])
    func independent(seed: UInt64) {
        #expect(Self.sensitivity(slope: 0, samples: 3000, seed: seed).externality < 0.02)
    }

    @Test("is nothing where more load comes with shorter latencies")
    func inverse() {
        #expect(Self.sensitivity(slope: -0.03, samples: 3000).externality == 0)
    }

    @Test("is not claimed from few samples, nor from one load only")
    func few() {
        #expect(Self.sensitivity(slope: 0.03, samples: 150).externality == 0)
        var same = LoadSensitivity()
        for index in 0..<2000 { same.observe(index % 2 == 0 ? 1 : -1, inFlight: 3) }
        #expect(same.externality == 0)
    }

    @Test("follows a deployment whose queue is gone")
    func forgets() {
        var sensitivity = Self.sensitivity(slope: 0.03, samples: 2000)
        var random = SplitMix64(seed: 9)
        for _ in 0..<5000 {
            sensitivity.observe(0.4 * SurvivalCurveTests.normal(&random), inFlight: random.index(below: 21))
        }
        #expect(sensitivity.externality < 0.02)
    }
}

@Suite("Savings beyond what was observed")
struct SavingTailTests {
    @Test("are those of a tail that goes on falling as it fell, not of one that never ends")
    func tail() throws {
        var random = SplitMix64(seed: 31)
        var samples: [SurvivalCurveTests.Sample] = []
        // Exponential with mean 1 s; nearly all of what lasts longer than 2 s was given up on before 3 s.
        for _ in 0..<20_000 {
            let latency = -log(1 - random.unit())
            let end = 2 + random.unit()
            let isCut = latency > end && random.chance(0.995)
            samples.append(SurvivalCurveTests.Sample(seconds: isCut ? end : latency, isEvent: !isCut))
        }
        let curve = SurvivalCurveTests.curve(samples)
        let target = SurvivalCurveTests.curve((0..<2000).map { _ in .init(seconds: 0.1, isEvent: true) })
        let saving = try #require(curve.expectedSaving(at: .seconds(2), target: target))
        // What is left of an exponential lasts 1 s on average, 0.9 s of which a target that takes 0.1 s saves.
        #expect(abs(saving - 0.9) < 0.2, "\(saving)")
    }

    @Test("are not told where nothing was seen to end beyond the delay")
    func plateau() {
        let early = (0..<1000).map { _ in SurvivalCurveTests.Sample(seconds: 0.5, isEvent: true) }
        let cut = (0..<100).map { SurvivalCurveTests.Sample(seconds: 1 + 0.01 * Double($0), isEvent: false) }
        let curve = SurvivalCurveTests.curve(early + cut)
        #expect(curve.expectedSaving(at: .seconds(1), target: SurvivalCurveTests.curve(early)) == nil)
    }
}
