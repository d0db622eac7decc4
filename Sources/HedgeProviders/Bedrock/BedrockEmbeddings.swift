import HedgeCore
import HedgeJSON

/// Embeddings of Bedrock's models, each maker's in its own form: Amazon's Titan, one text a call, and Cohere's.
struct BedrockEmbeddings: WholeAnswerTranslator {
    let model: String
    let request: EmbeddingRequest

    /// Whether the model speaks Cohere's form.
    static func isCohere(_ model: String) -> Bool { Words(model).contains("cohere.") }

    /// Members with an equivalent, OpenAI's and the maker's own.
    static func members(of model: String) -> Set<String> {
        isCohere(model) ? ["input_type", "truncate", "dimensions"] : ["dimensions", "normalize"]
    }

    /// The request's body; without an `input_type`, texts are what is searched in.
    func body() -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        if Self.isCohere(model) {
            json.key("texts")
            json.beginArray()
            for text in request.texts { json.value(text) }
            json.endArray()
            json.member("input_type", request["input_type"]?.string ?? "search_document")
            if let truncate = request["truncate"]?.string { json.member("truncate", truncate) }
            if let dimensions = request.dimensions { json.member("output_dimension", dimensions) }
        } else {
            if let text = request.texts.first {
                json.key("inputText")
                json.value(text)
            }
            if let dimensions = request.dimensions { json.member("dimensions", dimensions) }
            if let normalize = request["normalize"]?.bool { json.member("normalize", normalize) }
        }
        json.endObject()
        return json.bytes
    }

    mutating func takeAnswer(
        _ text: Span<UInt8>, _ tape: JSONTape, into output: inout DecodedOutput
    ) -> TranslationStep {
        var writer = EmbeddingWriter(model: model, wantsBase64: request.wantsBase64)
        if let vector = tape.member("embedding", of: 0, in: text) {
            guard writer.add(vector, tape, text) else { return .malformed("a vector is no list of numbers") }
        } else if let embeddings = tape.member("embeddings", of: 0, in: text) {
            // A list, or an object that names the kind of numbers.
            let list = tape.member("float", of: embeddings, in: text) ?? embeddings
            guard tape.kind(list) == .array else { return .malformed("the answer has no vectors") }
            var vector = list + 1
            while vector < tape.next(list) {
                guard writer.add(vector, tape, text) else { return .malformed("a vector is no list of numbers") }
                vector = tape.next(vector)
            }
        } else {
            return .malformed("the answer has no vectors")
        }
        guard writer.count == request.texts.count else {
            return .malformed("the answer has another number of vectors than was asked for")
        }
        writer.complete(promptTokens: TokenCounts.read("inputTextTokenCount", of: 0, tape, text), into: &output)
        return .completed
    }
}
