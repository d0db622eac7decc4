import CCurl
import Glibc
import Testing

@testable import HedgeTransport

/// Two connected descriptors.
private final class Pair {
    let near: Int32
    let far: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
        (near, far) = (ends[0], ends[1])
    }

    /// Makes the near end readable.
    func send() {
        var byte: UInt8 = 1
        write(far, &byte, 1)
    }

    func closeBoth() {
        close(near)
        close(far)
    }
}

@Suite("Poller")
struct PollerTests {
    private let poller: SystemPoller

    init() throws {
        poller = try SystemPoller()
    }

    /// What is ready now.
    private func ready() -> [Int32] {
        (0..<poller.wait(nanoseconds: 0)).compactMap { poller.ready(at: $0)?.descriptor }
    }

    @Test("What is not watched any more is not told of, kept or not", arguments: [false, true])
    func unwatched(isKept: Bool) {
        let pair = Pair()
        defer { pair.closeBoth() }
        if isKept { poller.keep(pair.near) }
        #expect(poller.watch(pair.near, for: .readable))
        poller.unwatch(pair.near)
        pair.send()
        #expect(ready().isEmpty)
        // Epoll was told at last, so that the next wait is one.
        #expect(poller.wait(nanoseconds: 0) == 0)
        #expect(poller.watch(pair.near, for: .readable))
        #expect(ready() == [pair.near])
    }

    @Test("A kept descriptor is found ready when it is watched again", arguments: [Readiness.readable, .writable])
    func watchedAgain(interest: Readiness) {
        let pair = Pair()
        defer { pair.closeBoth() }
        poller.keep(pair.near)
        for _ in 0..<3 {
            #expect(poller.watch(pair.near, for: .readable))
            poller.unwatch(pair.near)
        }
        pair.send()
        #expect(poller.watch(pair.near, for: interest))
        #expect(ready() == [pair.near])
    }

    /// What was told of a descriptor before another of its number is watched. One that is not announced never follows
    /// one that was kept and closed unseen.
    enum Told: CaseIterable {
        case nothing, keptAndForgotten, keptForgottenAndKept, keptTwice
    }

    @Test("The number of a descriptor that was closed serves another", arguments: Told.allCases)
    func numberUsedAgain(_ told: Told) {
        let first = Pair()
        let second = Pair()
        defer {
            first.closeBoth()
            second.closeBoth()
        }
        if told != .nothing { poller.keep(first.near) }
        #expect(poller.watch(first.near, for: .readable))
        poller.unwatch(first.near)
        if told == .keptAndForgotten || told == .keptForgottenAndKept { poller.forget(first.near) }
        // Closes what had the number, in one step with using it again: other tests open descriptors at the same time.
        #expect(dup2(second.near, first.near) == first.near)
        if told == .keptForgottenAndKept || told == .keptTwice { poller.keep(first.near) }
        #expect(poller.watch(first.near, for: .readable))
        second.send()
        #expect(ready() == [first.near])
    }

    @Test("A connection that a child of the process still has open is not told of after it was closed")
    func openInAChild() {
        let pair = Pair()
        let copy = dup(pair.near)
        defer { close(copy) }
        poller.keep(pair.near)
        #expect(poller.watch(pair.near, for: .readable))
        poller.unwatch(pair.near)
        poller.forget(pair.near)
        pair.send()
        pair.closeBoth()
        #expect(poller.wait(nanoseconds: 0) == 0)
    }
}
