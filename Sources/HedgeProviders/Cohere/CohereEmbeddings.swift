import HedgeCore
import HedgeJSON

/// Version 2 of Cohere's embed API.
struct CohereEmbeddings: WholeAnswerTranslator {
    /// The provider's own members, which pass as they are.
    static let members: Set<String> = ["dimensions", "input_type", "truncate"]

    let model: String
    let request: EmbeddingRequest

    /// The request's body; without an `input_type`, texts are what is searched in.
    func body() -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.member("model", model)
        json.key("texts")
        json.beginArray()
        for text in request.texts { json.value(text) }
        json.endArray()
        json.member("input_type", request["input_type"]?.string ?? "search_document")
        json.key("embedding_types")
        json.raw(Array(#"["float"]"#.utf8))
        if let dimensions = request.dimensions { json.member("output_dimension", dimensions) }
        if let truncate = request["truncate"]?.string { json.member("truncate", truncate) }
        json.endObject()
        return json.bytes
    }

    mutating func takeAnswer(
        _ text: Span<UInt8>, _ tape: JSONTape, into output: inout DecodedOutput
    ) -> TranslationStep {
        guard let embeddings = tape.member("embeddings", of: 0, in: text),
            let vectors = tape.member("float", of: embeddings, in: text), tape.kind(vectors) == .array
        else {
            return tape.member("message", of: 0, in: text) == nil
                ? .malformed("the answer has no vectors") : .failed(node: 0)
        }
        var writer = EmbeddingWriter(model: model, wantsBase64: request.wantsBase64)
        var vector = vectors + 1
        while vector < tape.next(vectors) {
            guard writer.add(vector, tape, text) else { return .malformed("a vector is no list of numbers") }
            vector = tape.next(vector)
        }
        guard writer.count == request.texts.count else {
            return .malformed("the answer has another number of vectors than was asked for")
        }
        let meta = tape.member("meta", of: 0, in: text) ?? -1
        let billed = tape.member("billed_units", of: meta, in: text) ?? -1
        writer.complete(
            promptTokens: TokenCounts.read("input_tokens", of: billed, tape, text), into: &output)
        return .completed
    }
}
