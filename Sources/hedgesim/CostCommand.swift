import Glibc
import HedgeCore
import HedgeJSON
import HedgeSimulation

/// `hedgesim cost`: what decisions cost on this machine.
enum CostCommand {
    static func run(_ words: ArraySlice<String>) throws(Complaint) {
        let arguments = try Arguments(words, options: ["requests", "deployments", "json"], switches: [])
        let requests = try arguments.count("requests") ?? 500_000
        let deployments = try arguments.count("deployments") ?? 1000
        let nanoseconds = nanosecondsPerEvent(requests)
        let bytes = try bytesPerDeployment(deployments)
        var json = JSONWriter()
        json.beginObject()
        json.member("events_per_second", (1e9 / nanoseconds).rounded())
        json.member("nanoseconds_per_event", nanoseconds.rounded())
        json.member("bytes_per_deployment", bytes)
        json.endObject()
        if let path = arguments.string("json") { try save(json.bytes + [UInt8(ascii: "\n")], to: path) }
        guard arguments.string("json") != "-" else { return }
        print("core: \(text(1e9 / nanoseconds)) events/s (\(text(nanoseconds)) ns each), \(bytes) bytes per deployment")
    }

    /// A core with groups of five deployments.
    private static func core(_ deployments: Int) -> RouterCore {
        let ids = (0..<deployments).map(DeploymentID.init(rawValue:))
        let groups = stride(from: 0, to: deployments, by: 5).map { first in
            GroupConfiguration(
                id: GroupID(rawValue: first / 5), deployments: Array(ids[first..<min(first + 5, deployments)]))
        }
        let configuration = CoreConfiguration(
            deployments: ids.map { DeploymentConfiguration(id: $0) }, groups: groups, policy: Policy())
        return RouterCore(configuration: configuration, seed: 1)
    }

    /// Events of ordinary requests to one group, 1000 a second: submitted, first token, ended.
    private static func nanosecondsPerEvent(_ requests: Int) -> Double {
        var core = core(5)
        var actions: [Action] = []
        var waiting: [(at: Instant, attempt: AttemptID)] = []
        var answered = 0
        var events = 0
        func tell(_ event: Event, at now: Instant) {
            actions.removeAll(keepingCapacity: true)
            core.handle(event, at: now, into: &actions)
            events += 1
        }
        let clock = ContinuousClock()
        let started = clock.now
        for request in 0..<requests {
            let now = Instant(nanoseconds: 0) + .milliseconds(Int64(request))
            while answered < waiting.count, waiting[answered].at <= now {
                tell(.firstToken(waiting[answered].attempt), at: now)
                tell(.attemptEnded(waiting[answered].attempt, .succeeded(nil)), at: now)
                answered += 1
            }
            while let deadline = core.nextDeadline, deadline <= now { tell(.timeReached, at: now) }
            let traits = RequestTraits(group: GroupID(rawValue: 0), isStream: true)
            tell(.submitted(RequestID(rawValue: UInt64(request)), traits), at: now)
            let latency = Interval.milliseconds(Int64(300 + request % 64))
            for case .startAttempt(let start) in actions where start.role == .primary {
                waiting.append((now + latency, start.attempt))
            }
        }
        return (clock.now - started) / .nanoseconds(1) / Double(max(1, events))
    }

    /// What the process grows by for a deployment that has served requests of two sizes, streamed ones and others.
    private static func bytesPerDeployment(_ deployments: Int) throws(Complaint) -> Int {
        let before = try residentBytes()
        var core = core(deployments)
        var actions: [Action] = []
        var request: UInt64 = 0
        var now = Instant(nanoseconds: 0)
        for round in 0..<40 {
            for group in 0..<((deployments + 4) / 5) {
                request += 1
                now = now + .milliseconds(Int64(1))
                let traits = RequestTraits(
                    group: GroupID(rawValue: group), isStream: round % 2 == 0, promptBytes: round % 4 < 2 ? 1000 : 9000)
                actions.removeAll(keepingCapacity: true)
                core.handle(.submitted(RequestID(rawValue: request), traits), at: now, into: &actions)
                let later = now + .milliseconds(Int64(300 + round))
                for case .startAttempt(let start) in actions {
                    var answer: [Action] = []
                    core.handle(.attemptEnded(start.attempt, .succeeded(nil)), at: later, into: &answer)
                }
            }
        }
        let after = try residentBytes()
        // Keeps the core alive until its size was taken.
        guard core.inconsistencies < .max, after > before else { return 0 }
        return Int((after - before) / max(1, deployments))
    }

    /// Memory of the process that is in use.
    private static func residentBytes() throws(Complaint) -> Int {
        let fields = String(decoding: try contents(of: "/proc/self/statm"), as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { throw Complaint("/proc/self/statm: no page count") }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
