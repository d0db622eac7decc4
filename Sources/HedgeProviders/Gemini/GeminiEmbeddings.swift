import HedgeCore
import HedgeJSON

/// Google's embeddings: `batchEmbedContents` of AI Studio, and `predict` of Vertex AI.
struct GeminiEmbeddings: WholeAnswerTranslator {
    /// Members with an equivalent, OpenAI's and the provider's own.
    static let members: Set<String> = ["dimensions", "task_type", "title"]

    let model: String
    let request: EmbeddingRequest
    let service: GeminiProvider.Service

    /// The request's body.
    func body() -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        switch service {
        case .aiStudio: writeRequests(to: &json)
        case .vertex: writeInstances(to: &json)
        }
        json.endObject()
        return json.bytes
    }

    private func writeRequests(to json: inout JSONWriter) {
        json.key("requests")
        json.beginArray()
        for text in request.texts {
            json.beginObject()
            json.member("model", model.utf8.contains(UInt8(ascii: "/")) ? model : "models/\(model)")
            json.key("content")
            json.beginObject()
            json.key("parts")
            json.beginArray()
            json.beginObject()
            json.key("text")
            json.value(text)
            json.endObject()
            json.endArray()
            json.endObject()
            if let task = request["task_type"]?.string { json.member("taskType", task) }
            if let title = request["title"]?.string { json.member("title", title) }
            if let dimensions = request.dimensions { json.member("outputDimensionality", dimensions) }
            json.endObject()
        }
        json.endArray()
    }

    private func writeInstances(to json: inout JSONWriter) {
        json.key("instances")
        json.beginArray()
        for text in request.texts {
            json.beginObject()
            json.key("content")
            json.value(text)
            if let task = request["task_type"]?.string { json.member("task_type", task) }
            if let title = request["title"]?.string { json.member("title", title) }
            json.endObject()
        }
        json.endArray()
        guard let dimensions = request.dimensions else { return }
        json.key("parameters")
        json.beginObject()
        json.member("outputDimensionality", dimensions)
        json.endObject()
    }

    mutating func takeAnswer(
        _ text: Span<UInt8>, _ tape: JSONTape, into output: inout DecodedOutput
    ) -> TranslationStep {
        if let error = tape.member("error", of: 0, in: text), tape.kind(error) != .null { return .failed(node: error) }
        let list = tape.member("embeddings", of: 0, in: text) ?? tape.member("predictions", of: 0, in: text)
        guard let list, tape.kind(list) == .array else { return .malformed("the answer has no vectors") }
        var writer = EmbeddingWriter(model: model, wantsBase64: request.wantsBase64)
        var tokens: Int?
        var element = list + 1
        while element < tape.next(list) {
            let embedding = tape.member("embeddings", of: element, in: text) ?? element
            guard let values = tape.member("values", of: embedding, in: text), writer.add(values, tape, text) else {
                return .malformed("a vector is no list of numbers")
            }
            if let statistics = tape.member("statistics", of: embedding, in: text),
                let count = TokenCounts.read("token_count", of: statistics, tape, text)
            {
                tokens = (tokens ?? 0) &+ count
            }
            element = tape.next(element)
        }
        guard writer.count == request.texts.count else {
            return .malformed("the answer has another number of vectors than was asked for")
        }
        let usage = tape.member("usageMetadata", of: 0, in: text) ?? -1
        writer.complete(
            promptTokens: tokens ?? TokenCounts.read("promptTokenCount", of: usage, tape, text), into: &output)
        return .completed
    }
}
