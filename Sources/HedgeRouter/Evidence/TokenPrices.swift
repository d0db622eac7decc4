/// What tokens cost, in the one currency of the configuration; nil where a price is not known.
public struct TokenPrices: Hashable, Sendable {
    /// Price of a prompt token.
    public var input: Double?
    /// Price of a prompt token that the provider read from its cache; as `input` when not given.
    public var cachedInput: Double?
    /// Price of a prompt token that the provider wrote to its cache; as `input` when not given.
    public var cacheWrite: Double?
    /// Price of a generated token.
    public var output: Double?

    /// Creates one with these parts.
    public init(input: Double? = nil, cachedInput: Double? = nil, cacheWrite: Double? = nil, output: Double? = nil) {
        self.input = input
        self.cachedInput = cachedInput
        self.cacheWrite = cacheWrite
        self.output = output
    }

    /// What some tokens cost; nil unless both prices are known.
    func cost(of tokens: TokenCount) -> Double? {
        guard let input, let output else { return nil }
        let cached = min(tokens.cachedPrompt, tokens.prompt)
        let written = min(tokens.cacheWritten, tokens.prompt - cached)
        let cost =
            (tokens.prompt - cached - written) * input + cached * (cachedInput ?? input)
            + written * (cacheWrite ?? input) + tokens.completion * output
        return cost.isFinite ? cost : nil
    }
}

/// Tokens of an attempt. Fractions appear only in estimates.
struct TokenCount: Hashable, Sendable {
    var prompt = 0.0
    /// Part of `prompt`.
    var cachedPrompt = 0.0
    /// Part of `prompt`, and no part of `cachedPrompt`.
    var cacheWritten = 0.0
    var completion = 0.0

    var total: Double { prompt + completion }

    static func + (a: TokenCount, b: TokenCount) -> TokenCount {
        TokenCount(
            prompt: a.prompt + b.prompt, cachedPrompt: a.cachedPrompt + b.cachedPrompt,
            cacheWritten: a.cacheWritten + b.cacheWritten, completion: a.completion + b.completion)
    }
}
