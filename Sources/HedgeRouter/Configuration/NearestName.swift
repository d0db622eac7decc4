/// Finds the known name that a misspelt one was probably meant to be.
enum NearestName {
    /// Names longer than this are not compared: nobody misspells that much, and the cost is quadratic.
    private static let longestCompared = 48

    /// The name of `known` with the fewest edits from `name`, the first of equals; nil when none is near.
    ///
    /// Near means at most a third of the letters, and at least two edits are always allowed in names of four or more.
    ///
    /// - Complexity: O(*k* · *n*²) for *k* known names of *n* letters.
    static func find(_ name: String, in known: [String]) -> String? {
        let letters = normalized(name)
        guard !letters.isEmpty, letters.count <= longestCompared else { return nil }
        let limit = letters.count < 4 ? 1 : max(2, letters.count / 3)
        var best: (name: String, distance: Int)?
        for candidate in known {
            let other = normalized(candidate)
            guard abs(other.count - letters.count) <= limit else { continue }
            let distance = editDistance(letters, other)
            if distance <= limit, distance < (best?.distance ?? .max) { best = (candidate, distance) }
        }
        return best?.name
    }

    /// Lower case, and `-` as `_`, so that `apiBase`, `API_BASE` and `api-base` are near `api_base`.
    private static func normalized(_ name: String) -> [UInt8] {
        name.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
            case UInt8(ascii: "-"): UInt8(ascii: "_")
            default: byte
            }
        }
    }

    /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment) from `a` to `b`.
    static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var before = [Int](repeating: 0, count: b.count + 1)
        var previous = Array(0...b.count)
        for i in a.indices {
            var current = [i + 1] + [Int](repeating: 0, count: b.count)
            for j in b.indices {
                let replaced = previous[j] + (a[i] == b[j] ? 0 : 1)
                current[j + 1] = min(replaced, previous[j + 1] + 1, current[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    current[j + 1] = min(current[j + 1], before[j - 1] + 1)
                }
            }
            before = previous
            previous = current
        }
        return previous[b.count]
    }
}
