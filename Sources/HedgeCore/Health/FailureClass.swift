extension FailureKind {
    /// What a failure means for the request it met.
    enum RequestEffect: Sendable {
        /// Another deployment may well answer.
        case tryElsewhere
        /// Every deployment would answer the same.
        case endsRequest
        /// The deployment cannot express the request: as if it had not been chosen.
        case notEligible
    }

    /// What a failure means for the deployment it came from.
    enum HealthEffect: Sendable {
        /// Nothing: the request's fault or the library's.
        case none
        /// Counts toward a cooldown.
        case hard
        /// Cools down at once, for as long as the provider says.
        case rateLimited
        /// Cools down long: waiting a little does not help.
        case long
    }

    var requestEffect: RequestEffect {
        switch self {
        case .badRequest, .contextLength, .contentPolicy:
            .endsRequest
        case .unsupported:
            .notEligible
        case .authentication, .permission, .notFound, .tooLarge, .rateLimit, .quota, .overloaded, .providerTimeout,
            .server, .transport, .malformed, .truncated, .internal:
            .tryElsewhere
        }
    }

    var healthEffect: HealthEffect {
        switch self {
        case .badRequest, .contextLength, .contentPolicy, .tooLarge, .unsupported, .internal:
            .none
        case .rateLimit:
            .rateLimited
        case .authentication, .permission, .notFound, .quota:
            .long
        case .overloaded, .providerTimeout, .server, .transport, .malformed, .truncated:
            .hard
        }
    }

    /// Whether an attempt that failed like this says "slower than what was waited" about the deployment.
    var isCensoredObservation: Bool {
        switch self {
        case .rateLimit, .overloaded, .providerTimeout, .server, .transport, .malformed, .truncated:
            true
        case .authentication, .permission, .notFound, .badRequest, .contextLength, .contentPolicy, .tooLarge, .quota,
            .unsupported, .internal:
            false
        }
    }
}
