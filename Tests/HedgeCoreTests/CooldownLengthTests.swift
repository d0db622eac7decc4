import Testing

@testable import HedgeCore

@Suite("Cooldown length")
struct CooldownLengthTests {
    @Test(
        "Cooldowns double up to 300 s, or to a base that is longer",
        arguments: [(5.0, 1, 5.0), (5, 3, 20), (5, 12, 300), (600, 1, 600), (600, 5, 600)])
    func length(base: Double, trips: Int, full: Double) throws {
        var health = DeploymentHealth()
        var random = SplitMix64(seed: 7)
        var now = Instant(nanoseconds: 0)
        var length = 0.0
        for _ in 0..<trips {
            _ = health.expire(at: now)
            let change = health.failed(
                Failure(kind: .server), generation: health.generation, canCool: true,
                limits: CooldownLimits(base: .seconds(base), streak: 1), at: now, random: &random)
            guard case .cooldownStarted(let until, _)? = change else { break }
            length = (until - now).seconds
            now = until
        }
        #expect(length >= full / 2 && length <= full)
    }
}
