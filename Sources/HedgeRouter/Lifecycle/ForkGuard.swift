import Glibc
import Synchronization

/// Tells a process from its forked children without a system call.
public enum ForkGuard {
    private static let generation = Atomic<UInt64>(0)

    private static let isInstalled: Bool = {
        pthread_atfork(nil, nil) { ForkGuard.generation.add(1, ordering: .relaxed) }
        return true
    }()

    /// A number that differs in every process a fork has made since the first call.
    public static var current: UInt64 {
        _ = isInstalled
        return generation.load(ordering: .relaxed)
    }
}
