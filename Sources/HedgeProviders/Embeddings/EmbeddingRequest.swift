import HedgeJSON

/// A request for embeddings taken apart, for providers whose format is not OpenAI's.
struct EmbeddingRequest: Sendable {
    /// The whole document but `model`.
    let root: JSONValue
    /// The texts; lists of tokens are told by ``hasTokens``.
    let texts: [JSONValue]
    /// Whether anything is given as tokens, which mean something to OpenAI's models alone.
    let hasTokens: Bool
    /// Length of the vectors asked for.
    var dimensions: Int64? { root["dimensions"]?.integer }
    /// Whether vectors are to be Base64 of little-endian floats of 32 bits.
    var wantsBase64: Bool { root["encoding_format"]?.string == "base64" }

    init(_ root: JSONValue) {
        self.root = root
        let input = root["input"]
        if let input, input.kind == .string {
            texts = [input]
            hasTokens = false
        } else {
            let elements = Array((input ?? root).elements)
            texts = elements.filter { $0.kind == .string }
            hasTokens = texts.count != elements.count
        }
    }

    /// Members besides these have no equivalent; `members` are a provider's own.
    func objections(besides members: Set<String>) -> [String] {
        let known: Set<String> = ["input", "encoding_format"]
        var fields = root.members.filter { name, value in
            !known.contains(name) && !members.contains(name) && !value.isNull
        }.map(\.key)
        if hasTokens { fields.append("input") }
        return fields
    }
}

extension ChatRequest {
    /// A request for embeddings taken apart; nil when it has numbers that no tree has room for.
    func embeddingRequest() -> EmbeddingRequest? {
        (try? document()).map { EmbeddingRequest($0.root) }
    }
}
