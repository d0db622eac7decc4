import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeProviders

/// What a decoder gave, in a form that tests compare.
enum Seen: Hashable, CustomStringConvertible {
    case chunk(String, output: Bool)
    case usage(Int, Int)
    case progress
    case completed
    case failed(ProviderFailure)

    var description: String {
        switch self {
        case .chunk(let text, let output): "\(output ? "output" : "chunk") \(text)"
        case .usage(let prompt, let completion): "usage \(prompt)+\(completion)"
        case .progress: "progress"
        case .completed: "completed"
        case .failed(let failure): "failed \(failure)"
        }
    }

    var failure: ProviderFailure? {
        if case .failed(let failure) = self { failure } else { nil }
    }

    var chunk: String? {
        if case .chunk(let text, _) = self { text } else { nil }
    }
}

/// A response and how it is read.
struct Response {
    var provider = "openai"
    var isStream = true
    /// Whether the provider streams although the caller does not.
    var streamsUpstream = false
    var wantsUsage = false
    var status = 200
    var headers: [String] = []
    var receivedAt: Int64?
    var apiKey: String?
    /// Whether the transfer ends cleanly.
    var ends = true

    /// Decodes the body given in these pieces.
    func decode(_ pieces: [[UInt8]]) throws -> [Seen] {
        try decode(pieces, request())
    }

    private func request() throws -> ChatRequest {
        let stream = "\"stream\":\(isStream),\"stream_options\":{\"include_usage\":\(wantsUsage)}"
        let text = Array(#"{"model":"m","messages":[{"role":"user","content":"hi"}],\#(stream)}"#.utf8)
        return try ChatRequest(parsing: text.span, streamsUpstream: streamsUpstream)
    }

    private func decode(_ pieces: [[UInt8]], _ request: ChatRequest) throws -> [Seen] {
        let endpoint = Endpoint(model: "served", baseURL: "http://127.0.0.1", apiKey: apiKey.map { Secret($0) })
        let provider = try #require(Providers.named(provider))
        let decoder = provider.makeDecoder(for: request, endpoint: endpoint)
        (decoder as? any SeededDecoder)?.seed = 1
        let lines = headers.map { $0 + "\r\n" }.joined()
        decoder.begin(ResponseHead(status: status, rawHeaders: Array(lines.utf8), receivedAt: receivedAt))
        var output = DecodedOutput()
        var seen: [Seen] = []
        for piece in pieces {
            decoder.decode(piece.span, into: &output)
            seen += take(&output)
        }
        if ends { decoder.end(into: &output) }
        // A decoder that has ended gives nothing more, whatever comes.
        seen += take(&output)
        decoder.decode(Array("data: {\"id\":\"late\"}\n\n".utf8).span, into: &output)
        if seen.last == .completed || seen.last?.failure != nil { decoder.end(into: &output) }
        return seen + (seen.last == .completed || seen.last?.failure != nil ? take(&output) : [])
    }

    private func take(_ output: inout DecodedOutput) -> [Seen] {
        defer { output.removeAll() }
        return Self.seen(output)
    }

    /// What is in an output, in a form that tests compare.
    static func seen(_ output: DecodedOutput) -> [Seen] {
        output.events.map { event in
            switch event {
            case .chunk(let range, let isOutput): .chunk(output.text.span.text(range), output: isOutput)
            case .usage(let usage): .usage(usage.promptTokens, usage.completionTokens)
            case .progress: .progress
            case .completed: .completed
            case .failed(let failure): .failed(failure)
            }
        }
    }

    /// Decodes the body whole, and checks that it gives the same cut at any place and byte by byte.
    func decode(_ body: String) throws -> [Seen] {
        let bytes = Array(body.utf8)
        let request = try request()
        let whole = try decode([bytes], request)
        #expect(try decode(bytes.map { [$0] }, request) == whole, "byte by byte")
        for cut in bytes.indices {
            let parts = try decode([Array(bytes[..<cut]), Array(bytes[cut...])], request)
            if parts != whole { Issue.record("cut at \(cut): \(parts)") }
        }
        return whole
    }
}

/// A chunk with one choice, as a provider that does everything right sends it.
func chunk(_ delta: String, finish: String = "null", index: Int = 0, rest: String = "") -> String {
    #"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":\#(index),"delta":"#
        + #"\#(delta),"finish_reason":\#(finish)}]\#(rest)}"#
}

/// The same chunk as an event.
func event(_ delta: String, finish: String = "null", index: Int = 0, rest: String = "") -> String {
    "data: \(chunk(delta, finish: finish, index: index, rest: rest))\n\n"
}

let roleDelta = #"{"role":"assistant","content":""}"#
let done = "data: [DONE]\n\n"
