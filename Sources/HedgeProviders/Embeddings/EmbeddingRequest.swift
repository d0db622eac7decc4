import HedgeJSON

/// A request for embeddings taken apart, for providers whose format is not OpenAI's.
struct EmbeddingRequest: Sendable {
    /// The whole document but `model`.
    private let root: JSONValue
    /// Members the model refuses.
    private let refused: [String]
    /// How many vectors it asks for.
    let count: Int
    /// The texts; lists of tokens are told by ``hasTokens``.
    let texts: [JSONValue]
    /// Whether anything is given as tokens, which mean something to OpenAI's models alone.
    let hasTokens: Bool
    /// Length of the vectors asked for.
    var dimensions: Int64? { self["dimensions"]?.integer }
    /// Whether vectors are to be Base64 of little-endian floats of 32 bits.
    var wantsBase64: Bool { root["encoding_format"]?.string == "base64" }

    init(_ root: JSONValue, refusing refused: [String]) {
        self.root = root
        self.refused = refused
        let input = root["input"]
        if let input, input.kind == .string {
            texts = [input]
            hasTokens = false
            count = 1
        } else {
            let elements = Array((input ?? root).elements)
            texts = elements.filter { $0.kind == .string }
            hasTokens = texts.count != elements.count
            // A list of numbers is one input.
            count = elements.first?.kind == .integer ? 1 : elements.count
        }
    }

    /// A member's value; nil for one that the model refuses.
    subscript(name: StaticString) -> JSONValue? { refused.contains(name.description) ? nil : root[name] }

    /// Members with no equivalent: all but the input, the encoding and a provider's own `members`, and those of these
    /// whose value is of no use.
    func objections(besides members: Set<String>) -> [String] {
        var fields = root.members.filter { name, value in
            guard name != "input", !value.isNull else { return false }
            return name == "encoding_format"
                ? !["float", "base64"].contains(value.string ?? "")
                : !members.contains(name) || refused.contains(name) || !Self.isUsable(value, name)
        }.map(\.key)
        if hasTokens { fields.append("input") }
        return fields
    }

    private static func isUsable(_ value: JSONValue, _ name: String) -> Bool {
        switch name {
        case "dimensions": value.integer != nil
        case "normalize": value.bool != nil
        default: value.kind == .string
        }
    }
}

extension ChatRequest {
    /// What of a request for embeddings has no equivalent besides `members`; with `drop_params`, only its input.
    func embeddingObjection(
        besides members: Set<String>, name: String, _ endpoint: Endpoint
    ) -> UnsupportedRequest? {
        guard let embedding = embeddingRequest(at: endpoint) else {
            return UnsupportedRequest(provider: name, fields: ["input"])
        }
        let fields = embedding.objections(besides: members)
        let kept = endpoint.dropsUnsupported ? fields.filter { $0 == "input" } : fields
        return kept.isEmpty ? nil : UnsupportedRequest(provider: name, fields: kept)
    }

    /// A request for embeddings taken apart; nil when it has numbers that no tree has room for.
    func embeddingRequest(at endpoint: Endpoint) -> EmbeddingRequest? {
        (try? document()).map { EmbeddingRequest($0.root, refusing: endpoint.flags.refusedMembers ?? []) }
    }
}
