import HedgeJSON

/// Splits a `text/event-stream` body into events, whatever pieces it arrives in.
///
/// Lines end in LF, CR LF or CR, also when the pair is split; events end at an empty line. An event that lies whole in
/// the bytes just received is given as a place in them, without a copy. Fields other than `data`, `event` and `error`
/// are ignored, as are comments and events without data.
struct EventStreamParser {
    /// What an event's `event` field says, as far as it matters.
    enum Name {
        case message
        case error
        case other
    }

    /// Where an event's data is.
    enum Place {
        /// In the bytes just received.
        case input(Range<Int>)
        /// In ``EventStreamParser/data``.
        case stored
    }

    enum Step {
        /// All bytes are used up.
        case needMore
        case event(Name, Place)
        /// A field named `error`, which some servers send in place of an event.
        case errorField
        /// A line or an event is longer than the limit.
        case tooLong
    }

    /// A line and an event may be this long.
    static let limit = 16 << 20

    /// Data of the event just given, if it is stored. Its lines are joined by LF.
    private(set) var data: [UInt8] = []

    /// Lines without a field from the first one on that begins a JSON text: Google reports some errors like that.
    private(set) var stray: [UInt8] = []
    private static let strayLimit = 1 << 16

    private enum Data {
        case none
        case input(Range<Int>)
        case stored
    }

    /// The beginning of a line whose end has not arrived.
    private var line: [UInt8] = []
    private var pending = Data.none
    private var name = Name.message
    /// Whether an LF at the next byte belongs to a line end already seen.
    private var skipsLineFeed = false
    private var isFirstLine = true
    /// Whether ``data`` was given and is to be emptied.
    private var isDataGiven = false
    /// Places of the next LF and CR in the input, `.max` for none; -1 when not looked for yet.
    private var nextLineFeed = -1
    private var nextReturn = -1

    /// Takes note that the next call passes other bytes than the last one.
    mutating func startInput() {
        nextLineFeed = -1
        nextReturn = -1
    }

    /// Reads on from `position` to the end of the next event.
    mutating func next(_ input: Span<UInt8>, _ position: inout Int) -> Step {
        emptyGivenData()
        while position < input.count {
            if skipsLineFeed {
                skipsLineFeed = false
                if input[position] == UInt8(ascii: "\n") {
                    position += 1
                    continue
                }
            }
            guard let end = lineEnd(input, position) else { return keepRest(input, &position) }
            let start = position
            position = end + 1
            skipsLineFeed = input[end] == UInt8(ascii: "\r")
            let step: Step?
            if line.isEmpty {
                step = take(input, start..<end, inPlace: true)
            } else {
                line.append(input, start..<end)
                step = takeStoredLine()
            }
            if let step { return step }
        }
        return storePending(input)
    }

    /// Gives the event that the end of the body leaves without its empty line, if there is one.
    mutating func finish() -> Step {
        emptyGivenData()
        startInput()
        if !line.isEmpty, let step = takeStoredLine() { return step }
        return dispatch() ?? .needMore
    }

    /// Lends ``data`` out, to be given back through ``giveBack(_:)``.
    mutating func takeData() -> [UInt8] {
        isDataGiven = false
        return exchange(&data, with: [])
    }

    /// Takes the buffer back for further use.
    mutating func giveBack(_ buffer: consuming [UInt8]) {
        buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 16)
        data = buffer
    }

    private mutating func emptyGivenData() {
        guard isDataGiven else { return }
        isDataGiven = false
        data.removeAll(keepingCapacity: true)
    }

    private mutating func lineEnd(_ input: Span<UInt8>, _ position: Int) -> Int? {
        if nextLineFeed < position {
            nextLineFeed = input.firstIndex(of: UInt8(ascii: "\n"), from: position) ?? .max
        }
        if nextReturn < position {
            nextReturn = input.firstIndex(of: UInt8(ascii: "\r"), from: position) ?? .max
        }
        let end = min(nextLineFeed, nextReturn)
        return end == .max ? nil : end
    }

    private mutating func keepRest(_ input: Span<UInt8>, _ position: inout Int) -> Step {
        guard line.count + (input.count - position) <= Self.limit else { return .tooLong }
        line.append(input, position..<input.count)
        position = input.count
        return storePending(input)
    }

    /// Keeps data that lies in the input beyond the life of the input.
    private mutating func storePending(_ input: Span<UInt8>) -> Step {
        if case .input(let range) = pending {
            data.append(input, range)
            pending = .stored
        }
        return .needMore
    }

    private mutating func takeStoredLine() -> Step? {
        var stored = exchange(&line, with: [])
        let step = take(stored.span, 0..<stored.count, inPlace: false)
        stored.removeAll(keepingCapacity: stored.capacity <= 1 << 16)
        line = consume stored
        return step
    }

    private mutating func take(_ text: Span<UInt8>, _ range: Range<Int>, inPlace: Bool) -> Step? {
        var range = range
        if isFirstLine {
            isFirstLine = false
            if text.hasPrefix("\u{FEFF}", from: range.lowerBound) { range = (range.lowerBound + 3)..<range.upperBound }
        }
        guard !range.isEmpty else { return dispatch() }
        if text[range.lowerBound] == UInt8(ascii: ":") { return nil }
        if let value = field("data", text, range) { return append(text, value, inPlace: inPlace) }
        if let value = field("event", text, range) {
            if value.count == 5, text.hasPrefix("error", from: value.lowerBound) {
                name = .error
            } else if value.isEmpty || value.count == 7 && text.hasPrefix("message", from: value.lowerBound) {
                name = .message
            } else {
                name = .other
            }
            return nil
        }
        if let value = field("error", text, range), !value.isEmpty {
            pending = .none
            data.removeAll(keepingCapacity: true)
            data.append(text, value)
            isDataGiven = true
            return .errorField
        }
        keepStray(text, range)
        return nil
    }

    private mutating func keepStray(_ text: Span<UInt8>, _ line: Range<Int>) {
        let first = text[line.lowerBound]
        guard !stray.isEmpty || first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else { return }
        guard line.count < Self.strayLimit - stray.count else { return }
        stray.append(text, line)
        stray.append(UInt8(ascii: " "))
    }

    /// The value of the field, if the line is one of that name.
    private func field(_ name: StaticString, _ text: Span<UInt8>, _ line: Range<Int>) -> Range<Int>? {
        let colon = line.lowerBound + name.utf8CodeUnitCount
        guard colon <= line.upperBound, text.hasPrefix(name, from: line.lowerBound) else { return nil }
        if colon == line.upperBound { return colon..<colon }
        guard text[colon] == UInt8(ascii: ":") else { return nil }
        let start = colon + 1
        return (start < line.upperBound && text[start] == UInt8(ascii: " ") ? start + 1 : start)..<line.upperBound
    }

    private mutating func append(_ text: Span<UInt8>, _ value: Range<Int>, inPlace: Bool) -> Step? {
        switch pending {
        case .none where inPlace:
            pending = .input(value)
            return nil
        case .none:
            break
        case .input(let first):
            // Both lines lie in the same input: were it otherwise, the first one would be stored already.
            data.append(text, first)
            data.append(UInt8(ascii: "\n"))
        case .stored:
            data.append(UInt8(ascii: "\n"))
        }
        guard data.count + value.count <= Self.limit else { return .tooLong }
        data.append(text, value)
        pending = .stored
        return nil
    }

    /// Ends the event; nil if it has no data.
    private mutating func dispatch() -> Step? {
        let name = exchange(&self.name, with: .message)
        switch exchange(&pending, with: .none) {
        case .none: return nil
        case .input(let range): return range.isEmpty ? nil : .event(name, .input(range))
        case .stored:
            isDataGiven = true
            return data.isEmpty ? nil : .event(name, .stored)
        }
    }
}
