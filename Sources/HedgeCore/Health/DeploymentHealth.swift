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
    private(set) var cause: FailureKind?

    /// Consecutive hard failures.
    private(set) var streak = 0

    /// How often in a row it tripped; forgiven one at a time.
    private(set) var backoff = 0
    private var forgivenAt = Instant(nanoseconds: 0)

    private var results = ResultRing()

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
        guard case .cooling = state, let cause else { return 0 }
        switch cause.healthEffect {
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
        results.add(isFailure: false, at: now)
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
            if isSlow { return trip(cause: cause ?? .overloaded, base: base, floor: nil, at: now, random: &random) }
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
        guard generation == self.generation else { return nil }
        guard effect != .none else { return nil }
        results.add(isFailure: true, at: now)
        if effect == .hard { streak += 1 }
        guard canCool else { return nil }

        switch (state, effect) {
        case (_, .long):
            return coolLong(failure, at: now)
        case (.cooling, _):
            // A last resort that failed: nobody believed that it had recovered.
            return nil
        case (.probation, _), (.ramping, _), (_, .rateLimited):
            return trip(
                cause: failure.kind, base: limits.base, floor: failure.retryAfter, at: now, random: &random)
        case (.healthy, _):
            let asked = failure.retryAfter.map { $0 > .zero } ?? false
            let isBroken = streak >= limits.allowedFails && results.isUnlikely(streak: streak, at: now)
            guard asked || isBroken || results.failsTooOften(at: now) else { return nil }
            return trip(cause: failure.kind, base: limits.base, floor: failure.retryAfter, at: now, random: &random)
        }
    }

    private mutating func coolLong(_ failure: Failure, at now: Instant) -> HealthChange {
        let length = max(Self.longestCooldown, failure.retryAfter ?? .zero)
        return cool(for: min(length, Self.longestRetryAfter), cause: failure.kind, at: now)
    }

    /// Starts a cooldown of min(300 s, base * 2^(k-1)) * U(0.5, 1), and not below what the provider asked for.
    ///
    /// A base that is itself longer than 300 s was configured so and is kept.
    private mutating func trip(
        cause: FailureKind, base: Interval, floor: Interval?, at now: Instant, random: inout SplitMix64
    ) -> HealthChange {
        // A rate limit says when to come back; only failing again says that it was not enough.
        if cause != .rateLimit || state != .healthy { backoff = min(backoff + 1, 16) }
        let doublings = max(0, backoff - 1)
        let longest = max(Self.longestCooldown.seconds, base.seconds)
        let full = min(longest, max(0, base.seconds) * Double(UInt64(1) << UInt64(doublings)))
        let jittered = cause == .rateLimit ? full : full * (0.5 + 0.5 * random.unit())
        let asked = min(floor ?? .zero, Self.longestRetryAfter)
        return cool(for: max(.seconds(jittered), asked), cause: cause, at: now)
    }

    private mutating func cool(for length: Interval, cause: FailureKind, at now: Instant) -> HealthChange {
        generation &+= 1
        trips &+= 1
        streak = 0
        inconclusiveCanaries = 0
        canaryInFlight = false
        results = ResultRing()
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

/// What decides when a deployment cools down and for how long.
struct CooldownLimits: Sendable {
    var base: Interval
    var allowedFails: Int
}

/// Results of the last minute, counted exactly: an average weighted by time would hide a burst of failures.
struct ResultRing: Sendable {
    private var successes = InlineArray<10, UInt32>(repeating: 0)
    private var failures = InlineArray<10, UInt32>(repeating: 0)
    private var epoch: Int64 = 0

    static let bucketLength: Int64 = 6_000_000_000
    static let fewest: UInt32 = 10

    mutating func add(isFailure: Bool, at now: Instant) {
        let current = advance(to: now)
        if isFailure { failures[current] &+= 1 } else { successes[current] &+= 1 }
    }

    /// Whether more than half of at least ten results were failures.
    mutating func failsTooOften(at now: Instant) -> Bool {
        let (failed, worked) = totals(at: now)
        return failed &+ worked >= Self.fewest && failed > worked
    }

    private mutating func totals(at now: Instant) -> (failed: UInt32, worked: UInt32) {
        _ = advance(to: now)
        var failed: UInt32 = 0
        var worked: UInt32 = 0
        for index in 0..<10 {
            failed &+= failures[index]
            worked &+= successes[index]
        }
        return (failed, worked)
    }

    /// Whether that many failures in a row are no mere chance, given how often it failed before them.
    ///
    /// A deployment that fails one request in five fails three in a row every few hundred requests; leaving it out
    /// for that would cost more answers than it saves. With the failure rate p of at least ten results before the
    /// streak, a streak of n is taken for a fault when p^n < 0.0001.
    mutating func isUnlikely(streak: Int, at now: Instant) -> Bool {
        let (failed, worked) = totals(at: now)
        let before = Double(failed) - Double(streak)
        let results = before + Double(worked)
        guard results >= Double(Self.fewest), before > 0 else { return true }
        return Double(streak) * naturalLog(before / results) < Self.logOfChance
    }

    /// ln 0.0001.
    private static let logOfChance = -9.21

    private mutating func advance(to now: Instant) -> Int {
        let target = now.nanoseconds / Self.bucketLength
        let steps = target.subtractingSaturating(epoch)
        if steps > 0 {
            for step in 1...min(10, steps) {
                let index = Self.index(target &- (min(10, steps) &- step))
                successes[index] = 0
                failures[index] = 0
            }
            epoch = target
        }
        return Self.index(epoch)
    }

    private static func index(_ epoch: Int64) -> Int {
        let remainder = Int(epoch % 10)
        return remainder < 0 ? remainder + 10 : remainder
    }
}
