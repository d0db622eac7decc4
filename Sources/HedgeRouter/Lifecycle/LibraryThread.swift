import CLinux
import Glibc

/// A thread of the library: every signal blocked, a name in the process list, joined by whoever made it.
final class LibraryThread: @unchecked Sendable {
    private let thread: pthread_t

    private final class Body {
        let name: String
        let run: () -> Void

        init(name: String, run: @escaping () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts the thread; nil when the system has none left.
    init?(name: String, _ run: @escaping @Sendable () -> Void) {
        let body = Unmanaged.passRetained(Body(name: name, run: run))
        // Signals belong to the program's threads: the new thread starts with all of them blocked.
        var all = sigset_t()
        var previous = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &previous)
        var thread = pthread_t()
        let failed = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                clx_name_thread(body.name)
                body.run()
                return nil
            }, body.toOpaque())
        pthread_sigmask(SIG_SETMASK, &previous, nil)
        guard failed == 0 else {
            body.release()
            return nil
        }
        self.thread = thread
    }

    /// Whether the calling thread is this one.
    var isCurrent: Bool { pthread_equal(thread, pthread_self()) != 0 }

    /// Waits for the thread to end. To be called once, from another thread.
    func join() {
        pthread_join(thread, nil)
    }

    /// Lets the thread end by itself, for when it is the caller.
    func detach() {
        pthread_detach(thread)
    }
}
