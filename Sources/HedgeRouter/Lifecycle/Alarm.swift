#if os(Linux)
import CLinux
import Glibc

/// Wakes a sleeping thread at a set time. Setting it costs one system call and wakes nobody before that time, unlike a
/// condition's timed wait, whose limit only the sleeper can change.
final class Alarm: Sendable {
    private let descriptor: Int32

    /// Nil when the system has no descriptor left.
    init?() {
        descriptor = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC))
        if descriptor < 0 { return nil }
    }

    deinit {
        close(descriptor)
    }

    /// Replaces the time at which the sleeper wakes; a past one is at once. On the clock of `monotonicNow()`.
    func set(_ time: Int64) {
        // Zero would mean never.
        let (seconds, rest) = max(1, time).quotientAndRemainder(dividingBy: 1_000_000_000)
        var setting = itimerspec()
        setting.it_value = timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
        timerfd_settime(descriptor, Int32(TFD_TIMER_ABSTIME), &setting, nil)
    }

    /// Sleeps until the time that was set has come.
    func wait() {
        var expirations: UInt64 = 0
        while read(descriptor, &expirations, MemoryLayout<UInt64>.size) < 0, errno == EINTR {}
    }
}
#endif
