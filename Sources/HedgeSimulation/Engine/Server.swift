import DequeModule

/// One deployment at work: what it serves, what waits, and how slow it is now.
struct Server: Sendable {
    let model: ServerModel
    private(set) var busy = 0
    private var waiting = Deque<Int>()
    private var slow: SlowPeriodClock?
    private let factor: Double
    private let traceStart: Int

    init(_ model: ServerModel, index: Int, periods: SlowPeriods?, seed: UInt64) {
        self.model = model
        factor = periods?.factor ?? 1
        if let periods, periods.sharedFraction < 1 {
            let gap = periods.gap / (1 - periods.sharedFraction)
            slow = SlowPeriodClock(seed: seed, process: index + 1, length: periods.length, gap: gap)
        }
        var random = RandomStream(seed: seed, .service, -1, index)
        if case .trace(let rows) = model.latency {
            traceStart = random.index(below: rows.count)
        } else {
            traceStart = 0
        }
    }

    var isFull: Bool {
        guard let slots = model.slots else { return false }
        return busy >= slots
    }

    var queueLength: Int { waiting.count }

    mutating func enqueue(_ attempt: Int) { waiting.append(attempt) }
    mutating func dequeue() -> Int? { waiting.popFirst() }
    mutating func begin() { busy += 1 }
    mutating func end() { busy -= 1 }

    /// Whether it fails whatever it is sent.
    func isDown(at seconds: Double) -> Bool {
        model.outages.contains { seconds >= $0.from && seconds < $0.until }
    }

    /// How many times slower than usual it is.
    mutating func slowness(at seconds: Double) -> Double {
        slow?.isSlow(at: seconds) == true ? factor : 1
    }

    /// What serving a request takes, in milliseconds, before any slowness.
    func service(_ request: Int, index: Int, seed: UInt64, shared: Double, correlation: Double) -> Service {
        var random = RandomStream(seed: seed, .service, request, index)
        if model.failureShare > 0, random.chance(model.failureShare) {
            return Service(firstToken: nil, end: model.failureLatency, fails: true)
        }
        switch model.latency {
        case .distribution(let distribution):
            let latency = distribution.sample(&random, shared: shared, correlation: correlation)
            return Service(firstToken: nil, end: latency, fails: false)
        case .trace(let rows):
            let row = rows[(traceStart + request) % rows.count]
            if row.isError { return Service(firstToken: nil, end: max(row.total, 1), fails: true) }
            return Service(firstToken: row.firstToken, end: row.total, fails: false)
        }
    }
}

/// What serving one attempt will take.
struct Service: Sendable {
    var firstToken: Double?
    var end: Double
    var fails: Bool
}
