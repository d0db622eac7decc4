import Glibc
public import HedgeCore
public import HedgeJSON
public import HedgeProviders
import HedgeTransport
import Synchronization

/// A router as the C edge sees it: every method may be called from any thread.
public final class Router: @unchecked Sendable {
    private enum Life {
        case open
        case closed
    }

    private let seat: LoopSeat
    private let mailbox: Mailbox
    private let queue: EventQueue
    private let inFlight = InFlight()
    private let engine: Engine
    private let log: LogSink
    private let life = Mutex<Life>(.open)
    private let isClosed = Atomic<Bool>(false)

    /// The table new requests are checked against; the loop gets every new one through its mailbox.
    private let table: Mutex<RoutingTable>
    private let registry: Mutex<DeploymentRegistry>
    private let nextRequest = Atomic<UInt64>(1)

    // Guarded by `life`.
    private var loopThread: LibraryThread?
    private var deliveryThread: LibraryThread?

    private let isPolling = Atomic<Bool>(false)
    /// What the last poll handed out; touched only by whoever holds `isPolling`.
    private var handedOut: [QueuedEvent] = []

    /// Called with the handle of every request whose END was taken, or that will get none.
    private let retire: @Sendable (UInt64) -> Void

    /// The process this router belongs to, as told by ``ForkGuard``.
    public let forkGeneration = ForkGuard.current

    /// A router with its loop running.
    ///
    /// `retire` is called once for each request that is not pulled, when its handle has become stale. `records` takes
    /// the attempt log of each request that ended, on the loop's thread.
    public init(
        configuration: RouterConfiguration, log: LogSink, records: RecordSink? = nil,
        retire: @escaping @Sendable (UInt64) -> Void
    ) throws(RouterError) {
        let loop: EventLoop
        do throws(EventLoop.SetupError) {
            loop = try EventLoop()
        } catch {
            throw RouterError(.noMemory, error.message)
        }
        guard let seat = LoopSeat(loop: loop, inFlight: inFlight) else {
            throw RouterError(.noMemory, "no descriptor could be had")
        }
        self.seat = seat
        queue = EventQueue(seat: seat)
        var registry = DeploymentRegistry()
        let table = RoutingTable(configuration, registry: &registry)
        self.registry = Mutex(registry)
        self.table = Mutex(table)
        self.log = log
        self.retire = retire
        mailbox = Mailbox(seat: seat)
        let seed = configuration.seed ?? UInt64.random(in: .min ... .max)
        engine = Engine(
            table: table, seed: seed, mailbox: mailbox, queue: queue, inFlight: inFlight, log: log, records: records)
        // From here on only the holder of the seat uses the engine, until the thread has ended.
        nonisolated(unsafe) let engine = engine
        guard let thread = LibraryThread(name: "hr-loop", { seat.run(engine) }) else {
            throw RouterError(.noMemory, "no thread could be started")
        }
        loopThread = thread
        for warning in configuration.warnings { log.write(.configurationWarning(warning)) }
    }

    // MARK: Configuration

    /// Replaces the configuration for requests to come.
    public func reload(_ configuration: RouterConfiguration) throws(RouterError) {
        try checkOpen()
        // One lock over both, so that two reloads reach the loop in the order they took effect.
        registry.withLock { registry in
            let made = RoutingTable(configuration, registry: &registry)
            table.withLock { $0 = made }
            mailbox.post(.reload(made))
        }
        for warning in configuration.warnings { log.write(.configurationWarning(warning)) }
    }

    // MARK: Requests

    /// How a request is to be made.
    public struct SubmitOptions: ~Copyable, Sendable {
        /// Whether the program pulls its events one request at a time.
        public var isPulled = false
        /// The deadline, counted from the submission; nil as configured.
        public var timeout: Interval?
        /// The program's pointer and its finalizer.
        public var userData = UserData.none
        /// What the request asked to do differently.
        public var overrides = RequestOverrides()
        /// Names of the model groups to go on to; nil as configured.
        public var fallbacks: [String]?
        /// What is asked for.
        public var operation = HedgeProviders.Operation.chat
        /// Whether providers are asked to stream for a caller that does not; nil as configured.
        public var streamsUpstream: Bool?
        /// The caller's `traceparent`, as given.
        public var traceParent: String?
        /// The caller's `tracestate`, as given; without a valid `traceParent` it means nothing.
        public var traceState: String?

        /// Creates one with the defaults.
        public init() {}
    }

    /// Reads and checks a request; nothing is sent before ``start(_:handle:)``.
    public func prepare(
        _ document: UnsafeRawBufferPointer, options: borrowing SubmitOptions
    ) throws(RouterError) -> PreparedRequest {
        try checkOpen()
        let table = table.withLock { $0 }
        guard document.count <= table.limits.maxRequestBytes else {
            throw RouterError(
                .limit, "the request is \(document.count) bytes; the limit is \(table.limits.maxRequestBytes)")
        }
        let chat: ChatRequest
        do throws(RequestError) {
            chat = try ChatRequest(
                parsing: document, operation: options.operation,
                streamsUpstream: options.streamsUpstream ?? table.limits.streamsUpstream)
        } catch {
            throw RouterError(error)
        }
        guard let group = table.groups[chat.model] else {
            throw RouterError(unknownModel: chat.model, known: table)
        }
        let overrides = try table.overrides(options)
        let objections = table.objections(to: chat, in: group, overrides)
        guard !objections.isEveryone else { throw RouterError(objections.all) }
        let state = RequestState(
            id: RequestID(rawValue: nextRequest.add(1, ordering: .relaxed).oldValue), mailbox: mailbox,
            pauseAbove: table.limits.maxBufferedBytes, isPulled: options.isPulled, userData: options.userData,
            forkGeneration: forkGeneration)
        var traits = RequestTraits(
            group: group.id, isStream: chat.streamsUpstream, promptBytes: chat.promptBytes,
            overrides: overrides)
        traits.ineligible = objections.all.map(\.deployment.id)
        traits.deadline = options.timeout.map { Instant(nanoseconds: state.submittedAt) + $0 }
        let trace = options.traceParent.flatMap(TraceContext.init)
        if options.traceParent != nil, trace == nil { log.write(.traceIgnored("traceparent")) }
        let traceState = trace == nil ? nil : options.traceState.flatMap(TraceState.init)
        if options.traceState != nil, traceState == nil { log.write(.traceIgnored("tracestate")) }
        return PreparedRequest(
            submission: Submission(
                state: state, chat: chat, traits: traits, objections: objections.all, trace: trace,
                traceState: traceState),
            limit: table.limits.maxQueuedRequests)
    }

    /// Starts a prepared request under the handle the program knows it by.
    public func start(_ prepared: PreparedRequest, handle: UInt64) throws(RouterError) {
        guard inFlight.enter(limit: prepared.limit) else {
            if inFlight.refusesRequests { throw RouterError(.closed, "the router is draining") }
            throw RouterError(.limit, "\(prepared.limit) requests are in flight, which is the limit")
        }
        prepared.submission.state.handle = handle
        guard mailbox.post(.submit(prepared.submission)) else {
            inFlight.leave()
            throw RouterError(.closed)
        }
    }

    // MARK: Events

    /// Hands up to 64 events to `handler` one by one and returns how many; a true return cancels the event's request.
    ///
    /// `handler` may close the router; it is then not called again.
    public func dispatch(timeoutMilliseconds: Int64, _ handler: (QueuedEvent) -> Bool) throws(RouterError) -> Int {
        try refuseBesideDeliveryThread()
        return try takeEvents(capacity: 64, deadline: MonotonicDeadline(inMilliseconds: timeoutMilliseconds)) {
            deliver($0, to: handler)
        }
    }

    private func deliver(_ events: [QueuedEvent], to handler: (QueuedEvent) -> Bool) -> Int {
        var delivered = 0
        for var event in events {
            // A request is known until its own END is handed over, whatever else the batch holds.
            retireIfEnd(event)
            guard !isClosed.load(ordering: .acquiring) else { continue }
            if event.request.isRejected {
                // What was already on its way when the program had enough; it ends as if it had been cancelled in time.
                guard case .end = event.kind else { continue }
                event.failure = event.failure ?? RequestFailureDetails(RouterError(.callback))
            }
            if handler(event) {
                event.request.isRejected = true
                event.request.cancel(.callback)
            }
            delivered += 1
        }
        return delivered
    }

    /// Takes up to `capacity` events of the router's queue and passes them to `body`; their data lives until the next
    /// call.
    public func poll<Result>(
        capacity: Int, timeoutMilliseconds: Int64, _ body: ([QueuedEvent]) -> Result
    ) throws(RouterError) -> Result {
        try refuseBesideDeliveryThread()
        return try takeEvents(capacity: capacity, deadline: MonotonicDeadline(inMilliseconds: timeoutMilliseconds)) {
            for index in $0.indices where $0[index].kind == .end { retire($0[index].request.handle) }
            return body($0)
        }
    }

    private func refuseBesideDeliveryThread() throws(RouterError) {
        guard deliveryThread == nil else {
            throw RouterError(.busy, "a delivery thread takes this router's events")
        }
    }

    private func takeEvents<Result>(
        capacity: Int, deadline: MonotonicDeadline, _ body: ([QueuedEvent]) -> Result
    ) throws(RouterError) -> Result {
        try checkOpen()
        guard !isPolling.exchange(true, ordering: .acquiring) else { throw RouterError(.busy) }
        defer { isPolling.store(false, ordering: .releasing) }
        releaseHandedOut()
        switch queue.take(capacity, until: deadline) {
        case .closed:
            throw RouterError(.closed)
        case .nothing:
            return body([])
        case .events(let events):
            handedOut = events
            // By index: a copy of an event counts its references.
            for index in events.indices where events[index].kind == .chunk {
                events[index].request.countTaken(events[index].count)
            }
            return body(events)
        }
    }

    /// Ends the life of what the previous poll handed out.
    private func releaseHandedOut() {
        for index in handedOut.indices where handedOut[index].kind == .end {
            handedOut[index].request.userData.release()
        }
        handedOut.removeAll(keepingCapacity: true)
    }

    private func retireIfEnd(_ event: QueuedEvent) {
        if case .end = event.kind { retire(event.request.handle) }
    }

    /// Starts a thread that passes every event to `handler`; a true return cancels the event's request.
    public func startDelivery(_ handler: @escaping @Sendable (QueuedEvent) -> Bool) throws(RouterError) {
        let thread = LibraryThread(name: "hr-delivery") { [self] in
            while true {
                do throws(RouterError) {
                    _ = try takeEvents(capacity: 64, deadline: .never) { deliver($0, to: handler) }
                } catch {
                    return
                }
            }
        }
        guard let thread else { throw RouterError(.noMemory, "no thread could be started") }
        deliveryThread = thread
    }

    /// A descriptor that is readable while events wait.
    public func readinessDescriptor() throws(RouterError) -> Int32 {
        try checkOpen()
        guard let descriptor = queue.readinessDescriptor() else {
            throw RouterError(.noMemory, "no descriptor could be had")
        }
        return descriptor
    }

    /// Ends a poll in progress, or the next one.
    public func wake() throws(RouterError) {
        try checkOpen()
        queue.wake()
    }

    // MARK: Insight

    /// The router's statistics as a JSON object.
    public func statistics() throws(RouterError) -> [UInt8] {
        try ask { .query($0) }.json()
    }

    /// The router's metrics as text.
    public func metrics(_ format: MetricsFormat) throws(RouterError) -> HeapText {
        try ask { .query($0) }.metrics(format)
    }

    /// What was learnt of the configured deployments, as a ``StateDocument``.
    public func saveState() throws(RouterError) -> [UInt8] {
        try ask { .save($0) }.document.json()
    }

    /// Takes over what a ``StateDocument`` knows of the configured deployments; one that is not valid changes nothing.
    public func loadState(_ document: UnsafeRawBufferPointer) throws(RouterError) {
        try checkOpen()
        let document = try StateDocument(reading: document)
        let load = try ask { .load(document, $0) }
        log.write(.stateLoaded(load))
    }

    /// Asks the loop and waits for its answer, one turn of the loop.
    private func ask<Answer>(_ question: (LoopReply<Answer>) -> Command) throws(RouterError) -> Answer {
        try checkOpen()
        let reply = LoopReply<Answer>()
        guard mailbox.post(question(reply)), let answer = reply.wait() else { throw RouterError(.closed) }
        return answer
    }

    // MARK: End

    /// Refuses new requests and waits for those in flight.
    public func drain(timeoutMilliseconds: Int64) throws(RouterError) {
        try checkOpen()
        inFlight.refuseNew()
        guard inFlight.waitUntilIdle(MonotonicDeadline(inMilliseconds: timeoutMilliseconds)) else {
            throw RouterError(.timeout, "\(inFlight.current) requests are still in flight")
        }
        try checkOpen()
    }

    /// Ends everything; idempotent. From the delivery thread it leaves that thread to end by itself.
    public func close() {
        let wasOpen = life.withLock { life in
            defer { life = .closed }
            return life == .open
        }
        guard wasOpen else { return }
        isClosed.store(true, ordering: .releasing)
        var undelivered = queue.closeAndDrain()
        seat.stop()
        loopThread?.join()
        // What the loop still added until it ended: only the requests without an END are left in the engine.
        undelivered += queue.closeAndDrain()
        if let deliveryThread {
            if deliveryThread.isCurrent { deliveryThread.detach() } else { deliveryThread.join() }
        }
        for request in engine.abandonRequests() where request.pullQueue == nil { abandon(request) }
        for event in undelivered {
            if case .end = event.kind { abandon(event.request) }
        }
        for command in mailbox.close() { abandon(command) }
        inFlight.abandon()
    }

    /// Ends what a command the loop never took stands for.
    private func abandon(_ command: Command) {
        switch command {
        case .submit(let submission):
            _ = submission.state.pullQueue?.closeAndDrain()
            if submission.state.pullQueue == nil { abandon(submission.state) }
        case .query(let reply):
            reply.abandon()
        case .save(let reply):
            reply.abandon()
        case .load(_, let reply):
            reply.abandon()
        case .cancel, .resume, .reload:
            break
        }
    }

    private func abandon(_ request: RequestState) {
        retire(request.handle)
        request.userData.release()
    }

    private func checkOpen() throws(RouterError) {
        if isClosed.load(ordering: .acquiring) { throw RouterError(.closed) }
    }
}

/// A request that was read and checked and can be started.
public struct PreparedRequest: Sendable {
    let submission: Submission
    let limit: Int

    /// What the program's handle will stand for.
    public var state: RequestState { submission.state }

    /// Whether the answer streams.
    public var isStream: Bool { submission.chat.isStream }
}

extension RouterError {
    /// The name itself stays out of the message: whatever was put there by mistake is no one else's business.
    init(unknownModel name: String, known table: RoutingTable) {
        var message = "the configuration has no model group of this name"
        if let nearest = NearestName.find(name, in: Array(table.groups.keys)) {
            message += ", did you mean \"\(nearest)\"?"
        }
        self.init(.noModel, message, path: "model")
    }

    /// No deployment can express the request.
    init(_ objections: [DeploymentObjection]) {
        var messages: [String] = []
        for message in objections.map(\.reason.message) where !messages.contains(message) { messages.append(message) }
        self.init(
            .invalid, messages.joined(separator: "; "), path: objections.first?.reason.fields.first ?? "")
    }

    /// What is wrong with a request document.
    init(_ error: RequestError) {
        self.init(error.isLimit ? .limit : .invalid, error.message, path: error.path)
        if let offset = error.offset { detail = Int32(clamping: offset) }
    }
}
