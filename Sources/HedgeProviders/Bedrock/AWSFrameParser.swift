import HedgeJSON

/// Takes `application/vnd.amazon.eventstream` apart into messages, in whatever pieces it arrives.
///
/// A frame is, big-endian: length of all, length of the headers, CRC-32 of these eight bytes, headers, payload, CRC-32
/// of everything before it. A message that lies in one piece of input is given in place; only one that is split over
/// several is copied.
struct AWSFrameParser {
    /// What became of the bytes.
    enum Step {
        /// All bytes are used up.
        case needMore
        case message(AWSMessage, Place)
        /// The bytes are no frame; nothing after them can be read either.
        case malformed(StaticString)
    }

    /// Where a message's frame is; the ranges of the message count from its beginning.
    enum Place {
        /// In the bytes just received, from this offset on.
        case input(Range<Int>)
        /// In ``AWSFrameParser/frame``.
        case stored
    }

    /// Headers and payloads may be this long: what AWS's own clients accept.
    static let headersLimit = 128 << 10
    static let payloadLimit = 24 << 20

    /// The frame of the message just given, if it is stored; else the beginning of one whose end has not come.
    private(set) var frame: [UInt8] = []
    private var isFrameGiven = false
    /// Length of the frame in `frame`; nil until its prelude has come.
    private var frameLength: Int?

    /// Whether the bytes so far end where a frame ends.
    var isAtBoundary: Bool { frame.isEmpty || isFrameGiven }

    /// Reads on from `position` to the end of the next message.
    mutating func next(_ input: Span<UInt8>, _ position: inout Int) -> Step {
        if isFrameGiven {
            isFrameGiven = false
            frameLength = nil
            frame.removeAll(keepingCapacity: frame.capacity <= 1 << 16)
        }
        return frame.isEmpty ? nextInPlace(input, &position) : nextStored(input, &position)
    }

    /// Lends ``frame`` out, to be given back through ``giveBack(_:)``.
    mutating func takeFrame() -> [UInt8] {
        isFrameGiven = false
        frameLength = nil
        return exchange(&frame, with: [])
    }

    /// Takes the buffer back for further use.
    mutating func giveBack(_ buffer: consuming [UInt8]) {
        buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 16)
        frame = buffer
    }

    private mutating func nextInPlace(_ input: Span<UInt8>, _ position: inout Int) -> Step {
        let rest = input.count - position
        guard rest > 0 else { return .needMore }
        if rest >= AWSFrame.preludeLength {
            switch AWSFrame.length(ofFrameAt: position, in: input) {
            case .failure(let reason): return .malformed(reason)
            case .success(let length):
                frameLength = length
                if rest >= length {
                    let range = position..<(position + length)
                    position = range.upperBound
                    frameLength = nil
                    return read(input.extracting(range), .input(range))
                }
                frame.reserveCapacity(min(length, 1 << 20))
            }
        }
        frame.append(input, position..<input.count)
        position = input.count
        return .needMore
    }

    private mutating func nextStored(_ input: Span<UInt8>, _ position: inout Int) -> Step {
        take(AWSFrame.preludeLength - frame.count, input, &position)
        guard frame.count >= AWSFrame.preludeLength else { return .needMore }
        let length: Int
        if let frameLength {
            length = frameLength
        } else {
            switch AWSFrame.length(ofFrameAt: 0, in: frame.span) {
            case .failure(let reason): return .malformed(reason)
            case .success(let found): length = found
            }
            frameLength = length
        }
        take(length - frame.count, input, &position)
        guard frame.count == length else { return .needMore }
        isFrameGiven = true
        return read(frame.span, .stored)
    }

    /// Moves `count` bytes, or as many as there are, from the input to the frame.
    private mutating func take(_ count: Int, _ input: Span<UInt8>, _ position: inout Int) {
        let end = position + min(max(0, count), input.count - position)
        frame.append(input, position..<end)
        position = end
    }

    private func read(_ frame: Span<UInt8>, _ place: Place) -> Step {
        switch AWSFrame.read(frame) {
        case .success(let message): .message(message, place)
        case .failure(let reason): .malformed(reason)
        }
    }
}

/// A message of an event stream; ranges count from the beginning of its frame.
struct AWSMessage: Equatable {
    /// `:message-type`.
    enum Kind {
        case event, exception, error
        /// None, or one this library does not know.
        case other
    }

    var kind = Kind.other
    /// `:event-type`, `:exception-type` or `:error-code`; empty if there is none.
    var type = 0..<0
    /// `:error-message`; empty if there is none.
    var errorMessage = 0..<0
    var payload = 0..<0
}

/// The binary form of one message.
enum AWSFrame {
    /// The lengths and their checksum.
    static let preludeLength = 12
    /// More headers than any service sends.
    static let headerCountLimit = 64

    /// A value, or what is wrong with the bytes.
    enum Reading<Value> {
        case success(Value)
        case failure(StaticString)
    }

    /// The length of the frame whose prelude is at `start`, 12 bytes.
    static func length(ofFrameAt start: Int, in bytes: Span<UInt8>) -> Reading<Int> {
        let length = integer(bytes, start)
        let headers = integer(bytes, start + 4)
        guard Int(CRC32.checksum(bytes.extracting(start..<(start + 8)))) == integer(bytes, start + 8) else {
            return .failure("the checksum of a frame's prelude is wrong")
        }
        guard headers <= AWSFrameParser.headersLimit else { return .failure("the headers of a frame are too long") }
        guard length >= headers + 16 else { return .failure("a frame is shorter than its headers") }
        guard length - headers - 16 <= AWSFrameParser.payloadLimit else {
            return .failure("the payload of a frame is too long")
        }
        return .success(length)
    }

    /// Reads a whole frame, whose prelude is right.
    static func read(_ frame: Span<UInt8>) -> Reading<AWSMessage> {
        let body = frame.count - 4
        guard Int(CRC32.checksum(frame.extracting(0..<body))) == integer(frame, body) else {
            return .failure("the checksum of a frame is wrong")
        }
        let headers = preludeLength..<(preludeLength + integer(frame, 4))
        var message = AWSMessage(payload: headers.upperBound..<body)
        var reader = AWSHeaderReader(position: headers.lowerBound, end: headers.upperBound)
        var count = 0
        while reader.position < reader.end {
            guard let header = reader.next(frame) else { return .failure("a header of a frame is malformed") }
            guard count < headerCountLimit else { return .failure("a frame has too many headers") }
            guard !isRepeated(header.name, from: headers.lowerBound, frame) else {
                return .failure("a frame has a header twice")
            }
            count += 1
            if header.isString { message.take(header, frame) }
        }
        return .success(message)
    }

    /// Whether a header of this name comes before it. Headers are few: reading them again is cheaper than a list.
    private static func isRepeated(_ name: Range<Int>, from start: Int, _ frame: Span<UInt8>) -> Bool {
        var reader = AWSHeaderReader(position: start, end: name.lowerBound - 1)
        while let header = reader.next(frame) {
            if isEqual(header.name, name, frame) { return true }
        }
        return false
    }

    private static func isEqual(_ one: Range<Int>, _ other: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        one.count == other.count && zip(one, other).allSatisfy { bytes[$0] == bytes[$1] }
    }

    /// Four bytes, big-endian, of which the caller knows that they are there.
    static func integer(_ bytes: Span<UInt8>, _ place: Int) -> Int {
        Int(bytes[place]) << 24 | Int(bytes[place + 1]) << 16 | Int(bytes[place + 2]) << 8 | Int(bytes[place + 3])
    }
}

extension AWSMessage {
    /// Takes over a header of type string.
    fileprivate mutating func take(_ header: AWSHeaderReader.Header, _ frame: Span<UInt8>) {
        func isName(_ name: StaticString) -> Bool {
            header.name.count == name.utf8CodeUnitCount && frame.hasPrefix(name, from: header.name.lowerBound)
        }
        func isValue(_ value: StaticString) -> Bool {
            header.value.count == value.utf8CodeUnitCount && frame.hasPrefix(value, from: header.value.lowerBound)
        }
        if isName(":message-type") {
            kind = isValue("event") ? .event : isValue("exception") ? .exception : isValue("error") ? .error : .other
        } else if isName(":event-type") || isName(":exception-type") || isName(":error-code") {
            type = header.value
        } else if isName(":error-message") {
            errorMessage = header.value
        }
    }
}

/// Reads the headers of a frame one by one.
struct AWSHeaderReader {
    /// A header: places in the frame.
    struct Header: Equatable {
        var name: Range<Int>
        var value: Range<Int>
        var isString: Bool
    }

    var position: Int
    let end: Int

    /// The next header; nil if what is there is none.
    mutating func next(_ frame: Span<UInt8>) -> Header? {
        guard let nameLength = take(1).map({ Int(frame[$0.lowerBound]) }), nameLength > 0, let name = take(nameLength),
            let type = take(1).map({ frame[$0.lowerBound] })
        else { return nil }
        let length: Int
        switch type {
        // True and false have no value of their own.
        case 0, 1: length = 0
        case 2: length = 1
        case 3: length = 2
        case 4: length = 4
        // A 64-bit integer, a time stamp.
        case 5, 8: length = 8
        // Bytes, a string.
        case 6, 7:
            guard let count = take(2) else { return nil }
            length = Int(frame[count.lowerBound]) << 8 | Int(frame[count.lowerBound + 1])
        // A UUID.
        case 9: length = 16
        default: return nil
        }
        guard let value = take(length) else { return nil }
        return Header(name: name, value: value, isString: type == 7)
    }

    /// The next `count` bytes; nil if there are fewer.
    private mutating func take(_ count: Int) -> Range<Int>? {
        guard count <= end - position else { return nil }
        let range = position..<(position + count)
        position = range.upperBound
        return range
    }
}
