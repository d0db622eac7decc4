import HedgeCore

/// Gives deployments and groups their identifiers and keeps them across configurations.
struct DeploymentRegistry {
    private var deployments: [String: DeploymentID] = [:]
    private var groups: [String: GroupID] = [:]

    /// The identifier of the deployment with this key, the same each time.
    mutating func deployment(_ key: String) -> DeploymentID {
        if let known = deployments[key] { return known }
        let id = DeploymentID(rawValue: deployments.count)
        deployments[key] = id
        return id
    }

    /// The identifier of the group with this name, the same each time.
    mutating func group(_ name: String) -> GroupID {
        if let known = groups[name] { return known }
        let id = GroupID(rawValue: groups.count)
        groups[name] = id
        return id
    }
}
