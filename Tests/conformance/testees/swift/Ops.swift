// SPDX-License-Identifier: Apache-2.0

import CHedgeRouter
import Foundation

/// The ops that run on the reading thread, in the order of their lines.
let direct: [String: @Sendable (Object) throws -> Object] = [
    "hello": { _ in
        [
            "protocol": "1", "language": "swift",
            "features": ["poll", "dispatch", "thread", "pull", "callback", "finalizer", "sim", "call"],
        ]
    },
    "versions": { _ in
        let version = String(cString: hr_version_string())
        return ["number": Int(hr_version()), "version": version, "features": parsed(hr_features())]
    },
    "error_names": { op in
        let codes = (op["codes"] as? [Int] ?? []).map { Int32(truncatingIfNeeded: $0) }
        return [
            "names": codes.map { name($0) }, "descriptions": codes.map { String(cString: hr_error_description($0)) },
        ]
    },
    "router_new": routerNew,
    "reload": { op in
        let router = try state.router(op["router"]), config = try bytes(of: op["config"])
        var error = newError()
        try check(withText(config) { hr_router_reload(router.handle, $0, $1, &error) }, error)
        return [:]
    },
    "stats": { op in
        let router = try state.router(op["router"])
        return ["stats": try outText { hr_stats_json(router.handle, $0, $1, $2) }]
    },
    "metrics": { op in
        let router = try state.router(op["router"])
        let format = op["openmetrics"] as? Bool == true ? HR_METRICS_OPENMETRICS : HR_METRICS_PROMETHEUS
        var error = newError()
        var out: UnsafeMutablePointer<CChar>?
        defer { hr_string_free(out) }
        try check(hr_metrics_text(router.handle, format, &out, nil, &error), error)
        return ["text": out.map { String(cString: $0) } ?? ""]
    },
    "state_save": { op in
        let router = try state.router(op["router"])
        var error = newError()
        var out: UnsafeMutablePointer<CChar>?
        defer { hr_string_free(out) }
        try check(hr_state_save(router.handle, &out, nil, &error), error)
        return ["state": out.map { String(cString: $0) } ?? ""]
    },
    "state_load": { op in
        let router = try state.router(op["router"]), saved = try bytes(of: op["state"])
        var error = newError()
        try check(withText(saved) { hr_state_load(router.handle, $0, $1, &error) }, error)
        return [:]
    },
    "dashboard": { _ in ["text": String(cString: hr_dashboard_html())] },
    "config_check": configCheck,
    "config_schema": { _ in ["schema": parsed(hr_config_schema())] },
    "submit": opSubmit,
    "cancel": { op in
        var error = newError()
        try check(hr_cancel(try state.request(op["request"]).handle, &error), error)
        return [:]
    },
    "request_free": { op in
        let request = try state.request(op["request"])
        var copy = request.handle
        let code = hr_request_free(&copy)
        state.locked { request.freed = true }
        try check(code, newError())
        return [:]
    },
    "finalizers": { _ in
        state.locked {
            ["event": state.finalizers.event, "log": state.finalizers.log, "submit": state.finalizers.submit]
        }
    },
    "sim_core": { op in
        let script = try bytes(of: op["script"])
        return ["out": try withText(script) { text, size in try outText { hr_sim_core(text, size, $0, $1, $2) } }]
    },
    "sim_codec": { op in
        let script = try bytes(of: op["script"])
        return ["out": try withText(script) { text, size in try outText { hr_sim_codec(text, size, $0, $1, $2) } }]
    },
    "call": rawCall,
]

/// The ops that may wait, each on a thread of its own.
let blocking: [String: @Sendable (Object) throws -> Object] = [
    "reset": { _ in
        reset()
        return [:]
    },
    "router_free": { op in
        var copy = try state.router(op["router"]).handle
        try check(hr_router_free(&copy), newError())
        return [:]
    },
    "drain": { op in
        var error = newError()
        let timeout = Int64(op["timeout_ms"] as? Int ?? -1)
        try check(hr_router_drain(try state.router(op["router"]).handle, timeout, &error), error)
        return [:]
    },
    "wait": { op in
        var error = newError()
        let timeout = Int64(op["timeout_ms"] as? Int ?? -1)
        try check(hr_wait(try state.request(op["request"]).handle, timeout, &error), error)
        return [:]
    },
    "complete": complete,
    "next_event": nextEvent,
    "collect": collect,
]

typealias OutString = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

/// Calls a function that returns text through an out parameter.
func outText(
    _ call: (OutString, UnsafeMutablePointer<Int>, UnsafeMutablePointer<hr_error>) -> Int32
) throws -> Any {
    var error = newError()
    var out: UnsafeMutablePointer<CChar>?
    var size = 0
    defer { hr_string_free(out) }
    try check(call(&out, &size, &error), error)
    return parsed(out, size)
}

@Sendable func routerNew(_ op: Object) throws -> Object {
    let chosen = (op["options"] as? Object)?["delivery"] as? String ?? "poll"
    guard let delivery = Delivery(rawValue: chosen) else { throw Broken("unknown delivery") }
    let config = try bytes(of: op["config"])
    let router = Router(delivery)
    state.locked { state.allRouters.append(router) }
    var options = hr_router_options()
    _ = hr_router_options_init(&options, MemoryLayout<hr_router_options>.size)
    options.delivery = delivery == .thread ? HR_DELIVERY_THREAD : HR_DELIVERY_POLL
    options.event_callback = onEvent
    options.event_user_data = Unmanaged.passUnretained(router).toOpaque()
    options.event_user_data_free = countEventFinalizer
    options.log_callback = ignoreLog
    options.log_user_data_free = countLogFinalizer
    options.log_level = HR_LOG_DEBUG
    var error = newError()
    try check(withText(config) { hr_router_new($0, $1, &options, &router.handle, &error) }, error)
    state.locked {
        state.routers[op["as"] as? String ?? ""] = router
        router.polling = delivery == .poll || delivery == .dispatch
    }
    if router.polling { Thread.detachNewThread { pollLoop(router) } }
    return [:]
}

@Sendable func configCheck(_ op: Object) throws -> Object {
    let config = try bytes(of: op["config"])
    var error = newError()
    var report: UnsafeMutablePointer<CChar>?
    var size = 0
    defer { hr_string_free(report) }
    let code = withText(config) { hr_config_check($0, $1, &report, &size, &error) }
    if code != HR_E_CONFIG { try check(code, error) }
    return ["status": name(code), "report": parsed(report, size)]
}

private func overrides(_ op: Object) throws -> [UInt8]? {
    try (op["options"] as? Object)?["overrides"].map { try json($0) }
}

private func timeout(_ op: Object) -> Int { (op["options"] as? Object)?["timeout_ms"] as? Int ?? 0 }

@Sendable func opSubmit(_ op: Object) throws -> Object {
    let options = op["options"] as? Object ?? [:]
    let router = try state.router(op["router"])
    let pull = router.delivery == .pull || options["pull"] as? Bool == true
    let request = Request(
        router, name: op["as"] as? String ?? "", document: try bytes(of: op["request"]), pull: pull)
    if let trigger = options["on_event"] as? Object {
        let types = ["start": HR_EVENT_START, "chunk": HR_EVENT_CHUNK, "end": HR_EVENT_END]
        guard let type = types[trigger["type"] as? String ?? ""], let action = trigger["do"] as? String else {
            throw Broken("malformed on_event")
        }
        request.trigger = (type, action)
    }
    try submit(request, timeout: timeout(op), overrides: try overrides(op))
    return [:]
}

@Sendable func complete(_ op: Object) throws -> Object {
    let router = try state.router(op["router"])
    let document = try bytes(of: op["request"])
    let overridesBytes = try overrides(op)
    var options = hr_submit_options()
    _ = hr_submit_options_init(&options, MemoryLayout<hr_submit_options>.size)
    options.timeout_ms = Int64(timeout(op))
    options.user_data_free = countSubmitFinalizer
    options.user_data = Unmanaged.passUnretained(router).toOpaque()
    let answer = try withText(overridesBytes ?? []) { overridesText, overridesSize in
        if overridesBytes != nil {
            options.overrides = overridesText
            options.overrides_size = overridesSize
        }
        return try withText(document) { text, size in
            try outText { hr_complete(router.handle, text, size, &options, $0, $1, $2) }
        }
    }
    return ["answer": answer]
}

/// Waits until `enough`, or nothing more can come; false when the time passed.
private func awaitEvents(_ request: Request, _ patience: Int, _ enough: () -> Bool) throws -> Bool {
    let until = Date().addingTimeInterval(Double(patience) / 1000)
    while true {
        let finished = state.locked { () -> Bool? in
            if enough() { return true }
            guard !request.pull else { return nil }
            while !enough() && !request.router.closed {
                if !state.wait(until: until) { return enough() }
            }
            return true
        }
        if let finished { return finished }
        let left = until.timeIntervalSinceNow
        var error = newError()
        var event = newEvent()
        let count = hr_next(request.handle, &event, 1, Int64(max(0, left * 1000)), &error)
        if count == HR_E_CLOSED {
            state.change { request.router.closed = true }
            return true
        }
        try check(count, error)
        if count > 0 { state.change { state.record(event, of: request) } }
        if count == 0 && until.timeIntervalSinceNow <= 0 { return false }
    }
}

@Sendable func nextEvent(_ op: Object) throws -> Object {
    let request = try state.request(op["request"])
    _ = try awaitEvents(request, op["timeout_ms"] as? Int ?? 10_000) {
        request.given < request.events.count || request.ended
    }
    return state.locked {
        guard request.given < request.events.count else { return ["event": NSNull()] }
        request.given += 1
        return ["event": request.events[request.given - 1]]
    }
}

@Sendable func collect(_ op: Object) throws -> Object {
    let request = try state.request(op["request"])
    let inTime = try awaitEvents(request, op["timeout_ms"] as? Int ?? 10_000) { request.ended }
    return state.locked {
        var result: Object = ["events": Array(request.events[request.given...])]
        request.given = request.events.count
        if !inTime {
            result["timed_out"] = true
        } else if !request.ended {
            result["closed"] = true
        }
        if let status = request.callbackStatus { result["callback_status"] = name(status) }
        return result
    }
}

/// Frees every pull request, then every router; waits for the pollers; forgets the names.
func reset() {
    let (requests, routers) = state.locked { (state.allRequests, state.allRouters) }
    for request in requests where request.pull && !request.freed {
        request.freed = true
        var copy = request.handle
        _ = hr_request_free(&copy)
    }
    for router in routers {
        var copy = router.handle
        _ = hr_router_free(&copy)  // refused if a case did it before
        state.locked { while router.polling { _ = state.wait(until: .distantFuture) } }
    }
    state.locked {
        state.routers = [:]
        state.requests = [:]
        // The objects stay: the handles are stale, but whatever still refers to them must find them.
        state.finalizers = (0, 0, 0)
    }
}
