import HedgeJSON
import HedgeSimulation

/// `hedgesim run`: some policies on one workload.
enum RunCommand {
    static let options: Set = ["workload", "policies", "requests", "rate", "seeds", "seed", "trace", "json", "svg"]

    static func run(_ words: ArraySlice<String>) async throws(Complaint) {
        let arguments = try Arguments(words, options: options, switches: ["winners-only"])
        let workload = try workload(arguments)
        let policies = try policies(arguments)
        let seeds = try arguments.seeds(atLeast: 1, usually: 1)
        let clock = ContinuousClock()
        let started = clock.now
        let comparison = await Comparison(workload, policies, seeds: seeds)
        let elapsed = (clock.now - started) / .seconds(1)
        let count = Double(workload.requests * policies.count * seeds.count)
        remark("\(text(count)) requests in \(text(elapsed, 1)) s")

        let json = arguments.string("json")
        if let json { try save(document(comparison), to: json) }
        if let svg = arguments.string("svg") {
            let plot = SurvivalPlot(title: workload.name, curves: comparison.rows.map { ($0.policy, $0.curve) })
            try save(Array(plot.svg.utf8), to: svg)
        }
        guard json != "-" else { return }
        print("\(workload.name): \(workload.requests) requests, \(seeds.count) seeds, latencies in ms")
        print(comparison.text)
        if let reasons = comparison.reasons { print("\n" + reasons) }
        if arguments.has("winners-only") {
            print("")
            print(recordingTable(comparison))
        }
    }

    private static func workload(_ arguments: Arguments) throws(Complaint) -> Workload {
        var workload: Workload
        if let path = arguments.string("trace") {
            workload = try traced(path)
        } else {
            let name = arguments.string("workload") ?? "ttft-like"
            guard let known = WorkloadCatalog.workload(name) else {
                throw Complaint("unknown workload \(name); there are " + WorkloadCatalog.names.joined(separator: ", "))
            }
            workload = known
        }
        if let requests = try arguments.count("requests") { workload.requests = requests }
        if let rate = try arguments.number("rate") {
            guard rate > 0 else { throw Complaint("--rate needs a positive number") }
            workload.arrivalsPerSecond = rate
        }
        return workload
    }

    /// A workload of the providers of a trace, each a deployment that repeats its rows.
    private static func traced(_ path: String) throws(Complaint) -> Workload {
        let bytes = try contents(of: path)
        do throws(TraceError) {
            let providers = TraceRow.byProvider(try TraceRow.rows(ofCSV: String(decoding: bytes, as: UTF8.self)))
            let servers = providers.map { ServerModel(.trace($0.rows)) }
            return Workload(
                name: "trace of " + providers.map(\.provider).joined(separator: ", "), servers: servers,
                arrivalsPerSecond: 5, requests: 50_000)
        } catch {
            throw Complaint("\(path): line \(error.line): \(error.message)")
        }
    }

    private static func policies(_ arguments: Arguments) throws(Complaint) -> [SimulatedPolicy] {
        var policies = PolicyCatalog.usual
        if let names = arguments.list("policies") {
            policies = []
            for name in names {
                guard let policy = PolicyCatalog.policy(name) else {
                    throw Complaint("unknown policy \(name); there are " + PolicyCatalog.names.joined(separator: ", "))
                }
                policies.append(policy)
            }
        }
        if arguments.has("winners-only") { policies += PolicyCatalog.recording }
        guard !policies.isEmpty else { throw Complaint("no policy to run") }
        return policies
    }

    /// What a router believes that records so, against what is true.
    private static func recordingTable(_ comparison: Comparison) -> String {
        let truth = comparison[PolicyCatalog.none.name]
        let rows = comparison.rows.filter { $0.runs.contains { $0.recordedP99 != nil } }.map { row in
            [
                row.policy, text(row.mean { $0.meanThreshold ?? .nan }), truth.map { text($0.mean(\.p95)) } ?? "-",
                percent(row.mean(\.hedgeShare)), recorded(row),
                truth.map { text($0.mean(\.p99)) } ?? "-",
            ]
        }
        return table(["recording", "threshold", "true p95", "hedges", "recorded p99", "true p99"], rows)
    }

    /// The mean of what is identified, and of how many runs.
    private static func recorded(_ row: Comparison.Row) -> String {
        let values = row.runs.compactMap(\.recordedP99).filter(\.isFinite)
        guard !values.isEmpty else { return "unidentified" }
        let mean = text(values.reduce(0, +) / Double(values.count))
        return values.count == row.runs.count ? mean : "\(mean) (\(values.count) of \(row.runs.count))"
    }

    private static func document(_ comparison: Comparison) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.member("workload", comparison.workload.name)
        json.member("requests", comparison.workload.requests)
        json.key("seeds")
        json.beginArray()
        for seed in comparison.seeds { json.value(Int(seed)) }
        json.endArray()
        json.key("policies")
        json.beginArray()
        for row in comparison.rows { append(row, to: &json) }
        json.endArray()
        json.endObject()
        return json.bytes + [UInt8(ascii: "\n")]
    }

    private static func append(_ row: Comparison.Row, to json: inout JSONWriter) {
        json.beginObject()
        json.member("policy", row.policy)
        json.key("runs")
        json.beginArray()
        for run in row.runs {
            json.beginObject()
            json.member("p50_ms", run.p50)
            json.member("p95_ms", run.p95)
            json.member("p99_ms", run.p99)
            json.member("p999_ms", run.p999)
            json.member("mean_ms", run.mean)
            json.member("failed", run.failed)
            json.member("extra_requests", run.extraRequests)
            json.member("extra_work", run.extraWork)
            if let threshold = run.meanThreshold { json.member("mean_threshold_ms", threshold) }
            json.endObject()
        }
        json.endArray()
        json.endObject()
    }
}
