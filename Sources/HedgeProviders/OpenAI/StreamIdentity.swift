import HedgeJSON
import Synchronization

/// The members every chunk of a stream shares, as JSON text.
struct StreamIdentity {
    private(set) var id: [UInt8] = []
    private(set) var created: [UInt8] = []
    private(set) var model: [UInt8] = []
    private let fallbackModel: String

    /// For a stream from a deployment of `model`, whose name stands in where the provider gives none.
    init(model: String) {
        fallbackModel = model
    }

    /// Whether the provider's identifier, or one in its place, is known.
    var isKnown: Bool { !id.isEmpty }

    /// Whether a whole answer has it all, so that there is nothing to learn and nothing to correct.
    static func isComplete(
        _ top: ChunkTop, object: StaticString, _ tape: JSONTape, _ text: Span<UInt8>
    ) -> Bool {
        tape.isNonEmptyString(top.id) && tape.isString(top.object, object, in: text) && hasTime(top, tape)
            && tape.isNonEmptyString(top.model)
    }

    /// Takes over what the top level of a chunk has and is not known yet.
    mutating func learn(_ top: ChunkTop, _ tape: JSONTape, _ text: Span<UInt8>) {
        if id.isEmpty, tape.isNonEmptyString(top.id) { id.append(text, tape.range(top.id)) }
        if model.isEmpty, tape.isNonEmptyString(top.model) { model.append(text, tape.range(top.model)) }
        if created.isEmpty, let seconds = Self.seconds(top.created, tape, text), seconds > 0 {
            JSONWriter.appendInteger(seconds, to: &created)
        }
    }

    /// Fills in what is still missing: an identifier made from `random`, and the time the response began.
    mutating func complete(random: inout IdentifierSource, now: Int64) {
        if id.isEmpty {
            id.append("\"chatcmpl-")
            random.append(to: &id)
            id.append("\"")
        }
        complete(now: now)
    }

    /// Fills in the time and the model if they are missing.
    mutating func complete(now: Int64) {
        if created.isEmpty { JSONWriter.appendInteger(now, to: &created) }
        if model.isEmpty { JSONWriter.appendQuoted(fallbackModel, to: &model) }
    }

    /// A time given as an integer, a real or a string of digits.
    private static func seconds(_ node: Int, _ tape: JSONTape, _ text: Span<UInt8>) -> Int64? {
        switch tape.kind(node) {
        case .integer: tape.integer(node, in: text)
        case .real: tape.double(node, in: text).flatMap { $0 >= 0 && $0 < 1e15 ? Int64($0) : nil }
        case .string: tape.string(node, in: text).flatMap { Int64($0) }
        default: nil
        }
    }

    /// Corrects the members of a chunk or an answer that are missing or differ; `object` is what it calls itself.
    func correct(
        _ top: ChunkTop, object: StaticString, _ tape: JSONTape, _ text: Span<UInt8>, _ editor: inout ChunkEditor
    ) {
        var isFirst = tape.isEmptyContainer(0)
        func put(_ node: Int, _ key: StaticString, _ value: [UInt8]) {
            if node >= 0 {
                editor.replace(tape.range(node)) { $0.append(value.span) }
            } else {
                editor.insert(atEndOf: tape.range(0), isFirst: isFirst) {
                    $0.append(key)
                    $0.append(value.span)
                }
                isFirst = false
            }
        }
        if !isSame(top.id, id, tape, text) { put(top.id, "\"id\":", id) }
        if !tape.isString(top.object, object, in: text) {
            var quoted: [UInt8] = []
            quoted.append("\"")
            quoted.append(object)
            quoted.append("\"")
            put(top.object, "\"object\":", quoted)
        }
        if !Self.hasTime(top, tape) { put(top.created, "\"created\":", created) }
        if !tape.isNonEmptyString(top.model) { put(top.model, "\"model\":", model) }
    }

    /// Whether there is a time that is none of the first seconds of 1970, which stand for "unknown".
    private static func hasTime(_ top: ChunkTop, _ tape: JSONTape) -> Bool {
        tape.kind(top.created) == .integer && tape.range(top.created).count > 1
    }

    private func isSame(_ node: Int, _ value: [UInt8], _ tape: JSONTape, _ text: Span<UInt8>) -> Bool {
        let range = tape.range(node)
        guard node >= 0, range.count == value.count else { return false }
        return text.isEqual(range, value)
    }

    /// Appends `{"id":…,"object":…,"created":…,"model":…,"choices":`.
    func appendHead(to bytes: inout [UInt8]) {
        bytes.append("{\"id\":")
        bytes.append(id.span)
        bytes.append(",\"object\":\"chat.completion.chunk\",\"created\":")
        bytes.append(created.span)
        bytes.append(",\"model\":")
        bytes.append(model.span)
        bytes.append(",\"choices\":")
    }
}

/// Makes identifiers where a provider gives none.
struct IdentifierSource {
    private var state: UInt64

    private static let seeds = Atomic<UInt64>(UInt64.random(in: .min ... .max))

    /// A seed that no other response of this process has; cheaper than asking the system for each.
    static func freshSeed() -> UInt64 {
        // Not the step of ``append(to:)``, else the identifiers of neighbours would be the same ones, shifted.
        seeds.wrappingAdd(0xD1B5_4A32_D192_ED03, ordering: .relaxed).newValue
    }

    /// The same seed gives the same identifiers.
    init(seed: UInt64) {
        state = seed
    }

    /// Appends 24 hexadecimal digits (SplitMix64).
    mutating func append(to bytes: inout [UInt8]) {
        for round in 0..<2 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            value ^= value >> 31
            for _ in 0..<(round == 0 ? 16 : 8) {
                let digit = UInt8(truncatingIfNeeded: value & 15)
                bytes.append(digit < 10 ? digit + 48 : digit + 87)
                value >>= 4
            }
        }
    }
}
