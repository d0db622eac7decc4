extension RouterCore {
    /// Adds the latency of a successful answer that was observed elsewhere, such as one from a recorded trace.
    ///
    /// It counts as one of a small prompt. No request is counted, and an unknown deployment is ignored.
    public mutating func observe(_ latency: Interval, of deployment: DeploymentID, isStream: Bool, at now: Instant) {
        self.now = max(self.now, now)
        guard latency >= .zero, let slot = deploymentSlots[deployment] else { return }
        let size = SizeClass(promptBytes: 0)
        if isStream {
            deployments[slot].streaming.record(
                latency, size: size, isEvent: true, countsAsRecent: true, at: self.now, samples: samples)
        } else {
            deployments[slot].complete.record(
                latency, size: size, isEvent: true, countsAsRecent: true, at: self.now, samples: samples)
        }
    }
}
