import HedgeCore
import HedgeProviders
import HedgeTransport

extension AttemptFailure {
    /// A failure the provider's answer tells of.
    init(_ failure: ProviderFailure, deployment: String) {
        let rule = FailureRule(failure.kind)
        var message = "deployment '\(deployment)': \(rule.text)"
        switch (failure.httpStatus, failure.code) {
        case (0, nil): break
        case (let status, nil): message += " (HTTP \(status))"
        case (0, let code?): message += " (\(code))"
        case (let status, let code?): message += " (HTTP \(status), \(code))"
        }
        if let detail = failure.detail { message += ": \(detail)" }
        var error = RouterError(rule.status, message)
        error.origin = failure.kind == .internal ? .local : .provider
        error.httpStatus = Int32(clamping: failure.httpStatus)
        error.isRetriable = rule.isRetriable
        if let wait = failure.retryAfter { error.retryAfterMilliseconds = Int64(wait.milliseconds.rounded(.up)) }
        self.init(kind: failure.kind, error: error)
        code = failure.code
        mayRepeat = failure.mayRepeat
        providerMessage = failure.providerMessage
    }

    /// A failure of the transfer itself. `hasOutput` tells whether part of an answer had arrived.
    init(_ failure: TransferFailure, deployment: String, hasAnswer: Bool) {
        let kind: FailureKind =
            switch failure.kind {
            case .http, .redirect: .malformed
            default: hasAnswer ? .truncated : .transport
            }
        var error = RouterError(
            kind == .transport ? .transport : .protocol, "deployment '\(deployment)': \(failure.message)")
        error.origin = .transport
        error.detail = failure.code
        error.isRetriable = true
        self.init(kind: kind, error: error)
    }

    /// A request that has no expression in the deployment's format.
    init(_ unsupported: UnsupportedRequest, deployment: String) {
        self.init(
            kind: .unsupported,
            error: RouterError(
                .badRequest, "deployment '\(deployment)': \(unsupported.message)", path: unsupported.fields.first ?? "")
        )
    }

    /// One of the attempt's timeouts passed.
    init(_ timeout: AttemptTimeout, deployment: String) {
        let text =
            switch timeout {
            case .firstToken: "no first token within its timeout"
            case .gap: "no further output within its timeout"
            case .total: "not complete within its timeout"
            }
        var error = RouterError(.attemptTimeout, "deployment '\(deployment)': \(text)")
        error.origin = .transport
        error.isRetriable = true
        self.init(kind: .providerTimeout, error: error)
    }
}

extension UnsupportedRequest {
    /// One line that names the provider and the fields.
    var message: String {
        let shown = fields.prefix(8).map { "'\($0)'" }.joined(separator: ", ")
        let more = fields.count > 8 ? " and \(fields.count - 8) more" : ""
        return "\(provider) has no equivalent of \(shown)\(more)"
    }
}

extension FailureKind {
    /// The code callers know the class by.
    var status: Status { FailureRule(self).status }
}

/// What a class of failure means to a caller.
private struct FailureRule {
    var status: Status
    var isRetriable: Bool
    var text: String

    init(_ kind: FailureKind) {
        (status, isRetriable, text) =
            switch kind {
            case .authentication: (.authentication, false, "credentials refused")
            case .permission: (.authentication, false, "permission refused")
            case .notFound: (.notFound, false, "no such model or path")
            case .badRequest: (.badRequest, false, "request refused")
            case .contextLength: (.contextLength, false, "prompt exceeds the context window")
            case .contentPolicy: (.contentPolicy, false, "refused by the content policy")
            case .tooLarge: (.badRequest, false, "request too large")
            case .rateLimit: (.rateLimited, true, "rate limit reached")
            case .quota: (.quota, false, "quota or balance exhausted")
            case .overloaded: (.overloaded, true, "overloaded")
            case .providerTimeout: (.attemptTimeout, true, "timed out at the provider")
            case .server: (.provider, true, "server error")
            case .transport: (.transport, true, "transfer failed")
            case .malformed: (.protocol, true, "malformed answer")
            case .truncated: (.protocol, true, "the answer ended early")
            case .unsupported: (.badRequest, false, "no equivalent for a field of the request")
            case .internal: (.internalError, true, "defect in the library")
            }
    }
}
