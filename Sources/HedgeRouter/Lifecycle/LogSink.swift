import HedgeCore
public import HedgeJSON

/// How important a log record is; numbers as in `hedgerouter.h`.
public enum LogLevel: Int32, Comparable, Sendable {
    case error = 1
    case warning = 2
    case info = 3
    case debug = 4

    /// Whether `a` comes before `b`.
    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}

/// Where log records go; silent unless the program gave a receiver.
public struct LogSink: Sendable {
    /// Takes a level and a JSON object in UTF-8.
    public typealias Receiver = @Sendable (LogLevel, Bytes) -> Void

    private let receiver: Receiver?
    private let maxLevel: LogLevel
    private let repeats = RepeatFilter()

    /// Creates one with these parts.
    public init(maxLevel: LogLevel, receiver: Receiver?) {
        self.receiver = receiver
        self.maxLevel = maxLevel
    }

    /// No receiver.
    public static let silent = LogSink(maxLevel: .error, receiver: nil)

    /// Writes a record if anyone wants it; records are made only then.
    func write(_ record: @autoclosure () -> LogRecord) {
        guard let receiver else { return }
        let record = record()
        guard record.level <= maxLevel else { return }
        guard let suppressed = repeats.admit(record.subject, at: monotonicNow()) else { return }
        let counted = record.counting(suppressed: suppressed)
        receiver(record.level, Bytes(counted.json))
    }
}
