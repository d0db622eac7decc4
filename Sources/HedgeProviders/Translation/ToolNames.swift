/// Names of functions in the form a provider allows, and the way back.
struct ToolNames: Sendable {
    /// Which names a provider allows.
    struct Form: Sendable {
        /// Most bytes.
        var longest: Int
        /// What there may be besides letters, digits and `_`.
        var signs = "-"
        /// Whether the first byte must be a letter or `_`.
        var beginsWithLetter = false
    }

    private var outward: [String: String] = [:]
    /// The caller's name for each name that had to be changed.
    private(set) var inward: [String: String] = [:]

    /// Finds a name of that form for every function a request mentions.
    init(_ request: RequestView, _ form: Form) {
        let arePlain =
            request.tools.allSatisfy { Self.isPlain($0.name, form) }
            && request.messages.allSatisfy { $0.toolCalls.allSatisfy { Self.isPlain($0.name, form) } }
        guard !arePlain else { return }
        let mentioned = request.tools.map(\.name) + request.messages.flatMap { $0.toolCalls.map(\.name) }
        var taken = Set(mentioned)
        for name in mentioned where !Self.isPlain(name, form) && outward[name] == nil {
            let stem = Self.stem(name, form)
            var made = String(decoding: stem, as: UTF8.self)
            var number = 2
            while taken.contains(made) {
                let tail = "_\(number)"
                made = String(decoding: stem.prefix(max(0, form.longest - tail.utf8.count)), as: UTF8.self) + tail
                number += 1
            }
            taken.insert(made)
            outward[name] = made
            inward[made] = name
        }
    }

    /// What the provider is told.
    subscript(name: String) -> String { outward[name] ?? name }

    private static func stem(_ name: String, _ form: Form) -> [UInt8] {
        var stem = name.utf8.map { allows($0, form) ? $0 : UInt8(ascii: "_") }
        if stem.first.map({ form.beginsWithLetter && !isLetter($0) }) ?? true { stem.insert(0x5F, at: 0) }
        return Array(stem.prefix(form.longest))
    }

    private static func isPlain(_ name: String, _ form: Form) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= form.longest else { return false }
        return (!form.beginsWithLetter || isLetter(first)) && name.utf8.allSatisfy { allows($0, form) }
    }

    private static func allows(_ byte: UInt8, _ form: Form) -> Bool {
        ToolCallID.isLetterOrDigit(byte) || byte == 0x5F || form.signs.utf8.contains(byte)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        byte == 0x5F || ToolCallID.isLetterOrDigit(byte) && byte > UInt8(ascii: "9")
    }
}
