internal import CJansson

/// An object under construction: its own members may change, the values in them are shared and may not.
///
/// Never changes the document a value came from.
public struct JSONObjectBuilder: ~Copyable {
    private let object: UnsafeMutablePointer<json_t>?

    /// An object without members.
    public init() {
        _ = JSONDocument.seeded
        object = json_object()
    }

    /// An object with the members of `original`, sharing their values; without members if that is no object.
    public init(copying original: JSONValue) {
        _ = JSONDocument.seeded
        object = original.kind == .object ? json_copy(original.node) : json_object()
    }

    deinit {
        if let object { json_decref(object) }
    }

    /// Sets a member, at its place if it exists already, else as the last one.
    public mutating func set(_ key: String, to value: JSONValue) {
        put(key, json_incref(value.node))
    }

    /// Sets a member to an object, which is taken over.
    public mutating func set(_ key: String, to value: consuming JSONObjectBuilder) {
        put(key, value.object.map { json_incref($0) } ?? nil)
    }

    /// Sets a member to a string.
    public mutating func set(_ key: String, to value: String) {
        var value = value
        let string = value.withUTF8 { text in
            text.withMemoryRebound(to: CChar.self) { json_stringn($0.baseAddress, $0.count) }
        }
        put(key, string)
    }

    /// Sets a member to an integer.
    public mutating func set(_ key: String, to value: Int64) {
        put(key, json_integer(json_int_t(value)))
    }

    /// Sets a member to a number; to null for NaN and infinity.
    public mutating func set(_ key: String, to value: Double) {
        put(key, value.isFinite ? json_real(value) : json_null())
    }

    /// Sets a member to a boolean.
    public mutating func set(_ key: String, to value: Bool) {
        put(key, value ? json_true() : json_false())
    }

    /// Sets a member to null.
    public mutating func setNull(_ key: String) {
        put(key, json_null())
    }

    /// Removes a member; harmless if there is none of that name.
    public mutating func remove(_ key: String) {
        guard let object else { return }
        withKey(key) { _ = json_object_deln(object, $0, $1) }
    }

    /// The object as a document that does not change any more.
    public consuming func finish() -> JSONDocument {
        guard let object, let kept = json_incref(object) else { return JSONDocument(owning: json_null()) }
        return JSONDocument(owning: kept)
    }

    /// Takes over a reference to `value`.
    private func put(_ key: String, _ value: UnsafeMutablePointer<json_t>?) {
        guard let object, let value else { return }
        withKey(key) { _ = json_object_setn_new(object, $0, $1, value) }
    }

    private func withKey(_ key: String, _ body: (UnsafePointer<CChar>, Int) -> Void) {
        var key = key
        key.withUTF8 { text in
            text.withMemoryRebound(to: CChar.self) { text in
                if let base = text.baseAddress { body(base, text.count) }
            }
        }
    }
}
