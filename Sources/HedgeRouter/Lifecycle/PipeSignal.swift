import CLinux
import Glibc

/// Keeps SIGPIPE from a thread of the program while it works for the library: a TLS library may write to a connection
/// that its peer has closed, and the signal would end the program.
struct PipeSignal {
    private var previous = sigset_t()

    /// Blocks the signal in the calling thread.
    init() {
        var pipe = Self.set
        pthread_sigmask(SIG_BLOCK, &pipe, &previous)
    }

    /// Lets the signal through again, in the same thread, but for one that came meanwhile.
    func restore() {
        var previous = previous
        guard sigismember(&previous, SIGPIPE) == 0 else { return }
        var pipe = Self.set
        var now = timespec()
        sigtimedwait(&pipe, nil, &now)
        pthread_sigmask(SIG_SETMASK, &previous, nil)
    }

    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGPIPE)
        return set
    }
}
