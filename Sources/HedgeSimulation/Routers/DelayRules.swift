import Glibc

/// When a baseline starts its second attempt.
package enum BaselineHedging: Sendable {
    case never
    /// After so many milliseconds.
    case fixed(Double)
    /// So many attempts at once.
    case race(Int)
    /// After `delay` milliseconds with a probability: the optimum for a known distribution.
    case single(delay: Double, probability: Double)
    /// After a multiple of the primary's long-run median.
    case multipleOfMedian(Double)
    /// After a quantile of the last seconds, and within a budget whose deposits expire.
    case window(percentile: Double)
    /// After the 95th percentile of the last thousand recorded values, whatever is recorded.
    case recorded(RecordingRule)
}

/// What of a hedged request is recorded as a latency.
package enum RecordingRule: String, Hashable, Sendable, CaseIterable {
    /// The winner's own latency; what was cancelled leaves no trace.
    case winners
    /// The time from the request to its answer, whoever gave it.
    case endToEnd = "end-to-end"
    /// The primary's latency, and when it was cancelled the knowledge that it is longer.
    case censored
}

/// A quantile over three periods of ten seconds, renewed every three seconds.
struct WindowedQuantile: Sendable {
    private let probability: Double
    private var counts: [[UInt32]]
    private var current = 0
    private var startedAt = 0.0
    private var renewedAt = -Double.infinity
    private var value = 1.0

    private static let bucketCount = 900
    private static let logStep = log(1.02)

    init(probability: Double) {
        self.probability = probability
        counts = Array(repeating: Array(repeating: 0, count: Self.bucketCount), count: 4)
    }

    mutating func record(_ milliseconds: Double, at seconds: Double) {
        turn(to: seconds)
        let bucket = min(Self.bucketCount - 1, max(0, Int(log(max(1, milliseconds)) / Self.logStep)))
        counts[current][bucket] += 1
    }

    /// The quantile of the full periods; 1 ms while there is none.
    mutating func quantile(at seconds: Double) -> Double {
        turn(to: seconds)
        guard seconds - renewedAt >= 3 else { return value }
        renewedAt = seconds
        var totals = [UInt32](repeating: 0, count: Self.bucketCount)
        for period in counts.indices where period != current {
            for bucket in totals.indices { totals[bucket] += counts[period][bucket] }
        }
        let all = totals.reduce(0, +)
        value = 1
        guard all > 0 else { return value }
        var below: UInt32 = 0
        for bucket in totals.indices {
            below += totals[bucket]
            if Double(below) >= probability * Double(all) {
                value = exp((Double(bucket) + 0.5) * Self.logStep)
                break
            }
        }
        return value
    }

    private mutating func turn(to seconds: Double) {
        var turns = 0
        while seconds - startedAt >= 10, turns < counts.count {
            current = (current + 1) % counts.count
            for bucket in counts[current].indices { counts[current][bucket] = 0 }
            startedAt += 10
            turns += 1
        }
        if seconds - startedAt >= 10 { startedAt = seconds }
    }
}

/// A quantile of the latest thousand values, renewed every fifty.
struct RecordedQuantile: Sendable {
    private let probability: Double
    private var values: [Double] = []
    private var isEvent: [Bool] = []
    private var next = 0
    private var sinceRenewal = 0
    private(set) var value: Double?

    static let capacity = 1000

    init(probability: Double) {
        self.probability = probability
    }

    /// Takes a latency that was seen, or a lower bound of one that was not.
    mutating func record(_ milliseconds: Double, isEvent: Bool = true) {
        if values.count < Self.capacity {
            values.append(milliseconds)
            self.isEvent.append(isEvent)
        } else {
            values[next] = milliseconds
            self.isEvent[next] = isEvent
            next = (next + 1) % Self.capacity
        }
        sinceRenewal += 1
        guard sinceRenewal >= 50 else { return }
        sinceRenewal = 0
        // Below the threshold nothing is censored, so that the rank of what is longer is all that matters.
        value = Quantiles(of: values).value(probability)
    }

    /// The product-limit estimate of a quantile; NaN if it is not identified.
    func estimate(_ probability: Double) -> Double {
        guard let quantile = KaplanMeier(Array(zip(values, isEvent))).quantile(probability) else { return .nan }
        return quantile.isIdentified ? quantile.value : .nan
    }
}

/// Budgets of the baselines.
enum BaselineBudget: Sendable {
    case unlimited
    case share(Double, level: Double)
    /// Deposits and withdrawals of the last ten seconds.
    case windowed(share: Double, slots: [Double], second: Int)

    static func windowed(share: Double) -> BaselineBudget {
        .windowed(share: share, slots: Array(repeating: 0, count: 10), second: 0)
    }

    mutating func deposit(at seconds: Double) {
        switch self {
        case .unlimited:
            break
        case .share(let share, let level):
            self = .share(share, level: min(10, level + share))
        case .windowed(let share, _, _):
            addWindowed(share, at: seconds)
        }
    }

    mutating func withdraw(at seconds: Double) -> Bool {
        switch self {
        case .unlimited:
            return true
        case .share(let share, let level):
            guard level >= 1 else { return false }
            self = .share(share, level: level - 1)
            return true
        case .windowed:
            addWindowed(0, at: seconds)
            guard case .windowed(_, let slots, _) = self, slots.reduce(0, +) >= 1 else { return false }
            addWindowed(-1, at: seconds)
            return true
        }
    }

    private mutating func addWindowed(_ amount: Double, at seconds: Double) {
        guard case .windowed(let share, var slots, var second) = self else { return }
        // Free the storage before changing it, or it is copied.
        self = .unlimited
        let target = Int(min(1e9, seconds))
        while second < target {
            second += 1
            slots[second % slots.count] = 0
            if target - second > slots.count { second = target - slots.count }
        }
        slots[second % slots.count] += amount
        self = .windowed(share: share, slots: slots, second: second)
    }
}
