/// Everything the core keeps for one deployment.
struct DeploymentState: Sendable {
    var configuration: DeploymentConfiguration
    /// Whether the current configuration has it; otherwise it gets no new attempts.
    var isConfigured = true
    /// Whether some group offers another deployment or another group, so that leaving this one out helps anybody.
    var hasSibling = false
    /// Index of its failure domain; deployments without one have a domain of their own.
    var domain = 0
    /// Slots of the groups that offer it.
    var groups: [Int] = []

    var inFlight = 0
    /// Its attempts in flight without an answer, of requests that stream and of those that do not.
    var waitingStreams = WaitingList()
    var waitingComplete = WaitingList()
    var health = DeploymentHealth()
    var streaming = LatencyModel()
    var complete = LatencyModel()
    var counters = DeploymentCounters()
    var recovery = RecoveryCounters()
    var usage = UsageWindow()
    /// How many of its primaries were late lately.
    var storms = StormDetector()

    init(_ configuration: DeploymentConfiguration) {
        self.configuration = configuration
    }

    func isCold(isStream: Bool, at now: Instant) -> Bool {
        isStream ? streaming.isCold(at: now) : complete.isCold(at: now)
    }

    func belief(isStream: Bool) -> LatencyBelief {
        isStream ? streaming.belief : complete.belief
    }

    func curve(isStream: Bool, size: SizeClass) -> SurvivalCurve? {
        isStream ? streaming.curve(size) : complete.curve(size)
    }

    /// Whether it may take one more attempt, with a prompt of so many tokens, by its own limits.
    mutating func hasCapacity(tokens: Int, at now: Instant) -> Bool {
        if let limit = configuration.maxParallelRequests, inFlight >= limit { return false }
        guard configuration.requestsPerMinute != nil || configuration.tokensPerMinute != nil else { return true }
        usage.advance(to: now)
        if let limit = configuration.requestsPerMinute, usage.requestTotal >= UInt64(max(0, limit)) { return false }
        // A prompt larger than the limit itself may go when nothing else went.
        if let limit = configuration.tokensPerMinute, usage.tokenTotal > 0 {
            return usage.tokenTotal &+ UInt64(max(0, tokens)) <= UInt64(max(0, limit))
        }
        return true
    }

    /// Time until its limits per minute let it take one more attempt; zero while they do.
    ///
    /// The limit of attempts in flight is not looked at: nobody knows when one ends.
    mutating func timeToRoom(tokens: Int, at now: Instant) -> Interval {
        guard configuration.requestsPerMinute != nil || configuration.tokensPerMinute != nil else { return .zero }
        usage.advance(to: now)
        var wait = Interval.zero
        if let limit = configuration.requestsPerMinute {
            wait = max(wait, usage.timeUntil(requestsBelow: UInt64(max(0, limit)), at: now))
        }
        if let limit = configuration.tokensPerMinute {
            let room = UInt64(max(0, limit)).subtractingReportingOverflow(UInt64(max(0, tokens)))
            wait = max(wait, usage.timeUntil(tokensAtMost: room.overflow ? 0 : room.partialValue, at: now))
        }
        return wait
    }

    /// Whether a limit per minute is nearly reached: what is left is for requests, not for hedges.
    mutating func isNearRateLimit(at now: Instant) -> Bool {
        guard configuration.requestsPerMinute != nil || configuration.tokensPerMinute != nil else { return false }
        usage.advance(to: now)
        if let limit = configuration.requestsPerMinute,
            Double(usage.requestTotal) >= Self.hedgeHeadroom * Double(limit)
        {
            return true
        }
        if let limit = configuration.tokensPerMinute,
            Double(usage.tokenTotal) >= Self.hedgeHeadroom * Double(limit)
        {
            return true
        }
        return false
    }

    /// Share of a limit per minute that hedges may use up.
    static let hedgeHeadroom = 0.8

    /// What a prompt and a usual answer cost; nil when a price is unknown.
    func cost(promptTokens: Int) -> Double? {
        guard let input = configuration.inputCostPerToken, let output = configuration.outputCostPerToken else {
            return nil
        }
        let cost = Double(promptTokens) * input + Self.usualAnswer * output
        return cost.isFinite && cost >= 0 ? cost : nil
    }

    /// Tokens of an answer whose length is not known yet.
    static let usualAnswer = 300.0

    /// Attempts a deployment without a limit is assumed to take before it slows down.
    ///
    /// Few enough that among deployments that are equal by latency the less busy one is chosen, and many enough that a
    /// difference in latency counts for more than a handful of attempts.
    static let usualParallelism = 20
}

/// Everything the core keeps for one model group.
struct GroupState: Sendable {
    var id: GroupID
    /// Slots of its deployments.
    var members: [Int]
    /// Groups its requests go on to.
    var fallbacks = GroupFallbacks()
    /// Slots of the groups its general fallbacks lead to, theirs included, the nearest first.
    var reaches: [Int] = []
    /// Slots of the groups whose requests may come here like that.
    var reachedFrom: [Int] = []
    /// Further attempts after failures, where the group has numbers of its own.
    var retries: RetryPolicy?
    /// Races in flight, of requests that stream and of those that do not.
    var streamRaces = 0
    var completeRaces = 0
    var streamLedger = HedgeLedger()
    var completeLedger = HedgeLedger()
    var raceBudget = RaceBudget()
    /// Requests that wait for a deployment, in the order in which they are served.
    var waiting = SlotHeap<Turn>()
    /// Whether it is listed among those whose waiting requests may find room.
    var isToBeServed = false
    var queue = QueueCounters()
    var hedges = HedgeCounters()

    func races(isStream: Bool) -> Int {
        isStream ? streamRaces : completeRaces
    }

    mutating func countRace(isStream: Bool, by delta: Int) {
        if isStream { streamRaces += delta } else { completeRaces += delta }
    }
}
