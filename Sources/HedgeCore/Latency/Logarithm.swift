// The two transcendental functions the core needs, in plain arithmetic: the same bits on every platform, so that a
// recorded run replays exactly, and no C library to import.

/// The natural logarithm of `x`, to about 1e-14; what is not a positive finite number gives 0.
@inlinable
func naturalLog(_ x: Double) -> Double {
    guard x > 0, x.isFinite, x.isNormal else { return 0 }
    var mantissa = x.significand
    var exponent = Double(x.exponent)
    if mantissa > 1.414_213_562_373_095_1 {
        mantissa /= 2
        exponent += 1
    }
    // ln m = 2 artanh((m - 1) / (m + 1)); the argument stays below 0.172, so nine terms suffice.
    let s = (mantissa - 1) / (mantissa + 1)
    let t = s * s
    var sum = 1.0 / 17
    sum = sum * t + 1.0 / 15
    sum = sum * t + 1.0 / 13
    sum = sum * t + 1.0 / 11
    sum = sum * t + 1.0 / 9
    sum = sum * t + 1.0 / 7
    sum = sum * t + 1.0 / 5
    sum = sum * t + 1.0 / 3
    sum = sum * t + 1
    return exponent * 0.693_147_180_559_945_3 + 2 * s * sum
}

/// e to the power of `x`, to about 1e-14; beyond +-700 it stays at the value there and NaN gives 1.
@inlinable
func exponential(_ x: Double) -> Double {
    guard x == x else { return 1 }
    let bounded = min(700, max(-700, x))
    let k = (bounded * 1.442_695_040_888_963_4).rounded()
    let r = bounded - k * 0.693_147_180_369_123_8 - k * 1.908_214_929_270_587_7e-10
    // The Taylor series; |r| <= 0.347, so what is left out is below 1e-15.
    var sum = 1.0 / 479_001_600
    sum = sum * r + 1.0 / 39_916_800
    sum = sum * r + 1.0 / 3_628_800
    sum = sum * r + 1.0 / 362_880
    sum = sum * r + 1.0 / 40_320
    sum = sum * r + 1.0 / 5_040
    sum = sum * r + 1.0 / 720
    sum = sum * r + 1.0 / 120
    sum = sum * r + 1.0 / 24
    sum = sum * r + 1.0 / 6
    sum = sum * r + 1.0 / 2
    sum = sum * r + 1
    sum = sum * r + 1
    // |k| <= 1010, so the exponent field neither overflows nor reaches the subnormal range.
    return sum * Double(bitPattern: UInt64(bitPattern: Int64(k) &+ 1023) << 52)
}
