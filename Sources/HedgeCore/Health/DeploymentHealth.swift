/// Whether a deployment takes part, and how it comes back after it failed.
///
/// Healthy until it trips; cooling until its cooldown is over; then on probation, where one canary at a time tests it;
/// then ramping up. The generation separates what was started before a trip from what came after it: late failures of
/// the former must not extend a cooldown.
struct DeploymentHealth: Sendable {
    enum State: Hashable, Sendable {
        case healthy
        case cooling(until: Instant)
        /// The cooldown is over; a canary may be sent unless one is in flight.
        case probation
        case ramping(since: Instant)
    }

    private(set) var state = State.healthy
    private(set) var generation: UInt32 = 0
    private(set) var trips: UInt64 = 0

    /// What the latest cooldown was for.
    private(set) var cause: CooldownCause?

    /// Consecutive hard failures.
    private(set) var streak = 0

    /// How often in a row it tripped; forgiven one at a time.
    private(set) var backoff = 0
    private var forgivenAt = Instant(nanoseconds: 0)

    private var results = RecentResults()

    /// Canaries in a row that were neither seen to work nor to fail.
    private var inconclusiveCanaries = 0
    private(set) var canaryInFlight = false

    static let longestCooldown = Interval.seconds(300)
    static let longestRetryAfter = Interval.seconds(900)
    static let rampLength = Interval.seconds(60)
    static let smallestRampShare = 0.1
    static let forgivenessWindow = Interval.seconds(60)
    /// This many canaries that lost their race without failing are taken for recovery.
    static let enoughInconclusive = 5

    /// Share of the requests it would get that it takes now.
    func share(at now: Instant) -> Double {
        switch state {
        case .healthy:
            return 1
        case .cooling, .probation:
            return 0
        case .ramping(let since):
            return min(1, max(Self.smallestRampShare, (now - since).seconds / Self.rampLength.seconds))
        }
    }

    /// How little is to be expected of it while it is out; 0 where something may well be.
    var hopelessness: Int {
        guard case .cooling = state, case .failure(let kind)? = cause else { return 0 }
        switch kind.healthEffect {
        case .none, .hard: return 0
        case .rateLimited: return 1
        case .long: return 2
        }
    }

    /// The end of the cooldown, if it is cooling.
    var coolingUntil: Instant? {
        if case .cooling(let until) = state { return until }
        return nil
    }

    /// Whether a canary may be sent now.
    func allowsCanary(at now: Instant) -> Bool {
        guard !canaryInFlight else { return false }
        switch state {
        case .probation: return true
        case .cooling(let until): return until <= now
        case .healthy, .ramping: return false
        }
    }

    /// Ends a cooldown whose time is over.
    mutating func expire(at now: Instant) -> HealthChange? {
        guard case .cooling(let until) = state, until <= now else { return nil }
        state = .probation
        return .canaryAllowed
    }

    mutating func canaryStarted() {
        canaryInFlight = true
    }

    /// A canary ended for a reason that has nothing to do with the deployment.
    mutating func canaryAbandoned(generation: UInt32) {
        guard generation == self.generation else { return }
        canaryInFlight = false
    }

    /// A canary lost its race without having failed.
    mutating func canaryInconclusive(generation: UInt32, at now: Instant) -> HealthChange? {
        guard generation == self.generation else { return nil }
        canaryInFlight = false
        guard case .probation = state else { return nil }
        inconclusiveCanaries += 1
        guard inconclusiveCanaries >= Self.enoughInconclusive else { return nil }
        return recover(at: now)
    }

    /// An attempt worked. A slow canary does not end a cooldown but renews it.
    mutating func succeeded(
        generation: UInt32, isSlow: Bool, base: Interval, at now: Instant, random: inout SplitMix64
    ) -> HealthChange? {
        guard generation == self.generation else { return nil }
        results.addSuccess(at: now)
        streak = 0
        switch state {
        case .healthy:
            forgive(at: now)
            return nil
        case .ramping(let since):
            if now - since >= Self.rampLength {
                state = .healthy
                forgivenAt = now
            }
            return nil
        case .cooling, .probation:
            canaryInFlight = false
            if isSlow { return trip(cause: cause ?? .latency, base: base, floor: nil, at: now, random: &random) }
            return recover(at: now)
        }
    }

    private mutating func recover(at now: Instant) -> HealthChange {
        state = .ramping(since: now)
        inconclusiveCanaries = 0
        canaryInFlight = false
        streak = 0
        return .recovered
    }

    /// An attempt failed with an effect on health.
    ///
    /// - Parameter canCool: false when requests have nowhere else to go; failures are then only counted.
    mutating func failed(
        _ failure: Failure, generation: UInt32, canCool: Bool, limits: CooldownLimits, at now: Instant,
        random: inout SplitMix64
    ) -> HealthChange? {
        let effect = failure.kind.healthEffect
        guard generation == self.generation, let column = failure.kind.column else { return nil }
        results.add(column, at: now)
        if effect == .hard { streak += 1 }
        guard canCool, mustCool(failure, column, limits, at: now) else { return nil }
        if effect == .long { return coolLong(failure, at: now) }
        return trip(
            cause: .failure(failure.kind), base: limits.base, floor: failure.retryAfter, at: now, random: &random)
    }

    /// Whether a failure that was just counted starts a cooldown.
    private mutating func mustCool(
        _ failure: Failure, _ column: FailureColumn, _ limits: CooldownLimits, at now: Instant
    ) -> Bool {
        let effect = failure.kind.healthEffect
        switch state {
        case .cooling:
            // A last resort that failed: nobody believed that it had recovered.
            return effect == .long && limits.allowedByClass[column] == nil
        case .probation, .ramping:
            return true
        case .healthy:
            if let allowed = limits.allowedByClass[column] { return results.failures(column, at: now) > allowed }
            if effect != .hard { return true }
            if let asked = failure.retryAfter, asked > .zero { return true }
            if let allowed = limits.allowed { return results.hardFailures(at: now) > allowed }
            return streak >= limits.streak && results.isUnlikely(streak: streak, at: now)
                || results.failsTooOften(at: now)
        }
    }

    /// Its latency alone is reason enough to leave it out.
    mutating func eject(base: Interval, at now: Instant, random: inout SplitMix64) -> HealthChange {
        trip(cause: .latency, base: base, floor: nil, at: now, random: &random)
    }

    /// Answers within the last minute, since the latest cooldown.
    mutating func recentAnswers(at now: Instant) -> Int {
        Int(results.totals(at: now).worked)
    }

    private mutating func coolLong(_ failure: Failure, at now: Instant) -> HealthChange {
        let length = max(Self.longestCooldown, failure.retryAfter ?? .zero)
        return cool(for: min(length, Self.longestRetryAfter), cause: .failure(failure.kind), at: now)
    }

    /// Starts a cooldown of min(300 s, base * 2^(k-1)) * U(0.5, 1), and not below what the provider asked for.
    ///
    /// A base that is itself longer than 300 s was configured so and is kept.
    private mutating func trip(
        cause: CooldownCause, base: Interval, floor: Interval?, at now: Instant, random: inout SplitMix64
    ) -> HealthChange {
        // A rate limit says when to come back; only failing again says that it was not enough.
        let isRateLimit = cause == .failure(.rateLimit)
        if !isRateLimit || state != .healthy { backoff = min(backoff + 1, 16) }
        let doublings = max(0, backoff - 1)
        let longest = max(Self.longestCooldown.seconds, base.seconds)
        let full = min(longest, max(0, base.seconds) * Double(UInt64(1) << UInt64(doublings)))
        let jittered = isRateLimit ? full : full * (0.5 + 0.5 * random.unit())
        let asked = min(floor ?? .zero, Self.longestRetryAfter)
        return cool(for: max(.seconds(jittered), asked), cause: cause, at: now)
    }

    private mutating func cool(for length: Interval, cause: CooldownCause, at now: Instant) -> HealthChange {
        generation &+= 1
        trips &+= 1
        streak = 0
        inconclusiveCanaries = 0
        canaryInFlight = false
        results = RecentResults()
        self.cause = cause
        forgivenAt = now
        let until = now + length
        state = .cooling(until: until)
        return .cooldownStarted(until: until, cause: cause)
    }

    /// One step of backoff is forgiven for each window it stayed healthy.
    private mutating func forgive(at now: Instant) {
        guard backoff > 0 else { return }
        while backoff > 0, now - forgivenAt >= Self.forgivenessWindow {
            backoff -= 1
            forgivenAt = forgivenAt + Self.forgivenessWindow
        }
    }
}
