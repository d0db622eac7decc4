/// What happens to a router in a simulation: requests that arrive, and servers that are fast, slow or full.
package struct Workload: Sendable {
    package var name: String
    package var servers: [ServerModel]
    /// Poisson arrivals, whether or not earlier requests were answered.
    package var arrivalsPerSecond: Double
    package var requests: Int
    /// Share of the variance of a latency's logarithm that is the request's and not the attempt's.
    package var sizeCorrelation = 0.0
    package var slowPeriods: SlowPeriods?
    package var slowdown: Slowdown?
    /// Whether the router is configured with the servers' slots.
    package var tellsSlots = false

    package init(name: String, servers: [ServerModel], arrivalsPerSecond: Double, requests: Int) {
        self.name = name
        self.servers = servers
        self.arrivalsPerSecond = arrivalsPerSecond
        self.requests = requests
    }
}

/// One deployment as the simulation sees it.
package struct ServerModel: Sendable {
    package enum Latency: Sendable {
        case distribution(LatencyDistribution)
        /// Rows of a trace in their order, from a random one on.
        case trace([TraceRow])
    }

    package var latency: Latency
    /// Attempts served at a time; others wait in the order they came. Nil for no limit.
    package var slots: Int?
    /// Whether the server goes on with attempts that were cancelled.
    package var worksOnCancelled = false
    /// Share of attempts that fail at once with a server error.
    package var failureShare = 0.0
    /// Time until such a failure, in milliseconds.
    package var failureLatency = 50.0
    /// Times at which every attempt fails, in order; what began before goes on.
    package var outages: [Outage] = []

    package init(_ latency: Latency, slots: Int? = nil, worksOnCancelled: Bool = false) {
        self.latency = latency
        self.slots = slots
        self.worksOnCancelled = worksOnCancelled
    }

    package init(_ distribution: LatencyDistribution) {
        self.init(.distribution(distribution))
    }

    /// Its median latency in milliseconds.
    package var median: Double {
        switch latency {
        case .distribution(let distribution):
            return distribution.quantile(0.5)
        case .trace(let rows):
            let sorted = rows.filter { !$0.isError }.map(\.firstToken).sorted()
            return sorted.isEmpty ? 1000 : sorted[sorted.count / 2]
        }
    }

    /// Whether its answers come in pieces, the first of which decides.
    package var isStream: Bool {
        if case .trace = latency { return true }
        return false
    }
}

/// Periods of slowness that come and go by chance: a Markov process with two states.
package struct SlowPeriods: Sendable {
    /// How many times longer latencies are.
    package var factor: Double
    /// Mean length and mean time between two of a deployment, in seconds.
    package var length: Double
    package var gap: Double
    /// Share of the periods that slow all deployments at once.
    package var sharedFraction: Double

    package init(factor: Double, length: Double, gap: Double, sharedFraction: Double = 0) {
        self.factor = factor
        self.length = length
        self.gap = gap
        self.sharedFraction = sharedFraction
    }
}

/// One time at which all deployments are slow.
package struct Slowdown: Sendable {
    /// Seconds since the start.
    package var from: Double
    package var until: Double
    package var factor: Double

    package init(from: Double, until: Double, factor: Double) {
        self.from = from
        self.until = until
        self.factor = factor
    }
}

/// The slow periods of one process, asked about times that never go back.
struct SlowPeriodClock: Sendable {
    private var random: RandomStream
    private let length: Double
    private let gap: Double
    private var from: Double
    private var until: Double

    /// Periods of mean `length` with mean `gap`; never any if the gap is infinite.
    init(seed: UInt64, process: Int, length: Double, gap: Double) {
        random = RandomStream(seed: seed, .slowPeriods, process)
        self.length = length
        self.gap = gap
        from = gap.isFinite ? random.exponential(mean: gap) : .infinity
        until = from.isFinite ? from + random.exponential(mean: length) : .infinity
    }

    mutating func isSlow(at seconds: Double) -> Bool {
        while seconds >= until {
            from = until + random.exponential(mean: gap)
            until = from + random.exponential(mean: length)
        }
        return seconds >= from
    }
}
