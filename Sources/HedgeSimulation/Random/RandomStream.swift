import Glibc

/// What random numbers are for: each purpose has streams of its own, so that one more draw here changes nothing there.
package enum RandomPurpose: UInt64, Sendable {
    case arrivals = 1
    case promptSize
    case service
    case slowPeriods
    case router
    case replay
}

/// A stream of random numbers named by a seed and what it is for.
///
/// The latency that a deployment would have for a request depends on nothing else than the seed, the request and the
/// deployment: policies under comparison meet the same luck, whatever they decide.
package struct RandomStream: Sendable {
    private var state: UInt64

    package init(seed: UInt64, _ purpose: RandomPurpose, _ first: Int = 0, _ second: Int = 0) {
        var state = Self.mixed(seed &+ 0x9E37_79B9_7F4A_7C15)
        state = Self.mixed(state ^ (purpose.rawValue &* 0xD6E8_FEB8_6659_FD93))
        state = Self.mixed(state ^ (UInt64(bitPattern: Int64(first)) &* 0xA076_1D64_78BD_642F))
        self.state = Self.mixed(state ^ (UInt64(bitPattern: Int64(second)) &* 0xE703_7ED1_A0B4_28DB))
    }

    private static func mixed(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mixed(state)
    }

    /// A number in [0, 1).
    package mutating func unit() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// An index below `count`; 0 when `count` is not positive.
    package mutating func index(below count: Int) -> Int {
        guard count > 1 else { return 0 }
        return Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(count)).high)
    }

    package mutating func chance(_ probability: Double) -> Bool {
        unit() < probability
    }

    /// A number with the exponential distribution.
    package mutating func exponential(mean: Double) -> Double {
        -mean * log(1 - unit())
    }

    /// A number with the standard normal distribution (Box and Muller).
    package mutating func normal() -> Double {
        let radius = (-2 * log(1 - unit())).squareRoot()
        return radius * cos(2 * Double.pi * unit())
    }
}

/// Probability of the standard normal distribution below `z`.
package func normalProbability(below z: Double) -> Double {
    0.5 * erfc(-z / 2.0.squareRoot())
}
