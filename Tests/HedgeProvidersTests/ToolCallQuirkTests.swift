import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

/// What providers do with fragments of tool calls: what a client joins by index must come out right.
@Suite struct ToolCallQuirkTests {
    /// The calls a client puts together from the chunks, as `index:id:name:arguments`.
    private func calls(_ fragments: [String]) throws -> [String] {
        let body = event(roleDelta) + fragments.map { event(#"{"tool_calls":\#($0)}"#) }.joined() + done
        let seen = try Response().decode(body)
        #expect(seen.last == .completed)
        #expect(seen.dropLast().last?.chunk == chunk("{}", finish: #""tool_calls""#))
        var joined: [Int64: (id: String, name: String, arguments: String)] = [:]
        for text in seen.compactMap(\.chunk) {
            let delta = try #require(try JSONDocument.parse(text).root["choices"]?[0]?["delta"])
            for call in delta["tool_calls"].map({ Array($0.elements) }) ?? [] {
                let index = try #require(call["index"]?.integer)
                let isNew = joined[index] == nil
                #expect(!isNew || call["type"]?.string == "function")
                var entry = joined[index] ?? ("", "", "")
                entry.id += call["id"]?.string ?? ""
                entry.name += call["function"]?["name"]?.string ?? ""
                let arguments = call["function"]?["arguments"]
                #expect(arguments == nil || arguments?.kind == .string)
                entry.arguments += arguments?.string ?? ""
                joined[index] = entry
            }
        }
        return joined.sorted { $0.key < $1.key }.map {
            "\($0.key):\($0.value.id):\($0.value.name):\($0.value.arguments)"
        }
    }

    private func head(_ index: String, _ id: String, _ name: String, _ arguments: String = "\"\"") -> String {
        #"{\#(index)"id":"\#(id)","type":"function","function":{"name":"\#(name)","arguments":\#(arguments)}}"#
    }

    private func rest(_ index: Int, _ arguments: String) -> String {
        #"{"index":\#(index),"function":{"arguments":"\#(arguments)"}}"#
    }

    @Test("calls that are right pass byte for byte")
    func verbatim() throws {
        let fragments = [head("\"index\":0,", "call_a", "f"), rest(0, "{}")].map { #"{"tool_calls":[\#($0)]}"# }
        let seen = try Response().decode(event(roleDelta) + fragments.map { event($0) }.joined() + done)
        #expect(seen[1].chunk == chunk(fragments[0]) && seen[2].chunk == chunk(fragments[1]))
    }

    @Test("interleaved fragments go to their own calls, not to the one opened last")
    func interleaved() throws {
        let fragments = [
            "[\(head("\"index\":0,", "A", "f"))]", "[\(head("\"index\":1,", "B", "g"))]",
            "[\(rest(0, "1"))]", "[\(rest(1, "2"))]", "[\(rest(0, "3")),\(rest(1, "4"))]",
        ]
        #expect(try calls(fragments) == ["0:A:f:13", "1:B:g:24"])
    }

    @Test("a known id decides against a wrong index")
    func idFirst() throws {
        let fragments = [
            "[\(head("\"index\":0,", "A", "f"))]", "[\(head("\"index\":0,", "B", "g"))]",
            #"[{"index":1,"id":"B","function":{"arguments":"2"}}]"#,
            #"[{"index":1,"id":"A","function":{"arguments":"1"}}]"#,
        ]
        #expect(try calls(fragments) == ["0:A:f:1", "1:B:g:2"])
    }

    @Test("a wrong index on the head of a call does not mislead its fragments")
    func wrongHeadIndex() throws {
        let fragments = [
            "[\(head("\"index\":0,", "A", "f"))]", "[\(rest(0, "1"))]", "[\(head("\"index\":0,", "B", "g"))]",
            "[\(rest(1, "2"))]",
        ]
        #expect(try calls(fragments) == ["0:A:f:1", "1:B:g:2"])
    }

    @Test("parallel calls that all have index 0 stay apart, in one chunk or in several")
    func allIndexZero() throws {
        let a = head("\"index\":0,", "A", "f", #""{\"x\":1}""#)
        let b = head("\"index\":0,", "B", "f", #""{\"x\":2}""#)
        #expect(try calls(["[\(a),\(b)]"]) == [#"0:A:f:{"x":1}"#, #"1:B:f:{"x":2}"#])
        #expect(try calls(["[\(a)]", "[\(b)]"]) == [#"0:A:f:{"x":1}"#, #"1:B:f:{"x":2}"#])
    }

    @Test("a missing index is the place in the array")
    func missingIndex() throws {
        let fragments = [
            "[\(head("", "A", "f")),\(head("", "B", "g"))]",
            #"[{"function":{"arguments":"1"}},{"function":{"arguments":"2"}}]"#,
        ]
        #expect(try calls(fragments) == ["0:A:f:1", "1:B:g:2"])
        #expect(try calls(["[\(head("", "A", "f"))]", "[\(head("", "B", "g"))]"]) == ["0:A:f:{}", "1:B:g:{}"])
    }

    @Test("a lone fragment without index or id continues the latest call")
    func loneFragment() throws {
        let fragments = [
            "[\(head("", "A", "f"))]", #"[{"function":{"arguments":"1"}}]"#, "[\(head("", "B", "g"))]",
            #"[{"function":{"arguments":"2"}}]"#,
        ]
        #expect(try calls(fragments) == ["0:A:f:1", "1:B:g:2"])
    }

    @Test("a missing id is made up once per call")
    func missingID() throws {
        let fragments = [
            #"[{"index":0,"function":{"name":"f","arguments":""}}]"#, #"[{"index":1,"id":"","function":{"name":"g"}}]"#,
            "[\(rest(0, "1"))]", "[\(rest(1, "2"))]",
        ]
        let made = try calls(fragments)
        let ids = made.map { $0.split(separator: ":" as Character)[1] }
        #expect(Set(ids).count == 2 && ids.allSatisfy { $0.hasPrefix("call_") && $0.utf8.count == 29 })
        #expect(made[0].hasSuffix(":f:1") && made[1].hasSuffix(":g:2"))
    }

    @Test("an id or name that comes with every fragment is given once")
    func repeatedHead() throws {
        let fragments = ["1", "2"].map { "[\(head("\"index\":0,", "A", "f", "\"\($0)\""))]" }
        #expect(try calls(fragments) == ["0:A:f:12"])
        let withoutID = ["1", "2"].map { #"[{"index":0,"function":{"name":"f","arguments":"\#($0)"}}]"# }
        #expect(try calls(withoutID).map { $0.hasSuffix(":f:12") } == [true])
    }

    @Test("a new id on every nameless fragment begins no new call")
    func freshIDs() throws {
        let fragments = [
            "[\(head("\"index\":0,", "A", "f"))]", #"[{"index":0,"id":"X1","function":{"arguments":"1"}}]"#,
            #"[{"index":0,"id":"X2","function":{"name":null,"arguments":"2"}}]"#,
        ]
        #expect(try calls(fragments) == ["0:A:f:12"])
    }

    @Test("a name that comes after the id is kept")
    func lateName() throws {
        let fragments = [
            #"[{"index":0,"id":"A","type":"function","function":{"name":"","arguments":""}}]"#,
            #"[{"index":0,"function":{"name":"f","arguments":"1"}}]"#,
        ]
        #expect(try calls(fragments) == ["0:A:f:1"])
    }

    @Test("arguments are a string, also where they came as an object or null, and gaps in indices are closed")
    func argumentTypes() throws {
        let fragments = [
            "[\(head("\"index\":3,", "A", "f", #"{"x": "é\n"}"#))]", "[\(head("\"index\":7,", "B", "g", "null"))]",
            #"[{"index":7,"function":{"arguments":null}}]"#,
        ]
        #expect(try calls(fragments) == [#"0:A:f:{"x": "é\n"}"#, "1:B:g:{}"])
    }

    @Test("a finish of stop, or none, after a tool call is tool_calls", arguments: [#""stop""#, #""""#, #""eos""#])
    func finishAfterCall(finish: String) throws {
        let call = #"{"tool_calls":[\#(head("\"index\":0,", "A", "f"))]}"#
        let seen = try Response().decode(event(roleDelta) + event(call) + event("{}", finish: finish) + done)
        #expect(seen.suffix(2).first?.chunk == chunk("{}", finish: #""tool_calls""#))
    }

    @Test("calls of two choices are counted apart")
    func twoChoices() throws {
        let call = #"{"tool_calls":[\#(head("\"index\":0,", "A", "f"))]}"#
        let body = event(roleDelta) + event(roleDelta, index: 1) + event(call) + event(call, index: 1) + done
        let seen = try Response().decode(body)
        #expect(seen[2].chunk == chunk(call) && seen[3].chunk == chunk(call, index: 1))
    }
}
