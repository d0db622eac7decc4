import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

@Suite("Bedrock errors")
struct AWSErrorTests {
    @Test(
        "the type of an HTTP answer decides its class, then its words",
        arguments: [
            (400, "ValidationException", "bad", .badRequest),
            (400, "ValidationException:http://internal/", "Input is too long for requested model.", .contextLength),
            (400, "ValidationException", "The provided model identifier is invalid.", .notFound),
            (400, "ValidationException", "on-demand throughput isn't supported", .notFound),
            (400, "ServiceQuotaExceededException", "", .quota),
            (403, "AccessDeniedException", "You don't have access to the model", .permission),
            (403, "AccessDeniedException", "The security token included is invalid", .authentication),
            (403, "UnrecognizedClientException", "", .authentication),
            (403, "ExpiredTokenException", "", .authentication),
            (403, "InvalidSignatureException", "", .authentication),
            (404, "ResourceNotFoundException", "no such model", .notFound),
            (404, "ResourceNotFoundException", "Model use case details have not been submitted", .permission),
            (408, "ModelTimeoutException", "", .providerTimeout),
            (424, "ModelErrorException", "", .server),
            (429, "ThrottlingException", "Too many tokens, please wait before trying again.", .rateLimit),
            (429, "ModelNotReadyException", "", .overloaded),
            (500, "InternalServerException", "", .server),
            (503, "ServiceUnavailableException", "", .overloaded),
            (413, "", "", .tooLarge), (429, "", "", .rateLimit), (502, "", "", .server), (418, "", "", .badRequest),
            (403, "", "Authentication failed: check the API key", .authentication),
        ] as [(Int, String, String, FailureKind)])
    func httpAnswers(status: Int, type: String, message: String, kind: FailureKind) {
        let headers = HeaderLines(Array("x-amzn-ErrorType: \(type)\r\n".utf8))
        var body: [UInt8] = []
        JSONWriter.appendQuoted(message, to: &body)
        let document = Array("{\"message\":".utf8) + body + Array("}".utf8)
        #expect(AWSError(status: status, headers: headers, body: document.span).kind == kind)
    }

    @Test("without the header, the body names the type")
    func typeInBody() {
        let body = Array(#"{"__type":"com.amazon.coral.service#ExpiredTokenException","Message":"m"}"#.utf8)
        let error = AWSError(status: 400, headers: HeaderLines([]), body: body.span)
        #expect(error == AWSError(type: "ExpiredTokenException", status: 400, message: "m"))
        #expect(error.kind == .authentication)
    }

    @Test("a type that is no identifier is left out")
    func strangeType() {
        #expect(AWSError(type: "x y\r\nz", status: 500, message: "").type.isEmpty)
        #expect(AWSError(type: "", status: 500, message: "").type.isEmpty)
    }

    @Test(
        "an exception inside a stream has the status that is modelled for it",
        arguments: [
            ("throttlingException", 429, .rateLimit), ("internalServerException", 500, .server),
            ("modelStreamErrorException", 424, .server), ("validationException", 400, .badRequest),
            ("serviceUnavailableException", 503, .overloaded), ("modelTimeoutException", 408, .providerTimeout),
            ("neverHeardOfException", 500, .server),
        ] as [(String, Int, FailureKind)])
    func exceptions(type: String, status: Int, kind: FailureKind) throws {
        let frame = TestFrame.exception(type, #"{"message":"m"}"#)
        var parser = AWSFrameParser()
        var position = 0
        guard case .message(let message, .input(let range)) = parser.next(frame.span, &position) else {
            Issue.record("no message")
            return
        }
        let error = AWSError(message, in: frame.span.extracting(range))
        #expect(error.status == status)
        #expect(error.kind == kind)
        #expect(error.message == "m")
    }
}
