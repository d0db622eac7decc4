import HedgeCore
import HedgeProviders
import Testing

@testable import HedgeRouter

/// What the property table claims of each key, held against what the key does.
@Suite("Configuration effects")
struct ConfigurationEffectTests {
    @Test("Every key that is said to act changes the configuration, and no other key does", arguments: Sample.all)
    func effect(_ sample: Sample) throws {
        let property = try #require(sample.section.property(sample.name))
        let without = try sample.fingerprint(nil)
        let with = try sample.fingerprint(sample.value)
        #expect((with != without) == (property.effect == .acted))
    }

    @Test("Every key of the table has a sample")
    func complete() {
        let sampled = Set(Sample.all.map { $0.section.title + "." + $0.name })
        for section in [DocumentProperties.parameters, RouterProperties.settings, RouterProperties.strategyArguments] {
            for property in section.properties {
                #expect(sampled.contains(section.title + "." + property.name))
            }
        }
    }

    @Test("Writing out every default changes nothing")
    func defaults() throws {
        var checked = 0
        for sample in Sample.all {
            guard let value = sample.section.property(sample.name)?.defaultValue else { continue }
            checked += 1
            let text = String(decoding: DocumentWriter.compact(value), as: UTF8.self)
            #expect(try sample.fingerprint(text) == sample.fingerprint(nil), "\(sample.name)")
        }
        #expect(checked >= 18)
    }

    @Test("The table's defaults for one request are those of the core")
    func overrides() throws {
        func parse(_ text: String) -> Result<RequestOverridesDocument, ConfigurationReport> {
            Array(text.utf8).withUnsafeBytes { RequestOverridesDocument.parse($0) }
        }
        let empty = try parse("{}").get()
        #expect(empty.overrides.hedgeThreshold == nil)
        #expect(empty.overrides.maxParallelAttempts == nil)
        #expect(empty.timeout == nil)

        let full = try parse(#"{"hedge_threshold_ms": 120.5, "max_parallel_requests": 1, "timeout": 2.5}"#).get()
        #expect(full.overrides.hedgeThreshold == Interval(nanoseconds: 120_500_000))
        #expect(full.overrides.maxParallelAttempts == 1)
        #expect(full.timeout == .seconds(2.5))

        #expect(empty.fallbacks == nil)
        #expect(!empty.overrides.disableFallbacks)
        #expect(empty.overrides.retries == nil)
        let other = try parse(
            #"{"num_retries": 3, "disable_fallbacks": true, "fallbacks": ["a", {"model": "b"}]}"#
        ).get()
        #expect(other.overrides.retries == 3)
        #expect(other.overrides.disableFallbacks)
        #expect(other.fallbacks == ["a", "b"])
    }

    @Test(
        "Overrides that are wrong name the place",
        arguments: [
            (#"{"timeout": 0}"#, "timeout", nil), (#"{"time_out": 1}"#, "time_out", "timeout"),
            (#"{"hedge_threshold_ms": "${HOME}"}"#, "hedge_threshold_ms", nil),
            (#"{"hedge_threshold_ms": "os.environ/HOME"}"#, "hedge_threshold_ms", nil),
            (#"{"max_parallel_requests": 17}"#, "max_parallel_requests", nil), ("[]", "", nil), ("{", "", nil),
        ] as [(String, String, String?)])
    func wrongOverrides(_ text: String, _ path: String, _ nearest: String?) throws {
        guard case .failure(let report) = Array(text.utf8).withUnsafeBytes({ RequestOverridesDocument.parse($0) })
        else {
            throw ConfigurationSupport.Failure(message: "valid")
        }
        #expect(report.errors.map(\.path) == [path])
        #expect(report.errors[0].nearest == nearest)
    }
}

/// A key with a value other than its default.
struct Sample: Sendable, CustomTestStringConvertible {
    var section: Section
    var name: String
    /// JSON text.
    var value: String

    var testDescription: String { "\(section.title).\(name)" }

    private init(_ section: Section, _ name: String, _ value: String) {
        self.section = section
        self.name = name
        self.value = value
    }

    /// Everything a document with this key alone leads to, secrets included; `nil` for the document without it.
    func fingerprint(_ value: String?) throws -> String {
        // Another provider may have no address of its own.
        let companion = name == "custom_llm_provider" ? #""api_base": "https://api.openai.com/v1""# : ""
        let given = value.map { #""\#(name)": \#($0)"# } ?? ""
        let member = [given, companion].filter { !$0.isEmpty }.joined(separator: ", ")
        let text =
            switch section.title {
            case "litellm_params": Self.document(parameters: member, replacing: name)
            case "router_settings": Self.document(settings: member)
            default: Self.document(arguments: member)
            }
        let configuration = try ConfigurationSupport.configuration(text, environment: ["OPENAI_API_KEY": "variable"])
        var described = configuration
        described.warnings = []
        let endpoints = configuration.deployments.map { "\($0.endpoint.settings) \($0.endpoint.apiKey?.exposed ?? "")" }
        return "\(described) \(endpoints)"
    }

    private static func document(
        parameters: String = "", settings: String = "", arguments: String = "", replacing name: String = ""
    ) -> String {
        let model = name == "model" && !parameters.isEmpty ? nil : #""model": "openai/gpt-4o""#
        let parameters = [model, parameters].compactMap(\.self).filter { !$0.isEmpty }.joined(separator: ", ")
        let arguments = arguments.isEmpty ? "" : #""routing_strategy_args": {\#(arguments)}"#
        return ConfigurationTests.list(
            [("m", parameters), ("spare", #""model": "openai/spare", "api_key": "k""#)],
            settings: [settings, arguments].filter { !$0.isEmpty }.joined(separator: ", "))
    }

    static let all: [Sample] = {
        let parameters = [
            ("model", #""openai/other""#), ("custom_llm_provider", #""hosted_vllm""#),
            ("api_base", #""https://api.openai.com/v2""#), ("base_url", #""https://api.openai.com/v2""#),
            ("api_key", #""other""#), ("organization", #""o""#), ("api_version", #""v""#),
            ("extra_headers", #"{"X-A": "b"}"#), ("http_version", #""2""#), ("proxy", #""http://p.example""#),
            ("no_proxy", #""a.example""#), ("ca_file", #""ca.pem""#), ("timeout", "7"), ("stream_timeout", "7"),
            ("connect_timeout", "7"), ("first_token_timeout", "7"), ("gap_timeout", "7"), ("cooldown_time", "7"),
            ("weight", "7"), ("rpm", "7"), ("tpm", "7"), ("max_parallel_requests", "7"),
            ("input_cost_per_token", "0.5"), ("output_cost_per_token", "0.5"),
            ("cache_read_input_token_cost", "0.5"), ("cache_creation_input_token_cost", "0.5"),
            ("failure_domain", #""d""#),
            ("cancel_stops_billing", "false"), ("order", "7"), ("num_retries", "7"), ("max_retries", "7"),
            ("azure_ad_token", #""t""#), ("aws_access_key_id", #""k""#), ("aws_secret_access_key", #""s""#),
            ("aws_session_token", #""t""#), ("aws_region_name", #""us-east-1""#), ("vertex_project", #""p""#),
            ("vertex_location", #""global""#), ("vertex_access_token", #""t""#), ("drop_params", "true"),
        ]
        let settings = [
            ("routing_strategy", #""least-busy""#), ("routing_strategy_args", #"{"max_hedges": 2}"#),
            ("model_group_alias", #"{"x": "m"}"#), ("timeout", "7"), ("stream_timeout", "7"), ("seed", "7"),
            ("allowed_fails", "7"), ("allowed_fails_policy", #"{"TimeoutErrorAllowedFails": 7}"#),
            ("disable_cooldowns", "true"), ("latency_ejection", "7"), ("idle_probe_after", "7"),
            ("when_all_cooling", #""wait""#), ("max_waiting_requests", "7"), ("max_wait", "7"),
            ("default_priority", "7"), ("default_max_parallel_requests", "7"),
            ("cooldown_time", "7"), ("num_retries", "7"), ("retry_after", "7"),
            ("fallbacks", #"[{"m": ["spare"]}]"#), ("default_fallbacks", #"["m"]"#),
            ("context_window_fallbacks", #"[{"m": "spare"}]"#), ("content_policy_fallbacks", #"[{"*": ["m"]}]"#),
            ("max_retries", "7"), ("retry_policy", #"{"RateLimitErrorRetries": 7}"#),
            ("model_group_retry_policy", #"{"m": {"DefaultRetries": 7}}"#),
            ("max_fallbacks", "7"), ("max_buffered_bytes", "70000"), ("max_request_bytes", "70000"),
            ("max_queued_requests", "7"), ("drop_params", "true"),
            ("stream_upstream", "true"),
        ]
        let arguments = [
            ("enable_cold_start_parallel", "false"), ("max_parallel_requests", "7"), ("max_hedges", "7"),
            ("max_attempts", "7"), ("hedge_threshold_percentile", "70"), ("hedge_threshold_ms", "7"),
            ("hedge_rule", #""single-reissue""#),
            ("hedge_threshold_min_ms", "7"), ("hedge_threshold_max_ms", "700"), ("hedge_budget", "0.7"),
            ("retry_budget", "0.7"),
            ("control_fraction", "0.7"), ("ttl", "7"), ("half_life", "7"), ("lowest_latency_buffer", "0.7"),
        ]
        return parameters.map { Sample(DocumentProperties.parameters, $0.0, $0.1) }
            + settings.map { Sample(RouterProperties.settings, $0.0, $0.1) }
            + arguments.map { Sample(RouterProperties.strategyArguments, $0.0, $0.1) }
    }()
}
