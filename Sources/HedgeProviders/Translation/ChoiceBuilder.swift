import HedgeJSON

/// One choice of an answer under construction.
struct ChoiceBuilder {
    private struct Tool {
        /// The provider's index; nil once the call has ended.
        var key: Int?
        /// The call up to the opening quote of its arguments.
        var head: [UInt8] = []
        /// The inside of a JSON string.
        var arguments: [UInt8] = []
        var hasArguments = false
    }

    let number: Int
    /// Why it ended, as the provider says; nil while it goes on.
    var finish: ChunkBuilder.Finish?

    private var content: [UInt8] = []
    private var reasoning: [UInt8] = []
    private var refusal: [UInt8] = []
    /// Lists that OpenAI does not define, and what is between their brackets.
    private var extras: [(name: StaticString, elements: [UInt8])] = []
    private var tools: [Tool] = []
    /// What is between the brackets of `logprobs.content`.
    private var logprobs: [UInt8] = []

    init(number: Int) {
        self.number = number
    }

    // MARK: Tools

    /// Begins a call and returns its index; nil when there are too many.
    mutating func addTool(key: Int) -> Int? {
        guard tools.count < 1024 else { return nil }
        forgetKey(key)
        tools.append(Tool(key: key))
        return tools.count - 1
    }

    /// The call of that key which is still open.
    func tool(key: Int) -> Int? {
        tools.lastIndex { $0.key == key }
    }

    mutating func forgetKey(_ key: Int) {
        if let index = tool(key: key) { tools[index].key = nil }
    }

    mutating func setHead(_ head: [UInt8], ofTool index: Int) {
        tools[index].head = head
    }

    /// Takes note of arguments, and keeps them if they are given.
    mutating func appendArguments(_ json: Span<UInt8>?, ofTool index: Int) {
        tools[index].hasArguments = true
        if let json { tools[index].arguments.append(json, 1..<(json.count - 1)) }
    }

    func hasArguments(ofTool index: Int) -> Bool { tools[index].hasArguments }

    /// Calls whose arguments never came.
    var toolsWithoutArguments: [Int] { tools.indices.filter { !tools[$0].hasArguments } }

    // MARK: Texts

    mutating func append(_ field: ChunkBuilder.TextField, _ json: Span<UInt8>) {
        let inside = 1..<(json.count - 1)
        switch field {
        case .content: content.append(json, inside)
        case .reasoning: reasoning.append(json, inside)
        case .refusal: refusal.append(json, inside)
        }
    }

    mutating func appendExtra(_ list: StaticString, _ element: Span<UInt8>) {
        let index =
            extras.firstIndex { $0.name.description == list.description }
            ?? {
                extras.append((list, []))
                return extras.count - 1
            }()
        if !extras[index].elements.isEmpty { extras[index].elements.append(",") }
        extras[index].elements.append(element)
    }

    mutating func appendLogprobs(_ tokens: Span<UInt8>) {
        if !logprobs.isEmpty { logprobs.append(",") }
        logprobs.append(tokens)
    }

    // MARK: Output

    /// The reason in OpenAI's words; a choice that called tools and stopped says so.
    var reason: StaticString {
        switch finish ?? .stop {
        case .stop: tools.isEmpty ? "stop" : "tool_calls"
        case .length: "length"
        // Without a single call there is nothing to answer.
        case .toolCalls: tools.isEmpty ? "stop" : "tool_calls"
        case .contentFilter: "content_filter"
        }
    }

    /// Appends the choice of a `chat.completion`.
    func append(to bytes: inout [UInt8]) {
        bytes.append("{\"index\":")
        JSONWriter.appendInteger(number, to: &bytes)
        bytes.append(",\"message\":{\"role\":\"assistant\",\"content\":")
        let isNull = content.isEmpty && !(tools.isEmpty && refusal.isEmpty)
        if isNull { bytes.append("null") } else { Self.appendString(content, to: &bytes) }
        bytes.append(",\"refusal\":")
        if refusal.isEmpty { bytes.append("null") } else { Self.appendString(refusal, to: &bytes) }
        if !reasoning.isEmpty {
            bytes.append(",\"reasoning_content\":")
            Self.appendString(reasoning, to: &bytes)
        }
        for extra in extras {
            bytes.append(",\"")
            bytes.append(extra.name)
            bytes.append("\":[")
            bytes.append(extra.elements.span)
            bytes.append("]")
        }
        appendTools(to: &bytes)
        bytes.append("},\"logprobs\":")
        appendLogprobs(to: &bytes)
        bytes.append(",\"finish_reason\":\"")
        bytes.append(reason)
        bytes.append("\"}")
    }

    private func appendLogprobs(to bytes: inout [UInt8]) {
        guard !logprobs.isEmpty else { return bytes.append("null") }
        bytes.append("{\"content\":[")
        bytes.append(logprobs.span)
        bytes.append("],\"refusal\":null}")
    }

    private func appendTools(to bytes: inout [UInt8]) {
        guard !tools.isEmpty else { return }
        bytes.append(",\"tool_calls\":[")
        for (index, tool) in tools.enumerated() {
            bytes.append(index == 0 ? "{" : ",{")
            bytes.append(tool.head.span)
            bytes.append(tool.arguments.span)
            bytes.append("\"}}")
        }
        bytes.append("]")
    }

    private static func appendString(_ inside: [UInt8], to bytes: inout [UInt8]) {
        bytes.append("\"")
        bytes.append(inside.span)
        bytes.append("\"")
    }
}
