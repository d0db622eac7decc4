/// The wire formats this library speaks; each has a type that conforms to ``Provider``.
public enum WireFormat: Hashable, Sendable, CaseIterable {
    /// OpenAI's chat completions, as spoken by every compatible endpoint.
    case openAI
    /// Anthropic's Messages API.
    case anthropic
    /// Version 2 of Cohere's chat API.
    case cohere
    /// Gemini's `generateContent` under the address and keys of AI Studio.
    case gemini
    /// Gemini's `generateContent` under the address and tokens of Vertex AI.
    case vertex
    /// OpenAI's chat completions under the addresses of Azure.
    case azure
    /// Amazon Bedrock's Converse.
    case bedrock
}

/// What sets one provider apart from the others of its wire format: data, no behaviour of its own.
public struct ProviderProfile: Sendable {
    /// What it speaks.
    public var format: WireFormat
    /// The name before the slash in `model: "groq/llama-3.3-70b"`.
    public var name: String
    /// Further names it is known by.
    public var aliases: [String]
    /// Where requests go when the configuration gives no base URL; nil if it must give one.
    public var baseURL: String?
    /// Ends of the names of the provider's own hosts besides that of ``baseURL``, such as `.openai.azure.com`.
    public var ownDomains: [String]
    /// Environment variables that may hold the key, the first one found counting.
    public var keyVariables: [String]
    /// Whether requests without a key are refused.
    public var needsKey: Bool
    /// What it offers besides chat completions.
    public var operations: Set<Operation> = [.embeddings]
    /// How much one request for embeddings may have.
    public var embeddingLimits = EmbeddingLimits()
    /// Whether `stream_options.include_usage` is understood.
    public var reportsStreamUsage: Bool
    /// Whether closing the connection ends generation and with it the bill; nil when unknown.
    public var cancelStopsBilling: Bool?
    /// Request members under another name here: OpenAI's name, and the provider's.
    public var renames: [(from: String, to: String)]
    /// Request members that are refused here, and that nothing else stands for.
    public var refused: [String] = []
    /// Whether the provider itself leaves out what a model does not take.
    public var isForgiving = false
    /// What messages and tools must not contain here.
    public var strictness = RequestStrictness()
    /// Request members with another value here: the member, OpenAI's value and the provider's, as JSON.
    public var replacements: [(member: String, from: String, to: String)]

    /// A provider; everything but the name and the base URL as with OpenAI.
    public init(
        name: String, format: WireFormat = .openAI, aliases: [String] = [], baseURL: String?,
        ownDomains: [String] = [], keyVariables: [String] = [], needsKey: Bool = true,
        reportsStreamUsage: Bool = true, cancelStopsBilling: Bool? = nil,
        renames: [(from: String, to: String)] = [],
        replacements: [(member: String, from: String, to: String)] = []
    ) {
        self.name = name
        self.format = format
        self.aliases = aliases
        self.baseURL = baseURL
        self.ownDomains = ownDomains
        self.keyVariables = keyVariables
        self.needsKey = needsKey
        self.reportsStreamUsage = reportsStreamUsage
        self.cancelStopsBilling = cancelStopsBilling
        self.renames = renames
        self.replacements = replacements
    }

    /// Where requests go when the configuration gives no base URL, which depends on a region or location for some; nil
    /// if it must give one.
    public func address(region: String?, location: String?) -> String? {
        switch format {
        case .bedrock: region.map { BedrockAddress.base(region: $0) }
        case .vertex: GeminiAddress.vertexBase(location: location)
        default: baseURL
        }
    }

    /// OpenAI itself, and any compatible endpoint of which nothing else is known.
    public static var openAI: ProviderProfile { Catalogue.openAI }

    /// Members under another name at an endpoint: the provider's own, and that of the limit where its model has another.
    func renames(at endpoint: Endpoint) -> [(from: String, to: String)] {
        guard endpoint.flags.wantsCompletionLimit == true else { return renames }
        return renames + [("max_tokens", "max_completion_tokens")]
    }

    /// The profile with members that are refused.
    func refusing(_ members: [String]) -> ProviderProfile {
        var profile = self
        profile.refused = members
        return profile
    }

    /// The profile of a provider that leaves out what a model does not take.
    func forgiving() -> ProviderProfile {
        var profile = self
        profile.isForgiving = true
        return profile
    }

    /// What is known of a model, as far as it holds at this provider.
    public func holding(_ flags: ModelFlags) -> ModelFlags {
        guard isForgiving else { return flags }
        var flags = flags
        flags.refusedMembers = nil
        flags.refusedWhileThinking = nil
        flags.thinksWithTools = nil
        return flags
    }

    /// The profile with other operations besides chat completions.
    func offering(_ operations: Operation...) -> ProviderProfile {
        var profile = self
        profile.operations = Set(operations)
        return profile
    }

    /// The profile with a number of inputs, and of tokens in all of them, that one request for embeddings may have.
    func embedding(upTo inputs: Int? = nil, tokens: Int? = nil) -> ProviderProfile {
        var profile = self
        profile.embeddingLimits = EmbeddingLimits(inputs: inputs, tokens: tokens)
        return profile
    }

    /// The profile with rules for messages and tools.
    func strict(_ set: (inout RequestStrictness) -> Void) -> ProviderProfile {
        var profile = self
        set(&profile.strictness)
        return profile
    }

    /// This provider's value for a member, if it has another one; `value` is asked for only where that may be.
    func replacement(of member: String, for value: () -> String) -> String? {
        guard replacements.contains(where: { $0.member == member }) else { return nil }
        let value = value()
        return replacements.first { $0.member == member && $0.from == value }?.to
    }
}

/// What an OpenAI-compatible provider takes exception to in messages and tools, and what is sent instead: data.
public struct RequestStrictness: Hashable, Sendable {
    /// Content must be one string: its texts are joined.
    public var wantsPlainContent = false
    /// `name` is refused in messages that are not a tool's.
    public var refusesNames = false
    /// Members with the value null are refused in messages.
    public var refusesNulls = false
    /// An answer in the history must have content: an empty string stands for none beside calls, and an answer without
    /// either is left out.
    public var wantsContent = false
    /// The members that messages may have; others, which answers of this and other providers come with, are left out.
    /// Empty for any.
    public var messageMembers: Set<String> = []
    /// The name under which reasoning in the history is taken back; nil for that of this library, `reasoning_content`.
    public var reasoningName: String?
    /// Identifiers of tool calls must be 9 letters and digits.
    public var wantsShortCallIDs = false
    /// `strict` is refused in tools.
    public var refusesStrictTools = false
    /// Tools that are no functions are refused.
    public var refusesOtherTools = false
    /// Tools must have parameters: an object without members stands for none.
    public var wantsParameters = false
    /// A form of the answer is refused beside tools.
    public var refusesFormatWithTools = false
    /// An answer of a given form does not stream: it is asked for whole, and given to the caller as a stream.
    public var answersFormsWhole = false
    /// No effort at all goes as `thinking` that is disabled.
    public var switchesThinking = false
    /// While the model thinks, answers in the history must have reasoning: a space stands for what was not kept.
    public var wantsReasoning = false
    /// Keywords that are refused in the schemas of tools.
    public var refusedKeywords: Set<String> = []

    /// Nothing is taken exception to.
    public init() {}
}
