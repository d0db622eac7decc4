/// The providers known by name.
///
/// Base URLs, key variables and deviations as the providers document them; what a provider does with unknown members
/// of a request is left to it. Limits of embeddings are those of the API references of OpenAI (Azure serves the same
/// models), Cohere, Google and Mistral, whose errors name the numbers too.
enum Catalogue {
    static let openAI = ProviderProfile(
        name: "openai", aliases: ["custom_openai", "openai_like", "openai_compatible"],
        baseURL: "https://api.openai.com/v1", keyVariables: ["OPENAI_API_KEY"], cancelStopsBilling: true
    ).offering(.embeddings, .responses).embedding(upTo: 2048, tokens: 300_000)

    /// What strict providers have not taken over from OpenAI.
    private static let onlyOpenAI = [
        "verbosity", "modalities", "audio", "web_search_options", "moderation", "safety_identifier", "prompt_cache_key",
        "prompt_cache_options", "prompt_cache_retention",
    ]

    static let profiles: [ProviderProfile] = [
        openAI,
        ProviderProfile(
            name: "anthropic", format: .anthropic, baseURL: "https://api.anthropic.com",
            keyVariables: ["ANTHROPIC_API_KEY"], cancelStopsBilling: true
        ).offering(.messages),
        ProviderProfile(
            name: "cohere", format: .cohere, aliases: ["cohere_chat"], baseURL: "https://api.cohere.com",
            keyVariables: ["COHERE_API_KEY", "CO_API_KEY"], cancelStopsBilling: true
        ).embedding(upTo: 96),
        ProviderProfile(
            name: "azure", format: .azure, aliases: ["azure_openai", "azure_text"], baseURL: nil,
            ownDomains: [".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com"],
            keyVariables: ["AZURE_API_KEY", "AZURE_OPENAI_API_KEY"], cancelStopsBilling: true
        ).offering(.embeddings, .responses).embedding(upTo: 2048, tokens: 300_000),
        // Google and AWS go on generating, and billing, when the connection is closed.
        ProviderProfile(
            name: "gemini", format: .gemini, aliases: ["google_ai_studio"],
            baseURL: "https://generativelanguage.googleapis.com", keyVariables: ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
            cancelStopsBilling: false
        ).embedding(upTo: 100),
        ProviderProfile(
            name: "vertex_ai", format: .vertex, aliases: ["vertex_ai_beta", "vertex"], baseURL: nil,
            ownDomains: [".googleapis.com"], needsKey: false, cancelStopsBilling: false
        ).embedding(upTo: 250, tokens: 20_000),
        ProviderProfile(
            name: "bedrock", format: .bedrock, aliases: ["bedrock_converse"], baseURL: nil,
            ownDomains: [".amazonaws.com", ".amazonaws.com.cn"], keyVariables: ["AWS_BEARER_TOKEN_BEDROCK"],
            cancelStopsBilling: false),
        ProviderProfile(
            name: "groq", baseURL: "https://api.groq.com/openai/v1", keyVariables: ["GROQ_API_KEY"],
            cancelStopsBilling: false,
            replacements: [
                ("reasoning_effort", "\"minimal\"", "\"low\""), ("reasoning_effort", "\"xhigh\"", "\"high\""),
                ("reasoning_effort", "\"max\"", "\"high\""), ("service_tier", "\"default\"", "\"on_demand\""),
            ]
        ).offering(.responses).refusing(["logprobs", "top_logprobs", "logit_bias", "n", "prediction"] + onlyOpenAI)
            .strict {
                $0.refusesNulls = true
                $0.messageMembers = [
                    "role", "content", "name", "tool_calls", "tool_call_id", "function_call", "reasoning",
                ]
                $0.reasoningName = "reasoning"
                $0.refusesFormatWithTools = true
                $0.answersFormsWhole = true
            },
        // How hard to think goes as it is: each model takes it in its own way, or does not.
        ProviderProfile(
            name: "together_ai", aliases: ["together"], baseURL: "https://api.together.ai/v1",
            keyVariables: ["TOGETHER_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_API_KEY"],
            cancelStopsBilling: true),
        ProviderProfile(
            name: "fireworks_ai", aliases: ["fireworks"], baseURL: "https://api.fireworks.ai/inference/v1",
            keyVariables: ["FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"], cancelStopsBilling: true,
            replacements: [("tool_choice", "\"required\"", "\"any\"")]
        ).strict { $0.refusesFormatWithTools = true },
        ProviderProfile(
            name: "deepseek", baseURL: "https://api.deepseek.com", keyVariables: ["DEEPSEEK_API_KEY"],
            cancelStopsBilling: true
        ).strict {
            $0.wantsPlainContent = true
            $0.wantsReasoning = true
            $0.switchesThinking = true
            $0.refusesOtherTools = true
        },
        // The last chunk always carries the usage, and unknown members are refused, in messages too.
        ProviderProfile(
            name: "mistral", baseURL: "https://api.mistral.ai/v1", keyVariables: ["MISTRAL_API_KEY"],
            reportsStreamUsage: false, cancelStopsBilling: false,
            renames: [
                ("max_completion_tokens", "max_tokens"), ("seed", "random_seed"), ("dimensions", "output_dimension"),
            ],
            replacements: [("tool_choice", "\"required\"", "\"any\"")]
        ).refusing(["user", "logit_bias", "store", "service_tier", "functions", "function_call"] + onlyOpenAI)
            .embedding(tokens: 16_384).strict {
                $0.messageMembers = ["role", "content", "name", "tool_calls", "tool_call_id", "prefix"]
                $0.refusesNames = true
                $0.wantsContent = true
                $0.wantsShortCallIDs = true
                $0.wantsParameters = true
                $0.refusesStrictTools = true
                $0.refusedKeywords = ["$id", "$schema"]
            },
        ProviderProfile(
            name: "xai", baseURL: "https://api.x.ai/v1", keyVariables: ["XAI_API_KEY"], cancelStopsBilling: true
        ).offering(.embeddings, .responses).refusing(["web_search_options"]).strict {
            $0.refusesNames = true
            $0.refusesStrictTools = true
        },
        ProviderProfile(
            name: "openrouter", baseURL: "https://openrouter.ai/api/v1",
            keyVariables: ["OPENROUTER_API_KEY", "OR_API_KEY"],
            replacements: [("reasoning_effort", "\"max\"", "\"xhigh\"")]
        ).forgiving(),
        // Every chunk carries the usage so far.
        ProviderProfile(
            name: "perplexity", baseURL: "https://api.perplexity.ai",
            keyVariables: ["PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"], reportsStreamUsage: false,
            cancelStopsBilling: false
        ).refusing(["tools", "tool_choice", "n", "stop", "logprobs", "top_logprobs", "seed", "logit_bias"]),
        ProviderProfile(
            name: "cerebras", baseURL: "https://api.cerebras.ai/v1", keyVariables: ["CEREBRAS_API_KEY"],
            renames: [("max_completion_tokens", "max_tokens")]
        ).refusing([
            "frequency_penalty", "presence_penalty", "logit_bias", "parallel_tool_calls", "service_tier",
            "prompt_cache_key",
        ]).strict {
            $0.messageMembers = ["role", "content", "name", "tool_calls", "tool_call_id", "reasoning"]
            $0.reasoningName = "reasoning"
        },
        ProviderProfile(
            name: "sambanova", baseURL: "https://api.sambanova.ai/v1", keyVariables: ["SAMBANOVA_API_KEY"],
            cancelStopsBilling: false
        ).refusing(["user", "seed", "n", "frequency_penalty", "presence_penalty", "logit_bias"]).strict {
            $0.wantsPlainContent = true
        },
        // What single models refuse is not known here, but to `unsupported_params`.
        ProviderProfile(
            name: "nvidia_nim", aliases: ["nvidia"], baseURL: "https://integrate.api.nvidia.com/v1",
            keyVariables: ["NVIDIA_NIM_API_KEY", "NVIDIA_API_KEY"],
            renames: [("max_completion_tokens", "max_tokens")]),
        ProviderProfile(
            name: "hosted_vllm", aliases: ["vllm"], baseURL: nil, keyVariables: ["HOSTED_VLLM_API_KEY"],
            needsKey: false, cancelStopsBilling: true
        ).strict {
            $0.refusesStrictTools = true
            $0.refusesOtherTools = true
            $0.refusedKeywords = ["additionalProperties"]
        },
        ProviderProfile(
            name: "ollama", aliases: ["ollama_chat"], baseURL: "http://localhost:11434/v1",
            keyVariables: ["OLLAMA_API_KEY"], needsKey: false, cancelStopsBilling: true),
        ProviderProfile(
            name: "llama_cpp", aliases: ["llamacpp", "llamafile"], baseURL: "http://localhost:8080/v1",
            keyVariables: ["LLAMA_CPP_API_KEY", "LLAMAFILE_API_KEY"], needsKey: false, cancelStopsBilling: true),
        ProviderProfile(
            name: "deepinfra", baseURL: "https://api.deepinfra.com/v1/openai", keyVariables: ["DEEPINFRA_API_KEY"],
            cancelStopsBilling: true),
        ProviderProfile(
            name: "novita", baseURL: "https://api.novita.ai/v3/openai", keyVariables: ["NOVITA_API_KEY"],
            cancelStopsBilling: true),
        ProviderProfile(
            name: "hyperbolic", baseURL: "https://api.hyperbolic.xyz/v1", keyVariables: ["HYPERBOLIC_API_KEY"],
            cancelStopsBilling: true),
        ProviderProfile(
            name: "nebius", baseURL: "https://api.studio.nebius.ai/v1", keyVariables: ["NEBIUS_API_KEY"],
            cancelStopsBilling: false),
        ProviderProfile(
            name: "huggingface", baseURL: "https://router.huggingface.co/v1",
            keyVariables: ["HF_TOKEN", "HUGGINGFACE_API_KEY"], cancelStopsBilling: false),
        ProviderProfile(
            name: "moonshot", baseURL: "https://api.moonshot.ai/v1", keyVariables: ["MOONSHOT_API_KEY"]),
        ProviderProfile(
            name: "dashscope", baseURL: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
            keyVariables: ["DASHSCOPE_API_KEY"], cancelStopsBilling: false),
        ProviderProfile(
            name: "github_models", aliases: ["github"], baseURL: "https://models.github.ai/inference",
            keyVariables: ["GITHUB_API_KEY", "GITHUB_TOKEN"]),
        ProviderProfile(
            name: "sglang", baseURL: nil, keyVariables: ["SGLANG_API_KEY"], needsKey: false, cancelStopsBilling: true),
        ProviderProfile(
            name: "tgi", aliases: ["text_generation_inference"], baseURL: nil, keyVariables: ["TGI_API_KEY"],
            needsKey: false, cancelStopsBilling: true),
        ProviderProfile(
            name: "lm_studio", aliases: ["lmstudio"], baseURL: "http://localhost:1234/v1",
            keyVariables: ["LM_STUDIO_API_KEY"], needsKey: false, cancelStopsBilling: true),
    ]
}

/// The providers this library can speak to.
public enum Providers {
    /// Every provider's name, in the order of the catalogue, without aliases.
    public static var names: [String] { Catalogue.profiles.map(\.name) }

    /// The provider of that name or alias, or nil.
    public static func named(_ name: String) -> (any Provider)? {
        profile(named: name).map { provider($0) }
    }

    /// The type that speaks a profile's format.
    private static func provider(_ profile: ProviderProfile) -> any Provider {
        switch profile.format {
        case .openAI: OpenAIProvider(profile: profile)
        case .anthropic: AnthropicProvider(profile: profile)
        case .cohere: CohereProvider(profile: profile)
        case .gemini: GeminiProvider(profile: profile, service: .aiStudio)
        case .vertex: VertexProvider(profile: profile)
        case .azure: AzureProvider(profile: profile)
        case .bedrock: BedrockProvider(profile: profile)
        }
    }

    /// What is known of the provider of that name or alias, or nil.
    public static func profile(named name: String) -> ProviderProfile? {
        let name = name.lowercased()
        return Catalogue.profiles.first { $0.name == name || $0.aliases.contains(name) }
    }

    /// Takes `groq/llama-3.3-70b` apart: the provider, if the part before the first slash names one, and its model.
    ///
    /// A text without a known provider, such as `meta-llama/Llama-3.1-8B`, is a model as a whole.
    public static func split(_ model: String) -> (provider: String?, model: String) {
        guard let slash = model.firstIndex(of: "/"), let profile = profile(named: String(model[..<slash])) else {
            return (nil, model)
        }
        return (profile.name, String(model[model.index(after: slash)...]))
    }
}
