import Glibc
import HedgeJSON
import Testing

@testable import HedgeProviders

@Suite("AWS Signature Version 4")
struct SignatureV4Tests {
    private static let body = Array(#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#.utf8)
    private static let request = SignatureV4.Request(
        host: "bedrock-runtime.us-east-1.amazonaws.com",
        path: "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse",
        headers: [("content-type", "application/json")])

    private func signer(token: String? = nil) -> SignatureV4 {
        SignatureV4(
            credentials: SigningKeys(
                accessKeyID: "AKIDEXAMPLE", secretAccessKey: Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                sessionToken: token.map { Secret($0) }),
            region: "us-east-1", service: "bedrock")
    }

    /// 2 January 2026, 03:04:05.
    private static let time: Int64 = 1_767_323_045

    @Test("a model with a colon is encoded twice in what is signed")
    func canonicalRequest() {
        #expect(
            Hexadecimal.text(SHA256.hash(Self.body.span))
                == "c3335e07d6e89650bf94cb98664be69f8774dbc3198df221f113db0a59ea14f0")
        let text = signer().canonicalRequest(Self.request, at: AWSTime(Self.time), body: Self.body.span)
        #expect(text.contains("-v1%253A0/converse\n"))
        #expect(
            Hexadecimal.text(SHA256.hash(Array(text.utf8).span))
                == "9877d8eba6c3f18f057d931b49eff63c12ff3f65c0958506a6715c6e872e1b96")
    }

    @Test(
        "the signature of a Converse request, with and without a session token",
        arguments: [
            (
                nil, "content-type;host;x-amz-date",
                "1d46b853950ada1236d7f19ff7fa4766dda53e3e07916e6dea4affdb3c67879a"
            ),
            (
                "TOKENEXAMPLE", "content-type;host;x-amz-date;x-amz-security-token",
                "c8edd32417d51a153833cd3eda0ce63cc3e1dfc617f317da88ade65ab4b85484"
            ),
        ])
    func signature(token: String?, names: String, signature: String) {
        let lines = signer(token: token).headers(for: Self.request, body: Self.body.span, at: Self.time)
        let scope = "AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request"
        #expect(
            lines == ["X-Amz-Date: 20260102T030405Z"] + (token.map { ["X-Amz-Security-Token: \($0)"] } ?? []) + [
                "Authorization: AWS4-HMAC-SHA256 Credential=\(scope), SignedHeaders=\(names), Signature=\(signature)"
            ])
    }

    /// Of AWS's published example: `GET https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08`.
    @Test("the example of AWS's documentation")
    func published() {
        let signer = SignatureV4(
            credentials: SigningKeys(
                accessKeyID: "AKIDEXAMPLE", secretAccessKey: Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")),
            region: "us-east-1", service: "iam")
        let request = SignatureV4.Request(
            method: "GET", host: "iam.amazonaws.com", path: "/", query: "Action=ListUsers&Version=2010-05-08",
            headers: [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")])
        let time = AWSTime(1_440_938_160)
        #expect(time.stamp == "20150830T123600Z")
        #expect(
            signer.authorization(for: request, body: [UInt8]().span, at: time)
                .hasSuffix("Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"))
    }

    @Test("200 requests of all kinds have the signatures that botocore gives them")
    func botocore() throws {
        let file = try TestFile.read("Tests/aws/signatures.json")
        let cases = try JSONDocument.parse(file.span).root
        #expect(cases.count == 200)
        for entry in cases.elements {
            func text(_ key: StaticString) throws -> String { try #require(entry[key]?.string) }
            let signer = SignatureV4(
                credentials: SigningKeys(
                    accessKeyID: try text("key"), secretAccessKey: Secret(try text("secret")),
                    sessionToken: entry["token"]?.string.map { Secret($0) }),
                region: try text("region"), service: try text("service"))
            let headers = try #require(entry["headers"]).members.compactMap { header in
                header.value.string.map { (name: header.key, value: $0) }
            }
            let request = SignatureV4.Request(
                host: try text("host"), path: try text("path"), query: try text("query"), headers: headers)
            let body = try #require(Base64.decode(try text("body")))
            let time = AWSTime(try #require(entry["at"]?.integer))
            #expect(time.stamp == entry["date"]?.string)
            #expect(
                signer.authorization(for: request, body: body.span, at: time) == entry["authorization"]?.string,
                "\(request.path)?\(request.query)")
        }
    }

    @Test(
        "times as AWS spells them",
        arguments: [
            (0, "19700101T000000Z"), (951_782_399, "20000228T235959Z"), (951_782_400, "20000229T000000Z"),
            (951_868_800, "20000301T000000Z"), (4_107_542_400, "21000301T000000Z"),
            (1_735_689_599, "20241231T235959Z"), (-5, "19700101T000000Z"), (.max, "99991231T235959Z"),
        ] as [(Int64, String)])
    func times(seconds: Int64, stamp: String) {
        #expect(AWSTime(seconds).stamp == stamp)
    }

    @Test(
        "everything but unreserved characters is percent-encoded",
        arguments: [
            ("a.b-c_d~e", "a.b-c_d~e"), ("v1:0", "v1%3A0"), ("a/b", "a%2Fb"), ("é%", "%C3%A9%25"), (" +", "%20%2B"),
        ])
    func percentEncoding(text: String, encoded: String) {
        #expect(PercentEncoding.encode(text) == encoded)
    }
}

/// Files of the project that tests read.
enum TestFile {
    struct Missing: Error {}

    /// The bytes of a file, whose path begins at the project's root.
    static func read(_ path: String) throws -> [UInt8] {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(separator: "/")
        guard let file = fopen("\(root)/\(path)", "rb") else { throw Missing() }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
    }
}
