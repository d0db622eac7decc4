package import HedgeCore

/// A way to route, by name.
package struct SimulatedPolicy: Sendable {
    package enum Kind: Sendable {
        /// The core of production with these settings.
        case core(Policy)
        case baseline(BaselineRanking, BaselineHedging, budgetShare: Double?)
        /// A single hedge at the optimum for the workload's first server.
        case oracle(budget: Double)
    }

    package var name: String
    package var kind: Kind

    package init(_ name: String, _ kind: Kind) {
        self.name = name
        self.kind = kind
    }

    package init(_ name: String, _ ranking: BaselineRanking, _ hedging: BaselineHedging, budgetShare: Double? = nil) {
        self.init(name, .baseline(ranking, hedging, budgetShare: budgetShare))
    }

    /// The core with its defaults, changed by `adjust`.
    package static func core(_ name: String, _ adjust: (inout Policy) -> Void = { _ in }) -> SimulatedPolicy {
        var policy = Policy()
        adjust(&policy)
        return SimulatedPolicy(name, .core(policy))
    }

    /// Runs a workload.
    package func run(_ workload: Workload, seed: UInt64) -> RunResult {
        switch kind {
        case .core(let policy):
            return Self.run(workload, Self.core(workload, policy, seed: seed), seed: seed).result
        case .baseline(let ranking, let hedging, let share):
            let router = BaselineRouter(
                ranking: ranking, hedging: hedging, budgetShare: share, medians: workload.servers.map(\.median),
                seed: seed)
            let simulation = Self.run(workload, router, seed: seed)
            var result = simulation.result
            result.recordedP99 = simulation.router.recordedQuantile(0.99)
            return result
        case .oracle(let budget):
            guard case .distribution(let distribution)? = workload.servers.first?.latency else { return RunResult() }
            let best = SingleReissue(distribution, budget: budget, percentile: 0.99)
            let single = BaselineHedging.single(delay: best.delay, probability: best.probability)
            return SimulatedPolicy(name, .random, single).run(workload, seed: seed)
        }
    }

    /// A core for the workload's deployments, which all are of one group.
    package static func core(_ workload: Workload, _ policy: Policy, seed: UInt64) -> RouterCore {
        let ids = workload.servers.indices.map(DeploymentID.init(rawValue:))
        let deployments = zip(ids, workload.servers).map { id, server in
            var deployment = DeploymentConfiguration(id: id)
            if workload.tellsSlots { deployment.maxParallelRequests = server.slots }
            return deployment
        }
        let groups = [GroupConfiguration(id: Simulation<RouterCore>.group, deployments: ids)]
        return RouterCore(
            configuration: CoreConfiguration(deployments: deployments, groups: groups, policy: policy), seed: seed)
    }

    /// Runs a workload through a router, and returns the whole simulation.
    package static func run<R: Router>(_ workload: Workload, _ router: R, seed: UInt64) -> Simulation<R> {
        var simulation = Simulation(workload, router: router, seed: seed)
        simulation.run()
        return simulation
    }
}
