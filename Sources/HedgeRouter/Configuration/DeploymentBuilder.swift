import HedgeCore
import HedgeProviders
import HedgeTransport

/// Makes one ``DeploymentSettings`` of the parameters of one entry of `model_list`.
struct DeploymentBuilder {
    /// `litellm_params`.
    let parameters: Settings
    /// `router_settings`.
    let defaults: Settings
    /// `model_info`.
    let info: Settings
    let environment: (String) -> String?

    private var cloud: CloudSettings { CloudSettings(parameters: parameters, environment: environment) }

    /// The deployment, without its key; nil when something it cannot do without is wrong.
    mutating func build(groupName: String, reader: inout DocumentReader) -> DeploymentSettings? {
        let headers = readHeaders(&reader)
        let target = readModel(&reader)
        guard let target, let baseURL = readBaseURL(of: target, &reader) else { return nil }
        let apiKey = readKey(of: target, baseURL: baseURL, &reader)
        var endpoint = Endpoint(
            model: target.model, baseURL: baseURL, apiKey: apiKey, organization: parameters.text("organization"),
            extraHeaders: headers
        )
        cloud.complete(&endpoint, of: target.profile)
        // Keys that nobody mentioned go to AWS alone.
        if target.profile.format == .bedrock, apiKey == nil, endpoint.signingKeys == nil,
            isOwnAddress(baseURL, of: target.profile)
        {
            endpoint.signingKeys = cloud.environmentKeys
        }
        cloud.check(endpoint, of: target.profile, &reader)
        endpoint.dropsUnsupported =
            parameters.boolean("drop_params") ?? defaults.boolean("drop_params") ?? endpoint.dropsUnsupported
        if let base = info.text("base_model") { endpoint.baseModel = base }
        endpoint.flags = ModelFlags(info).completed(with: target.profile.holding(endpoint.flags))
        return DeploymentSettings(
            key: "", groupName: groupName, providerName: target.profile.name,
            endpoint: endpoint,
            network: readNetwork(),
            cancelStopsBilling: parameters.boolean("cancel_stops_billing") ?? target.profile.cancelStopsBilling,
            prices: TokenPrices(
                input: parameters.number("input_cost_per_token"),
                cachedInput: parameters.number("cache_read_input_token_cost"),
                cacheWrite: parameters.number("cache_creation_input_token_cost"),
                output: parameters.number("output_cost_per_token")),
            core: readCore(baseURL: baseURL)
        )
    }

    // MARK: What is called

    private struct Target {
        var profile: ProviderProfile
        var model: String
    }

    private func readModel(_ reader: inout DocumentReader) -> Target? {
        guard let text = parameters.resolved("model") else { return nil }
        let path = parameters.path("model")
        if text.value.contains("*") {
            reader.report(path, "wildcards are not supported; give each model an entry of its own")
            return nil
        }
        if let provider = parameters.resolved("custom_llm_provider") {
            let prefix = provider.value + "/"
            let model = text.value.hasPrefix(prefix) ? String(text.value.dropFirst(prefix.count)) : text.value
            return target(provider, model: model, at: parameters.path("custom_llm_provider"), modelPath: path, &reader)
        }
        guard let slash = text.value.firstIndex(of: "/") else {
            reader.warn(path, "names no provider and is taken for an openai model", expected: "provider/model")
            return target(ResolvedText(value: "openai"), model: text.value, at: path, modelPath: path, &reader)
        }
        let provider = ResolvedText(value: String(text.value[..<slash]), isFromEnvironment: text.isFromEnvironment)
        let model = String(text.value[text.value.index(after: slash)...])
        return target(provider, model: model, at: path, modelPath: path, &reader)
    }

    private func target(
        _ provider: ResolvedText, model: String, at path: String, modelPath: String, _ reader: inout DocumentReader
    ) -> Target? {
        guard let profile = Providers.profile(named: provider.value) else {
            let near = provider.isFromEnvironment ? nil : reader.nearest(to: provider.value, in: Providers.names)
            reader.report(
                path, "names a provider that this version does not know",
                expected: "openai/ and an api_base for a server that speaks OpenAI's API, or one of "
                    + Providers.names.joined(separator: ", "),
                nearest: near
            )
            return nil
        }
        guard !model.isEmpty else {
            reader.report(modelPath, "names a provider but no model", expected: "provider/model")
            return nil
        }
        return Target(profile: profile, model: model)
    }

    private func readBaseURL(of target: Target, _ reader: inout DocumentReader) -> String? {
        let name = parameters["base_url"] == nil ? "api_base" : "base_url"
        guard let given = parameters.text(name) else {
            // Given but wrong was reported where it was read.
            guard !parameters.isRejected("api_base"), !parameters.isRejected("base_url") else { return nil }
            guard let url = cloud.address(of: target.profile) else {
                let region = target.profile.format == .bedrock ? " or aws_region_name" : ""
                reader.report(
                    parameters.path("api_base"), "is required for provider \(target.profile.name)",
                    expected: TextRule.baseURL.expectation + region
                )
                return nil
            }
            return url
        }
        let url = Self.withoutTrailingSlashes(given)
        if url.hasSuffix("/chat/completions") {
            reader.warn(parameters.path(name), "ends with /chat/completions, which the provider adds itself")
        }
        return url
    }

    private static func withoutTrailingSlashes(_ url: String) -> String {
        var url = url[...]
        while url.hasSuffix("/") { url = url.dropLast() }
        return String(url)
    }

    /// The key that is given, or the one of the provider's environment variable.
    ///
    /// A public provider's variable is read only for its own address: a key that nobody mentioned must not go anywhere
    /// else. The variable of servers that everyone runs for themselves belongs to whatever address is given.
    private func readKey(of target: Target, baseURL: String, _ reader: inout DocumentReader) -> Secret? {
        if let key = parameters.text("api_key") { return key.isEmpty ? nil : Secret(key) }
        let profile = target.profile
        guard !parameters.isRejected("api_key"), !cloud.hasCredentials, let customary = profile.keyVariables.first
        else { return nil }
        let path = parameters.path("api_key")
        let found = profile.keyVariables.lazy.compactMap { variable in
            environment(variable).flatMap { $0.isEmpty ? nil : (variable: variable, key: $0) }
        }.first
        guard let found else {
            if profile.needsKey, profile.format != .bedrock, isOwnAddress(baseURL, of: profile) {
                reader.warn(path, "is not given, and environment variable \(customary) is not set")
            }
            return nil
        }
        guard !profile.needsKey || isOwnAddress(baseURL, of: profile) else {
            reader.warn(
                path, "is not given, and \(found.variable) is not sent to an address other than the provider's own",
                expected: "\"os.environ/\(found.variable)\" to send it, or \"\" for no key"
            )
            return nil
        }
        if let violation = TextRule.headerValue.violation(of: found.key) {
            reader.report(path, "the value of environment variable \(found.variable) \(violation)")
            return nil
        }
        return Secret(found.key)
    }

    private func isOwnAddress(_ baseURL: String, of profile: ProviderProfile) -> Bool {
        guard let address = WebAddress(baseURL) else { return false }
        if address.scheme == "https", profile.ownDomains.contains(where: address.host.hasSuffix) { return true }
        return profile.baseURL.flatMap(WebAddress.init) == address
    }

    // MARK: How it is called

    /// Headers that say how the message is framed or where it goes: the transport's business alone.
    private static let framingHeaders: Set<String> = [
        "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]

    private func readHeaders(_ reader: inout DocumentReader) -> [String] {
        var seen: Set<String> = []
        var lines: [String] = []
        for header in parameters.map("extra_headers") {
            guard case .text(let value) = header.value else { continue }
            let name = header.name.lowercased()
            if !Self.isHeaderName(header.name) {
                reader.report(header.path, "is no header name", expected: "letters, digits and hyphens")
            } else if Self.framingHeaders.contains(name) {
                reader.report(header.path, "frames the message and cannot be set")
            } else if !seen.insert(name).inserted {
                reader.report(header.path, "is given twice; header names do not differ in case")
            } else {
                lines.append("\(header.name): \(value.value)")
            }
        }
        return lines
    }

    /// Whether `name` is a token of RFC 9110, section 5.6.2.
    private static func isHeaderName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 128
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    private func readNetwork() -> NetworkSettings {
        NetworkSettings(
            proxy: parameters.text("proxy"), noProxy: parameters.text("no_proxy"),
            certificateAuthorityFile: parameters.text("ca_file"),
            httpVersion: parameters.text("http_version").flatMap(HTTPVersion.init) ?? .automatic
        )
    }

    private func readCore(baseURL: String) -> DeploymentConfiguration {
        var core = DeploymentConfiguration(
            id: DeploymentID(rawValue: 0),
            failureDomain: parameters.text("failure_domain") ?? WebAddress(baseURL)?.host ?? "",
            requestsPerMinute: parameters.integer("rpm"),
            tokensPerMinute: parameters.integer("tpm"),
            maxParallelRequests: parameters.integer("max_parallel_requests")
                ?? defaults.integer("default_max_parallel_requests"),
            inputCostPerToken: parameters.number("input_cost_per_token"),
            outputCostPerToken: parameters.number("output_cost_per_token"),
            timeouts: readTimeouts()
        )
        core.weight = parameters.number("weight") ?? core.weight
        core.order = parameters.integer("order")
        core.retries = parameters.integer("num_retries") ?? parameters.integer("max_retries")
        core.cooldown =
            info.seconds("cooldown_time") ?? parameters.seconds("cooldown_time") ?? defaults.seconds("cooldown_time")
            ?? core.cooldown
        core.allowedFails = info.integer("allowed_fails")
        core.allowedFailsByClass = HealthProperties.allowedFails(info)
        return core
    }

    private func readTimeouts() -> AttemptTimeouts {
        let stream = parameters.seconds("stream_timeout") ?? defaults.seconds("stream_timeout")
        var timeouts = AttemptTimeouts(
            firstToken: parameters.seconds("first_token_timeout") ?? stream,
            gap: parameters.seconds("gap_timeout") ?? stream
        )
        timeouts.connect = parameters.seconds("connect_timeout") ?? timeouts.connect
        timeouts.total = parameters.seconds("timeout") ?? timeouts.total
        return timeouts
    }
}

/// Names for deployments that were given none.
enum DeploymentKey {
    /// `model_name` and a hash of what is called: its provider, model, address and organization, never its secrets.
    ///
    /// The same for as long as these are, so that a deployment keeps its history when the rest of its settings change.
    static func make(for deployment: DeploymentSettings, ordinal: Int) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        let parts = [
            deployment.groupName, deployment.providerName, deployment.endpoint.model, deployment.endpoint.baseURL,
            deployment.endpoint.organization ?? deployment.endpoint.project ?? "", ordinal == 0 ? "" : String(ordinal),
        ]
        for part in parts {
            // FNV-1a; the NUL between the parts keeps ("ab", "c") and ("a", "bc") apart.
            for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            hash = hash &* 0x100_0000_01b3
        }
        let digits = String(hash, radix: 16)
        return "\(deployment.groupName)-\(String(repeating: "0", count: 16 - digits.count))\(digits)"
    }
}
