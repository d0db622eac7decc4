/// The outcome codes of the C API, with the numbers of `hedgerouter.h`.
///
/// Numbers are never reused; a code keeps its meaning for as long as the library exists.
public enum Status: Int32, Sendable, CaseIterable {
    case ok = 0
    case invalid = -1
    case noMemory = -2
    case badHandle = -3
    case closed = -4
    case reentrant = -5
    case forked = -6
    case version = -7
    case configuration = -8
    case cancelled = -9
    case deadline = -10
    case noDeployment = -11
    case limit = -12
    case busy = -13
    case timeout = -14
    case noModel = -15
    case transport = -20
    case provider = -21
    case `protocol` = -22
    case rateLimited = -23
    case authentication = -24
    case badRequest = -25
    case contextLength = -26
    case contentPolicy = -27
    case notFound = -28
    case quota = -29
    case overloaded = -30
    case attemptTimeout = -31
    case interrupted = -32
    case callback = -40
    case internalError = -99
}

extension Status {
    /// The code's name in the C header.
    public var name: StaticString {
        switch self {
        case .ok: "HR_OK"
        case .invalid: "HR_E_INVAL"
        case .noMemory: "HR_E_NOMEM"
        case .badHandle: "HR_E_BADHANDLE"
        case .closed: "HR_E_CLOSED"
        case .reentrant: "HR_E_REENTRANT"
        case .forked: "HR_E_FORKED"
        case .version: "HR_E_VERSION"
        case .configuration: "HR_E_CONFIG"
        case .cancelled: "HR_E_CANCELLED"
        case .deadline: "HR_E_DEADLINE"
        case .noDeployment: "HR_E_NO_DEPLOYMENT"
        case .limit: "HR_E_LIMIT"
        case .busy: "HR_E_BUSY"
        case .timeout: "HR_E_TIMEOUT"
        case .noModel: "HR_E_NO_MODEL"
        case .transport: "HR_E_TRANSPORT"
        case .provider: "HR_E_PROVIDER"
        case .protocol: "HR_E_PROTOCOL"
        case .rateLimited: "HR_E_RATE_LIMITED"
        case .authentication: "HR_E_AUTH"
        case .badRequest: "HR_E_BAD_REQUEST"
        case .contextLength: "HR_E_CONTEXT_LENGTH"
        case .contentPolicy: "HR_E_CONTENT_POLICY"
        case .notFound: "HR_E_NOT_FOUND"
        case .quota: "HR_E_QUOTA"
        case .overloaded: "HR_E_OVERLOADED"
        case .attemptTimeout: "HR_E_ATTEMPT_TIMEOUT"
        case .interrupted: "HR_E_INTERRUPTED"
        case .callback: "HR_E_CALLBACK"
        case .internalError: "HR_E_INTERNAL"
        }
    }

    /// One sentence for people.
    public var explanation: StaticString {
        switch self {
        case .ok: "Success."
        case .invalid: "An argument or the request document is not valid."
        case .noMemory: "A system resource (memory, thread, descriptor) could not be had."
        case .badHandle: "The handle is 0, stale, freed, or of another kind."
        case .closed: "The router is closing or closed."
        case .reentrant: "This call is not allowed from inside a callback."
        case .forked: "The router belongs to the parent process."
        case .version: "A struct carries fields this library does not know."
        case .configuration: "The configuration document is not valid."
        case .cancelled: "The caller cancelled the request."
        case .deadline: "The request's deadline passed."
        case .noDeployment: "No deployment of the model group can take the request now."
        case .limit: "A local limit was reached."
        case .busy: "Another thread is already in this call for the same handle."
        case .timeout: "The wait ended before the awaited thing happened."
        case .noModel: "The configuration has no model group of the requested name."
        case .transport: "Connecting to the deployment, or the transfer, failed."
        case .provider: "The provider answered with a server error."
        case .protocol: "The provider's answer was malformed or ended early."
        case .rateLimited: "The provider's rate limit was reached."
        case .authentication: "The provider refused the credentials or the permission."
        case .badRequest: "The provider refused the request itself."
        case .contextLength: "The prompt exceeds the model's context window."
        case .contentPolicy: "The provider's content policy refused the request."
        case .notFound: "The provider knows no such model or path."
        case .quota: "The account's quota or balance is exhausted."
        case .overloaded: "The provider is overloaded."
        case .attemptTimeout: "A timeout of the attempt passed."
        case .interrupted: "The stream broke after its first token was delivered."
        case .callback: "A callback returned non-zero and so cancelled its request."
        case .internalError: "A defect in the library; it was counted, and the request ended safely."
        }
    }
}

/// Where an error comes from.
public enum ErrorOrigin: Int32, Sendable {
    case local = 0
    case transport = 1
    case provider = 2
}

/// A failure as the C API reports it.
public struct RouterError: Error, Sendable {
    /// The code.
    public var status: Status
    /// Where it comes from.
    public var origin: ErrorOrigin = .local
    /// Status the deployment answered with, or 0.
    public var httpStatus: Int32 = 0
    /// Whether the same request may succeed later.
    public var isRetriable = false
    /// CURLcode, or byte offset in a malformed document.
    public var detail: Int32 = 0
    /// Milliseconds; -1 if the deployment did not say.
    public var retryAfterMilliseconds: Int64 = -1
    /// JSON path of the offending value of a document.
    public var path = ""
    /// One line without keys, prompts or answers.
    public var message: String

    /// Creates one with these parts.
    public init(_ status: Status, _ message: String? = nil, path: String = "") {
        self.status = status
        self.message = message ?? status.explanation.description
        self.path = path
    }
}
