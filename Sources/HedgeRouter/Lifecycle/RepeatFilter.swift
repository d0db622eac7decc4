import Synchronization

/// Keeps log records that repeat each other from drowning the rest: a few in a while, then their number.
final class RepeatFilter: Sendable {
    private struct Subject {
        var windowStart: Int64
        var admitted: Int
        var suppressed: UInt64
    }

    private let subjects = Mutex<[String: Subject]>([:])

    /// Records about one subject in one window.
    static let allowance = 5
    /// Length of a window in nanoseconds.
    static let window: Int64 = 10_000_000_000
    /// Subjects that are told apart; with more, all are forgotten and start anew.
    static let mostSubjects = 1024

    /// How many records about the subject were left out since the last one that was not; nil to leave this one out.
    func admit(_ subject: String, at now: Int64) -> UInt64? {
        subjects.withLock { subjects in
            if subjects.count >= Self.mostSubjects, subjects[subject] == nil { subjects.removeAll() }
            var state = subjects[subject] ?? Subject(windowStart: now, admitted: 0, suppressed: 0)
            defer { subjects[subject] = state }
            if now &- state.windowStart >= Self.window {
                state.windowStart = now
                state.admitted = 0
            }
            guard state.admitted < Self.allowance else {
                state.suppressed &+= 1
                return nil
            }
            state.admitted += 1
            let suppressed = state.suppressed
            state.suppressed = 0
            return suppressed
        }
    }
}
