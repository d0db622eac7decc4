@testable import HedgeRouter

/// The reference page of metrics, made from the table the library writes them from.
enum MetricsReference {
    static var markdown: String {
        var text = introduction + "\n## Metrics\n\n"
        text += "| Name | Type | Labels | In the stats document | Meaning |\n|---|---|---|---|---|\n"
        for metric in MetricTable.all {
            let labels = metric.labels.isEmpty ? "" : metric.labels.map { "`\($0)`" }.joined(separator: ", ")
            text +=
                "| `\(metric.queryName)` | \(metric.kind.rawValue) | \(labels) | `\(metric.statsPath)` | \(metric.help) |\n"
        }
        text += """

            Buckets of the histograms, in seconds: \(LatencyBuckets.bounds.map { String($0) }.joined(separator: ", ")).

            """
        return text + rest
    }

    private static let introduction = """
        # Metrics, statistics and the attempt log

        What the library can tell of itself: `hr_metrics_text()` for Prometheus and whatever reads its formats, \
        `hr_stats_json()` for everything else, and the attempt log of each request. Prompts, answers and keys are in none \
        of them. This page is made from the table that the metrics are written from.

        Numbers that are estimated say so. What the samples cannot tell is `unidentified` in the stats document and \
        absent from the metrics.

        """

    private static let rest = """

        ## Labels

        `deployment` is `model_info.id`, or a name made from what is called. `use` says what tokens were for: `answer`, or \
        why they bought nothing:

        | `use` | Attempts that |
        |---|---|
        | `answer` | answered their request |
        | `race_loser` | were superseded in a race |
        | `hedge_loser` | were superseded where a hedge was sent: the hedge, or the attempt it was for |
        | `caller_cancel` | their caller gave up, finished or not |
        | `timeout` | passed a timeout, or the request's deadline |
        | `failure` | failed after their answer began, or were cancelled because another attempt's failure ended the request |
        | `canary` | tested a deployment after its cooldown while another one answered |

        ## Tokens and money

        Where the provider reported its usage the tokens are its own. Of attempts without it they are estimated from \
        bytes, in the proportion that the deployment's latest reported usages had to theirs (`estimated="true"`). Prompts \
        are billed once a provider works on them; errors are free. Of a cancelled stream what had come is billed if the \
        provider stops charging then (`cancel_stops_billing`, known for most providers and configurable); where it does \
        not, or nobody knows, and for every answer that does not stream, the whole answer is, which is taken to be as long \
        as the one that was given in its place. Prices are `input_cost_per_token`, `output_cost_per_token`, \
        `cache_read_input_token_cost` and `cache_creation_input_token_cost`; without the first two tokens are counted and \
        money is not. Prompt tokens include those a cache gave or took, completion tokens include reasoning.

        `price_of_saved_second` is the money for attempts that hedging superseded, per request, divided by the mean time \
        saved per request. The money is counted since the start, the time over the samples the router still remembers.

        ## What hedging bought

        For each model group, for requests that stream (time to first token) and for those that do not (time to the whole \
        answer); races are left out.

        * `actual`: as callers saw it.
        * `without_hedging`: what it would have been without hedges, by the Kaplan-Meier method: a request that a hedge \
        answered would have taken longer than that.
        * `without_hedging_by_control`: the same from unhedged requests alone. Hedged ones count only up to the moment \
        their hedge was sent; what lies beyond is known from the control arm (`control_fraction`), and from hedges that \
        were refused.

        Each quantile is `{"status": "identified", "ms", "low_ms", "high_ms"}` with a 95 % confidence interval by \
        Greenwood's formula, or `{"status": "unidentified"}` where fewer than ten samples are left to tell it. \
        `high_ms` is left out where the samples give no upper bound. Simulated with a known truth, intervals of 2,000 \
        requests with a control arm of 5 % all have one, and 98 of 100 hold the true P95; of 400 requests nine in ten have \
        none, and those that have one hold it less often, being runs in which few answers happened to be slow. `saved` is \
        the mean time saved by each request, counted up to `saving_horizon_ms`. The load that hedges put on deployments is \
        in none of them. `curve` has rows of latency in ms, share beyond it as callers saw it, share without hedging, the \
        bounds of that, and whether it is identified.

        ## The attempt log

        The data of each END event, and of each record that `hr_router_options.record_callback` receives, is one JSON object:

        | Member | Meaning |
        |---|---|
        | `id`, `model`, `stream`, `code` | the request, and `HR_OK` or why it failed |
        | `time_unix_ms` | when it ended (records only) |
        | `elapsed_ms` | from submission to its end |
        | `trace_id`, `parent_span_id` | from the caller's `traceparent` |
        | `hedging.arm` | `hedged`, `control`, `race` or `none` |
        | `hedging.threshold_ms`, `threshold_source` | the threshold in force |
        | `hedging.sent`, `no_more_because` | hedges, and why there were no more: `sent` (the last one that was due went out), \
        `threshold_not_reached`, `not_armed`, or the reason one was suppressed |
        | `decisions` | the same in the order of events |
        | `attempts[]` | `deployment`, `role`, `start_ms`, `first_token_ms`, `end_ms` since submission, `ttft_ms` since the \
        attempt's start, `end` (how it ended), `http_status`, `bytes_received`, `won`, `span_id`, `use`, `tokens` with \
        `estimated`, `cost`, `error` |
        | `cost`, `wasted_cost` | of all attempts, and of those that did not answer; absent without prices |
        | `error` | the caller's error; the provider's own words are only in the END event |

        With a `traceparent` in the overrides of a request, each attempt sends one of its own to the provider: the same trace \
        and flags, and `span_id` as parent. A `tracestate` beside it goes along unchanged, up to 512 bytes.

        Records carry each attempt also under OpenTelemetry's names (semantic conventions for generative AI, in \
        development), in `attributes`:

        | Attribute | From |
        |---|---|
        | `gen_ai.operation.name` | `embeddings` for embeddings, `chat` for everything else |
        | `gen_ai.provider.name`, `gen_ai.request.model` | the deployment's provider, under the convention's name for it, and model |
        | `gen_ai.request.stream` | `stream` |
        | `gen_ai.usage.input_tokens`, `gen_ai.usage.output_tokens`, `gen_ai.usage.cache_read.input_tokens`, \
        `gen_ai.usage.cache_write.input_tokens`, `gen_ai.usage.reasoning.output_tokens` | the provider's usage, if it \
        reported one |
        | `gen_ai.response.time_to_first_chunk` | `ttft_ms` of streams, in seconds |
        | `http.response.status_code` | `http_status` |
        | `error.type` | the class of the failure |

        A span of an attempt has `trace_id` and `span_id`, `parent_span_id` as parent, kind client, and starts at \
        `time_unix_ms - elapsed_ms + start_ms`. `ttft_ms` is what `gen_ai.client.operation.time_to_first_chunk` measures, in ms.

        ## Logs

        The log callback gets JSON objects with `event`: at level warn `configuration_warning`, `cooldown_started` and \
        `traceparent_ignored` or `tracestate_ignored`; at info `attempt_failed`, `request_failed`, `canary_allowed`, `recovered` and \
        `state_loaded`. Of records about the same thing at most five come in ten seconds; the next one says in \
        `suppressed_before` how many were left out.

        """
}
