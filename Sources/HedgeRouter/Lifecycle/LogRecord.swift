import HedgeCore
import HedgeJSON

/// A log record: a level and a JSON object with `event` and its fields.
struct LogRecord {
    var level: LogLevel
    var json: [UInt8]

    private init(_ level: LogLevel, _ event: String, _ fields: (inout JSONWriter) -> Void) {
        self.level = level
        var json = JSONWriter()
        json.beginObject()
        json.member("event", event)
        fields(&json)
        json.endObject()
        self.json = json.bytes
    }

    /// Something in the configuration is accepted but has no effect, or is likely a mistake.
    static func configurationWarning(_ issue: ConfigurationIssue) -> LogRecord {
        LogRecord(.warning, "configuration_warning") { json in
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

    /// A deployment's health changed.
    static func healthChanged(_ deployment: String, _ change: HealthChange, now: Int64) -> LogRecord {
        switch change {
        case .cooldownStarted(let until, let cause):
            LogRecord(.warning, "cooldown_started") { json in
                json.member("deployment", deployment)
                json.member("cause", cause.name)
                json.member("for_ms", ((until - Instant(nanoseconds: now)).milliseconds).rounded())
            }
        case .canaryAllowed:
            LogRecord(.info, "canary_allowed") { $0.member("deployment", deployment) }
        case .recovered:
            LogRecord(.info, "recovered") { $0.member("deployment", deployment) }
        }
    }
}
