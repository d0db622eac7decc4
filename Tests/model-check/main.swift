import Glibc

// Tells the core random events and checks every action: `model-check SEED EVENTS`.
//
// Many short runs meet more configurations than one long one. Runs are seeded one after the other from SEED on; a seed
// that fails is printed with what went wrong, and belongs among those that the unit tests repeat.

let length = 2500
let arguments = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
let first = arguments.first ?? 1
let wanted = arguments.dropFirst().first.map { Int(clamping: $0) } ?? 1_000_000

var events = 0
var actions = 0
var runs: UInt64 = 0
var failed = 0
while events < wanted, failed < 10 {
    let seed = first &+ runs
    var run = RandomRun(seed: seed)
    run.run(events: length)
    runs += 1
    events += run.events
    actions += run.actionCount
    if !run.checker.violations.isEmpty {
        failed += 1
        print("seed \(seed): \(run.checker.violations)")
    }
}
print("\(events) events and \(actions) actions in \(runs) runs, seeds \(first) to \(first &+ (runs - 1))")
print(failed == 0 ? "no rule was broken" : "rules were broken by the seeds above")
if failed > 0 || actions < events / 10 { exit(1) }
