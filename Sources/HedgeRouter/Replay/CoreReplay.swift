import HedgeCore
import HedgeJSON

/// Runs a timeline of events through the decision core under a virtual clock, for `hr_sim_core`.
///
/// The script and the result are JSON; attempts are numbered in the order in which they start.
public struct CoreReplay: ~Copyable {
    private var core: RouterCore
    private var table: RoutingTable
    private var registry: DeploymentRegistry
    private var result = JSONWriter()
    private var now = Instant(nanoseconds: 0)

    private var requestNames: [RequestID: String] = [:]
    private var requestIDs: [String: RequestID] = [:]
    /// Attempts by number less one, and whether they still run.
    private var attempts: [(id: AttemptID, isRunning: Bool, request: RequestID)] = []
    private var attemptNumbers: [AttemptID: Int] = [:]

    /// Runs a script and returns what the core did.
    public static func run(_ script: UnsafeRawBufferPointer) throws(RouterError) -> [UInt8] {
        let root = try parse(script).root
        guard let config = root["config"] else { throw RouterError(.invalid, "a script needs this", path: "config") }
        let seed = root["seed"]?.integer ?? 0
        var replay = try CoreReplay(config: config, seed: UInt64(bitPattern: seed))
        return try replay.run(timeline: root["timeline"])
    }

    private static func parse(_ script: UnsafeRawBufferPointer) throws(RouterError) -> JSONDocument {
        do throws(JSONParseError) {
            return try JSONDocument.parse(script.bindMemory(to: UInt8.self).span)
        } catch {
            var failure = RouterError(.invalid, error.message)
            failure.detail = Int32(clamping: error.offset)
            throw failure
        }
    }

    private init(config: JSONValue, seed: UInt64) throws(RouterError) {
        registry = DeploymentRegistry()
        table = try Self.table(config, registry: &registry)
        core = RouterCore(configuration: table.core, seed: seed)
    }

    private static func table(
        _ config: JSONValue, registry: inout DeploymentRegistry
    ) throws(RouterError) -> RoutingTable {
        let text = config.compactBytes
        return RoutingTable(try RouterConfiguration(reading: text), registry: &registry)
    }

    private mutating func run(timeline: JSONValue?) throws(RouterError) -> [UInt8] {
        result.beginObject()
        result.key("steps")
        result.beginArray()
        for index in 0..<(timeline?.count ?? 0) {
            guard let step = timeline?[index] else { break }
            try run(step, path: "timeline[\(index)]")
        }
        result.endArray()
        result.key("next_deadline")
        if let due = core.nextDeadline { result.value(milliseconds(due)) } else { result.null() }
        result.member("inconsistencies", core.inconsistencies)
        result.key("stats")
        result.raw(
            StatisticsSnapshot(
                core: core.report(at: now), table: table, attemptsInFlight: attempts.count { $0.isRunning },
                inconsistencies: core.inconsistencies
            ).json())
        result.endObject()
        return result.bytes
    }

    private mutating func run(_ step: JSONValue, path: String) throws(RouterError) {
        guard let at = step["at"]?.number, let event = step["event"] else {
            throw RouterError(.invalid, "a step needs a number `at` and an `event`", path: path)
        }
        let instant = Instant(nanoseconds: 0) + .milliseconds(at)
        guard instant >= now else { throw RouterError(.invalid, "time runs backwards", path: "\(path).at") }
        result.beginObject()
        result.member("at", at)
        result.key("actions")
        result.beginArray()
        try advance(to: instant)
        now = instant
        try take(event, path: "\(path).event")
        result.endArray()
        result.endObject()
    }

    /// Tells the core of every time it asked to be told of.
    private mutating func advance(to instant: Instant) throws(RouterError) {
        var turns = 0
        while let due = core.nextDeadline, due <= instant {
            now = max(now, due)
            tell(.timeReached)
            turns += 1
            guard turns < 1_000_000 else {
                throw RouterError(.internalError, "the core asks for the same time again and again")
            }
        }
    }

    private mutating func tell(_ event: Event) {
        var actions: [Action] = []
        core.handle(event, at: now, into: &actions)
        for action in actions { write(action) }
    }

    private func milliseconds(_ instant: Instant) -> Double {
        Double(instant.nanoseconds) / 1e6
    }
}

// MARK: - Events

extension CoreReplay {
    private mutating func take(_ event: JSONValue, path: String) throws(RouterError) {
        guard let (name, fields) = event.members.first(where: { _ in true }), event.count == 1 else {
            throw RouterError(.invalid, "an event is an object with one key", path: path)
        }
        let path = "\(path).\(name)"
        switch name {
        case "submit": try submit(fields, path: path)
        case "first_token": try tellOfAttempt(fields, path: path) { .firstToken($0) }
        case "progressed": try tellOfAttempt(fields, path: path) { .progressed($0) }
        case "paused": try tellOfAttempt(fields, path: path) { .paused($0) }
        case "resumed": try tellOfAttempt(fields, path: path) { .resumed($0) }
        case "ended": try end(fields, path: path)
        case "cancel": tell(.cancelled(try request(fields, path: path)))
        case "reload":
            guard let config = fields["config"] else { throw RouterError(.invalid, "missing", path: "\(path).config") }
            table = try Self.table(config, registry: &registry)
            tell(.configurationReplaced(table.core))
        case "advance": break
        case "observe": try observe(fields, path: path)
        default: throw RouterError(.invalid, "no such event", path: path)
        }
    }

    private mutating func submit(_ fields: JSONValue, path: String) throws(RouterError) {
        guard let name = fields["request"]?.string, requestIDs[name] == nil else {
            throw RouterError(.invalid, "a new name is needed", path: "\(path).request")
        }
        guard let group = fields["group"]?.string.flatMap({ table.groups[$0] }) else {
            throw RouterError(.invalid, "no such model group", path: "\(path).group")
        }
        var traits = RequestTraits(
            group: group.id, isStream: fields["stream"]?.bool ?? false,
            promptBytes: Int(clamping: fields["prompt_bytes"]?.integer ?? 0))
        if let overrides = fields["overrides"] {
            let text = overrides.compactBytes
            var options = Router.SubmitOptions()
            try options.read(overrides: text)
            traits.overrides = try table.overrides(options)
            traits.deadline = options.timeout.map { now + $0 }
        }
        if let timeout = fields["timeout_ms"]?.number { traits.deadline = now + .milliseconds(timeout) }
        let id = RequestID(rawValue: UInt64(requestIDs.count + 1))
        requestIDs[name] = id
        requestNames[id] = name
        tell(.submitted(id, traits))
    }

    private func request(_ fields: JSONValue, path: String) throws(RouterError) -> RequestID {
        guard let id = fields["request"]?.string.flatMap({ requestIDs[$0] }) else {
            throw RouterError(.invalid, "no such request", path: "\(path).request")
        }
        return id
    }

    /// The index of the attempt an event is about; nil when it has ended, whose driver drops the event.
    private func attempt(_ fields: JSONValue, path: String) throws(RouterError) -> Int? {
        guard let number = fields["attempt"]?.integer, number >= 1, number <= attempts.count else {
            throw RouterError(.invalid, "no such attempt", path: "\(path).attempt")
        }
        let index = Int(number) - 1
        return attempts[index].isRunning ? index : nil
    }

    private mutating func tellOfAttempt(
        _ fields: JSONValue, path: String, _ event: (AttemptID) -> Event
    ) throws(RouterError) {
        guard let index = try attempt(fields, path: path) else { return }
        tell(event(attempts[index].id))
    }

    private mutating func end(_ fields: JSONValue, path: String) throws(RouterError) {
        let outcome: AttemptOutcome
        if let usage = fields["ok"] {
            let prompt = usage["prompt_tokens"]?.integer
            let completion = usage["completion_tokens"]?.integer
            outcome = .succeeded(
                prompt.flatMap { prompt in
                    completion.map { Usage(promptTokens: Int(clamping: prompt), completionTokens: Int(clamping: $0)) }
                })
        } else if let failed = fields["failed"] {
            guard let kind = failed["kind"]?.string.flatMap(FailureKind.init(caseName:)) else {
                throw RouterError(.invalid, "no such kind of failure", path: "\(path).failed.kind")
            }
            outcome = .failed(
                Failure(
                    kind: kind, retryAfter: failed["retry_after_ms"]?.number.map { .milliseconds($0) },
                    mayRepeat: failed["may_repeat"]?.bool))
        } else {
            throw RouterError(.invalid, "an end needs `ok` or `failed`", path: path)
        }
        guard let index = try attempt(fields, path: path) else { return }
        attempts[index].isRunning = false
        tell(.attemptEnded(attempts[index].id, outcome))
    }

    private mutating func observe(_ fields: JSONValue, path: String) throws(RouterError) {
        guard let key = fields["deployment"]?.string,
            let deployment = table.deployments.values.first(where: { $0.key == key })
        else { throw RouterError(.invalid, "no such deployment", path: "\(path).deployment") }
        let isStream = fields["stream"]?.bool ?? true
        guard let values = fields["ttft_ms"] ?? fields["total_ms"] else {
            throw RouterError(.invalid, "`ttft_ms` or `total_ms` is needed", path: path)
        }
        for value in values.elements {
            guard let latency = value.number else { throw RouterError(.invalid, "not a number", path: path) }
            core.observe(.milliseconds(latency), of: deployment.id, isStream: isStream, at: now)
        }
    }
}

extension FailureKind {
    fileprivate init?(caseName: String) {
        guard let kind = FailureKind.allCases.first(where: { "\($0)" == caseName }) else { return nil }
        self = kind
    }
}

// MARK: - Actions

extension CoreReplay {
    private mutating func write(_ action: Action) {
        result.beginObject()
        switch action {
        case .startAttempt(let start):
            attempts.append((start.attempt, true, start.request))
            attemptNumbers[start.attempt] = attempts.count
            begin("start")
            result.member("attempt", attempts.count)
            write(start.request)
            write(start.deployment)
            result.member("role", start.role.rawValue)
        case .cancelAttempt(let id, let reason):
            stop(id)
            begin("cancel")
            write(id)
            result.member("reason", reason.scriptName)
        case .commit(let request, let attempt):
            begin("commit")
            write(request)
            write(attempt)
        case .finish(let request, let outcome):
            begin("finish")
            write(request)
            write(outcome)
        case .note(let request, let note):
            begin("note")
            write(request)
            write(note)
        case .healthChanged(let deployment, let change):
            begin("health")
            write(deployment)
            write(change)
        case .startProbe(let start):
            attempts.append((start.attempt, true, RequestID(rawValue: 0)))
            attemptNumbers[start.attempt] = attempts.count
            begin("probe")
            result.member("attempt", attempts.count)
            write(start.deployment)
        }
        result.endObject()
        result.endObject()
    }

    private mutating func begin(_ name: StaticString) {
        result.key(name)
        result.beginObject()
        result.member("at", milliseconds(now))
    }

    private mutating func stop(_ id: AttemptID) {
        guard let number = attemptNumbers[id], attempts.indices.contains(number - 1) else { return }
        attempts[number - 1].isRunning = false
    }

    private mutating func write(_ id: RequestID) {
        result.member("request", requestNames[id] ?? "?")
    }

    private mutating func write(_ id: AttemptID) {
        result.member("attempt", attemptNumbers[id] ?? 0)
    }

    private mutating func write(_ id: DeploymentID) {
        result.member("deployment", table.deployments[id]?.key ?? "?")
    }

    private mutating func write(_ outcome: RequestOutcome) {
        switch outcome {
        case .succeeded(let id):
            result.member("ok", true)
            write(id)
        case .failed(.attempt(let id)):
            result.member("failed", "attempt")
            write(id)
        case .failed(.interrupted(let id)):
            result.member("failed", "interrupted")
            write(id)
        case .failed(.deadline):
            result.member("failed", "deadline")
        case .failed(.cancelled):
            result.member("failed", "cancelled")
        case .failed(.noDeployment(let wait)):
            result.member("failed", "noDeployment")
            if let wait { result.member("retry_after_ms", wait.milliseconds) }
        case .failed(.queueFull(let wait)):
            result.member("failed", "queueFull")
            if let wait { result.member("retry_after_ms", wait.milliseconds) }
        case .failed(.internalError):
            result.member("failed", "internalError")
        }
    }

    private mutating func write(_ note: DecisionNote) {
        switch note {
        case .raced:
            result.member("raced", true)
        case .hedgeArmed(let threshold, let source):
            result.key("hedgeArmed")
            result.beginObject()
            result.member("threshold_ms", threshold.milliseconds)
            result.member("source", source.rawValue)
            result.endObject()
        case .hedgeSuppressed(let reason):
            result.member("hedgeSuppressed", reason.rawValue)
        case .retryScheduled(let wait):
            result.member("retryWait_ms", wait.milliseconds)
        case .fellBack(let group, let reason):
            result.member("fallback", table.groupNames[group] ?? "?")
            result.member("reason", reason.rawValue)
        }
    }

    private mutating func write(_ change: HealthChange) {
        switch change {
        case .cooldownStarted(let until, let cause):
            result.key("cooldownStarted")
            result.beginObject()
            result.member("until", milliseconds(until))
            result.member("cause", cause.scriptName)
            result.endObject()
        case .canaryAllowed:
            result.member("canaryAllowed", true)
        case .recovered:
            result.member("recovered", true)
        }
    }
}

extension CooldownCause {
    /// The cause's name in scripts.
    fileprivate var scriptName: String {
        switch self {
        case .failure(let kind): "\(kind)"
        case .latency: "latency"
        }
    }
}

extension CancelReason {
    /// The reason's name in scripts.
    fileprivate var scriptName: String {
        switch self {
        case .superseded: "superseded"
        case .callerCancelled: "callerCancelled"
        case .deadline: "deadline"
        case .requestFailed: "requestFailed"
        case .timedOut(.firstToken): "firstTokenTimeout"
        case .timedOut(.gap): "gapTimeout"
        case .timedOut(.total): "totalTimeout"
        }
    }
}
