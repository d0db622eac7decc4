/// The buckets of every latency histogram: 1 ms to 600 s, each 2 % wide, so that a value is off by 1 % at most.
///
/// Bucket 0 holds what is below 1 ms and the last one what is above the range. The relative error is that of
/// DDSketch (Masson, Rim, Lee 2019) for alpha = 0.01.
enum LogScale {
    static let bucketCount = 667
    static let accuracy = 0.01
    /// ln((1 + alpha) / (1 - alpha))
    static let logGamma = 0.020_000_666_706_669_8

    /// Buckets that make a factor of two.
    static let doubling = 35

    /// The bucket that holds a latency.
    @inline(__always)
    static func bucket(of latency: Interval) -> Int {
        guard latency.nanoseconds > 1_000_000 else { return 0 }
        let position = naturalLog(Double(latency.nanoseconds) * 1e-6) / logGamma
        // The position is between 0 and ln(2^63 * 1e-6) / 0.02, so the conversion cannot trap.
        return min(bucketCount - 1, 1 + Int(position))
    }

    /// The latency that represents a bucket, in seconds; of the outermost buckets their inner edge.
    static func seconds(_ bucket: Int) -> Double {
        guard bucket > 0 else { return representatives[0] }
        return representatives[min(bucket, bucketCount - 1)]
    }

    /// The latency that represents a bucket.
    static func interval(_ bucket: Int) -> Interval {
        Interval.seconds(seconds(bucket))
    }

    /// Width of a bucket in seconds.
    static func width(_ bucket: Int) -> Double {
        guard bucket > 0 else { return 1e-3 }
        return widths[min(bucket, bucketCount - 1)]
    }

    private static let representatives: [Double] = (0..<bucketCount).map { bucket in
        if bucket == 0 { return 1e-3 }
        if bucket == bucketCount - 1 { return 1e-3 * exponential(Double(bucket - 1) * logGamma) }
        // 2 gamma^b / (gamma + 1) has the same relative distance to both edges.
        return 2e-3 * exponential(Double(bucket) * logGamma) / (exponential(logGamma) + 1)
    }

    private static let widths: [Double] = (0..<bucketCount).map { bucket in
        if bucket == 0 { return 1e-3 }
        return 1e-3 * (exponential(Double(bucket) * logGamma) - exponential(Double(bucket - 1) * logGamma))
    }
}
