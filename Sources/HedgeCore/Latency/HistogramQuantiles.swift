extension CensoredHistogram {
    /// Quantiles by the product-limit estimate, in one pass and without a curve; none without samples.
    ///
    /// `probabilities` ascend. What the samples cannot tell is the highest latency seen, and not identified.
    func quantiles(_ probabilities: [Double]) -> [LatencyQuantile] {
        guard weight > 0 else { return [] }
        let share = effectiveCount / weight
        var result: [LatencyQuantile] = []
        result.reserveCapacity(probabilities.count)
        var atRisk = weight
        var surviving = 1.0
        for bucket in 0...min(highestBucket, LogScale.bucketCount - 1) {
            let happened = Double(events[bucket])
            let givenUp = Double(censored[bucket])
            guard happened > 0 || givenUp > 0 else { continue }
            let before = surviving
            let exposed = atRisk - givenUp / 2
            if happened > 0, exposed > 0 { surviving *= max(0, 1 - happened / exposed) }
            while result.count < probabilities.count, surviving <= 1 - probabilities[result.count] + 1e-7 {
                let left = before > 0 ? atRisk * share * min(1, (1 - probabilities[result.count]) / before) : 0
                // Rounding of the weights must not decide whether exactly ten are enough.
                let isIdentified = left >= SurvivalCurve.smallestRiskSet * 0.999
                result.append(LatencyQuantile(value: LogScale.interval(bucket), isIdentified: isIdentified))
            }
            if result.count == probabilities.count { return result }
            atRisk = max(0, atRisk - happened - givenUp)
        }
        while result.count < probabilities.count {
            result.append(LatencyQuantile(value: LogScale.interval(highestBucket), isIdentified: false))
        }
        return result
    }
}
