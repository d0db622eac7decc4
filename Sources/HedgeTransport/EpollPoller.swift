#if os(Linux)
import CLinux
import Glibc

/// epoll, with an eventfd for signals.
final class EpollPoller: Poller {
    /// How a descriptor is registered with epoll.
    private struct Registration {
        /// Tells events of this registration from those of an earlier descriptor of the same number.
        var generation: UInt32 = 0
        /// What it is watched for; empty while it is not.
        var interest: Readiness = []
        /// What epoll watches it for; empty while not registered.
        var registered: Readiness = []
        /// Whether it stays registered while it is not watched. A connection is watched anew for each request, and the
        /// two system calls for that cost as much as sending it.
        var isKept = false
    }

    /// How many events one wait can return; more stay for the next.
    private static let capacity = 256
    /// The event data of the eventfd, which no descriptor and generation can make up.
    private static let signalMark = UInt64.max

    private let epollDescriptor: Int32
    private let eventDescriptor: Int32
    private let events: UnsafeMutablePointer<epoll_event>
    private var registrations: ContiguousArray<Registration> = []
    private var hasPreciseWait = true

    init() throws(EventLoop.SetupError) {
        epollDescriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epollDescriptor >= 0 else {
            throw EventLoop.SetupError(message: "epoll_create1: \(errorText(errno))")
        }
        eventDescriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard eventDescriptor >= 0 else {
            let reason = errorText(errno)
            close(epollDescriptor)
            throw EventLoop.SetupError(message: "eventfd: \(reason)")
        }
        // Edge-triggered: each write is told once, and nobody has to read.
        let edge = EPOLLIN.rawValue | EPOLLET.rawValue
        var event = epoll_event(events: edge, data: epoll_data_t(u64: Self.signalMark))
        guard epoll_ctl(epollDescriptor, EPOLL_CTL_ADD, eventDescriptor, &event) == 0 else {
            let reason = errorText(errno)
            close(eventDescriptor)
            close(epollDescriptor)
            throw EventLoop.SetupError(message: "epoll_ctl: \(reason)")
        }
        events = .allocate(capacity: Self.capacity)
        events.initialize(repeating: epoll_event(), count: Self.capacity)
    }

    deinit {
        events.deallocate()
        close(eventDescriptor)
        close(epollDescriptor)
    }

    func watch(_ descriptor: Int32, for interest: Readiness) -> Bool {
        guard let index = place(of: descriptor) else { return false }
        registrations[index].interest = interest
        if registrations[index].registered == interest { return true }
        let isNew = registrations[index].registered.isEmpty
        if isNew { registrations[index].generation &+= 1 }

        let data = UInt64(registrations[index].generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
        var event = epoll_event(events: Self.mask(interest), data: epoll_data_t(u64: data))
        var result = epoll_ctl(epollDescriptor, isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, &event)
        // A descriptor that was closed unseen left the registration here, or the kernel, a step behind.
        if result != 0, errno == ENOENT {
            result = epoll_ctl(epollDescriptor, EPOLL_CTL_ADD, descriptor, &event)
        } else if result != 0, errno == EEXIST {
            result = epoll_ctl(epollDescriptor, EPOLL_CTL_MOD, descriptor, &event)
        }
        registrations[index].registered = result == 0 ? interest : []
        if result != 0 { registrations[index].interest = [] }
        return result == 0
    }

    func unwatch(_ descriptor: Int32) {
        guard let index = Int(exactly: descriptor), registrations.indices.contains(index) else { return }
        registrations[index].interest = []
        if !registrations[index].isKept { remove(index) }
    }

    func keep(_ descriptor: Int32) {
        guard let index = place(of: descriptor) else { return }
        registrations[index].interest = []
        // Of an earlier descriptor of this number.
        registrations[index].registered = []
        registrations[index].isKept = true
    }

    func forget(_ descriptor: Int32) {
        guard let index = Int(exactly: descriptor), registrations.indices.contains(index) else { return }
        registrations[index].interest = []
        registrations[index].isKept = false
        // Not left to the closing: where the process has forked, the child still has the connection open.
        remove(index)
    }

    /// Where a descriptor's registration is, made if there is none.
    private func place(of descriptor: Int32) -> Int? {
        guard let index = Int(exactly: descriptor), index >= 0 else { return nil }
        if index >= registrations.count {
            let missing = index - registrations.count + 1
            registrations.append(contentsOf: repeatElement(Registration(), count: missing))
        }
        return index
    }

    /// Takes a descriptor out of epoll, if it is there.
    private func remove(_ index: Int) {
        guard !registrations[index].registered.isEmpty else { return }
        registrations[index].registered = []
        var event = epoll_event()
        epoll_ctl(epollDescriptor, EPOLL_CTL_DEL, Int32(truncatingIfNeeded: index), &event)
    }

    func wait(nanoseconds: Int64?) -> Int {
        let found = hasPreciseWait ? preciseWait(nanoseconds) : coarseWait(nanoseconds)
        return max(0, Int(found))
    }

    /// To the nanosecond; Linux 5.11 and later.
    private func preciseWait(_ nanoseconds: Int64?) -> Int32 {
        let found: Int32
        if let nanoseconds {
            let (seconds, rest) = max(0, nanoseconds).quotientAndRemainder(dividingBy: 1_000_000_000)
            var limit = timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
            found = epoll_pwait2(epollDescriptor, events, Int32(Self.capacity), &limit, nil)
        } else {
            found = epoll_wait(epollDescriptor, events, Int32(Self.capacity), -1)
        }
        // An older kernel, or a sandbox that does not know the call.
        guard found < 0, errno == ENOSYS || errno == EPERM else { return found }
        hasPreciseWait = false
        return coarseWait(nanoseconds)
    }

    /// To the millisecond, rounded up, so that no time that is awaited lies ahead when it returns.
    private func coarseWait(_ nanoseconds: Int64?) -> Int32 {
        var milliseconds: Int32 = -1
        if let nanoseconds {
            let (whole, rest) = max(0, nanoseconds).quotientAndRemainder(dividingBy: 1_000_000)
            milliseconds = Int32(clamping: whole + (rest > 0 ? 1 : 0))
        }
        return epoll_wait(epollDescriptor, events, Int32(Self.capacity), milliseconds)
    }

    func ready(at index: Int) -> ReadyDescriptor? {
        guard index >= 0, index < Self.capacity else { return nil }
        let event = events[index]
        let data = event.data.u64
        if data == Self.signalMark { return nil }
        let slot = Int(truncatingIfNeeded: data & 0xffff_ffff)
        guard registrations.indices.contains(slot), !registrations[slot].registered.isEmpty,
            registrations[slot].generation == UInt32(truncatingIfNeeded: data >> 32)
        else { return nil }
        guard !registrations[slot].interest.isEmpty else {
            // The server closed a connection that is not in use; until libcurl finds out, epoll would tell of it again.
            remove(slot)
            return nil
        }
        return ReadyDescriptor(descriptor: Int32(truncatingIfNeeded: slot), readiness: Self.readiness(event.events))
    }

    func signal() {
        eventfd_write(eventDescriptor, 1)
    }

    private static func mask(_ interest: Readiness) -> UInt32 {
        var mask: UInt32 = 0
        if interest.contains(.readable) { mask |= EPOLLIN.rawValue }
        if interest.contains(.writable) { mask |= EPOLLOUT.rawValue }
        return mask
    }

    /// A hang-up is told as readable too, so that what arrived before it is read and its cause is found by reading.
    private static func readiness(_ events: UInt32) -> Readiness {
        var readiness: Readiness = []
        if events & (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 {
            readiness.insert(.readable)
        }
        if events & EPOLLOUT.rawValue != 0 { readiness.insert(.writable) }
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { readiness.insert(.failed) }
        return readiness
    }
}

/// What an error number means.
private func errorText(_ number: Int32) -> String {
    guard let text = strerror(number) else { return "error \(number)" }
    return String(cString: text)
}
#endif
