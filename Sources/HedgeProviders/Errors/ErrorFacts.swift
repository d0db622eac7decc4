import HedgeCore
import HedgeJSON

/// What an error answer says, taken from whichever of the usual shapes it has.
struct ErrorFacts {
    /// HTTP status, or the status an error inside a stream names; 200 if it names none.
    var status: Int
    /// Identifiers, the most specific first: codes, types, inner codes; at most ``codeLimit``.
    var codes: [String] = []
    /// The provider's own words; may quote the prompt and the key.
    var message = ""

    /// How long the answer itself asks to stay away, as Google's does; at most a week.
    var retryAfter: Interval?
    /// Whether a quota of a whole day is used up.
    var isOutForTheDay = false

    /// An answer that says nothing beyond its status.
    init(status: Int) {
        self.status = status
    }

    /// Reads the error at `node` of a scanned text: the whole answer, its `error` member, or a string.
    init(status: Int, node: Int, _ tape: JSONTape, _ text: Span<UInt8>) {
        self.status = status
        read(node, tape, text)
    }

    /// An answer that is not JSON: its text is the message unless it is a page for people.
    init(status: Int, plain text: Span<UInt8>) {
        self.status = status
        guard let first = text.firstSignificant, text[first] != UInt8(ascii: "<") else { return }
        message = text.text(first..<min(text.count, first + Self.messageLimit))
    }

    /// More identifiers than any error has, and few enough that they are searched one by one.
    static let codeLimit = 16

    /// Messages are cut to this many bytes before anything looks at them.
    static let messageLimit = 16 << 10

    private mutating func read(_ node: Int, _ tape: JSONTape, _ text: Span<UInt8>) {
        switch tape.kind(node) {
        case .string:
            takeMessage(node, tape, text)
        case .array:
            // A list with one error, or of complaints about fields.
            if !tape.isEmptyContainer(node) { read(node + 1, tape, text) }
        case .object:
            readObject(node, tape, text)
        default:
            return
        }
    }

    private mutating func readObject(_ node: Int, _ tape: JSONTape, _ text: Span<UInt8>) {
        for key in ["error", "detail", "errors"] as [StaticString] {
            guard let inner = tape.member(key, of: node, in: text), tape.kind(inner) != .null else { continue }
            read(inner, tape, text)
        }
        if let details = tape.member("details", of: node, in: text), tape.kind(details) == .object,
            let code = tape.member("error_code", of: details, in: text)
        {
            takeCode(code, tape, text)
        }
        if let details = tape.member("details", of: node, in: text), tape.kind(details) == .array {
            readDetails(details, tape, text)
        }
        for key in ["code", "type", "status"] as [StaticString] {
            if let inner = tape.member(key, of: node, in: text) { takeCode(inner, tape, text) }
        }
        for key in ["innererror", "inner_error"] as [StaticString] {
            guard let inner = tape.member(key, of: node, in: text),
                let code = tape.member("code", of: inner, in: text)
            else { continue }
            takeCode(code, tape, text)
        }
        for key in ["message", "msg"] as [StaticString] where message.isEmpty {
            guard let inner = tape.member(key, of: node, in: text) else { continue }
            // Mistral puts its complaints about members where others have words.
            tape.kind(inner) == .object ? readObject(inner, tape, text) : takeMessage(inner, tape, text)
        }
    }

    /// Takes what `google.rpc.Status` adds to an error: a reason, the quotas that are used up, a delay.
    private mutating func readDetails(_ details: Int, _ tape: JSONTape, _ text: Span<UInt8>) {
        var detail = details + 1
        while detail < tape.next(details) {
            if let reason = tape.member("reason", of: detail, in: text) { takeCode(reason, tape, text) }
            if let delay = tape.member("retryDelay", of: detail, in: text).flatMap({ tape.string($0, in: text) }) {
                retryAfter = RetryDelay.interval(delay)
            }
            if let violations = tape.member("violations", of: detail, in: text), tape.kind(violations) == .array {
                var violation = violations + 1
                while violation < tape.next(violations) {
                    let quota = tape.member("quotaId", of: violation, in: text).flatMap { tape.string($0, in: text) }
                    if let quota, Words(quota).contains("perday") { isOutForTheDay = true }
                    violation = tape.next(violation)
                }
            }
            detail = tape.next(detail)
        }
    }

    private mutating func takeMessage(_ node: Int, _ tape: JSONTape, _ text: Span<UInt8>) {
        guard message.isEmpty, let words = tape.string(node, in: text) else { return }
        message = words.utf8.count <= Self.messageLimit ? words : String(words.prefix(Self.messageLimit / 4))
    }

    /// Numbers name a status, also as strings; what is no identifier is left out.
    private mutating func takeCode(_ node: Int, _ tape: JSONTape, _ text: Span<UInt8>) {
        let code: String
        if let number = tape.integer(node, in: text) {
            code = String(number)
        } else if let word = tape.string(node, in: text) {
            code = word
        } else {
            return
        }
        if let number = Int(code) {
            if status < 400 || status > 599, (400...599).contains(number) { status = number }
            return
        }
        guard codes.count < Self.codeLimit, Self.isIdentifier(code), !codes.contains(code) else { return }
        codes.append(code)
    }

    /// One to 64 letters, digits, `_`, `.` or `-`.
    static func isIdentifier(_ text: String) -> Bool {
        guard (1...64).contains(text.utf8.count) else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }
}

extension Span<UInt8> {
    /// The first byte that is no JSON white space.
    var firstSignificant: Int? {
        var position = 0
        while position < count {
            switch self[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return position
            }
        }
        return nil
    }

    /// The bytes without JSON white space at either end; nil if nothing is left.
    var significant: Range<Int>? {
        guard let first = firstSignificant else { return nil }
        var end = count
        while end > first, [0x20, 0x09, 0x0A, 0x0D].contains(self[end - 1]) { end -= 1 }
        return first..<end
    }
}
