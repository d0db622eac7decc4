import HedgeJSON

/// The log probabilities of a candidate (`logprobsResult`) in OpenAI's form.
struct GeminiLogprobs {
    /// What stands between the brackets of `logprobs.content`; empty where the candidate has none.
    private(set) var tokens: [UInt8] = []

    init(of candidate: Int, _ text: Span<UInt8>, _ tape: JSONTape) {
        guard let result = tape.member("logprobsResult", of: candidate, in: text),
            let chosen = tape.member("chosenCandidates", of: result, in: text), tape.kind(chosen) == .array
        else { return }
        // One for each step of decoding, as in the list of what was chosen.
        let steps = tape.member("topCandidates", of: result, in: text) ?? -1
        var step = steps + 1
        var token = chosen + 1
        while token < tape.next(chosen) {
            if !tokens.isEmpty { tokens.append(",") }
            appendToken(token, text, tape)
            tokens.append(",\"top_logprobs\":[")
            if tape.kind(steps) == .array, step < tape.next(steps) {
                appendAlternatives(step, text, tape)
                step = tape.next(step)
            }
            tokens.append("]}")
            token = tape.next(token)
        }
    }

    private mutating func appendAlternatives(_ step: Int, _ text: Span<UInt8>, _ tape: JSONTape) {
        guard let list = tape.member("candidates", of: step, in: text), tape.kind(list) == .array else { return }
        var token = list + 1
        while token < tape.next(list) {
            if token > list + 1 { tokens.append(",") }
            appendToken(token, text, tape)
            tokens.append("}")
            token = tape.next(token)
        }
    }

    /// Appends a token without its closing brace.
    private mutating func appendToken(_ token: Int, _ text: Span<UInt8>, _ tape: JSONTape) {
        tokens.append("{\"token\":")
        let word = tape.member("token", of: token, in: text) ?? -1
        if tape.kind(word) == .string { tokens.append(text, tape.range(word)) } else { tokens.append("\"\"") }
        tokens.append(",\"logprob\":")
        appendNumber(tape.member("logProbability", of: token, in: text), text, tape)
        tokens.append(",\"bytes\":")
        var bytes: [UInt8] = []
        tape.appendString(word, in: text, to: &bytes)
        appendBytes(bytes)
    }

    /// Google's JSON leaves out what is 0, and has strings for what JSON has no numbers for; OpenAI's least is -9999.
    private mutating func appendNumber(_ node: Int?, _ text: Span<UInt8>, _ tape: JSONTape) {
        switch node.map({ tape.kind($0) }) {
        case .integer, .real: tokens.append(text, tape.range(node ?? -1))
        case nil, .null: tokens.append("0.0")
        default: tokens.append("-9999.0")
        }
    }

    /// A token that is a part of a character comes as U+FFFD, of which nobody can tell the bytes.
    private mutating func appendBytes(_ bytes: [UInt8]) {
        let isBroken = bytes.indices.contains { bytes[$0...].starts(with: [0xEF, 0xBF, 0xBD]) }
        guard !isBroken else { return tokens.append("null") }
        tokens.append("[")
        for (index, byte) in bytes.enumerated() {
            if index > 0 { tokens.append(",") }
            JSONWriter.appendInteger(byte, to: &tokens)
        }
        tokens.append("]")
    }
}
