import HedgeSimulation

/// `hedgesim replay`: what other settings would have done to the requests of a log.
enum ReplayCommand {
    static func run(_ words: ArraySlice<String>) throws(Complaint) {
        let arguments = try Arguments(words, options: ["thresholds", "budgets", "draws", "seed"], switches: [])
        guard let path = arguments.names.first, arguments.names.count == 1 else {
            throw Complaint("replay needs one file of attempt logs")
        }
        let log = try log(path)
        let replay = LogReplay(log)
        let draws = try arguments.count("draws") ?? 40
        let seed = UInt64(try arguments.count("seed") ?? 1)
        print("\(log.requests.count) requests, \(log.leftOut) left out; latencies in ms, 95 % of \(draws) draws\n")
        var rows = [row("as logged", "", replay.asLogged())]
        let unhedged = LogReplay.Question(threshold: .never, budget: 0)
        rows.append(row("no hedge", "", replay.answer(unhedged, draws: draws, seed: seed)))
        for name in arguments.list("thresholds") ?? ["p90", "p95", "p99"] {
            let threshold = try threshold(name)
            for budget in arguments.list("budgets") ?? ["0.05", "0.10"] {
                guard let share = Double(budget), share > 0, share <= 1 else {
                    throw Complaint("--budgets needs shares up to 1, not \(budget)")
                }
                let question = LogReplay.Question(threshold: threshold, budget: share)
                rows.append(row(name, percent(share, 0), replay.answer(question, draws: draws, seed: seed)))
            }
        }
        print(table(["threshold", "budget", "p50", "p95", "p99", "p99.9", "hedges"], rows))
    }

    private static func log(_ path: String) throws(Complaint) -> RequestLog {
        let bytes = try contents(of: path)
        do throws(LogError) {
            return try RequestLog(bytes)
        } catch {
            throw Complaint("\(path): line \(error.line): \(error.message)")
        }
    }

    /// `p95` or a number of milliseconds.
    private static func threshold(_ name: String) throws(Complaint) -> LogReplay.Threshold {
        if name.hasPrefix("p"), let percentile = Double(name.dropFirst()), percentile > 0, percentile < 100 {
            return .percentile(percentile / 100)
        }
        guard let delay = Double(name), delay.isFinite, delay >= 0 else {
            throw Complaint("a threshold is a number of ms, or a percentile such as p95, not \(name)")
        }
        return .milliseconds(delay)
    }

    private static func row(_ name: String, _ budget: String, _ answer: LogReplay.Answer) -> [String] {
        let quantiles = answer.quantiles.map { range in
            guard let range else { return "unidentified" }
            return range.low == range.high
                ? text(range.middle) : "\(text(range.middle)) (\(text(range.low))-\(text(range.high)))"
        }
        return [name, budget] + quantiles + [percent(answer.hedges)]
    }
}
