import HedgeJSON

/// A chat completion request taken apart, for providers whose format is not OpenAI's.
///
/// Reads the shape only: what a provider can express is its own business (``Expressible``). Values that are passed on
/// stay ``JSONValue``s.
struct RequestView: Sendable {
    /// The whole document but `model` and `stream_options`.
    let root: JSONValue
    let messages: [MessageView]
    /// The functions offered; tools of other kinds are told by ``Expressible``.
    let tools: [ToolView]
    let toolChoice: ToolChoiceView
    private(set) var responseFormat: ResponseFormatView
    /// Members that the model refuses: read as if they were not there.
    private(set) var refused: [String] = []

    /// Takes a parsed request apart; throws at the first member that is not of OpenAI's shape.
    init(_ document: JSONDocument) throws(RequestShapeError) {
        root = document.root
        var messages: [MessageView] = []
        for (index, message) in (root["messages"] ?? root).elements.enumerated() {
            messages.append(try MessageView(message, number: index))
        }
        self.messages = messages
        var tools: [ToolView] = []
        for (index, tool) in (given("tools", in: root) ?? root).elements.enumerated() {
            tools.append(try ToolView(tool, number: index))
        }
        self.tools = tools
        toolChoice = try ToolChoiceView(given("tool_choice", in: root))
        responseFormat = try ResponseFormatView(given("response_format", in: root))
    }

    /// A member that is there and not null.
    subscript(key: StaticString) -> JSONValue? {
        refused.isEmpty || !refused.contains(key.description) ? given(key, in: root) : nil
    }

    /// The request without what a model refuses; see ``RefusedMembers``.
    func refusing(_ rules: [String]?) -> RequestView {
        guard let rules, !rules.isEmpty else { return self }
        var request = self
        request.refused = RefusedMembers.names(rules, in: root)
        if request.refused.contains("response_format") { request.responseFormat = .text }
        return request
    }

    /// Longest answer in tokens, under either of its names.
    var maxTokens: Int64? { self["max_completion_tokens"]?.integer ?? self["max_tokens"]?.integer }
    /// The effort asked for; nil for words that are none.
    var reasoningEffort: String? {
        self["reasoning_effort"]?.string.flatMap { Self.efforts.contains($0) ? $0 : nil }
    }

    private static let efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"]

    /// Whether several tools may be called at once; nil when not said.
    var parallelToolCalls: Bool? { self["parallel_tool_calls"]?.bool }

    /// Texts that end the answer; a single one counts as a list of one.
    var stop: [JSONValue] {
        guard let stop = self["stop"] else { return [] }
        return stop.kind == .string ? [stop] : Array(stop.elements)
    }
}

/// A member of `object` that is there and not null.
private func given(_ key: StaticString, in object: JSONValue) -> JSONValue? {
    object[key].flatMap { $0.isNull ? nil : $0 }
}

/// A member of a request that has not the shape OpenAI defines for it.
struct RequestShapeError: Error, Hashable, Sendable {
    /// JSON path of the member.
    var path: String
}

/// One message.
struct MessageView: Sendable {
    enum Role: Sendable {
        case system
        case developer
        case user
        case assistant
        case tool
        /// `function` and whatever comes to be.
        case other
    }

    private let number: Int
    /// Where it stands, such as `messages[2]`.
    var path: String { "messages[\(number)]" }
    let role: Role
    /// The whole message.
    let json: JSONValue
    /// Its content; a plain string is one part, null and absent are none.
    let parts: [PartView]
    let toolCalls: [ToolCallView]
    /// Which call a tool's result belongs to.
    var toolCallID: String? { json["tool_call_id"]?.string }

    init(_ json: JSONValue, number: Int) throws(RequestShapeError) {
        self.number = number
        self.json = json
        let path = { "messages[\(number)]" }
        role =
            switch json["role"]?.string {
            case "system": .system
            case "developer": .developer
            case "user": .user
            case "assistant": .assistant
            case "tool": .tool
            default: .other
            }
        var parts: [PartView] = []
        if let content = given("content", in: json) {
            switch content.kind {
            case .string: parts = [PartView(.text, content, text: content, PartPlace(message: number))]
            case .array:
                parts.reserveCapacity(content.count)
                for (index, part) in content.elements.enumerated() {
                    parts.append(try PartView(part, PartPlace(message: number, part: index)))
                }
            default: throw RequestShapeError(path: "\(path()).content")
            }
        }
        self.parts = parts
        var calls: [ToolCallView] = []
        for (index, call) in (given("tool_calls", in: json) ?? json).elements.enumerated() {
            calls.append(try ToolCallView(call) { "\(path()).tool_calls[\(index)]" })
        }
        toolCalls = calls
        if role == .tool, toolCallID == nil { throw RequestShapeError(path: "\(path()).tool_call_id") }
    }
}

/// A tool call in the history.
struct ToolCallView: Sendable {
    let json: JSONValue
    let id: String
    let name: String
    /// JSON text as the model wrote it, or what stands in the place of a string.
    private let arguments: JSONValue?

    init(_ json: JSONValue, path: () -> String) throws(RequestShapeError) {
        self.json = json
        guard let id = json["id"]?.string else { throw RequestShapeError(path: "\(path()).id") }
        guard let name = json["function"]?["name"]?.string else {
            throw RequestShapeError(path: "\(path()).function.name")
        }
        self.id = id
        self.name = name
        arguments = json["function"]?["arguments"]
    }

    /// The arguments as an object: `{}` for none, and for text that is no JSON object.
    ///
    /// Models have put several objects into one string; the first one counts.
    var argumentObject: [UInt8] {
        if let arguments, arguments.kind == .object { return arguments.compactBytes }
        var bytes: [UInt8] = []
        arguments?.withUTF8 { bytes.append($0) }
        guard !bytes.isEmpty else { return Array("{}".utf8) }
        let tape = JSONTape()
        if (try? tape.scan(bytes.span)) != nil, tape.kind(0) == .object { return bytes }
        if let first = Self.firstObject(bytes), (try? tape.scan(first.span)) != nil { return first }
        return Array("{}".utf8)
    }

    /// The bytes from the first brace to the one that closes it.
    private static func firstObject(_ bytes: [UInt8]) -> [UInt8]? {
        guard let start = bytes.firstIndex(of: UInt8(ascii: "{")) else { return nil }
        var depth = 0
        var isInString = false
        var isEscaped = false
        for index in start..<bytes.count {
            let byte = bytes[index]
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"):
                depth -= 1
                if depth == 0 { return Array(bytes[start...index]) }
            default: break
            }
        }
        return nil
    }
}

/// Where a part of a message stands, which is put into words only for errors.
struct PartPlace: Sendable {
    let message: Int
    /// Nil for content that is one string.
    var part: Int?

    var path: String { "messages[\(message)].content" + (part.map { "[\($0)]" } ?? "") }
}

/// One part of a message's content.
struct PartView: Sendable {
    enum Kind: String, Sendable {
        case text
        case image
        case audio
        case file
        case refusal
        /// A kind of part this library does not know.
        case other
    }

    let kind: Kind
    /// The whole part; for plain content the string.
    let json: JSONValue
    /// The characters of a text or refusal.
    let text: JSONValue?
    private let place: PartPlace
    /// Where it stands, such as `messages[2].content[0]`.
    var path: String { place.path }

    init(_ kind: Kind, _ json: JSONValue, text: JSONValue? = nil, _ place: PartPlace) {
        self.kind = kind
        self.json = json
        self.text = text
        self.place = place
    }

    init(_ json: JSONValue, _ place: PartPlace) throws(RequestShapeError) {
        switch json["type"]?.string {
        case "text": self.init(.text, json, text: json["text"], place)
        case "refusal": self.init(.refusal, json, text: json["refusal"], place)
        case "image_url": self.init(.image, json, place)
        case "input_audio": self.init(.audio, json, place)
        case "file": self.init(.file, json, place)
        case .some: self.init(.other, json, place)
        case nil: throw RequestShapeError(path: "\(place.path).type")
        }
        let isText = kind == .text || kind == .refusal
        if isText, text?.kind != .string { throw RequestShapeError(path: "\(path).\(kind.rawValue)") }
        if kind == .image, json["image_url"]?["url"]?.kind != .string {
            throw RequestShapeError(path: "\(path).image_url.url")
        }
    }

    /// Whether a text has no characters; formats that refuse empty texts leave it out.
    var isEmptyText: Bool { text?.withUTF8 { $0.isEmpty } ?? false }
    /// Whether a text has nothing but white space.
    var isBlankText: Bool { text?.withUTF8 { $0.firstSignificant == nil } ?? false }

    /// Where an image's bytes are, or a file's.
    var media: MediaView? {
        switch kind {
        case .image: MediaView(json["image_url"]?["url"], defaultType: nil)
        case .file: MediaView(json["file"]?["file_data"], defaultType: "application/pdf")
        default: nil
        }
    }

    /// What a file is called.
    var fileName: String? { json["file"]?["filename"]?.string }
}

/// A function the model may call.
struct ToolView: Sendable {
    private let number: Int
    /// Where it stands, such as `tools[2]`.
    var path: String { "tools[\(number)]" }
    let json: JSONValue
    /// Empty for tools that are no functions.
    let name: String
    var isFunction: Bool { json["type"]?.string ?? "function" == "function" }
    var description: JSONValue? { given("description", in: json["function"] ?? json) }
    /// The JSON Schema of the arguments.
    var parameters: JSONValue? { given("parameters", in: json["function"] ?? json) }
    var strict: Bool? { json["function"]?["strict"]?.bool }
    /// The schema of a function that takes nothing, for formats that must have one.
    static let noParameters = Array(#"{"type":"object","properties":{}}"#.utf8)

    init(_ json: JSONValue, number: Int) throws(RequestShapeError) {
        self.number = number
        self.json = json
        name = json["function"]?["name"]?.string ?? ""
        if isFunction, name.isEmpty { throw RequestShapeError(path: "\(path).function.name") }
    }
}

/// Which tool is to be called.
enum ToolChoiceView: Sendable {
    case unspecified
    case auto
    case none
    case required
    /// One function by name.
    case function(String)
    /// Kinds this library does not translate.
    case other

    init(_ json: JSONValue?) throws(RequestShapeError) {
        guard let json else {
            self = .unspecified
            return
        }
        switch (json.string, json["type"]?.string) {
        case ("auto", _): self = .auto
        case ("none", _): self = .none
        case ("required", _): self = .required
        case (_, "function"):
            guard let name = json["function"]?["name"]?.string else {
                throw RequestShapeError(path: "tool_choice.function.name")
            }
            self = .function(name)
        case (nil, nil): throw RequestShapeError(path: "tool_choice")
        default: self = .other
        }
    }
}

/// What form the answer is to have.
enum ResponseFormatView: Sendable {
    case text
    case jsonObject
    case jsonSchema(name: String, schema: JSONValue, strict: Bool?)
    /// Kinds this library does not translate.
    case other

    init(_ json: JSONValue?) throws(RequestShapeError) {
        guard let json else {
            self = .text
            return
        }
        switch json["type"]?.string {
        case "text": self = .text
        case "json_object": self = .jsonObject
        case "json_schema":
            guard let schema = json["json_schema"]?["schema"], schema.kind == .object else {
                throw RequestShapeError(path: "response_format.json_schema.schema")
            }
            self = .jsonSchema(
                name: json["json_schema"]?["name"]?.string ?? "response", schema: schema,
                strict: json["json_schema"]?["strict"]?.bool)
        case .some: self = .other
        case nil: throw RequestShapeError(path: "response_format.type")
        }
    }
}
