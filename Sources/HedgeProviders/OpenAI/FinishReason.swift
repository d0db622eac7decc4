import HedgeJSON

/// What a provider's `finish_reason` means.
enum FinishReason {
    /// Null, absent or empty: the choice goes on.
    case none
    /// One of OpenAI's own, or one this library does not know, as it is written.
    case verbatim
    /// Another word for one of OpenAI's.
    case mapped(StaticString)
    /// Generation failed.
    case failed

    /// What a choice has called.
    enum Calls {
        case nothing
        case tools
        /// A function, as callers did before there were tools.
        case function
    }

    /// Reads a node; -1 for an absent one. `calls` tells what the choice has called: "stop" after a tool means that it
    /// was called, and "tool_calls" without one leaves the caller nothing to answer.
    init(_ node: Int, calls: Calls, _ tape: JSONTape, _ text: Span<UInt8>) {
        let hasToolCalls = calls == .tools
        guard tape.isNonEmptyString(node) else {
            self = .none
            return
        }
        func isOne(of words: StaticString...) -> Bool { words.contains { tape.isString(node, $0, in: text) } }
        if tape.isString(node, "stop", in: text) {
            self = hasToolCalls ? .mapped("tool_calls") : .verbatim
        } else if isOne(of: "eos", "eos_token", "end_turn", "stop_sequence") {
            self = .mapped(hasToolCalls ? "tool_calls" : "stop")
        } else if isOne(of: "model_length", "max_tokens") {
            self = .mapped("length")
        } else if isOne(of: "tool_calls") {
            self = calls == .nothing ? .mapped("stop") : .verbatim
        } else if isOne(of: "tool_use", "tool_call") {
            self = .mapped(calls == .nothing ? "stop" : "tool_calls")
        } else if isOne(of: "error") {
            self = .failed
        } else {
            self = .verbatim
        }
    }
}

extension FinishReason {
    /// Appends the reason as a JSON string; `node` is where it came from.
    func append(_ node: Int, _ tape: JSONTape, _ text: Span<UInt8>, to bytes: inout [UInt8]) {
        switch self {
        case .mapped(let word):
            bytes.append("\"")
            bytes.append(word)
            bytes.append("\"")
        case .none, .verbatim, .failed:
            bytes.append(text, tape.range(node))
        }
    }
}
