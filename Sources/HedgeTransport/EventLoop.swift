import CCurl
import Synchronization

/// One thread's event loop: libcurl's multi interface over a poller, and a wake-up from other threads.
///
/// One thread at a time turns the loop: "the loop's thread" is whichever does so. ``run(_:)`` does it for good;
/// ``begin(_:)``, ``turn(until:)`` and ``end()`` are its parts, for threads that take turns under a lock of their own.
/// All other methods but ``wake()`` and ``stop()`` are called on that thread, from inside
/// ``LoopDriver/loopTurned(_:now:)``.
public final class EventLoop: @unchecked Sendable {
    // Unchecked: only the loop's thread touches anything here but the atomics and the poller's signal.

    /// Resources of the system could not be had.
    public struct SetupError: Error, Sendable {
        /// One line without keys, prompts or answers.
        public var message: String
    }

    /// What ``wake()`` and the loop tell each other, in one atomic byte.
    private enum Signal {
        /// The loop is about to wait, or waits.
        static let sleeping: UInt8 = 1
        /// There was a wake-up that the driver has not been told of.
        static let pending: UInt8 = 2
    }

    /// A time that never comes.
    public static let never = Int64.max

    /// What this loop has done so far. Read on the loop's thread, or after ``run(_:)`` has returned.
    public var statistics: LoopStatistics {
        var statistics = counts
        statistics.internalErrors &+= multi.refusals
        return statistics
    }

    let multi: CurlMulti
    private let poller: SystemPoller
    private let signals = Atomic<UInt8>(0)
    private let stopMark = Atomic<Bool>(false)
    private let wasRun = Atomic<Bool>(false)

    private var counts = LoopStatistics()
    // Unsafe, and so without counting references for each piece of a body: whoever begins keeps the driver.
    private unowned(unsafe) var driver: (any LoopDriver)?
    private var inFlight: [TransferID: Exchange] = [:]
    private var pools: [ObjectIdentifier: TargetPool] = [:]
    private var resuming: [Exchange] = []
    /// Local ports of connections on which streams were reset since they were last flushed.
    private var unflushed: [Int] = []
    /// Transfers that could not be started, to be told of in the next turn.
    private var stillborn: [(TransferID, TransferFailure)] = []
    /// When the driver wants the loop to turn.
    private var driverDue = EventLoop.never
    private var isClosed = false
    /// Whether the driver knows that TLS is used.
    private var hasToldTLS = false
    /// Whether the driver has been told something since it last saw the loop turn.
    private var hasNews = true

    /// Creates one with the defaults.
    public init() throws(SetupError) {
        if let problem = CurlLibrary.problem { throw SetupError(message: problem) }
        poller = try SystemPoller()
        multi = try CurlMulti(poller)
    }

    deinit {
        close()
    }

    // MARK: Any thread

    /// Makes the loop turn, from any thread. Wake-ups that come together are one.
    public func wake() {
        let before = signals.bitwiseOr(Signal.pending, ordering: .acquiringAndReleasing).oldValue
        // A loop that is not asleep looks before it sleeps; one that was woken already is on its way.
        if before == Signal.sleeping { poller.signal() }
    }

    /// Makes ``run(_:)`` return, from any thread. Transfers in flight are closed without being told.
    public func stop() {
        stopMark.store(true, ordering: .releasing)
        wake()
    }

    /// Whether ``stop()`` was called.
    public var isStopped: Bool { stopMark.load(ordering: .acquiring) }

    /// Whether the next turn has a wake-up to tell of.
    public var isWoken: Bool { signals.load(ordering: .sequentiallyConsistent) & Signal.pending != 0 }

    /// The monotonic clock of this loop, in nanoseconds.
    public static func now() -> Int64 { monotonicNanoseconds() }

    // MARK: The loop

    /// Turns until ``stop()``, and closes everything before it returns; a loop runs once.
    ///
    /// Blocks every signal in the calling thread, for good: libcurl may have left a SIGPIPE pending that must not be
    /// delivered to the program.
    public func run(_ driver: any LoopDriver) {
        guard begin(driver) else { return }
        blockSignals()
        withExtendedLifetime(driver) {
            while !isStopped { turn() }
            end()
        }
    }

    /// Tells what the loop is to drive, which must live until ``end()``; false when it did so before.
    public func begin(_ driver: any LoopDriver) -> Bool {
        guard !wasRun.exchange(true, ordering: .acquiringAndReleasing) else { return false }
        self.driver = driver
        return true
    }

    /// Closes everything. The loop turns no more.
    public func end() {
        driver?.loopWillSleep()
        driver = nil
        close()
    }

    /// When the loop must turn next at the latest, for want of anything else; in the past when there is work to do.
    public var due: Int64 {
        if hasNews || !stillborn.isEmpty || isWoken { return 0 }
        return min(multi.due ?? Self.never, driverDue)
    }

    /// Whether the loop must turn now.
    public var isDue: Bool {
        let due = due
        // What is due at once needs no look at the clock.
        return due <= 0 || due < Self.never && due <= Self.now()
    }

    /// Waits until something is ready or due, at most until `limit`, and has all of it done.
    public func turn(until limit: Int64 = EventLoop.never) {
        guard let driver else { return }
        work(driver, ready: wait(driver, limit))
    }

    /// Has everything done that is due or asked for, without a look at what is ready: for a thread that only wants
    /// something sent.
    public func work() {
        guard let driver else { return }
        work(driver, ready: 0)
    }

    private func work(_ driver: any LoopDriver, ready: Int) {
        let isWoken = signals.exchange(0, ordering: .acquiringAndReleasing) & Signal.pending != 0
        let now = Self.now()
        counts.turns &+= 1
        multi.act(on: ready)
        multi.runTimer(now)
        tellEnds()
        if isWoken { driver.loopWoken() }

        hasNews = false
        // The time has moved on while the driver was told of everything.
        driverDue = driver.loopTurned(self, now: Self.now()) ?? Self.never

        // What the driver asked for goes out before the loop sleeps.
        applyResumes()
        flushResets()
        multi.runTimer(now)
        tellEnds()
    }

    /// Sleeps until something is ready or due. Returns how many descriptors are ready.
    private func wait(_ driver: any LoopDriver, _ limit: Int64) -> Int {
        if hasNews || !stillborn.isEmpty { return poller.wait(nanoseconds: 0) }
        let due = min(multi.due ?? Self.never, driverDue, limit)
        let pause = due == Self.never ? nil : max(0, due.clampedSubtracting(Self.now()))
        if pause == 0 { return poller.wait(nanoseconds: 0) }
        if driver.isHoldingBack {
            let ready = poller.wait(nanoseconds: 0)
            if ready > 0 { return ready }
            driver.loopWillSleep()
        }
        let before = signals.bitwiseOr(Signal.sleeping, ordering: .acquiringAndReleasing).oldValue
        return poller.wait(nanoseconds: before & Signal.pending != 0 ? 0 : pause)
    }

    // MARK: Transfers

    /// Starts a transfer. What can fail is told through ``LoopDriver/transferEnded(_:_:)``, in a later turn.
    public func start(_ transfer: TransferID, _ request: TransferRequest) {
        guard !isClosed, inFlight[transfer] == nil else {
            counts.internalErrors &+= 1
            return
        }
        counts.started &+= 1
        guard let pool = pool(for: request.target) else { return fail(transfer, CURLE_OUT_OF_MEMORY, "Out of memory") }
        if let problem = pool.problem ?? request.headers.lazy.compactMap(HeaderList.problem).first {
            return fail(transfer, CURLE_BAD_FUNCTION_ARGUMENT, problem)
        }
        guard let exchange = pool.take(for: self) else {
            return fail(transfer, CURLE_FAILED_INIT, "No transfer could be set up for this target")
        }
        let code = exchange.prepare(transfer, request)
        guard code == CURLE_OK else {
            pool.giveBack(exchange)
            return fail(transfer, code, "The transfer could not be set up")
        }
        guard multi.add(exchange) else {
            pool.giveBack(exchange)
            return fail(transfer, CURLE_FAILED_INIT, "The transfer could not be added")
        }
        inFlight[transfer] = exchange
        multi.makeRoom(forTransfers: inFlight.count)
    }

    /// Closes a transfer: the HTTP/1.1 connection, or the HTTP/2 stream. Nothing more is told of it. Harmless for a
    /// transfer that has ended.
    public func cancel(_ transfer: TransferID) {
        guard let exchange = inFlight.removeValue(forKey: transfer) else {
            stillborn.removeAll { $0.0 == transfer }
            return
        }
        counts.cancelled &+= 1
        guard exchange.pool.maySpeakHTTP2 else { return release(exchange) }
        if exchange.localPort > 0 { unflushed.append(exchange.localPort) }
        exchange.closesConnection(true)
        release(exchange)
        exchange.closesConnection(false)
    }

    /// Reads on from a transfer that was stopped by returning false; before the loop sleeps, and not inside this call.
    public func resume(_ transfer: TransferID) {
        guard let exchange = inFlight[transfer], exchange.isPaused, !exchange.isResumeDue else { return }
        exchange.isResumeDue = true
        resuming.append(exchange)
    }

    /// Forgets what was kept ready for targets that are not in use any more. Their transfers in flight go on.
    public func forgetTargets(except kept: [TransferTarget]) {
        let kept = Set(kept.map(ObjectIdentifier.init))
        for (identity, pool) in pools where !kept.contains(identity) {
            pool.close()
            pools[identity] = nil
        }
    }

    private func pool(for target: TransferTarget) -> TargetPool? {
        if let pool = pools[ObjectIdentifier(target)] { return pool }
        // The pool keeps the target, so that no other can come to have the same identity.
        guard let pool = TargetPool(target) else { return nil }
        if target.mayUseTLS, !hasToldTLS {
            hasToldTLS = true
            driver?.loopWillUseTLS()
        }
        pools[ObjectIdentifier(target)] = pool
        return pool
    }

    private func fail(_ transfer: TransferID, _ code: CURLcode, _ message: String) {
        let code = Int32(truncatingIfNeeded: code.rawValue)
        stillborn.append((transfer, TransferFailure(kind: .other, code: code, message: message)))
    }

    /// Takes the handle out of libcurl, which closes what is unfinished, and gives it back.
    private func release(_ exchange: Exchange) {
        let connects = chr_easy_get_long(exchange.easy, CURLINFO_NUM_CONNECTS)
        if connects > 0 {
            counts.connectionsOpened &+= UInt64(connects)
        } else if chr_easy_get_offset(exchange.easy, CURLINFO_PRETRANSFER_TIME_T) > 0 {
            counts.connectionsReused &+= 1
        }
        multi.remove(exchange)
        exchange.pool.giveBack(exchange)
    }

    private func applyResumes() {
        guard !resuming.isEmpty else { return }
        let due = resuming
        resuming.removeAll(keepingCapacity: true)
        // One that was cancelled meanwhile is not due any more.
        for exchange in due where exchange.isResumeDue {
            exchange.isResumeDue = false
            exchange.isPaused = false
            // Gives what was held back to the driver, which may refuse it again.
            let code = curl_easy_pause(exchange.easy, CURLPAUSE_CONT)
            if code != CURLE_OK { end(exchange, code) }
        }
    }

    /// Sends the RST_STREAM of what was cancelled on connections that other transfers share.
    ///
    /// libcurl 7.88 leaves it in a buffer until the connection is next written to, and the server would go on
    /// generating meanwhile. A connection that nobody shares is closed instead.
    private func flushResets() {
        guard !unflushed.isEmpty else { return }
        for exchange in inFlight.values where exchange.pool.maySpeakHTTP2 && !exchange.isPaused {
            guard let found = unflushed.firstIndex(of: exchange.localPort) else { continue }
            unflushed.remove(at: found)
            exchange.flush()
            if unflushed.isEmpty { return }
        }
        unflushed.removeAll(keepingCapacity: true)
    }

    private func close() {
        if isClosed { return }
        isClosed = true
        counts.cancelled &+= UInt64(inFlight.count)
        for exchange in inFlight.values { release(exchange) }
        inFlight.removeAll()
        resuming.removeAll()
        stillborn.removeAll()
        for pool in pools.values { pool.close() }
        pools.removeAll()
        multi.close()
    }

    // MARK: Telling the driver

    private func tellEnds() {
        if !stillborn.isEmpty {
            let failures = stillborn
            stillborn.removeAll()
            for (transfer, failure) in failures { tellEnd(transfer, .failed(failure)) }
        }
        while let (exchange, code) = multi.nextEnded() { end(exchange, code) }
    }

    private func end(_ exchange: Exchange, _ code: CURLcode) {
        let transfer = exchange.transfer
        let end: TransferEnd
        if let failure = exchange.brokenOff {
            end = .failed(failure)
        } else if code != CURLE_OK {
            end = .failed(TransferFailure(code, of: exchange))
        } else if !exchange.head.isComplete {
            end = .failed(TransferFailure(kind: .closedEarly, code: 0, message: "The response ended within its head"))
        } else {
            end = .complete
        }
        inFlight[transfer] = nil
        release(exchange)
        tellEnd(transfer, end)
    }

    private func tellEnd(_ transfer: TransferID, _ end: TransferEnd) {
        switch end {
        case .complete: counts.completed &+= 1
        case .failed: counts.failed &+= 1
        }
        hasNews = true
        driver?.transferEnded(transfer, end)
    }

    func tellHead(of exchange: Exchange) {
        hasNews = true
        guard let driver else { return }
        let connection = TransferConnection(
            isNew: chr_easy_get_long(exchange.easy, CURLINFO_NUM_CONNECTS) > 0,
            readyMicroseconds: Int64(chr_easy_get_offset(exchange.easy, CURLINFO_PRETRANSFER_TIME_T))
        )
        exchange.pool.learn(httpVersion: chr_easy_get_long(exchange.easy, CURLINFO_HTTP_VERSION))
        driver.transferConnected(exchange.transfer, connection)
        driver.transferReceivedHead(exchange.transfer, status: exchange.head.status, rawHeaders: exchange.head.lines)
    }

    func tellBody(of exchange: Exchange, _ bytes: UnsafeRawBufferPointer) -> Bool {
        hasNews = true
        return driver?.transferReceivedBody(exchange.transfer, bytes) ?? true
    }
}
