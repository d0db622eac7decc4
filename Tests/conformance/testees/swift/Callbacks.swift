// SPDX-License-Identifier: Apache-2.0

import CHedgeRouter
import Foundation

let countEventFinalizer: hr_finalizer = { userData in
    let router = userData.map { Unmanaged<Router>.fromOpaque($0).takeUnretainedValue() }
    state.change {
        state.finalizers.event += 1
        router?.closed = true  // the last thing a router does with its callback
    }
}

let countLogFinalizer: hr_finalizer = { _ in state.change { state.finalizers.log += 1 } }

let countSubmitFinalizer: hr_finalizer = { _ in state.change { state.finalizers.submit += 1 } }

let ignoreLog: hr_log_callback = { _, _, _, _ in }

let onEvent: hr_event_callback = { router, event, _ in
    guard let event = event?.pointee, let request = Request.from(event.user_data) else { return 0 }
    let action = state.locked { () -> String? in
        guard let trigger = request.trigger, trigger.type == event.type else { return nil }
        request.trigger = nil
        return trigger.action
    }
    var answer: Int32 = 0
    if action == "return_nonzero" {
        answer = 1
    } else if let action {
        let status = act(action, request, router, event)
        state.change { request.callbackStatus = status }
    }
    // Last, so that whoever collects the END sees the callback's status, too.
    state.change { state.record(event, of: request) }
    return answer
}

/// Does what `on_event` asks for; without the lock, for the calls may come back here.
func act(_ action: String, _ request: Request, _ router: hr_router, _ event: hr_event) -> Int32 {
    var error = newError()
    switch action {
    case "cancel":
        return hr_cancel(event.request, &error)
    case "router_free":
        var copy = router
        return hr_router_free(&copy)
    case "poll":
        var events = newEvent()
        return hr_poll(router, &events, 1, 0, &error)
    case "dispatch":
        return hr_dispatch(router, 0, &error)
    case "drain":
        return hr_router_drain(router, 0, &error)
    case "complete":
        return completeAgain(request, router)
    case "submit":
        do {
            let again = Request(request.router, name: request.name + ".again", document: request.document, pull: false)
            try submit(again, timeout: 0, overrides: nil)
            return HR_OK
        } catch {
            return (error as? Failure)?.code ?? HR_E_INVAL
        }
    default:
        return HR_E_INVAL
    }
}

private func completeAgain(_ request: Request, _ router: hr_router) -> Int32 {
    guard var document = try? JSONSerialization.jsonObject(with: Data(request.document)) as? Object else {
        return HR_E_INVAL
    }
    document["stream"] = nil
    guard let text = try? json(document) else { return HR_E_INVAL }
    var error = newError()
    var answer: UnsafeMutablePointer<CChar>?
    defer { hr_string_free(answer) }
    return withText(text) { hr_complete(router, $0, $1, nil, &answer, nil, &error) }
}

/// Takes the router's events until it is closed.
func pollLoop(_ router: Router) {
    var error = newError()
    var events = Array(repeating: newEvent(), count: 16)
    var count: Int32 = 0
    while count >= 0 {
        if router.delivery == .dispatch {
            count = hr_dispatch(router.handle, 100, &error)
            continue
        }
        count = hr_poll(router.handle, &events, events.count, 100, &error)
        guard count > 0 else { continue }
        state.change {
            for event in events.prefix(Int(count)) {
                if let request = Request.from(event.user_data) { state.record(event, of: request) }
            }
        }
    }
    state.change {
        router.closed = true
        router.polling = false
    }
}

/// Submits a request that has its name already, or takes the name away again.
func submit(_ request: Request, timeout: Int, overrides: [UInt8]?) throws {
    var options = hr_submit_options()
    _ = hr_submit_options_init(&options, MemoryLayout<hr_submit_options>.size)
    options.flags = request.pull ? HR_SUBMIT_PULL : 0
    options.timeout_ms = Int64(timeout)
    options.user_data = request.userData
    options.user_data_free = countSubmitFinalizer
    state.locked {
        state.allRequests.append(request)
        state.requests[request.name] = request
    }
    var error = newError()
    var handle = hr_request()
    let code = withText(overrides ?? []) { overridesText, overridesSize in
        if overrides != nil {
            options.overrides = overridesText
            options.overrides_size = overridesSize
        }
        return withText(request.document) { hr_submit(request.router.handle, $0, $1, &options, &handle, &error) }
    }
    state.locked { request.handle = handle }
    try check(code, error)
}
