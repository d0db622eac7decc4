import Glibc
import Testing

@testable import HedgeCore

@Suite("Random events")
struct ModelCheckerTests {
    /// Events of each of the cases below; `make model-check` tells a core with optimisation many more.
    static let events = environment("HEDGE_CORE_EVENTS") ?? 45_000

    static func environment(_ name: String) -> Int? {
        guard let value = getenv(name) else { return nil }
        return Int(String(cString: value))
    }

    @Test(
        "break no rule where they once did",
        arguments: [17_777_074, 23_777_101, 1_763_859_792, 1_863_861_946] as [UInt64])
    func regression(seed: UInt64) {
        var run = RandomRun(seed: seed)
        run.run(events: 2500)
        #expect(run.checker.violations.isEmpty, "seed \(seed): \(run.checker.violations)")
    }

    @Test("break no rule of the model", arguments: 0..<24)
    func random(case index: Int) {
        let base = UInt64(Self.environment("HEDGE_CORE_SEED") ?? 1000)
        // Many short runs meet more configurations than one long one.
        let length = 2500
        for round in 0..<max(1, Self.events / length) {
            let seed = base &+ UInt64(index) &* 1_000_003 &+ UInt64(round)
            var run = RandomRun(seed: seed)
            run.run(events: length)
            #expect(run.checker.violations.isEmpty, "seed \(seed): \(run.checker.violations)")
            #expect(run.actionCount > length / 10, "seed \(seed) did next to nothing")
            if !run.checker.violations.isEmpty { return }
        }
    }
}
