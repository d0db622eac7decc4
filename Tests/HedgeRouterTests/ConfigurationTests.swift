import HedgeCore
import HedgeProviders
import HedgeTransport
import Testing

@testable import HedgeRouter

@Suite("Configuration")
struct ConfigurationTests {
    @Test("A small document becomes deployments, groups and defaults")
    func small() throws {
        let configuration = try ConfigurationSupport.configuration(ConfigurationSupport.document())
        #expect(configuration.warnings.isEmpty)
        #expect(configuration.groups == [ModelGroup(name: "m", deployments: [0])])
        let deployment = try #require(configuration.deployments.first)
        #expect(deployment.providerName == "openai")
        #expect(deployment.endpoint.model == "gpt-4o")
        #expect(deployment.endpoint.baseURL == "https://api.openai.com/v1")
        #expect(deployment.endpoint.apiKey == Secret("k"))
        #expect(deployment.network == NetworkSettings())
        let core = deployment.core(id: DeploymentID(rawValue: 7))
        #expect(core.id == DeploymentID(rawValue: 7))
        #expect(core.failureDomain == "api.openai.com")
        #expect(core.timeouts == AttemptTimeouts())
        #expect(configuration.policy.strategy == .staggeredHedge)
        #expect(configuration.limits == RouterLimits())
    }

    @Test("The core gets the identifiers the router gives, group by group")
    func core() throws {
        let configuration = try ConfigurationSupport.configuration(
            Self.list([
                ("a", #""model": "openai/1""#), ("b", #""model": "openai/2""#), ("a", #""model": "openai/3""#),
            ]))
        let core = configuration.core(
            deploymentID: { DeploymentID(rawValue: 100 + $0) }, groupID: { GroupID(rawValue: 10 + $0) })
        #expect(core.deployments.map(\.id.rawValue) == [100, 101, 102])
        #expect(core.groups.map(\.id.rawValue) == [10, 11])
        #expect(core.groups.map { $0.deployments.map(\.rawValue) } == [[100, 102], [101]])
    }

    @Test("Names of groups and aliases lead to groups, aliases first")
    func names() throws {
        let configuration = try ConfigurationSupport.configuration(
            Self.list(
                [("a", #""model": "openai/1""#), ("b", #""model": "openai/2""#)],
                settings: #""model_group_alias": {"x": "a", "a": "b", "y": {"model": "b", "hidden": true}}"#))
        #expect(configuration.groupIndex(for: "x") == 0)
        #expect(configuration.groupIndex(for: "a") == 1)
        #expect(configuration.groupIndex(for: "b") == 1)
        #expect(configuration.groupIndex(for: "c") == nil)
        #expect(configuration.aliases.map(\.isHidden) == [false, false, true])
    }

    @Test("Times follow from the nearest setting that is given")
    func timeouts() throws {
        let configuration = try ConfigurationSupport.configuration(
            Self.list(
                [
                    ("a", #""model": "openai/1""#),
                    ("a", #""model": "openai/2", "stream_timeout": 3, "cooldown_time": 7"#),
                    ("a", #""model": "openai/3", "stream_timeout": 3, "gap_timeout": 0.5, "timeout": 40"#),
                    ("a", #""model": "openai/4", "first_token_timeout": 1, "connect_timeout": 0.25"#),
                ], settings: #""stream_timeout": 9, "cooldown_time": 2, "timeout": 30"#))
        let cores = configuration.deployments.map { $0.core(id: DeploymentID(rawValue: 0)) }
        #expect(cores.map(\.timeouts.firstToken?.seconds) == [9, 3, 3, 1])
        #expect(cores.map(\.timeouts.gap?.seconds) == [9, 3, 0.5, 9])
        #expect(cores.map(\.timeouts.total?.seconds) == [600, 600, 40, 600])
        #expect(cores.map(\.timeouts.connect.seconds) == [10, 10, 10, 0.25])
        #expect(cores.map(\.cooldown.seconds) == [2, 7, 2, 2])
        #expect(configuration.policy.requestTimeout == .seconds(30))
    }

    @Test("Environment references are replaced wherever they stand")
    func environment() throws {
        let text = Self.list([
            (
                "${A}",
                #"""
                "model": "os.environ/MODEL", "api_base": "https://${HOST}:${PORT}/v1//", "timeout": "${T}", "rpm": "os.environ/N",
                "extra_headers": {"X-A": "Bearer ${KEY} $${KEY} $5 $"}, "cancel_stops_billing": "os.environ/YES"
                """#
            )
        ])
        let configuration = try ConfigurationSupport.configuration(
            text,
            environment: [
                "A": "group", "MODEL": "openai/x/y", "HOST": "A.example", "PORT": "81", "T": "2.5e1", "N": "+6",
                "KEY": "${T}", "YES": "TRUE",
            ])
        let deployment = configuration.deployments[0]
        #expect(configuration.groups.map(\.name) == ["group"])
        #expect(deployment.endpoint.model == "x/y")
        #expect(deployment.endpoint.baseURL == "https://A.example:81/v1")
        // What a variable holds is not looked into again.
        #expect(deployment.endpoint.extraHeaders == ["X-A: Bearer ${T} ${KEY} $5 $"])
        #expect(deployment.cancelStopsBilling == true)
        let core = deployment.core(id: DeploymentID(rawValue: 0))
        #expect(core.timeouts.total == .seconds(25))
        #expect(core.requestsPerMinute == 6)
        #expect(core.failureDomain == "a.example")
    }

    @Test("The provider's variable gives the key for the provider's own host alone")
    func keys() throws {
        let configuration = try ConfigurationSupport.configuration(
            Self.list([
                ("a", #""model": "openai/1""#),
                ("b", #""model": "openai/1", "api_base": "https://api.openai.com/other""#),
                ("c", #""model": "openai/1", "api_base": "https://api.openai.com.evil.example/v1""#),
                ("d", #""model": "openai/1", "api_key": """#),
                ("e", #""model": "gpt", "custom_llm_provider": "openai", "api_key": "own""#),
                ("f", #""model": "hosted_vllm/1", "api_base": "http://10.0.0.1:8000/v1""#),
                ("g", #""model": "together/1""#),
            ]),
            environment: [
                "OPENAI_API_KEY": "variable", "HOSTED_VLLM_API_KEY": "local", "TOGETHER_API_KEY": "",
                "TOGETHERAI_API_KEY": "second", "TOGETHER_AI_API_KEY": "third",
            ])
        #expect(
            configuration.deployments.map { $0.endpoint.apiKey?.exposed } == [
                "variable", "variable", nil, nil, "own", "local", "second",
            ])
        #expect(configuration.deployments[6].providerName == "together_ai")
        #expect(configuration.deployments[6].endpoint.baseURL == "https://api.together.ai/v1")
    }

    @Test("A provider named apart leaves the model's own slashes alone")
    func provider() throws {
        let configuration = try ConfigurationSupport.configuration(
            Self.list([
                ("a", #""model": "meta-llama/x", "custom_llm_provider": "openai""#),
                ("a", #""model": "openai/x", "custom_llm_provider": "openai""#),
            ]))
        #expect(configuration.deployments.map(\.endpoint.model) == ["meta-llama/x", "x"])
        #expect(configuration.deployments.map(\.providerName) == ["openai", "openai"])
    }

    @Test("What is known of a model goes by its base model, where its own name tells nothing")
    func baseModel() throws {
        func endpoint(_ info: String) throws -> Endpoint {
            let configuration = try ConfigurationSupport.configuration(
                """
                {"model_list": [{"model_name": "m", "model_info": {\(info)}, "litellm_params": {"model": "azure/ours",
                    "api_key": "k", "api_base": "https://x.openai.azure.com", "api_version": "2024-10-21"}}]}
                """)
            return try #require(configuration.deployments.first).endpoint
        }
        #expect(try endpoint("").flags.wantsCompletionLimit == nil)
        let known = try endpoint(#""base_model": "azure/gpt-5-mini", "supports_vision": false"#)
        #expect(known.model == "ours")
        #expect(known.flags.wantsCompletionLimit == true)
        // What the configuration says itself counts first.
        #expect(known.flags.acceptsImages == false)
    }

    @Test("A deployment without an id keeps its name when its secrets, limits and neighbours change")
    func stableKeys() throws {
        func keys(_ entries: [(String, String)]) throws -> [String] {
            try ConfigurationSupport.configuration(Self.list(entries)).deployments.map(\.key)
        }
        let before = try keys([("a", #""model": "openai/1", "api_key": "k1""#), ("a", #""model": "openai/2""#)])
        let after = try keys([
            ("new", #""model": "openai/9""#), ("a", #""model": "openai/2", "rpm": 7"#),
            ("a", #""model": "openai/1", "api_key": "k2", "weight": 3, "api_base": "https://api.openai.com/v1/""#),
        ])
        #expect(after[2] == before[0])
        #expect(after[1] == before[1])

        // Twins are told apart, and every part of what is called counts.
        let others = try keys([
            ("a", #""model": "openai/1", "api_key": "k1""#), ("a", #""model": "openai/1", "api_key": "k2""#),
            ("a", #""model": "openai/1", "organization": "o""#), ("b", #""model": "openai/1""#),
            ("a", #""model": "openai/1", "api_base": "https://b.example""#),
            ("a", #""model": "hosted_vllm/1", "api_base": "https://b.example""#),
        ])
        #expect(Set(others).count == others.count)
        #expect(others[0] == before[0])
    }

    @Test("A name that was made does not collide with one that is given")
    func keyCollision() throws {
        let made = try ConfigurationSupport.configuration(ConfigurationSupport.document()).deployments[0].key
        let text = #"""
            {"model_list": [
              {"model_name": "m", "litellm_params": {"model": "openai/gpt-4o", "api_key": "k"}},
              {"model_name": "m", "litellm_params": {"model": "openai/x", "api_key": "k"}, "model_info": {"id": "\#(made)"}}]}
            """#
        let configuration = try ConfigurationSupport.configuration(text)
        #expect(configuration.deployments[1].key == made)
        #expect(configuration.deployments[0].key != made)
    }

    @Test("A report is a JSON object with errors and warnings")
    func report() throws {
        let report = try ConfigurationSupport.report(
            ConfigurationSupport.document(parameters: #""rpmm": 1, "timeout": 0, "user": "x""#))
        let json = try DocumentValue(json: report.json())
        #expect(
            json["errors"]
                == .array([
                    .object([
                        .init("path", .text("model_list[0].litellm_params.rpmm")),
                        .init("message", .text("unknown key in litellm_params")), .init("nearest", .text("rpm")),
                    ]),
                    .object([
                        .init("path", .text("model_list[0].litellm_params.timeout")),
                        .init("message", .text("is out of range")),
                        .init("expected", .text("a number above 0 and up to 86400 (seconds)")),
                    ]),
                ]))
        #expect(json["warnings"]?.elements.count == 1)
    }

    @Test("A summary holds whole errors and counts the rest", arguments: [511, 200, 100, 60, 20, 1, 0])
    func summary(limit: Int) {
        let issues = (0..<9).map {
            ConfigurationIssue(path: "p[\($0)]", message: "is wrong", expected: "é", nearest: "n\($0)")
        }
        let summary = ConfigurationReport(errors: issues).summary(limit: limit)
        #expect(summary.utf8.count <= limit)
        let whole = issues.filter { summary.contains($0.line) }.count
        switch limit {
        case 511: #expect(summary == issues.map(\.line).joined(separator: "; "))
        case 60...: #expect(whole > 0 && summary.hasSuffix("; and \(9 - whole) more"))
        default: #expect(issues[0].line.hasPrefix(summary))
        }
    }

    @Test("A text that is no JSON is reported with the byte at which it goes wrong")
    func syntax() throws {
        #expect(try ConfigurationSupport.report(#"{"model_list": [}"#).syntaxOffset == 16)
        #expect(try ConfigurationSupport.report("{}").syntaxOffset == nil)
    }

    @Test("Thousands of unknown keys are all reported")
    func manyErrors() throws {
        let keys = (0..<5000).map { #""key\#($0)": 1"# }.joined(separator: ", ")
        let report = try ConfigurationSupport.report(ConfigurationSupport.document(parameters: keys))
        #expect(report.errors.count == 5000)
        #expect(report.errors.last?.path == "model_list[0].litellm_params.key4999")
    }

    /// A document with an entry for each pair of a group and parameters.
    static func list(_ entries: [(name: String, parameters: String)], settings: String = "") -> String {
        let list = entries.map { #"{"model_name": "\#($0.name)", "params": {\#($0.parameters)}}"# }
        return #"{"model_list": [\#(list.joined(separator: ", "))], "router_settings": {\#(settings)}}"#
    }
}
