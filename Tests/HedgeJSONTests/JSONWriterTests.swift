import HedgeJSON
import Testing

@Suite struct JSONWriterTests {
    @Test("commas, brackets and every type come out as JSON")
    func everything() throws {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("s", "a\"\\\n\t\u{1}\u{7F}é")
        writer.member("i", -5)
        writer.member("u", UInt64.max)
        writer.member("d", 0.1)
        writer.member("b", true)
        writer.key("n")
        writer.null()
        writer.key("k\"")
        writer.beginArray()
        writer.value(1)
        writer.beginObject()
        writer.endObject()
        writer.beginArray()
        writer.endArray()
        writer.raw(Array(#"{"x":1}"#.utf8))
        writer.value("last")
        writer.endArray()
        writer.member("after", 1)
        writer.endObject()
        let expected =
            #"{"s":"a\"\\\n\t\u0001\u007fé","i":-5,"u":18446744073709551615,"d":0.1,"b":true,"n":null,"#
            + #""k\"":[1,{},[],{"x":1},"last"],"after":1}"#
        #expect(writer.text == expected)
    }

    @Test("a character that needs an escape gets one wherever it stands", arguments: 0...24)
    func escapesAnywhere(length: Int) throws {
        for special in ["\"", "\\", "\n", "\u{1F}", "\u{7F}", "\u{80}", "é", "\u{10FFFF}"] {
            for place in 0...length {
                let after = String(repeating: " ", count: length - place)
                let text = String(repeating: "~", count: place) + special + after
                var writer = JSONWriter()
                writer.value(text)
                #expect(try JSONDocument.parse(writer.text).root.string == text)
            }
        }
        let plain = String((0..<length).map { Character(UnicodeScalar(UInt8(0x23 + $0))) })
        var writer = JSONWriter()
        writer.value(plain)
        #expect(writer.text == "\"\(plain)\"")
    }

    @Test("the text that is handed out is all of it, with a NUL behind", arguments: [0, 1, 7, 255, 256, 257, 5000])
    func finished(length: Int) {
        let text = String(repeating: "x", count: length)
        for capacity in [0, length, length + 2, 10_000] {
            var writer = JSONWriter(capacity: capacity)
            writer.value(text)
            #expect(writer.text == "\"\(text)\"")
            let bytes = writer.finish()
            #expect(bytes.withSpan { $0.text(0..<$0.count) } == "\"\(text)\"")
            #expect(bytes.baseAddress[bytes.count] == 0)
        }
        #expect(JSONWriter().finish().count == 0)
        #expect(JSONWriter().bytes.isEmpty)
    }

    @Test("members go on behind members, and the text behind what was there")
    func continued() {
        var writer = JSONWriter()
        writer.beginObject()
        var members = JSONWriter()
        members.member("a", 1)
        members.member("b", "two")
        writer.members(members.bytes)
        writer.members(members.bytes)
        writer.member("c", false)
        writer.endObject()
        var bytes = Array("data: ".utf8)
        writer.append(to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == #"data: {"a":1,"b":"two","a":1,"b":"two","c":false}"#)
    }

    @Test("a value that was read comes out as it was, in its place")
    func values() throws {
        let text = #"{"s":"a\"é\n","i":-5,"d":0.1,"b":[true,false,null],"o":{"a longer key \"k\"":{},"e":[]}}"#
        let value = try JSONDocument.parse(text).root
        var writer = JSONWriter()
        writer.beginArray()
        writer.value(value)
        writer.value(value)
        writer.endArray()
        #expect(writer.text == "[\(text),\(text)]")
        #expect(writer.text == "[\(value.compactText),\(value.compactText)]")
    }

    @Test("what JSON has no number for becomes null", arguments: [Double.nan, .infinity, -.infinity])
    func notANumber(value: Double) {
        var writer = JSONWriter()
        writer.value(value)
        #expect(writer.text == "null")
    }

    @Test("bytes that are no UTF-8 become the replacement character")
    func invalidUTF8() {
        var bytes: [UInt8] = []
        JSONWriter.appendQuoted([0x61, 0xFF, 0x22, 0xC3].span, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "\"a\u{FFFD}\\\"\u{FFFD}\"")
    }

    @Test("doubles are written in the shortest form that reads back the same")
    func doubles() throws {
        var random = SplitMix(state: 3)
        for _ in 0..<2000 {
            let value = Double(bitPattern: random.next())
            guard value.isFinite else { continue }
            var writer = JSONWriter()
            writer.value(value)
            #expect(try JSONDocument.parse(writer.text).root.number == value)
        }
    }
}
