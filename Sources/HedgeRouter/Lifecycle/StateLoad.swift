import HedgeCore

/// What a router has learnt, taken in one turn of its loop.
struct StateSnapshot: Sendable {
    var learned: LearnedState
    var table: RoutingTable
    /// Milliseconds since 1970.
    var savedAt: Int64

    /// The snapshot as a document; deployments without any history are left out.
    var document: StateDocument {
        let entries = learned.histories.compactMap { learned in
            table.deployments[learned.id].map { StateDocument.Entry(key: $0.key, history: learned.history) }
        }
        // A wall clock that was never set must not make the document one that no router reads.
        return StateDocument(savedAt: min(max(0, savedAt), StateDocument.latestTime), entries: entries)
    }
}

/// What became of the histories of one state document.
struct StateLoad: Sendable {
    /// Time between saving and loading.
    var age: Interval
    private var counts: [HistoryAdoption: Int] = [:]

    init(age: Interval) {
        self.age = age
    }

    subscript(outcome: HistoryAdoption) -> Int { counts[outcome, default: 0] }

    mutating func count(_ outcome: HistoryAdoption) {
        counts[outcome, default: 0] &+= 1
    }
}

/// The same, of every document loaded so far.
struct StateLoads: Sendable {
    private(set) var documents: UInt64 = 0
    private var counts: [HistoryAdoption: UInt64] = [:]

    subscript(outcome: HistoryAdoption) -> UInt64 { counts[outcome, default: 0] }

    mutating func add(_ load: StateLoad) {
        documents &+= 1
        for outcome in HistoryAdoption.allCases { counts[outcome, default: 0] &+= UInt64(clamping: load[outcome]) }
    }
}

extension HistoryAdoption {
    /// The name in stats and logs, counted in deployments.
    var name: StaticString {
        switch self {
        case .adopted: "adopted"
        case .outweighed: "outweighed"
        case .expired: "expired"
        case .unknownDeployment: "unknown"
        }
    }
}
