/// One run of many.
package struct Cell: Sendable {
    package var workload: Workload
    package var policy: SimulatedPolicy
    package var seed: UInt64

    package init(_ workload: Workload, _ policy: SimulatedPolicy, seed: UInt64) {
        self.workload = workload
        self.policy = policy
        self.seed = seed
    }
}

/// Runs every cell, as many at once as there are processors, and gives what `measure` makes of each, in order.
package func runAll<Value: Sendable>(
    _ cells: [Cell], _ measure: @escaping @Sendable (Cell, RunResult) -> Value
) async -> [Value] {
    await mapConcurrently(cells) { measure($0, $0.policy.run($0.workload, seed: $0.seed)) }
}

/// Applies `transform` to every element, on all processors, and keeps the order.
package func mapConcurrently<Element: Sendable, Value: Sendable>(
    _ elements: [Element], _ transform: @escaping @Sendable (Element) -> Value
) async -> [Value] {
    await withTaskGroup(of: (Int, Value).self) { group in
        for (index, element) in elements.enumerated() {
            group.addTask { (index, transform(element)) }
        }
        var results: [Int: Value] = [:]
        for await (index, value) in group { results[index] = value }
        return elements.indices.compactMap { results[$0] }
    }
}
