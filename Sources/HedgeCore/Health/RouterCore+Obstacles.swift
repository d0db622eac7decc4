/// Why a deployment cannot take a request.
public enum Obstacle: Hashable, Sendable {
    /// It is left out for so long.
    case cooling(CooldownCause?, left: Interval)
    /// Its cooldown is over and a canary has still to show that it works.
    case unproven(CooldownCause?)
    /// It has as many attempts in flight as it may have.
    case parallelRequests
    /// It was sent as many requests or tokens as it may get in a minute; there is room again after the interval.
    case perMinute(left: Interval)
}

/// A deployment and what keeps it from taking requests.
public struct ObstructedDeployment: Hashable, Sendable {
    /// The deployment.
    public var deployment: DeploymentID
    /// What is in the way.
    public var obstacle: Obstacle

    /// Creates one with these parts.
    public init(deployment: DeploymentID, obstacle: Obstacle) {
        self.deployment = deployment
        self.obstacle = obstacle
    }
}

extension RouterCore {
    /// Every deployment of a group that cannot take a small request now, and why; in the order of the configuration.
    public mutating func obstacles(in group: GroupID, at now: Instant) -> [ObstructedDeployment] {
        guard let group = groupSlots[group] else { return [] }
        var found: [ObstructedDeployment] = []
        for slot in groups[group].members where deployments[slot].isConfigured {
            guard let obstacle = obstacle(slot, at: max(self.now, now)) else { continue }
            found.append(
                ObstructedDeployment(deployment: deployments[slot].configuration.id, obstacle: obstacle))
        }
        return found
    }

    private mutating func obstacle(_ slot: Int, at now: Instant) -> Obstacle? {
        let health = deployments[slot].health
        switch health.state {
        case .cooling(let until) where until > now: return .cooling(health.cause, left: until - now)
        case .cooling, .probation: return .unproven(health.cause)
        case .healthy, .ramping: break
        }
        if let limit = deployments[slot].configuration.maxParallelRequests, deployments[slot].inFlight >= limit {
            return .parallelRequests
        }
        let wait = deployments[slot].timeToRoom(tokens: 1, at: now)
        return wait > .zero ? .perMinute(left: wait) : nil
    }
}
