public import CHedgeRouter
import HedgeRouter

/// `hr_poll()`, documented in the C header.
@implementation @_cdecl("hr_poll")
public func hr_poll(
    _ router: hr_router, _ events: UnsafeMutablePointer<hr_event>?, _ capacity: Int, _ timeout_ms: Int64,
    _ error: UnsafeMutablePointer<hr_error>?
) -> Int32 {
    call(error) { () throws(RouterError) in
        let array = try EventArray(events, capacity: capacity)
        let box = try Handles.router(router)
        try CallbackScope.refuseInside()
        return try box.router.poll(capacity: capacity, timeoutMilliseconds: timeout_ms) { array.fill($0) }
    }
}

/// `hr_dispatch()`, documented in the C header.
@implementation @_cdecl("hr_dispatch")
public func hr_dispatch(_ router: hr_router, _ timeout_ms: Int64, _ error: UnsafeMutablePointer<hr_error>?) -> Int32 {
    call(error) { () throws(RouterError) in
        let box = try Handles.router(router)
        try CallbackScope.refuseInside()
        guard box.callbacks.event != nil else {
            throw RouterError(.invalid, "the router has no event_callback")
        }
        return Int32(
            clamping: try box.router.dispatch(timeoutMilliseconds: timeout_ms) {
                box.callbacks.deliver($0, of: router)
            })
    }
}

/// `hr_event_fd()`, documented in the C header.
@implementation @_cdecl("hr_event_fd")
public func hr_event_fd(_ router: hr_router, _ error: UnsafeMutablePointer<hr_error>?) -> Int32 {
    call(error) { () throws(RouterError) in try Handles.router(router).router.readinessDescriptor() }
}

/// `hr_wake()`, documented in the C header.
@implementation @_cdecl("hr_wake")
public func hr_wake(_ router: hr_router) -> Int32 {
    call(nil) { () throws(RouterError) in
        try Handles.router(router).router.wake()
        return HR_OK
    }
}

/// The program's array of events, whose elements may be of another version's size.
struct EventArray {
    private let base: UnsafeMutableRawPointer
    private let stride: Int

    init(_ events: UnsafeMutablePointer<hr_event>?, capacity: Int) throws(RouterError) {
        guard let events else { throw RouterError(.invalid, "events is NULL") }
        guard capacity > 0 else { throw RouterError(.invalid, "capacity is 0") }
        let size = statedSize(of: events)
        guard size >= 16, size <= 4096, size % 8 == 0 else {
            throw RouterError(.invalid, "struct_size of the first event is \(size); set it to sizeof(hr_event)")
        }
        base = UnsafeMutableRawPointer(events)
        stride = size
    }

    /// Writes the events and returns how many there are.
    func fill(_ events: [QueuedEvent]) -> Int32 {
        // By index: a copy of an event counts its references.
        for index in events.indices {
            let place = base + index * stride
            hr_event(events[index]).write(to: place, size: stride)
            place.storeBytes(of: UInt32(stride), as: UInt32.self)
        }
        return Int32(clamping: events.count)
    }
}
