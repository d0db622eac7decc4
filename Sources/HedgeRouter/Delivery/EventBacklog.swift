/// Events in order, moved in and out by whole arrays where possible so that their references are not counted again.
struct EventBacklog {
    private var events: [QueuedEvent] = []
    /// How many of `events` were taken already.
    private var taken = 0

    var isEmpty: Bool { taken == events.count }

    /// Adds events; an empty backlog swaps arrays with the caller.
    mutating func append(contentsOf added: inout [QueuedEvent]) {
        if isEmpty {
            events.removeAll(keepingCapacity: true)
            taken = 0
            swap(&events, &added)
        } else {
            events.append(contentsOf: added)
        }
    }

    mutating func append(_ added: QueuedEvent) {
        events.append(added)
    }

    /// Takes the first events, `capacity` at most.
    mutating func take(_ capacity: Int) -> [QueuedEvent] {
        let count = min(capacity, events.count - taken)
        guard count < events.count else {
            defer { events = [] }
            return events
        }
        let first = Array(events[taken..<(taken + count)])
        taken += count
        // What was taken is let go once it is the larger part, which is constant work for each event.
        if taken * 2 >= events.count {
            events.removeFirst(taken)
            taken = 0
        }
        return first
    }
}
