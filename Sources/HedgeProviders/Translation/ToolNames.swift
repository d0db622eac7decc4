/// Names of functions in the form a provider allows, and the way back.
struct ToolNames: Sendable {
    private var outward: [String: String] = [:]
    /// The caller's name for each name that had to be changed.
    private(set) var inward: [String: String] = [:]

    /// Finds a name of letters, digits, `_` and `-`, at most `limit` bytes, for every function a request mentions.
    init(_ request: RequestView, limit: Int) {
        let mentioned = request.tools.map(\.name) + request.messages.flatMap { $0.toolCalls.map(\.name) }
        var taken = Set(mentioned)
        for name in mentioned where !Self.isPlain(name, limit) && outward[name] == nil {
            let stem = name.utf8.prefix(limit).map {
                ToolCallID.isLetterOrDigit($0) || $0 == UInt8(ascii: "-") ? $0 : UInt8(ascii: "_")
            }
            var made = stem.isEmpty ? "_" : String(decoding: stem, as: UTF8.self)
            var number = 2
            while taken.contains(made) {
                let tail = "_\(number)"
                made = String(decoding: stem.prefix(max(0, limit - tail.utf8.count)), as: UTF8.self) + tail
                number += 1
            }
            taken.insert(made)
            outward[name] = made
            inward[made] = name
        }
    }

    /// What the provider is told.
    subscript(name: String) -> String { outward[name] ?? name }

    private static func isPlain(_ name: String, _ limit: Int) -> Bool {
        (1...limit).contains(name.utf8.count)
            && name.utf8.allSatisfy { ToolCallID.isLetterOrDigit($0) || $0 == 0x5F || $0 == 0x2D }
    }
}
