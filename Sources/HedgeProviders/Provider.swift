public import HedgeCore
public import HedgeJSON

/// A wire format: how a chat completion request is put to a provider, and how its answer is read.
///
/// One value per format, without state of its own; what changes during a response lives in its ``ResponseDecoder``.
public protocol Provider: Sendable {
    /// The name before the slash in `model: "openai/gpt-4o"`.
    var name: String { get }

    /// What can be asked of it besides chat completions.
    var operations: Set<Operation> { get }

    /// Where requests for `endpoint` go and the header lines that never change, made once per configuration.
    func head(for endpoint: Endpoint, isStream: Bool) -> RequestHead

    /// The same for something else than chat completions, of ``operations``.
    func head(for endpoint: Endpoint, operation: Operation, isStream: Bool) -> RequestHead

    /// What of a request this provider cannot express at `endpoint`; nil for nothing.
    ///
    /// Asked once for each request and format before anything is sent, on the caller's thread.
    func check(_ request: ChatRequest, for endpoint: Endpoint) -> UnsupportedRequest?

    /// The request in this provider's format. `now` is the time in seconds since 1970, for signatures.
    ///
    /// Called for each attempt. The body goes out by POST to the URL of ``head(for:isStream:)`` with the headers given
    /// there and those of the result; a signature may cover all of these.
    func encode(
        _ request: ChatRequest, for endpoint: Endpoint, at now: Int64
    ) throws(UnsupportedRequest) -> EncodedRequest

    /// How much one exchange for embeddings may have. See ``EmbeddingBatch``.
    func embeddingLimits(at endpoint: Endpoint) -> EmbeddingLimits

    /// A decoder for one response to `request`.
    func makeDecoder(for request: ChatRequest, endpoint: Endpoint) -> any ResponseDecoder
}

extension Provider {
    /// Nothing besides chat completions.
    public var operations: Set<Operation> { [] }

    /// Any number.
    public func embeddingLimits(at endpoint: Endpoint) -> EmbeddingLimits { EmbeddingLimits() }

    /// The head of chat completions.
    public func head(for endpoint: Endpoint, operation: Operation, isStream: Bool) -> RequestHead {
        head(for: endpoint, isStream: isStream)
    }

    /// Whether it can be asked for this.
    public func offers(_ operation: Operation) -> Bool { operation == .chat || operations.contains(operation) }

    /// What of a request cannot be put to an endpoint: its operation, or what ``check(_:for:)`` finds.
    public func objection(to request: ChatRequest, at endpoint: Endpoint) -> UnsupportedRequest? {
        guard offers(request.operation) else {
            return UnsupportedRequest(provider: name, fields: [request.operation.rawValue])
        }
        return check(request, for: endpoint)
    }

    /// Nothing: a provider that passes requests on as they are has no objections.
    public func check(_ request: ChatRequest, for endpoint: Endpoint) -> UnsupportedRequest? { nil }

    /// The request in this provider's format, at a time that does not matter.
    public func encode(_ request: ChatRequest, for endpoint: Endpoint) throws(UnsupportedRequest) -> EncodedRequest {
        try encode(request, for: endpoint, at: 0)
    }
}

/// A deployment as its provider sees it: the members of ``EndpointSettings``.
///
/// Behind a reference, because every attempt and every answer keeps a copy: of the settings themselves each copy would
/// count some fifty references.
@dynamicMemberLookup
public struct Endpoint: Sendable {
    @usableFromInline
    final class Shared: Sendable {
        @usableFromInline let settings: EndpointSettings
        /// `"model":"…"`, as OpenAI's format has it: every request begins with it.
        let modelMember: [UInt8]

        @usableFromInline
        init(_ settings: EndpointSettings) {
            self.settings = settings
            var member: [UInt8] = []
            member.append("\"model\":")
            JSONWriter.appendQuoted(settings.model, to: &member)
            modelMember = member
        }
    }

    @usableFromInline var shared: Shared

    /// All settings at once.
    public var settings: EndpointSettings { shared.settings }

    /// An endpoint; `baseURL` is given without a trailing slash.
    public init(
        model: String, baseURL: String, apiKey: Secret? = nil, organization: String? = nil, extraHeaders: [String] = []
    ) {
        shared = Shared(
            EndpointSettings(
                model: model, baseURL: baseURL, apiKey: apiKey, organization: organization, extraHeaders: extraHeaders))
    }

    /// The name by which the model is known, where ``EndpointSettings/model`` is one of the deployment's own: what depends on
    /// the model goes by this.
    var knownModel: String { shared.settings.baseModel ?? shared.settings.model }

    /// The member with the name of the model, as OpenAI's format has it.
    var modelMember: [UInt8] { shared.modelMember }

    /// A setting; to change one is for when the endpoint is made.
    @inlinable
    public subscript<Value>(dynamicMember member: WritableKeyPath<EndpointSettings, Value>) -> Value {
        get { shared.settings[keyPath: member] }
        set {
            var settings = shared.settings
            settings[keyPath: member] = newValue
            shared = Shared(settings)
        }
    }
}

/// What is configured of an ``Endpoint``.
public struct EndpointSettings: Sendable {
    /// The provider's own name for the model, without the provider prefix.
    public var model: String
    /// The model behind a name that tells nothing of it, such as one of Azure's deployments or an ARN (`base_model`); sets
    /// ``flags`` to what its name tells.
    public var baseModel: String? {
        didSet { flags = ModelCatalogue.flags(of: baseModel ?? model) }
    }
    /// Base URL without a trailing slash, such as `https://api.openai.com/v1`.
    public var baseURL: String
    /// The key, if one is needed.
    public var apiKey: Secret?
    /// `OpenAI-Organization`, where it applies.
    public var organization: String?
    /// Further header lines (`Name: value`) from the configuration.
    public var extraHeaders: [String]
    /// Version of the provider's API, where it has several (`api_version`).
    public var apiVersion: String?
    /// A short-lived token that goes in the place of the key: Entra ID, OAuth 2.0, Bedrock.
    public var bearerToken: Secret?
    /// Region of a cloud that has an address for each, such as `us-east-1`.
    public var region: String?
    /// Project or account the requests are billed to, where it is part of the address.
    public var project: String?
    /// Location of the model, where it is part of the address, such as `europe-west4` or `global`.
    public var location: String?
    /// Keys that requests are signed with.
    public var signingKeys: SigningKeys?
    /// Whether fields without an equivalent are left out rather than refused (`drop_params`).
    public var dropsUnsupported = false
    /// What the model can and cannot do: what its name tells, unless the configuration says otherwise (`model_info`).
    public var flags: ModelFlags

    init(
        model: String, baseURL: String, apiKey: Secret?, organization: String?, extraHeaders: [String]
    ) {
        self.model = model
        self.baseURL = baseURL
        self.apiKey = apiKey
        self.organization = organization
        self.extraHeaders = extraHeaders
        flags = ModelCatalogue.flags(of: model)
    }
}

/// Credentials of a provider that has requests signed, such as AWS.
public struct SigningKeys: Hashable, Sendable {
    /// Name of the key; not a secret.
    public var accessKeyID: String
    /// The key itself.
    public var secretAccessKey: Secret
    /// Goes with keys that expire.
    public var sessionToken: Secret?

    /// Keys as the provider gives them out.
    public init(accessKeyID: String, secretAccessKey: Secret, sessionToken: Secret? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
    }
}

/// Text that must not be shown: it prints as `***` wherever it is printed by accident.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The text itself, for the one place that sends it.
    public let exposed: String

    /// Hides `text`.
    public init(_ text: String) {
        exposed = text
    }

    /// Always `***`.
    public var description: String { "***" }
    /// Always `***`.
    public var debugDescription: String { "***" }
}

/// The part of an HTTP request that is the same for every request to an endpoint.
public struct RequestHead: Sendable {
    /// Absolute URL.
    public var url: String
    /// Header lines, `Name: value`.
    public var headers: [String]

    /// A head to be sent with every request.
    public init(url: String, headers: [String]) {
        self.url = url
        self.headers = headers
    }
}

/// The part of an HTTP request that differs from one request to the next.
public struct EncodedRequest: Sendable {
    /// The body, complete.
    public var body: Bytes
    /// Header lines of this request alone, such as a signature.
    public var headers: [String]

    /// A request to be sent with the endpoint's head.
    public init(body: Bytes, headers: [String] = []) {
        self.body = body
        self.headers = headers
    }
}

/// A request uses what the provider has no equivalent for.
public struct UnsupportedRequest: Error, Hashable, Sendable {
    /// Name of the provider.
    public var provider: String
    /// Paths of the members that cannot be expressed, by OpenAI's names, such as `messages[1].content[0]`; never empty.
    public var fields: [String]

    /// The members that `provider` cannot express.
    public init(provider: String, fields: [String]) {
        self.provider = provider
        self.fields = fields
    }
}

/// Reads one response: its head, its body in whatever pieces it arrives, and its end.
///
/// Calls come in the order ``begin(_:)``, ``decode(_:into:)`` any number of times, ``end(into:)`` on a clean end of
/// the transfer. A transfer that broke gets no `end`. After the decoder gave `completed` or `failed` it gives nothing
/// more.
public protocol ResponseDecoder: AnyObject {
    /// Takes the head of the final response; interim (1xx) responses are not told.
    func begin(_ head: ResponseHead)

    /// Takes the next bytes of the body and appends what they complete.
    func decode(_ bytes: Span<UInt8>, into output: inout DecodedOutput)

    /// Takes the clean end of the body and appends `completed` or `failed` unless that was given before.
    func end(into output: inout DecodedOutput)
}

/// Status and header lines of a response.
public struct ResponseHead: Sendable {
    /// HTTP status of the final response.
    public var status: Int
    /// Header lines as received, each ended by CR LF, without the status line.
    public var rawHeaders: [UInt8]
    /// Local time of arrival in seconds since 1970; nil if the caller does not tell.
    ///
    /// Dates the provider names are measured against its own `Date` header if there is one, else against this. It is
    /// also the `created` of a stream that gives none.
    public var receivedAt: Int64?

    /// A head as received.
    public init(status: Int, rawHeaders: [UInt8] = [], receivedAt: Int64? = nil) {
        self.status = status
        self.rawHeaders = rawHeaders
        self.receivedAt = receivedAt
    }
}

/// What a decoder made of some bytes: a buffer its caller reuses from one call to the next.
public struct DecodedOutput: Sendable {
    /// The texts of all chunks, one after another.
    public var text: [UInt8] = []
    /// What happened, in order; ranges in it refer to ``text``.
    public var events: [DecodedEvent] = []

    /// An empty buffer.
    public init() {}

    /// Empties the buffer and keeps its memory.
    public mutating func removeAll() {
        text.removeAll(keepingCapacity: true)
        events.removeAll(keepingCapacity: true)
    }
}

/// A step of a response, in provider-neutral form.
public enum DecodedEvent: Sendable {
    /// One `chat.completion.chunk` for the caller, or the one `chat.completion` of a request that does not stream:
    /// a range of ``DecodedOutput/text``. `isOutput` tells whether it carries model output that is not empty (text,
    /// reasoning, refusal or a tool call), which alone counts as a token.
    case chunk(Range<Int>, isOutput: Bool)

    /// Model output arrived that is given later, because the caller wants the answer whole; it counts as a token.
    case progress

    /// Tokens so far as the provider counts them; a later one replaces an earlier one.
    case usage(Usage)

    /// The provider's own terminal was seen, or the whole valid answer.
    case completed

    // Indirect: every chunk would be as large.
    /// The provider's answer is an error, in whatever form it came.
    indirect case failed(ProviderFailure)
}

/// An error answer, classified.
public struct ProviderFailure: Error, Hashable, Sendable {
    /// The class, which decides about retries and cooldown.
    public var kind: FailureKind
    /// HTTP status, also of an error inside a stream that began with 200.
    public var httpStatus: Int
    /// What the provider calls it: its `type` or `code`, an identifier and never free text.
    public var code: String?
    /// The provider's own words. For the caller of this request only: they may quote the prompt.
    public var providerMessage: String?
    /// How long the provider asked to stay away; at most a week.
    public var retryAfter: Interval?
    /// What the provider said of sending the request again (`x-should-retry`); nil where it said nothing.
    public var mayRepeat: Bool?
    /// What this library found wrong, in one line of its own words; holds nothing of the answer.
    public var detail: String?

    /// A failure of one kind.
    public init(
        kind: FailureKind, httpStatus: Int, code: String? = nil, providerMessage: String? = nil,
        retryAfter: Interval? = nil, detail: String? = nil
    ) {
        self.kind = kind
        self.httpStatus = httpStatus
        self.code = code
        self.providerMessage = providerMessage
        self.retryAfter = retryAfter
        self.detail = detail
    }
}
