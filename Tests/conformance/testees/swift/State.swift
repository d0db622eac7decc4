// SPDX-License-Identifier: Apache-2.0

import CHedgeRouter
import Foundation

enum Delivery: String {
    case poll, dispatch, thread, pull
}

/// A router; stays until the program ends, as late events and finalizers may still refer to it.
final class Router: @unchecked Sendable {
    var handle = hr_router()
    let delivery: Delivery
    /// Nothing more comes from this router.
    var closed = false
    var poller: Thread?
    var polling = false

    init(_ delivery: Delivery) { self.delivery = delivery }
}

/// A request and its events so far.
final class Request: @unchecked Sendable {
    var handle = hr_request()
    let router: Router
    let name: String
    let document: [UInt8]
    let pull: Bool
    var freed = false
    var events: [Object] = []
    var given = 0
    var ended = false
    /// What to do in the callback at the first event of a type, and what came of it.
    var trigger: (type: Int32, action: String)?
    var callbackStatus: Int32?

    init(_ router: Router, name: String, document: [UInt8], pull: Bool) {
        self.router = router
        self.name = name
        self.document = document
        self.pull = pull
    }

    var userData: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    static func from(_ userData: UnsafeMutableRawPointer?) -> Request? {
        userData.map { Unmanaged<Request>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// Everything the threads share, under one lock with one condition.
final class State: @unchecked Sendable {
    private let condition = NSCondition()
    var routers: [String: Router] = [:]
    var requests: [String: Request] = [:]
    var allRouters: [Router] = []
    var allRequests: [Request] = []
    var finalizers = (event: 0, log: 0, submit: 0)
    var openOps = 0

    func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
        condition.lock()
        defer { condition.unlock() }
        return try body()
    }

    /// Changes something others may be waiting for.
    func change(_ body: () -> Void) {
        locked {
            body()
            condition.broadcast()
        }
    }

    /// Waits for a change, with the lock held; false when the time has come.
    ///
    /// Foundation's condition traps on dates as far away as `distantFuture`, so a wait lasts an hour at the most.
    func wait(until: Date) -> Bool { condition.wait(until: min(until, Date().addingTimeInterval(3600))) }

    func router(_ name: Any?) throws -> Router {
        guard let router = locked({ routers[name as? String ?? ""] }) else { throw Broken("unknown router") }
        return router
    }

    func request(_ name: Any?) throws -> Request {
        guard let request = locked({ requests[name as? String ?? ""] }) else { throw Broken("unknown request") }
        return request
    }

    /// Keeps an event; with the lock held by `change`.
    func record(_ event: hr_event, of request: Request) {
        request.events.append(eventObject(event))
        request.ended = request.ended || event.type == HR_EVENT_END
    }
}

let state = State()
