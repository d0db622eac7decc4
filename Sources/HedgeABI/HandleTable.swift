import Glibc

/// What handles stand for, by slot and generation: a handle that is stale, foreign or made up finds nothing.
///
/// A handle is `kind << 56 | slot << 32 | generation`. Slot 0 is never used, and a slot whose generation would wrap
/// is retired, so that no handle is ever valid twice.
final class HandleTable<Object: AnyObject>: @unchecked Sendable {
    private struct Slot {
        var generation: UInt32
        var object: Object?
    }

    private let kind: UInt64
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    // Guarded by the lock.
    private var slots: [Slot] = [Slot(generation: 0, object: nil)]
    private var free: [Int] = []

    private static var maxSlots: Int { 1 << 24 }

    /// A table for one kind of handle, 1 to 255.
    init(kind: UInt8) {
        self.kind = UInt64(kind) << 56
        lock = .allocate(capacity: 1)
        pthread_mutex_init(lock, nil)
    }

    deinit {
        pthread_mutex_destroy(lock)
        lock.deallocate()
    }

    /// The handle of a new object; nil when there are too many.
    func insert(_ object: Object) -> UInt64? {
        withLock {
            if let index = free.popLast() {
                slots[index].object = object
                return handle(index)
            }
            guard slots.count < Self.maxSlots else { return nil }
            slots.append(Slot(generation: 1, object: object))
            return handle(slots.count - 1)
        }
    }

    /// The object of a handle; nil when the handle is none of this table's.
    func object(_ handle: UInt64) -> Object? {
        withLock {
            guard let index = index(of: handle) else { return nil }
            return slots[index].object
        }
    }

    /// Makes a handle stale and returns its object; nil when the handle is none of this table's.
    func remove(_ handle: UInt64) -> Object? {
        withLock {
            guard let index = index(of: handle) else { return nil }
            let object = slots[index].object
            slots[index].object = nil
            slots[index].generation &+= 1
            if slots[index].generation != 0 { free.append(index) }
            return object
        }
    }

    /// Holds the table still across a fork, so that the child does not inherit it locked.
    func lockForFork() {
        pthread_mutex_lock(lock)
    }

    func unlockAfterFork() {
        pthread_mutex_unlock(lock)
    }

    private func handle(_ index: Int) -> UInt64 {
        kind | UInt64(index) << 32 | UInt64(slots[index].generation)
    }

    private func index(of handle: UInt64) -> Int? {
        guard handle & (0xff << 56) == kind else { return nil }
        let index = Int((handle >> 32) & 0xff_ffff)
        guard index > 0, index < slots.count, slots[index].generation == UInt32(truncatingIfNeeded: handle),
            slots[index].object != nil
        else { return nil }
        return index
    }

    private func withLock<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return body()
    }
}
