/// The keys of `router_settings` about repeating requests and going on to other model groups.
enum RetryProperties {
    /// What stands in `router_settings`.
    static let settings: [Property] = [
        Property(
            "num_retries", .integer(0...100), default: .integer(0), liteLLM: true,
            """
            Repetitions after failures in a model group. Failover to the other deployments comes first, waits for \
            nothing and happens with 0, too, but is counted; when none is left, the deployments that failed are asked \
            again after a wait of up to 0.5 s, 1 s, 2 s, ... 8 s, drawn at random, and not before a `Retry-After` is \
            over. Only failures that repeating may cure are repeated: rate limits, overload, timeouts, server errors \
            and broken transfers. Nothing is repeated that would not be answered before the deadline, that the \
            provider forbids (`x-should-retry: false`), or while a fallback group is there and the provider asked for \
            time. LiteLLM's default is 2.
            """
        ),
        Property("max_retries", .integer(0...100), liteLLM: true, "Another name for `num_retries`."),
        Property(
            "retry_after", .number(.from(0, to: DocumentProperties.day)), default: .integer(0), unit: .seconds,
            liteLLM: true, "Shortest wait before a deployment is asked again."
        ),
        Property(
            "retry_policy", .section(policy), liteLLM: true,
            "`num_retries` for single classes of failure; these come before `num_retries` of a deployment."
        ),
        Property(
            "model_group_retry_policy", .map(of: .section(policy)), liteLLM: true,
            "`retry_policy` for single model groups: `{\"gpt-4o\": {\"RateLimitErrorRetries\": 3}}`."
        ),
        Property(
            "fallbacks", groupLists, liteLLM: true,
            """
            Model groups a request goes on to when its own has nothing left to try, cannot take it, or hangs: \
            `[{"gpt-4o": ["claude", "local"]}]`. `*` stands for every group that is not named. The body's `model` is \
            that of the deployment asked. A group that hangs is left in time: half of the deadline after the request \
            began, later if the group usually takes longer than that, earlier if the fallback usually does; its \
            attempts go on meanwhile. A request that the provider calls malformed goes nowhere else. Each group is \
            tried once, so that loops end.
            """
        ),
        Property(
            "default_fallbacks", .list(of: .text(.nonEmpty), minimum: 0), liteLLM: true,
            "Model groups for every group that `fallbacks` does not name; the same as `*` there."
        ),
        Property(
            "context_window_fallbacks", groupLists, liteLLM: true,
            """
            As `fallbacks`, for prompts that exceed the context window. Where it is given, prompts of groups it does \
            not name go nowhere; without it they go where `fallbacks` says.
            """
        ),
        Property(
            "content_policy_fallbacks", groupLists, liteLLM: true,
            "As `context_window_fallbacks`, for requests that a content policy refused."
        ),
        Property(
            "max_fallbacks", .integer(0...100), default: .integer(5), liteLLM: true,
            "Further model groups one request may go on to."
        ),
    ]

    private static let groupLists = ValueShape.list(
        of: .map(of: .either(.list(of: target, minimum: 0), .text(.nonEmpty))), minimum: 0)

    /// A fallback as a name or as an object with one.
    static let target = ValueShape.either(.text(.nonEmpty), .section(targetItem))

    /// The long form of a fallback.
    static let targetItem = Section(
        title: "fallback",
        text: "The long form of a fallback. Keys other than `model` are accepted with a warning.",
        properties: [Property("model", .text(.nonEmpty), required: true, liteLLM: true, "The model group.")],
        isOpen: true
    )

    /// `retry_policy`.
    static let policy = Section(
        title: "retry_policy",
        text: """
            Further attempts after failures, by class. Names are LiteLLM's. Classes that repeating does not cure are \
            never repeated; a number other than 0 for one of them is a warning.
            """,
        properties: [
            number("DefaultRetries", "Every class without a number of its own."),
            number("TimeoutErrorRetries", "An attempt's own timeout, or one the provider tells of (408, 504, 524)."),
            number("RateLimitErrorRetries", "A rate limit (429)."),
            number("ServiceUnavailableErrorRetries", "No capacity (503, 529)."),
            number(
                "InternalServerErrorRetries", "Server errors, broken connections, and answers that are no answers."),
        ] + incurable.map { number($0, "Never repeated.") }
    )

    /// What LiteLLM can repeat and this library does not.
    static let incurable = [
        "BadRequestErrorRetries", "AuthenticationErrorRetries", "ContentPolicyViolationErrorRetries",
        "NotFoundErrorRetries",
    ]

    private static func number(_ name: String, _ text: String) -> Property {
        Property(name, .integer(0...100), defaultText: "as less specific settings say", liteLLM: true, text)
    }
}
