import HedgeJSON
import Testing

@testable import HedgeCore
@testable import HedgeRouter

@Suite("A router's state")
struct RouterStateTests {
    @Test("is loaded into deployments of the same name and saved again")
    func loadAndSave() throws {
        let router = try Self.router("a", "c")
        defer { router.close() }
        #expect(try Self.saved(router).entries.isEmpty)

        // The sample knows of "a" and "b".
        var document = try StateDocumentTests.sample()
        document.savedAt = wallClockMilliseconds()
        try Self.load(document, into: router)
        #expect(try Self.loads(router) == ["documents": 1, "adopted": 1, "outweighed": 0, "expired": 0, "unknown": 1])
        let saved = try Self.saved(router)
        #expect(saved.entries.map(\.key) == ["a"])
        let was = try #require(document.entries.first?.history.streaming)
        let isNow = try #require(saved.entries.first?.history.streaming)
        #expect(isNow.classes.map { $0?.events } == was.classes.map { $0?.events })
        for case (let later?, let before?) in zip(isNow.classes, was.classes) { #expect(later.age >= before.age) }

        try Self.load(saved, into: router)
        #expect(try Self.loads(router)["outweighed"] == 1)
    }

    @Test("goes to the deployments of the configuration that is current when it is loaded")
    func reload() throws {
        let router = try Self.router("a", "c")
        defer { router.close() }
        try router.reload(Self.configuration("b", "c"))
        var document = try StateDocumentTests.sample()
        document.savedAt = wallClockMilliseconds()
        try Self.load(document, into: router)
        #expect(try Self.saved(router).entries.map(\.key) == ["b"])
        // What is learnt of a deployment goes when the configuration drops it.
        try router.reload(Self.configuration("c"))
        #expect(try Self.saved(router).entries.isEmpty)
    }

    @Test("that is damaged changes nothing")
    func damaged() throws {
        let router = try Self.router("a", "b")
        defer { router.close() }
        let state = try StateDocumentTests.state(of: StateDocumentTests.sample().json())
        // The second deployment's history is absurd: the first one's must not be taken either.
        guard let start = StateDocumentTests.range(of: "\"key\":\"b\"", in: state)?.upperBound,
            let place = StateDocumentTests.range(of: "\"squares\":", in: Array(state[start...]))
        else {
            Issue.record("the sample has no such place")
            return
        }
        var changed = state
        changed.insert(UInt8(ascii: "-"), at: start + place.upperBound)
        let error = Self.refusal(StateDocumentTests.sealed(changed), of: router)
        #expect(error?.path.hasPrefix("state.deployments[1]") == true)
        #expect(try Self.loads(router)["documents"] == 0)
        #expect(try Self.saved(router).entries.isEmpty)
    }

    @Test("of a closed router is refused")
    func closed() throws {
        let router = try Self.router("a")
        router.close()
        #expect(Self.refusal(StateDocument(savedAt: 0, entries: []).json(), of: router)?.status == .closed)
        do throws(RouterError) {
            _ = try router.saveState()
            Issue.record("a closed router saved its state")
        } catch {
            #expect(error.status == .closed)
        }
    }

    private static func configuration(_ names: String...) throws -> RouterConfiguration {
        try configuration(names)
    }

    private static func configuration(_ names: [String]) throws -> RouterConfiguration {
        let models = names.map {
            #"{"model_name": "m", "model_info": {"id": "\#($0)"}, "litellm_params": {"model": "openai/x", "api_key": "k"}}"#
        }
        return try ConfigurationSupport.configuration("{\"model_list\": [\(models.joined(separator: ","))]}")
    }

    private static func router(_ names: String...) throws -> Router {
        try Router(configuration: configuration(names), log: .silent) { _ in }
    }

    private static func load(_ document: StateDocument, into router: Router) throws {
        if let error = refusal(document.json(), of: router) { throw error }
    }

    private static func refusal(_ bytes: [UInt8], of router: Router) -> RouterError? {
        bytes.withUnsafeBytes { bytes in
            do throws(RouterError) {
                try router.loadState(bytes)
                return nil
            } catch {
                return error
            }
        }
    }

    private static func saved(_ router: Router) throws -> StateDocument {
        let bytes = try router.saveState()
        return try StateDocument(reading: bytes.span)
    }

    private static func loads(_ router: Router) throws -> [String: Int64] {
        let bytes = try router.statistics()
        let statistics = try JSONDocument.parse(bytes.span)
        let members = try #require(statistics.root["state_loads"]).members
        return Dictionary(uniqueKeysWithValues: members.map { ($0.key, $0.value.integer ?? -1) })
    }
}
