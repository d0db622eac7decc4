import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

/// An error answer and the class it belongs to.
struct ErrorCase: Sendable, CustomTestStringConvertible {
    var status: Int
    var body: String
    var kind: FailureKind
    var code: String?

    init(_ status: Int, _ body: String, _ kind: FailureKind, _ code: String? = nil) {
        self.status = status
        self.body = body
        self.kind = kind
        self.code = code
    }

    var testDescription: String { "\(status) \(body.prefix(80)) is \(kind)" }
}

private func error(_ message: String, type: String? = nil, code: String? = nil) -> String {
    func text(_ value: String?) -> String { value.map { "\"\($0)\"" } ?? "null" }
    return #"{"error":{"message":"\#(message)","type":\#(text(type)),"param":null,"code":\#(text(code))}}"#
}

@Suite struct ErrorTests {
    static let cases: [ErrorCase] = [
        // OpenAI
        ErrorCase(
            429, error("m", type: "insufficient_quota", code: "project_spend_limit_exceeded"), .quota,
            "project_spend_limit_exceeded"),
        ErrorCase(
            429, error("m", type: "insufficient_quota", code: "credit_balance_exhausted"), .quota,
            "credit_balance_exhausted"),
        ErrorCase(
            429, error("m", type: "insufficient_quota", code: "insufficient_quota"), .quota, "insufficient_quota"),
        ErrorCase(429, error("m", type: "insufficient_quota"), .quota, "insufficient_quota"),
        ErrorCase(429, error("m", type: "tokens", code: "rate_limit_exceeded"), .rateLimit, "rate_limit_exceeded"),
        ErrorCase(429, error("m", type: "rate_limit_error", code: "slow_down"), .overloaded, "slow_down"),
        ErrorCase(
            429, error("Request too large for m on tokens per min", type: "tokens", code: "rate_limit_exceeded"),
            .tooLarge, "rate_limit_exceeded"),
        ErrorCase(
            400, error("m", type: "invalid_request_error", code: "context_length_exceeded"), .contextLength,
            "context_length_exceeded"),
        ErrorCase(
            400, error("This model's maximum context length is 9 tokens", type: "invalid_request_error"),
            .contextLength, "invalid_request_error"),
        ErrorCase(
            400, error("m", type: "invalid_request_error", code: "string_above_max_length"), .badRequest,
            "string_above_max_length"),
        ErrorCase(400, error("m", code: "content_policy_violation"), .contentPolicy, "content_policy_violation"),
        ErrorCase(
            400, error("Invalid prompt: violating our usage policy", type: "invalid_request_error"), .contentPolicy,
            "invalid_request_error"),
        ErrorCase(
            401, error("Incorrect API key provided", type: "invalid_request_error", code: "invalid_api_key"),
            .authentication, "invalid_api_key"),
        ErrorCase(401, error("m", type: "invalid_request_error"), .authentication, "invalid_request_error"),
        ErrorCase(
            403, error("m", code: "unsupported_country_region_territory"), .permission,
            "unsupported_country_region_territory"),
        ErrorCase(
            404, error("m", type: "invalid_request_error", code: "model_not_found"), .notFound, "model_not_found"),
        ErrorCase(500, error("m", type: "server_error"), .server, "server_error"),
        ErrorCase(
            503, error("m", type: "service_unavailable_error", code: "server_is_overloaded"), .overloaded,
            "server_is_overloaded"),
        // An echoed prompt says nothing about the class.
        ErrorCase(
            400,
            error("Invalid value: 'error 429 too many requests, rate limit, quota'", type: "invalid_request_error"),
            .badRequest, "invalid_request_error"),
        ErrorCase(
            429, error("maximum context length is in the prompt", code: "rate_limit_exceeded"), .rateLimit,
            "rate_limit_exceeded"),
        ErrorCase(500, error("This model's maximum context length is 9 tokens"), .server),
        ErrorCase(401, error("violating our usage policy"), .authentication),
        // Azure
        ErrorCase(
            400,
            #"{"error":{"code":"content_filter","message":"m","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            .contentPolicy, "content_filter"),
        ErrorCase(
            400, #"{"error":{"code":null,"message":"m","inner_error":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            .contentPolicy, "ResponsibleAIPolicyViolation"),
        ErrorCase(429, #"{"error":{"code":"429","message":"The system is experiencing high demand"}}"#, .overloaded),
        ErrorCase(429, #"{"error":{"code":"429","message":"token budget exceeded by request parameters"}}"#, .tooLarge),
        ErrorCase(429, #"{"error":{"code":"429","message":"m"}}"#, .rateLimit),
        ErrorCase(404, #"{"error":{"code":"DeploymentNotFound","message":"m"}}"#, .notFound, "DeploymentNotFound"),
        // Together
        ErrorCase(403, error("input tokens + max_new_tokens must be <= 8192"), .contextLength),
        ErrorCase(403, error("m"), .permission),
        ErrorCase(402, error("m"), .quota),
        ErrorCase(524, "<html>error code: 524</html>", .providerTimeout),
        ErrorCase(503, error("m", type: "service_unavailable"), .overloaded, "service_unavailable"),
        // Groq
        ErrorCase(498, error("m", code: "capacity_exceeded"), .overloaded, "capacity_exceeded"),
        ErrorCase(498, "", .overloaded),
        ErrorCase(
            413, error("Request too large for m on tokens per minute", type: "tokens", code: "rate_limit_exceeded"),
            .tooLarge, "rate_limit_exceeded"),
        ErrorCase(413, error("m"), .tooLarge),
        ErrorCase(424, error("m"), .server),
        // OpenRouter
        ErrorCase(402, #"{"error":{"code":402,"message":"m"}}"#, .quota),
        ErrorCase(
            403, #"{"error":{"code":403,"message":"Your input was flagged","metadata":{"reasons":["x"]}}}"#,
            .contentPolicy),
        ErrorCase(408, #"{"error":{"code":408,"message":"m"}}"#, .providerTimeout),
        ErrorCase(502, #"{"error":{"code":502,"message":"m"}}"#, .server),
        // Fireworks, DeepSeek, Cerebras, SambaNova
        ErrorCase(412, error("m"), .permission),
        ErrorCase(405, error("m"), .notFound),
        ErrorCase(407, "", .authentication),
        ErrorCase(
            402,
            #"{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}"#,
            .quota, "invalid_request_error"),
        ErrorCase(
            400,
            #"{"message":"Please reduce the length. Current length is 9 while limit is 8","type":"invalid_request_error","param":"messages","code":"wrong_api_format"}"#,
            .contextLength, "wrong_api_format"),
        // vLLM, old and new
        ErrorCase(
            400,
            #"{"object":"error","message":"This model's maximum context length is 9","type":"BadRequestError","param":null,"code":400}"#,
            .contextLength, "BadRequestError"),
        ErrorCase(
            404, #"{"error":{"message":"m","type":"NotFoundError","param":null,"code":404}}"#, .notFound,
            "NotFoundError"),
        // llama.cpp
        ErrorCase(
            400,
            #"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_ctx":8}}"#,
            .contextLength, "exceed_context_size_error"),
        // Mistral
        ErrorCase(422, #"{"detail":[{"loc":["body","x"],"msg":"m","type":"missing"}]}"#, .badRequest, "missing"),
        ErrorCase(
            422,
            #"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body"],"msg":"m"}]},"type":"invalid_request_error","param":null,"code":null}"#,
            .badRequest, "invalid_request_error"),
        ErrorCase(401, #"{"detail":"Unauthorized"}"#, .authentication),
        ErrorCase(
            429,
            #"{"object":"error","message":"Service tier capacity exceeded","type":"invalid_request_error","param":null,"code":null}"#,
            .rateLimit, "invalid_request_error"),
        // xAI
        ErrorCase(
            400, #"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xx"}"#,
            .authentication),
        // A list, as Gemini's compatible endpoint answers
        ErrorCase(404, #"[{"error":{"code":404,"message":"m","status":"NOT_FOUND"}}]"#, .notFound, "NOT_FOUND"),
        // No JSON at all
        ErrorCase(529, "", .overloaded), ErrorCase(504, "upstream request timeout", .providerTimeout),
        ErrorCase(502, "<html>Bad Gateway</html>", .server), ErrorCase(429, "{\"error\":", .rateLimit),
        ErrorCase(418, "[]", .badRequest), ErrorCase(599, "null", .server), ErrorCase(409, "{}", .server),
    ]

    @Test("an error answer belongs to its class, streaming or not", arguments: cases)
    func classes(example: ErrorCase) throws {
        for isStream in [true, false] {
            let seen = try Response(isStream: isStream, status: example.status).decode([Array(example.body.utf8)])
            let failure = try #require(seen.first?.failure)
            #expect(seen.count == 1 && failure.kind == example.kind && failure.httpStatus == example.status)
            #expect(failure.code == example.code)
        }
    }

    static let streamCases: [ErrorCase] = [
        ErrorCase(
            502,
            #"data: {"id":"g","choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"m"}}"#,
            .server),
        ErrorCase(200, #"data: {"id":"g","choices":[],"x_groq":{"id":"r","error":"over capacity"}}"#, .server),
        ErrorCase(
            400,
            #"error: {"code":400,"message":"exceeds the available context size","type":"exceed_context_size_error"}"#,
            .contextLength, "exceed_context_size_error"),
        ErrorCase(500, #"data: {"error":{"code":500,"message":"m","type":"server_error"}}"#, .server, "server_error"),
        ErrorCase(429, #"data: {"error":{"code":"429","message":"m"}}"#, .rateLimit),
        ErrorCase(
            429, #"data: {"error":{"code":429,"message":"m","type":"insufficient_quota"}}"#, .quota,
            "insufficient_quota"),
        ErrorCase(200, #"data: {"error":{"message":"m","type":"overloaded_error"}}"#, .overloaded, "overloaded_error"),
        ErrorCase(200, #"data: {"error":"it broke"}"#, .server),
        ErrorCase(
            200,
            #"data: {"error":{"message":"The number of tokens to keep is greater than the context window"},"message":"x"}"#,
            .contextLength),
        ErrorCase(
            200, "event: error\n" + #"data: {"error":{"message":"m","type":"invalid_request_error"}}"#, .badRequest,
            "invalid_request_error"),
        ErrorCase(
            200, "event: error\n" + #"data: {"message":"m","code":"rate_limit_exceeded"}"#, .rateLimit,
            "rate_limit_exceeded"),
        ErrorCase(200, "event: error\ndata: it broke", .server),
        ErrorCase(503, #"data: {"error":{"code":503,"message":"m"},"choices":null}"#, .overloaded),
        ErrorCase(
            200,
            #"data: {"id":"g","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"error"}]}"#,
            .server),
    ]

    @Test("an error inside a stream fails it, as the first event and after others", arguments: streamCases)
    func inStream(example: ErrorCase) throws {
        let first = try Response().decode(example.body + "\n\n" + done)
        #expect(first.count == 1)
        let later = try Response().decode(event(roleDelta) + event(#"{"content":"a"}"#) + example.body + "\n\n" + done)
        #expect(later.count == 3 && later[1] == .chunk(chunk(#"{"content":"a"}"#), output: true))
        for failure in [first.last?.failure, later.last?.failure] {
            #expect(failure?.kind == example.kind && failure?.httpStatus == example.status)
            #expect(failure?.code == example.code)
        }
    }

    @Test("an error that is null, false or empty is none", arguments: ["null", "false", "{}", "\"\"", "[]"])
    func noError(value: String) throws {
        let seen = try Response().decode(event(roleDelta, rest: #","error":\#(value)"#) + done)
        #expect(seen.last == .completed)
    }

    @Test(
        "an error with status 200 and no events fails, streaming or not",
        arguments: [
            ErrorCase(200, #"{"error":"Trying to keep the first 9 tokens, exceeds the context"}"#, .contextLength),
            ErrorCase(502, #"{"error":{"code":502,"message":"m"}}"#, .server),
            ErrorCase(
                400, #"{"error":{"code":400,"message":"m","type":"exceed_context_size_error"}}"#, .contextLength,
                "exceed_context_size_error"),
        ])
    func errorBody(example: ErrorCase) throws {
        for isStream in [true, false] {
            let seen = try Response(isStream: isStream).decode("\n \n" + example.body)
            let failure = try #require(seen.first?.failure)
            #expect(
                failure.kind == example.kind && failure.httpStatus == example.status && failure.code == example.code)
        }
    }

    @Test("a status that is neither success nor error is malformed", arguments: [302, 304, 101])
    func oddStatus(status: Int) throws {
        let seen = try Response(status: status).decode([])
        #expect(seen.count == 1 && seen[0].failure?.kind == .malformed && seen[0].failure?.httpStatus == status)
    }

    @Test("the provider's words are kept without keys, and cut at a character")
    func message() throws {
        func message(_ text: String, key: String? = "secret-key-123") throws -> String? {
            var body: [UInt8] = []
            JSONWriter.appendQuoted(text, to: &body)
            let answer = Array("{\"error\":{\"message\":".utf8) + body + Array("}}".utf8)
            return try Response(status: 400, apiKey: key).decode([answer]).first?.failure?.providerMessage
        }
        #expect(try message("plain words, no key") == "plain words, no key")
        #expect(try message("got secret-key-123, secret-key-123!") == "got ***, ***!")
        #expect(try message("wrong: sk-abcDEF123456_-xyz.") == "wrong: ***")
        #expect(try message("sk-ab****yz gsk_0123456789ab xai-0123456789 (pplx-abcdefgh)") == "*** *** *** (***)")
        #expect(try message("Authorization: Bearer abcdefghij") == "Authorization: ***")
        #expect(try message("a risk-assessment, task-oriented sk-1") == "a risk-assessment, task-oriented sk-1")
        #expect(try message("") == nil)
        let long = try #require(try message(String(repeating: "é", count: 5000)))
        #expect(long.utf8.count == 2048 && long == String(repeating: "é", count: 1024))
        let shifted = try #require(try message("x" + String(repeating: "é", count: 5000)))
        #expect(shifted.utf8.count == 2047)
        // A key across the cut is gone before the cut is made.
        let across = try #require(try message(String(repeating: "x ", count: 1020) + "secret-key-123 end"))
        #expect(across.hasSuffix("*** end"))
    }

    @Test("nothing secret of an endpoint is left in words or code")
    func secrets() {
        var endpoint = Endpoint(
            model: "m", baseURL: "http://h", apiKey: Secret("key-of-ours"),
            extraHeaders: ["X-Internal: header-of-ours", "X-Version: 2"])
        endpoint.bearerToken = Secret("token-of-ours")
        endpoint.signingKeys = SigningKeys(
            accessKeyID: "id", secretAccessKey: Secret("signing-of-ours"), sessionToken: Secret("session-of-ours"))
        let words = "key-of-ours token-of-ours signing-of-ours session-of-ours header-of-ours 2"
        #expect(Redaction.clean(words, of: endpoint) == "*** *** *** *** *** 2")
        #expect(Redaction.code("invalid_key-of-ours", of: endpoint) == nil)
        #expect(Redaction.code("sk-abcdefgh12", of: endpoint) == nil)
        #expect(Redaction.code("invalid_api_key", of: endpoint) == "invalid_api_key")
        #expect(Redaction.clean("", of: endpoint) == nil)
    }

    @Test("only identifiers become codes", arguments: ["has space", "", String(repeating: "x", count: 65), "é", "a/b"])
    func codes(code: String) throws {
        let seen = try Response(status: 400).decode([Array(error("m", code: code).utf8)])
        #expect(seen.first?.failure?.code == nil)
    }
}
