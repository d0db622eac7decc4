import HedgeCore

/// How many tokens bytes make at one deployment, learnt from attempts whose provider reported its usage.
///
/// Sums that forget: each sample weighs 0.98 of the one after it, so that about the last fifty count.
struct TokenCalibration: Hashable, Sendable {
    private var prompt = Ratio()
    /// Of streams: the output's bytes there include the framing of each chunk.
    private var streamed = Ratio()
    private var whole = Ratio()
    private var answers = Ratio()

    private struct Ratio: Hashable, Sendable {
        private var above = 0.0
        private var below = 0.0

        mutating func add(_ value: Double, per base: Double) {
            guard value >= 0, base > 0, value.isFinite, base.isFinite else { return }
            above = 0.98 * above + value
            below = 0.98 * below + base
        }

        var value: Double? { below > 0 ? above / below : nil }
    }

    /// What four characters make of English text, until a deployment has shown what it is there.
    static let usualTokensPerByte = 0.25
    /// A chunk with its frame is some 200 bytes for one token.
    static let usualTokensPerStreamedByte = 1.0 / 200
    /// Tokens of an answer whose length nothing tells.
    static let usualAnswer = 300.0

    /// Learns from an attempt that ended with the provider's count.
    mutating func learn(_ usage: Usage, promptBytes: Int, outputBytes: Int, isStream: Bool) {
        if usage.promptTokens > 0 { prompt.add(Double(usage.promptTokens), per: Double(promptBytes)) }
        guard usage.completionTokens > 0 else { return }
        let tokens = Double(usage.completionTokens)
        answers.add(tokens, per: 1)
        if isStream {
            streamed.add(tokens, per: Double(outputBytes))
        } else {
            whole.add(tokens, per: Double(outputBytes))
        }
    }

    /// Tokens of a prompt; `known` is what another deployment counted for the same one.
    func promptTokens(bytes: Int, known: Double?) -> Double {
        if let ratio = prompt.value { return (Double(max(0, bytes)) * ratio).rounded() }
        return known ?? (Double(max(0, bytes)) * Self.usualTokensPerByte).rounded()
    }

    /// Tokens of so much output.
    func completionTokens(bytes: Int, isStream: Bool) -> Double {
        let ratio =
            isStream
            ? streamed.value ?? Self.usualTokensPerStreamedByte : whole.value ?? Self.usualTokensPerByte
        return (Double(max(0, bytes)) * ratio).rounded()
    }

    /// Tokens of the whole answer a deployment goes on to make; `known` is what another one made for the same prompt.
    func expectedAnswer(known: Double?) -> Double {
        known ?? answers.value?.rounded() ?? Self.usualAnswer
    }
}
