/// The command line after the subcommand: options with values, switches and names.
struct Arguments {
    private(set) var names: [String] = []
    private var values: [String: String] = [:]
    private var switches: Set<String> = []

    init(_ words: ArraySlice<String>, options: Set<String>, switches known: Set<String>) throws(Complaint) {
        var rest = words
        while let word = rest.popFirst() {
            guard word.hasPrefix("--") else {
                names.append(word)
                continue
            }
            let option = String(word.dropFirst(2))
            if known.contains(option) {
                switches.insert(option)
            } else if options.contains(option) {
                guard let value = rest.popFirst() else { throw Complaint("\(word) needs a value") }
                values[option] = value
            } else {
                throw Complaint("unknown option \(word)")
            }
        }
    }

    func has(_ option: String) -> Bool { switches.contains(option) }
    func string(_ option: String) -> String? { values[option] }

    func list(_ option: String) -> [String]? {
        values[option].map { $0.split(separator: ",").map(String.init) }
    }

    func count(_ option: String) throws(Complaint) -> Int? {
        guard let text = values[option] else { return nil }
        guard let value = Int(text), value > 0, value <= 100_000_000 else {
            throw Complaint("--\(option) needs a positive number, not \(text)")
        }
        return value
    }

    func number(_ option: String) throws(Complaint) -> Double? {
        guard let text = values[option] else { return nil }
        guard let value = Double(text), value.isFinite, value >= 0 else {
            throw Complaint("--\(option) needs a number, not \(text)")
        }
        return value
    }

    /// So many seeds, from `--seed` on.
    func seeds(atLeast fewest: Int, usually usual: Int) throws(Complaint) -> [UInt64] {
        let first = UInt64(try count("seed") ?? 1)
        let count = max(fewest, try count("seeds") ?? usual)
        return (0..<count).map { first + UInt64($0) }
    }
}
