import HedgeCore
import HedgeJSON

/// Turns the data of a provider's stream into chunks as OpenAI defines them.
///
/// What is right already passes byte for byte. What is not is corrected in the text, so that everything else in the
/// chunk stays as it was: missing members of the head, `finish_reason` that is empty, missing or another word, tool
/// calls with wrong indices, reasoning under another name. The chunk that finishes a choice is held until the end of
/// the stream, given once per choice, and followed by one usage chunk if the caller asked for it.
struct ChunkNormalizer {
    /// What became of one piece of data.
    enum Outcome {
        case taken
        /// The provider reports an error: the node of it in the tape, -1 for the whole.
        case failed(node: Int)
        /// The data is not what the format allows.
        case malformed(StaticString)
    }

    private let tape: JSONTape
    private let wantsUsage: Bool
    /// When the response began, in seconds since 1970, for streams that do not say.
    private var now: Int64 = 0
    private var identity: StreamIdentity
    private var identifiers = IdentifierSource(seed: 0)
    private var editor = ChunkEditor()
    private var shape = ChunkShape()
    private var choices: [ChoiceState] = []
    /// Chunks from before the stream's identifier was known; without output, few and short.
    private var deferred: [[UInt8]] = []
    /// The chunks that finish a choice, one after another, and their lengths.
    private var held: [UInt8] = []
    private var heldLengths: [Int] = []
    private var usageChunk: [UInt8] = []
    private var hasSeenChunk = false
    /// Choices that finish with the chunk being read, and why; a node or a word.
    private var finishing: [(choice: Int, reason: FinishReason, node: Int)] = []

    /// For a stream from a deployment of `model`, whose texts are scanned with `tape`.
    init(tape: JSONTape, model: String, wantsUsage: Bool) {
        self.tape = tape
        self.wantsUsage = wantsUsage
        identity = StreamIdentity(model: model)
    }

    /// Takes the time in seconds since 1970, and the seed of identifiers that have to be made up.
    mutating func begin(now: Int64, seed: UInt64) {
        self.now = now
        identifiers = IdentifierSource(seed: seed)
    }

    /// Takes a chunk that repeats the last one with another text, without a scan; false if it is not one.
    mutating func takeRepeated(_ text: Span<UInt8>, into output: inout DecodedOutput) -> Bool {
        guard shape.matches(text) else { return false }
        let start = output.text.count
        output.text.append(text)
        output.events.append(.chunk(start..<output.text.count, isOutput: true))
        return true
    }

    /// Takes a JSON value that the tape has just scanned.
    mutating func take(_ text: Span<UInt8>, into output: inout DecodedOutput) -> Outcome {
        guard tape.kind(0) == .object else { return .malformed("a chunk is not an object") }
        let top = ChunkTop(tape, text)
        if let node = top.failure(tape, text) { return .failed(node: node) }
        // Data of events that are no chunks, such as a ping.
        if top.choices < 0 && top.id < 0 && top.object < 0 && top.usage < 0 { return .taken }
        hasSeenChunk = true
        identity.learn(top, tape, text)
        let hasChoices = tape.kind(top.choices) == .array && !tape.isEmptyContainer(top.choices)
        if !identity.isKnown {
            if !hasChoices && deferred.count < 16 && text.count <= 1 << 16 {
                deferred.append(copy(of: text))
                return .taken
            }
            identity.complete(random: &identifiers, now: now)
        }
        if !deferred.isEmpty {
            if let outcome = takeDeferred(into: &output) { return outcome }
            // The tape was used for other texts meanwhile; this one was accepted before.
            guard (try? tape.scan(text, limits: .stream)) != nil else { return .malformed("a chunk changed") }
        }
        identity.complete(now: now)
        return takeIdentified(text, top, hasChoices: hasChoices, into: &output)
    }

    private func copy(of text: Span<UInt8>) -> [UInt8] {
        var copy: [UInt8] = []
        copy.append(text)
        return copy
    }

    /// Gives the chunks that waited for an identifier; nil if all is well.
    private mutating func takeDeferred(into output: inout DecodedOutput) -> Outcome? {
        identity.complete(now: now)
        for text in exchange(&deferred, with: []) {
            guard (try? tape.scan(text.span, limits: .stream)) != nil else { continue }
            let top = ChunkTop(tape, text.span)
            let outcome = takeIdentified(text.span, top, hasChoices: false, into: &output)
            guard case .taken = outcome else { return outcome }
        }
        return nil
    }

    private mutating func takeIdentified(
        _ text: Span<UInt8>, _ top: ChunkTop, hasChoices: Bool, into output: inout DecodedOutput
    ) -> Outcome {
        editor.removeAll()
        finishing.removeAll(keepingCapacity: true)
        identity.correct(top, object: "chat.completion.chunk", tape, text, &editor)
        var reading = ChunkReading()
        if hasChoices {
            if let failure = read(top.choices, text, &reading) { return failure }
        } else {
            correctAbsentChoices(top)
        }
        if let node = top.usageObject(tape, text) {
            if let usage = UsageReader.read(node, tape, text) { output.events.append(.usage(usage)) }
            if !hasChoices && node == top.usage {
                keepUsageChunk(node, text)
                return .taken
            }
            if wantsUsage { makeUsageChunk(node, text) }
            if node == top.usage { editor.replace(tape.range(node), with: "null") }
        } else if let node = reading.text, reading.count == 1, editor.isEmpty, finishing.isEmpty {
            // It changes nothing but what the caller reads, and so does the next one like it.
            shape.remember(text, quoted: tape.range(node))
        }
        give(text, reading, into: &output)
        return held.count <= EventStreamParser.limit ? .taken : .malformed("the ends of the choices are too long")
    }

    /// Gives, holds or drops the chunk.
    private mutating func give(_ text: Span<UInt8>, _ reading: ChunkReading, into output: inout DecodedOutput) {
        let tape = tape
        if reading.count == 1 && !reading.hasOutput, reading.finishes > 0 {
            // Nothing but an end: the first one waits for the end of the stream, and another has nothing to tell.
            guard let finish = finishing.first else { return }
            editor.replace(tape.range(finish.node)) { finish.reason.append(finish.node, tape, text, to: &$0) }
            let start = held.count
            editor.apply(to: text, appendingTo: &held)
            heldLengths.append(held.count - start)
            return
        }
        for finish in finishing {
            editor.replace(tape.range(finish.node), with: "null")
            holdFinish(choice: finish.choice) { finish.reason.append(finish.node, tape, text, to: &$0) }
        }
        let start = output.text.count
        editor.apply(to: text, appendingTo: &output.text)
        output.events.append(.chunk(start..<output.text.count, isOutput: reading.hasOutput))
    }

    private mutating func correctAbsentChoices(_ top: ChunkTop) {
        if top.choices < 0 {
            editor.insert(atEndOf: tape.range(0), isFirst: tape.isEmptyContainer(0)) { $0.append("\"choices\":[]") }
        } else if tape.kind(top.choices) != .array {
            editor.replace(tape.range(top.choices), with: "[]")
        }
    }

    // MARK: Usage

    private mutating func keepUsageChunk(_ node: Int, _ text: Span<UInt8>) {
        guard wantsUsage else { return }
        usageChunk.removeAll(keepingCapacity: true)
        UsageReader.correct(node, tape, text, &editor)
        editor.apply(to: text, appendingTo: &usageChunk)
    }

    /// The usage object at a node, as the caller is to see it.
    private func corrected(_ node: Int, _ text: Span<UInt8>) -> [UInt8] {
        var editor = ChunkEditor()
        UsageReader.correct(node, tape, text, &editor)
        let range = tape.range(node)
        // Places in the text before the object stay what they are.
        var usage: [UInt8] = []
        editor.apply(to: text.extracting(0..<range.upperBound), appendingTo: &usage)
        usage.removeFirst(min(range.lowerBound, usage.count))
        return usage
    }

    private mutating func makeUsageChunk(_ node: Int, _ text: Span<UInt8>) {
        usageChunk.removeAll(keepingCapacity: true)
        identity.appendHead(to: &usageChunk)
        usageChunk.append("[],\"usage\":")
        usageChunk.append(corrected(node, text).span)
        usageChunk.append("}")
    }

    // MARK: End

    /// Gives what was held at the end of the stream: after `[DONE]`, or at the end of the body, which must follow an
    /// end of every choice. Returns false if the stream is not complete.
    mutating func finish(isDone: Bool, into output: inout DecodedOutput) -> Bool {
        guard hasSeenChunk else { return false }
        guard isDone || !choices.isEmpty && choices.allSatisfy(\.isFinished) else { return false }
        identity.complete(random: &identifiers, now: now)
        _ = takeDeferred(into: &output)
        for choice in choices.indices where !choices[choice].isFinished {
            choices[choice].isFinished = true
            let reason: StaticString = choices[choice].tools.isEmpty ? "\"stop\"" : "\"tool_calls\""
            holdFinish(choice: choices[choice].index) { $0.append(reason) }
        }
        for choice in choices { giveMissingArguments(of: choice, into: &output) }
        var start = 0
        for length in heldLengths {
            give(held, start..<(start + length), into: &output)
            start += length
        }
        if wantsUsage && !usageChunk.isEmpty { give(usageChunk, 0..<usageChunk.count, into: &output) }
        return true
    }

    /// A function without parameters is called with an object, which a call that came without arguments lacks.
    private func giveMissingArguments(of choice: ChoiceState, into output: inout DecodedOutput) {
        for call in choice.tools.withoutArguments {
            let start = output.text.count
            identity.appendHead(to: &output.text)
            output.text.append("[{\"index\":")
            JSONWriter.appendInteger(choice.index, to: &output.text)
            output.text.append(",\"delta\":{\"tool_calls\":[{\"index\":")
            JSONWriter.appendInteger(call, to: &output.text)
            output.text.append(",\"function\":{\"arguments\":\"{}\"}}]},\"finish_reason\":null}]}")
            output.events.append(.chunk(start..<output.text.count, isOutput: false))
        }
    }

    private func give(_ bytes: [UInt8], _ range: Range<Int>, into output: inout DecodedOutput) {
        let start = output.text.count
        output.text.append(bytes.span, range)
        output.events.append(.chunk(start..<output.text.count, isOutput: false))
    }

    /// Keeps a chunk that does nothing but end a choice.
    private mutating func holdFinish(choice: Int, reason: (inout [UInt8]) -> Void) {
        let start = held.count
        identity.appendHead(to: &held)
        held.append("[{\"index\":")
        JSONWriter.appendInteger(choice, to: &held)
        held.append(",\"delta\":{},\"finish_reason\":")
        reason(&held)
        held.append("}]}")
        heldLengths.append(held.count - start)
    }
}

/// What one chunk turned out to hold.
struct ChunkReading {
    /// Choices in the chunk, and those of them that carry a finish reason.
    var count = 0
    var finishes = 0
    /// Whether any of them carries model output that is not empty.
    var hasOutput = false
    /// The node of a text that is not empty in a delta without tool calls.
    var text: Int?
}

/// What a stream has said of one choice so far.
struct ChoiceState {
    let index: Int
    var hasRole = false
    var isFinished = false
    var tools = ToolCallRouter()
    /// Whether it called a function in the way that came before tools.
    var hasFunctionCall = false

    /// What it has called.
    var calls: FinishReason.Calls { !tools.isEmpty ? .tools : hasFunctionCall ? .function : .nothing }
}

extension JSONLimits {
    /// What one event of a stream may be.
    static let stream = JSONLimits(bytes: EventStreamParser.limit, depth: 256)
}

// MARK: - Choices

extension ChunkNormalizer {
    /// More choices than any provider allows, and few enough that they are searched one by one.
    private static let choiceLimit = 128

    /// Reads the choices of a chunk and collects what has to be corrected.
    private mutating func read(_ array: Int, _ text: Span<UInt8>, _ reading: inout ChunkReading) -> Outcome? {
        var node = array + 1
        let end = tape.next(array)
        while node < end {
            guard tape.kind(node) == .object else { return .malformed("a choice is not an object") }
            if let failure = readChoice(node, place: reading.count, text, &reading) { return failure }
            reading.count += 1
            node = tape.next(node)
        }
        return nil
    }

    private mutating func readChoice(
        _ node: Int, place: Int, _ text: Span<UInt8>, _ reading: inout ChunkReading
    ) -> Outcome? {
        var index = -1
        var delta = -1
        var reason = -1
        for key in tape.keys(of: node) {
            switch tape.content(key).count {
            case 5 where tape.isString(key, "index", in: text): index = key + 1
            case 5 where tape.isString(key, "delta", in: text): delta = key + 1
            case 13 where tape.isString(key, "finish_reason", in: text): reason = key + 1
            default: break
            }
        }
        var isFirst = tape.isEmptyContainer(node)
        func insert(_ key: StaticString, _ value: StaticString, _ editor: inout ChunkEditor) {
            editor.insert(atEndOf: tape.range(node), isFirst: isFirst) {
                $0.append(key)
                $0.append(value)
            }
            isFirst = false
        }
        guard let state = state(of: index, place: place, text) else { return .malformed("too many choices") }
        if tape.integer(index, in: text) != Int64(choices[state].index) {
            let value = choices[state].index
            if index >= 0 {
                editor.replace(tape.range(index)) { JSONWriter.appendInteger(value, to: &$0) }
            } else {
                editor.insert(atEndOf: tape.range(node), isFirst: isFirst) {
                    $0.append("\"index\":")
                    JSONWriter.appendInteger(value, to: &$0)
                }
                isFirst = false
            }
        }
        var hasOutput = false
        if tape.kind(delta) == .object, delta >= 0 {
            if let failure = readDelta(delta, state, text, &hasOutput, &reading.text) { return failure }
        } else if delta >= 0 {
            editor.replace(tape.range(delta), with: "{}")
        } else {
            insert("\"delta\":", "{}", &editor)
        }
        if hasOutput { reading.hasOutput = true }
        if reason < 0 { insert("\"finish_reason\":", "null", &editor) }
        return finish(state, reason, text, &reading)
    }

    private mutating func finish(
        _ state: Int, _ node: Int, _ text: Span<UInt8>, _ reading: inout ChunkReading
    ) -> Outcome? {
        let reason = FinishReason(node, calls: choices[state].calls, tape, text)
        switch reason {
        case .none:
            if node >= 0, tape.kind(node) != .null { editor.replace(tape.range(node), with: "null") }
        case .failed:
            return .failed(node: -1)
        case .verbatim, .mapped:
            reading.finishes += 1
            if choices[state].isFinished {
                editor.replace(tape.range(node), with: "null")
            } else {
                choices[state].isFinished = true
                finishing.append((choices[state].index, reason, node))
            }
        }
        return nil
    }

    /// The state of the choice with the index at a node, or at this place where the index is missing or no index.
    private mutating func state(of node: Int, place: Int, _ text: Span<UInt8>) -> Int? {
        var index = place
        if let given = tape.integer(node, in: text), given >= 0, given < Int64(Self.choiceLimit) { index = Int(given) }
        if let known = choices.firstIndex(where: { $0.index == index }) { return known }
        guard choices.count < Self.choiceLimit else { return nil }
        choices.append(ChoiceState(index: index))
        return choices.count - 1
    }

    private mutating func readDelta(
        _ node: Int, _ state: Int, _ text: Span<UInt8>, _ hasOutput: inout Bool, _ words: inout Int?
    ) -> Outcome? {
        var role = -1
        var hasCalls = false
        var reasoning = -1
        var reasoningContent = -1
        for key in tape.keys(of: node) {
            let value = key + 1
            switch tape.content(key).count {
            case 4 where tape.isString(key, "role", in: text): role = value
            case 7 where tape.isString(key, "content", in: text):
                if tape.isNonEmptyString(value) {
                    hasOutput = true
                    words = value
                } else if editor.correctContent(value, tape, text) {
                    hasOutput = true
                }
            case 7 where tape.isString(key, "refusal", in: text):
                if editor.correctText(value, tape, text) { hasOutput = true }
            case 9 where tape.isString(key, "reasoning", in: text): reasoning = key
            case 17 where tape.isString(key, "reasoning_content", in: text): reasoningContent = value
            case 10 where tape.isString(key, "tool_calls", in: text):
                hasCalls = true
                if tape.kind(value) == .array {
                    if let failure = readToolCalls(value, state, text, &hasOutput) { return failure }
                } else if tape.kind(value) != .null {
                    guard tape.isEmptyContainer(value) else { return .malformed("the tool calls are no list") }
                    editor.replace(tape.range(value), with: "null")
                }
            case 13 where tape.isString(key, "function_call", in: text):
                hasCalls = true
                if tape.kind(value) == .object { choices[state].hasFunctionCall = true }
                if hasText("name", or: "arguments", of: value, text) { hasOutput = true }
            case 5 where tape.isString(key, "audio", in: text):
                if hasText("data", or: "transcript", of: value, text) { hasOutput = true }
            default: break
            }
        }
        if tape.isNonEmptyString(reasoningContent) {
            hasOutput = true
            words = words ?? reasoningContent
        } else if editor.correctText(reasoningContent, tape, text) {
            hasOutput = true
        }
        if hasCalls { words = nil }
        if reasoning >= 0, editor.correctText(reasoning + 1, tape, text) {
            hasOutput = true
            if reasoningContent < 0 { editor.replace(tape.range(reasoning), with: "\"reasoning_content\"") }
        }
        correctRole(role, of: node, state)
        return nil
    }

    /// The first chunk of a choice says whose words follow.
    private mutating func correctRole(_ role: Int, of delta: Int, _ state: Int) {
        guard !choices[state].hasRole else { return }
        choices[state].hasRole = true
        guard !tape.isNonEmptyString(role) else { return }
        if role >= 0 {
            editor.replace(tape.range(role), with: "\"assistant\"")
        } else {
            editor.insert(atEndOf: tape.range(delta), isFirst: tape.isEmptyContainer(delta)) {
                $0.append("\"role\":\"assistant\"")
            }
        }
    }

    private func hasText(
        _ first: StaticString, or second: StaticString, of node: Int, _ text: Span<UInt8>
    ) -> Bool {
        tape.isNonEmptyString(tape.member(first, of: node, in: text) ?? -1)
            || tape.isNonEmptyString(tape.member(second, of: node, in: text) ?? -1)
    }
}

// MARK: - Tool calls

extension ChunkNormalizer {
    private mutating func readToolCalls(
        _ array: Int, _ state: Int, _ text: Span<UInt8>, _ hasOutput: inout Bool
    ) -> Outcome? {
        let count = tape.elementCount(array)
        var node = array + 1
        for place in 0..<count {
            guard tape.kind(node) == .object else { return .malformed("a tool call is not an object") }
            let call = ToolCallNodes(node, tape, text)
            let fragment = ToolCallRouter.Fragment(
                id: bytes(call.id, text), index: tape.integer(call.index, in: text).flatMap { Int(exactly: $0) },
                place: place, count: count, name: bytes(call.name, text))
            guard let route = choices[state].tools.route(fragment) else { return .malformed("too many tool calls") }
            correct(call, route, fragment, text)
            if call.hasArguments(tape) || call.function < 0 { choices[state].tools.noteArguments(of: route.index) }
            if !fragment.name.isEmpty || call.hasArguments(tape) { hasOutput = true }
            node = tape.next(node)
        }
        return nil
    }

    /// The inside of a string node; empty for anything else.
    private func bytes(_ node: Int, _ text: Span<UInt8>) -> [UInt8] {
        guard tape.isNonEmptyString(node) else { return [] }
        var bytes: [UInt8] = []
        bytes.append(text, tape.content(node))
        return bytes
    }

    private mutating func correct(
        _ call: ToolCallNodes, _ route: ToolCallRouter.Route, _ fragment: ToolCallRouter.Fragment, _ text: Span<UInt8>
    ) {
        var isFirst = tape.isEmptyContainer(call.node)
        func put(_ node: Int, _ key: StaticString, _ editor: inout ChunkEditor, _ write: (inout [UInt8]) -> Void) {
            if node >= 0 { return editor.replace(tape.range(node), write) }
            editor.insert(atEndOf: tape.range(call.node), isFirst: isFirst) {
                $0.append(key)
                write(&$0)
            }
            isFirst = false
        }
        if fragment.index != route.index {
            put(call.index, "\"index\":", &editor) { JSONWriter.appendInteger(route.index, to: &$0) }
        }
        if route.isNew {
            if fragment.id.isEmpty {
                var id: [UInt8] = []
                identifiers.append(to: &id)
                put(call.id, "\"id\":", &editor) {
                    $0.append("\"call_")
                    $0.append(id.span)
                    $0.append("\"")
                }
            }
            if call.function >= 0, !tape.isNonEmptyString(call.type) {
                put(call.type, "\"type\":", &editor) { $0.append("\"function\"") }
            }
        } else {
            // Clients join the strings of one call's fragments, so that nothing may come twice.
            if !fragment.id.isEmpty { editor.replace(tape.range(call.id), with: "null") }
            if !fragment.name.isEmpty && !route.takesName { editor.replace(tape.range(call.name), with: "null") }
        }
        correctArguments(call, isNew: route.isNew, text)
    }

    /// Arguments are a string, whatever the provider makes of them, and present in the first fragment.
    private mutating func correctArguments(_ call: ToolCallNodes, isNew: Bool, _ text: Span<UInt8>) {
        guard tape.kind(call.function) == .object, call.function >= 0 else { return }
        if call.arguments < 0 {
            guard isNew else { return }
            editor.insert(atEndOf: tape.range(call.function), isFirst: tape.isEmptyContainer(call.function)) {
                $0.append("\"arguments\":\"\"")
            }
            return
        }
        switch tape.kind(call.arguments) {
        case .string: return
        case .null: editor.replace(tape.range(call.arguments), with: "\"\"")
        default:
            let range = tape.range(call.arguments)
            editor.replace(range) { JSONWriter.appendQuoted(text.extracting(range), to: &$0) }
        }
    }
}
