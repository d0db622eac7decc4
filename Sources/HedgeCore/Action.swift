/// What is to be done, as ordered by ``RouterCore/handle(_:at:into:)``, in this order.
public enum Action: Sendable {
    /// Send the request to a deployment.
    case startAttempt(AttemptStart)

    /// Close the attempt's connection; nothing more is told of it. Its output is dropped from now on.
    case cancelAttempt(AttemptID, CancelReason)

    /// The attempt's output, buffered and to come, is the request's answer.
    case commit(RequestID, AttemptID)

    /// The request has ended; nothing more is told of it.
    case finish(RequestID, RequestOutcome)

    /// A decision worth keeping in the request's attempt log.
    case note(RequestID, DecisionNote)

    /// A deployment's health changed.
    case healthChanged(DeploymentID, HealthChange)

    /// Send the smallest of requests to a deployment that nobody's request would test; it belongs to no caller.
    ///
    /// Its end is told as ``Event/attemptEnded(_:_:)``; of what it produces nothing is told.
    case startProbe(ProbeStart)
}

/// A request of the library's own to start.
public struct ProbeStart: Hashable, Sendable {
    /// The attempt; it belongs to no request.
    public var attempt: AttemptID
    /// The deployment it tests.
    public var deployment: DeploymentID
    /// How long connecting may take.
    public var connectTimeout: Interval

    /// Creates one with these parts.
    public init(attempt: AttemptID, deployment: DeploymentID, connectTimeout: Interval) {
        self.attempt = attempt
        self.deployment = deployment
        self.connectTimeout = connectTimeout
    }
}

/// An attempt to start.
public struct AttemptStart: Hashable, Sendable {
    /// The attempt.
    public var attempt: AttemptID
    /// The request it belongs to.
    public var request: RequestID
    /// The model group it is started in: the one asked for, or a fallback.
    public var group: GroupID
    /// The deployment it goes to.
    public var deployment: DeploymentID
    /// Why it was started.
    public var role: AttemptRole

    /// How long connecting may take.
    public var connectTimeout: Interval

    /// Creates one with these parts.
    public init(
        attempt: AttemptID, request: RequestID, group: GroupID, deployment: DeploymentID, role: AttemptRole,
        connectTimeout: Interval
    ) {
        self.attempt = attempt
        self.request = request
        self.group = group
        self.deployment = deployment
        self.role = role
        self.connectTimeout = connectTimeout
    }
}

/// Why an attempt was started.
public enum AttemptRole: String, Hashable, Sendable, CaseIterable {
    /// The first attempt of a request.
    case primary
    /// Started together with the primary, for want of history.
    case race
    /// Started because the attempt before it was late.
    case hedge
    /// Started because the attempt before it failed.
    case failover
    /// Started to learn whether a deployment has recovered.
    case canary
    /// Started on a deployment that the request had failed on before.
    case retry
    /// The first attempt in another model group.
    case fallback
}

/// Why an attempt was cancelled.
public enum CancelReason: Hashable, Sendable {
    /// Another attempt won.
    case superseded
    /// The caller cancelled the request.
    case callerCancelled
    /// The request's deadline passed.
    case deadline
    /// One of the attempt's own timeouts passed.
    case timedOut(AttemptTimeout)
    /// Another attempt ended the request with an error that no deployment would answer differently.
    case requestFailed
}

/// The timeouts of an attempt.
public enum AttemptTimeout: String, Hashable, Sendable, CaseIterable {
    /// No first real token in time.
    case firstToken
    /// No further output in time after the first token.
    case gap
    /// The whole attempt took too long.
    case total
}

/// How a request ended.
public enum RequestOutcome: Hashable, Sendable {
    /// The attempt delivered the whole answer.
    case succeeded(AttemptID)
    case failed(RequestFailure)
}

/// Why a request failed.
public enum RequestFailure: Hashable, Sendable {
    /// Every attempt failed; this one's failure is the caller's error.
    case attempt(AttemptID)
    /// The attempt broke after its first token was delivered.
    case interrupted(AttemptID)
    /// The request's deadline passed.
    case deadline
    /// The caller cancelled it.
    case cancelled
    /// No deployment could take it; the earliest one returns after the interval, if that is known.
    case noDeployment(retryAfter: Interval?)
    /// Every deployment was full, and as many requests as allowed were waiting already.
    case queueFull(retryAfter: Interval?)
    /// An impossible state was met, counted and left safely.
    case internalError
}

/// A decision that explains what happened to a request.
public enum DecisionNote: Hashable, Sendable {
    /// The request races because its class has no history.
    case raced
    /// A hedge starts when this threshold passes.
    case hedgeArmed(threshold: Interval, source: ThresholdSource)
    /// The threshold passed and no hedge was sent.
    case hedgeSuppressed(HedgeSuppression)
    /// Nothing is in flight; the next attempt starts after this time.
    case retryScheduled(wait: Interval)
    /// The request goes on in another model group.
    case fellBack(to: GroupID, reason: FallbackReason)
}

/// Where a hedge threshold came from.
public enum ThresholdSource: String, Hashable, Sendable, CaseIterable {
    /// Configured as a fixed value.
    case fixed
    /// Given with the request.
    case override
    /// The configured percentile of the deployment's latency.
    case percentile
    /// The knee of the survival curve, earlier than the percentile.
    case knee
    /// The best single hedge for the budget: earlier than the percentile, and sent with a probability.
    case reissue
    /// The default used while a class has little history.
    case prior
}

/// Why a hedge was not sent although its threshold passed.
public enum HedgeSuppression: String, Hashable, Sendable, CaseIterable {
    /// The budget of hedges is used up, or chance kept it for another request where hedges have a probability.
    case budget
    /// As many hedges as allowed are in flight.
    case concurrency
    /// A whole group is slow; hedging would add load to it.
    case storm
    /// No other deployment can take it.
    case noTarget
    /// The expected saving is not worth it.
    case lowValue
    /// Withheld as the control arm.
    case control
    /// Too little time is left before the deadline.
    case deadline
    /// The target is near its rate limit.
    case rateLimit
    /// The request has as many attempts as it may have.
    case attempts
}

/// Why a deployment was left out.
public enum CooldownCause: Hashable, Sendable {
    /// Its attempts failed; the latest one like this.
    case failure(FailureKind)
    /// It became slow as a whole, or stayed so.
    case latency
}

/// A change of a deployment's health.
public enum HealthChange: Hashable, Sendable {
    /// The deployment is left out until the instant.
    case cooldownStarted(until: Instant, cause: CooldownCause)
    /// The cooldown is over; one canary at a time may test it.
    case canaryAllowed
    /// The deployment takes part again.
    case recovered
}
