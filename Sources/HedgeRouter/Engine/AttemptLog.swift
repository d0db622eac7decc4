import HedgeCore
import HedgeJSON
import HedgeProviders

/// The JSON documents of START and END events: which deployment answers, and everything that was tried.
///
/// Times are milliseconds since the request was submitted.
enum AttemptLog {
    /// Who reads a document.
    enum Audience {
        /// The caller of the request, who may see what the provider said.
        case caller
        /// Whoever collects the logs of all requests.
        case record
    }

    /// The data of a START event.
    static func start(_ request: RequestRecord, _ winner: AttemptRecord) -> Bytes {
        var json = JSONWriter(capacity: 256)
        json.beginObject()
        json.member("id", requestPrefix, request.state.id.rawValue)
        json.members(winner.deployment.logMembers)
        json.member("model", winner.deployment.endpoint.model)
        json.member("role", winner.role.rawValue)
        json.endObject()
        return json.finish()
    }

    /// The data of an END event, or the record of it.
    static func end(
        _ request: RequestRecord, outcome: RequestOutcome, failure: RouterError?, now: Int64, for audience: Audience
    ) -> Bytes {
        // For one attempt, a size that the C library keeps at hand (below 1 KiB).
        var json = JSONWriter(capacity: 448 + 512 * request.attempts.count)
        json.beginObject()
        if audience == .record { json.member("time_unix_ms", wallClockMilliseconds()) }
        json.member("id", requestPrefix, request.state.id.rawValue)
        json.member("model", request.chat.model)
        json.member("stream", request.chat.isStream)
        json.member("code", (failure?.status ?? .ok).name)
        if let winner = request.winner {
            json.members(winner.deployment.logMembers)
            if let usage = winner.usage { write(usage, to: &json) }
        }
        json.member("elapsed_ms", milliseconds: now &- request.state.submittedAt)
        if let trace = request.trace {
            json.member("trace_id", trace.traceID)
            json.member("parent_span_id", TraceContext.hex(trace.parent))
        }
        HedgingSummary.write(request, to: &json)
        write(request.notes, request.groupNames, to: &json)
        write(consulted(request), to: &json)
        json.key("attempts")
        json.beginArray()
        for attempt in request.attempts { write(attempt, of: request, now: now, for: audience, to: &json) }
        json.endArray()
        writeCost(of: request, to: &json)
        if let failure { write(failure, of: request, outcome: outcome, for: audience, to: &json) }
        json.endObject()
        return json.finish()
    }

    /// A request's name in logs and documents is this with its number.
    static let requestPrefix: StaticString = "req-"

    private static func write(_ usage: Usage, to json: inout JSONWriter) {
        json.key("usage")
        json.beginObject()
        json.member("prompt_tokens", usage.promptTokens)
        json.member("completion_tokens", usage.completionTokens)
        json.endObject()
    }

    private static func write(_ notes: [DecisionNote], _ groups: [GroupID: String], to json: inout JSONWriter) {
        guard !notes.isEmpty else { return }
        json.key("decisions")
        json.beginArray()
        for note in notes {
            json.beginObject()
            switch note {
            case .raced:
                json.member("raced", true)
            case .hedgeArmed(let threshold, let source):
                json.member("hedge_threshold_ms", milliseconds: threshold.nanoseconds)
                json.member("source", source.rawValue)
            case .hedgeSuppressed(let reason):
                json.member("hedge_suppressed", reason.rawValue)
            case .retryScheduled(let wait):
                json.member("retry_wait_ms", milliseconds: wait.nanoseconds)
            case .fellBack(let group, let reason):
                json.member("fallback", groups[group] ?? "")
                json.member("reason", reason.rawValue)
            }
            json.endObject()
        }
        json.endArray()
    }

    /// What fallbacks cannot do says something only where the request's own group did not answer.
    private static func consulted(_ request: RequestRecord) -> [DeploymentObjection] {
        let hasLeft = request.notes.contains { if case .fellBack = $0 { true } else { false } }
        return request.winner == nil || hasLeft ? request.objections : request.objections.filter { !$0.isFallback }
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
        _ attempt: AttemptRecord, of request: RequestRecord, now: Int64, for audience: Audience,
        to json: inout JSONWriter
    ) {
        let submitted = request.state.submittedAt
        json.beginObject()
        json.members(attempt.deployment.logMembers)
        json.member("role", attempt.role.rawValue)
        json.member("start_ms", milliseconds: attempt.startedAt &- submitted)
        if let first = attempt.firstTokenAt {
            json.member("first_token_ms", milliseconds: first &- submitted)
            json.member("ttft_ms", milliseconds: first &- attempt.startedAt)
        }
        json.member("end_ms", milliseconds: (attempt.endedAt ?? now) &- submitted)
        if attempt.httpStatus != 0 { json.member("http_status", attempt.httpStatus) }
        json.member("bytes_received", attempt.bytesReceived)
        json.member("won", request.winner === attempt)
        if attempt.span != 0 { json.member("span_id", TraceContext.hex(attempt.span)) }
        if let bill = attempt.bill { bill.write(to: &json) }
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
            json.member("code", failure.error.status.name)
            json.member("kind", failure.kind.name)
            if let code = failure.code { json.member("provider_code", code) }
            json.member("message", failure.error.message)
            json.endObject()
        }
        if audience == .record { writeAttributes(of: attempt, of: request, to: &json) }
        json.endObject()
    }

    /// The attempt under OpenTelemetry's names for generative AI.
    private static func writeAttributes(
        of attempt: AttemptRecord, of request: RequestRecord, to json: inout JSONWriter
    ) {
        json.key("attributes")
        json.beginObject()
        json.member("gen_ai.operation.name", request.chat.operation.telemetryName)
        json.member("gen_ai.provider.name", telemetryName(ofProvider: attempt.deployment.provider.name))
        json.member("gen_ai.request.model", attempt.deployment.endpoint.model)
        json.member("gen_ai.request.stream", request.chat.isStream)
        if request.chat.isStream, let first = attempt.firstTokenAt {
            json.member("gen_ai.response.time_to_first_chunk", Double(first &- attempt.startedAt) / 1e9)
        }
        if let usage = attempt.usage {
            json.member("gen_ai.usage.input_tokens", usage.promptTokens)
            json.member("gen_ai.usage.output_tokens", usage.completionTokens)
            if usage.cachedPromptTokens > 0 {
                json.member("gen_ai.usage.cache_read.input_tokens", usage.cachedPromptTokens)
            }
            if usage.cacheWrittenTokens > 0 {
                json.member("gen_ai.usage.cache_write.input_tokens", usage.cacheWrittenTokens)
            }
            if usage.reasoningTokens > 0 {
                json.member("gen_ai.usage.reasoning.output_tokens", usage.reasoningTokens)
            }
        }
        if attempt.httpStatus != 0 { json.member("http.response.status_code", attempt.httpStatus) }
        if case .failed(let failure) = attempt.phase { json.member("error.type", failure.kind.name) }
        json.endObject()
    }

    /// The convention's name of a provider, where it has one of its own.
    private static func telemetryName(ofProvider name: String) -> String {
        switch name {
        case "azure": "azure.ai.openai"
        case "bedrock": "aws.bedrock"
        case "gemini": "gcp.gemini"
        case "vertex_ai": "gcp.vertex_ai"
        case "mistral": "mistral_ai"
        case "xai": "x_ai"
        case "moonshot": "moonshot_ai"
        default: name
        }
    }

    /// What the whole request cost, and how much of it bought no answer; nothing without prices.
    private static func writeCost(of request: RequestRecord, to json: inout JSONWriter) {
        var cost = 0.0
        var wasted = 0.0
        for attempt in request.attempts {
            guard let bill = attempt.bill, let price = bill.cost else { return }
            cost += price
            if bill.use != .answer { wasted += price }
        }
        json.member("cost", cost)
        json.member("wasted_cost", wasted)
    }

    /// The error that is the caller's; the provider's own words may quote the prompt and go to the caller alone.
    private static func write(
        _ failure: RouterError, of request: RequestRecord, outcome: RequestOutcome, for audience: Audience,
        to json: inout JSONWriter
    ) {
        json.key("error")
        json.beginObject()
        json.member("code", failure.status.name)
        json.member("message", failure.message)
        if !failure.path.isEmpty { json.member("path", failure.path) }
        if let cause = cause(of: outcome, in: request) {
            if let code = cause.code { json.member("provider_code", code) }
            if audience == .caller, let words = cause.providerMessage { json.member("provider_message", words) }
        }
        if case .failed(.interrupted) = outcome, let winner = request.winner {
            json.key("delivered")
            json.beginObject()
            json.member("chunks", winner.chunksDelivered)
            json.member("bytes", winner.bytesDelivered)
            if let usage = winner.usage { json.member("tokens", usage.completionTokens) }
            json.endObject()
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

extension HedgeProviders.Operation {
    /// What OpenTelemetry calls the operation.
    fileprivate var telemetryName: String {
        switch self {
        case .embeddings: "embeddings"
        case .chat, .responses, .messages: "chat"
        }
    }
}

extension AttemptBill {
    fileprivate func write(to json: inout JSONWriter) {
        json.member("use", use.rawValue)
        json.key("tokens")
        json.beginObject()
        json.member("prompt", Int64(clamping: tokens.prompt))
        json.member("cached", Int64(clamping: tokens.cachedPrompt))
        json.member("cache_written", Int64(clamping: tokens.cacheWritten))
        json.member("completion", Int64(clamping: tokens.completion))
        json.member("estimated", isEstimated)
        json.endObject()
        if let cost { json.member("cost", cost) }
    }
}

extension Int64 {
    /// The nearest integer, at the ends of the range where there is none; 0 for NaN.
    init(clamping value: Double) {
        self = value.isNaN ? 0 : Int64(Swift.min(9e18, Swift.max(-9e18, value.rounded())))
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

extension CooldownCause {
    /// The cause's name in documents.
    var name: String {
        switch self {
        case .failure(let kind): kind.name
        case .latency: "latency"
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
