public import HedgeCore
import HedgeJSON
public import HedgeProviders

/// The document with which one request changes its routing: `hr_submit_options.overrides`.
public struct RequestOverridesDocument: Sendable {
    /// What takes the place of the configured settings.
    public var overrides: RequestOverrides

    /// Names of the model groups to go on to; nil as configured.
    public var fallbacks: [String]?

    /// Deadline of the request, counted from its submission; nil when the document gives none.
    public var timeout: Interval?

    /// The caller's `traceparent` as given; nil when the document has none.
    public var traceParent: String?

    /// The caller's `tracestate` as given; nil when the document has none.
    public var traceState: String?

    /// What is asked for; nil for chat completions.
    public var operation: HedgeProviders.Operation?

    /// Whether providers are asked to stream for a caller that does not; nil as configured.
    public var streamsUpstream: Bool?

    /// Reads an overrides document.
    ///
    /// The environment is not read: what comes with a request must not be able to ask for it.
    public static func parse(
        _ bytes: UnsafeRawBufferPointer
    ) -> Result<RequestOverridesDocument, ConfigurationReport> {
        let document: DocumentValue
        do throws(JSONParseError) {
            document = try bytes.withMemoryRebound(to: UInt8.self) { bytes throws(JSONParseError) in
                try DocumentValue.parse(bytes.span)
            }
        } catch {
            return .failure(ConfigurationReport(notJSON: error))
        }
        return parse(document)
    }

    static func parse(_ document: DocumentValue) -> Result<RequestOverridesDocument, ConfigurationReport> {
        var reader = DocumentReader(environment: nil)
        let settings = reader.read(document, as: section, at: "")
        guard let settings, reader.errors.isEmpty else {
            return .failure(ConfigurationReport(errors: reader.errors, warnings: reader.warnings))
        }
        return .success(
            RequestOverridesDocument(
                overrides: RequestOverrides(
                    hedgeThreshold: settings.milliseconds("hedge_threshold_ms"),
                    maxParallelAttempts: settings.integer("max_parallel_requests"),
                    retries: settings.integer("num_retries"),
                    disableFallbacks: settings.boolean("disable_fallbacks") ?? false,
                    priority: settings.integer("priority")
                ),
                fallbacks: settings["fallbacks"] == nil ? nil : settings.list("fallbacks").compactMap(Self.name),
                timeout: settings.seconds("timeout"),
                traceParent: settings.text("traceparent"),
                traceState: settings.text("tracestate"),
                operation: settings.text("endpoint").flatMap { HedgeProviders.Operation(rawValue: $0) },
                streamsUpstream: settings.boolean("stream_upstream")
            )
        )
    }

    /// The model group that an element of `fallbacks` names.
    private static func name(_ target: Setting?) -> String? {
        switch target {
        case .text(let text)?: text.value
        case .section(let item)?: item.text("model")
        default: nil
        }
    }

    /// The keys of the document.
    static let section = Section(
        title: "overrides",
        text: """
            `hr_submit_options.overrides`: a JSON object with settings that take the place of the configured ones for \
            one request. It does not read the environment.
            """,
        properties: [
            Property(
                "hedge_threshold_ms", .number(.from(0, to: DocumentProperties.day * 1000)),
                defaultText: "as configured", unit: .milliseconds, liteLLM: false, "Fixes the hedge threshold."
            ),
            Property(
                "max_parallel_requests", .integer(1...16), defaultText: "as configured", liteLLM: false,
                "Attempts in flight for this request, race or hedge. 1 means neither."
            ),
            HealthProperties.priority,
            Property(
                "num_retries", .integer(0...100), defaultText: "as configured", liteLLM: true,
                "Further attempts after failures in each model group, whatever is configured."
            ),
            Property(
                "fallbacks", .list(of: RetryProperties.target, minimum: 0), defaultText: "as configured", liteLLM: true,
                """
                Model groups to go on to, in place of the configured `fallbacks`: `["claude"]`. Those for prompts too \
                long and for refused requests stay as configured.
                """
            ),
            Property(
                "disable_fallbacks", .boolean, default: .boolean(false), liteLLM: true,
                "Whether the request stays in its own model group."
            ),
            Property(
                "timeout", .number(.above(0, to: DocumentProperties.day)),
                defaultText: "`router_settings.timeout`", unit: .seconds, liteLLM: true,
                """
                Deadline for everything done for this request. `hr_submit_options.timeout_ms`, where it is not 0, \
                comes before it.
                """
            ),
            Property(
                "endpoint", .choice(HedgeProviders.Operation.allCases.map(\.rawValue)),
                default: .text(HedgeProviders.Operation.chat.rawValue), liteLLM: false,
                """
                What the request document is, and the answer will be. `/v1/embeddings` is translated for every \
                provider that has embeddings; `/v1/responses` and `/v1/messages` go as they are to deployments that \
                speak them.
                """
            ),
            Property(
                "stream_upstream", .boolean, defaultText: "`router_settings.stream_upstream`", liteLLM: false,
                "Whether providers are asked to stream although the caller does not."
            ),
            Property(
                "traceparent", .text(.optionalHeaderValue), liteLLM: false,
                """
                The caller's place in a distributed trace, as in the header of W3C Trace Context. Each attempt gets a \
                span of its own, which is sent to the provider and is in the attempt log. A malformed one is ignored, \
                with a warning in the log.
                """
            ),
            Property(
                "tracestate", .text(.optionalHeaderValue), liteLLM: false,
                """
                What tracing systems have to say beside `traceparent`, as in the header of W3C Trace Context; it goes to \
                the provider as it is, cut at whole entries to 512 bytes. Without a valid `traceparent` or when malformed \
                (also with more than 32 entries) it is ignored, with a warning in the log.
                """
            ),
        ]
    )
}
