/// Slots in the order of their keys, at most one entry for each slot.
///
/// A binary heap that knows where each slot's entry is, so that an entry can be moved or removed in O(log *n*): nothing
/// stale is left behind, however many requests end early.
struct SlotHeap<Key: Comparable & Sendable>: Sendable {
    private struct Entry: Sendable {
        var key: Key
        var slot: Int
    }

    private var heap: [Entry] = []
    /// Index into the heap of each slot's entry, or -1.
    private var positions: [Int32] = []

    var count: Int { heap.count }
    var isEmpty: Bool { heap.isEmpty }

    /// The slot with the lowest key.
    var first: Int? { heap.first?.slot }
    /// The lowest key.
    var firstKey: Key? { heap.first?.key }
    /// Every slot, in no order.
    var slots: [Int] { heap.map(\.slot) }

    /// The slot's key.
    func key(of slot: Int) -> Key? {
        guard let index = index(of: slot) else { return nil }
        return heap[index].key
    }

    /// Sets, moves or, with nil, removes the slot's key.
    mutating func set(_ slot: Int, to key: Key?) {
        guard let key else {
            remove(slot)
            return
        }
        if let index = index(of: slot) {
            let earlier = key < heap[index].key
            heap[index].key = key
            if earlier { siftUp(index) } else { siftDown(index) }
            return
        }
        while positions.count <= slot { positions.append(-1) }
        heap.append(Entry(key: key, slot: slot))
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
            guard entry.key < heap[parent].key else { break }
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
            if child + 1 < heap.count, heap[child + 1].key < heap[child].key { child += 1 }
            guard heap[child].key < entry.key else { break }
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
