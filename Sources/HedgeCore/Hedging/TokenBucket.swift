/// A budget of extra attempts that only real requests fill.
///
/// Time adds nothing: an idle hour must not save up a burst, and a trickle of requests must be able to hedge at all.
struct TokenBucket: Sendable {
    /// Attempts that may be made now.
    private(set) var level: Double
    private(set) var share: Double
    let capacity: Double
    private let initial: Double

    static let initialLevel = 2.0

    /// A budget of `share` tokens for each request; a share that is no number, or negative, allows nothing.
    init(share: Double, capacity: Double = 10, initial: Double = TokenBucket.initialLevel) {
        self.capacity = capacity
        self.initial = min(initial, capacity)
        self.share = Self.sane(share)
        level = self.share > 0 ? self.initial : 0
    }

    private static func sane(_ share: Double) -> Double {
        share.isFinite && share > 0 ? share : 0
    }

    /// Counts a request that was sent.
    mutating func deposit() {
        level = min(capacity, level + share)
    }

    /// Takes a token of the given price if there is one.
    mutating func withdraw(_ price: Double = 1) -> Bool {
        guard share > 0, price > 0, level >= price else { return false }
        level -= price
        return true
    }

    /// Gives a token back.
    mutating func refund(_ price: Double = 1) {
        level = min(capacity, level + max(0, price))
    }

    /// Changes the share; what was saved stays, unless nothing is allowed any more.
    mutating func setShare(_ share: Double) {
        let next = Self.sane(share)
        if next > 0, self.share == 0 { level = initial }
        if next == 0 { level = 0 }
        self.share = next
    }
}

/// Races a class may start: a few at once, one more each minute.
struct RaceBudget: Sendable {
    private var level = RaceBudget.capacity
    private var filledAt = Instant(nanoseconds: 0)

    static let capacity = 10.0
    static let perSecond = 1.0 / 60

    mutating func withdraw(at now: Instant) -> Bool {
        level = min(Self.capacity, level + max(0, (now - filledAt).seconds) * Self.perSecond)
        filledAt = now
        guard level >= 1 else { return false }
        level -= 1
        return true
    }
}
