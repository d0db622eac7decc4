public import CHedgeRouter
import Glibc
import HedgeJSON
import HedgeRouter

/// `hr_router_options_init()`, documented in the C header.
@implementation @_cdecl("hr_router_options_init")
public func hr_router_options_init(_ options: UnsafeMutablePointer<hr_router_options>?, _ size: Int) -> Int32 {
    hr_router_options().initialise(options, size: size)
}

/// `hr_router_new()`, documented in the C header.
@implementation @_cdecl("hr_router_new")
public func hr_router_new(
    _ config: UnsafePointer<CChar>?, _ config_size: Int, _ options: UnsafePointer<hr_router_options>?,
    _ out: UnsafeMutablePointer<hr_router>?, _ error: UnsafeMutablePointer<hr_error>?
) -> Int32 {
    call(error) { () throws(RouterError) in
        out?.pointee.id = 0
        let options = try options.map { (pointer) throws(RouterError) in try hr_router_options(reading: pointer) }
        // From here on the finalizers run when the last reference goes, whatever happens below.
        let callbacks = Callbacks(
            event: options?.event_callback,
            userData: UserData(options?.event_user_data, finalizer: options?.event_user_data_free))
        // Made before anything can fail, so that their finalizers run whatever does.
        let records = RecordSink(options ?? hr_router_options())
        let log = try LogSink(options ?? hr_router_options())
        guard let out else { throw RouterError(.invalid, "out is NULL") }
        let delivery = options?.delivery ?? HR_DELIVERY_POLL
        guard delivery == HR_DELIVERY_POLL || delivery == HR_DELIVERY_THREAD else {
            throw RouterError(.invalid, "delivery is \(delivery), which is no HR_DELIVERY_* value")
        }
        guard delivery == HR_DELIVERY_POLL || callbacks.event != nil else {
            throw RouterError(.invalid, "a delivery thread needs an event_callback")
        }
        guard options?.reserved ?? 0 == 0 else { throw RouterError(.invalid, "reserved is not 0") }
        let document = try input(config, config_size, "config")
        let configuration = try RouterConfiguration(reading: document)
        let router = try Router(configuration: configuration, log: log, records: records) {
            _ = Handles.requests.remove($0)
        }
        guard let handle = Handles.routers.insert(RouterBox(router: router, callbacks: callbacks)) else {
            router.close()
            throw RouterError(.noMemory, "too many routers")
        }
        if delivery == HR_DELIVERY_THREAD {
            do throws(RouterError) {
                try router.startDelivery { callbacks.deliver($0, of: hr_router(id: handle)) }
            } catch {
                _ = Handles.routers.remove(handle)
                router.close()
                throw error
            }
        }
        out.pointee.id = handle
        return HR_OK
    }
}

/// `hr_router_free()`, documented in the C header.
@implementation @_cdecl("hr_router_free")
public func hr_router_free(_ router: UnsafeMutablePointer<hr_router>?) -> Int32 {
    call(nil) { () throws(RouterError) in
        guard let router else { throw RouterError(.invalid, "router is NULL") }
        guard let box = Handles.routers.remove(router.pointee.id) else { throw RouterError(.badHandle) }
        router.pointee.id = 0
        guard box.router.forkGeneration == ForkGuard.current else {
            // The threads this router would have to wait for exist only in the parent: it is left as it is.
            _ = Unmanaged.passRetained(box)
            return HR_OK
        }
        box.router.close()
        return HR_OK
    }
}

/// `hr_router_reload()`, documented in the C header.
@implementation @_cdecl("hr_router_reload")
public func hr_router_reload(
    _ router: hr_router, _ config: UnsafePointer<CChar>?, _ config_size: Int, _ error: UnsafeMutablePointer<hr_error>?
) -> Int32 {
    call(error) { () throws(RouterError) in
        let box = try Handles.router(router)
        try box.router.reload(RouterConfiguration(reading: input(config, config_size, "config")))
        return HR_OK
    }
}

/// `hr_router_drain()`, documented in the C header.
@implementation @_cdecl("hr_router_drain")
public func hr_router_drain(
    _ router: hr_router, _ timeout_ms: Int64, _ error: UnsafeMutablePointer<hr_error>?
) -> Int32 {
    call(error) { () throws(RouterError) in
        let box = try Handles.router(router)
        try CallbackScope.refuseInside()
        try box.router.drain(timeoutMilliseconds: timeout_ms)
        return HR_OK
    }
}

/// `hr_stats_json()`, documented in the C header.
@implementation @_cdecl("hr_stats_json")
public func hr_stats_json(
    _ router: hr_router, _ out: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    _ out_size: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<hr_error>?
) -> Int32 {
    call(error) { () throws(RouterError) in
        let out = try output(out, out_size)
        let json = try Handles.router(router).router.statistics()
        try give(json, out, out_size)
        return HR_OK
    }
}

/// `hr_metrics_text()`, documented in the C header.
@implementation @_cdecl("hr_metrics_text")
public func hr_metrics_text(
    _ router: hr_router, _ format: Int32, _ out: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    _ out_size: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<hr_error>?
) -> Int32 {
    call(error) { () throws(RouterError) in
        let out = try output(out, out_size)
        let box = try Handles.router(router)
        guard let format = MetricsFormat(rawValue: format) else {
            throw RouterError(.invalid, "format is \(format), which is no HR_METRICS_* value")
        }
        let text = try box.router.metrics(format)
        let count = text.count
        try give(text.take(), count: count, out, out_size)
        return HR_OK
    }
}

/// `hr_state_save()`, documented in the C header.
@implementation @_cdecl("hr_state_save")
public func hr_state_save(
    _ router: hr_router, _ out: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    _ out_size: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<hr_error>?
) -> Int32 {
    call(error) { () throws(RouterError) in
        let out = try output(out, out_size)
        let document = try Handles.router(router).router.saveState()
        try give(document, out, out_size)
        return HR_OK
    }
}

/// `hr_state_load()`, documented in the C header.
@implementation @_cdecl("hr_state_load")
public func hr_state_load(
    _ router: hr_router, _ state: UnsafePointer<CChar>?, _ state_size: Int, _ error: UnsafeMutablePointer<hr_error>?
) -> Int32 {
    call(error) { () throws(RouterError) in
        let box = try Handles.router(router)
        try box.router.loadState(input(state, state_size, "state"))
        return HR_OK
    }
}

/// `hr_config_check()`, documented in the C header.
@implementation @_cdecl("hr_config_check")
public func hr_config_check(
    _ config: UnsafePointer<CChar>?, _ config_size: Int,
    _ report: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ report_size: UnsafeMutablePointer<Int>?,
    _ error: UnsafeMutablePointer<hr_error>?
) -> Int32 {
    call(error) { () throws(RouterError) in
        let out = try output(report, report_size)
        let document = try input(config, config_size, "config")
        let checked = RouterConfiguration.check(document)
        try give(checked.report, out, report_size)
        if let failure = checked.failure { throw failure }
        return HR_OK
    }
}

extension RecordSink {
    /// The receiver of attempt logs a program asked for.
    fileprivate init?(_ options: hr_router_options) {
        let userData = UserData(options.record_user_data, finalizer: options.record_user_data_free)
        guard let callback = options.record_callback else { return nil }
        self.init { record in
            let text = UnsafeRawPointer(record.baseAddress).assumingMemoryBound(to: CChar.self)
            callback(text, record.count, userData.pointer)
        }
    }
}

extension LogSink {
    /// The log receiver a program asked for.
    fileprivate init(_ options: hr_router_options) throws(RouterError) {
        // Made first, so that the finalizer runs whatever else is wrong.
        let userData = UserData(options.log_user_data, finalizer: options.log_user_data_free)
        guard let callback = options.log_callback else {
            self = .silent
            return
        }
        guard let level = LogLevel(rawValue: options.log_level == 0 ? HR_LOG_WARN : options.log_level) else {
            throw RouterError(.invalid, "log_level is \(options.log_level), which is no HR_LOG_* level")
        }
        self.init(maxLevel: level) { level, record in
            let text = UnsafeRawPointer(record.baseAddress).assumingMemoryBound(to: CChar.self)
            callback(level.rawValue, text, record.count, userData.pointer)
        }
    }
}
