import CHedgeRouter
import Glibc
import HedgeRouter

/// Every handle the program holds.
enum Handles {
    static let routers: HandleTable<RouterBox> = {
        installForkHandlers()
        return HandleTable(kind: 1)
    }()
    static let requests = HandleTable<RequestState>(kind: 2)

    /// The router of a handle, if it may be used in this process.
    static func router(_ handle: hr_router) throws(RouterError) -> RouterBox {
        guard let box = routers.object(handle.id) else { throw RouterError(.badHandle) }
        guard box.router.forkGeneration == ForkGuard.current else { throw RouterError(.forked) }
        return box
    }

    /// The request of a handle, if it may be used in this process.
    static func request(_ handle: hr_request) throws(RouterError) -> RequestState {
        guard let request = requests.object(handle.id) else { throw RouterError(.badHandle) }
        guard request.forkGeneration == ForkGuard.current else { throw RouterError(.forked) }
        return request
    }

    private static func installForkHandlers() {
        pthread_atfork(
            {
                Handles.routers.lockForFork()
                Handles.requests.lockForFork()
            },
            {
                Handles.requests.unlockAfterFork()
                Handles.routers.unlockAfterFork()
            },
            {
                Handles.requests.unlockAfterFork()
                Handles.routers.unlockAfterFork()
            })
    }
}

/// A router with the callbacks its program gave.
final class RouterBox: Sendable {
    let router: Router
    let callbacks: Callbacks

    init(router: Router, callbacks: Callbacks) {
        self.router = router
        self.callbacks = callbacks
    }
}

/// The event callback of a router and the pointer that goes with it, released with the last user.
final class Callbacks: @unchecked Sendable {
    let event: hr_event_callback?
    let userData: UserData

    init(event: hr_event_callback?, userData: UserData) {
        self.event = event
        self.userData = userData
    }

    /// Calls the event callback on this thread; true when it asked to cancel the request.
    func deliver(_ event: QueuedEvent, of router: hr_router) -> Bool {
        guard let callback = self.event else { return false }
        var view = hr_event(event)
        return CallbackScope.run { callback(router, &view, userData.pointer) } != 0
    }
}

/// Whether the calling thread is inside a callback of this library.
enum CallbackScope {
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    static var isInside: Bool { pthread_getspecific(key) != nil }

    static func run<Result>(_ body: () -> Result) -> Result {
        let outer = pthread_getspecific(key)
        // Any pointer that is not NULL will do as the mark.
        pthread_setspecific(key, UnsafeRawPointer(bitPattern: 1))
        defer { pthread_setspecific(key, outer) }
        return body()
    }

    /// For calls that block: they would wait for themselves.
    static func refuseInside() throws(RouterError) {
        if isInside { throw RouterError(.reentrant) }
    }
}
