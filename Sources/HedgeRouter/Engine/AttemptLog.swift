import HedgeCore
import HedgeJSON
import HedgeProviders

/// The JSON documents of START and END events: which deployment answers, and everything that was tried.
///
/// Times are milliseconds since the request was submitted.
enum AttemptLog {
    /// The data of a START event.
    static func start(_ request: RequestRecord, _ winner: AttemptRecord) -> [UInt8] {
        var json = JSONWriter(appendingTo: reserving(256))
        json.beginObject()
        json.member("id", name(of: request))
        json.member("deployment", winner.deployment.key)
        json.member("model", winner.deployment.endpoint.model)
        json.member("role", winner.role.rawValue)
        json.endObject()
        return json.bytes
    }

    /// The data of an END event.
    static func end(_ request: RequestRecord, outcome: RequestOutcome, failure: RouterError?, now: Int64) -> [UInt8] {
        var json = JSONWriter(appendingTo: reserving(256 + 256 * request.attempts.count))
        json.beginObject()
        json.member("id", name(of: request))
        json.member("model", request.chat.model)
        json.member("stream", request.chat.isStream)
        json.member("code", (failure?.status ?? .ok).name.description)
        if let winner = request.winner {
            json.member("deployment", winner.deployment.key)
            if let usage = winner.usage { write(usage, to: &json) }
        }
        json.member("elapsed_ms", milliseconds(now &- request.state.submittedAt))
        write(request.notes, to: &json)
        write(request.objections, to: &json)
        json.key("attempts")
        json.beginArray()
        for attempt in request.attempts { write(attempt, of: request, now: now, to: &json) }
        json.endArray()
        if let failure { write(failure, of: request, outcome: outcome, to: &json) }
        json.endObject()
        return json.bytes
    }

    /// The request's name in logs and documents.
    static func name(of request: RequestRecord) -> String {
        "req-\(request.state.id.rawValue)"
    }

    private static func reserving(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        return bytes
    }

    private static func milliseconds(_ nanoseconds: Int64) -> Double {
        // Microseconds are as fine as the numbers deserve.
        (Double(nanoseconds) / 1000).rounded() / 1000
    }

    private static func write(_ usage: Usage, to json: inout JSONWriter) {
        json.key("usage")
        json.beginObject()
        json.member("prompt_tokens", usage.promptTokens)
        json.member("completion_tokens", usage.completionTokens)
        json.endObject()
    }

    private static func write(_ notes: [DecisionNote], to json: inout JSONWriter) {
        guard !notes.isEmpty else { return }
        json.key("decisions")
        json.beginArray()
        for note in notes {
            json.beginObject()
            switch note {
            case .raced:
                json.member("raced", true)
            case .hedgeArmed(let threshold, let source):
                json.member("hedge_threshold_ms", milliseconds(threshold.nanoseconds))
                json.member("source", source.rawValue)
            case .hedgeSuppressed(let reason):
                json.member("hedge_suppressed", reason.rawValue)
            }
            json.endObject()
        }
        json.endArray()
    }

    private static func write(_ objections: [DeploymentObjection], to json: inout JSONWriter) {
        guard !objections.isEmpty else { return }
        json.key("not_eligible")
        json.beginArray()
        for objection in objections {
            json.beginObject()
            json.member("deployment", objection.deployment.key)
            json.member("provider", objection.reason.provider)
            json.key("fields")
            json.beginArray()
            for field in objection.reason.fields.prefix(32) { json.value(field) }
            json.endArray()
            json.endObject()
        }
        json.endArray()
    }

    private static func write(
        _ attempt: AttemptRecord, of request: RequestRecord, now: Int64, to json: inout JSONWriter
    ) {
        let submitted = request.state.submittedAt
        json.beginObject()
        json.member("deployment", attempt.deployment.key)
        json.member("role", attempt.role.rawValue)
        json.member("start_ms", milliseconds(attempt.startedAt &- submitted))
        if let first = attempt.firstTokenAt { json.member("first_token_ms", milliseconds(first &- submitted)) }
        json.member("end_ms", milliseconds((attempt.endedAt ?? now) &- submitted))
        if attempt.httpStatus != 0 { json.member("http_status", attempt.httpStatus) }
        json.member("bytes_received", attempt.bytesReceived)
        json.member("won", request.winner === attempt)
        switch attempt.phase {
        case .running:
            json.member("end", "open")
        case .succeeded:
            json.member("end", "succeeded")
        case .cancelled(let reason):
            json.member("end", reason.name)
        case .failed(let failure):
            json.member("end", "failed")
            json.key("error")
            json.beginObject()
            json.member("code", failure.error.status.name.description)
            json.member("kind", failure.kind.name)
            if let code = failure.code { json.member("provider_code", code) }
            json.member("message", failure.error.message)
            json.endObject()
        }
        json.endObject()
    }

    /// The error that is the caller's, with the provider's own words: this document goes to the caller alone.
    private static func write(
        _ failure: RouterError, of request: RequestRecord, outcome: RequestOutcome, to json: inout JSONWriter
    ) {
        json.key("error")
        json.beginObject()
        json.member("code", failure.status.name.description)
        json.member("message", failure.message)
        if !failure.path.isEmpty { json.member("path", failure.path) }
        if let cause = cause(of: outcome, in: request) {
            if let code = cause.code { json.member("provider_code", code) }
            if let words = cause.providerMessage { json.member("provider_message", words) }
        }
        json.endObject()
    }

    private static func cause(of outcome: RequestOutcome, in request: RequestRecord) -> AttemptFailure? {
        let id: AttemptID
        switch outcome {
        case .failed(.attempt(let attempt)), .failed(.interrupted(let attempt)): id = attempt
        default: return nil
        }
        guard let attempt = request.attempts.first(where: { $0.id == id }), case .failed(let failure) = attempt.phase
        else { return nil }
        return failure
    }
}

extension CancelReason {
    /// The reason's name in documents.
    var name: String {
        switch self {
        case .superseded: "superseded"
        case .callerCancelled: "cancelled"
        case .deadline: "deadline"
        case .timedOut(.firstToken): "first_token_timeout"
        case .timedOut(.gap): "gap_timeout"
        case .timedOut(.total): "total_timeout"
        case .requestFailed: "request_failed"
        }
    }
}

extension FailureKind {
    /// The kind's name in documents.
    var name: String {
        switch self {
        case .authentication: "authentication"
        case .permission: "permission"
        case .notFound: "not_found"
        case .badRequest: "bad_request"
        case .contextLength: "context_length"
        case .contentPolicy: "content_policy"
        case .tooLarge: "too_large"
        case .rateLimit: "rate_limit"
        case .quota: "quota"
        case .overloaded: "overloaded"
        case .providerTimeout: "timeout"
        case .server: "server"
        case .transport: "transport"
        case .malformed: "malformed"
        case .truncated: "truncated"
        case .unsupported: "unsupported"
        case .internal: "internal"
        }
    }
}
