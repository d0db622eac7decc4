import HedgeJSON

/// The members of one tool call in a chunk, as nodes of its tape; -1 where there is none.
struct ToolCallNodes {
    let node: Int
    var index = -1
    var id = -1
    var type = -1
    var function = -1
    var name = -1
    var arguments = -1

    init(_ node: Int, _ tape: JSONTape, _ text: Span<UInt8>) {
        self.node = node
        index = tape.member("index", of: node, in: text) ?? -1
        id = tape.member("id", of: node, in: text) ?? -1
        type = tape.member("type", of: node, in: text) ?? -1
        function = tape.member("function", of: node, in: text) ?? -1
        if function >= 0 {
            name = tape.member("name", of: function, in: text) ?? -1
            arguments = tape.member("arguments", of: function, in: text) ?? -1
        } else if let custom = tape.member("custom", of: node, in: text) {
            name = tape.member("name", of: custom, in: text) ?? -1
            arguments = tape.member("input", of: custom, in: text) ?? -1
        }
    }

    /// Whether there is any text of arguments.
    func hasArguments(_ tape: JSONTape) -> Bool {
        guard arguments >= 0 else { return false }
        switch tape.kind(arguments) {
        case .string: return tape.isNonEmptyString(arguments)
        case .null: return false
        default: return true
        }
    }
}
