/// What a caller asks for, named by the endpoint whose documents it sends and gets.
public enum Operation: String, Hashable, Sendable, CaseIterable {
    /// OpenAI's chat completions, translated for providers of other formats.
    case chat = "/v1/chat/completions"
    /// OpenAI's embeddings, translated for providers of other formats.
    case embeddings = "/v1/embeddings"
    /// OpenAI's Responses API, among deployments that speak it themselves.
    case responses = "/v1/responses"
    /// Anthropic's Messages API, among deployments that speak it themselves.
    case messages = "/v1/messages"
}
