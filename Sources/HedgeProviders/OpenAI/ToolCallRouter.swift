import HedgeJSON

/// Tells which tool call a fragment belongs to, whatever its provider does with `index` and `id`.
///
/// A known `id` decides; then a new `id` with a name begins a call, whatever its `index`; then `index`; then the place
/// in the array. Calls get dense indices from 0 in order of appearance.
struct ToolCallRouter {
    /// Calls one choice may make.
    static let limit = 1024

    private struct Call {
        var id: [UInt8]
        var upstreamIndex: Int
        var name: [UInt8]
        var hasArguments = false
    }

    private var calls: [Call] = []

    /// Whether the choice has called a tool.
    var isEmpty: Bool { calls.isEmpty }

    /// A fragment as it came; `id` and `name` are the inside of the JSON strings, empty where missing.
    struct Fragment {
        var id: [UInt8]
        var index: Int?
        /// Its place in the array, and the length of that.
        var place: Int
        var count: Int
        var name: [UInt8]
    }

    /// Where a fragment goes.
    struct Route {
        var index: Int
        var isNew: Bool
        /// Whether the fragment brings the name the call did not have yet.
        var takesName: Bool
    }

    /// Takes note that a call has arguments, or needs none.
    mutating func noteArguments(of index: Int) {
        guard calls.indices.contains(index) else { return }
        calls[index].hasArguments = true
    }

    /// The calls of functions that came without any arguments so far.
    var withoutArguments: [Int] { calls.indices.filter { !calls[$0].hasArguments } }

    /// The call a fragment belongs to; nil if there are too many.
    mutating func route(_ fragment: Fragment) -> Route? {
        if let known = existing(fragment) {
            let takesName = calls[known].name.isEmpty && !fragment.name.isEmpty
            if takesName { calls[known].name = fragment.name }
            return Route(index: known, isNew: false, takesName: takesName)
        }
        guard calls.count < Self.limit else { return nil }
        calls.append(Call(id: fragment.id, upstreamIndex: fragment.index ?? fragment.place, name: fragment.name))
        return Route(index: calls.count - 1, isNew: true, takesName: !fragment.name.isEmpty)
    }

    private func existing(_ fragment: Fragment) -> Int? {
        if !fragment.id.isEmpty, let known = calls.lastIndex(where: { $0.id == fragment.id }) { return known }
        let sameIndex = fragment.index.flatMap { index in calls.lastIndex { $0.upstreamIndex == index } }
        if !fragment.name.isEmpty {
            // A head. Without an id it repeats the call at its index if that has the same name or none yet.
            guard fragment.id.isEmpty, let sameIndex else { return nil }
            let name = calls[sameIndex].name
            return name.isEmpty || name == fragment.name ? sameIndex : nil
        }
        // An id never seen on a fragment without a name: a provider that makes up an id for every fragment.
        if let sameIndex { return sameIndex }
        if !fragment.id.isEmpty { return nil }
        if let index = fragment.index { return calls.indices.contains(index) ? index : calls.indices.last }
        // Neither id nor index: the place in the array, which says nothing when the fragment is alone in it.
        guard fragment.count > 1 else { return calls.indices.last }
        return calls.indices.contains(fragment.place) ? fragment.place : nil
    }
}
