import HedgeCore

/// The keys that say when a deployment is left out, how it comes back, and what waits for it.
enum HealthProperties {
    /// Keys of `router_settings` about cooldowns.
    static let cooldowns: [Property] = [
        allowedFails(of: "a deployment", default: "the built-in rules"),
        allowedFailsPolicy(default: "`allowed_fails`"),
        Property(
            "cooldown_time", .number(.from(0, to: DocumentProperties.day)), default: .integer(5), unit: .seconds,
            liteLLM: true,
            """
            Length of a deployment's first cooldown, of which up to half is left out at random. It doubles with each \
            failed return, up to 300 s or this length if that is longer; a longer time that the provider asks for is \
            kept. Refused credentials, permissions and unknown models cool for 300 s.
            """
        ),
        Property(
            "disable_cooldowns", .boolean, default: .boolean(false), liteLLM: true,
            "Whether no deployment is ever left out, whatever it answers."
        ),
        Property(
            "latency_ejection", .number(.from(1.5, to: 1000)), defaultText: "never", liteLLM: false,
            """
            A deployment whose recent latency is this many times that of the long run, and more than twice that of the \
            best other one, cools down like one that failed. It takes ten answers, and half of the model group stays.
            """
        ),
        Property(
            "idle_probe_after", .number(.above(0, to: DocumentProperties.day)), defaultText: "never", unit: .seconds,
            liteLLM: false,
            """
            Where no request came to test a deployment for so long after its cooldown, the library sends it a request of \
            its own: one word, for one token of answer. It costs what the provider charges for that; the statistics count \
            it. There is never more than one at a time.
            """
        ),
        Property(
            "when_all_cooling", .choice(AllCoolingRule.allCases.map(\.rawValue)),
            default: .text(AllCoolingRule.leastBadFirst.rawValue), liteLLM: false,
            """
            What becomes of a request while every deployment of its group is out. `least-bad-first` tries them one after \
            another, the one that is most likely to work first; `wait` waits for the first one that works again, for \
            `max_wait` and within the deadline; `fail-fast` fails at once. Errors name each deployment's cause and the \
            time left. In LiteLLM such a request fails at once.
            """
        ),
    ]

    /// Keys of `router_settings` about requests that wait for a deployment.
    static let waiting: [Property] = [
        Property(
            "max_waiting_requests", .integer(0...1_000_000), default: .integer(1000), liteLLM: false,
            """
            Requests of one model group that may wait because every deployment is at a limit of its own (`rpm`, `tpm`, \
            `max_parallel_requests`). They are served in the order in which they came, by `priority`. Beyond that, requests \
            are refused with `HR_E_NO_DEPLOYMENT`; 0 refuses them all, as LiteLLM does.
            """
        ),
        Property(
            "max_wait", .number(.from(0, to: DocumentProperties.day)), default: .integer(60), unit: .seconds,
            liteLLM: false,
            """
            How long a request waits for a deployment at most. One that could not be served within that time and within \
            its deadline fails at once.
            """
        ),
        Property(
            "default_priority", .integer(0...255), default: .integer(0), liteLLM: true,
            "`priority` of requests that bring none of their own."
        ),
        Property(
            "default_max_parallel_requests", .integer(1...1_000_000), defaultText: "no limit", liteLLM: true,
            "`max_parallel_requests` of deployments that set none of their own."
        ),
    ]

    /// `priority` of a request's overrides.
    static let priority = Property(
        "priority", .integer(0...255), defaultText: "`router_settings.default_priority`", liteLLM: true,
        """
        The request's place among those that wait for a deployment, the lowest number first. Each step is worth ten \
        seconds: a request is overtaken only by those that come within ten seconds for each step between them, so that \
        none waits for ever.
        """
    )

    /// Keys of `model_info` about cooldowns.
    static let modelInfo: [Property] = [
        allowedFails(of: "this deployment", default: "`router_settings.allowed_fails`"),
        allowedFailsPolicy(default: "`router_settings.allowed_fails_policy`"),
        Property(
            "cooldown_time", .number(.from(0, to: DocumentProperties.day)),
            defaultText: "`cooldown_time` of `litellm_params`", unit: .seconds, liteLLM: true,
            "Length of this deployment's first cooldown; see `cooldown_time` of `router_settings`."
        ),
    ]

    private static func allowedFails(of whom: String, default defaultText: String) -> Property {
        Property(
            "allowed_fails", .integer(0...1_000_000), defaultText: defaultText, liteLLM: true,
            """
            Failures of \(whom) within a minute that do not make it cool down; the next one does. Server errors, \
            timeouts, overload and connections that fail or break are counted; a rate limit and refused credentials \
            cool at once where there is another deployment. The built-in rules are three failures in a row that are no \
            mere chance, or more than half of at least ten results of the last minute.
            """
        )
    }

    private static func allowedFailsPolicy(default defaultText: String) -> Property {
        Property(
            "allowed_fails_policy", .section(allowedFailsSection), defaultText: defaultText, liteLLM: true,
            "The same by class of failure; a class that is named here is judged by its own number alone."
        )
    }

    private static let allowedFailsSection = Section(
        title: "allowed_fails_policy",
        text: """
            Failures of each class within a minute that do not make a deployment cool down. LiteLLM's classes for bad \
            requests and content policies are accepted with a warning: what is the caller's fault never puts a \
            deployment out.
            """,
        properties: classes.map { name, _, text in
            Property(name, .integer(0...1_000_000), defaultText: "`allowed_fails`", liteLLM: true, text)
        },
        ignoredNames: ["BadRequestErrorAllowedFails", "ContentPolicyViolationErrorAllowedFails"]
    )

    private static var classes: [(String, WritableKeyPath<AllowedFails, Int?>, String)] {
        [
            ("AuthenticationErrorAllowedFails", \.authentication, "Refused credentials and permissions."),
            ("NotFoundErrorAllowedFails", \.notFound, "Unknown models and paths."),
            ("RateLimitErrorAllowedFails", \.rateLimits, "Rate limits and used up quotas."),
            ("TimeoutErrorAllowedFails", \.timeouts, "Timeouts, the library's and the provider's."),
            ("ServiceUnavailableErrorAllowedFails", \.overloads, "Answers that say that there is no capacity."),
            ("InternalServerErrorAllowedFails", \.serverErrors, "Server errors, and answers that are cut or none."),
            ("BadGatewayErrorAllowedFails", \.connections, "Connections that are not made or that break."),
        ]
    }

    /// What `settings` say of cooldowns and waiting.
    static func read(_ settings: Settings, into policy: inout Policy) {
        policy.coolsDown = !(settings.boolean("disable_cooldowns") ?? false)
        policy.allowedFails = settings.integer("allowed_fails")
        policy.allowedFailsByClass = allowedFails(settings) ?? AllowedFails()
        policy.latencyEjection = settings.number("latency_ejection")
        policy.probeAfter = settings.seconds("idle_probe_after")
        if let name = settings.text("when_all_cooling"), let rule = AllCoolingRule(rawValue: name) {
            policy.whenAllCooling = rule
        }
        policy.maxWaiting = settings.integer("max_waiting_requests") ?? policy.maxWaiting
        policy.maxWait = settings.seconds("max_wait") ?? policy.maxWait
        policy.defaultPriority = settings.integer("default_priority") ?? policy.defaultPriority
    }

    /// `allowed_fails_policy` of an object.
    static func allowedFails(_ settings: Settings) -> AllowedFails? {
        guard let section = settings.section("allowed_fails_policy") else { return nil }
        var allowed = AllowedFails()
        for (name, path, _) in classes { allowed[keyPath: path] = section.integer(name) }
        return allowed
    }
}
