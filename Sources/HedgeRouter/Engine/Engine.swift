import DequeModule
import HedgeCore
import HedgeJSON
import HedgeProviders
import HedgeTransport

/// The loop's side of a router: turns commands and what happens to transfers into events for the core, and the core's
/// actions into transfers and events for the program. Everything here runs on the thread that turns the loop,
/// of which there is one at a time.
final class Engine {
    private(set) var core: RouterCore
    private(set) var table: RoutingTable
    private let mailbox: Mailbox
    private let queue: EventQueue
    private let inFlight: InFlight
    private let log: LogSink
    private let records: RecordSink?
    /// What is counted of attempts and requests beside the core.
    private(set) var evidence = EvidenceLedger()

    private var requests: [RequestID: RequestRecord] = [:]
    private var attempts: [AttemptID: AttemptRecord] = [:]

    // Buffers kept from one turn to the next.
    private var commands: [Command] = []
    private var actions: [Action] = []
    private var performing: [Action] = []
    private var output = DecodedOutput()
    private var outbox: [QueuedEvent] = []
    /// Queues of single requests that got events nobody was told of.
    private var unannounced: [EventQueue] = []
    /// When the first of the events was made that the program was not told of, while there are any.
    private var heldSince: Int64 = 0
    /// Threads that were given something and sleep on.
    private var wakings: [Waking] = []
    private var hasWokenSleeper = false

    /// Transfers to close, and to read on from, when no callback of the loop is under way.
    private var transfersToCancel: [TransferID] = []
    private var transfersToResume: [TransferID] = []
    /// Attempts with a part of their request left to send.
    private var attemptsToContinue: [AttemptRecord] = []
    /// Transfers whose answer is complete and whose end is still awaited, so that the connection can be used again.
    private var lingering: Deque<Lingering> = []
    private var mustForgetTargets = false

    /// What became of the histories of every state document loaded.
    private var loads = StateLoads()

    /// Attempts that ended in a way their decoder should have made impossible.
    private(set) var defects: UInt64 = 0

    private struct Lingering {
        var transfer: TransferID
        var due: Int64
    }

    /// How long a transfer may take to end after its answer is complete before it is closed.
    private static let lingerNanoseconds: Int64 = 1_000_000_000
    /// How long events may wait for those of the next turns. Waking a thread costs more than a chunk does, so what
    /// the loop finds ready before it sleeps is handed out together.
    private static let holdNanoseconds: Int64 = 50_000
    /// How much an attempt may produce without a single token.
    private static let maxPendingBytes = 4 << 20

    init(
        table: RoutingTable, seed: UInt64, mailbox: Mailbox, queue: EventQueue, inFlight: InFlight, log: LogSink,
        records: RecordSink? = nil
    ) {
        core = RouterCore(configuration: table.core, seed: seed)
        self.table = table
        self.mailbox = mailbox
        self.queue = queue
        self.inFlight = inFlight
        self.log = log
        self.records = records
    }

    /// Ends everything in flight without an event; returns the requests the program still holds handles of.
    func abandonRequests() -> [RequestState] {
        let states = requests.values.map(\.state)
        for request in requests.values {
            for attempt in request.attempts { attempt.request = nil }
            _ = request.state.pullQueue?.closeAndDrain()
        }
        requests.removeAll()
        attempts.removeAll()
        return states
    }
}

// MARK: - Events of the loop

extension Engine: LoopDriver {
    func loopWoken() {
        mailbox.take(into: &commands)
        for command in commands { handle(command, now: EventLoop.now()) }
        commands.removeAll(keepingCapacity: true)
    }

    func transferReceivedHead(_ transfer: TransferID, status: Int, rawHeaders: [UInt8]) {
        guard let attempt = attempts[AttemptID(rawValue: transfer.rawValue)], attempt.isRunning else { return }
        attempt.httpStatus = Int32(clamping: status)
        attempt.decoder.begin(
            ResponseHead(status: status, rawHeaders: rawHeaders, receivedAt: wallClockSeconds()))
    }

    func transferReceivedBody(_ transfer: TransferID, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let attempt = attempts[AttemptID(rawValue: transfer.rawValue)], attempt.isRunning else { return true }
        let now = EventLoop.now()
        if let request = attempt.request, request.winner === attempt, request.state.mustPause() {
            attempt.isPaused = true
            core.handle(.paused(attempt.id), at: Instant(nanoseconds: now), into: &actions)
            return false
        }
        attempt.bytesReceived &+= bytes.count
        output.removeAll()
        attempt.decoder.decode(bytes.bindMemory(to: UInt8.self).span, into: &output)
        take(output, from: attempt, now: now)
        return true
    }

    func transferEnded(_ transfer: TransferID, _ end: TransferEnd) {
        let id = AttemptID(rawValue: transfer.rawValue)
        guard let attempt = attempts.removeValue(forKey: id), attempt.isRunning else { return }
        let now = EventLoop.now()
        switch end {
        case .complete:
            finishDecoding(attempt, now: now)
        case .failed where attempt.httpStatus >= 400:
            // The provider had already said what is wrong, only not to the end.
            finishDecoding(attempt, now: now)
        case .failed(let failure):
            let failure = AttemptFailure(
                failure, deployment: attempt.deployment.key, hasAnswer: attempt.bytesReceived > 0)
            fail(attempt, failure, now: now)
        }
    }

    func loopTurned(_ loop: EventLoop, now: Int64) -> Int64? {
        closeOverdueTransfers(now)
        if let due = core.nextDeadline?.nanoseconds, due <= now {
            core.handle(.timeReached, at: Instant(nanoseconds: now), into: &actions)
        }
        if !attemptsToContinue.isEmpty {
            for attempt in attemptsToContinue { sendNextPart(of: attempt, loop: loop, now: now) }
            attemptsToContinue.removeAll(keepingCapacity: true)
        }
        while !actions.isEmpty {
            swap(&actions, &performing)
            for action in performing { perform(action, loop: loop, now: now) }
            performing.removeAll(keepingCapacity: true)
        }
        if !transfersToCancel.isEmpty {
            for transfer in transfersToCancel { loop.cancel(transfer) }
            transfersToCancel.removeAll(keepingCapacity: true)
        }
        if !transfersToResume.isEmpty {
            for transfer in transfersToResume { loop.resume(transfer) }
            transfersToResume.removeAll(keepingCapacity: true)
        }
        handOutWhatIsDue(now)
        if mustForgetTargets {
            mustForgetTargets = false
            loop.forgetTargets(except: table.targets)
        }
        let dues = (core.nextDeadline?.nanoseconds, lingering.first?.due)
        switch dues {
        case (let core?, let linger?): return min(core, linger)
        case (let core, let linger): return core ?? linger
        }
    }

    var isHoldingBack: Bool { hasEventsToHandOut || !wakings.isEmpty }

    private var hasEventsToHandOut: Bool { !outbox.isEmpty || !unannounced.isEmpty }

    func loopWillSleep() {
        handOut()
        guard !wakings.isEmpty else { return }
        for waking in wakings { waking.perform() }
        wakings.removeAll(keepingCapacity: true)
        hasWokenSleeper = true
    }

    /// Puts every event where the program takes it, and wakes nobody yet.
    private func handOut() {
        heldSince = 0
        if let waking = queue.append(contentsOf: &outbox) { wakings.append(waking) }
        guard !unannounced.isEmpty else { return }
        for queue in unannounced { if let waking = queue.announce() { wakings.append(waking) } }
        unannounced.removeAll(keepingCapacity: true)
    }

    /// The threads that are to be woken for what was handed out, which the caller does before the loop sleeps.
    func takeWakings() -> [Waking] { exchange(&wakings, with: []) }

    func loopWillUseTLS() {
        mailbox.seat.expectPipeSignals()
    }

    /// Whether a thread was woken by the loop since the last call.
    func takeHasWokenSleeper() -> Bool {
        defer { hasWokenSleeper = false }
        return hasWokenSleeper
    }

    /// Whether no request waits for its first token or its answer.
    var isSettled: Bool { requests.values.allSatisfy { $0.winner != nil } }

    private func handOutWhatIsDue(_ now: Int64) {
        guard hasEventsToHandOut else { return }
        if heldSince == 0 { heldSince = now }
        // With a single attempt there is nothing to wait for.
        if attempts.count < 2 || now &- heldSince >= Self.holdNanoseconds { handOut() }
    }

    private func closeOverdueTransfers(_ now: Int64) {
        while let first = lingering.first, first.due <= now {
            lingering.removeFirst()
            let id = AttemptID(rawValue: first.transfer.rawValue)
            if attempts.removeValue(forKey: id) != nil { transfersToCancel.append(first.transfer) }
        }
    }
}

// MARK: - Commands

extension Engine {
    private func handle(_ command: Command, now: Int64) {
        let instant = Instant(nanoseconds: now)
        switch command {
        case .submit(let submission):
            let id = submission.state.id
            requests[id] = RequestRecord(submission)
            core.handle(.submitted(id, submission.traits), at: instant, into: &actions)
        case .cancel(let id, let cause):
            guard let request = requests[id] else { return }
            request.isCancelledByCallback = cause == .callback
            core.handle(.cancelled(id), at: instant, into: &actions)
        case .resume(let id):
            guard let winner = requests[id]?.winner, winner.isPaused else { return }
            winner.isPaused = false
            core.handle(.resumed(winner.id), at: instant, into: &actions)
            transfersToResume.append(TransferID(rawValue: winner.id.rawValue))
        case .reload(let table):
            self.table = table
            mustForgetTargets = true
            core.handle(.configurationReplaced(table.core), at: instant, into: &actions)
        case .query(let reply):
            reply.fulfil(
                StatisticsSnapshot(
                    core: core.report(at: instant), table: table, attemptsInFlight: attempts.count,
                    inconsistencies: core.inconsistencies &+ defects, evidence: evidence, loads: loads))
        case .save(let reply):
            reply.fulfil(
                StateSnapshot(learned: core.learned(at: instant), table: table, savedAt: wallClockMilliseconds()))
        case .load(let document, let reply):
            let load = self.load(document, at: instant)
            loads.add(load)
            reply.fulfil(load)
        }
    }
}

extension Engine {
    /// Offers each history to the deployment the current configuration has under its key.
    private func load(_ document: StateDocument, at now: Instant) -> StateLoad {
        var ids: [String: DeploymentID] = [:]
        for deployment in table.deployments.values { ids[deployment.key] = deployment.id }
        var load = StateLoad(age: document.elapsed(at: wallClockMilliseconds()))
        for entry in document.entries {
            guard let id = ids[entry.key] else {
                load.count(.unknownDeployment)
                continue
            }
            load.count(core.adopt(entry.history, of: id, elapsed: load.age, at: now))
        }
        return load
    }
}

// MARK: - What attempts produce

extension Engine {
    /// Takes what a decoder made of some bytes.
    private func take(_ output: DecodedOutput, from attempt: AttemptRecord, now: Int64) {
        guard !output.events.isEmpty else { return }
        var chunks = ChunkPacker(output)
        var hasOutput = false
        let isStream = attempt.request?.chat.streamsUpstream == true
        for event in output.events {
            switch event {
            case .chunk(let range, let isOutput):
                hasOutput = hasOutput || isOutput
                deliver(chunks.next(range), from: attempt, now: now)
                if isOutput {
                    attempt.outputBytes &+= range.count
                    attempt.isUsageCurrent = false
                }
                if isOutput, isStream { takeFirstToken(of: attempt, now: now) }
            case .progress:
                hasOutput = true
                attempt.isUsageCurrent = false
                if isStream { takeFirstToken(of: attempt, now: now) }
            case .usage(let usage):
                attempt.usage = usage
                attempt.isUsageCurrent = true
            case .completed:
                succeed(attempt, now: now)
                return
            case .failed(let failure):
                fail(attempt, AttemptFailure(failure, deployment: attempt.deployment.key), now: now)
                closeTransfer(of: attempt)
                return
            }
        }
        if hasOutput, attempt.request?.winner === attempt {
            core.handle(.progressed(attempt.id), at: Instant(nanoseconds: now), into: &actions)
        }
        if isStream, attempt.firstTokenAt == nil, attempt.pendingBytes > Self.maxPendingBytes {
            let failure = ProviderFailure(
                kind: .malformed, httpStatus: Int(attempt.httpStatus), detail: "too much framing before the first token"
            )
            fail(attempt, AttemptFailure(failure, deployment: attempt.deployment.key), now: now)
            closeTransfer(of: attempt)
        }
    }

    private func takeFirstToken(of attempt: AttemptRecord, now: Int64) {
        guard attempt.firstTokenAt == nil else { return }
        attempt.firstTokenAt = now
        evidence.change(attempt.deployment.id) {
            $0.answeredStream.add(nanoseconds: now &- attempt.startedAt)
        }
        core.handle(.firstToken(attempt.id), at: Instant(nanoseconds: now), into: &actions)
        performCommits(now: now)
    }

    /// Commits do not wait for the end of the turn: a fast server delivers megabytes in one, and only what belongs to
    /// the winner counts against the bound of what waits for the program.
    private func performCommits(now: Int64) {
        while let place = actions.firstIndex(where: \.isCommit) {
            if case .commit(let id, let winner) = actions.remove(at: place) { commit(id, winner, now: now) }
        }
    }

    private func deliver(_ chunk: PendingChunk, from attempt: AttemptRecord, now: Int64) {
        guard let request = attempt.request, request.winner === attempt else {
            attempt.pending.append(chunk)
            attempt.pendingBytes &+= chunk.count
            return
        }
        emit(chunk, from: attempt, to: request, now: now)
    }

    private func emit(_ chunk: PendingChunk, from attempt: AttemptRecord, to request: RequestRecord, now: Int64) {
        attempt.chunksDelivered &+= 1
        attempt.bytesDelivered &+= chunk.count
        request.state.countQueued(chunk.count)
        enqueue(
            QueuedEvent(
                kind: .chunk, request: request.state, storage: chunk.storage, offset: chunk.offset, count: chunk.count,
                elapsed: now &- request.state.submittedAt))
    }

    /// Takes the event over: a copy of it would count its references.
    private func enqueue(_ event: consuming QueuedEvent) {
        if let queue = event.request.pullQueue {
            queue.append(event)
            if unannounced.last !== queue { unannounced.append(queue) }
        } else {
            // The queue keeps the memory that it is given: most requests have as many events as fit here.
            if outbox.capacity == 0 { outbox.reserveCapacity(8) }
            outbox.append(event)
        }
    }

    /// Tells the decoder of a clean end and takes what that completes.
    private func finishDecoding(_ attempt: AttemptRecord, now: Int64) {
        output.removeAll()
        attempt.decoder.end(into: &output)
        take(output, from: attempt, now: now)
        guard attempt.isRunning else { return }
        if let batch = attempt.batch, batch.awaitsTransfer {
            // Still an attempt in flight, which can be cancelled before the next part goes out.
            attempts[attempt.id] = attempt
            attemptsToContinue.append(attempt)
            return
        }
        defects &+= 1
        let failure = ProviderFailure(kind: .malformed, httpStatus: Int(attempt.httpStatus))
        fail(attempt, AttemptFailure(failure, deployment: attempt.deployment.key), now: now)
    }

    private func succeed(_ attempt: AttemptRecord, now: Int64) {
        attempt.phase = .succeeded
        attempt.endedAt = now
        if attempts[attempt.id] != nil {
            lingering.append(
                Lingering(transfer: TransferID(rawValue: attempt.id.rawValue), due: now &+ Self.lingerNanoseconds))
        }
        core.handle(.attemptEnded(attempt.id, .succeeded(attempt.usage)), at: Instant(nanoseconds: now), into: &actions)
    }

    private func fail(_ attempt: AttemptRecord, _ failure: AttemptFailure, now: Int64) {
        attempt.phase = .failed(failure)
        attempt.endedAt = now
        log.write(.attemptFailed(attempt.deployment.key, failure))
        let retryAfter = failure.error.retryAfterMilliseconds
        let told = Failure(
            kind: failure.kind, retryAfter: retryAfter < 0 ? nil : .milliseconds(retryAfter),
            mayRepeat: failure.mayRepeat)
        core.handle(.attemptEnded(attempt.id, .failed(told)), at: Instant(nanoseconds: now), into: &actions)
    }

    private func closeTransfer(of attempt: AttemptRecord) {
        guard attempts.removeValue(forKey: attempt.id) != nil else { return }
        transfersToCancel.append(TransferID(rawValue: attempt.id.rawValue))
    }
}

// MARK: - Actions

extension Engine {
    private func perform(_ action: Action, loop: EventLoop, now: Int64) {
        switch action {
        case .startAttempt(let start):
            startAttempt(start, loop: loop, now: now)
        case .cancelAttempt(let id, let reason):
            cancelAttempt(id, reason, loop: loop, now: now)
        case .commit(let id, let winner):
            commit(id, winner, now: now)
        case .finish(let id, let outcome):
            finish(id, outcome, now: now)
        case .note(let id, let note):
            requests[id]?.add(note)
            if case .fellBack(let group, _) = note { requests[id]?.groupNames[group] = table.groupNames[group] }
        case .healthChanged(let id, let change):
            guard let deployment = table.deployments[id] else { return }
            evidence.note(change, of: id, now: now, wallClock: wallClockMilliseconds())
            log.write(.healthChanged(deployment.key, change, now: now))
        case .startProbe(let start):
            startProbe(start, loop: loop, now: now)
        }
    }

    /// A request of the library's own: nothing of it reaches the program.
    private func startProbe(_ start: ProbeStart, loop: EventLoop, now: Int64) {
        guard let deployment = table.deployments[start.deployment], let chat = ProbeRequest.chat else {
            core.handle(
                .attemptEnded(start.attempt, .failed(Failure(kind: .internal))), at: Instant(nanoseconds: now),
                into: &actions)
            defects &+= 1
            return
        }
        let attempt = AttemptRecord(
            id: start.attempt, role: .canary, deployment: deployment, startedAt: now,
            decoder: deployment.provider.makeDecoder(for: chat, endpoint: deployment.endpoint), request: nil)
        attempt.connectTimeout = start.connectTimeout
        send(chat, as: attempt, loop: loop, now: now)
    }

    private func startAttempt(_ start: AttemptStart, loop: EventLoop, now: Int64) {
        guard let request = requests[start.request], let deployment = table.deployments[start.deployment] else {
            // A deployment the core knows and the table does not: the core learns that the attempt went nowhere.
            core.handle(
                .attemptEnded(start.attempt, .failed(Failure(kind: .internal))), at: Instant(nanoseconds: now),
                into: &actions)
            defects &+= 1
            return
        }
        let batch = EmbeddingBatch.of(request.chat, to: deployment.provider, at: deployment.endpoint)
        let attempt = AttemptRecord(
            id: start.attempt, role: start.role, deployment: deployment, startedAt: now,
            decoder: batch ?? deployment.provider.makeDecoder(for: request.chat, endpoint: deployment.endpoint),
            request: request, batch: batch)
        attempt.connectTimeout = start.connectTimeout
        request.attempts.append(attempt)
        send(batch?.part ?? request.chat, as: attempt, loop: loop, now: now)
    }

    /// The transfer before has ended, and its connection is free.
    private func sendNextPart(of attempt: AttemptRecord, loop: EventLoop, now: Int64) {
        guard attempt.isRunning, attempts[attempt.id] === attempt, let batch = attempt.batch else { return }
        attempts[attempt.id] = nil
        send(batch.part, as: attempt, loop: loop, now: now)
    }

    private func send(_ chat: ChatRequest, as attempt: AttemptRecord, loop: EventLoop, now: Int64) {
        let deployment = attempt.deployment
        do throws(UnsupportedRequest) {
            let encoded = try deployment.provider.encode(chat, for: deployment.endpoint, at: wallClockSeconds())
            attempts[attempt.id] = attempt
            var headers = encoded.headers
            if let trace = attempt.request?.trace {
                attempt.span = UInt64.random(in: 1 ... .max)
                headers.append(trace.header(span: attempt.span))
                if let state = attempt.request?.traceState { headers.append(state.header) }
            }
            loop.start(
                TransferID(rawValue: attempt.id.rawValue),
                TransferRequest(
                    target: deployment.target(for: chat),
                    headers: headers, body: encoded.body,
                    connectTimeoutMilliseconds: Int(attempt.connectTimeout.milliseconds.rounded(.up))))
        } catch {
            fail(attempt, AttemptFailure(error, deployment: deployment.key), now: now)
        }
    }

    private func cancelAttempt(_ id: AttemptID, _ reason: CancelReason, loop: EventLoop, now: Int64) {
        guard let attempt = attempts.removeValue(forKey: id) else { return }
        loop.cancel(TransferID(rawValue: id.rawValue))
        guard attempt.isRunning else { return }
        attempt.endedAt = now
        attempt.pending = []
        if case .timedOut(let timeout) = reason {
            attempt.phase = .failed(AttemptFailure(timeout, deployment: attempt.deployment.key))
        } else {
            attempt.phase = .cancelled(reason)
        }
    }

    private func commit(_ id: RequestID, _ winner: AttemptID, now: Int64) {
        guard let request = requests[id], let attempt = request.attempts.first(where: { $0.id == winner }) else {
            defects &+= 1
            return
        }
        request.winner = attempt
        if request.chat.isStream {
            evidence.change(request.group) {
                $0.addFirstToken(
                    now &- request.state.submittedAt, request: request.state.id.rawValue, trace: request.trace,
                    time: wallClockMilliseconds())
            }
        }
        let text = AttemptLog.start(request, attempt)
        enqueue(
            QueuedEvent(
                kind: .start, request: request.state, storage: text, offset: 0, count: text.count,
                elapsed: now &- request.state.submittedAt))
        for chunk in attempt.pending { emit(chunk, from: attempt, to: request, now: now) }
        attempt.pending = []
    }

    private func finish(_ id: RequestID, _ outcome: RequestOutcome, now: Int64) {
        guard let request = requests.removeValue(forKey: id) else {
            defects &+= 1
            return
        }
        let failure = RequestFailureReport.error(for: outcome, of: request, table: table) {
            core.obstacles(in: request.group, at: Instant(nanoseconds: now))
        }
        evidence.account(request, failure: failure, now: now)
        let log = AttemptLog.end(request, outcome: outcome, failure: failure, now: now, for: .caller)
        enqueue(
            QueuedEvent(
                kind: .end, failure: failure.map { RequestFailureDetails($0) }, request: request.state, storage: log,
                offset: 0, count: log.count, elapsed: now &- request.state.submittedAt,
                httpStatus: failure.map(\.httpStatus) ?? request.winner?.httpStatus ?? 0))
        records?.receive(
            AttemptLog.end(request, outcome: outcome, failure: failure, now: now, for: .record))
        if let failure { self.log.write(.requestFailed(request, failure)) }
        for attempt in request.attempts { attempt.request = nil }
        inFlight.leave()
    }
}

/// Copies the chunks of one decoder call into one piece of memory, each followed by a NUL.
private struct ChunkPacker {
    private let storage: Bytes?
    private var offset = 0

    init(_ output: borrowing DecodedOutput) {
        var total = 0
        var count = 0
        for case .chunk(let range, _) in output.events {
            total += range.count + 1
            count += 1
        }
        guard count > 0 else {
            storage = nil
            return
        }
        let events = output.events
        storage = output.text.withUnsafeBytes { text in
            Bytes(count: total - 1) { memory in
                var offset = 0
                for case .chunk(let range, _) in events {
                    let source = UnsafeRawBufferPointer(rebasing: text[range])
                    memory[offset..<(offset + range.count)].copyBytes(from: source)
                    offset += range.count
                    if offset < memory.count { memory[offset] = 0 }
                    offset += 1
                }
            }
        }
    }

    /// The next chunk, in the order of the decoder's events.
    mutating func next(_ range: Range<Int>) -> PendingChunk {
        let chunk = PendingChunk(storage: storage ?? Bytes([]), offset: offset, count: storage == nil ? 0 : range.count)
        offset += range.count + 1
        return chunk
    }
}

extension Action {
    fileprivate var isCommit: Bool {
        if case .commit = self { true } else { false }
    }
}
