import HedgeCore

/// What a caller is told when a request failed.
enum RequestFailureReport {
    /// The error of an outcome; nil for success.
    static func error(for outcome: RequestOutcome, of request: RequestRecord) -> RouterError? {
        switch outcome {
        case .succeeded: nil
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
        case .noDeployment(let wait):
            var error = RouterError(.noDeployment)
            error.isRetriable = true
            guard let wait else { return error }
            error.retryAfterMilliseconds = Int64(wait.milliseconds.rounded(.up))
            error.message += " The earliest returns in \(error.retryAfterMilliseconds) ms."
            return error
        case .internalError:
            return RouterError(.internalError)
        }
    }

    private static func attemptError(_ id: AttemptID, of request: RequestRecord) -> RouterError {
        guard let attempt = request.attempts.first(where: { $0.id == id }), case .failed(let failure) = attempt.phase
        else { return RouterError(.internalError) }
        var error = failure.error
        if request.attempts.count > 1 { error.message += summary(of: request, besides: attempt) }
        return error
    }

    private static func interruption(_ id: AttemptID, of request: RequestRecord) -> RouterError {
        guard let attempt = request.attempts.first(where: { $0.id == id }), case .failed(let failure) = attempt.phase
        else { return RouterError(.interrupted) }
        var error = failure.error
        error.status = .interrupted
        error.message += "; the stream broke after \(attempt.chunksDelivered) chunks were delivered"
        return error
    }

    /// What the request's other attempts came to, for the end of a message.
    private static func summary(of request: RequestRecord, besides main: AttemptRecord? = nil) -> String {
        let others = request.attempts.filter { $0 !== main }
        guard !others.isEmpty else { return "" }
        let texts = others.map { attempt in
            switch attempt.phase {
            case .failed(let failure): failure.error.message
            case .running, .succeeded, .cancelled: "deployment '\(attempt.deployment.key)': no answer yet"
            }
        }
        return "; \(texts.joined(separator: "; "))"
    }
}
