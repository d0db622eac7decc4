import HedgeCore

/// What a caller is told when no deployment could take a request: each one's cause and time.
enum UnavailabilityReport {
    /// Deployments that are named at most.
    private static let mostNamed = 8

    /// The error of a request that was refused; `obstacles` are those of its group.
    static func error(
        retryAfter: Interval?, isQueueFull: Bool, obstacles: [ObstructedDeployment], table: RoutingTable
    ) -> RouterError {
        var error = RouterError(.noDeployment)
        if isQueueFull { error.message = "As many requests as allowed wait for the model group already." }
        error.isRetriable = true
        if let retryAfter {
            error.retryAfterMilliseconds = Int64(max(0, min(retryAfter.milliseconds, 1e15)).rounded(.up))
            error.message += " The earliest returns in \(error.retryAfterMilliseconds) ms."
        }
        let texts = obstacles.prefix(mostNamed).map { obstructed in
            "deployment '\(table.deployments[obstructed.deployment]?.key ?? "?")': \(text(of: obstructed.obstacle))"
        }
        if !texts.isEmpty { error.message += " \(texts.joined(separator: "; "))" }
        if obstacles.count > mostNamed { error.message += "; and \(obstacles.count - mostNamed) more" }
        return error
    }

    private static func text(of obstacle: Obstacle) -> String {
        switch obstacle {
        case .cooling(let cause, let left): "cooling for \(seconds(left)) s\(after(cause))"
        case .unproven(let cause): "its cooldown is over and it has yet to show that it works\(after(cause))"
        case .parallelRequests: "at its limit of parallel requests"
        case .perMinute(let left): "at its limit per minute for \(seconds(left)) s"
        }
    }

    /// The cause by its name in statistics and the code callers know it by.
    private static func after(_ cause: CooldownCause?) -> String {
        switch cause {
        case nil: ""
        case .failure(let kind)?: " after \(kind.name) (\(kind.status.name))"
        case .latency?: " for its latency"
        }
    }

    private static func seconds(_ interval: Interval) -> String {
        let tenths = Int64(max(0, min(interval.seconds, 1e12)) * 10 + 0.5)
        return "\(tenths / 10).\(tenths % 10)"
    }
}
