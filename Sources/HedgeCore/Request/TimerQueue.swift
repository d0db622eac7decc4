/// The earliest of many deadlines, at most one for each slot.
///
/// A binary heap that knows where each slot's entry is, so that a deadline can be moved or removed at once: nothing
/// stale is left behind, however many requests end early.
struct TimerQueue: Sendable {
    private struct Entry: Sendable {
        var deadline: Instant
        var slot: Int
    }

    private var heap: [Entry] = []
    /// Index into the heap of each slot's entry, or -1.
    private var positions: [Int32] = []

    /// The earliest deadline.
    var earliest: Instant? { heap.first?.deadline }

    var count: Int { heap.count }

    /// The slot with the earliest deadline, if that is not after `now`.
    func due(at now: Instant) -> Int? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        return first.slot
    }

    /// The slot's deadline.
    func deadline(of slot: Int) -> Instant? {
        guard let index = index(of: slot) else { return nil }
        return heap[index].deadline
    }

    /// Sets, moves or, with nil, removes the slot's deadline.
    mutating func set(_ slot: Int, to deadline: Instant?) {
        guard let deadline else {
            remove(slot)
            return
        }
        if let index = index(of: slot) {
            let earlier = deadline < heap[index].deadline
            heap[index].deadline = deadline
            if earlier { siftUp(index) } else { siftDown(index) }
            return
        }
        while positions.count <= slot { positions.append(-1) }
        heap.append(Entry(deadline: deadline, slot: slot))
        positions[slot] = Int32(truncatingIfNeeded: heap.count - 1)
        siftUp(heap.count - 1)
    }

    mutating func remove(_ slot: Int) {
        guard let index = index(of: slot) else { return }
        positions[slot] = -1
        let last = heap.removeLast()
        guard index < heap.count else { return }
        heap[index] = last
        positions[last.slot] = Int32(truncatingIfNeeded: index)
        siftUp(index)
        siftDown(index)
    }

    private func index(of slot: Int) -> Int? {
        guard slot >= 0, slot < positions.count, positions[slot] >= 0 else { return nil }
        return Int(positions[slot])
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        let entry = heap[index]
        while index > 0 {
            let parent = (index - 1) / 2
            guard entry.deadline < heap[parent].deadline else { break }
            place(heap[parent], at: index)
            index = parent
        }
        place(entry, at: index)
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        let entry = heap[index]
        while true {
            var child = 2 * index + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].deadline < heap[child].deadline { child += 1 }
            guard heap[child].deadline < entry.deadline else { break }
            place(heap[child], at: index)
            index = child
        }
        place(entry, at: index)
    }

    private mutating func place(_ entry: Entry, at index: Int) {
        heap[index] = entry
        positions[entry.slot] = Int32(truncatingIfNeeded: index)
    }
}
