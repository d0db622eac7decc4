import HedgeCore
import HedgeJSON

/// How much one request for embeddings may have; nil for any number.
public struct EmbeddingLimits: Hashable, Sendable {
    /// How many inputs.
    public var inputs: Int?
    /// How many tokens in all of them.
    public var tokens: Int?

    /// Limits of one request.
    public init(inputs: Int? = nil, tokens: Int? = nil) {
        self.inputs = inputs
        self.tokens = tokens
    }
}

extension ChatRequest {
    /// The request as several within these limits, in order; itself alone where it is.
    ///
    /// A list of tokens is one input. An input with more tokens than are allowed goes alone: its provider will say so.
    func parts(within limits: EmbeddingLimits) -> [ChatRequest] {
        let slices = inputSlices(limits)
        guard slices.count > 1 else { return [self] }
        let parts = slices.compactMap { part(input: $0) }
        return parts.count == slices.count ? parts : [self]
    }

    /// Ranges of inputs in ``members``, without the brackets; empty where all are within the limits.
    private func inputSlices(_ limits: EmbeddingLimits) -> [Range<Int>] {
        members.withSpan { text in
            guard let field = fields.first(where: { text.text($0.key) == "input" }) else { return [] }
            let input = text.extracting(field.value)
            let tape = JSONTape()
            guard (try? tape.scan(input, limits: Self.ownLimits)) != nil, tape.kind(0) == .array,
                tape.kind(1) != .integer
            else { return [] }
            var slices: [Range<Int>] = []
            var element = 1
            while element < tape.next(0) {
                let start = tape.range(element).lowerBound
                var end = start
                var inputs = 0
                var tokens = 0
                while element < tape.next(0), inputs < limits.inputs ?? .max {
                    tokens += Self.tokens(of: element, tape)
                    if inputs > 0, tokens > limits.tokens ?? .max { break }
                    inputs += 1
                    end = tape.range(element).upperBound
                    element = tape.next(element)
                }
                slices.append((start..<end) + field.value.lowerBound)
            }
            return slices
        }
    }

    /// How many tokens an input has at most. Counting those of a text would take each model's own vocabulary; hardly any
    /// text has more than one for two bytes of it, and most have half of that.
    private static func tokens(of element: Int, _ tape: JSONTape) -> Int {
        tape.kind(element) == .array ? tape.elementCount(element) : tape.range(element).count / 2
    }

    /// The request with some of its inputs; nil if that cannot be read, which what was read before can.
    private func part(input: Range<Int>) -> ChatRequest? {
        var text: [UInt8] = []
        text.append("{\"model\":")
        JSONWriter.appendQuoted(model, to: &text)
        members.withSpan { members in
            for field in fields {
                text.append(",\"")
                text.append(members, field.key)
                text.append("\":")
                guard members.text(field.key) == "input" else {
                    text.append(members, field.value)
                    continue
                }
                text.append("[")
                text.append(members, input)
                text.append("]")
            }
        }
        text.append("}")
        return try? ChatRequest(parsing: text.span, limits: Self.ownLimits, operation: operation)
    }

    /// For what was within the caller's limits before.
    private static let ownLimits = JSONLimits(bytes: .max, depth: .max)
}

/// Reads the answers to the parts of a request for embeddings, which follow one another, as one answer.
///
/// A part that fails is the failure of the whole. Usage is summed up, and so far known after each part.
public final class EmbeddingBatch: ResponseDecoder {
    private let parts: [ChatRequest]
    private let provider: any Provider
    private let endpoint: Endpoint
    /// The part whose answer is being read.
    private var index = 0
    private var decoder: any ResponseDecoder
    private var joined = JoinedEmbeddings()
    /// Whether the answer to the part is complete; its transfer may not have ended.
    private var isPartComplete = false
    private var hasEnded = false

    /// The parts of a request and what reads their answers; nil for a request that goes out as it is.
    public static func of(
        _ request: ChatRequest, to provider: any Provider, at endpoint: Endpoint
    ) -> EmbeddingBatch? {
        guard request.operation == .embeddings else { return nil }
        let parts = parts(of: request, to: provider, at: endpoint)
        return parts.count > 1 ? EmbeddingBatch(parts, provider, endpoint) : nil
    }

    private init(_ parts: [ChatRequest], _ provider: any Provider, _ endpoint: Endpoint) {
        self.parts = parts
        self.provider = provider
        self.endpoint = endpoint
        decoder = provider.makeDecoder(for: parts[0], endpoint: endpoint)
    }

    /// The requests an attempt sends one after another; mostly the request itself alone.
    static func parts(of request: ChatRequest, to provider: any Provider, at endpoint: Endpoint) -> [ChatRequest] {
        guard request.operation == .embeddings else { return [request] }
        var limits = provider.embeddingLimits(at: endpoint)
        limits.inputs = endpoint.flags.maxEmbeddingInputs ?? limits.inputs
        limits.tokens = endpoint.flags.maxEmbeddingTokens ?? limits.tokens
        return limits == EmbeddingLimits() ? [request] : request.parts(within: limits)
    }

    /// The part to be sent, or under way: the first one at the beginning, the next one after ``end(into:)``.
    public var part: ChatRequest { parts[index] }

    /// Whether the transfer that has just ended was not the last one.
    public private(set) var awaitsTransfer = false

    /// Takes the head of the answer to ``part``.
    public func begin(_ head: ResponseHead) {
        awaitsTransfer = false
        decoder.begin(head)
    }

    /// Takes bytes of the answer to ``part``.
    public func decode(_ bytes: Span<UInt8>, into output: inout DecodedOutput) {
        guard !hasEnded, !isPartComplete else { return }
        var made = DecodedOutput()
        decoder.decode(bytes, into: &made)
        take(made, &output)
    }

    /// Goes on to the next part, or gives the whole answer.
    public func end(into output: inout DecodedOutput) {
        guard !hasEnded else { return }
        if !isPartComplete {
            var made = DecodedOutput()
            decoder.end(into: &made)
            take(made, &output)
        }
        guard isPartComplete, !hasEnded else { return }
        isPartComplete = false
        if index + 1 < parts.count {
            index += 1
            decoder = provider.makeDecoder(for: parts[index], endpoint: endpoint)
            awaitsTransfer = true
        } else {
            hasEnded = true
            joined.complete(into: &output)
        }
    }

    private func take(_ made: DecodedOutput, _ output: inout DecodedOutput) {
        for event in made.events {
            switch event {
            case .chunk(let range, _):
                guard joined.add(made.text.span.extracting(range)) else {
                    hasEnded = true
                    let failure = ProviderFailure(
                        kind: .malformed, httpStatus: 200,
                        detail: "part \(index + 1) of \(parts.count) cannot be joined with the others")
                    output.events.append(.failed(failure))
                    return
                }
            case .progress: continue
            case .usage(let usage): output.events.append(.usage(joined.add(usage)))
            case .completed: isPartComplete = true
            case .failed(var failure):
                hasEnded = true
                failure.detail = "part \(index + 1) of \(parts.count)" + (failure.detail.map { ": \($0)" } ?? "")
                output.events.append(.failed(failure))
                return
            }
        }
    }
}

/// Answers in OpenAI's format put together as one.
private struct JoinedEmbeddings {
    private var vectors: [UInt8] = []
    private var count = 0
    private var model: [UInt8] = []
    private var promptTokens = 0
    /// Whether the answers to the parts say how many tokens there were, if only 0.
    private var hasUsage = false
    private let tape = JSONTape()

    /// Four answers of the largest size.
    private static let limit = 4 * AnswerBody.limit

    /// Adds usage, and tells what it comes to.
    mutating func add(_ more: Usage) -> Usage {
        promptTokens &+= more.promptTokens
        return Usage(promptTokens: promptTokens, completionTokens: 0)
    }

    /// Adds the vectors of an answer, numbered on; false if it is none.
    mutating func add(_ text: Span<UInt8>) -> Bool {
        guard (try? tape.scan(text, limits: JSONLimits(bytes: AnswerBody.limit, depth: 256))) != nil,
            let data = tape.member("data", of: 0, in: text), tape.kind(data) == .array,
            text.count <= Self.limit - vectors.count
        else { return false }
        if model.isEmpty, let name = tape.member("model", of: 0, in: text) { model.append(text, tape.range(name)) }
        if tape.kind(tape.member("usage", of: 0, in: text) ?? -1) == .object { hasUsage = true }
        let first = count
        var element = data + 1
        while element < tape.next(data) {
            guard tape.kind(element) == .object else { return false }
            append(element, text, first: first)
            element = tape.next(element)
        }
        return true
    }

    private mutating func append(_ element: Int, _ text: Span<UInt8>, first: Int) {
        vectors.append(vectors.isEmpty ? "{" : ",{")
        var place = count - first
        for key in tape.keys(of: element) {
            let value = key + 1
            if tape.isString(key, "index", in: text) {
                // Providers may give the vectors in any order.
                if let given = tape.integer(value, in: text), (0...1_000_000).contains(given) { place = Int(given) }
            } else {
                vectors.append(text, tape.range(key).lowerBound..<tape.range(value).upperBound)
                vectors.append(",")
            }
        }
        vectors.append("\"index\":")
        JSONWriter.appendInteger(first + place, to: &vectors)
        vectors.append("}")
        count += 1
    }

    /// Appends the whole answer as one chunk, and `completed`.
    mutating func complete(into output: inout DecodedOutput) {
        let start = output.text.count
        output.text.append("{\"object\":\"list\",\"data\":[")
        output.text.append(vectors.span)
        output.text.append("]")
        if !model.isEmpty {
            output.text.append(",\"model\":")
            output.text.append(model.span)
        }
        if hasUsage {
            output.text.append(",\"usage\":{\"prompt_tokens\":")
            JSONWriter.appendInteger(promptTokens, to: &output.text)
            output.text.append(",\"total_tokens\":")
            JSONWriter.appendInteger(promptTokens, to: &output.text)
            output.text.append("}")
        }
        output.text.append("}")
        output.events.append(.chunk(start..<output.text.count, isOutput: true))
        output.events.append(.completed)
    }
}
