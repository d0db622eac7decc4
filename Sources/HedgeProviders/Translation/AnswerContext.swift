import HedgeCore
import HedgeJSON

/// The head of a response with what is needed to judge it: shared by the decoders of all formats.
struct AnswerContext {
    let endpoint: Endpoint
    var head = ResponseHead(status: 200)

    init(endpoint: Endpoint) {
        self.endpoint = endpoint
    }

    /// Whether the body was compressed, which is never asked for.
    var isCompressed: Bool {
        let encoding = headers.value("content-encoding")?.lowercased()
        return encoding.map { !$0.isEmpty && $0 != "identity" } ?? false
    }

    var isSuccess: Bool { (200...299).contains(head.status) }
    var headers: HeaderLines { HeaderLines(head.rawHeaders) }

    /// A failure the provider tells of, classified; its words without keys.
    func failure(_ facts: ErrorFacts) -> ProviderFailure {
        var failure = ProviderFailure(kind: ErrorClassifier.kind(of: facts), httpStatus: facts.status)
        failure.code = Redaction.code(facts.codes.first, of: endpoint)
        failure.providerMessage = Redaction.clean(facts.message, of: endpoint)
        if head.status >= 400 {
            failure.retryAfter = RetryDelay.read(headers, status: head.status, now: head.receivedAt)
            failure.mayRepeat = RetryAdvice.read(headers)
        }
        failure.retryAfter = failure.retryAfter ?? facts.retryAfter
        return failure
    }

    /// A failure this library found.
    func failure(_ kind: FailureKind, _ detail: String) -> ProviderFailure {
        ProviderFailure(kind: kind, httpStatus: head.status, detail: detail)
    }

    /// The failure a whole error answer stands for.
    func failure(errorAnswer text: Span<UInt8>, _ tape: JSONTape) -> ProviderFailure {
        guard head.status >= 400 else {
            return failure(.malformed, "the answer has the unexpected status \(head.status)")
        }
        if (try? tape.scan(text, limits: JSONLimits(depth: 64))) != nil {
            return failure(ErrorFacts(status: head.status, node: 0, tape, text))
        }
        return failure(ErrorFacts(status: head.status, plain: text))
    }
}
