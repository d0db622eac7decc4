import HedgeJSON

/// What a wire format has an equivalent for, as data: what is not named here is an objection.
struct Expressible: Sendable {
    /// Names of the format, for errors.
    var provider: String
    /// Top-level members that are expressed, `messages` and `stream` apart: OpenAI's, and the format's own ones that
    /// are passed on as they are.
    var members: Set<String>
    /// Kinds of content parts besides text and refusals.
    var parts: Set<PartView.Kind> = []
    /// Kinds of content parts in results of tools.
    var resultParts: Set<PartView.Kind> = []
    var forcesTools = true
    var forcesNamedTool = true
    var forbidsTools = true
    var hasJSONObject = true
    var hasJSONSchema = true

    /// What of the request has no equivalent, in the order of the document.
    ///
    /// With `dropping`, only what cannot be left out without changing what is asked: parts of messages.
    func objections(to request: RequestView, dropping: Bool) -> [String] {
        dropping ? messageObjections(request) : memberObjections(request) + messageObjections(request)
    }

    private func memberObjections(_ request: RequestView) -> [String] {
        var fields: [String] = []
        for (name, value) in request.root.members where !Self.saysNothing(name, value) {
            let isExpressed = Self.structural.contains(name) || members.contains(name)
            let isEffort = name == "reasoning_effort" && request.reasoningEffort == nil
            if !isExpressed || isEffort || request.refused.contains(name) { fields.append(name) }
        }
        for tool in request.tools where !tool.isFunction { fields.append(tool.path) }
        let hasChoice =
            switch request.toolChoice {
            case .unspecified, .auto: true
            case .none: forbidsTools || request.tools.isEmpty
            case .required: forcesTools
            case .function: forcesNamedTool
            case .other: false
            }
        if !hasChoice { fields.append("tool_choice") }
        let hasFormat =
            switch request.responseFormat {
            case .text: true
            case .jsonObject: hasJSONObject
            case .jsonSchema: hasJSONSchema
            case .other: false
            }
        if !hasFormat { fields.append("response_format") }
        return fields
    }

    private func messageObjections(_ request: RequestView) -> [String] {
        var fields: [String] = []
        for message in request.messages {
            if message.role == .other { fields.append("\(message.path).role") }
            if message.role == .assistant {
                // An answer that was spoken, and a call from before there were tools.
                for key in ["audio", "function_call"] where message.json.member(key).map({ !$0.isNull }) ?? false {
                    fields.append("\(message.path).\(key)")
                }
            }
            let allowed =
                switch message.role {
                case .tool: resultParts
                case .user: parts
                default: [] as Set<PartView.Kind>
                }
            for part in message.parts where part.kind != .text && part.kind != .refusal && !allowed.contains(part.kind)
            {
                fields.append(part.path)
            }
        }
        return fields
    }

    /// Members every format expresses by its structure, or that concern this library alone.
    private static let structural: Set<String> = [
        "messages", "stream", "stream_options", "tools", "tool_choice", "response_format",
    ]

    /// Whether a member is there but asks for nothing: null, or what holds without it.
    static func saysNothing(_ name: String, _ value: JSONValue) -> Bool {
        switch (name, value.kind) {
        case (_, .null): true
        case ("n", _): value.integer == 1
        case ("temperature", _), ("top_p", _): value.number == 1
        case ("frequency_penalty", _), ("presence_penalty", _), ("top_logprobs", _): value.number == 0
        case ("logprobs", .false), ("store", .false), ("parallel_tool_calls", .true): true
        case ("logit_bias", .object), ("metadata", .object): value.count == 0
        case ("functions", .array), ("stop", .array), ("tools", .array): value.count == 0
        case ("response_format", .object): value["type"]?.string == "text"
        case ("service_tier", .string): ["auto", "default"].contains(value.string)
        case ("modalities", .array): value.count == 1 && value[0]?.string == "text"
        case ("verbosity", .string): value.string == "medium"
        default: false
        }
    }
}

extension ChatRequest {
    /// The request taken apart; throws what `provider` then has to say about it.
    func view(for provider: String) throws(UnsupportedRequest) -> RequestView {
        do throws(RequestShapeError) {
            return try view()
        } catch {
            throw UnsupportedRequest(provider: provider, fields: [error.path])
        }
    }

    /// What `find` sees that `provider` has no equivalent for; nil for nothing.
    func objection(of provider: String, _ find: (RequestView) -> [String]) -> UnsupportedRequest? {
        do throws(UnsupportedRequest) {
            let fields = find(try view(for: provider))
            return fields.isEmpty ? nil : UnsupportedRequest(provider: provider, fields: fields)
        } catch {
            return error
        }
    }
}
