import Glibc
import Testing

@testable import HedgeCore

@Suite("Arithmetic")
struct ArithmeticTests {
    @Test("logarithm and exponential agree with the C library")
    func elementary() {
        var random = SplitMix64(seed: 3)
        for _ in 0..<20_000 {
            let x = exp((random.unit() - 0.5) * 200)
            #expect(abs(naturalLog(x) - log(x)) <= 1e-12 * max(1, abs(log(x))))
            let y = (random.unit() - 0.5) * 1300
            #expect(abs(exponential(y) / exp(y) - 1) < 1e-12)
        }
    }

    @Test(
        "survive every number there is",
        arguments: [0, -1, .nan, .infinity, -.infinity, .leastNonzeroMagnitude, 1e308, -1e308])
    func extremes(x: Double) {
        #expect(naturalLog(x).isFinite)
        #expect(exponential(x).isFinite)
    }

    @Test("an index is uniform and within bounds")
    func uniform() {
        var random = SplitMix64(seed: 9)
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[random.index(below: 7)] += 1 }
        for count in counts { #expect(abs(count - 10_000) < 500) }
        #expect(random.index(below: 0) == 0)
        #expect(random.index(below: -3) == 0)
    }
}

@Suite("The latency scale")
struct LogScaleTests {
    @Test("represents every latency from 1 ms to 600 s within 1 %")
    func accuracy() {
        var milliseconds = 1.0
        while milliseconds < 600_000 {
            let latency = Interval.milliseconds(milliseconds)
            let shown = LogScale.seconds(LogScale.bucket(of: latency)) * 1000
            #expect(abs(shown / milliseconds - 1) <= 0.0101, "\(milliseconds) ms is shown as \(shown) ms")
            milliseconds *= 1.0007
        }
    }

    @Test(
        "holds any interval in one of its buckets",
        arguments: [Int64.min, -1, 0, 1, 999_999, 1_000_000, 600_000_000_000, 700_000_000_000, .max])
    func bounds(nanoseconds: Int64) {
        let bucket = LogScale.bucket(of: Interval(nanoseconds: nanoseconds))
        #expect((0..<LogScale.bucketCount).contains(bucket))
    }

    @Test("has buckets that double every `doubling` of them")
    func doubling() {
        let ratio = LogScale.seconds(200 + LogScale.doubling) / LogScale.seconds(200)
        #expect(abs(ratio - 2) < 0.03)
    }
}

@Suite("A censored histogram")
struct CensoredHistogramTests {
    static let policy = SamplePolicy()

    static func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }

    @Test("halves a sample's weight each half-life, across rescaling")
    func decay() {
        var histogram = CensoredHistogram()
        // 3,000 half-lives: weights relative to a fixed landmark would overflow many times.
        let policy = SamplePolicy(lifetime: .seconds(1e9), halfLife: .seconds(10))
        for step in 0..<3000 {
            histogram.add(bucket: 100, isEvent: true, at: Self.at(Double(step) * 10), policy: policy)
        }
        // 1 + 1/2 + 1/4 + ... in units of the latest sample.
        let scale = histogram.scale(at: Self.at(29_990), halfLife: policy.halfLife)
        #expect(abs(histogram.weight * scale - 2) < 1e-3)
        #expect(abs(Double(histogram.events[100]) * scale - 2) < 1e-3)
        #expect(abs(histogram.effectiveCount - 3) < 1e-3)
    }

    @Test("counts as many samples as it has while none is old")
    func effectiveCount() {
        var histogram = CensoredHistogram()
        for bucket in 0..<50 {
            histogram.add(bucket: bucket, isEvent: bucket % 2 == 0, at: Self.at(1), policy: Self.policy)
        }
        #expect(abs(histogram.effectiveCount - 50) < 1e-9)
        #expect(abs(histogram.censoredWeight - 25) < 1e-9)
    }

    @Test("forgets everything after its lifetime without a sample")
    func lifetime() {
        var histogram = CensoredHistogram()
        for _ in 0..<100 { histogram.add(bucket: 10, isEvent: true, at: Self.at(0), policy: Self.policy) }
        histogram.add(bucket: 500, isEvent: true, at: Self.at(3601), policy: Self.policy)
        #expect(abs(histogram.effectiveCount - 1) < 1e-9)
        #expect(histogram.events[10] == 0)
    }

    @Test("keeps the weights it had when the half-life changes")
    func anotherHalfLife() {
        var histogram = CensoredHistogram()
        histogram.add(bucket: 10, isEvent: true, at: Self.at(0), policy: Self.policy)
        histogram.add(bucket: 20, isEvent: true, at: Self.at(1200), policy: Self.policy)
        histogram.settle(halfLife: Self.policy.halfLife)
        let slow = SamplePolicy(halfLife: .seconds(1_000_000))
        histogram.add(bucket: 30, isEvent: true, at: Self.at(1201), policy: slow)
        // Two half-lives of 600 s lie between the first two, next to nothing between the last two.
        #expect(abs(histogram.events[20] / histogram.events[10] - 4) < 1e-3)
        #expect(abs(histogram.events[30] / histogram.events[20] - 1) < 1e-3)
        let weights = histogram.events.reduce(0) { $0 + Double($1) }
        #expect(abs(histogram.weight - weights) < 1e-4)
    }

    /// Two streams of samples with times of their own, and all of them in one in the order of time.
    private static func streams(
        seed: UInt64, halfLife: Double, length: Double
    ) -> (one: CensoredHistogram, other: CensoredHistogram, both: CensoredHistogram) {
        var random = SplitMix64(seed: seed)
        let policy = SamplePolicy(lifetime: .seconds(1e9), halfLife: .seconds(halfLife))
        var one = CensoredHistogram()
        var other = CensoredHistogram()
        var both = CensoredHistogram()
        // The second one may begin much later than the first, and either may end first.
        let begin = random.unit() * length
        let end = length * random.unit()
        var time = random.unit() * 100
        for _ in 0..<600 {
            time += random.unit() * length / 300
            let bucket = random.index(below: LogScale.bucketCount)
            let isEvent = random.chance(0.7)
            let isOther = time > begin && random.chance(time > end ? 1 : 0.4)
            if isOther {
                other.add(bucket: bucket, isEvent: isEvent, at: at(time), policy: policy)
            } else {
                one.add(bucket: bucket, isEvent: isEvent, at: at(time), policy: policy)
            }
            both.add(bucket: bucket, isEvent: isEvent, at: at(time), policy: policy)
        }
        return (one, other, both)
    }

    @Test(
        "merged with another one is what recording both in one gives, whatever their clocks", arguments: 1...12,
        [2.0, 600, 1e6])
    func merge(seed: Int, halfLife: Double) throws {
        // 2 s: hundreds of half-lives, so that landmarks move in one, the other or both.
        let (one, other, both) = Self.streams(seed: UInt64(seed), halfLife: halfLife, length: 1500)
        let decay = Interval.seconds(halfLife)
        let now = try #require(both.lastSample)
        let expected = both.scale(at: now, halfLife: decay)
        for (first, second) in [(one, other), (other, one)] {
            var merged = first
            merged.merge(second, halfLife: decay)
            let scale = merged.scale(at: now, halfLife: decay)
            func isSame(_ a: Double, _ b: Double) -> Bool { abs(a * scale - b * expected) <= 1e-5 * (1 + b * expected) }
            for bucket in 0..<LogScale.bucketCount {
                #expect(isSame(Double(merged.events[bucket]), Double(both.events[bucket])))
                #expect(isSame(Double(merged.censored[bucket]), Double(both.censored[bucket])))
            }
            #expect(isSame(merged.weight, both.weight))
            #expect(isSame(merged.censoredWeight, both.censoredWeight))
            #expect(abs(merged.effectiveCount / both.effectiveCount - 1) < 1e-6)
            #expect(merged.lastSample == both.lastSample)
            #expect(merged.highestBucket == both.highestBucket)
        }
    }

    @Test("merged with an empty one is the same")
    func mergeEmpty() {
        let (one, _, _) = Self.streams(seed: 1, halfLife: 600, length: 100)
        var merged = one
        merged.merge(CensoredHistogram(), halfLife: .seconds(600))
        #expect(merged.events == one.events && merged.weight == one.weight)
        var empty = CensoredHistogram()
        empty.merge(one, halfLife: .seconds(600))
        #expect(empty.events == one.events && empty.weight == one.weight)
        #expect(empty.lastSample == one.lastSample)
    }

    @Test("takes any bucket without harm")
    func anyBucket() {
        var histogram = CensoredHistogram()
        histogram.add(bucket: -5, isEvent: true, at: Self.at(0), policy: Self.policy)
        histogram.add(bucket: .max, isEvent: false, at: Self.at(0), policy: Self.policy)
        #expect(histogram.events[0] == 1)
        #expect(histogram.censored[LogScale.bucketCount - 1] == 1)
    }
}

@Suite("A survival curve")
struct SurvivalCurveTests {
    struct Sample {
        var seconds: Double
        var isEvent: Bool
    }

    static func curve(_ samples: [Sample]) -> SurvivalCurve {
        var histogram = CensoredHistogram()
        for sample in samples {
            histogram.add(
                bucket: LogScale.bucket(of: .seconds(sample.seconds)), isEvent: sample.isEvent,
                at: CensoredHistogramTests.at(1), policy: SamplePolicy())
        }
        var curve = SurvivalCurve()
        curve.estimate(histogram)
        return curve
    }

    /// Kaplan and Meier's estimate on the exact values, sample by sample.
    static func exact(_ samples: [Sample], quantile: Double) -> Double? {
        let sorted = samples.sorted { ($0.seconds, $0.isEvent ? 0 : 1) < ($1.seconds, $1.isEvent ? 0 : 1) }
        var survival = 1.0
        for (index, sample) in sorted.enumerated() where sample.isEvent {
            survival *= 1 - 1 / Double(sorted.count - index)
            if survival <= 1 - quantile + 1e-12 { return sample.seconds }
        }
        return nil
    }

    static func normal(_ random: inout SplitMix64) -> Double {
        (-2 * log(1 - random.unit())).squareRoot() * cos(2 * Double.pi * random.unit())
    }

    @Test("agrees with the exact estimate within a few buckets", arguments: 1...10)
    func oracle(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let samples = (0..<4000).map { _ in
            let latency = 0.4 * exp(0.6 * Self.normal(&random))
            let patience = random.chance(0.4) ? 0.3 * exp(0.8 * Self.normal(&random)) : .infinity
            return Sample(seconds: min(latency, patience), isEvent: latency <= patience)
        }
        let curve = Self.curve(samples)
        for quantile in [0.1, 0.5, 0.9, 0.95] {
            let expected = try #require(Self.exact(samples, quantile: quantile))
            let found = curve.quantile(quantile)
            #expect(found.isIdentified)
            #expect(
                abs(found.value.seconds / expected - 1) < 0.03, "p\(quantile): \(found.value.seconds) for \(expected)")
        }
    }

    @Test("finds the true median although every loser was cut off, where winners alone do not")
    func censoredLosers() throws {
        var random = SplitMix64(seed: 5)
        var samples: [Sample] = []
        for _ in 0..<20_000 {
            let latency = 0.7 * exp(0.5 * Self.normal(&random))
            let rival = 0.45 * exp(0.5 * Self.normal(&random))
            samples.append(Sample(seconds: min(latency, rival), isEvent: latency <= rival))
        }
        let winners = samples.filter(\.isEvent).map(\.seconds).sorted()
        #expect(winners[winners.count / 2] < 0.5)
        let median = Self.curve(samples).quantile(0.5)
        #expect(median.isIdentified)
        #expect(abs(median.value.seconds / 0.7 - 1) < 0.05)
    }

    @Test("does not claim a quantile that fewer than ten at risk would carry")
    func riskSet() {
        let hundred = (0..<100).map { Sample(seconds: 0.1 + 0.001 * Double($0), isEvent: true) }
        let curve = Self.curve(hundred)
        #expect(curve.quantile(0.5).isIdentified)
        #expect(curve.quantile(0.85).isIdentified)
        #expect(!curve.quantile(0.95).isIdentified)
        let many = (0..<1000).map { Sample(seconds: 0.1 + 0.0001 * Double($0), isEvent: true) }
        #expect(Self.curve(many).quantile(0.95).isIdentified)
        #expect(!Self.curve(many).quantile(0.999).isIdentified)
    }

    @Test("with nothing but censored samples claims nothing and bounds from below")
    func onlyCensored() {
        let curve = Self.curve((0..<50).map { _ in Sample(seconds: 0.5, isEvent: false) })
        let median = curve.quantile(0.5)
        #expect(!median.isIdentified)
        #expect(abs(median.value.seconds - 0.5) < 0.01)
    }

    @Test("has its knee before a slow mode, and none without one")
    func knee() throws {
        var random = SplitMix64(seed: 8)
        func sample(_ slow: Double) -> [Sample] {
            (0..<5000).map { _ in
                let isSlow = random.chance(slow)
                return Sample(seconds: (isSlow ? 3 : 0.3) * exp(0.1 * Self.normal(&random)), isEvent: true)
            }
        }
        let bimodal = Self.curve(sample(0.06))
        #expect(bimodal.quantile(0.95).value.seconds > 2)
        let knee = try #require(bimodal.knee(atMost: 0.1))
        #expect((0.3...0.5).contains(LogScale.seconds(knee)))
        #expect(bimodal.knee(atMost: 0.03) == nil || LogScale.seconds(bimodal.knee(atMost: 0.03) ?? 0) > 2)
        let smooth = Self.curve(
            (0..<5000).map { _ in Sample(seconds: 0.4 * exp(0.6 * Self.normal(&random)), isEvent: true) })
        #expect(smooth.knee(atMost: 0.1) == nil)
    }

    @Test("tells the expected saving of a second attempt")
    func expectedSaving() throws {
        var random = SplitMix64(seed: 12)
        let own = (0..<20_000).map { _ in 0.5 * exp(0.8 * Self.normal(&random)) }
        let other = (0..<20_000).map { _ in 0.4 * exp(0.4 * Self.normal(&random)) }
        let delay = 1.2
        let late = own.filter { $0 > delay }
        // E[(X - d - Y)+ | X > d] over all pairs of a sample of them.
        var expected = 0.0
        for _ in 0..<200_000 {
            let x = late[random.index(below: late.count)]
            let y = other[random.index(below: other.count)]
            expected += max(0, x - delay - y)
        }
        expected /= 200_000
        let curve = Self.curve(own.map { Sample(seconds: $0, isEvent: true) })
        let target = Self.curve(other.map { Sample(seconds: $0, isEvent: true) })
        let saving = try #require(curve.expectedSaving(at: .seconds(delay), target: target))
        #expect(abs(saving / expected - 1) < 0.1, "\(saving) for \(expected)")
        let slowed = try #require(curve.expectedSaving(at: .seconds(delay), target: target, slowdown: log(3)))
        #expect(slowed < 0.7 * saving)
        #expect(curve.expectedSaving(at: .seconds(60), target: target) == nil)
    }

    @Test("leans on its prior with few samples and forgets it with many", arguments: [3, 30, 3000])
    func prior(count: Int) {
        var histogram = CensoredHistogram()
        for _ in 0..<count {
            histogram.add(bucket: 400, isEvent: true, at: CensoredHistogramTests.at(1), policy: SamplePolicy())
        }
        var prior = SurvivalCurve()
        prior.estimate(histogram, scale: 1, priorSamples: 1000) { $0 < 100 ? 1 : 0 }
        #expect(abs(Double(prior.survival[100]) - Double(count) / Double(count + 1000)) < 1e-3)
    }
}

@Suite("A latency model")
struct LatencyModelTests {
    static let samples = SamplePolicy()
    static let small = SizeClass(promptBytes: 0)
    static let large = SizeClass(promptBytes: 1_000_000)

    static func at(_ milliseconds: Double) -> Instant { Instant(nanoseconds: Int64(milliseconds * 1e6)) }

    private static func record(
        _ milliseconds: Double, _ size: SizeClass, at now: Double, in model: inout LatencyModel
    ) {
        model.record(
            .milliseconds(milliseconds), size: size, isEvent: true, countsAsRecent: true, at: at(now), samples: samples)
    }

    private static func quantile(
        _ model: LatencyModel, _ size: SizeClass, of probability: Double = 0.95, at now: Double
    ) throws -> Double {
        var model = model
        model.refresh(size, at: at(now), samples: samples)
        return try #require(model.curve(size)).quantile(probability).value.milliseconds
    }

    @Test("of a class with little history leans on the deployment's, and with much stands on its own")
    func shrinkage() throws {
        var model = LatencyModel()
        for index in 0..<500 { Self.record(300 + Double(index % 100), Self.small, at: 1000, in: &model) }
        // A class without any history is the deployment's curve.
        #expect(try Self.quantile(model, Self.large, at: 1000) < 410)
        Self.record(3000, Self.large, at: 1000, in: &model)
        // One among twenty that the prior is worth.
        #expect(try Self.quantile(model, Self.large, of: 0.9, at: 2000) < 410)
        for _ in 0..<400 { Self.record(3000, Self.large, at: 3000, in: &model) }
        #expect(abs(try Self.quantile(model, Self.large, at: 4000) / 3000 - 1) < 0.03)
        #expect(try Self.quantile(model, Self.small, at: 4000) < 450)
    }

    @Test("of a deployment with little history leans on a smooth curve through its median")
    func prior() throws {
        var model = LatencyModel()
        for _ in 0..<6 { Self.record(300, Self.small, at: 1000, in: &model) }
        // The tail that six equal latencies do not show is that of a lognormal with sigma 0.6.
        #expect((500...1000).contains(try Self.quantile(model, Self.small, at: 1000)))
        for _ in 0..<500 { Self.record(300, Self.small, at: 1001, in: &model) }
        #expect(try Self.quantile(model, Self.small, at: 2000) < 310)
    }

    @Test("of all sizes together is that of its classes, each recorded once")
    func pooled() {
        var model = LatencyModel()
        var all = CensoredHistogram()
        var random = SplitMix64(seed: 6)
        for index in 0..<900 {
            let latency = 100 + 2000 * random.unit()
            let size = SizeClass(promptBytes: [0, 5000, 1_000_000][index % 3])
            Self.record(latency, size, at: Double(index) * 3000, in: &model)
            all.add(
                bucket: LogScale.bucket(of: .milliseconds(latency)), isEvent: true, at: Self.at(Double(index) * 3000),
                policy: Self.samples)
        }
        let pooled = model.pooled(Self.samples)
        #expect(abs(pooled.effectiveCount / all.effectiveCount - 1) < 1e-6)
        #expect(pooled.quantiles([0.5, 0.9]) == all.quantiles([0.5, 0.9]))
        #expect(!model.isUnmeasured(Self.samples))
    }

    @Test("is estimated anew every quarter of a second or with 2 % new weight, and not when it is read")
    func reads() {
        var model = LatencyModel()
        for _ in 0..<1000 { Self.record(300, Self.small, at: 1000, in: &model) }
        func isWorkedOut(_ milliseconds: Double) -> Bool {
            model.refresh(Self.small, at: Self.at(milliseconds), samples: Self.samples)
        }
        #expect(isWorkedOut(1000))
        #expect(!isWorkedOut(1000))
        #expect(!isWorkedOut(90_000))
        for _ in 0..<15 { Self.record(310, Self.small, at: 90_000, in: &model) }
        #expect(isWorkedOut(90_000))
        for _ in 0..<15 { Self.record(310, Self.small, at: 90_001, in: &model) }
        #expect(!isWorkedOut(90_001))
        #expect(!isWorkedOut(90_249))
        #expect(isWorkedOut(90_250))
        for _ in 0..<40 { Self.record(310, Self.small, at: 90_251, in: &model) }
        #expect(isWorkedOut(90_251))
    }
}

@Suite("What ranking believes")
struct LatencyBeliefTests {
    static func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }

    static func settled(_ latency: Double, until end: Double) -> LatencyBelief {
        var belief = LatencyBelief()
        for step in stride(from: 0.0, through: end, by: 1) {
            belief.observe(.seconds(latency), isEvent: true, at: at(step))
        }
        return belief
    }

    @Test("shrinks from what was seen last toward the long run as it goes stale")
    func staleness() throws {
        var belief = Self.settled(0.4, until: 500)
        for step in 501...520 { belief.observe(.seconds(4), isEvent: true, at: Self.at(Double(step))) }
        let fresh = try #require(belief.estimate(at: Self.at(520)))
        #expect(exp(fresh) > 3)
        let stale = try #require(belief.estimate(at: Self.at(520 + 5 * belief.staleness)))
        #expect(exp(stale) < 0.5)
    }

    @Test("lets the first sample after staleness overwrite it")
    func overwrite() throws {
        var belief = Self.settled(0.4, until: 100)
        belief.observe(.seconds(5), isEvent: true, at: Self.at(101))
        #expect(exp(try #require(belief.estimate(at: Self.at(101)))) < 1)
        belief.observe(.seconds(5), isEvent: true, at: Self.at(200))
        #expect(abs(exp(try #require(belief.estimate(at: Self.at(200)))) - 5) < 1e-6)
    }

    @Test("waits twice as long each time that a probe is still slow, up to 240 s, and anew after a good one")
    func doubling() {
        var belief = Self.settled(0.4, until: 100)
        var time = 100.0
        for expected in [30.0, 60, 120, 240, 240] {
            time += belief.staleness + 1
            belief.observe(.seconds(4), isEvent: true, at: Self.at(time))
            #expect(belief.staleness == expected)
        }
        time += belief.staleness + 1
        belief.observe(.seconds(0.4), isEvent: true, at: Self.at(time))
        #expect(belief.staleness == 15)
    }

    @Test("ignores a bound below what it believes and takes one above")
    func bounds() throws {
        var belief = Self.settled(1, until: 100)
        let before = belief.estimate(at: Self.at(100))
        belief.observe(.seconds(0.2), isEvent: false, at: Self.at(100))
        #expect(belief.estimate(at: Self.at(100)) == before)
        belief.observe(.seconds(10), isEvent: false, at: Self.at(100))
        #expect(try #require(belief.estimate(at: Self.at(100))) > 0.3)
    }

    @Test("holds that what was only given up on takes longer than the wait")
    func lowerBoundOnly() throws {
        var belief = LatencyBelief()
        belief.observe(.seconds(1), isEvent: false, at: Self.at(0))
        #expect(try #require(belief.estimate(at: Self.at(0))) > 0.2)
        #expect(LatencyBelief().estimate(at: Self.at(0)) == nil)
    }
}
