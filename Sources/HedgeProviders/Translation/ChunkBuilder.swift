import HedgeCore
import HedgeJSON

/// Makes `chat.completion.chunk`s, or one `chat.completion`, of what a provider of another format says.
///
/// A decoder tells it what it read, in order; JSON strings pass as they are written, without being decoded. Rules:
/// the first chunk of a choice has the role, only together with something that follows; tool calls count from 0 for
/// each choice, whatever the provider's own indices are; the chunk that finishes a choice comes once, at
/// ``complete(into:)``; then usage, if the caller asked for it.
struct ChunkBuilder {
    /// Members of a delta that hold text.
    enum TextField: Sendable {
        case content
        case reasoning
        case refusal
    }

    /// Why a choice ended, in OpenAI's words.
    enum Finish: Sendable {
        case stop
        case length
        case toolCalls
        case contentFilter
    }

    /// Whether the caller gets chunks, rather than one answer.
    let isStream: Bool
    /// Whether output is told of as it comes, although it is given as one answer at the end.
    var reportsProgress = false
    private let wantsUsage: Bool
    private let servedModel: String
    /// Names of functions that had to be changed for the provider: its name, and the caller's.
    private let names: [String: String]
    private var identifiers = IdentifierSource(seed: 0)
    private var now: Int64 = 0

    private var id: [UInt8] = []
    private var model: [UInt8] = []
    private var created: Int64 = 0
    /// What every chunk begins with, up to the opening bracket of `choices`.
    private var head: [UInt8] = []

    private var choices: [ChoiceBuilder] = []
    private(set) var usage = TokenCounts()
    private var hasUsage = false
    /// Whether anything that counts as output was given.
    private(set) var hasOutput = false
    /// Of what there was more than any answer has; the answer cannot be given whole then.
    private(set) var excess: StaticString?
    /// Bytes kept for the one answer.
    private var keptBytes = 0

    /// For an answer from a deployment of `model`; `isStream` as the caller asked.
    init(model: String, isStream: Bool, wantsUsage: Bool, names: [String: String] = [:]) {
        servedModel = model
        self.isStream = isStream
        self.wantsUsage = wantsUsage
        self.names = names
    }

    /// Takes the time in seconds since 1970, and the seed of identifiers that have to be made up.
    mutating func begin(now: Int64, seed: UInt64) {
        self.now = now
        identifiers = IdentifierSource(seed: seed)
    }

    // MARK: Identity

    /// Takes the provider's identifier of the answer, a JSON string; the first one that is not empty counts.
    mutating func setID(_ json: Span<UInt8>) {
        if id.isEmpty, json.count > 2, head.isEmpty { id.append(json) }
    }

    /// Takes the model that answers, a JSON string; the first one that is not empty counts.
    mutating func setModel(_ json: Span<UInt8>) {
        if model.isEmpty, json.count > 2, head.isEmpty { model.append(json) }
    }

    /// Takes the time of the answer in seconds since 1970.
    mutating func setCreated(_ seconds: Int64) {
        if created == 0, seconds > 0, head.isEmpty { created = seconds }
    }

    // MARK: Deltas

    /// Appends to a text of a choice; `json` is a JSON string with its quotes. An empty one gives nothing.
    mutating func text(
        _ field: TextField, _ json: Span<UInt8>, choice: Int = 0, into output: inout DecodedOutput
    ) {
        guard json.count > 2, let index = open(choice, into: &output) else { return }
        hasOutput = true
        guard isStream else {
            keep(json.count)
            progress(into: &output)
            return choices[index].append(field, json)
        }
        beginChunk(index, into: &output)
        output.text.append(field.key)
        output.text.append(json)
        endChunk(isOutput: true, into: &output)
    }

    /// Appends to a text of a choice.
    mutating func text(_ field: TextField, _ text: String, choice: Int = 0, into output: inout DecodedOutput) {
        var json: [UInt8] = []
        JSONWriter.appendQuoted(text, to: &json)
        self.text(field, json.span, choice: choice, into: &output)
    }

    /// Adds an element to a list in the message that OpenAI does not define, such as citations or signed reasoning.
    ///
    /// `element` is one JSON value. `isOutput` tells whether the model made it.
    mutating func extra(
        _ list: StaticString, _ element: Span<UInt8>, isOutput: Bool = false, choice: Int = 0,
        into output: inout DecodedOutput
    ) {
        guard !element.isEmpty, let index = open(choice, into: &output) else { return }
        if isOutput { hasOutput = true }
        guard isStream else {
            keep(element.count)
            if isOutput { progress(into: &output) }
            return choices[index].appendExtra(list, element)
        }
        beginChunk(index, into: &output)
        output.text.append("\"")
        output.text.append(list)
        output.text.append("\":[")
        output.text.append(element)
        output.text.append("]")
        endChunk(isOutput: isOutput, into: &output)
    }

    /// Adds the log probabilities of tokens; `tokens` are elements of OpenAI's `logprobs.content` with commas between.
    mutating func logprobs(_ tokens: Span<UInt8>, choice: Int = 0, into output: inout DecodedOutput) {
        guard !tokens.isEmpty, let index = open(choice, into: &output) else { return }
        guard isStream else { return choices[index].appendLogprobs(tokens) }
        beginChunk(index, into: &output)
        output.text.append("},\"logprobs\":{\"content\":[")
        output.text.append(tokens)
        output.text.append("],\"refusal\":null")
        endChunk(isOutput: false, into: &output)
    }

    /// Begins a tool call. `key` is the provider's own index of it, by which ``toolArguments(_:key:choice:into:)``
    /// finds it again; `id` is made up where nil or of no use to others. `extra` are further members of the call.
    mutating func toolCall(
        key: Int, id: String?, name: String, extra: [UInt8] = [], choice: Int = 0, into output: inout DecodedOutput
    ) {
        guard let index = open(choice, into: &output) else { return }
        guard let call = choices[index].addTool(key: key) else {
            excess = "too many tool calls"
            return
        }
        hasOutput = true
        var text: [UInt8] = []
        text.append("\"id\":")
        appendCallID(id, to: &text)
        text.append(",\"type\":\"function\",")
        if !extra.isEmpty {
            text.append(extra.span)
            text.append(",")
        }
        text.append("\"function\":{\"name\":")
        JSONWriter.appendQuoted(names[name] ?? name, to: &text)
        text.append(",\"arguments\":\"")
        guard isStream else {
            keep(text.count)
            progress(into: &output)
            return choices[index].setHead(text, ofTool: call)
        }
        beginChunk(index, into: &output)
        output.text.append("\"tool_calls\":[{\"index\":")
        JSONWriter.appendInteger(call, to: &output.text)
        output.text.append(",")
        output.text.append(text.span)
        output.text.append("\"}}]")
        endChunk(isOutput: true, into: &output)
    }

    /// Appends to the arguments of a tool call; `json` is a JSON string with its quotes. Of a call that was never
    /// begun, nothing is given.
    mutating func toolArguments(
        _ json: Span<UInt8>, key: Int, choice: Int = 0, into output: inout DecodedOutput
    ) {
        guard json.count > 2, let index = position(of: choice), let call = choices[index].tool(key: key) else { return }
        hasOutput = true
        choices[index].appendArguments(isStream ? nil : json, ofTool: call)
        guard isStream else {
            keep(json.count)
            return progress(into: &output)
        }
        beginChunk(index, into: &output)
        output.text.append("\"tool_calls\":[{\"index\":")
        JSONWriter.appendInteger(call, to: &output.text)
        output.text.append(",\"function\":{\"arguments\":")
        output.text.append(json)
        output.text.append("}}]")
        endChunk(isOutput: true, into: &output)
    }

    /// Appends an object as arguments of a tool call, in its compact form; `json` is the object's text.
    mutating func toolArguments(
        object json: Span<UInt8>, key: Int, choice: Int = 0, into output: inout DecodedOutput
    ) {
        var compact: [UInt8] = []
        compact.appendCompact(json)
        var quoted: [UInt8] = []
        JSONWriter.appendQuoted(compact.span, to: &quoted)
        toolArguments(quoted.span, key: key, choice: choice, into: &output)
    }

    /// Ends a tool call; one without arguments gets `{}`.
    mutating func endTool(key: Int, choice: Int = 0, into output: inout DecodedOutput) {
        guard let index = position(of: choice), let call = choices[index].tool(key: key) else { return }
        choices[index].forgetKey(key)
        guard !choices[index].hasArguments(ofTool: call) else { return }
        appendEmptyArguments(call, index, into: &output)
    }

    // MARK: End

    /// Takes why a choice ended; a later word replaces an earlier one.
    mutating func finish(_ reason: Finish, choice: Int = 0, into output: inout DecodedOutput) {
        guard let index = open(choice, into: &output) else { return }
        choices[index].finish = reason
    }

    /// Whether every choice there is has ended, and there is one.
    var isFinished: Bool { !choices.isEmpty && choices.allSatisfy { $0.finish != nil } }

    /// Takes token counts, cumulative: what is not nil replaces what was known.
    mutating func setUsage(_ counts: TokenCounts, into output: inout DecodedOutput) {
        usage.merge(counts)
        hasUsage = true
        output.events.append(.usage(usage.total))
    }

    /// Gives what was held back and `completed`: the provider's own terminal was seen.
    mutating func complete(into output: inout DecodedOutput) {
        if choices.isEmpty { _ = open(0, into: &output) }
        for index in choices.indices {
            for call in choices[index].toolsWithoutArguments { appendEmptyArguments(call, index, into: &output) }
        }
        if isStream {
            for index in choices.indices { giveFinish(index, into: &output) }
            if wantsUsage { giveUsage(into: &output) }
        } else {
            giveAnswer(into: &output)
        }
        output.events.append(.completed)
    }

    private mutating func appendEmptyArguments(_ call: Int, _ index: Int, into output: inout DecodedOutput) {
        let empty: [UInt8] = Array("\"{}\"".utf8)
        choices[index].appendArguments(isStream ? nil : empty.span, ofTool: call)
        guard isStream else { return }
        beginChunk(index, into: &output)
        output.text.append("\"tool_calls\":[{\"index\":")
        JSONWriter.appendInteger(call, to: &output.text)
        output.text.append(",\"function\":{\"arguments\":\"{}\"}}]")
        endChunk(isOutput: true, into: &output)
    }

    // MARK: Choices

    /// More choices than any provider gives.
    private static let mostChoices = 128

    private func position(of choice: Int) -> Int? {
        choices.firstIndex { $0.number == choice }
    }

    /// The place of a choice, which is begun if it is new.
    private mutating func open(_ choice: Int, into output: inout DecodedOutput) -> Int? {
        if let index = position(of: choice) { return index }
        guard choices.count < Self.mostChoices else {
            excess = "too many choices"
            return nil
        }
        if head.isEmpty { makeHead() }
        choices.append(ChoiceBuilder(number: choice))
        let index = choices.count - 1
        guard isStream else { return index }
        beginChunk(index, into: &output)
        output.text.append("\"role\":\"assistant\",\"content\":\"\"")
        endChunk(isOutput: false, into: &output)
        return index
    }

    private mutating func makeHead() {
        if id.isEmpty {
            var made: [UInt8] = []
            made.append("\"chatcmpl-")
            identifiers.append(to: &made)
            made.append("\"")
            id = made
        }
        if model.isEmpty { JSONWriter.appendQuoted(servedModel, to: &model) }
        var text: [UInt8] = []
        text.append("{\"id\":")
        text.append(id.span)
        text.append(isStream ? ",\"object\":\"chat.completion.chunk\"" : ",\"object\":\"chat.completion\"")
        text.append(",\"created\":")
        JSONWriter.appendInteger(created > 0 ? created : now, to: &text)
        text.append(",\"model\":")
        text.append(model.span)
        text.append(",\"choices\":[")
        head = text
    }

    /// Identifiers of other providers must be able to go back to any of them.
    private mutating func appendCallID(_ id: String?, to text: inout [UInt8]) {
        if let id, ToolCallID.isPortable(id) { return JSONWriter.appendQuoted(id, to: &text) }
        text.append("\"call_")
        identifiers.append(to: &text)
        text.append("\"")
    }

    /// Counts what is kept, which an answer that streams without end must not let grow without end.
    private mutating func keep(_ count: Int) {
        keptBytes += count
        if keptBytes > AnswerBody.limit { excess = "the answer is longer than 64 MiB" }
    }

    private func progress(into output: inout DecodedOutput) {
        if reportsProgress { output.events.append(.progress) }
    }

    // MARK: Chunks

    private var chunkStart = 0

    private mutating func beginChunk(_ index: Int, into output: inout DecodedOutput) {
        chunkStart = output.text.count
        output.text.append(head.span)
        output.text.append("{\"index\":")
        JSONWriter.appendInteger(choices[index].number, to: &output.text)
        output.text.append(",\"delta\":{")
    }

    private func endChunk(isOutput: Bool, into output: inout DecodedOutput) {
        output.text.append("},\"finish_reason\":null}]")
        output.text.append(wantsUsage ? ",\"usage\":null}" : "}")
        output.events.append(.chunk(chunkStart..<output.text.count, isOutput: isOutput))
    }

    private mutating func giveFinish(_ index: Int, into output: inout DecodedOutput) {
        beginChunk(index, into: &output)
        output.text.append("},\"finish_reason\":\"")
        output.text.append(choices[index].reason)
        output.text.append(wantsUsage ? "\"}],\"usage\":null}" : "\"}]}")
        output.events.append(.chunk(chunkStart..<output.text.count, isOutput: false))
    }

    private func giveUsage(into output: inout DecodedOutput) {
        let start = output.text.count
        output.text.append(head.span)
        output.text.append("],\"usage\":")
        usage.append(to: &output.text)
        output.text.append("}")
        output.events.append(.chunk(start..<output.text.count, isOutput: false))
    }

    private func giveAnswer(into output: inout DecodedOutput) {
        let start = output.text.count
        output.text.append(head.span)
        for (index, choice) in choices.enumerated() {
            if index > 0 { output.text.append(",") }
            choice.append(to: &output.text)
        }
        output.text.append("],\"usage\":")
        usage.append(to: &output.text)
        output.text.append("}")
        output.events.append(.chunk(start..<output.text.count, isOutput: hasOutput))
    }
}

extension ChunkBuilder.TextField {
    /// The member's name with its colon.
    var key: StaticString {
        switch self {
        case .content: "\"content\":"
        case .reasoning: "\"reasoning_content\":"
        case .refusal: "\"refusal\":"
        }
    }
}

/// Identifiers of tool calls.
enum ToolCallID {
    /// Whether an identifier can be sent to any provider: 1 to 64 letters, digits, `_`, `.`, `:` or `-`.
    static func isPortable(_ id: String) -> Bool {
        (1...64).contains(id.utf8.count) && id.utf8.allSatisfy { isLetterOrDigit($0) || "_.:-".utf8.contains($0) }
    }

    /// `id` with `_` for what is not a letter, a digit, `_` or `-`, at most 64 characters.
    static func plain(_ id: String) -> String {
        if (1...64).contains(id.utf8.count), id.utf8.allSatisfy({ isLetterOrDigit($0) || $0 == 0x2D || $0 == 0x5F }) {
            return id
        }
        let bytes = id.utf8.prefix(64).map { isLetterOrDigit($0) || $0 == 0x2D ? $0 : UInt8(ascii: "_") }
        return bytes.isEmpty ? "_" : String(decoding: bytes, as: UTF8.self)
    }

    static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
