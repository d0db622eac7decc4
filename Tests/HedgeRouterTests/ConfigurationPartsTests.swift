import Testing

@testable import HedgeRouter

@Suite("Configuration parts")
struct ConfigurationPartsTests {
    @Test(
        "Edits are counted, a swap of neighbours as one",
        arguments: [
            ("", "", 0), ("a", "", 1), ("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("kitten", "sitting", 3),
            ("timeout", "tiemout", 1), ("ca", "abc", 3),
        ])
    func editDistance(_ a: String, _ b: String, _ expected: Int) {
        #expect(NearestName.editDistance(Array(a.utf8), Array(b.utf8)) == expected)
        #expect(NearestName.editDistance(Array(b.utf8), Array(a.utf8)) == expected)
    }

    @Test(
        "The nearest name is found when it is near, the first of equals",
        arguments: [
            ("api_bse", "api_base"), ("apiKey", "api_key"), ("API-BASE", "api_base"), ("tmp", "tpm"), ("rp", "rpm"),
            ("completely_else", nil), ("", nil), (String(repeating: "a", count: 5000), nil),
        ] as [(String, String?)])
    func nearest(_ name: String, _ expected: String?) {
        #expect(NearestName.find(name, in: ["api_base", "api_key", "rpm", "tpm"]) == expected)
    }

    @Test(
        "References are found and replaced",
        arguments: [
            ("plain", "plain"), ("a$b", "a$b"), ("$", "$"), ("os.environ/A", "1"), ("${A}${B}", "12"),
            ("x${A}y", "x1y"), ("$${A}", "${A}"), ("$$${A}", "$${A}"), ("not os.environ/A", "not os.environ/A"),
        ])
    func references(_ text: String, _ expected: String) throws {
        let resolved = try EnvironmentReference.resolve(text) { ["A": "1", "B": "2"][$0] }
        #expect(resolved.text == expected)
    }

    @Test(
        "References that cannot be resolved say why",
        arguments: [
            ("os.environ/", .malformed), ("os.environ/A B", .malformed), ("${", .malformed), ("${}", .malformed),
            ("${1}", .malformed), ("${Ä}", .malformed), ("${C}", .missing(variable: "C")),
            ("os.environ/C", .missing(variable: "C")), ("${A}${C}", .missing(variable: "C")),
        ] as [(String, EnvironmentReference.Failure)])
    func badReferences(_ text: String, _ failure: EnvironmentReference.Failure) {
        #expect(throws: failure) { try EnvironmentReference.resolve(text) { ["A": "1"][$0] } }
    }

    @Test(
        "The host of an address is read in lower case",
        arguments: [
            ("https://API.example/v1", "api.example"), ("http://127.0.0.1:8000", "127.0.0.1"),
            ("http://[2001:DB8::1]:80/x", "2001:db8::1"), ("HTTP://a", "a"),
        ])
    func host(_ text: String, _ host: String) {
        #expect(WebAddress(text)?.host == host)
        #expect(WebAddress.violation(of: text, schemes: ["http", "https"], isProxy: false) == nil)
    }

    @Test(
        "Addresses that are none are refused",
        arguments: [
            "a.example", "//a.example", "http:/a", "http://", "http:///x", "http://:80", "http://a:", "http://a:x",
            "http://a:0", "http://a:65536", "http://a:-1", "http://a b", "http://a\u{7f}", "http://é.example",
            "http://[::1", "http://[::1]x", "http://[g]", "http://a@b", "http://a?b", "http://a/#b", "http://a:1:2",
            "file:///etc/passwd", "://a", "http://a%b",
        ])
    func badAddresses(_ text: String) {
        #expect(WebAddress.violation(of: text, schemes: ["http", "https"], isProxy: false) != nil)
    }

    @Test("JSON is written as it was read")
    func writer() throws {
        let text = #"{"a":[],"b":{},"c":[1,-2.5,true,false,null,"\"\\\n\u0001é"],"d":{"e":9007199254740993}}"#
        let value = try DocumentValue(json: Array(text.utf8))
        #expect(String(decoding: DocumentWriter.compact(value), as: UTF8.self) == text)
        #expect(try DocumentValue(json: DocumentWriter.pretty(value)) == value)
    }
}
