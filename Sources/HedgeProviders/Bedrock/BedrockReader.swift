import HedgeCore
import HedgeJSON

/// Reads one response of Converse or ConverseStream.
final class BedrockDecoder: ResponseDecoder, SeededDecoder {
    private enum Mode {
        /// Whether the body is frames or one JSON text shows at its first byte.
        case undecided
        case frames
        case wholeAnswer
        case errorAnswer
        case ended
    }

    var seed = UInt64.random(in: .min ... .max)

    private var context: AnswerContext
    private var mode = Mode.undecided
    private var parser = AWSFrameParser()
    private var body: [UInt8] = []
    private let tape = JSONTape()
    private var translator = BedrockTranslator()
    private var builder: ChunkBuilder

    /// Nil for chat completions.
    private var embeddings: BedrockEmbeddings?

    init(_ builder: ChunkBuilder, endpoint: Endpoint) {
        self.builder = builder
        context = AnswerContext(endpoint: endpoint)
    }

    /// Reads vectors, and AWS's errors like all others.
    convenience init(_ embeddings: BedrockEmbeddings, model: String, endpoint: Endpoint) {
        self.init(ChunkBuilder(model: model, isStream: false, wantsUsage: false), endpoint: endpoint)
        self.embeddings = embeddings
    }

    func begin(_ head: ResponseHead) {
        context.head = head
        builder.begin(now: head.receivedAt ?? 0, seed: seed)
        if let id = context.headers.value("x-amzn-requestid"), !id.isEmpty {
            var json: [UInt8] = []
            JSONWriter.appendQuoted(id, to: &json)
            builder.setID(json.span)
        }
        mode = context.isSuccess ? .undecided : .errorAnswer
    }

    func decode(_ bytes: Span<UInt8>, into output: inout DecodedOutput) {
        switch mode {
        case .undecided: decide(bytes, &output)
        case .frames: readFrames(bytes, &output)
        case .wholeAnswer: collect(bytes, &output)
        case .errorAnswer:
            body.append(bytes, 0..<max(0, min(bytes.count, OpenAIReader.errorBodyLimit - body.count)))
        case .ended: return
        }
    }

    func end(into output: inout DecodedOutput) {
        switch mode {
        case .undecided: fail(.truncated, "the answer is empty", &output)
        case .frames: endFrames(&output)
        case .wholeAnswer: endWholeAnswer(&output)
        case .errorAnswer: endErrorAnswer(&output)
        case .ended: return
        }
    }

    /// A frame begins with its length, whose first byte is 0 or 1; a JSON text never does.
    private func decide(_ bytes: Span<UInt8>, _ output: inout DecodedOutput) {
        guard !bytes.isEmpty else { return }
        if context.isCompressed || bytes[0] == 0x1F {
            return fail(.malformed, "the answer is compressed although that was not asked for", &output)
        }
        mode = bytes[0] <= 1 ? .frames : .wholeAnswer
        decode(bytes, into: &output)
    }

    // MARK: Frames

    private func readFrames(_ bytes: Span<UInt8>, _ output: inout DecodedOutput) {
        var position = 0
        while mode == .frames {
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

    private func endFrames(_ output: inout DecodedOutput) {
        guard parser.isAtBoundary else { return fail(.truncated, "the stream ended inside a frame", &output) }
        guard translator.mayEnd else { return fail(.truncated, "the stream ended before its terminal", &output) }
        complete(&output)
    }

    private func take(_ message: AWSMessage, _ frame: Span<UInt8>, _ output: inout DecodedOutput) {
        switch message.kind {
        case .event: takeEvent(message, frame, &output)
        case .exception, .error: fail(AWSError(message, in: frame), &output)
        // Kinds that come to be are no part of the answer.
        case .other: return
        }
    }

    private func takeEvent(_ message: AWSMessage, _ frame: Span<UInt8>, _ output: inout DecodedOutput) {
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

    private func collect(_ bytes: Span<UInt8>, _ output: inout DecodedOutput) {
        guard bytes.count <= OpenAIReader.bodyLimit - body.count else {
            return fail(.malformed, "the answer is longer than 64 MiB", &output)
        }
        body.append(bytes)
    }

    private func endWholeAnswer(_ output: inout DecodedOutput) {
        let text = exchange(&body, with: [])
        do {
            try tape.scan(text.span, limits: JSONLimits(bytes: OpenAIReader.bodyLimit, depth: 256))
        } catch {
            let kind: FailureKind = error.reason == .truncated ? .truncated : .malformed
            return fail(kind, "the answer is not valid JSON: \(error.message)", &output)
        }
        guard var vectors = embeddings else {
            return take(translator.takeAnswer(text.span, tape, &builder, &output), &output)
        }
        switch vectors.takeAnswer(text.span, tape, into: &output) {
        case .completed: mode = .ended
        case .malformed(let detail): fail(.malformed, "\(detail)", &output)
        case .goOn, .failed, .broken: fail(.malformed, "the answer is not complete", &output)
        }
    }

    // MARK: Ends

    private func take(_ step: BedrockTranslator.Step, _ output: inout DecodedOutput) {
        switch step {
        case .goOn: return
        case .completed: complete(&output)
        case .broken(let kind, let detail): fail(kind, "\(detail)", &output)
        }
    }

    private func complete(_ output: inout DecodedOutput) {
        mode = .ended
        builder.complete(into: &output)
    }

    private func endErrorAnswer(_ output: inout DecodedOutput) {
        guard context.head.status >= 400 else {
            return fail(.malformed, "the answer has the unexpected status \(context.head.status)", &output)
        }
        let answer = body
        fail(AWSError(status: context.head.status, headers: context.headers, body: answer.span), &output)
    }

    private func fail(_ error: AWSError, _ output: inout DecodedOutput) {
        var failure = ProviderFailure(kind: error.kind, httpStatus: error.status)
        failure.code = error.type.isEmpty ? nil : error.type
        failure.providerMessage = message(of: error)
        if context.head.status >= 400 {
            failure.retryAfter = RetryDelay.read(
                context.headers, status: context.head.status, now: context.head.receivedAt)
        }
        mode = .ended
        output.events.append(.failed(failure))
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

    private func fail(_ kind: FailureKind, _ detail: String, _ output: inout DecodedOutput) {
        mode = .ended
        output.events.append(.failed(context.failure(kind, detail)))
    }
}
