import HedgeCore

/// What is counted of attempts and requests beside the core: tokens, money, and latencies that never decay.
///
/// A value whose arrays are shared until they change: handing a copy to another thread costs next to nothing.
struct EvidenceLedger: Sendable {
    private var deployments: [DeploymentEvidence] = []
    private var groups: [GroupEvidence] = []
    private(set) var timeline = HealthTimeline()

    /// What is counted of a deployment.
    func deployment(_ id: DeploymentID) -> DeploymentEvidence {
        deployments.indices.contains(id.rawValue) ? deployments[id.rawValue] : DeploymentEvidence()
    }

    /// What is counted of a group.
    func group(_ id: GroupID) -> GroupEvidence {
        groups.indices.contains(id.rawValue) ? groups[id.rawValue] : GroupEvidence()
    }

    /// How bytes become tokens at a deployment.
    func calibration(_ id: DeploymentID) -> TokenCalibration {
        deployment(id).calibration
    }

    mutating func change(_ id: DeploymentID, _ body: (inout DeploymentEvidence) -> Void) {
        guard (0..<Self.mostEntries).contains(id.rawValue) else { return }
        while deployments.count <= id.rawValue { deployments.append(DeploymentEvidence()) }
        body(&deployments[id.rawValue])
    }

    mutating func change(_ id: GroupID, _ body: (inout GroupEvidence) -> Void) {
        guard (0..<Self.mostEntries).contains(id.rawValue) else { return }
        while groups.count <= id.rawValue { groups.append(GroupEvidence()) }
        body(&groups[id.rawValue])
    }

    mutating func note(_ change: HealthChange, of id: DeploymentID, now: Int64, wallClock: Int64) {
        timeline.note(change, of: id, now: now, wallClock: wallClock)
    }

    /// More identifiers than any configuration has.
    private static let mostEntries = 1 << 20
}

/// What is counted of one deployment.
struct DeploymentEvidence: Sendable {
    /// Attempts that gave what they were waited for: a first token, or the whole answer of those that do not stream.
    var answeredStream = LatencyCounts()
    var answeredWhole = LatencyCounts()
    /// Attempts that were waited for in vain, by how long.
    var abandonedStream = LatencyCounts()
    var abandonedWhole = LatencyCounts()
    var calibration = TokenCalibration()
    private(set) var counted = TokenTally()
    private(set) var estimated = TokenTally()
    private(set) var bytesReceived: UInt64 = 0

    /// Adds an attempt's bill.
    mutating func add(_ bill: AttemptBill, bytes: Int) {
        if bill.isEstimated { estimated.add(bill) } else { counted.add(bill) }
        bytesReceived &+= UInt64(max(0, bytes))
    }

    /// Tokens and money of one use.
    func spent(_ use: TokenUse) -> Spending {
        counted[use] + estimated[use]
    }
}

/// Tokens and money by what they were for.
struct TokenTally: Sendable {
    private var spending = InlineArray<7, Spending>(repeating: Spending())

    subscript(use: TokenUse) -> Spending { spending[use.ordinal] }

    mutating func add(_ bill: AttemptBill) {
        spending[bill.use.ordinal] = spending[bill.use.ordinal] + Spending(bill)
    }

    /// Adds another deployment's.
    mutating func add(_ other: TokenTally) {
        for index in spending.indices { spending[index] = spending[index] + other.spending[index] }
    }
}

/// Tokens, what they cost, and the attempts that took them.
struct Spending: Hashable, Sendable {
    var attempts: UInt64 = 0
    var tokens = TokenCount()
    /// Of those attempts whose prices are known.
    var cost = 0.0

    init() {}

    init(_ bill: AttemptBill) {
        attempts = 1
        tokens = bill.tokens
        cost = bill.cost ?? 0
    }

    static func + (a: Spending, b: Spending) -> Spending {
        var sum = Spending()
        sum.attempts = a.attempts &+ b.attempts
        sum.tokens = a.tokens + b.tokens
        sum.cost = a.cost + b.cost
        return sum
    }
}

/// What is counted of one model group.
struct GroupEvidence: Sendable {
    private(set) var succeeded: UInt64 = 0
    private(set) var cancelled: UInt64 = 0
    /// Requests that failed, by the code their caller got.
    private(set) var failed: [Status: UInt64] = [:]
    /// From submission, as callers saw it.
    private(set) var firstToken = ExemplifiedCounts()
    private(set) var streamDuration = ExemplifiedCounts()
    private(set) var wholeDuration = ExemplifiedCounts()
    /// Money for attempts that hedging superseded, streams first.
    private(set) var hedgeCostStream = 0.0
    private(set) var hedgeCostWhole = 0.0

    /// Adds a request that ended; a caller's cancellation is nobody's failure.
    mutating func count(_ failure: Status?) {
        switch failure {
        case nil: succeeded &+= 1
        case .cancelled?, .callback?: cancelled &+= 1
        case let status?: failed[status, default: 0] &+= 1
        }
    }

    mutating func addFirstToken(_ latency: Int64, request: UInt64, trace: TraceContext?, time: Int64) {
        firstToken.add(nanoseconds: latency, request: request, trace: trace, time: time)
    }

    mutating func addDuration(_ latency: Int64, isStream: Bool, request: UInt64, trace: TraceContext?, time: Int64) {
        if isStream {
            streamDuration.add(nanoseconds: latency, request: request, trace: trace, time: time)
        } else {
            wholeDuration.add(nanoseconds: latency, request: request, trace: trace, time: time)
        }
    }

    mutating func addHedgeCost(_ cost: Double, isStream: Bool) {
        if isStream { hedgeCostStream += cost } else { hedgeCostWhole += cost }
    }
}
