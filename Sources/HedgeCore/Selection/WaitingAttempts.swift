/// The attempts a deployment has not answered yet, in the order they were started.
///
/// A list through the attempts' records, so that one anywhere in it leaves at once and nothing is left behind by those
/// that ended.
struct WaitingList: Hashable, Sendable {
    /// Slots of the one that waits longest and of the one started last; -1 when nothing waits.
    var first = -1
    var last = -1

    var isEmpty: Bool { first < 0 }

    mutating func append(_ attempt: Int) {
        if first < 0 { first = attempt }
        last = attempt
    }

    mutating func remove(_ attempt: Int, _ before: Int, _ after: Int) {
        if first == attempt { first = after }
        if last == attempt { last = before }
    }
}

extension RouterCore {
    /// Adds an attempt that was just started.
    mutating func beginWaiting(_ attempt: Int) {
        let slot = attempts[attempt].deployment
        let isStream = requests[attempts[attempt].request].isStream
        let last = isStream ? deployments[slot].waitingStreams.last : deployments[slot].waitingComplete.last
        attempts[attempt].isWaiting = true
        attempts[attempt].waitsStream = isStream
        attempts[attempt].waitingBefore = last
        attempts[attempt].waitingAfter = -1
        if isStream { deployments[slot].waitingStreams.append(attempt) }
        if !isStream { deployments[slot].waitingComplete.append(attempt) }
        if last >= 0 { attempts[last].waitingAfter = attempt }
    }

    /// Removes one that answered or is given up on; what happens twice happens once.
    mutating func endWaiting(_ attempt: Int) {
        let record = attempts[attempt]
        guard record.isWaiting else { return }
        attempts[attempt].isWaiting = false
        if record.waitingBefore >= 0 { attempts[record.waitingBefore].waitingAfter = record.waitingAfter }
        if record.waitingAfter >= 0 { attempts[record.waitingAfter].waitingBefore = record.waitingBefore }
        if record.waitsStream {
            deployments[record.deployment].waitingStreams.remove(attempt, record.waitingBefore, record.waitingAfter)
        } else {
            deployments[record.deployment].waitingComplete.remove(attempt, record.waitingBefore, record.waitingAfter)
        }
    }

    /// Attempts in flight whose waits count; the oldest say most, and more would only say the same again.
    static let mostBounds = 3

    /// The believed logarithm of a deployment's latency, with what its attempts in flight already say.
    ///
    /// One that has waited longer than the belief is a lower bound now, not only when it ends: a deployment that hangs
    /// is avoided before anybody gave up on it. Nothing of this is kept, so it costs only while something is late.
    @inline(__always)
    func believedLatency(_ slot: Int, isStream: Bool) -> Double? {
        // Field by field: a method would get a copy of everything the deployment has.
        let belief = isStream ? deployments[slot].streaming.belief : deployments[slot].complete.belief
        let waiting = isStream ? deployments[slot].waitingStreams : deployments[slot].waitingComplete
        guard var estimate = belief.estimate(at: now, isProbed: !waiting.isEmpty) else { return nil }
        var weight = belief.weightOfBound(at: now)
        var attempt = waiting.first
        for _ in 0..<Self.mostBounds {
            guard attempt >= 0 else { break }
            let bound = naturalLog((now - attempts[attempt].startedAt).seconds)
            guard now > attempts[attempt].startedAt, bound > estimate + LatencyBelief.deadBand else { break }
            estimate += weight * (bound - estimate)
            weight = LatencyBelief.gain
            attempt = attempts[attempt].waitingAfter
        }
        return estimate
    }
}
