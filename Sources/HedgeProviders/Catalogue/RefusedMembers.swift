import HedgeJSON

/// What a model refuses of a request (`unsupported_params`): `stop` is a member, `top_p+temperature` is `top_p` beside
/// `temperature`, and `reasoning_effort=none` is a value.
enum RefusedMembers {
    /// The member a rule is about.
    static func name(of rule: String) -> String {
        String(rule.prefix { $0 != "+" && $0 != "=" })
    }

    /// Names of the members of a request that `rules` refuse.
    static func names(_ rules: [String], in root: JSONValue) -> [String] {
        rules.compactMap { name(refusedBy: $0, in: root) }
    }

    private static func name(refusedBy rule: String, in root: JSONValue) -> String? {
        guard let sign = rule.utf8.firstIndex(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "=") }) else {
            return rule
        }
        let name = String(rule[..<sign])
        let rest = String(rule[rule.utf8.index(after: sign)...])
        if rule.utf8[sign] == UInt8(ascii: "=") { return root.member(name)?.string == rest ? name : nil }
        return root.member(rest).map { Expressible.saysNothing(rest, $0) } ?? true ? nil : name
    }
}
