/// Every routing decision, as a state machine: events and the time go in, actions come out.
///
/// No clock, no I/O, no threads and no closures: the same events at the same times with the same seed give the same
/// actions, in production, in tests and in the simulator. An event that does not fit the state is counted in
/// ``inconsistencies`` and otherwise ignored.
public struct RouterCore: Sendable {
    /// Events that did not fit the state they met: each one is a defect in the driver or in the core.
    public private(set) var inconsistencies: UInt64 = 0

    /// When ``Event/timeReached`` is due; nil while nothing is waiting for a time.
    public var nextDeadline: Instant? { nil }

    /// A core with a configuration, and a seed for its random choices.
    public init(configuration: CoreConfiguration, seed: UInt64) {
    }

    /// Takes one event and appends the actions it leads to.
    public mutating func handle(_ event: Event, at now: Instant, into actions: inout [Action]) {
    }
}
