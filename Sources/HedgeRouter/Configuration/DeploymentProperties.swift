/// The document's keys from the top down to one deployment.
enum DocumentProperties {
    /// The whole document.
    static let document = Section(
        title: "document",
        text: "The configuration is one JSON object.",
        properties: [
            Property(
                "model_list", .list(of: .section(deployment), minimum: 1), required: true, liteLLM: true,
                """
                The deployments. Each entry is one endpoint, model and key; entries with the same `model_name` form a \
                model group, and a request for that name may be sent to any of them.
                """
            ),
            Property(
                "router_settings", .section(RouterProperties.settings), liteLLM: true,
                "How requests are routed, for all model groups."
            ),
        ],
        ignoredNames: LiteLLMNames.sections
    )

    /// One entry of `model_list`.
    static let deployment = Section(
        title: "deployment",
        text: "One entry of `model_list`.",
        properties: [
            Property(
                "model_name", .text(.nonEmpty), required: true, liteLLM: true,
                "The model group: the name callers put into `model`. Wildcards are not supported."
            ),
            Property(
                "litellm_params", .section(parameters), liteLLM: true,
                "What is called, and how. One of `litellm_params` and `params` is required."
            ),
            Property("params", .section(parameters), liteLLM: false, "Another name for `litellm_params`."),
            Property(
                "model_info", .section(modelInfo), liteLLM: true, "What identifies the deployment, and notes about it."
            ),
        ],
        ignoredNames: LiteLLMNames.deployment,
        alternatives: [Alternatives(first: "litellm_params", second: "params", isRequired: true)]
    )

    /// `model_info`.
    static let modelInfo = Section(
        title: "model_info",
        text: """
            What identifies the deployment, and what its model can do, where that is not what its name tells. Other \
            keys are accepted with a warning.
            """,
        properties: [
            Property(
                "id", .either(.text(.nonEmpty), .integer(.min ... .max)),
                defaultText: "made from `model_name`, `model` and `api_base`", liteLLM: true,
                """
                Name of the deployment in logs, metrics and events, and what it is recognised by when the \
                configuration is replaced. Must be unique. Without it a name is made that stays the same as long as \
                `model_name`, `model`, `api_base` and `organization` do; keys take no part in it.
                """
            )
        ] + modelFlags + HealthProperties.modelInfo,
        ignoredNames: LiteLLMNames.modelInfo,
        isOpen: true
    )

    /// What a model can do; the names are LiteLLM's.
    private static let modelFlags: [Property] = [
        Property(
            "base_model", .text(.nonEmpty), defaultText: "the name in `model`", liteLLM: true,
            """
            The model behind a name that tells nothing of it, such as `gpt-5-mini` behind a deployment of Azure or \
            `anthropic.claude-sonnet-4-5` behind an ARN. What is known of models goes by this name.
            """
        ),
        Property(
            "supports_function_calling", .boolean, defaultText: known, liteLLM: true, "Whether tools may be offered."
        ),
        Property(
            "supports_forced_tool_use", .boolean, defaultText: known, liteLLM: true,
            "Whether `tool_choice` may demand a tool call."
        ),
        Property(
            "supports_response_schema", .boolean, defaultText: known, liteLLM: true,
            "Whether the provider itself keeps an answer to the schema of `response_format`."
        ),
        Property(
            "supports_assistant_prefill", .boolean, defaultText: known, liteLLM: true,
            "Whether the last message may be the beginning of the answer."
        ),
        Property(
            "supports_vision", .boolean, defaultText: known, liteLLM: true, "Whether images are understood."
        ),
        Property(
            "supports_sampling_params", .boolean, defaultText: known, liteLLM: false,
            "Whether `temperature`, `top_p` and the like are accepted."
        ),
        Property(
            "supports_mid_conversation_system", .boolean, defaultText: known, liteLLM: false,
            "Whether system messages may stand between others."
        ),
        Property(
            "supports_tool_call_ids", .boolean, defaultText: known, liteLLM: false,
            "Whether tool calls in the history carry their identifiers."
        ),
        Property(
            "reasoning_style", .choice(["none", "budget", "effort"]), defaultText: known, liteLLM: false,
            "How `reasoning_effort` reaches the model: not at all, as a number of tokens, or as a level of effort."
        ),
        Property(
            "unsupported_params", .list(of: .text(.nonEmpty), minimum: 0), defaultText: known, liteLLM: false,
            "Members of a request that the model refuses, such as `[\"stop\"]`; `top_p+temperature` is refused beside the "
                + "other, `reasoning_effort=none` is a value."
        ),
        Property(
            "max_output_tokens", .integer(1...1_000_000_000), defaultText: known, liteLLM: true,
            "Longest answer, sent where the provider demands a limit and the request has none."
        ),
        Property(
            "max_embedding_inputs", .integer(1...1_000_000), defaultText: known, liteLLM: false,
            "How many inputs one request for embeddings may have; longer lists go out in parts and come back as one."
        ),
        Property(
            "max_embedding_tokens", .integer(1...1_000_000_000), defaultText: known, liteLLM: false,
            """
            How many tokens the inputs of one request for embeddings may have together. Lists with more go out in parts, \
            too; of texts, two bytes count as a token, which is more than most have.
            """
        ),
    ]

    private static let known = "what is known of the model"

    /// `litellm_params`.
    static let parameters = Section(
        title: "litellm_params",
        text: """
            What a deployment is and how it is called. Strings may read the environment; see \
            [Environment](#environment).
            """,
        properties: connection + cloud + timing + capacity,
        ignoredNames: LiteLLMNames.credentials + LiteLLMNames.deploymentSettings + LiteLLMNames.chatParameters
            + LiteLLMNames.pricing,
        alternatives: [Alternatives(first: "api_base", second: "base_url")]
    )

    /// The longest time a document may ask for: a day.
    static let day: Double = 86_400

    private static let connection: [Property] = [
        Property(
            "model", .text(.nonEmpty), required: true, liteLLM: true,
            """
            `provider/name`: the provider that is spoken to (see [Providers](#providers)) and its own name for the \
            model. A name without a provider is taken for `openai/name`, with a warning.
            """
        ),
        Property(
            "custom_llm_provider", .text(.nonEmpty), defaultText: "the part of `model` before the first slash",
            liteLLM: true,
            "The provider, where `model` does not name it. `model` may then contain slashes of its own."
        ),
        Property(
            "api_base", .text(.baseURL), defaultText: "the provider's own", liteLLM: true,
            """
            Base URL of the API, such as `https://api.openai.com/v1`. Required for providers without a public address \
            of their own. Slashes at its end are ignored.
            """
        ),
        Property("base_url", .text(.baseURL), liteLLM: true, "Another name for `api_base`."),
        Property(
            "api_key", .text(.optionalHeaderValue), defaultText: "the provider's environment variable", liteLLM: true,
            secret: true,
            """
            The key. Without it, the provider's customary environment variable is read (see [Providers](#providers)), \
            but for a public provider only when `api_base` is left at the provider's own: a key is never sent to \
            another host unasked. An empty string means no key.
            """
        ),
        Property(
            "organization", .text(.headerValue), liteLLM: true, "Sent as `OpenAI-Organization`, where that applies."
        ),
        Property(
            "api_version", .text(.headerValue), defaultText: "the provider's customary one", liteLLM: true,
            "Version of the provider's API, where it has several."
        ),
        Property(
            "extra_headers", .map(of: .text(.headerValue)), liteLLM: true, secret: true,
            """
            Further header lines for each request: names and their values. Headers that frame the message, such as \
            `Content-Length`, are refused.
            """
        ),
        Property(
            "http_version", .choice(["auto", "1.1", "2", "2-prior-knowledge"]), default: .text("auto"), liteLLM: false,
            """
            `auto` uses HTTP/2 where TLS negotiates it, else HTTP/1.1. `2-prior-knowledge` speaks HTTP/2 without TLS \
            and without an upgrade.
            """
        ),
        Property(
            "proxy", .text(.proxyURL), defaultText: "none", liteLLM: false, secret: true,
            "Proxy for this deployment. The environment's proxy variables are not read."
        ),
        Property(
            "no_proxy", .text(.nonEmpty), liteLLM: false, "Hosts the proxy is not used for, separated by commas."
        ),
        Property(
            "ca_file", .text(.nonEmpty), defaultText: "the system's certificates", liteLLM: false,
            "File with the PEM certificates to trust instead of the system's."
        ),
    ]

    private static let cloud: [Property] = [
        Property(
            "azure_ad_token", .text(.headerValue), liteLLM: true, secret: true,
            "A token of Entra ID in the place of `api_key`, for Azure. It is not renewed."
        ),
        Property(
            "aws_access_key_id", .text(.headerValue), defaultText: "`AWS_ACCESS_KEY_ID`", liteLLM: true,
            "Name of the key that requests to AWS are signed with."
        ),
        Property(
            "aws_secret_access_key", .text(.headerValue), defaultText: "`AWS_SECRET_ACCESS_KEY`", liteLLM: true,
            secret: true, "The key that requests to AWS are signed with."
        ),
        Property(
            "aws_session_token", .text(.headerValue), defaultText: "`AWS_SESSION_TOKEN`", liteLLM: true,
            secret: true, "Goes with AWS keys that expire."
        ),
        Property(
            "aws_region_name", .text(.headerValue),
            defaultText: "`AWS_REGION_NAME`, `AWS_REGION`, `AWS_DEFAULT_REGION`",
            liteLLM: true, "The AWS region, such as `us-east-1`."
        ),
        Property(
            "vertex_project", .text(.headerValue), defaultText: "`VERTEXAI_PROJECT`", liteLLM: true,
            "The Google Cloud project requests are billed to."
        ),
        Property(
            "vertex_location", .text(.headerValue), defaultText: "`VERTEXAI_LOCATION`, else `global`", liteLLM: true,
            "Where Google Cloud runs the model, such as `europe-west4` or `global`."
        ),
        Property(
            "vertex_access_token", .text(.headerValue), liteLLM: false, secret: true,
            """
            An OAuth 2.0 access token for Google Cloud. It is not renewed: replace the configuration before it expires.
            """
        ),
        Property(
            "drop_params", .boolean, defaultText: "`router_settings.drop_params`", liteLLM: true,
            """
            Leave out fields of a request that the provider has no equivalent for. Without it, the deployment is not \
            used for such a request, and the request fails when that holds for its whole model group.
            """
        ),
    ]

    private static let timing: [Property] = [
        Property(
            "timeout", .number(.above(0, to: day)), default: .integer(600), unit: .seconds, liteLLM: true,
            "Limit for one whole attempt at this deployment."
        ),
        Property(
            "stream_timeout", .number(.above(0, to: day)), defaultText: "`router_settings.stream_timeout`",
            unit: .seconds, liteLLM: true,
            """
            Limit for each wait for output of a stream: what `first_token_timeout` and `gap_timeout` are unless they \
            are given. Keep-alives are not output.
            """
        ),
        Property(
            "connect_timeout", .number(.above(0, to: day)), default: .integer(10), unit: .seconds, liteLLM: false,
            "Limit for making the connection, TLS included."
        ),
        Property(
            "first_token_timeout", .number(.above(0, to: day)), defaultText: "`stream_timeout`", unit: .seconds,
            liteLLM: false,
            "Limit from the start of a streaming attempt to its first text, reasoning, refusal or tool call."
        ),
        Property(
            "gap_timeout", .number(.above(0, to: day)), defaultText: "`stream_timeout`", unit: .seconds,
            liteLLM: false, "Limit between two pieces of a stream's output after the first."
        ),
        Property(
            "cooldown_time", .number(.from(0, to: day)), defaultText: "`router_settings.cooldown_time`",
            unit: .seconds, liteLLM: true,
            """
            Length of this deployment's first cooldown; see `cooldown_time` of `router_settings`.
            """
        ),
    ]

    private static let capacity: [Property] = [
        Property(
            "weight", .number(.from(0, to: 1e9)), default: .integer(1), liteLLM: true,
            """
            Share of traffic under `simple-shuffle`, relative to the group's other deployments. In groups where none \
            is given, `rpm` is the weight, or else `tpm`; a deployment without it counts as the one with the largest.
            """
        ),
        Property(
            "rpm", .integer(1...1_000_000_000_000), defaultText: "no limit", unit: .perMinute, liteLLM: true,
            "Requests that may be sent to this deployment."
        ),
        Property(
            "tpm", .integer(1...1_000_000_000_000), defaultText: "no limit", unit: .perMinute, liteLLM: true,
            "Tokens that may be sent to and received from this deployment."
        ),
        Property(
            "max_parallel_requests", .integer(1...1_000_000), defaultText: "no limit", liteLLM: true,
            "Attempts in flight at this deployment, of all requests together."
        ),
        Property(
            "input_cost_per_token", .number(.from(0, to: 1e9)), defaultText: "unknown", unit: .price, liteLLM: true,
            "Price of a prompt token, in any one currency: for `cost-based-routing` and for the cost of hedges."
        ),
        Property(
            "output_cost_per_token", .number(.from(0, to: 1e9)), defaultText: "unknown", unit: .price, liteLLM: true,
            "Price of a generated token, in the same currency."
        ),
        Property(
            "cache_read_input_token_cost", .number(.from(0, to: 1e9)), defaultText: "`input_cost_per_token`",
            unit: .price, liteLLM: true,
            "Price of a prompt token that the provider says it read from its cache, in the same currency."
        ),
        Property(
            "cache_creation_input_token_cost", .number(.from(0, to: 1e9)), defaultText: "`input_cost_per_token`",
            unit: .price, liteLLM: true,
            "Price of a prompt token that the provider says it wrote to its cache, in the same currency."
        ),
        Property(
            "failure_domain", .text(.nonEmpty), defaultText: "the host of `api_base`", liteLLM: false,
            """
            Deployments with the same failure domain tend to be slow or down together; a hedge prefers another domain.
            """
        ),
        Property(
            "cancel_stops_billing", .boolean, defaultText: "what is known of the provider", liteLLM: false,
            """
            Whether the provider stops charging for a stream when its connection is closed. Where it does not, or \
            where nobody knows, the cost of a cancelled attempt is that of the whole answer. Answers that do not \
            stream are always taken to be billed to the end.
            """
        ),
        Property(
            "order", .integer(0...1_000_000), defaultText: "after all others", liteLLM: true,
            """
            Deployments of the lowest order that can take a request serve it; those of a higher order, and after them \
            those without one, only when these are cooling down, full or have failed it. A race stays within an order; \
            a hedge leaves it when nothing more is there.
            """
        ),
        Property(
            "num_retries", .integer(0...100), defaultText: "`router_settings.num_retries`", liteLLM: true,
            "Further attempts after failures, when it is this deployment that would be asked again."
        ),
        Property(
            "max_retries", .integer(0...100), liteLLM: true,
            "Another name for `num_retries`; in LiteLLM, retries inside the provider's client, which is not used here."
        ),
    ]
}
