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
        rules.filter { holds($0, root) }.map { name(of: $0) }
    }

    private static func holds(_ rule: String, _ root: JSONValue) -> Bool {
        let name = name(of: rule)
        guard name.utf8.count < rule.utf8.count else { return true }
        let rest = String(rule.dropFirst(name.count + 1))
        guard rule.dropFirst(name.count).first == "+" else { return root.member(name)?.string == rest }
        guard let other = root.member(rest) else { return false }
        return !Expressible.saysNothing(rest, other)
    }
}
