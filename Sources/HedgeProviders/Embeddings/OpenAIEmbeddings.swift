import HedgeCore
import HedgeJSON

/// Embeddings of OpenAI and compatible providers: passed on as they are, once they are seen to be whole.
struct OpenAIEmbeddings: WholeAnswerTranslator {
    /// How many vectors were asked for; nil when that is not known.
    let count: Int?
    /// Whether they were asked for as Base64; some compatible providers give numbers all the same.
    let wantsBase64: Bool

    init(_ request: ChatRequest, at endpoint: Endpoint) {
        let embedding = request.embeddingRequest(at: endpoint)
        count = embedding?.count
        wantsBase64 = embedding?.wantsBase64 ?? false
    }

    mutating func takeAnswer(
        _ text: Span<UInt8>, _ tape: JSONTape, into output: inout DecodedOutput
    ) -> TranslationStep {
        guard tape.kind(0) == .object else { return .malformed("the answer is not an object") }
        if let error = tape.member("error", of: 0, in: text), tape.kind(error) != .null { return .failed(node: error) }
        guard let data = tape.member("data", of: 0, in: text), tape.kind(data) == .array else {
            return .malformed("the answer has no vectors")
        }
        if let count, tape.elementCount(data) != count {
            return .malformed("the answer has another number of vectors than was asked for")
        }
        var editor = ChunkEditor()
        var element = data + 1
        while element < tape.next(data) {
            guard let vector = tape.member("embedding", of: element, in: text),
                tape.isNonEmptyString(vector) || tape.kind(vector) == .array && !tape.isEmptyContainer(vector)
            else { return .malformed("an element of the answer has no vector") }
            if wantsBase64, tape.kind(vector) == .array {
                guard let floats = Base64.quoted(vector, tape, text) else {
                    return .malformed("a vector is no list of numbers")
                }
                editor.replace(tape.range(vector)) { $0.append(floats.span) }
            }
            element = tape.next(element)
        }
        let start = output.text.count
        let whole = text.significant ?? 0..<text.count
        editor.apply(to: text.extracting(0..<whole.upperBound), appendingTo: &output.text)
        output.events.append(.chunk((start + whole.lowerBound)..<output.text.count, isOutput: true))
        if let usage = tape.member("usage", of: 0, in: text),
            let prompt = TokenCounts.read("prompt_tokens", of: usage, tape, text)
        {
            output.events.append(.usage(Usage(promptTokens: prompt, completionTokens: 0)))
        }
        output.events.append(.completed)
        return .completed
    }
}
