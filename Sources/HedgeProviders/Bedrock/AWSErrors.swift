import HedgeCore
import HedgeJSON

/// An error of Amazon Bedrock, whether it is an HTTP answer, an exception inside a stream or an error frame.
struct AWSError: Equatable {
    /// The type's plain name with a capital, such as `ThrottlingException`; empty if the answer names none.
    var type: String
    /// HTTP status: the answer's, or the one modelled for the type where the error came inside a stream.
    var status: Int
    /// AWS's own words; may quote the prompt.
    var message: String

    /// An error of a type as AWS spells it: in `x-amzn-ErrorType`, in `__type`, or as the type of an exception.
    ///
    /// A name may be followed by `:` and an address, and preceded by a name space that ends with `#`. What is no
    /// identifier is left out.
    init(type: String, status: Int, message: String) {
        let name = type.prefix { $0 != ":" }
        let plain = name.lastIndex(of: "#").map { name[name.index(after: $0)...] } ?? name
        let spelled = plain.prefix(1).uppercased() + plain.dropFirst()
        self.type = ErrorFacts.isIdentifier(spelled) ? spelled : ""
        self.message = message
        // Inside a stream the response's own status says nothing.
        self.status = status >= 400 ? status : Self.kinds[self.type]?.status ?? 500
    }

    /// The class. The type decides; words count only for the types that leave it open, since a message may quote the
    /// prompt, and "too many tokens" in a throttling message is no overlong prompt.
    var kind: FailureKind {
        let words = Words(message)
        switch type {
        case "ValidationException": return validation(words)
        case "AccessDeniedException", "ForbiddenException":
            return isOneOf(Self.credentialWords, in: words) ? .authentication : .permission
        case "ResourceNotFoundException":
            // A model whose form of intended use was not handed in yet is there, but not for this account.
            return words.contains("use case details") || words.contains("ftuform") ? .permission : .notFound
        default: break
        }
        if let known = Self.kinds[type] { return known.kind }
        if type.isEmpty && status == 403 && isOneOf(Self.credentialWords, in: words) { return .authentication }
        return kindByStatus(words)
    }

    private func validation(_ words: Words) -> FailureKind {
        if isOneOf(Self.contextWords, in: words) { return .contextLength }
        if isOneOf(Self.modelWords, in: words) { return .notFound }
        return .badRequest
    }

    private func kindByStatus(_ words: Words) -> FailureKind {
        switch status {
        case 400: validation(words)
        case 401: .authentication
        case 402: .quota
        case 403: .permission
        case 404: .notFound
        case 408, 504: .providerTimeout
        case 413: .tooLarge
        case 429: .rateLimit
        case 503: .overloaded
        case 424, 500...599: .server
        default: .badRequest
        }
    }

    private func isOneOf(_ phrases: [String], in words: Words) -> Bool {
        phrases.contains { words.contains($0) }
    }

    private static let contextWords = [
        "input is too long", "too many input tokens", "too many tokens", "prompt is too long", "expected maxlength",
        "input length and `max_tokens` exceed context limit", "exceeds the maximum context", "context window",
    ]

    private static let modelWords = [
        "model identifier is invalid", "on-demand throughput", "model is not supported", "model isn't supported",
    ]

    private static let credentialWords = [
        "security token", "signature", "invalid api key", "api key is invalid", "bearer token", "authentication failed",
        "credential",
    ]

    /// Types with the status AWS gives them and their class.
    private static let kinds: [String: (status: Int, kind: FailureKind)] = [
        "ValidationException": (400, .badRequest),
        "ServiceQuotaExceededException": (400, .quota),
        "AccessDeniedException": (403, .permission),
        "ForbiddenException": (403, .permission),
        "OptInRequired": (403, .permission),
        "UnrecognizedClientException": (403, .authentication),
        "InvalidClientTokenId": (403, .authentication),
        "InvalidSignatureException": (403, .authentication),
        "SignatureDoesNotMatch": (403, .authentication),
        "IncompleteSignature": (400, .authentication),
        "IncompleteSignatureException": (400, .authentication),
        "MissingAuthenticationToken": (403, .authentication),
        "MissingAuthenticationTokenException": (403, .authentication),
        "ExpiredToken": (403, .authentication),
        "ExpiredTokenException": (403, .authentication),
        "RequestExpired": (400, .authentication),
        "NotAuthorized": (401, .authentication),
        "UnauthorizedException": (401, .authentication),
        "ResourceNotFoundException": (404, .notFound),
        "UnknownOperationException": (404, .notFound),
        "ModelTimeoutException": (408, .providerTimeout),
        "RequestEntityTooLargeException": (413, .tooLarge),
        "ModelErrorException": (424, .server),
        "ModelStreamErrorException": (424, .server),
        "ThrottlingException": (429, .rateLimit),
        "TooManyRequestsException": (429, .rateLimit),
        "Throttling": (429, .rateLimit),
        "ModelNotReadyException": (429, .overloaded),
        "InternalServerException": (500, .server),
        "InternalFailure": (500, .server),
        "ServiceUnavailableException": (503, .overloaded),
        "ServiceUnavailable": (503, .overloaded),
    ]
}

extension AWSError {
    /// The error an HTTP answer reports, from its header `x-amzn-errortype` and its body, which may be anything.
    init(status: Int, headers: HeaderLines, body: Span<UInt8>) {
        let tape = JSONTape()
        var type = headers.value("x-amzn-errortype") ?? ""
        var message = ""
        if (try? tape.scan(body, limits: JSONLimits(depth: 64))) != nil {
            message = Self.message(tape, body)
            if type.isEmpty {
                for key in ["__type", "code"] as [StaticString] where type.isEmpty {
                    type = tape.member(key, of: 0, in: body).flatMap { tape.string($0, in: body) } ?? ""
                }
            }
        } else {
            message = ErrorFacts(status: status, plain: body).message
        }
        self.init(type: type, status: status, message: message)
    }

    /// The error a frame of a stream reports.
    init(_ frame: AWSMessage, in bytes: Span<UInt8>) {
        var message = bytes.text(frame.errorMessage)
        let payload = bytes.extracting(frame.payload.clamped(to: 0..<bytes.count))
        let tape = JSONTape()
        if message.isEmpty, (try? tape.scan(payload, limits: JSONLimits(depth: 64))) != nil {
            message = Self.message(tape, payload)
        }
        self.init(type: bytes.text(frame.type), status: 200, message: message)
    }

    private static func message(_ tape: JSONTape, _ text: Span<UInt8>) -> String {
        for key in ["message", "Message", "originalMessage"] as [StaticString] {
            guard let node = tape.member(key, of: 0, in: text), let words = tape.string(node, in: text), !words.isEmpty
            else { continue }
            return words.utf8.count <= ErrorFacts.messageLimit
                ? words : String(words.prefix(ErrorFacts.messageLimit / 4))
        }
        return ""
    }
}
