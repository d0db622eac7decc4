// SPDX-License-Identifier: Apache-2.0
//
// Raw calls: any function of the header with any arguments, good or bad.

import CHedgeRouter
import Foundation

/// The arguments of one call; what the driver left out has a valid value. Its memory lives as long as it does.
final class Arguments {
    let given: Object
    let alias: String?
    var router = hr_router()
    var routerEntry: Router?
    var request = hr_request()
    var requestEntry: Request?
    var document: [UInt8] = []
    var newRouter = hr_router()
    var newRequest = hr_request()
    var text: UnsafeMutablePointer<CChar>?
    var size = 0
    private var blocks: [UnsafeMutableRawPointer] = []
    private(set) var error: UnsafeMutablePointer<hr_error>?
    private var errorSize = MemoryLayout<hr_error>.size

    init(_ op: Object) throws {
        given = op["args"] as? Object ?? [:]
        alias = op["as"] as? String
        routerEntry = try entry("router", state.router)
        router = routerEntry?.handle ?? hr_router(id: raw("router"))
        if !isNull("error") {
            var initial = newError()
            let value = given["error"] as? Object ?? [:]
            errorSize = claimed(value, MemoryLayout<hr_error>.size)
            let size = value["struct_size"] as? Int ?? MemoryLayout<hr_error>.size
            initial.struct_size = UInt32(truncatingIfNeeded: size)
            error = block(initial, errorSize).assumingMemoryBound(to: hr_error.self)
        }
    }

    deinit {
        for block in blocks { block.deallocate() }
        hr_string_free(text)
    }

    func isNull(_ name: String) -> Bool { given[name] is NSNull }

    func number(_ name: String, _ otherwise: Int) -> Int { given[name] as? Int ?? otherwise }

    private func raw(_ name: String) -> UInt64 { UInt64((given[name] as? Object)?["raw"] as? String ?? "") ?? 0 }

    private func entry<Entry>(_ name: String, _ find: (Any?) throws -> Entry) throws -> Entry? {
        guard given[name] is String else { return nil }
        return try find(given[name])
    }

    /// Reads the handle of a request.
    func readRequest() throws {
        requestEntry = try entry("request", state.request)
        request = requestEntry?.handle ?? hr_request(id: raw("request"))
    }

    private func claimed(_ value: Object, _ otherwise: Int) -> Int {
        let size = value["struct_size"] as? Int ?? otherwise
        return size > 1 << 20 ? otherwise : max(4, size)  // the library must be able to read struct_size
    }

    /// Memory of exactly the given size, with the struct or a part of it at its start and zeros behind.
    private func block<Struct>(_ initial: Struct, _ size: Int) -> UnsafeMutableRawPointer {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        memset(memory, 0, size)
        withUnsafeBytes(of: initial) { initial in
            UnsafeMutableRawBufferPointer(start: memory, count: size).copyBytes(from: initial.prefix(size))
        }
        blocks.append(memory)
        return memory
    }

    private func optionBlock<Struct>(_ initial: Struct, _ value: Object) -> UnsafeMutablePointer<Struct> {
        let size = claimed(value, MemoryLayout<Struct>.size)
        let memory = block(initial, size)
        if let tail = value["tail"] as? Int {
            memory.storeBytes(of: UInt8(truncatingIfNeeded: tail), toByteOffset: size - 1, as: UInt8.self)
        }
        return memory.assumingMemoryBound(to: Struct.self)
    }

    func routerOptions() -> UnsafePointer<hr_router_options>? {
        guard let value = given["options"] as? Object else { return nil }
        var options = hr_router_options()
        let size = MemoryLayout<hr_router_options>.size
        _ = hr_router_options_init(&options, size)
        options.struct_size = UInt32(truncatingIfNeeded: value["struct_size"] as? Int ?? size)
        options.delivery = Int32(truncatingIfNeeded: value["delivery"] as? Int ?? 0)
        options.reserved = Int32(truncatingIfNeeded: value["reserved"] as? Int ?? 0)
        return UnsafePointer(optionBlock(options, value))
    }

    func submitOptions() throws -> UnsafePointer<hr_submit_options>? {
        guard let value = given["options"] as? Object else { return nil }
        var options = hr_submit_options()
        let size = MemoryLayout<hr_submit_options>.size
        _ = hr_submit_options_init(&options, size)
        options.struct_size = UInt32(truncatingIfNeeded: value["struct_size"] as? Int ?? size)
        options.flags = UInt32(truncatingIfNeeded: value["flags"] as? Int ?? 0)
        options.timeout_ms = Int64(value["timeout_ms"] as? Int ?? 0)
        if let spec = value["overrides"] {
            let text = try bytes(of: spec)
            let memory = UnsafeMutableRawPointer.allocate(byteCount: text.count + 1, alignment: 1)
            blocks.append(memory)
            memory.copyMemory(from: text + [0], byteCount: text.count + 1)
            options.overrides = UnsafePointer(memory.assumingMemoryBound(to: CChar.self))
            options.overrides_size = value["overrides_size"] as? Int ?? text.count
        }
        return UnsafePointer(optionBlock(options, value))
    }

    /// The document and its size: a bytes spec, NULL, or, left out, an empty object.
    func withDocument(_ name: String, _ body: (UnsafePointer<CChar>?, Int) throws -> Int32) throws -> Int32 {
        document = isNull(name) ? [] : try given[name].map { try bytes(of: $0) } ?? Array("{}".utf8)
        let size = number(name + "_size", document.count)
        return try withText(document) { text, _ in try body(isNull(name) ? nil : text, size) }
    }

    /// Room for 64 events.
    func events() -> UnsafeMutablePointer<hr_event>? {
        if isNull("events") { return nil }
        let size = MemoryLayout<hr_event>.size
        let memory = block(newEvent(), 64 * MemoryLayout<hr_event>.stride).assumingMemoryBound(to: hr_event.self)
        let claimed = (given["events"] as? Object)?["struct_size"] as? Int ?? size
        memory.pointee.struct_size = UInt32(truncatingIfNeeded: claimed)
        return memory
    }

    /// What the hr_error holds, as far as the library may have written it.
    func errorAfter() -> Object? {
        guard let error else { return nil }
        var copy = newError()
        withUnsafeMutableBytes(of: &copy) { copy in
            copy.copyBytes(from: UnsafeRawBufferPointer(start: error, count: min(copy.count, errorSize)))
        }
        return errorObject(copy, code: copy.code)
    }
}

/// A call and what of its result is told.
private enum Call {
    case status(Int32)
    case out(Int32)
    case handle(Int32, UInt64)
    case text(UnsafePointer<CChar>)
}

@Sendable func rawCall(_ op: Object) throws -> Object {
    let function = op["fn"] as? String ?? ""
    let arguments = try Arguments(op)
    var result: Object = [:]
    let code: Int32
    switch try make(function, arguments) {
    case .text(let text):
        return ["text": String(cString: text)]
    case .status(let status):
        code = status
    case .out(let status):
        code = status
        result["out"] = arguments.text.map { parsed($0) } ?? NSNull()
    case .handle(let status, let id):
        code = status
        result["handle"] = id != 0
    }
    result["status"] = code > 0 ? Int(code) : name(code)
    let withoutError = ["hr_router_free", "hr_request_free", "hr_wake", "hr_string_free"]
    if !withoutError.contains(function) && !function.hasSuffix("_options_init") && function != "hr_error_init" {
        result["error"] = arguments.errorAfter()
    }
    if function == "hr_error_init" && !arguments.isNull("error") { result["error"] = errorAfterInit(arguments) }
    return result
}

private func make(_ function: String, _ a: Arguments) throws -> Call {
    let timeout = Int64(a.number("timeout_ms", 0))
    switch function {
    case "hr_router_new": return try callRouterNew(a)
    case "hr_router_free":
        return .handle(a.isNull("router") ? hr_router_free(nil) : hr_router_free(&a.router), a.router.id)
    case "hr_router_reload":
        return .status(try a.withDocument("config") { hr_router_reload(a.router, $0, $1, a.error) })
    case "hr_router_drain": return .status(hr_router_drain(a.router, timeout, a.error))
    case "hr_submit": return try callSubmit(a)
    case "hr_complete":
        let options = try a.submitOptions()
        return try out(a) { out, size in
            try a.withDocument("request") { hr_complete(a.router, $0, $1, options, out, size, a.error) }
        }
    case "hr_cancel", "hr_next", "hr_wait", "hr_request_free": return try onRequest(function, a, timeout)
    case "hr_poll":
        return .status(hr_poll(a.router, a.events(), a.number("capacity", 64), timeout, a.error))
    case "hr_dispatch": return .status(hr_dispatch(a.router, timeout, a.error))
    case "hr_event_fd": return .status(hr_event_fd(a.router, a.error))
    case "hr_wake": return .status(hr_wake(a.router))
    case "hr_stats_json": return try out(a) { hr_stats_json(a.router, $0, $1, a.error) }
    case "hr_metrics_text":
        let format = Int32(truncatingIfNeeded: a.number("format", 0))
        return try out(a) { hr_metrics_text(a.router, format, $0, $1, a.error) }
    case "hr_state_save": return try out(a) { hr_state_save(a.router, $0, $1, a.error) }
    case "hr_state_load": return .status(try a.withDocument("state") { hr_state_load(a.router, $0, $1, a.error) })
    case "hr_config_check":
        return try out(a) { out, size in
            try a.withDocument("config") { hr_config_check($0, $1, out, size, a.error) }
        }
    case "hr_sim_core":
        return try out(a) { out, size in try a.withDocument("script") { hr_sim_core($0, $1, out, size, a.error) } }
    case "hr_sim_codec":
        return try out(a) { out, size in try a.withDocument("script") { hr_sim_codec($0, $1, out, size, a.error) } }
    case "hr_error_name": return .text(hr_error_name(Int32(truncatingIfNeeded: a.number("code", 0))))
    case "hr_error_description": return .text(hr_error_description(Int32(truncatingIfNeeded: a.number("code", 0))))
    case "hr_error_init":
        return .status(a.isNull("error") ? hr_error_init(nil, errorSize(a)) : initialised(a).code)
    case "hr_router_options_init":
        var options = hr_router_options()
        let size = a.number("size", MemoryLayout<hr_router_options>.size)
        return .status(a.isNull("options") ? hr_router_options_init(nil, size) : hr_router_options_init(&options, size))
    case "hr_submit_options_init":
        var options = hr_submit_options()
        let size = a.number("size", MemoryLayout<hr_submit_options>.size)
        return .status(a.isNull("options") ? hr_submit_options_init(nil, size) : hr_submit_options_init(&options, size))
    case "hr_string_free":
        var string: UnsafeMutablePointer<CChar>?
        if !a.isNull("string") { _ = hr_config_check("{}", 2, &string, nil, nil) }
        hr_string_free(string)
        return .status(HR_OK)
    default: throw Broken("unknown function \(function)")
    }
}

/// Calls a function with an out-string; NULL where the driver wants it.
private func out(
    _ a: Arguments,
    _ call: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, UnsafeMutablePointer<Int>?) throws -> Int32
) throws -> Call {
    let noOut = a.isNull("out") || a.isNull("report")
    let noSize = a.isNull("out_size") || a.isNull("report_size")
    var text: UnsafeMutablePointer<CChar>?
    var size = 0
    let code = try withUnsafeMutablePointer(to: &text) { textPointer in
        try withUnsafeMutablePointer(to: &size) { try call(noOut ? nil : textPointer, noSize ? nil : $0) }
    }
    a.text = text
    return .out(code)
}

private func onRequest(_ function: String, _ a: Arguments, _ timeout: Int64) throws -> Call {
    try a.readRequest()
    switch function {
    case "hr_cancel": return .status(hr_cancel(a.request, a.error))
    case "hr_wait": return .status(hr_wait(a.request, timeout, a.error))
    case "hr_next":
        return .status(hr_next(a.request, a.events(), a.number("capacity", 64), timeout, a.error))
    default:
        let code = a.isNull("request") ? hr_request_free(nil) : hr_request_free(&a.request)
        if code == HR_OK { a.requestEntry?.freed = true }
        return .handle(code, a.request.id)
    }
}

private func callRouterNew(_ a: Arguments) throws -> Call {
    let options = a.routerOptions()
    let code = try a.withDocument("config") {
        guard !a.isNull("out") else { return hr_router_new($0, $1, options, nil, a.error) }
        return hr_router_new($0, $1, options, &a.newRouter, a.error)
    }
    if a.newRouter.id != 0 {
        let router = Router(.pull)  // nobody polls it unless a case does
        router.handle = a.newRouter
        state.locked {
            state.allRouters.append(router)
            if let alias = a.alias { state.routers[alias] = router }
        }
    }
    return .handle(code, a.newRouter.id)
}

private func callSubmit(_ a: Arguments) throws -> Call {
    let options = try a.submitOptions()
    let code = try a.withDocument("request") {
        guard !a.isNull("out") else { return hr_submit(a.router, $0, $1, options, nil, a.error) }
        return hr_submit(a.router, $0, $1, options, &a.newRequest, a.error)
    }
    if a.newRequest.id != 0, let router = a.routerEntry {
        let flags = (a.given["options"] as? Object)?["flags"] as? Int ?? 0
        let pull = UInt32(truncatingIfNeeded: flags) & HR_SUBMIT_PULL != 0
        let request = Request(router, name: a.alias ?? "", document: a.document, pull: pull)
        request.handle = a.newRequest
        state.locked {
            state.allRequests.append(request)
            if let alias = a.alias { state.requests[alias] = request }
        }
    }
    return .handle(code, a.newRequest.id)
}

private func errorSize(_ a: Arguments) -> Int { a.number("size", MemoryLayout<hr_error>.size) }

/// Initialises an error that held something else before, so that what was not initialised shows.
private func initialised(_ a: Arguments) -> (code: Int32, error: hr_error) {
    var error = hr_error()
    withUnsafeMutableBytes(of: &error) { $0.dropLast().copyBytes(from: repeatElement(0x5A, count: $0.count - 1)) }
    let code = hr_error_init(&error, errorSize(a))
    return (code, error)
}

private func errorAfterInit(_ a: Arguments) -> Object {
    let error = initialised(a).error
    return errorObject(error, code: error.code)
}
