import HedgeCore
import HedgeJSON

/// Reads one response of Converse or ConverseStream.
struct BedrockReader: SeededReader {
    var seed = IdentifierSource.freshSeed()
    var context: AnswerContext
    var body = AnswerBody(.frames)
    let tape = JSONTape()
    private var parser = AWSFrameParser()
    private var translator: BedrockTranslator
    private var builder: ChunkBuilder
    /// Nil for chat completions.
    private var embeddings: BedrockEmbeddings?

    init(_ builder: ChunkBuilder, endpoint: Endpoint, hasSchemaTool: Bool = false) {
        self.builder = builder
        translator = BedrockTranslator(hasSchemaTool: hasSchemaTool)
        context = AnswerContext(endpoint: endpoint)
    }

    /// Reads vectors, and AWS's errors like all others.
    init(_ embeddings: BedrockEmbeddings, model: String, endpoint: Endpoint) {
        self.init(ChunkBuilder(model: model, isStream: false, wantsUsage: false), endpoint: endpoint)
        self.embeddings = embeddings
    }

    mutating func begin() {
        builder.begin(now: context.head.receivedAt ?? 0, seed: seed)
        guard let id = context.headers.value("x-amzn-requestid"), !id.isEmpty else { return }
        var json: [UInt8] = []
        JSONWriter.appendQuoted(id, to: &json)
        builder.setID(json.span)
    }

    // MARK: Frames

    mutating func readStream(_ bytes: Span<UInt8>, _ output: inout DecodedOutput) {
        var position = 0
        while body.isStream {
            switch parser.next(bytes, &position) {
            case .needMore: return
            case .malformed(let detail): fail(.malformed, "\(detail)", &output)
            case .message(let message, .input(let range)): take(message, bytes.extracting(range), &output)
            case .message(let message, .stored):
                let frame = parser.takeFrame()
                take(message, frame.span, &output)
                parser.giveBack(consume frame)
            }
        }
    }

    mutating func endStream(_ output: inout DecodedOutput) {
        guard parser.isAtBoundary else { return fail(.truncated, "the stream ended inside a frame", &output) }
        guard translator.mayEnd else { return fail(.truncated, "the stream ended before its terminal", &output) }
        complete(&output)
    }

    private mutating func take(_ message: AWSMessage, _ frame: Span<UInt8>, _ output: inout DecodedOutput) {
        switch message.kind {
        case .event: takeEvent(message, frame, &output)
        case .exception, .error: fail(failure(AWSError(message, in: frame)), &output)
        // Kinds that come to be are no part of the answer.
        case .other: return
        }
    }

    private mutating func takeEvent(_ message: AWSMessage, _ frame: Span<UInt8>, _ output: inout DecodedOutput) {
        guard let event = BedrockTranslator.Event(message, in: frame) else { return }
        let payload = frame.extracting(message.payload)
        do {
            try tape.scan(payload, limits: .stream)
        } catch {
            return fail(.malformed, "an event is not valid JSON: \(error.message)", &output)
        }
        take(translator.take(event, payload, tape, &builder, &output), &output)
    }

    // MARK: Whole answers

    mutating func takeAnswer(_ text: Span<UInt8>, _ output: inout DecodedOutput) {
        guard var vectors = embeddings else {
            return take(translator.takeAnswer(text, tape, &builder, &output), &output)
        }
        switch vectors.takeAnswer(text, tape, into: &output) {
        case .completed: body.end()
        case .malformed(let detail): fail(.malformed, "\(detail)", &output)
        case .goOn, .failed, .broken: return
        }
    }

    // MARK: Ends

    private mutating func take(_ step: BedrockTranslator.Step, _ output: inout DecodedOutput) {
        if let excess = builder.excess { return fail(.malformed, "\(excess)", &output) }
        switch step {
        case .goOn: return
        case .completed: complete(&output)
        case .broken(let kind, let detail): fail(kind, "\(detail)", &output)
        }
    }

    private mutating func complete(_ output: inout DecodedOutput) {
        body.end()
        builder.complete(into: &output)
    }

    func failure(ofErrorAnswer text: Span<UInt8>) -> ProviderFailure {
        guard context.head.status >= 400 else { return context.failure(errorAnswer: text, tape) }
        return failure(AWSError(status: context.head.status, headers: context.headers, body: text))
    }

    private func failure(_ error: AWSError) -> ProviderFailure {
        var failure = ProviderFailure(kind: error.kind, httpStatus: error.status)
        failure.code = error.type.isEmpty ? nil : error.type
        failure.providerMessage = message(of: error)
        if context.head.status >= 400 {
            failure.retryAfter = RetryDelay.read(
                context.headers, status: context.head.status, now: context.head.receivedAt)
        }
        return failure
    }

    /// AWS's words without the keys; a refused signature is answered with all that was signed.
    private func message(of error: AWSError) -> String? {
        let bytes = Array(error.message.utf8)
        // What follows are all the headers that were signed.
        let end = Words(error.message).firstIndex(of: "canonical string") ?? bytes.count
        let message = bytes.span.text(0..<end)
        var text = Redaction.clean(message, key: context.endpoint.bearerToken ?? context.endpoint.apiKey)
        for secret in [
            context.endpoint.signingKeys?.sessionToken, context.endpoint.signingKeys?.secretAccessKey,
            context.endpoint.signingKeys.map { Secret($0.accessKeyID) },
        ] {
            guard let secret, !secret.exposed.isEmpty else { continue }
            text = text.flatMap { Redaction.clean($0, key: secret) }
        }
        return text
    }
}
