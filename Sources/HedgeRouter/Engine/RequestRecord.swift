import HedgeCore
import HedgeJSON
import HedgeProviders
import HedgeTransport

/// A request as the loop knows it.
final class RequestRecord {
    private let submission: Submission
    /// Every attempt made, in order of start.
    var attempts: [AttemptRecord] = []
    /// The attempt whose output is the answer.
    var winner: AttemptRecord?
    /// What was decided and why, for the attempt log.
    private(set) var notes: [DecisionNote] = []
    /// Hedges that had been sent when the latest one was refused.
    private(set) var hedgesBeforeRefusal = 0
    /// Names of the fallback groups it went on to.
    var groupNames: [GroupID: String] = [:]
    /// Set when the program's callback, rather than the program itself, cancelled the request.
    var isCancelledByCallback = false

    init(_ submission: Submission) {
        self.submission = submission
    }

    var state: RequestState { submission.state }
    var chat: ChatRequest { submission.chat }
    /// The model group the caller asked for.
    var group: GroupID { submission.traits.group }
    /// Where it stands in its caller's trace.
    var trace: TraceContext? { submission.trace }
    /// What tracing systems on the way here added to it.
    var traceState: TraceState? { submission.traceState }
    var deadline: Instant? { submission.traits.deadline }
    /// Deployments that cannot express the request, of its group and of those it may go on to.
    var objections: [DeploymentObjection] { submission.objections }

    func add(_ note: DecisionNote) {
        notes.append(note)
        if case .hedgeSuppressed = note { hedgesBeforeRefusal = attempts.count { $0.role == .hedge } }
    }
}

/// An attempt as the loop knows it.
final class AttemptRecord {
    /// Where an attempt stands.
    enum Phase {
        case running
        /// Its own end was told to the core; the transfer may still be finishing.
        case succeeded
        // Indirect: every attempt would be as large.
        indirect case failed(AttemptFailure)
        /// The core took it back.
        case cancelled(CancelReason)
    }

    let id: AttemptID
    let role: AttemptRole
    let deployment: DeploymentRuntime
    let startedAt: Int64
    let decoder: any ResponseDecoder
    /// The decoder, of an attempt of several exchanges that follow one another.
    let batch: EmbeddingBatch?
    /// How long a connection may take.
    var connectTimeout = Interval.zero
    /// The request it belongs to, until that has ended; a probe has none.
    var request: RequestRecord?

    var phase = Phase.running
    var httpStatus: Int32 = 0
    var firstTokenAt: Int64?
    var endedAt: Int64?
    var bytesReceived = 0
    var usage: Usage?
    /// Whether no output came after `usage` did.
    var isUsageCurrent = false
    /// Bytes of the chunks with output.
    var outputBytes = 0
    /// Its span in the request's trace; 0 without one.
    var span: UInt64 = 0
    /// What it took, once its request has ended.
    var bill: AttemptBill?
    /// Chunks given to the caller.
    var chunksDelivered = 0
    /// Their size.
    var bytesDelivered = 0
    /// What it produced before it was known whether it wins.
    var pending: [PendingChunk] = []
    var pendingBytes = 0
    var isPaused = false

    init(
        id: AttemptID, role: AttemptRole, deployment: DeploymentRuntime, startedAt: Int64,
        decoder: any ResponseDecoder, request: RequestRecord?, batch: EmbeddingBatch? = nil
    ) {
        self.id = id
        self.role = role
        self.deployment = deployment
        self.startedAt = startedAt
        self.decoder = decoder
        self.batch = batch
        self.request = request
    }

    var isRunning: Bool {
        if case .running = phase { return true }
        return false
    }
}

/// A chunk in memory that is ready for the program.
struct PendingChunk {
    var storage: Bytes
    var offset: Int
    var count: Int
}

/// Why an attempt failed: what the core needs, and what the caller is told.
struct AttemptFailure {
    var kind: FailureKind
    var error: RouterError
    /// What the provider calls the error.
    var code: String?
    /// What the provider said of repeating the request.
    var mayRepeat: Bool?
    /// The provider's own words, for the caller of this request only.
    var providerMessage: String?

    init(kind: FailureKind, error: RouterError) {
        self.kind = kind
        self.error = error
    }
}
