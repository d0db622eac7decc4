extension RouterCore {
    /// Takes over a configuration; what was learnt of deployments that stay is kept.
    mutating func replaceConfiguration(_ configuration: CoreConfiguration) {
        policy = configuration.policy
        if policy.sampleHalfLife != samples.halfLife { settleSamples() }
        samples = SamplePolicy(lifetime: policy.sampleLifetime, halfLife: policy.sampleHalfLife)
        thresholdSettings = ThresholdSettings(policy)
        hedgeBudget.setShare(policy.hedgeBudget)
        failoverBudget.setShare(policy.failoverBudget)
        retryBudget.setShare(policy.retryBudget)
        forgetRemovedDeployments()
        placeDeployments(configuration.deployments)
        placeGroups(configuration.groups)
        // What is waiting may find more room than before, or none for ever.
        for group in groups.indices { noteRoom(in: group) }
    }

    private mutating func settleSamples() {
        for slot in deployments.indices {
            deployments[slot].streaming.settle(halfLife: samples.halfLife)
            deployments[slot].complete.settle(halfLife: samples.halfLife)
        }
    }

    /// Frees what is left of deployments an earlier replacement removed, unless attempts still run there.
    private mutating func forgetRemovedDeployments() {
        // By slot: the order of a dictionary differs from run to run, and slots are given out in this order.
        for slot in deployments.indices where !deployments[slot].isConfigured && deployments[slot].inFlight == 0 {
            let id = deployments[slot].configuration.id
            guard deploymentSlots[id] == slot else { continue }
            deploymentSlots[id] = nil
            freeDeployments.append(slot)
            healthTimers.remove(slot)
            probeTimers.remove(slot)
        }
    }

    private mutating func placeDeployments(_ configured: [DeploymentConfiguration]) {
        for slot in deployments.indices {
            deployments[slot].isConfigured = false
            deployments[slot].hasSibling = false
            deployments[slot].groups.removeAll()
        }
        var domains: [String: Int] = [:]
        configuredOrder.removeAll(keepingCapacity: true)
        for configuration in configured {
            let slot = place(configuration)
            guard !deployments[slot].isConfigured else {
                inconsistencies &+= 1
                continue
            }
            deployments[slot].configuration = configuration
            deployments[slot].isConfigured = true
            deployments[slot].domain = -1 - slot
            if !configuration.failureDomain.isEmpty {
                let known = domains[configuration.failureDomain] ?? domains.count
                domains[configuration.failureDomain] = known
                deployments[slot].domain = known
            }
            configuredOrder.append(slot)
        }
    }

    private mutating func place(_ configuration: DeploymentConfiguration) -> Int {
        if let slot = deploymentSlots[configuration.id] { return slot }
        var fresh = DeploymentState(configuration)
        fresh.isConfigured = false
        if let slot = freeDeployments.popLast() {
            deployments[slot] = fresh
            deploymentSlots[configuration.id] = slot
            return slot
        }
        deployments.append(fresh)
        deploymentSlots[configuration.id] = deployments.count - 1
        return deployments.count - 1
    }

    private mutating func placeGroups(_ configured: [GroupConfiguration]) {
        for slot in groups.indices {
            groups[slot].members.removeAll()
            groups[slot].fallbacks = GroupFallbacks()
        }
        for configuration in configured {
            var members: [Int] = []
            for id in configuration.deployments {
                guard let slot = deploymentSlots[id], deployments[slot].isConfigured, !members.contains(slot) else {
                    continue
                }
                members.append(slot)
            }
            if members.count > 1 || !configuration.fallbacks.general.isEmpty {
                for slot in members { deployments[slot].hasSibling = true }
            }
            let group = groupSlots[configuration.id] ?? groups.count
            if group == groups.count {
                groupSlots[configuration.id] = group
                groups.append(GroupState(id: configuration.id, members: []))
            }
            groups[group].members = members
            groups[group].fallbacks = configuration.fallbacks
            groups[group].retries = configuration.retries
            for slot in members { deployments[slot].groups.append(group) }
        }
        linkFallbacks()
    }

    /// Notes which groups lead on to which, so that room in one is known to those that wait for another.
    private mutating func linkFallbacks() {
        for slot in groups.indices {
            groups[slot].reaches.removeAll()
            groups[slot].reachedFrom.removeAll()
        }
        for origin in groups.indices {
            var found = [origin]
            var index = 0
            while index < found.count {
                for id in groups[found[index]].fallbacks.general {
                    guard let group = groupSlots[id], !found.contains(group) else { continue }
                    found.append(group)
                }
                index += 1
            }
            groups[origin].reaches = Array(found.dropFirst())
            for group in groups[origin].reaches { groups[group].reachedFrom.append(origin) }
        }
    }
}
