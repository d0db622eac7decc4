/// What a provider's name in a document stands for.
struct ProviderProfile: Hashable, Sendable {
    var name: String
    /// The provider's public address; nil for servers that everyone runs for themselves.
    var baseURL: String?
    /// The environment variable that customarily holds the key.
    var keyVariable: String?

    private static let all = [
        ProviderProfile(name: "openai", baseURL: "https://api.openai.com/v1", keyVariable: "OPENAI_API_KEY"),
        ProviderProfile(name: "hosted_vllm", baseURL: nil, keyVariable: "HOSTED_VLLM_API_KEY"),
    ]

    /// Every name a document may use.
    static let names = all.map(\.name)

    /// The provider called `name`.
    static func named(_ name: String) -> ProviderProfile? {
        all.first { $0.name == name }
    }
}
