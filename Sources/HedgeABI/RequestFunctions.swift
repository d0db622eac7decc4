public import CHedgeRouter
import HedgeCore
import HedgeRouter

/// `hr_submit_options_init()`, documented in the C header.
@implementation @_cdecl("hr_submit_options_init")
public func hr_submit_options_init(_ options: UnsafeMutablePointer<hr_submit_options>?, _ size: Int) -> Int32 {
    hr_submit_options().initialise(options, size: size)
}

/// `hr_submit()`, documented in the C header.
@implementation @_cdecl("hr_submit")
public func hr_submit(
    _ router: hr_router, _ request: UnsafePointer<CChar>?, _ request_size: Int,
    _ options: UnsafePointer<hr_submit_options>?, _ out: UnsafeMutablePointer<hr_request>?,
    _ error: UnsafeMutablePointer<hr_error>?
) -> Int32 {
    call(error) { () throws(RouterError) in
        out?.pointee.id = 0
        let options = try SubmitOptions(options)
        guard let out else { throw RouterError(.invalid, "out is NULL") }
        let box = try Handles.router(router)
        let prepared = try box.router.prepare(input(request, request_size, "request"), options: options.router)
        guard let handle = Handles.requests.insert(prepared.state) else {
            throw RouterError(.limit, "too many requests")
        }
        // Before the start, since an event may reach another thread before this one returns.
        out.pointee.id = handle
        do throws(RouterError) {
            try box.router.start(prepared, handle: handle)
        } catch {
            out.pointee.id = 0
            _ = Handles.requests.remove(handle)
            throw error
        }
        return HR_OK
    }
}

/// `hr_cancel()`, documented in the C header.
@implementation @_cdecl("hr_cancel")
public func hr_cancel(_ request: hr_request, _ error: UnsafeMutablePointer<hr_error>?) -> Int32 {
    call(error) { () throws(RouterError) in
        try Handles.request(request).cancel()
        return HR_OK
    }
}

/// `hr_complete()`, documented in the C header.
@implementation @_cdecl("hr_complete")
public func hr_complete(
    _ router: hr_router, _ request: UnsafePointer<CChar>?, _ request_size: Int,
    _ options: UnsafePointer<hr_submit_options>?, _ out: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    _ out_size: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<hr_error>?
) -> Int32 {
    call(error) { () throws(RouterError) in
        let out = try output(out, out_size)
        var options = try SubmitOptions(options)
        guard !options.router.isPulled else { throw RouterError(.invalid, "flags must be 0") }
        options.router.isPulled = true
        let box = try Handles.router(router)
        try CallbackScope.refuseInside()
        let prepared = try box.router.prepare(input(request, request_size, "request"), options: options.router)
        guard !prepared.isStream else {
            throw RouterError(.invalid, "a request that streams needs hr_submit()", path: "stream")
        }
        // The program never sees this request: it needs no handle.
        try box.router.start(prepared, handle: 0)
        defer { prepared.state.userData.release() }
        let answer = try prepared.state.awaitAnswer()
        try give(answer.text, out, out_size)
        return HR_OK
    }
}

/// `hr_next()`, documented in the C header.
@implementation @_cdecl("hr_next")
public func hr_next(
    _ request: hr_request, _ events: UnsafeMutablePointer<hr_event>?, _ capacity: Int, _ timeout_ms: Int64,
    _ error: UnsafeMutablePointer<hr_error>?
) -> Int32 {
    call(error) { () throws(RouterError) in
        let array = try EventArray(events, capacity: capacity)
        let state = try Handles.request(request)
        try CallbackScope.refuseInside()
        return try state.take(capacity: capacity, timeoutMilliseconds: timeout_ms) { array.fill($0) }
    }
}

/// `hr_wait()`, documented in the C header.
@implementation @_cdecl("hr_wait")
public func hr_wait(_ request: hr_request, _ timeout_ms: Int64, _ error: UnsafeMutablePointer<hr_error>?) -> Int32 {
    call(error) { () throws(RouterError) in
        let state = try Handles.request(request)
        try CallbackScope.refuseInside()
        if let failure = try state.waitForEnd(timeoutMilliseconds: timeout_ms) { throw failure.error }
        return HR_OK
    }
}

/// `hr_request_free()`, documented in the C header.
@implementation @_cdecl("hr_request_free")
public func hr_request_free(_ request: UnsafeMutablePointer<hr_request>?) -> Int32 {
    call(nil) { () throws(RouterError) in
        guard let request else { throw RouterError(.invalid, "request is NULL") }
        guard let state = Handles.requests.object(request.pointee.id) else { throw RouterError(.badHandle) }
        guard state.isPulled else {
            throw RouterError(.invalid, "the request's events go to the router's queue")
        }
        // Two threads may get here with the same handle; only one of them finds the request.
        guard Handles.requests.remove(request.pointee.id) != nil else { throw RouterError(.badHandle) }
        request.pointee.id = 0
        if state.forkGeneration == ForkGuard.current { state.abandon() }
        return HR_OK
    }
}

/// The options of one request, read from the program's struct.
private struct SubmitOptions: ~Copyable {
    var router = Router.SubmitOptions()

    init(_ pointer: UnsafePointer<hr_submit_options>?) throws(RouterError) {
        guard let pointer else { return }
        let options = try hr_submit_options(reading: pointer)
        // Made first, so that the finalizer runs whatever else is wrong.
        router.userData = UserData(options.user_data, finalizer: options.user_data_free)
        guard options.flags & ~HR_SUBMIT_PULL == 0 else { throw RouterError(.invalid, "flags has unknown bits") }
        router.isPulled = options.flags & HR_SUBMIT_PULL != 0
        guard options.timeout_ms >= 0 else {
            throw RouterError(.invalid, "timeout_ms is \(options.timeout_ms)")
        }
        if options.overrides != nil {
            try router.read(overrides: input(options.overrides, options.overrides_size, "overrides"))
        }
        if options.timeout_ms > 0 { router.timeout = .milliseconds(options.timeout_ms) }
    }
}
