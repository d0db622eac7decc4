import HedgeProviders

@testable import HedgeRouter

/// The reference page `docs/configuration.md`, made from the property table.
enum ConfigurationReference {
    static var markdown: String {
        ([introduction] + sections.map(section) + [providers, differences, ignored, maintenance]).joined(
            separator: "\n")
    }

    /// The example of the page, which a test loads.
    static let example = """
        {
          "model_list": [
            {
              "model_name": "gpt-4o",
              "litellm_params": {
                "model": "openai/gpt-4o",
                "api_key": "os.environ/OPENAI_API_KEY",
                "stream_timeout": 20,
                "input_cost_per_token": 0.0000025,
                "output_cost_per_token": 0.00001
              },
              "model_info": { "id": "openai-main" }
            },
            {
              "model_name": "gpt-4o",
              "litellm_params": {
                "model": "openai/gpt-4o",
                "api_base": "https://gateway.example/v1",
                "api_key": "os.environ/GATEWAY_KEY",
                "extra_headers": { "X-Team": "${TEAM}" }
              },
              "model_info": { "id": "gateway" }
            }
          ],
          "router_settings": {
            "routing_strategy": "staggered-hedge-routing",
            "routing_strategy_args": { "hedge_budget": 0.05, "hedge_threshold_max_ms": 4000 },
            "timeout": 60,
            "model_group_alias": { "gpt-4": "gpt-4o" }
          }
        }
        """

    static let exampleEnvironment = ["OPENAI_API_KEY": "k1", "GATEWAY_KEY": "k2", "TEAM": "t"]

    private static let introduction = """
        # Configuration

        A router is made from one JSON document. Where LiteLLM has a concept, its key is used, so that the
        configuration of a LiteLLM proxy, written as JSON, loads as it is.

        ```json
        \(example)
        ```

        - A key that is not known is an **error**, with its path and the nearest known name. So is a value of the wrong
          type or out of range. All errors of a document are reported together, and a document with errors changes
          nothing.
        - A key that LiteLLM knows and this library does not act on is a **warning**, and is not looked into.
        - `null` is the same as leaving the key out.
        - `hr_config_check()` reports on a document without making a router; `hr_config_schema()` returns the
          [JSON Schema](config.schema.json).

        ## Environment

        A string may read the environment when the document is loaded: `"os.environ/NAME"` as a whole, or `${NAME}`
        anywhere inside, as in `"Bearer ${NAME}"`. `$${` stands for a literal `${`. Where a number or a boolean is
        wanted, the text of the variable is converted. A variable that is not set, or is empty, is an error that names
        it. Values of variables never appear in errors, warnings or logs. Keys that are not acted on are not resolved,
        and neither are the names of keys.

        Times under LiteLLM's names are in seconds; names that end in `_ms` are in milliseconds.

        """

    private static let sections = [
        DocumentProperties.document, DocumentProperties.deployment, DocumentProperties.parameters,
        DocumentProperties.modelInfo, RouterProperties.settings, RouterProperties.strategyArguments,
        RouterProperties.aliasItem, RetryProperties.policy,
        RetryProperties.targetItem, RequestOverridesDocument.section,
    ]

    private static func section(_ section: Section) -> String {
        let heading =
            section.title.first == "d" ? section.title.prefix(1).uppercased() + section.title.dropFirst() : nil
        let rows = section.properties.map(row)
        return """
            ## \(heading ?? "`\(section.title)`")

            \(section.text)

            | Key | Value | Default | LiteLLM | Meaning |
            | --- | --- | --- | --- | --- |
            \(rows.joined(separator: "\n"))

            """
    }

    private static func row(_ property: Property) -> String {
        let value = DocumentReader.expectation(of: property.shape, unit: property.unit)
        let note = property.effect == .later ? " *Checked, not acted on yet.*" : ""
        let cells = [
            "`\(property.name)`", value.replacingQuotes(), defaultText(of: property),
            property.isLiteLLM ? "yes" : "no", property.text + note,
        ]
        return "| " + cells.map { $0.split(separator: "|").joined(separator: "\\|") }.joined(separator: " | ") + " |"
    }

    private static func defaultText(of property: Property) -> String {
        if property.isRequired { return "required" }
        if let value = property.defaultValue {
            return "`" + String(decoding: DocumentWriter.compact(value), as: UTF8.self) + "`"
        }
        return property.defaultText ?? "none"
    }

    private static var providers: String {
        let rows = Providers.names.compactMap { Providers.profile(named: $0) }.map { profile in
            let cells = [
                ([profile.name] + profile.aliases).map { "`\($0)`" }.joined(separator: ", "),
                profile.address(region: "REGION", location: "LOCATION").map { "`\($0)`" }
                    ?? "none: `api_base` is required",
                profile.keyVariables.map { "`\($0)`" }.joined(separator: ", "), profile.needsKey ? "yes" : "no",
            ]
            return "| " + cells.joined(separator: " | ") + " |"
        }
        return """
            ## Providers

            The part of `model` before the slash. Any other server that speaks OpenAI's API is `openai` with its
            `api_base`. The first environment variable that is set gives the key when `api_key` is not given.

            | Provider | Default `api_base` | Key variables | Needs a key |
            | --- | --- | --- | --- |
            \(rows.joined(separator: "\n"))

            """
    }

    private static let differences = """
        ## Differences from LiteLLM

        - `routing_strategy` is `staggered-hedge-routing` unless it is given; LiteLLM's default is `simple-shuffle`.
        - `router_settings.timeout` is one deadline for everything done for a request. In LiteLLM every attempt, retry
          and fallback starts it anew.
        - `num_retries` is 0 unless it is given; LiteLLM's default is 2. A failover to another deployment needs no retry.
        - Requests that a provider calls malformed (400) do not go on to a fallback, and neither they nor refused
          credentials are repeated, whatever `retry_policy` says.
        - A fallback group is entered in time to be of use before the deadline, while the group before it hangs.
        - `stream_timeout` counts model output: keep-alives, empty chunks and role-only chunks do not extend it.
        - Cooldowns double with each failed return and end with one canary at a time; LiteLLM's have a fixed length.
        - A public provider's customary environment variable is used only for the provider's own address.
        - An unknown key is an error.
        - Wildcard models such as `openai/*` are refused.
        - `litellm_settings` and `general_settings` belong to the LiteLLM proxy: they are accepted with a warning.

        """

    private static var ignored: String {
        let lists = [
            ("the document", LiteLLMNames.sections), ("an entry of `model_list`", LiteLLMNames.deployment),
            ("`litellm_params`", DocumentProperties.parameters.ignoredNames),
            ("`model_info`", LiteLLMNames.modelInfo), ("`router_settings`", LiteLLMNames.router),
            ("`routing_strategy_args`", LiteLLMNames.strategyArguments),
        ]
        let paragraphs = lists.map { place, names in
            "In \(place):\n" + wrapped(names.map { "`\($0)`" })
        }
        return """
            ## LiteLLM keys that are accepted with a warning

            \(paragraphs.joined(separator: "\n\n"))

            """
    }

    private static let maintenance = """
        ---

        This page and `config.schema.json` are made from the property table of the library;
        `HEDGEROUTER_UPDATE_DOCS=1 swift test --filter ConfigurationDocs` writes them anew.

        """

    /// Words in lines of at most 120 columns.
    private static func wrapped(_ words: [String]) -> String {
        var lines: [String] = []
        for word in words {
            if let last = lines.last, last.utf8.count + word.utf8.count < 119 {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(word)
            }
        }
        return lines.joined(separator: "\n")
    }
}

extension String {
    /// Quoted names as code.
    fileprivate func replacingQuotes() -> String {
        String(map { $0 == "\"" ? "`" : $0 })
    }
}
