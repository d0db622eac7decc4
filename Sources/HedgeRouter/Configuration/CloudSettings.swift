import HedgeProviders

/// What cloud providers need besides an address and a key.
struct CloudSettings {
    /// `litellm_params`.
    let parameters: Settings
    let environment: (String) -> String?

    /// Fills in what the configuration gives, and for AWS what its environment variables give.
    func complete(_ endpoint: inout Endpoint, of profile: ProviderProfile) {
        endpoint.apiVersion = parameters.text("api_version")
        endpoint.project = parameters.text("vertex_project")
        endpoint.location = parameters.text("vertex_location")
        endpoint.bearerToken = (parameters.text("azure_ad_token") ?? parameters.text("vertex_access_token")).map {
            Secret($0)
        }
        endpoint.region = parameters.text("aws_region_name")
        let id = parameters.text("aws_access_key_id")
        let secret = parameters.text("aws_secret_access_key")
        let token = parameters.text("aws_session_token")
        if id != nil || secret != nil || token != nil {
            endpoint.signingKeys = SigningKeys(
                accessKeyID: id ?? "", secretAccessKey: Secret(secret ?? ""), sessionToken: token.map { Secret($0) })
        }
    }
}

extension ModelFlags {
    /// What `model_info` tells of a model.
    init(_ info: Settings) {
        self.init()
        acceptsTools = info.boolean("supports_function_calling")
        acceptsForcedToolUse = info.boolean("supports_forced_tool_use")
        acceptsResponseSchema = info.boolean("supports_response_schema")
        acceptsPrefill = info.boolean("supports_assistant_prefill")
        acceptsImages = info.boolean("supports_vision")
        acceptsSampling = info.boolean("supports_sampling_params")
        acceptsLateSystem = info.boolean("supports_mid_conversation_system")
        acceptsToolCallIDs = info.boolean("supports_tool_call_ids")
        thinking = info.text("reasoning_style").flatMap { Thinking(rawValue: $0) }
        if info["unsupported_params"] != nil {
            refusedMembers = info.list("unsupported_params").compactMap { setting in
                guard case .text(let text)? = setting else { return nil }
                return text.value
            }
        }
        maxOutputTokens = info.integer("max_output_tokens")
    }
}
