package import HedgeCore

/// What the simulation drives: events and the time go in, actions come out.
package protocol Router: Sendable {
    var nextDeadline: Instant? { get }
    mutating func handle(_ event: Event, at now: Instant, into actions: inout [Action])
}

/// The core of production, unchanged.
extension RouterCore: Router {}
