/// One pass over a JSON text that checks it and fills a tape. Never recurses.
///
/// A state machine in the manner of RFC 8259's grammar; `position` never passes `end`.
struct JSONScanner {
    let base: UnsafePointer<UInt8>
    let end: Int
    let depthLimit: Int
    /// The tape's own storage while the scan lasts: the tape takes it back afterwards.
    private(set) var storage: JSONTape.Storage
    private var position = 0
    private var depth = 0
    /// The innermost container that is open, if `depth` is not 0; while it is, its `next` names the one around it.
    private var container = 0

    init(base: UnsafePointer<UInt8>, end: Int, depthLimit: Int, storage: JSONTape.Storage) {
        self.base = base
        self.end = end
        self.depthLimit = depthLimit
        self.storage = storage
    }

    /// What must come next.
    private enum Expectation {
        case value
        /// A value or `]`.
        case valueOrEnd
        /// A key or `}`.
        case keyOrEnd
        case key
        /// `,` or the closing bracket.
        case separator
    }

    mutating func run() -> JSONParseError? {
        var expectation = Expectation.value
        while true {
            skipSpace()
            guard position < end else { return fail(.truncated) }
            let byte = base[position]
            switch expectation {
            case .valueOrEnd where byte == UInt8(ascii: "]"), .keyOrEnd where byte == UInt8(ascii: "}"):
                close()
                if depth == 0 { return finish() }
                expectation = .separator
            case .value, .valueOrEnd:
                switch byte {
                case UInt8(ascii: "\""):
                    if let failure = string() { return failure }
                    expectation = .separator
                case UInt8(ascii: "{"):
                    if let failure = open(.object) { return failure }
                    expectation = .keyOrEnd
                    continue
                case UInt8(ascii: "["):
                    if let failure = open(.array) { return failure }
                    expectation = .valueOrEnd
                    continue
                default:
                    if let failure = scalar(byte) { return failure }
                    expectation = .separator
                }
                if depth == 0 { return finish() }
            case .key, .keyOrEnd:
                guard byte == UInt8(ascii: "\"") else { return fail(.invalidSyntax) }
                if let failure = string() { return failure }
                skipSpace()
                guard position < end else { return fail(.truncated) }
                guard base[position] == UInt8(ascii: ":") else { return fail(.invalidSyntax) }
                position &+= 1
                expectation = .value
            case .separator:
                let isObject = storage.nodes[container].kind == .object
                if byte == UInt8(ascii: ",") {
                    position &+= 1
                    expectation = isObject ? .key : .value
                } else if byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    close()
                    if depth == 0 { return finish() }
                } else {
                    return fail(.invalidSyntax)
                }
            }
        }
    }

    private func fail(_ reason: JSONParseError.Reason) -> JSONParseError {
        JSONParseError(reason, offset: position)
    }

    private mutating func finish() -> JSONParseError? {
        skipSpace()
        return position == end ? nil : fail(.trailingText)
    }

    @inline(__always)
    private mutating func skipSpace() {
        while position < end {
            let byte = base[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            position &+= 1
        }
    }

    @inline(__always)
    private mutating func open(_ kind: JSONKind) -> JSONParseError? {
        guard depth < depthLimit else { return fail(.tooDeep) }
        depth &+= 1
        let place = storage.count
        storage.append(kind, start: position, end: position)
        storage.nodes[place].next = UInt32(truncatingIfNeeded: container)
        container = place
        position &+= 1
        return nil
    }

    @inline(__always)
    private mutating func close() {
        position &+= 1
        depth &-= 1
        let outer = Int(storage.nodes[container].next)
        storage.nodes[container].end = UInt32(truncatingIfNeeded: position)
        storage.nodes[container].next = UInt32(truncatingIfNeeded: storage.count)
        container = outer
    }

    // MARK: Strings

    /// Reads a string from its opening quote on.
    @inline(__always)
    private mutating func string() -> JSONParseError? {
        let start = position
        var hasEscape = false
        position &+= 1
        while true {
            skipPlain()
            guard position < end else { return fail(.truncated) }
            let byte = base[position]
            if byte == UInt8(ascii: "\"") {
                position &+= 1
                storage.append(.string, start: start, end: position, hasEscape: hasEscape)
                return nil
            }
            if byte == UInt8(ascii: "\\") {
                hasEscape = true
                if let failure = escape() { return failure }
            } else if byte < 0x20 {
                return fail(byte == 0 ? .nul : .invalidSyntax)
            } else if let failure = multibyte(byte) {
                return failure
            }
        }
    }

    /// Moves to the next quote, backslash, control character or byte above ASCII, eight bytes at a time.
    @inline(__always)
    private mutating func skipPlain() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        while end &- position >= 8 {
            let word = UnsafeRawPointer(base + position).loadUnaligned(as: UInt64.self).littleEndian
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            // A byte's top bit is set where the byte is above ASCII, below 0x20, a quote or a backslash. Borrows can
            // only set bits above a true hit, so the lowest one is exact.
            let hits =
                (word | (word &- (ones &* 0x20)) | (quote &- ones) & ~quote | (backslash &- ones) & ~backslash) & tops
            if hits != 0 {
                position &+= hits.trailingZeroBitCount >> 3
                return
            }
            position &+= 8
        }
        while position < end {
            let byte = base[position]
            if byte == 0x22 || byte == 0x5C || byte < 0x20 || byte >= 0x80 { return }
            position &+= 1
        }
    }

    private mutating func escape() -> JSONParseError? {
        position &+= 1
        guard position < end else { return fail(.truncated) }
        switch base[position] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position &+= 1
            return nil
        case UInt8(ascii: "u"):
            position &+= 1
            for _ in 0..<4 {
                guard position < end else { return fail(.truncated) }
                guard JSONUnescaping.hexDigit(base[position]) != nil else { return fail(.invalidEscape) }
                position &+= 1
            }
            return nil
        default:
            return fail(.invalidEscape)
        }
    }

    /// Checks one character of more than one byte: no overlong forms, no surrogates, nothing above U+10FFFF.
    private mutating func multibyte(_ lead: UInt8) -> JSONParseError? {
        let length: Int
        var low: UInt8 = 0x80
        var high: UInt8 = 0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, low) = (3, 0xA0)
        case 0xED: (length, high) = (3, 0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, low) = (4, 0x90)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, high) = (4, 0x8F)
        default: return fail(.invalidUTF8)
        }
        for offset in 1..<length {
            guard position &+ offset < end else { return fail(.truncated) }
            let byte = base[position &+ offset]
            guard byte >= low && byte <= high else { return fail(.invalidUTF8) }
            low = 0x80
            high = 0xBF
        }
        position &+= length
        return nil
    }

    // MARK: Numbers and names

    @inline(__always)
    private mutating func scalar(_ byte: UInt8) -> JSONParseError? {
        switch byte {
        case UInt8(ascii: "n"): name("null", .null)
        case UInt8(ascii: "t"): name("true", .true)
        case UInt8(ascii: "f"): name("false", .false)
        default: number()
        }
    }

    @inline(__always)
    private mutating func name(_ name: StaticString, _ kind: JSONKind) -> JSONParseError? {
        let start = position
        for offset in 0..<name.utf8CodeUnitCount {
            guard position < end else { return fail(.truncated) }
            guard base[position] == name.utf8Start[offset] else { return fail(.invalidSyntax) }
            position &+= 1
        }
        storage.append(kind, start: start, end: position)
        return nil
    }

    private mutating func number() -> JSONParseError? {
        let start = position
        var isReal = false
        if base[position] == UInt8(ascii: "-") { position &+= 1 }
        guard position < end else { return fail(.truncated) }
        if base[position] == UInt8(ascii: "0") {
            position &+= 1
        } else if let failure = digits() {
            return failure
        }
        if position < end, base[position] == UInt8(ascii: ".") {
            isReal = true
            position &+= 1
            if let failure = digits() { return failure }
        }
        if position < end, base[position] | 0x20 == UInt8(ascii: "e") {
            isReal = true
            position &+= 1
            if position < end, base[position] == UInt8(ascii: "+") || base[position] == UInt8(ascii: "-") {
                position &+= 1
            }
            if let failure = digits() { return failure }
        }
        storage.append(isReal ? .real : .integer, start: start, end: position)
        return nil
    }

    /// One digit or more.
    private mutating func digits() -> JSONParseError? {
        guard position < end else { return fail(.truncated) }
        guard base[position] &- 48 <= 9 else { return fail(.invalidSyntax) }
        while position < end, base[position] &- 48 <= 9 { position &+= 1 }
        return nil
    }
}
