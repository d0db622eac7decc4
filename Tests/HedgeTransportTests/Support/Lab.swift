import HedgeJSON
import HedgeTransport

/// What a driver was told of one transfer, in order.
struct Told: Sendable {
    var connections: [TransferConnection] = []
    /// The order of things, one letter each: h(ead), b(ody), e(nd).
    var order = ""
    var status: Int?
    var rawHeaders: [UInt8] = []
    var body: [UInt8] = []
    var refusals = 0
    var end: TransferEnd?

    var isComplete: Bool {
        if case .complete = end { true } else { false }
    }

    var failure: TransferFailure? {
        if case .failed(let failure) = end { failure } else { nil }
    }

    var headerText: String { String(decoding: rawHeaders, as: UTF8.self) }
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// An event loop on a thread of its own, and a driver that writes down what it is told.
final class Lab: Sendable {
    typealias Task = @Sendable (EventLoop) -> Void

    let loop: EventLoop
    let told = Watched<[TransferID: Told]>([:])
    let wakes = Watched(0)
    let isDone = Watched()
    private let driver: Driver
    private let tasks = Watched<[Task]>([])
    private let lastID = Watched<UInt64>(0)

    /// Runs the loop at once unless `isRunning` is false. `takesBody` is asked before a piece of a body is taken; a
    /// transfer whose piece was refused is resumed in the same turn if `resumesAtOnce`.
    init(
        isRunning: Bool = true, resumesAtOnce: Bool = false,
        takesBody: @escaping @Sendable (TransferID, Int) -> Bool = { _, _ in true }
    ) throws {
        loop = try EventLoop()
        driver = Driver(told: told, wakes: wakes, tasks: tasks, resumesAtOnce: resumesAtOnce, takesBody: takesBody)
        if isRunning { run() }
    }

    deinit { loop.stop() }

    func run(on start: (@escaping @Sendable () -> Void) -> Void = startThread) {
        let (loop, driver, isDone) = (loop, driver, isDone)
        start {
            loop.run(driver)
            isDone.open()
        }
    }

    /// Does something with the loop on its thread, and waits until it is done.
    func perform<Result: Sendable>(_ body: @escaping @Sendable (EventLoop) -> Result) -> Result? {
        let result = Watched<Result?>(nil)
        tasks.change { $0.append { loop in result.change { $0 = body(loop) } } }
        loop.wake()
        return result.wait { $0 != nil } ? result.now : nil
    }

    func newID() -> TransferID {
        TransferID(
            rawValue: lastID.change {
                $0 += 1
                return $0
            })
    }

    @discardableResult
    func start(
        _ target: TransferTarget, headers: [String] = [], body: String = "{}", connectTimeout: Int = 20_000
    ) -> TransferID {
        let id = newID()
        let request = TransferRequest(
            target: target, headers: headers, body: Bytes(body), connectTimeoutMilliseconds: connectTimeout)
        _ = perform { $0.start(id, request) }
        return id
    }

    func start(_ url: String, headers: [String] = [], connectTimeout: Int = 20_000) -> TransferID {
        start(TransferTarget(url: url, headers: []), headers: headers, connectTimeout: connectTimeout)
    }

    /// What was told of a transfer by its end.
    func finished(_ id: TransferID) -> Told? {
        told.wait { $0[id]?.end != nil } ? told.now[id] : nil
    }

    func statistics() -> LoopStatistics? { perform { $0.statistics } }

    private final class Driver: LoopDriver, @unchecked Sendable {
        // Unchecked: all it shares guards itself.
        let told: Watched<[TransferID: Told]>
        let wakes: Watched<Int>
        let tasks: Watched<[Task]>
        let resumesAtOnce: Bool
        let takesBody: @Sendable (TransferID, Int) -> Bool
        // Of the loop's thread alone.
        var refused: [TransferID] = []

        init(
            told: Watched<[TransferID: Told]>, wakes: Watched<Int>, tasks: Watched<[Task]>, resumesAtOnce: Bool,
            takesBody: @escaping @Sendable (TransferID, Int) -> Bool
        ) {
            self.told = told
            self.wakes = wakes
            self.tasks = tasks
            self.resumesAtOnce = resumesAtOnce
            self.takesBody = takesBody
        }

        func transferConnected(_ transfer: TransferID, _ connection: TransferConnection) {
            told.change { $0[transfer, default: Told()].connections.append(connection) }
        }

        func transferReceivedHead(_ transfer: TransferID, status: Int, rawHeaders: [UInt8]) {
            told.change {
                $0[transfer, default: Told()].order += "h"
                $0[transfer, default: Told()].status = status
                $0[transfer, default: Told()].rawHeaders = rawHeaders
            }
        }

        func transferReceivedBody(_ transfer: TransferID, _ bytes: UnsafeRawBufferPointer) -> Bool {
            let isTaken = takesBody(transfer, bytes.count)
            told.change {
                if isTaken {
                    if $0[transfer]?.order.last != "b" { $0[transfer, default: Told()].order += "b" }
                    $0[transfer, default: Told()].body.append(contentsOf: bytes)
                } else {
                    $0[transfer, default: Told()].refusals += 1
                }
            }
            if !isTaken { refused.append(transfer) }
            return isTaken
        }

        func transferEnded(_ transfer: TransferID, _ end: TransferEnd) {
            told.change {
                $0[transfer, default: Told()].order += "e"
                $0[transfer, default: Told()].end = end
            }
        }

        func loopWoken() {
            wakes.change { $0 += 1 }
        }

        func loopTurned(_ loop: EventLoop, now: Int64) -> Int64? {
            let due = tasks.change { tasks in
                defer { tasks = [] }
                return tasks
            }
            for task in due { task(loop) }
            if resumesAtOnce { for transfer in refused { loop.resume(transfer) } }
            refused = []
            return nil
        }
    }
}
