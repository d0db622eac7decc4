import HedgeCore
import HedgeJSON
import HedgeProviders

/// A log record: a level and a JSON object with `event` and its fields.
struct LogRecord {
    var level: LogLevel
    var json: [UInt8]
    /// What records must have in common to be repeats of each other.
    var subject: String

    private init(
        _ level: LogLevel, _ event: String, about subject: String = "", _ fields: (inout JSONWriter) -> Void
    ) {
        self.level = level
        self.subject = "\(event) \(subject)"
        var json = JSONWriter()
        json.beginObject()
        json.member("event", event)
        fields(&json)
        json.endObject()
        self.json = json.bytes
    }

    /// Something in the configuration is accepted but has no effect, or is likely a mistake.
    static func configurationWarning(_ issue: ConfigurationIssue) -> LogRecord {
        LogRecord(.warning, "configuration_warning", about: issue.path) { json in
            json.member("path", issue.path)
            json.member("message", issue.message)
        }
    }

    /// A state document was loaded.
    static func stateLoaded(_ load: StateLoad) -> LogRecord {
        LogRecord(.info, "state_loaded") { json in
            for outcome in HistoryAdoption.allCases { json.member(outcome.name, load[outcome]) }
            json.member("age_ms", load.age.milliseconds.rounded())
        }
    }

    /// The same record, saying how many like it were left out before.
    func counting(suppressed: UInt64) -> LogRecord {
        guard suppressed > 0, json.last == UInt8(ascii: "}") else { return self }
        var record = self
        record.json.removeLast()
        record.json.append(contentsOf: Array(",\"suppressed_before\":\(suppressed)}".utf8))
        return record
    }

    /// A caller's `traceparent` or `tracestate` is not well formed.
    static func traceIgnored(_ header: String) -> LogRecord {
        LogRecord(.warning, header + "_ignored") { json in
            json.member("message", "the \(header) of a request is malformed and was not passed on")
        }
    }

    /// An attempt failed.
    static func attemptFailed(_ deployment: String, _ failure: AttemptFailure) -> LogRecord {
        LogRecord(.info, "attempt_failed", about: "\(deployment) \(failure.kind.name)") { json in
            json.member("deployment", deployment)
            json.member("kind", failure.kind.name)
            json.member("message", failure.error.message)
        }
    }

    /// A request failed; its caller was told.
    static func requestFailed(_ request: RequestRecord, _ failure: RouterError) -> LogRecord {
        LogRecord(.info, "request_failed", about: failure.status.name.description) { json in
            json.member("id", AttemptLog.requestPrefix, request.state.id.rawValue)
            json.member("model", request.chat.model)
            json.member("code", failure.status.name.description)
            json.member("attempts", request.attempts.count)
        }
    }

    /// A deployment's health changed.
    static func healthChanged(_ deployment: String, _ change: HealthChange, now: Int64) -> LogRecord {
        switch change {
        case .cooldownStarted(let until, let cause):
            LogRecord(.warning, "cooldown_started", about: deployment) { json in
                json.member("deployment", deployment)
                json.member("cause", cause.name)
                json.member("for_ms", ((until - Instant(nanoseconds: now)).milliseconds).rounded())
            }
        case .canaryAllowed:
            LogRecord(.info, "canary_allowed", about: deployment) { $0.member("deployment", deployment) }
        case .recovered:
            LogRecord(.info, "recovered", about: deployment) { $0.member("deployment", deployment) }
        }
    }
}
