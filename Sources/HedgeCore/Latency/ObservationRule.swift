/// What the end of an attempt, or its first token, says about latency.
enum Observation: Hashable, Sendable {
    /// The latency is what elapsed.
    case event
    /// The latency is longer than what elapsed.
    case censored
    /// As `censored`, unless so little elapsed that nothing was waited for.
    case censoredUnlessBrief
    /// Nothing.
    case none
}

/// The moments at which an attempt's latency may become known.
enum ObservedMoment: Hashable, Sendable {
    /// First real token of a stream.
    case firstToken
    /// Full answer of a request that does not stream.
    case fullAnswer
    /// A stream that ended well without any token.
    case emptyStream
    /// The core cancelled it while it was waited for.
    case cancelled(CancelReason)
    /// It failed while it was waited for.
    case failed(FailureKind)

    /// An attempt cancelled this soon was hardly sent.
    static let brief = Interval.milliseconds(Int64(5))

    /// The observation to record.
    var observation: Observation {
        switch self {
        case .firstToken, .fullAnswer:
            .event
        case .emptyStream:
            .none
        case .cancelled(.timedOut):
            .censored
        case .cancelled(.superseded), .cancelled(.callerCancelled), .cancelled(.deadline), .cancelled(.requestFailed):
            .censoredUnlessBrief
        case .failed(let kind):
            kind.isCensoredObservation ? .censored : .none
        }
    }
}

extension RouterCore {
    /// Records what a moment of an attempt says about its deployment's latency.
    ///
    /// Only for what was waited for: of a stream whose first token was seen nothing more is to be learnt.
    mutating func observe(_ attempt: Int, _ moment: ObservedMoment) {
        let record = attempts[attempt]
        guard !record.hasToken || moment == .firstToken else { return }
        let elapsed = now - record.startedAt
        guard elapsed >= .zero else { return }
        let isEvent: Bool
        switch moment.observation {
        case .none:
            return
        case .event:
            isEvent = true
        case .censored:
            isEvent = false
        case .censoredUnlessBrief:
            guard elapsed >= ObservedMoment.brief else { return }
            isEvent = false
        }
        let request = requests[record.request]
        let counts = isEvent || elapsed >= policy.hedgeThresholdMin
        let size = request.size
        if request.isStream {
            deployments[record.deployment].streaming.record(
                elapsed, size: size, isEvent: isEvent, countsAsRecent: counts, at: now, samples: samples)
            deployments[record.deployment].streaming.recordLoad(
                elapsed, isEvent: isEvent, inFlight: record.inFlightBefore)
        } else {
            deployments[record.deployment].complete.record(
                elapsed, size: size, isEvent: isEvent, countsAsRecent: counts, at: now, samples: samples)
            deployments[record.deployment].complete.recordLoad(
                elapsed, isEvent: isEvent, inFlight: record.inFlightBefore)
        }
    }
}
