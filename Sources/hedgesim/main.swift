import Glibc
import HedgeSimulation

let usage = """
    Usage: hedgesim COMMAND [OPTION]...

    Runs the routing core under virtual time against simulated deployments.

      run       compare policies on one workload
                --workload NAME    one of: \(WorkloadCatalog.names.joined(separator: " "))
                --trace FILE       deployments that repeat the rows of a CSV file (provider,ttft_ms,total_ms,error)
                --policies A,B     among: \(PolicyCatalog.names.joined(separator: " "))
                --requests N --rate PER_SECOND --seeds N --seed FIRST
                --winners-only     add routers that record in several ways, and what each believes
                --json FILE --svg FILE     write numbers, or the survival curves (- is standard output)
      report    what the core claims against what it does, on fixed seeds
                --sections A,B     among: \(Report.sections.map(\.name).joined(separator: " "))
                --seeds N --seed FIRST --scale SHARE_OF_REQUESTS --json FILE
      replay    what other settings would have done to logged requests
                FILE               one JSON document of an END event on each line
                --thresholds A,B   milliseconds, or percentiles such as p95
                --budgets A,B      hedges as shares of requests
                --draws N --seed N
      cost      what decisions cost on this machine: time of an event, memory of a deployment
                --requests N --deployments N --json FILE
      help      this text
    """

do throws(Complaint) {
    let words = CommandLine.arguments.dropFirst()
    switch words.first {
    case "run": try await RunCommand.run(words.dropFirst())
    case "report": try await ReportCommand.run(words.dropFirst())
    case "replay": try ReplayCommand.run(words.dropFirst())
    case "cost": try CostCommand.run(words.dropFirst())
    case "help", "--help", nil: print(usage)
    case let command?: throw Complaint("unknown command \(command); try hedgesim help")
    }
} catch {
    remark("hedgesim: \(error.message)")
    exit(2)
}
