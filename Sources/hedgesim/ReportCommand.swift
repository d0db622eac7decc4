import HedgeJSON
import HedgeSimulation

/// `hedgesim report`: what the core claims, against what it does.
enum ReportCommand {
    static func run(_ words: ArraySlice<String>) async throws(Complaint) {
        let arguments = try Arguments(words, options: ["seeds", "seed", "scale", "sections", "json"], switches: [])
        let report = Report(
            seeds: try arguments.seeds(atLeast: 5, usually: 5), scale: try arguments.number("scale") ?? 1)
        let names = arguments.list("sections") ?? Report.sections.map(\.name)
        for name in names where !Report.sections.contains(where: { $0.name == name }) {
            let known = Report.sections.map(\.name).joined(separator: ", ")
            throw Complaint("unknown section \(name); there are \(known)")
        }
        print("# Simulated latencies in ms; seeds \(report.seeds.map(String.init).joined(separator: ", "))\n")
        let clock = ContinuousClock()
        var sections: [ReportSection] = []
        for section in Report.sections where names.contains(section.name) {
            let started = clock.now
            let result = await section.run(report)
            remark("\(section.name): \(text((clock.now - started) / .seconds(1), 1)) s")
            print(result.text)
            sections.append(result)
        }
        print(speed())
        let claims = sections.flatMap(\.claims)
        let met = claims.count(where: \.isMet)
        if let path = arguments.string("json") { try save(document(report, sections), to: path) }
        print("\(met) claims ok, \(claims.count - met) missed")
    }

    /// How fast the simulation is on one processor of this machine; a figure, not a claim, as machines differ.
    private static func speed() -> String {
        guard let workload = WorkloadCatalog.workload("ttft-like", requests: 200_000) else { return "" }
        let clock = ContinuousClock()
        let started = clock.now
        let result = PolicyCatalog.ours.run(workload, seed: 1)
        let minutes = (clock.now - started) / .seconds(60)
        let rate = Double(result.latencies.count) / minutes / 1e6
        return "speed: \(text(rate, 1)) million simulated requests a minute on one core\n"
    }

    private static func document(_ report: Report, _ sections: [ReportSection]) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("seeds")
        json.beginArray()
        for seed in report.seeds { json.value(Int(seed)) }
        json.endArray()
        json.key("claims")
        json.beginArray()
        for section in sections {
            for claim in section.claims {
                json.beginObject()
                json.member("section", section.title)
                json.member("claim", claim.statement)
                json.member("target", claim.target)
                json.member("measured", claim.measured)
                json.member("ok", claim.isMet)
                json.endObject()
            }
        }
        json.endArray()
        json.endObject()
        return json.bytes + [UInt8(ascii: "\n")]
    }
}
