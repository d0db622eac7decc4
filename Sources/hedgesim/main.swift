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
      help      this text
    """

do throws(Complaint) {
    let words = CommandLine.arguments.dropFirst()
    switch words.first {
    case "run": try await RunCommand.run(words.dropFirst())
    case "report": try await ReportCommand.run(words.dropFirst())
    case "help", "--help", nil: print(usage)
    case let command?: throw Complaint("unknown command \(command); try hedgesim help")
    }
} catch {
    remark("hedgesim: \(error.message)")
    exit(2)
}
