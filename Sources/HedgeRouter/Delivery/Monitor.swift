import Glibc

/// A mutex with a condition whose waits are measured on the monotonic clock.
///
/// `Synchronization.Mutex` has no condition to wait on; this is the pthread pair, at a stable address.
final class Monitor: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func withLock<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Waits for a signal, with the lock held; returns false when `deadline` passed first. Wakes may be spurious.
    func wait(until deadline: MonotonicDeadline) -> Bool {
        switch deadline {
        case .never:
            pthread_cond_wait(condition, mutex)
            return true
        case .at(let nanoseconds):
            var time = timespec(
                tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
            return pthread_cond_timedwait(condition, mutex, &time) != ETIMEDOUT
        }
    }

    /// Wakes every waiting thread, with the lock held or after.
    func broadcast() {
        pthread_cond_broadcast(condition)
    }
}

/// When a wait gives up, on the clock of ``monotonicNow()``.
enum MonotonicDeadline: Equatable {
    case never
    case at(Int64)

    /// The deadline `milliseconds` from now; negative means never.
    init(inMilliseconds milliseconds: Int64) {
        guard milliseconds >= 0 else {
            self = .never
            return
        }
        // Twenty years: longer waits are as good as endless, and no sum below can overflow.
        let bounded = min(milliseconds, 20 * 365 * 86_400_000)
        self = .at(monotonicNow() + bounded * 1_000_000)
    }

    /// The time on that clock; the last there is for never.
    var nanoseconds: Int64 {
        switch self {
        case .never: .max
        case .at(let nanoseconds): nanoseconds
        }
    }

    var hasPassed: Bool {
        switch self {
        case .never: false
        case .at(let nanoseconds): monotonicNow() >= nanoseconds
        }
    }
}

/// Nanoseconds of CLOCK_MONOTONIC.
func monotonicNow() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
}

/// Seconds since 1970.
func wallClockSeconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME_COARSE, &time)
    return Int64(time.tv_sec)
}

/// Milliseconds since 1970.
func wallClockMilliseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000
}
