import HedgeCore

/// Sorts the errors of the OpenAI-compatible family into classes.
///
/// Order: identifiers the provider gives, then the status, then known words; words count only within the status they
/// belong to, since a message may quote the prompt.
enum ErrorClassifier {
    /// The class of an error.
    static func kind(of facts: ErrorFacts) -> FailureKind {
        let kind = nominalKind(of: facts)
        guard kind == .rateLimit else { return kind }
        // What no wait within the hour brings back is no rate.
        let isLong = facts.retryAfter.map { $0 >= .seconds(3600) } ?? false
        return facts.status == 402 || facts.isOutForTheDay || isLong ? .quota : .rateLimit
    }

    private static func nominalKind(of facts: ErrorFacts) -> FailureKind {
        let words = Words(facts.message)
        // One request beyond the whole rate: waiting does not help, although the code is that of the rate limit.
        if facts.status == 429 || facts.status == 413, isOneOf(requestTooLargeWords, in: words) { return .tooLarge }
        for code in facts.codes {
            if let kind = specific[code.lowercased()] { return kind }
        }
        if (400...599).contains(facts.status) { return kind(ofStatus: facts.status, words) }
        for code in facts.codes {
            if let kind = general[code.lowercased()] { return kind }
        }
        // An error inside a stream that names neither status nor code.
        return facts.codes.isEmpty && isOneOf(contextWords, in: words) ? .contextLength : .server
    }

    private static func kind(ofStatus status: Int, _ words: Words) -> FailureKind {
        switch status {
        case 400, 413, 422:
            if isOneOf(contextWords, in: words) { return .contextLength }
            if status == 413 { return .tooLarge }
            if isOneOf(policyWords, in: words) { return .contentPolicy }
            if words.contains("request payload size exceeds") { return .tooLarge }
            // Anthropic tells of an empty account with 400.
            if isOneOf(quotaWords, in: words) { return .quota }
            // xAI refuses a wrong key with 400.
            let isKeyWrong = words.contains("incorrect api key") || words.contains("api key not valid")
            return status == 400 && isKeyWrong ? .authentication : .badRequest
        // 407: the proxy in front of this deployment wants to know who asks.
        case 401, 407: return .authentication
        case 402: return .quota
        case 403:
            // Together refuses a prompt beyond the context, OpenRouter one that moderation flagged, with 403.
            if isOneOf(contextWords, in: words) { return .contextLength }
            return words.contains("flagged") || words.contains("moderation") ? .contentPolicy : .permission
        case 404, 405, 410: return .notFound
        case 408, 504, 522, 524: return .providerTimeout
        case 412, 451: return .permission
        case 429: return words.contains("high demand") ? .overloaded : .rateLimit
        // Cohere's wrong token; elsewhere a lack of capacity.
        case 498: return words.contains("invalid") && words.contains("token") ? .authentication : .overloaded
        case 503, 529: return .overloaded
        case 409, 424, 425, 499: return .server
        case 431: return .tooLarge
        case 500...599: return .server
        default: return .badRequest
        }
    }

    private static func isOneOf(_ phrases: [String], in words: Words) -> Bool {
        phrases.contains { words.contains($0) }
    }

    private static let requestTooLargeWords = ["request too large", "token budget exceeded by request"]

    private static let contextWords = [
        "maximum context length", "context length exceeded", "exceeds the available context size",
        "exceed the available context size", "exceeds the context", "exceed the context", "context window",
        "input tokens exceed the configured limit", "input tokens + max_new_tokens", "inputs tokens + max_new_tokens",
        "prompt is too long", "input is too long", "while limit is", "longer than the model's context",
        "exceeds the maximum number of tokens allowed", "exceeds the maximum context", "exceed context limit",
        "too many tokens", "too large for model with", "greater than the context length",
    ]

    private static let quotaWords = [
        "credit balance is too low", "reached your specified api usage limits", "spend limit",
    ]

    private static let policyWords = [
        "content filtering policy",
        "violating our usage policy", "rejected as a result of the safety system", "content management policy",
        "usage policies", "content policy",
    ]

    /// Codes and types that decide whatever the status is; lower case.
    private static let specific: [String: FailureKind] = [
        "context_length_exceeded": .contextLength,
        "exceed_context_size_error": .contextLength,
        "context_window_exceeded": .contextLength,
        "string_above_max_length": .badRequest,
        "content_policy_violation": .contentPolicy,
        "content_filter": .contentPolicy,
        "responsibleaipolicyviolation": .contentPolicy,
        "cyber_policy": .contentPolicy,
        "invalid_api_key": .authentication,
        "authentication_error": .authentication,
        "authenticationerror": .authentication,
        "invalid_authentication_error": .authentication,
        "incorrect_api_key_error": .authentication,
        "permission_error": .permission,
        "permission_denied": .permission,
        "permissiondeniederror": .permission,
        "unsupported_country_region_territory": .permission,
        "model_not_found": .notFound,
        "not_found_error": .notFound,
        "notfounderror": .notFound,
        "deploymentnotfound": .notFound,
        "unknown_model": .notFound,
        "insufficient_quota": .quota,
        "credit_balance_exhausted": .quota,
        "organization_spend_limit_exceeded": .quota,
        "project_spend_limit_exceeded": .quota,
        "organization_usage_limit_exceeded": .quota,
        "billing_hard_limit_reached": .quota,
        "billing_not_active": .quota,
        "insufficient_balance": .quota,
        "insufficient_credits": .quota,
        "payment_required": .quota,
        "billing_error": .quota,
        "enforced_spend_limit_reached": .quota,
        "contract_spend_limit_reached": .quota,
        "linked_organization_spend_limit_reached": .quota,
        "linked_organization_billing_unavailable": .quota,
        "organization_on_hold": .permission,
        "ramp_limit_exceeded": .rateLimit,
        "compaction_unavailable": .overloaded,
        "slow_down": .overloaded,
        "server_is_overloaded": .overloaded,
        "overloaded_error": .overloaded,
        "service_unavailable_error": .overloaded,
        "capacity_exceeded": .overloaded,
        "engine_overloaded": .overloaded,
        "engine_overloaded_error": .overloaded,
        "model_overloaded": .overloaded,
        "modelnotready": .overloaded,
        // The codes of google.rpc and the reasons Google gives with them.
        "api_key_invalid": .authentication,
        "api_key_expired": .authentication,
        "access_token_expired": .authentication,
        "access_token_type_unsupported": .authentication,
        "credentials_missing": .authentication,
        "unauthenticated": .authentication,
        "api_key_service_blocked": .permission,
        "service_disabled": .permission,
        "user_project_denied": .permission,
        "consumer_suspended": .permission,
        "consumer_invalid": .permission,
        "billing_disabled": .quota,
        "failed_precondition": .permission,
        "not_found": .notFound,
        "resource_exhausted": .rateLimit,
        "unavailable": .overloaded,
        "deadline_exceeded": .providerTimeout,
        "rate_limit_exceeded": .rateLimit,
        "rate_limit_error": .rateLimit,
        "ratelimiterror": .rateLimit,
        "too_many_requests": .rateLimit,
        "request_too_large": .tooLarge,
    ]

    /// Codes and types that count only where no status tells more; lower case.
    private static let general: [String: FailureKind] = [
        "invalid_request_error": .badRequest,
        "badrequesterror": .badRequest,
        "bad_request": .badRequest,
        "timeout": .providerTimeout,
        "timeout_error": .providerTimeout,
        "invalid_argument": .badRequest,
        "out_of_range": .badRequest,
        "internal": .server,
        "cancelled": .server,
        "server_error": .server,
        "api_error": .server,
        "internal_error": .server,
        "internal_server_error": .server,
    ]
}

/// A message to look for known words in; letters are compared without case.
struct Words {
    private let bytes: [UInt8]

    init(_ message: String) {
        bytes = Array(message.lowercased().utf8)
    }

    /// Whether the phrase, in lower case, is part of the message.
    func contains(_ phrase: String) -> Bool { firstIndex(of: phrase) != nil }

    /// Where the phrase, in lower case, first begins in the message, in bytes; nil if it is no part of it.
    func firstIndex(of phrase: String) -> Int? {
        let phrase = Array(phrase.utf8)
        guard let first = phrase.first, phrase.count <= bytes.count else { return nil }
        return (0...(bytes.count - phrase.count)).first {
            bytes[$0] == first && bytes[$0..<($0 + phrase.count)].elementsEqual(phrase)
        }
    }
}
