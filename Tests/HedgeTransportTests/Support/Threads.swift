import Glibc

/// Runs `work` on a thread of its own.
func startThread(_ work: @escaping @Sendable () -> Void) {
    if let thread = makeThread(work) { pthread_detach(thread) }
}

/// A thread that can be waited for: when it has ended, it holds nothing any more.
final class JoinableThread {
    private var thread: pthread_t?

    func start(_ work: @escaping @Sendable () -> Void) { thread = makeThread(work) }

    func join() {
        if let thread { pthread_join(thread, nil) }
        thread = nil
    }
}

private func makeThread(_ work: @escaping @Sendable () -> Void) -> pthread_t? {
    final class Box {
        let work: @Sendable () -> Void
        init(_ work: @escaping @Sendable () -> Void) { self.work = work }
    }
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Box(work)).toOpaque()
    let result = pthread_create(
        &thread, nil,
        { argument in
            if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().work() }
            return nil
        }, argument)
    if result == 0 { return thread }
    Unmanaged<Box>.fromOpaque(argument).release()
    return nil
}

/// A value that threads change and wait on.
final class Watched<Value: Sendable>: @unchecked Sendable {
    // Unchecked: the mutex guards the value.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var value: Value

    init(_ value: Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    var now: Value { change { $0 } }

    @discardableResult
    func change<Result>(_ body: (inout Value) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return body(&value)
    }

    /// Waits until `isReached`, and returns whether it was within a time that only a broken program needs.
    func wait(until isReached: (Value) -> Bool) -> Bool {
        var limit = timespec()
        clock_gettime(CLOCK_REALTIME, &limit)
        limit.tv_sec += 30
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !isReached(value) {
            if pthread_cond_timedwait(condition, mutex, &limit) == ETIMEDOUT { return isReached(value) }
        }
        return true
    }
}

extension Watched where Value == Bool {
    convenience init() { self.init(false) }

    func open() { change { $0 = true } }

    func wait() -> Bool { wait { $0 } }
}
