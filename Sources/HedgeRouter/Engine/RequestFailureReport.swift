import HedgeCore

/// What a caller is told when a request failed.
enum RequestFailureReport {
    /// The error of an outcome; nil for success.
    ///
    /// - Parameter obstacles: what keeps the deployments of its group from taking requests; asked for when needed.
    static func error(
        for outcome: RequestOutcome, of request: RequestRecord, table: RoutingTable,
        obstacles: () -> [ObstructedDeployment]
    ) -> RouterError? {
        switch outcome {
        case .succeeded: nil
        case .failed(.noDeployment(let wait)):
            UnavailabilityReport.error(
                retryAfter: wait, isQueueFull: false, obstacles: obstacles(), table: table)
        case .failed(.queueFull(let wait)):
            UnavailabilityReport.error(retryAfter: wait, isQueueFull: true, obstacles: obstacles(), table: table)
        case .failed(let failure): error(for: failure, of: request)
        }
    }

    private static func error(for failure: RequestFailure, of request: RequestRecord) -> RouterError {
        switch failure {
        case .attempt(let id):
            return attemptError(id, of: request)
        case .interrupted(let id):
            return interruption(id, of: request)
        case .deadline:
            var error = RouterError(.deadline, "the deadline passed\(summary(of: request))")
            error.isRetriable = true
            return error
        case .cancelled:
            return RouterError(request.isCancelledByCallback ? .callback : .cancelled)
        case .noDeployment, .queueFull:
            return RouterError(.noDeployment)
        case .internalError:
            return RouterError(.internalError)
        }
    }

    private static func attemptError(_ id: AttemptID, of request: RequestRecord) -> RouterError {
        guard let attempt = request.attempts.first(where: { $0.id == id }), case .failed(let failure) = attempt.phase
        else { return RouterError(.internalError) }
        var error = failure.error
        error.message += summary(of: request, besides: attempt)
        guard !failure.kind.isOfTheRequest else { return error }
        // Any of the deployments may answer the next time, and the first to be free again is the one to wait for.
        for failure in request.failures where failure.error.isRetriable {
            error.isRetriable = true
            let wait = failure.error.retryAfterMilliseconds
            guard wait >= 0 else { continue }
            let known = error.retryAfterMilliseconds
            error.retryAfterMilliseconds = known < 0 ? wait : min(known, wait)
        }
        return error
    }

    private static func interruption(_ id: AttemptID, of request: RequestRecord) -> RouterError {
        guard let attempt = request.attempts.first(where: { $0.id == id }), case .failed(let failure) = attempt.phase
        else { return RouterError(.interrupted) }
        var error = failure.error
        error.status = .interrupted
        error.message +=
            "; the stream broke after \(attempt.chunksDelivered) chunks (\(attempt.bytesDelivered) bytes) were delivered"
        return error
    }

    /// Attempts that are listed one by one.
    private static let mostListed = 8
    /// Length of what is said of each, in bytes.
    private static let longestCause = 200

    /// What the request's other attempts came to, for the end of a message.
    private static func summary(of request: RequestRecord, besides main: AttemptRecord? = nil) -> String {
        var causes: [(text: String, count: Int)] = []
        for attempt in request.attempts where attempt !== main {
            let text = cause(of: attempt)
            if let index = causes.firstIndex(where: { $0.text == text }) {
                causes[index].count += 1
            } else {
                causes.append((text, 1))
            }
        }
        var result = ""
        for cause in causes.prefix(mostListed) {
            result += "; " + cause.text
            if cause.count > 1 { result += " (\(cause.count) times)" }
        }
        if causes.count > mostListed { result += "; and \(causes.count - mostListed) more" }
        return result
    }

    private static func cause(of attempt: AttemptRecord) -> String {
        let text =
            switch attempt.phase {
            case .failed(let failure): failure.error.message
            case .running, .succeeded, .cancelled:
                if attempt.chunksDelivered == 0 {
                    "deployment '\(attempt.deployment.key)': no answer yet"
                } else {
                    "deployment '\(attempt.deployment.key)': \(attempt.chunksDelivered) chunks were delivered"
                }
            }
        return text.utf8.count <= longestCause ? text : text.cut(toBytes: longestCause) + "..."
    }
}

extension FailureKind {
    /// Whether the request itself is at fault, so that sending it again changes nothing.
    fileprivate var isOfTheRequest: Bool {
        switch self {
        case .badRequest, .contextLength, .contentPolicy, .unsupported: true
        case .authentication, .permission, .notFound, .tooLarge, .rateLimit, .quota, .overloaded, .providerTimeout,
            .server, .transport, .malformed, .truncated, .internal:
            false
        }
    }
}

extension RequestRecord {
    /// The latest failure of each deployment.
    fileprivate var failures: [AttemptFailure] {
        var latest: [(key: String, failure: AttemptFailure)] = []
        for attempt in attempts {
            guard case .failed(let failure) = attempt.phase else { continue }
            latest.removeAll { $0.key == attempt.deployment.key }
            latest.append((attempt.deployment.key, failure))
        }
        return latest.map(\.failure)
    }
}
