/// Everything the core keeps for one deployment.
struct DeploymentState: Sendable {
    var configuration: DeploymentConfiguration
    /// Whether the current configuration has it; otherwise it gets no new attempts.
    var isConfigured = true
    /// Whether some group offers another deployment, so that leaving this one out helps anybody.
    var hasSibling = false
    /// Index of its failure domain; deployments without one have a domain of their own.
    var domain = 0

    var inFlight = 0
    var health = DeploymentHealth()
    var streaming = LatencyModel()
    var complete = LatencyModel()
    var counters = DeploymentCounters()

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

    /// Whether it may take one more attempt by its own limits.
    func hasCapacity(at now: Instant) -> Bool {
        guard let limit = configuration.maxParallelRequests else { return true }
        return inFlight < limit
    }

    /// Attempts in flight as a share of what it takes at most.
    var load: Double {
        let limit = configuration.maxParallelRequests ?? Self.usualParallelism
        return Double(inFlight) / Double(max(1, limit))
    }

    /// Attempts a deployment without a limit is assumed to take before it slows down.
    static let usualParallelism = 64
}

/// Everything the core keeps for one model group.
struct GroupState: Sendable {
    var id: GroupID
    /// Slots of its deployments.
    var members: [Int]
    /// Races in flight, of requests that stream and of those that do not.
    var streamRaces = 0
    var completeRaces = 0
    var storms = StormDetector()
    /// The attempt that runs on a deployment that is out, as none is healthy.
    var lastResort: AttemptID?

    func races(isStream: Bool) -> Int {
        isStream ? streamRaces : completeRaces
    }

    mutating func countRace(isStream: Bool, by delta: Int) {
        if isStream { streamRaces += delta } else { completeRaces += delta }
    }
}
