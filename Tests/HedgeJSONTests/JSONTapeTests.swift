import HedgeJSON
import Testing

@Suite struct JSONTapeTests {
    @Test("members are found in place, with their exact bytes")
    func members() throws {
        let scan = try Scan(#" {"a": {"b" :[1,{"c":2}] }, "d":"x\ny", "e":-12 , "f":1.5}"#)
        let tape = scan.tape
        #expect(tape.kind(0) == .object && tape.elementCount(0) == 4 && tape.next(0) == tape.count)
        let a = try #require(scan.member("a", of: 0))
        #expect(scan.text(tape.range(a)) == #"{"b" :[1,{"c":2}] }"#)
        let b = try #require(scan.member("b", of: a))
        #expect(tape.kind(b) == .array && tape.elementCount(b) == 2 && !tape.isEmptyContainer(b))
        let d = try #require(scan.member("d", of: 0))
        #expect(scan.text(tape.content(d)) == #"x\ny"# && scan.string(d) == "x\ny")
        #expect(tape.isNonEmptyString(d) && !tape.isNonEmptyString(a))
        let e = try #require(scan.member("e", of: 0))
        #expect(scan.integer(e) == -12 && scan.double(e) == -12)
        let f = try #require(scan.member("f", of: 0))
        #expect(scan.integer(f) == nil && scan.double(f) == 1.5)
        #expect(scan.member("c", of: 0) == nil && scan.member("b", of: b) == nil)
    }

    @Test("the keys of an object come one after another, and other nodes have none")
    func keys() throws {
        let text = Array(#"{"a":{"b":[1,{"c":2}]},"d":[],"":{},"a":3}"#.utf8)
        let tape = JSONTape()
        try tape.scan(text.span)
        let keys = tape.keys(of: 0).map { tape.string($0, in: text.span) }
        #expect(keys == ["a", "d", "", "a"])
        let inner = tape.member("a", of: 0, in: text.span) ?? -1
        #expect(tape.keys(of: inner).map { tape.string($0, in: text.span) } == ["b"])
        let list = tape.member("b", of: inner, in: text.span) ?? -1
        let empty = tape.member("", of: 0, in: text.span) ?? -1
        for other in [list, list + 1, empty, -1, 1000] { #expect(Array(tape.keys(of: other)).isEmpty) }
    }

    @Test("nodes that do not exist are null and empty", arguments: [-1, 2, 1000])
    func bounds(node: Int) throws {
        let scan = try Scan("[1]")
        #expect(scan.tape.kind(node) == .null && scan.tape.range(node).isEmpty && scan.tape.content(node).isEmpty)
        #expect(scan.string(node) == nil && scan.integer(node) == nil && scan.member("a", of: node) == nil)
    }

    @Test("a text other than the scanned one is harmless")
    func otherText() throws {
        let tape = try Scan(#"[123,"abc"]"#).tape
        let empty: [UInt8] = []
        let integer = tape.integer(1, in: empty.span)
        let isString = tape.isString(2, "abc", in: empty.span)
        let string = tape.string(2, in: empty.span)
        #expect(integer == nil && !isString && string == "")
    }

    @Test("integers up to 64 bits are read, larger ones are not")
    func integers() throws {
        let cases: [(String, Int64?)] = [
            ("9223372036854775807", .max), ("-9223372036854775808", .min), ("9223372036854775808", nil), ("-0", 0),
            ("99999999999999999999999999", nil),
        ]
        for (text, value) in cases {
            #expect(try Scan(text).integer(0) == value)
        }
    }

    @Test("escapes are resolved as jansson resolves them")
    func escapes() throws {
        let text = #""\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00 plain é""#
        #expect(try Scan(text).string(0) == JSONDocument.parse(text).root.string)
    }

    @Test(
        "an unpaired surrogate becomes the replacement character",
        arguments: [
            (#""a\ud83d""#, "a\u{FFFD}"), (#""\ude00b""#, "\u{FFFD}b"), (#""\ud83d\u0041""#, "\u{FFFD}A"),
        ])
    func surrogates(text: String, expected: String) throws {
        #expect(try Scan(text).string(0) == expected)
    }

    @Test("a failed scan leaves nothing of it or of the one before")
    func failure() throws {
        let tape = JSONTape()
        let whole = Array("[1,2,3]".utf8)
        try tape.scan(whole.span)
        let cut = Array("[1,".utf8)
        #expect(throws: JSONParseError(.truncated, offset: 3)) { try tape.scan(cut.span) }
        #expect(tape.count == 0 && tape.kind(0) == .null)
    }

    @Test("it accepts what jansson accepts, and the other way round, on mutated documents")
    func agreesWithTree() {
        var random = SplitMix(state: 7)
        let seeds = [
            #"{"id":"c1","choices":[{"index":0,"delta":{"content":"né \u00e9\n"},"finish_reason":null}],"n":-1.5e3}"#,
            #"[true,false,null,0,-0,1E5,"",{"a":{}},[[]]]"#,
        ].map { Array($0.utf8) }
        let alphabet = Array(#"{}[]",:\/ntfu0123456789.eE+- "#.utf8) + [0x00, 0x1F, 0x80, 0xC3, 0xE2, 0xF0, 0xFF]
        let tape = JSONTape()
        var accepted = 0
        for round in 0..<20_000 {
            var text = seeds[round % seeds.count]
            for _ in 0...Int(random.next() % 3) {
                let place = Int(random.next() % UInt64(text.count))
                switch random.next() % 3 {
                case 0: text[place] = alphabet[Int(random.next() % UInt64(alphabet.count))]
                case 1: text.insert(alphabet[Int(random.next() % UInt64(alphabet.count))], at: place)
                default: text.remove(at: place)
                }
            }
            let scanned = (try? tape.scan(text.span)) != nil
            var tree: JSONParseError.Reason?
            do { _ = try JSONDocument.build(text.span) } catch { tree = error.reason }
            if scanned {
                accepted += 1
                var ambiguity: JSONParseError.Reason?
                do { try tape.refuseAmbiguity(in: text.span) } catch { ambiguity = error.reason }
                #expect((tree == nil || tree == .numberOutOfRange) == (ambiguity == nil) || ambiguity == .duplicateKey)
                // The tape does not look for these.
                let onlyTree: [JSONParseError.Reason?] = [nil, .duplicateKey, .numberOutOfRange, .nul, .invalidSyntax]
                #expect(onlyTree.contains(tree), "\(String(decoding: text, as: UTF8.self))")
            } else if !text.contains(0) {
                // jansson overlooks some NULs outside strings; documents are scanned before it sees them.
                #expect(tree != nil, "\(String(decoding: text, as: UTF8.self))")
            }
        }
        #expect(accepted > 1000)
    }

    @Test(
        "what two readers could take differently is refused on demand",
        arguments: [
            (#"{"a":1,"a":2}"#, JSONParseError(.duplicateKey, offset: 10)),
            (#"[{"x":{"b":1,"\u0062":2}}]"#, JSONParseError(.duplicateKey, offset: 21)),
            (
                #"{"0":0,"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"7":1}"#,
                JSONParseError(.duplicateKey, offset: 58)
            ),
            (#"["a\u0000"]"#, JSONParseError(.nul, offset: 3)),
            (#"["\\u0000 \ud800"]"#, JSONParseError(.invalidEscape, offset: 10)),
            (#"["\udc00"]"#, JSONParseError(.invalidEscape, offset: 2)),
            (#"["\ud800\u0041"]"#, JSONParseError(.invalidEscape, offset: 2)),
            (#"["\ud83d\ude00","\\","a","a",{"a":1,"A":2},{"a":1},"\u00e9"]"#, nil),
        ])
    func ambiguity(text: String, error: JSONParseError?) throws {
        let scan = try Scan(text)
        var found: JSONParseError?
        do { try scan.tape.refuseAmbiguity(in: scan.bytes.span) } catch { found = error }
        #expect(found == error)
        #expect((try? JSONDocument.parse(text)) != nil || error != nil)
    }

    @Test("duplicates in a large object are found, and none where there is none")
    func largeObject() throws {
        let members = (0..<5000).map { "\"key\($0)\":\($0)" }
        let unique = try Scan("{\(members.joined(separator: ","))}")
        try unique.tape.refuseAmbiguity(in: unique.bytes.span)
        let double = try Scan("{\((members + ["\"key\\u0034999\":0"]).joined(separator: ","))}")
        #expect(throws: JSONParseError(.duplicateKey, offset: double.bytes.count - 3)) {
            try double.tape.refuseAmbiguity(in: double.bytes.span)
        }
    }

    @Test("strings of every length and place of the special byte are read right")
    func stringLengths() throws {
        let tape = JSONTape()
        for length in 0..<40 {
            let plain = Array("\"".utf8) + Array(repeating: UInt8(ascii: "x"), count: length) + Array("\"".utf8)
            try tape.scan(plain.span)
            #expect(tape.range(0) == 0..<(length + 2))
            for place in 0..<length {
                var escaped = plain
                escaped[place + 1] = 0x1F
                #expect(throws: JSONParseError(.invalidSyntax, offset: place + 1)) { try tape.scan(escaped.span) }
                escaped.replaceSubrange((place + 1)...(place + 1), with: Array(#"\""#.utf8))
                try tape.scan(escaped.span)
                #expect(tape.range(0) == 0..<(length + 3))
                escaped.replaceSubrange((place + 1)...(place + 2), with: Array("é".utf8))
                try tape.scan(escaped.span)
                #expect(tape.range(0) == 0..<(length + 3))
            }
        }
    }
}

/// A scanned text together with its tape.
struct Scan {
    let bytes: [UInt8]
    let tape = JSONTape()

    init(_ text: String) throws {
        bytes = Array(text.utf8)
        try tape.scan(bytes.span)
    }

    func text(_ range: Range<Int>) -> String { bytes.span.text(range) }
    func member(_ key: StaticString, of node: Int) -> Int? { tape.member(key, of: node, in: bytes.span) }
    func string(_ node: Int) -> String? { tape.string(node, in: bytes.span) }
    func integer(_ node: Int) -> Int64? { tape.integer(node, in: bytes.span) }
    func double(_ node: Int) -> Double? { tape.double(node, in: bytes.span) }
}

/// SplitMix64, for inputs that are random and the same in every run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
