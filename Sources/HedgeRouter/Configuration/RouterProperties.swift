import HedgeCore

/// The keys of `router_settings`.
enum RouterProperties {
    /// `router_settings`.
    static let settings = Section(
        title: "router_settings",
        text: "How requests are routed, for all model groups.",
        properties: routing + HealthProperties.cooldowns + RetryProperties.settings + HealthProperties.waiting + limits,
        ignoredNames: LiteLLMNames.router
    )

    private static let routing: [Property] = [
        Property(
            "routing_strategy", .choice(RoutingStrategy.allCases.map(\.rawValue) + ["usage-based-routing-v2"]),
            default: .text(RoutingStrategy.staggeredHedge.rawValue), liteLLM: true,
            """
            How the deployments of a group are ranked. `staggered-hedge-routing` takes the one that should answer \
            first and starts a second attempt elsewhere when it is late; the others rank by their own rule and hedge \
            in the same way, unless `hedge_budget` is 0. `usage-based-routing-v2` is another name for `usage-based-routing`. \
            LiteLLM's default is `simple-shuffle`.
            """
        ),
        Property(
            "routing_strategy_args", .section(strategyArguments), liteLLM: true, "Settings of racing and hedging."
        ),
        Property(
            "model_group_alias", .map(of: .either(.text(.nonEmpty), .section(aliasItem))), liteLLM: true,
            """
            Further names for model groups: `{"gpt-4": "gpt-4o"}`, or `{"gpt-4": {"model": "gpt-4o", "hidden": \
            true}}`. An alias comes before a model group of the same name.
            """
        ),
        Property(
            "timeout", .number(.above(0, to: DocumentProperties.day)), defaultText: "no limit", unit: .seconds,
            liteLLM: true,
            """
            Deadline of a request that brings none of its own. It covers everything done for the request: attempts, \
            hedges and failovers together. In LiteLLM each attempt starts the time anew.
            """
        ),
        Property(
            "stream_timeout", .number(.above(0, to: DocumentProperties.day)), defaultText: "no limit", unit: .seconds,
            liteLLM: true, "`stream_timeout` of deployments that set none of their own."
        ),
        Property(
            "seed", .integer(0 ... .max), defaultText: "random", liteLLM: false,
            "Seed of the random choices, for runs that are to be repeated."
        ),
    ]

    private static let limits: [Property] = [
        Property(
            "max_buffered_bytes", .integer(4096...1_073_741_824), default: .integer(1_048_576), unit: .bytes,
            liteLLM: false,
            """
            Output of one request that may wait for its caller. When it is reached, reading from the deployment stops \
            until the caller has taken some; timeouts stop meanwhile.
            """
        ),
        Property(
            "max_request_bytes", .integer(1024...1_073_741_824), default: .integer(33_554_432), unit: .bytes,
            liteLLM: false, "Size of a request document. Larger ones are refused with `HR_E_LIMIT`."
        ),
        Property(
            "stream_upstream", .boolean, default: .boolean(false), liteLLM: false,
            """
            Ask providers to stream also for callers that do not, and put their answers together. Such a request is \
            hedged by its first token, and an attempt that lost stops being paid for where cancelling stops the bill. \
            Once the first token is there, a stream that breaks fails the request.
            """
        ),
        Property(
            "drop_params", .boolean, default: .boolean(false), liteLLM: false,
            "What `drop_params` of `litellm_params` is where that is not given."
        ),
        Property(
            "max_queued_requests", .integer(1...10_000_000), default: .integer(10_000), liteLLM: false,
            "Requests that may be under way at once. Further ones are refused with `HR_E_LIMIT`."
        ),
    ]

    /// The long form of a `model_group_alias`.
    static let aliasItem = Section(
        title: "alias",
        text: "The long form of a value of `model_group_alias`.",
        properties: [
            Property("model", .text(.nonEmpty), required: true, liteLLM: true, "The model group."),
            Property(
                "hidden", .boolean, default: .boolean(false), liteLLM: true, effect: .later,
                "Whether to leave the alias out of lists of models."
            ),
        ]
    )

    /// `routing_strategy_args`.
    static let strategyArguments = Section(
        title: "routing_strategy_args",
        text: "Settings of racing and hedging.",
        properties: [
            Property(
                "enable_cold_start_parallel", .boolean, default: .boolean(true), liteLLM: false,
                "Race several deployments while a class of requests has no history."
            ),
            Property(
                "max_parallel_requests", .integer(1...16), default: .integer(3), liteLLM: false,
                "Attempts in flight for one request, race or hedge. 1 means neither."
            ),
            Property(
                "max_hedges", .integer(0...15), default: .integer(1), liteLLM: false, "Hedges of one request."
            ),
            Property(
                "max_attempts", .integer(1...100), default: .integer(4), liteLLM: false,
                """
                Attempts made for one request in one model group, failovers and repetitions included. Without it there \
                are as many as `num_retries` and its like need, if that is more.
                """
            ),
            Property(
                "hedge_threshold_percentile", .number(.from(1, to: 99.99)), default: .integer(95), unit: .percent,
                liteLLM: false,
                """
                A hedge starts when the attempt has taken longer than this percentile of the deployment's recent \
                requests of the same class, or at the knee of its survival curve if that is earlier. Streams count to \
                the first token, other requests to the whole answer.
                """
            ),
            Property(
                "hedge_rule", .choice(HedgeRule.allCases.map(\.rawValue)),
                default: .text(HedgeRule.percentile.rawValue),
                liteLLM: false,
                """
                `percentile` hedges every request that passes the threshold. `single-reissue` is for budgets of one or two \
                percent: it chooses the delay and the share of late requests to hedge that give the best 99th percentile \
                for `hedge_budget`. Before there is enough history for that, and with a fixed threshold, it is the same \
                as `percentile`.
                """
            ),
            Property(
                "hedge_threshold_ms", .number(.from(0, to: DocumentProperties.day * 1000)),
                defaultText: "the percentile",
                unit: .milliseconds, liteLLM: false, "A fixed threshold instead of the percentile."
            ),
            Property(
                "hedge_threshold_min_ms", .number(.from(0, to: DocumentProperties.day * 1000)), default: .integer(50),
                unit: .milliseconds, liteLLM: false, "The threshold is never lower than this."
            ),
            Property(
                "hedge_threshold_max_ms", .number(.from(0, to: DocumentProperties.day * 1000)), defaultText: "no limit",
                unit: .milliseconds, liteLLM: false,
                "The threshold is never higher than this. Must not be lower than `hedge_threshold_min_ms`."
            ),
            Property(
                "hedge_budget", .number(.from(0, to: 1)), default: .number(0.1), unit: .share, liteLLM: false,
                "Hedges as a share of the requests sent. 0 turns hedging off."
            ),
            Property(
                "retry_budget", .number(.from(0, to: 1)), default: .number(0.2), unit: .share, liteLLM: false,
                """
                Attempts on deployments that had failed the same request before, as a share of the requests sent; one \
                that is answered costs nothing, and the first hundred are free. 0 turns repetitions off.
                """
            ),
            Property(
                "control_fraction", .number(.from(0, to: 1)), default: .number(0.01), unit: .share, liteLLM: false,
                """
                Share of due hedges that are withheld at random, so that what hedging saves can be measured. 0 turns \
                the measurement off.
                """
            ),
            Property(
                "ttl", .number(.above(0, to: 30 * DocumentProperties.day)), default: .integer(3600), unit: .seconds,
                liteLLM: true, "Latencies older than this are forgotten."
            ),
            Property(
                "half_life", .number(.above(0, to: 30 * DocumentProperties.day)), default: .integer(600),
                unit: .seconds, liteLLM: false, "A latency this old counts half as much as a new one."
            ),
            Property(
                "lowest_latency_buffer", .number(.from(0, to: 10)), default: .number(0.03), unit: .share,
                liteLLM: true,
                "Deployments whose latency is within this share of the lowest are chosen among at random."
            ),
        ],
        ignoredNames: LiteLLMNames.strategyArguments
    )
}
