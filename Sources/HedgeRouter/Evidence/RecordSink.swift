public import HedgeJSON

/// Where the attempt log of each request goes that ended.
public struct RecordSink: Sendable {
    /// Takes one JSON object in UTF-8, without line breaks; called on the thread that turns the loop.
    let receive: @Sendable (Bytes) -> Void

    /// A sink that calls `receive`, which must return quickly.
    public init(_ receive: @escaping @Sendable (Bytes) -> Void) {
        self.receive = receive
    }
}
