import Glibc
import HedgeJSON
import Testing

@Suite struct JSONDocumentTests {
    @Test(
        "what is not JSON, or too much of it, is refused with the place and the reason",
        arguments: [
            ("", JSONParseError.Reason.truncated, 0),
            ("   ", .truncated, 3),
            ("{", .truncated, 1),
            (#"{"a":1"#, .truncated, 6),
            (#"{"a"}"#, .invalidSyntax, 4),
            (#"{"a":1,}"#, .invalidSyntax, 7),
            ("[1,]", .invalidSyntax, 3),
            ("[1 2]", .invalidSyntax, 3),
            ("[1}", .invalidSyntax, 2),
            ("nul", .truncated, 3),
            ("nulL", .invalidSyntax, 3),
            ("01", .trailingText, 1),
            ("-", .truncated, 1),
            ("1.", .truncated, 2),
            ("1.x", .invalidSyntax, 2),
            ("1e", .truncated, 2),
            ("+1", .invalidSyntax, 0),
            ("{} x", .trailingText, 3),
            ("\"a\nb\"", .invalidSyntax, 2),
            (#""\x""#, .invalidEscape, 2),
            (#""\u12g4""#, .invalidEscape, 5),
            ("\"a\u{0}b\"", .nul, 2),
        ])
    func refusals(text: String, reason: JSONParseError.Reason, offset: Int) {
        #expect(throws: JSONParseError(reason, offset: offset)) { try JSONDocument.parse(text) }
    }

    @Test(
        "what only the tree can find is refused too",
        arguments: [
            (#"{"a":1,"b":2,"a":3}"#, JSONParseError.Reason.duplicateKey),
            (#"{"a":1,"\u0061":3}"#, .duplicateKey),
            ("[9223372036854775808]", .numberOutOfRange),
            ("[1e999]", .numberOutOfRange),
        ])
    func treeRefusals(text: String, reason: JSONParseError.Reason) {
        let error = #expect(throws: JSONParseError.self) { try JSONDocument.parse(text) }
        #expect(error?.reason == reason)
        #expect((1...text.utf8.count).contains(error?.offset ?? 0))
    }

    @Test("unpaired surrogates and escaped NUL are refused", arguments: [#""\ud800""#, #""\udc00x""#, #""a\u0000b""#])
    func escapes(text: String) {
        #expect(throws: JSONParseError.self) { try JSONDocument.parse(text) }
    }

    @Test(
        "invalid UTF-8 is refused at its place",
        arguments: [
            [0x80], [0xC0, 0x80], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
        ] as [[UInt8]])
    func utf8(sequence: [UInt8]) {
        let text = Array("[\"1234567".utf8) + sequence + Array("\"]".utf8)
        #expect(throws: JSONParseError(.invalidUTF8, offset: 9)) { try JSONTape().scan(text.span) }
        #expect(throws: JSONParseError(.invalidUTF8, offset: 9)) { try JSONDocument.parse(text.span) }
    }

    @Test("errors carry nothing of the document")
    func errorText() {
        let error = #expect(throws: JSONParseError.self) { try JSONDocument.parse(#"{"hunter2":1,"hunter2":2}"#) }
        #expect(error?.message == "duplicate object key at byte 22")
    }

    @Test("depth and length limits hold exactly, and before anything recurses")
    func limits() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try JSONDocument.parse(nested(128))
        #expect(throws: JSONParseError(.tooDeep, offset: 128)) { try JSONDocument.parse(nested(129)) }
        let deep = String(repeating: "[", count: 1_000_000)
        #expect(throws: JSONParseError(.tooDeep, offset: 128)) { try JSONDocument.parse(deep) }
        let limits = JSONLimits(bytes: 4)
        _ = try JSONDocument.parse("[12]", limits: limits)
        #expect(throws: JSONParseError(.tooLong, offset: 4)) { try JSONDocument.parse("[123]", limits: limits) }
    }

    @Test("accessors give a value only of the right type, and nothing out of bounds")
    func accessors() throws {
        let text =
            #"{"s":"é\n\u00e9\ud83d\ude00","i":-9223372036854775808,"r":0.5,"t":true,"f":false,"n":null,"a":[1,2]}"#
        let root = try JSONDocument.parse(text).root
        #expect(root.kind == .object && root.count == 7)
        #expect(root["s"]?.string == "é\né😀")
        #expect(root["s"]?.integer == nil)
        #expect(root["i"]?.integer == .min && root["i"]?.number == -9_223_372_036_854_775_808)
        #expect(root["r"]?.number == 0.5 && root["r"]?.integer == nil)
        #expect(root["t"]?.bool == true && root["f"]?.bool == false && root["n"]?.bool == nil)
        #expect(root["n"]?.isNull == true && root["x"] == nil && root.member("a")?.count == 2)
        #expect(root["a"]?[1]?.integer == 2 && root["a"]?[2] == nil && root["a"]?[-1] == nil && root[0] == nil)
        #expect(root["a"]?.elements.map(\.integer) == [1, 2])
        #expect(root.members.map(\.key) == ["s", "i", "r", "t", "f", "n", "a"])
        #expect(root["s"]?["s"] == nil && root["s"]?.count == 0 && Array(root["s"]!.members.map(\.key)) == [])
    }

    @Test("a value outlives the document it came from")
    func lifetime() throws {
        func inner() throws -> JSONValue? { try JSONDocument.parse(#"{"a":{"b":"kept"}}"#).root["a"] }
        #expect(try inner()?["b"]?.string == "kept")
    }

    @Test(
        "a document written back is the same text",
        arguments: [
            "0.1", "-0.0", "1e+22", "5e-324", "1.7976931348623157e+308", "123456789.12345679", "100.0",
            "9007199254740993", "-9223372036854775808",
            #"{"b":1,"a":[true,false,null,"x\"\\\n\u0001é"],"c":{}}"#, "[]", #""""#,
        ])
    func roundTrip(text: String) throws {
        #expect(try JSONDocument.parse(text).root.compactText == text)
    }

    @Test("a host locale with a decimal comma changes nothing")
    func locale() throws {
        // Whichever of these the machine has; a locale for this thread alone, since other tests run beside it.
        let names = ["de_DE.UTF-8", "fr_FR.UTF-8", "nl_NL.UTF-8", "C.UTF-8"]
        let locale = names.lazy.compactMap { newlocale(LC_NUMERIC_MASK, $0, nil) }.first
        let before = uselocale(locale)
        defer {
            uselocale(before)
            freelocale(locale)
        }
        let root = try JSONDocument.parse("[0.5,1234567.25,1e-7]").root
        #expect(root.elements.map(\.number) == [0.5, 1234567.25, 1e-7])
        #expect(root.compactText == "[0.5,1234567.25,1e-07]")
    }

    @Test("a builder changes its own members and never the original's")
    func builder() throws {
        let original = try JSONDocument.parse(#"{"a":1,"b":{"c":2},"d":3}"#)
        var builder = JSONObjectBuilder(copying: original.root)
        builder.set("a", to: "x")
        builder.remove("d")
        builder.remove("missing")
        builder.set("e", to: 1.5)
        builder.set("f", to: true)
        builder.setNull("g")
        var inner = JSONObjectBuilder()
        inner.set("i", to: Int64(7))
        builder.set("h", to: inner)
        let built = builder.finish()
        #expect(built.root.compactText == #"{"a":"x","b":{"c":2},"e":1.5,"f":true,"g":null,"h":{"i":7}}"#)
        #expect(original.root.compactText == #"{"a":1,"b":{"c":2},"d":3}"#)
        #expect(original.root["b"]!.isEqual(to: built.root["b"]!))
    }

    @Test("documents are read from several threads at once")
    func threads() async throws {
        let document = try JSONDocument.parse(#"{"a":[1,2,3],"b":"x"}"#)
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<2000).reduce(0) { sum, _ in sum + (document.root["a"]?.count ?? 0) } }
            }
            for await sum in group { #expect(sum == 6000) }
        }
    }
}
