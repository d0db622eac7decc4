/// Where a request stands.
enum RequestPhase: Hashable, Sendable {
    /// Attempts were started together, for want of history.
    case racing
    /// One attempt at a time, others when it is late or fails.
    case staggered
    /// An attempt won; its output is the answer.
    case committed
    /// Nothing more happens. Only the instant before its slot is freed.
    case finished
}

/// Everything the core keeps for one request.
struct RequestMachine: Sendable {
    var id = RequestID(rawValue: 0)
    var group = 0
    var isStream = false
    var size = SizeClass(promptBytes: 0)
    var promptBytes = 0
    var submittedAt = Instant(nanoseconds: 0)
    var deadline: Instant?
    var overrides = RequestOverrides()
    var phase = RequestPhase.finished
    /// Its wait for a deployment that can take it; nil while it does not wait.
    var wait: Wait?
    /// Its number among those that waited; 0 before its first wait.
    var turn: UInt64 = 0

    /// Slots of the attempts in flight.
    var live: [Int] = []
    /// Deployments that were tried, and those the request cannot be sent to; by name, as slots may change hands when
    /// configurations do.
    var tried: [DeploymentID] = []
    /// Attempts that may be in flight at once, as the policy was when the request came.
    var maxParallel = 1
    /// Attempts started that count toward the limit.
    var launched = 0
    /// Hedges started.
    var hedges = 0

    /// When the first hedge was sent.
    var hedgedAt: Instant?
    /// When a hedge is due, if the request is to have one.
    var hedgeAt: Instant?
    var threshold = HedgeThreshold()
    /// Why the latest hedge that was due was not sent.
    var suppressed: HedgeSuppression?
    /// The deployment the threshold is about; nil for one that is about none.
    var measured: Int?

    /// What is left when attempts fail or are late.
    var rescue = RequestRescue()

    /// The attempt whose failure the caller gets when every attempt fails.
    var surfaced: AttemptID?
    /// That attempt's deployment could not express the request; any other failure tells the caller more.
    var surfacedWasUnsupported = false

    /// Tokens of the prompt, estimated: four bytes each.
    var promptTokens: Int { promptBytes / 4 }

    /// Whether its hedge was withheld for the control arm.
    var isControl = false
    var hasRaced = false

    /// Makes the slot ready for another request; its arrays keep their storage.
    mutating func reset(_ id: RequestID, _ traits: RequestTraits, group: Int, at now: Instant) {
        self.id = id
        self.group = group
        isStream = traits.isStream
        promptBytes = max(0, traits.promptBytes)
        size = SizeClass(promptBytes: traits.promptBytes)
        submittedAt = now
        deadline = traits.deadline
        overrides = traits.overrides
        phase = .staggered
        wait = nil
        turn = 0
        live.removeAll(keepingCapacity: true)
        tried.removeAll(keepingCapacity: true)
        launched = 0
        hedges = 0
        hedgedAt = nil
        hedgeAt = nil
        threshold = HedgeThreshold()
        measured = nil
        suppressed = nil
        rescue.reset(group: group)
        surfaced = nil
        surfacedWasUnsupported = false
        isControl = false
        hasRaced = false
    }

    mutating func removeLive(_ attempt: Int) {
        for index in live.indices where live[index] == attempt {
            live.swapAt(index, live.count - 1)
            live.removeLast()
            return
        }
    }
}

/// One try at one deployment.
struct AttemptRecord: Sendable {
    var id = AttemptID(rawValue: 0)
    /// Slots; -1 while the record is free.
    var request = -1
    var deployment = -1
    /// The group it was started in.
    var group = -1
    var role = AttemptRole.primary
    var startedAt = Instant(nanoseconds: 0)
    /// Attempts its deployment had in flight when it was started.
    var inFlightBefore = 0
    /// The deployment's health generation when it was started.
    var generation: UInt32 = 0
    /// Whether it tests a deployment that is not healthy.
    var isProbe = false

    /// Its place among the attempts its deployment has not answered: slots of its neighbours, or -1.
    var waitingBefore = -1
    var waitingAfter = -1
    var isWaiting = false
    var waitsStream = false

    var hasToken = false
    var isPaused = false
    var lastProgress = Instant(nanoseconds: 0)

    var firstTokenDeadline = Instant.distantFuture
    var totalDeadline = Instant.distantFuture
    var gap: Interval?

    /// The earliest of the attempt's own timeouts, and which one it is.
    func nextTimeout() -> (at: Instant, kind: AttemptTimeout) {
        var next = (at: totalDeadline, kind: AttemptTimeout.total)
        if !hasToken {
            if firstTokenDeadline < next.at { next = (firstTokenDeadline, .firstToken) }
        } else if let gap, !isPaused {
            let due = lastProgress + gap
            if due < next.at { next = (due, .gap) }
        }
        return next
    }
}

/// When a hedge starts after the attempt before it, and why then.
struct HedgeThreshold: Hashable, Sendable {
    var delay = Interval.zero
    var source = ThresholdSource.prior
    /// Share of the hedges due at it that are sent.
    var probability = 1.0

    /// Whether the value follows what was measured, so that it can be wrong when everything slows down.
    var isDynamic: Bool {
        source == .percentile || source == .knee || source == .reissue
    }
}
