import HedgeCore
import HedgeJSON

/// What hedging did for one request, for its attempt log: the threshold in force, the hedges, and why there were no more.
struct HedgingSummary {
    /// The arm of the comparison that a request is in.
    enum Arm: String {
        /// It would have been hedged and was not, to learn what that means.
        case control
        /// It was hedged.
        case hedged
        /// It raced, and is no part of the comparison.
        case race
        /// Neither.
        case none
    }

    private(set) var arm = Arm.none
    private(set) var threshold: Interval?
    private(set) var source: ThresholdSource?
    private(set) var sent = 0
    private(set) var reason: String

    init(_ request: RequestRecord) {
        self.init(
            notes: request.notes, hedges: request.attempts.count { $0.role == .hedge },
            before: request.hedgesBeforeRefusal)
    }

    /// `before` is how many hedges had been sent when the latest one was refused.
    init(notes: [DecisionNote], hedges: Int, before: Int = 0) {
        sent = hedges
        var suppressed: HedgeSuppression?
        for note in notes {
            switch note {
            case .raced: arm = .race
            case .hedgeArmed(let delay, let source):
                threshold = delay
                self.source = source
            case .hedgeSuppressed(let why):
                suppressed = why
                if why == .control { arm = .control }
            case .retryScheduled, .fellBack: break
            }
        }
        if sent > 0, arm == .none { arm = .hedged }
        if let suppressed, before == sent {
            reason = suppressed.rawValue
        } else if sent > 0 {
            reason = "sent"
        } else {
            reason = threshold == nil ? "not_armed" : "threshold_not_reached"
        }
    }

    /// Writes that of a request.
    static func write(_ request: RequestRecord, to json: inout JSONWriter) {
        let isPlain = request.notes.isEmpty && !request.attempts.contains { $0.role == .hedge }
        if isPlain { json.members(plain) } else { HedgingSummary(request).write(to: &json) }
    }

    /// The text for a request without decisions, which most are.
    private static let plain: [UInt8] = {
        var json = JSONWriter()
        HedgingSummary(notes: [], hedges: 0).write(to: &json)
        return json.bytes
    }()

    func write(to json: inout JSONWriter) {
        json.key("hedging")
        json.beginObject()
        json.member("arm", arm.rawValue)
        if let threshold, let source {
            json.member("threshold_ms", (threshold.milliseconds * 1000).rounded() / 1000)
            json.member("threshold_source", source.rawValue)
        }
        json.member("sent", sent)
        json.member("no_more_because", reason)
        json.endObject()
    }
}
