import HedgeProviders

/// What cloud providers need besides an address and a key.
struct CloudSettings {
    /// `litellm_params`.
    let parameters: Settings
    let environment: (String) -> String?

    /// Fills in what the configuration gives, and what the provider's customary environment variables give.
    func complete(_ endpoint: inout Endpoint, of profile: ProviderProfile) {
        endpoint.apiVersion = parameters.text("api_version")
        endpoint.project = parameters.text("vertex_project")
        endpoint.location = parameters.text("vertex_location")
        endpoint.bearerToken = (parameters.text("azure_ad_token") ?? parameters.text("vertex_access_token")).map {
            Secret($0)
        }
        endpoint.region = region(of: profile)
        endpoint.signingKeys = givenKeys
        if profile.format == .vertex {
            endpoint.project = endpoint.project ?? variable("VERTEXAI_PROJECT")
            endpoint.location = location(of: profile)
        }
    }

    /// Where requests go when no address is given; nil if one must be.
    func address(of profile: ProviderProfile) -> String? {
        profile.address(region: region(of: profile), location: location(of: profile))
    }

    /// Whether requests can be authenticated without a key: what is given goes before any environment variable.
    var hasCredentials: Bool {
        givenKeys != nil || parameters.text("azure_ad_token") != nil || parameters.text("vertex_access_token") != nil
    }

    private func region(of profile: ProviderProfile) -> String? {
        if let region = parameters.text("aws_region_name") { return region }
        guard profile.format == .bedrock else { return nil }
        return ["AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"].lazy.compactMap(variable).first
    }

    private func location(of profile: ProviderProfile) -> String? {
        if let location = parameters.text("vertex_location") { return location }
        return profile.format == .vertex ? variable("VERTEXAI_LOCATION") : nil
    }

    private var givenKeys: SigningKeys? {
        let id = parameters.text("aws_access_key_id")
        let secret = parameters.text("aws_secret_access_key")
        let token = parameters.text("aws_session_token")
        guard id != nil || secret != nil || token != nil else { return nil }
        return SigningKeys(
            accessKeyID: id ?? "", secretAccessKey: Secret(secret ?? ""), sessionToken: token.map { Secret($0) })
    }

    /// The keys of AWS's environment variables, all of them or none.
    var environmentKeys: SigningKeys? {
        guard let id = variable("AWS_ACCESS_KEY_ID"), let secret = variable("AWS_SECRET_ACCESS_KEY") else { return nil }
        return SigningKeys(
            accessKeyID: id, secretAccessKey: Secret(secret),
            sessionToken: variable("AWS_SESSION_TOKEN").map { Secret($0) })
    }

    /// An environment variable that can stand in a header or an address; empty ones count as not set.
    private func variable(_ name: String) -> String? {
        environment(name).flatMap { $0.isEmpty || TextRule.headerValue.violation(of: $0) != nil ? nil : $0 }
    }

    /// Reports what is missing to reach and to be let in by a cloud.
    func check(_ endpoint: Endpoint, of profile: ProviderProfile, _ reader: inout DocumentReader) {
        switch profile.format {
        case .bedrock:
            if let keys = endpoint.signingKeys {
                let isIncomplete = keys.accessKeyID.isEmpty || keys.secretAccessKey.exposed.isEmpty
                if isIncomplete {
                    let name = keys.accessKeyID.isEmpty ? "aws_access_key_id" : "aws_secret_access_key"
                    reader.report(parameters.path(name), "is required where other AWS keys are given")
                }
            } else if endpoint.apiKey == nil {
                reader.warn(
                    parameters.path("aws_access_key_id"), "is not given, nor are there other credentials for AWS",
                    expected: "aws_access_key_id and aws_secret_access_key, or api_key")
            }
        case .vertex where endpoint.project == nil && endpoint.apiKey == nil:
            reader.report(
                parameters.path("vertex_project"), "is required for provider \(profile.name) unless api_key is given")
        default: return
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
        maxEmbeddingInputs = info.integer("max_embedding_inputs")
        maxEmbeddingTokens = info.integer("max_embedding_tokens")
    }
}
