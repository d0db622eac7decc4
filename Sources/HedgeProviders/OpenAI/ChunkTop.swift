import HedgeJSON

/// The top-level members of a chunk that matter, as nodes of its tape; -1 where there is none.
struct ChunkTop {
    var id = -1
    var object = -1
    var created = -1
    var model = -1
    var choices = -1
    var usage = -1
    var error = -1
    var groq = -1

    /// Finds them in a scanned object.
    init(_ tape: JSONTape, _ text: Span<UInt8>) {
        for key in tape.keys(of: 0) {
            let value = key + 1
            switch tape.content(key).count {
            case 2 where tape.isString(key, "id", in: text): id = value
            case 5 where tape.isString(key, "model", in: text): model = value
            case 5 where tape.isString(key, "usage", in: text): usage = value
            case 5 where tape.isString(key, "error", in: text): error = value
            case 6 where tape.isString(key, "object", in: text): object = value
            case 6 where tape.isString(key, "x_groq", in: text): groq = value
            case 7 where tape.isString(key, "choices", in: text): choices = value
            case 7 where tape.isString(key, "created", in: text): created = value
            default: break
            }
        }
    }

    /// The node of an error that is one: not null, false, empty or absent.
    func failure(_ tape: JSONTape, _ text: Span<UInt8>) -> Int? {
        if Self.isTruthy(error, tape) { return error }
        if let nested = tape.member("error", of: groq, in: text), Self.isTruthy(nested, tape) { return nested }
        return nil
    }

    private static func isTruthy(_ node: Int, _ tape: JSONTape) -> Bool {
        guard node >= 0 else { return false }
        switch tape.kind(node) {
        case .null, .false: return false
        case .string: return tape.isNonEmptyString(node)
        case .object, .array: return !tape.isEmptyContainer(node)
        case .true, .integer, .real: return true
        }
    }

    /// The node with the usage, wherever the provider puts it, or nil.
    func usageObject(_ tape: JSONTape, _ text: Span<UInt8>) -> Int? {
        if usage >= 0, tape.kind(usage) == .object { return usage }
        if let nested = tape.member("usage", of: groq, in: text), tape.kind(nested) == .object { return nested }
        return nil
    }
}
