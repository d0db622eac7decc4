import HedgeJSON

/// How the model is to answer: `generationConfig`.
extension GeminiEncoder {
    mutating func encodeGeneration() {
        // Written apart, because it is left out when nothing is set.
        let outer = exchange(&json, with: JSONWriter())
        json.beginObject()
        if let limit = request.maxTokens { json.member("maxOutputTokens", limit) }
        if flags.acceptsSampling ?? true {
            for (from, to) in Self.samplingNames { copy(from, as: to) }
        }
        if let seed = request["seed"].flatMap({ Self.seed($0) }) { json.member("seed", seed) }
        if let count = request["n"]?.integer, count > 1 { json.member("candidateCount", count) }
        if request["logprobs"]?.bool == true { json.member("responseLogprobs", true) }
        // None beside the chosen ones is said by saying nothing: Google's numbers begin at 1.
        if let count = request["top_logprobs"]?.integer, count > 0 { json.member("logprobs", count) }
        let stop = request.stop.filter { !($0.withUTF8 { $0.isEmpty } ?? true) }.prefix(Self.mostStops)
        if !stop.isEmpty {
            json.key("stopSequences")
            json.beginArray()
            for text in stop { json.value(text) }
            json.endArray()
        }
        if let kinds = request["modalities"].flatMap({ Self.modalities($0) }), !kinds.isEmpty, kinds != ["TEXT"] {
            json.key("responseModalities")
            json.beginArray()
            for kind in kinds { json.value(kind) }
            json.endArray()
        }
        encodeFormat()
        encodeThinking()
        json.endObject()
        let settings = exchange(&json, with: outer)
        guard settings.bytes.count > 2 else { return }
        json.key("generationConfig")
        json.raw(settings.bytes)
    }

    static let samplingNames: [(StaticString, StaticString)] = [
        ("temperature", "temperature"), ("top_p", "topP"), ("top_k", "topK"), ("presence_penalty", "presencePenalty"),
        ("frequency_penalty", "frequencyPenalty"),
    ]

    mutating func copy(_ from: StaticString, as to: StaticString) {
        guard let value = request[from] else { return }
        json.key(to)
        json.value(value)
    }

    mutating func encodeFormat() {
        switch request.responseFormat {
        case .jsonObject: json.member("responseMimeType", "application/json")
        case .jsonSchema(_, let schema, _) where acceptsSchema:
            json.member("responseMimeType", "application/json")
            json.key("responseJsonSchema")
            json.value(schema)
        case .text, .jsonSchema, .other: return
        }
    }

    /// Effort as a level for models from Gemini 3 on, as a number of tokens for those before.
    mutating func encodeThinking() {
        guard let effort = request.reasoningEffort else { return }
        let isFlash = Words(endpoint.knownModel).contains("flash")
        switch flags.thinking {
        case .effort:
            json.key("thinkingConfig")
            json.beginObject()
            json.member("thinkingLevel", Self.level(effort, isFlash: isFlash))
        case .budget:
            json.key("thinkingConfig")
            json.beginObject()
            json.member("thinkingBudget", budget(effort, isFlash: isFlash))
        case .some(.none), nil: return
        }
        json.member("includeThoughts", effort != "none")
        json.endObject()
    }

    /// Only the flash models can think minimally, and none can not think at all.
    static func level(_ effort: String, isFlash: Bool) -> String {
        switch effort {
        case "none", "minimal": isFlash ? "MINIMAL" : "LOW"
        case "low": "LOW"
        case "medium": "MEDIUM"
        // As much as there is.
        default: "HIGH"
        }
    }

    /// Tokens, as LiteLLM gives them; the pro models cannot do without any.
    func budget(_ effort: String, isFlash: Bool) -> Int {
        switch effort {
        case "none": isFlash ? 0 : 128
        case "minimal": Words(endpoint.knownModel).contains("flash-lite") ? 512 : isFlash ? 1 : 128
        case "low": 1024
        case "medium": 2048
        case "high": 4096
        case "xhigh": 8192
        default: 16_384
        }
    }
}
