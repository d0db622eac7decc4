import HedgeCore
import HedgeJSON

/// Reads `GenerateContentResponse`s, of which a stream has many and an answer one.
///
/// Texts of a stream are deltas; token counts are totals. A tool call comes whole, parallel ones in one text or in
/// several, and the reason a candidate ended may come later than its calls. There is no terminal but that reason.
struct GeminiTranslator: AnswerTranslator {
    /// Calls so far, over all candidates.
    private var calls = 0

    mutating func takeEvent(
        _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder, into output: inout DecodedOutput
    ) -> TranslationStep {
        take(0, text, tape, &builder, &output)
    }

    /// The stream is whole once every candidate has ended.
    func mayEnd(_ builder: ChunkBuilder) -> Bool { builder.isFinished }

    /// An answer may also be the list of what a stream would have been, which is what `alt=sse` is there to avoid.
    mutating func takeAnswer(
        _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder, into output: inout DecodedOutput
    ) -> TranslationStep {
        guard tape.kind(0) == .array else {
            let step = take(0, text, tape, &builder, &output)
            guard case .goOn = step else { return step }
            return builder.isFinished ? .completed : .malformed("the answer has no candidate that ended")
        }
        var node = 1
        while node < tape.next(0) {
            let step = take(node, text, tape, &builder, &output)
            guard case .goOn = step else { return step }
            node = tape.next(node)
        }
        return builder.isFinished ? .completed : .broken(.truncated, "the stream ended before its terminal")
    }

    private mutating func take(
        _ node: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) -> TranslationStep {
        guard tape.kind(node) != .array else {
            // An error is sometimes wrapped in a list.
            guard !tape.isEmptyContainer(node) else { return .goOn }
            return take(node + 1, text, tape, &builder, &output)
        }
        guard tape.kind(node) == .object else { return .malformed("an event is not an object") }
        if let error = tape.member("error", of: node, in: text), tape.kind(error) != .null {
            return .failed(node: error)
        }
        if let id = tape.member("responseId", of: node, in: text), tape.isNonEmptyString(id) {
            builder.setID(text.extracting(tape.range(id)))
        }
        if let model = tape.member("modelVersion", of: node, in: text), tape.isNonEmptyString(model) {
            builder.setModel(text.extracting(tape.range(model)))
        }
        let step = takeCandidates(of: node, text, tape, &builder, &output)
        if let usage = tape.member("usageMetadata", of: node, in: text) {
            let counts = Self.counts(usage, tape, text)
            if counts != TokenCounts() { builder.setUsage(counts, into: &output) }
        }
        return step
    }

    private mutating func takeCandidates(
        of node: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) -> TranslationStep {
        guard let candidates = tape.member("candidates", of: node, in: text), tape.kind(candidates) == .array,
            !tape.isEmptyContainer(candidates)
        else {
            // A prompt that is refused has no candidates at all.
            if let feedback = tape.member("promptFeedback", of: node, in: text),
                let reason = tape.member("blockReason", of: feedback, in: text), tape.isNonEmptyString(reason)
            {
                builder.finish(.contentFilter, into: &output)
            }
            return .goOn
        }
        var place = 0
        var candidate = candidates + 1
        while candidate < tape.next(candidates) {
            let step = takeCandidate(candidate, place, text, tape, &builder, &output)
            guard case .goOn = step else { return step }
            place += 1
            candidate = tape.next(candidate)
        }
        return .goOn
    }

    private mutating func takeCandidate(
        _ candidate: Int, _ place: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) -> TranslationStep {
        let index = tape.member("index", of: candidate, in: text).flatMap { tape.integer($0, in: text) }
        let choice = index.flatMap { (0...1024).contains($0) ? Int($0) : nil } ?? place
        if let content = tape.member("content", of: candidate, in: text),
            let parts = tape.member("parts", of: content, in: text), tape.kind(parts) == .array
        {
            var part = parts + 1
            while part < tape.next(parts) {
                takePart(part, choice, text, tape, &builder, &output)
                part = tape.next(part)
            }
        }
        takeExtras(candidate, choice, text, tape, &builder, &output)
        builder.logprobs(GeminiLogprobs(of: candidate, text, tape).tokens.span, choice: choice, into: &output)
        guard let reason = tape.member("finishReason", of: candidate, in: text), tape.isNonEmptyString(reason) else {
            return .goOn
        }
        switch GeminiFinish(reason, tape, text) {
        case .failed: return .broken(.server, "the model's answer was malformed")
        case .ended(let finish): builder.finish(finish, choice: choice, into: &output)
        }
        return .goOn
    }

    private mutating func takePart(
        _ part: Int, _ choice: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        if let call = tape.member("functionCall", of: part, in: text), tape.kind(call) == .object {
            return takeCall(call, part, choice, text, tape, &builder, &output)
        }
        // The signature of a text is not asked for again, only that of a call.
        if let words = tape.member("text", of: part, in: text), tape.isNonEmptyString(words) {
            let isThought = tape.member("thought", of: part, in: text).map { tape.kind($0) == .true } ?? false
            let json = text.extracting(tape.range(words))
            return builder.text(isThought ? .reasoning : .content, json, choice: choice, into: &output)
        }
        if let data = tape.member("inlineData", of: part, in: text) {
            takeData(data, choice, text, tape, &builder, &output)
        }
    }

    private mutating func takeCall(
        _ call: Int, _ part: Int, _ choice: Int, _ text: Span<UInt8>, _ tape: JSONTape,
        _ builder: inout ChunkBuilder, _ output: inout DecodedOutput
    ) {
        guard let name = tape.member("name", of: call, in: text).flatMap({ tape.string($0, in: text) }) else { return }
        let id = tape.member("id", of: call, in: text).flatMap { tape.string($0, in: text) }
        var extra: [UInt8] = []
        if let signature = tape.member("thoughtSignature", of: part, in: text), tape.isNonEmptyString(signature) {
            // Where Google's own OpenAI-compatible endpoint has it; it must come back with the call.
            extra.append("\"extra_content\":{\"google\":{\"thought_signature\":")
            extra.append(text, tape.range(signature))
            extra.append("}}")
        }
        let key = calls
        calls += 1
        builder.toolCall(key: key, id: id, name: name, extra: extra, choice: choice, into: &output)
        if let arguments = tape.member("args", of: call, in: text), tape.kind(arguments) == .object {
            builder.toolArguments(
                object: text.extracting(tape.range(arguments)), key: key, choice: choice, into: &output)
        }
        builder.endTool(key: key, choice: choice, into: &output)
    }

    /// Pictures go where LiteLLM's callers look for them; no other kind of output is ever asked for.
    private func takeData(
        _ data: Int, _ choice: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        guard let type = tape.member("mimeType", of: data, in: text),
            text.extracting(tape.content(type)).hasPrefix("image/"),
            let bytes = tape.member("data", of: data, in: text), tape.isNonEmptyString(bytes)
        else { return }
        var extra: [UInt8] = []
        extra.append("{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:")
        extra.append(text, tape.content(type))
        extra.append(";base64,")
        extra.append(text, tape.content(bytes))
        extra.append("\"}}")
        builder.extra("images", extra.span, isOutput: true, choice: choice, into: &output)
    }

    /// Sources of what was said stay as they are, where LiteLLM's callers look for them.
    private mutating func takeExtras(
        _ candidate: Int, _ choice: Int, _ text: Span<UInt8>, _ tape: JSONTape, _ builder: inout ChunkBuilder,
        _ output: inout DecodedOutput
    ) {
        func take(_ key: StaticString, _ list: StaticString) {
            guard let node = tape.member(key, of: candidate, in: text), tape.kind(node) == .object,
                !tape.isEmptyContainer(node)
            else { return }
            var element: [UInt8] = []
            element.appendCompact(text.extracting(tape.range(node)))
            builder.extra(list, element.span, choice: choice, into: &output)
        }
        take("citationMetadata", "vertex_ai_citation_metadata")
        take("groundingMetadata", "vertex_ai_grounding_metadata")
    }

    /// Token counts in OpenAI's terms.
    ///
    /// Thinking is left out of `candidatesTokenCount`, except by models whose total shows that it is in there.
    static func counts(_ node: Int, _ tape: JSONTape, _ text: Span<UInt8>) -> TokenCounts {
        func count(_ key: StaticString) -> Int? { TokenCounts.read(key, of: node, tape, text) }
        var counts = TokenCounts()
        let toolUse = count("toolUsePromptTokenCount") ?? 0
        let candidates = count("candidatesTokenCount")
        let thoughts = count("thoughtsTokenCount")
        counts.prompt = count("promptTokenCount").map { $0 &+ toolUse }
        counts.cached = count("cachedContentTokenCount")
        counts.reasoning = thoughts
        if candidates != nil || thoughts != nil {
            let said = candidates ?? 0
            let isInside = count("totalTokenCount").map { $0 == (counts.prompt ?? 0) &+ said } ?? false
            counts.completion = isInside ? said : said &+ (thoughts ?? 0)
        }
        return counts
    }
}

/// What `finishReason` means.
enum GeminiFinish: Equatable {
    case ended(ChunkBuilder.Finish)
    /// The model said something that is not an answer.
    case failed

    init(_ node: Int, _ tape: JSONTape, _ text: Span<UInt8>) {
        func isOne(of words: [StaticString]) -> Bool { words.contains { tape.isString(node, $0, in: text) } }
        if isOne(of: ["STOP", "FINISH_REASON_UNSPECIFIED"]) {
            self = .ended(.stop)
        } else if isOne(of: ["MAX_TOKENS", "CONTINUATION"]) {
            self = .ended(.length)
        } else if isOne(of: Self.failures) {
            self = .failed
        } else {
            // Safety, recitation, and whatever else Google withholds answers for.
            self = .ended(.contentFilter)
        }
    }

    private static let failures: [StaticString] = [
        "MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
    ]
}
