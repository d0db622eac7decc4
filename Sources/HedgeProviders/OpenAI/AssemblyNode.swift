import HedgeJSON

/// A value under assembly; a class, so that texts grow in place.
///
/// Members of an object are found by their keys, elements of a list by their `index`, both as they are written.
/// Elements without one are never looked for again and stay together as text.
final class AssemblyNode {
    enum Kind {
        case object
        case array
        /// The inside of a string.
        case text
        /// Anything else, as it is written.
        case scalar
    }

    private(set) var kind: Kind
    private(set) var names: [String] = []
    private(set) var children: [AssemblyNode] = []
    /// Where each name is, once there are too many to look at each.
    private var places: [String: Int] = [:]
    private var bytes: [UInt8] = []

    init(_ kind: Kind) {
        self.kind = kind
    }

    /// Texts that come in pieces.
    private static let pieces: Set<String> = [
        "content", "reasoning_content", "reasoning", "refusal", "arguments", "data", "transcript", "thinking", "text",
        "summary", "input",
    ]
    /// The name of elements without an index; no name is written like that.
    private static let unnamed = ""
    /// How many names are looked at one by one.
    private static let fewNames = 16
    /// What a value takes besides its bytes, roughly.
    private static let ownSize = 128

    var isEmptyText: Bool { kind == .text && bytes.isEmpty }
    var hasText: Bool { kind == .text && !bytes.isEmpty }

    func child(_ name: String) -> AssemblyNode? {
        place(of: name).map { children[$0] }
    }

    private func place(of name: String) -> Int? {
        names.count <= Self.fewNames ? names.firstIndex(of: name) : places[name]
    }

    private func add(_ child: AssemblyNode, _ name: String, _ size: inout Int) {
        if names.count == Self.fewNames {
            for (place, name) in names.enumerated() where name != Self.unnamed { places[name] = place }
        }
        if names.count >= Self.fewNames, name != Self.unnamed { places[name] = names.count }
        names.append(name)
        children.append(child)
        size += name.utf8.count + Self.ownSize
    }

    // MARK: Merging

    /// Takes over the value at a node of the tape; `size` is that of everything under assembly.
    func merge(_ node: Int, name: String, _ tape: JSONTape, _ text: Span<UInt8>, _ size: inout Int) {
        switch tape.kind(node) {
        case .object:
            become(.object, &size)
            for key in tape.keys(of: node) {
                member(text.text(tape.content(key)), &size).merge(
                    key + 1, name: text.text(tape.content(key)), tape, text, &size)
            }
        case .array:
            become(.array, &size)
            var element = node + 1
            while element < tape.next(node) {
                mergeElement(element, tape, text, &size)
                element = tape.next(element)
            }
        case .string:
            if kind != .text || !Self.pieces.contains(name) { empty(.text, &size) }
            append(text, tape.content(node), &size)
        case .null:
            // What is known already stays.
            return
        default: replace(with: node, tape, text, &size)
        }
    }

    /// Takes over the value at a node as it is written, in the place of what was known.
    func replace(with node: Int, _ tape: JSONTape, _ text: Span<UInt8>, _ size: inout Int) {
        empty(.scalar, &size)
        append(text, tape.range(node), &size)
    }

    /// The member of that name, null if it is new.
    func member(_ name: String, _ size: inout Int) -> AssemblyNode {
        if let known = child(name) { return known }
        let child = AssemblyNode(.scalar)
        child.bytes = Array("null".utf8)
        add(child, name, &size)
        return child
    }

    private func mergeElement(_ element: Int, _ tape: JSONTape, _ text: Span<UInt8>, _ size: inout Int) {
        if let index = tape.member("index", of: element, in: text) {
            let name = text.text(tape.range(index))
            return member(name, &size).merge(element, name: "", tape, text, &size)
        }
        if names.last != Self.unnamed { add(AssemblyNode(.scalar), Self.unnamed, &size) }
        guard let rest = children.last else { return }
        if !rest.bytes.isEmpty { rest.bytes.append(UInt8(ascii: ",")) }
        rest.append(text, tape.range(element), &size)
    }

    private func become(_ kind: Kind, _ size: inout Int) {
        if kind != self.kind { empty(kind, &size) }
    }

    private func empty(_ kind: Kind, _ size: inout Int) {
        self.kind = kind
        // What the children take stays counted: a provider that changes its mind that often says nothing of use.
        size -= bytes.count
        names = []
        children = []
        places = [:]
        bytes.removeAll(keepingCapacity: true)
    }

    private func append(_ text: Span<UInt8>, _ range: Range<Int>, _ size: inout Int) {
        bytes.append(text, range)
        size += range.count
    }

    // MARK: Writing

    func append(to output: inout [UInt8]) {
        switch kind {
        case .object: append(without: nil, to: &output)
        case .array:
            output.append("[")
            for (index, child) in children.enumerated() {
                if index > 0 { output.append(",") }
                child.append(to: &output)
            }
            output.append("]")
        case .text:
            output.append("\"")
            output.append(contentsOf: bytes)
            output.append("\"")
        case .scalar: output.append(contentsOf: bytes)
        }
    }

    /// Appends an object without one of its members.
    func append(without left: String?, to output: inout [UInt8]) {
        output.append("{")
        var isFirst = true
        for (name, child) in zip(names, children) where name != left {
            output.appendKey(name, isFirst: &isFirst)
            child.append(to: &output)
        }
        output.append("}")
    }
}

extension [UInt8] {
    /// Appends a member's key, which is the inside of a JSON string, with what goes before and after it.
    mutating func appendKey(_ name: String, isFirst: inout Bool) {
        append(isFirst ? "\"" : ",\"")
        isFirst = false
        append(contentsOf: name.utf8)
        append("\":")
    }
}
