/// What a model can and cannot do, where that decides how a request has to be put to it.
///
/// Nil is "not known": the value comes from the configuration first (`model_info`), then from ``ModelCatalogue``, then
/// from what the wire format's encoder takes for granted.
public struct ModelFlags: Hashable, Sendable {
    /// How a model is asked to think.
    public enum Thinking: String, Hashable, Sendable, CaseIterable {
        /// Not at all.
        case none
        /// By a number of tokens.
        case budget
        /// By a level of effort.
        case effort
    }

    /// Whether `temperature`, `top_p` and the like are accepted (`supports_sampling_params`).
    public var acceptsSampling: Bool?
    /// Whether a tool may be made compulsory (`supports_forced_tool_use`).
    public var acceptsForcedToolUse: Bool?
    /// Whether tools may be offered (`supports_function_calling`).
    public var acceptsTools: Bool?
    /// Whether `response_format` with a schema is understood (`supports_response_schema`).
    public var acceptsResponseSchema: Bool?
    /// Whether the last message may be the beginning of the answer (`supports_assistant_prefill`).
    public var acceptsPrefill: Bool?
    /// Whether system messages may stand between others (`supports_mid_conversation_system`).
    public var acceptsLateSystem: Bool?
    /// Whether tool calls in the history carry identifiers (`supports_tool_call_ids`).
    public var acceptsToolCallIDs: Bool?
    /// Whether images are understood (`supports_vision`).
    public var acceptsImages: Bool?
    /// How the model is asked to think (`reasoning_style`).
    public var thinking: Thinking?
    /// Members of a request that the model refuses, whatever its provider does with them (`unsupported_params`).
    public var refusedMembers: [String]?
    /// Members that the model refuses only while it thinks; `supports_sampling_params` overrides it.
    public var refusedWhileThinking: [String]?
    /// Whether the model thinks about requests that do not say how much; not, unless known.
    public var thinksUnasked: Bool?
    /// Whether the model thinks while it may call functions.
    public var thinksWithTools: Bool?
    /// Whether the limit of tokens has to have its newer name, `max_completion_tokens`.
    public var wantsCompletionLimit: Bool?
    /// Longest answer in tokens (`max_output_tokens`), sent where a format demands one and the caller gives none.
    public var maxOutputTokens: Int?
    /// How many inputs one request for embeddings may have (`max_embedding_inputs`).
    public var maxEmbeddingInputs: Int?
    /// How many tokens these inputs may have together (`max_embedding_tokens`).
    public var maxEmbeddingTokens: Int?

    /// Nothing known.
    public init() {}

    /// These flags, and those of `other` where nothing is known here.
    public func completed(with other: ModelFlags) -> ModelFlags {
        var flags = self
        flags.acceptsSampling = acceptsSampling ?? other.acceptsSampling
        flags.acceptsForcedToolUse = acceptsForcedToolUse ?? other.acceptsForcedToolUse
        flags.acceptsTools = acceptsTools ?? other.acceptsTools
        flags.acceptsResponseSchema = acceptsResponseSchema ?? other.acceptsResponseSchema
        flags.acceptsPrefill = acceptsPrefill ?? other.acceptsPrefill
        flags.acceptsLateSystem = acceptsLateSystem ?? other.acceptsLateSystem
        flags.acceptsToolCallIDs = acceptsToolCallIDs ?? other.acceptsToolCallIDs
        flags.acceptsImages = acceptsImages ?? other.acceptsImages
        flags.thinking = thinking ?? other.thinking
        flags.refusedMembers = refusedMembers ?? other.refusedMembers
        flags.refusedWhileThinking = refusedWhileThinking ?? other.refusedWhileThinking
        flags.thinksUnasked = thinksUnasked ?? other.thinksUnasked
        flags.thinksWithTools = thinksWithTools ?? other.thinksWithTools
        flags.wantsCompletionLimit = wantsCompletionLimit ?? other.wantsCompletionLimit
        flags.maxOutputTokens = maxOutputTokens ?? other.maxOutputTokens
        flags.maxEmbeddingInputs = maxEmbeddingInputs ?? other.maxEmbeddingInputs
        flags.maxEmbeddingTokens = maxEmbeddingTokens ?? other.maxEmbeddingTokens
        return flags
    }
}
