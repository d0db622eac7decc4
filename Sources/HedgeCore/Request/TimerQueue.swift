/// The earliest of many deadlines, at most one for each slot.
typealias TimerQueue = SlotHeap<Instant>

extension SlotHeap where Key == Instant {
    /// The earliest deadline.
    var earliest: Instant? { firstKey }

    /// The slot with the earliest deadline, if that is not after `now`.
    func due(at now: Instant) -> Int? {
        guard let key = firstKey, key <= now else { return nil }
        return first
    }
}
