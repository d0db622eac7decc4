// SPDX-License-Identifier: Apache-2.0

import CHedgeRouter
import Foundation

typealias Object = [String: Any]

/// The call failed with a code; the object is what the driver gets.
struct Failure: Error, @unchecked Sendable {
    let object: Object
    let code: Int32
}

/// The testee itself is at a loss.
struct Broken: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

/// What is passed to another thread by hand, one owner at a time.
struct Handover<Value>: @unchecked Sendable {
    let value: Value
}

func newError() -> hr_error {
    var error = hr_error()
    _ = hr_error_init(&error, MemoryLayout<hr_error>.size)
    return error
}

func newEvent() -> hr_event {
    var event = hr_event()
    event.struct_size = UInt32(MemoryLayout<hr_event>.size)
    event.retry_after_ms = -1
    return event
}

/// Text in a fixed array of a struct, up to its NUL.
func text<Array>(_ array: Array) -> String {
    withUnsafeBytes(of: array) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

func name(_ code: Int32) -> String { String(cString: hr_error_name(code)) }

func originName(_ origin: Int32) -> String {
    switch origin {
    case HR_ORIGIN_LOCAL: return "local"
    case HR_ORIGIN_TRANSPORT: return "transport"
    case HR_ORIGIN_PROVIDER: return "provider"
    default: return "(unknown)"
    }
}

func errorObject(_ error: hr_error, code: Int32) -> Object {
    [
        "code": name(code), "origin": originName(error.origin), "http_status": Int(error.http_status),
        "retriable": error.retriable != 0, "retry_after_ms": Int(error.retry_after_ms), "path": text(error.path),
        "message": text(error.message),
    ]
}

/// Throws if a status is a failure.
@discardableResult
func check(_ code: Int32, _ error: hr_error) throws -> Int32 {
    if code < 0 { throw Failure(object: errorObject(error, code: code), code: code) }
    return code
}

/// The JSON value in a text, or the text marked as invalid; it must end with a NUL outside its size.
func parsed(_ start: UnsafePointer<CChar>?, _ size: Int) -> Any {
    guard let start else { return ["$invalid": "(NULL)"] }
    let data = Data(bytes: start, count: size)
    if start[size] == 0, let value = try? JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed) {
        return value
    }
    return ["$invalid": String(decoding: data, as: UTF8.self)]
}

func parsed(_ text: UnsafePointer<CChar>?) -> Any { parsed(text, text.map { strlen($0) } ?? 0) }

func eventObject(_ event: hr_event) -> Object {
    let types = [HR_EVENT_START: "start", HR_EVENT_CHUNK: "chunk", HR_EVENT_END: "end"]
    var object: Object = [
        "type": types[event.type] ?? "(unknown)", "data": parsed(event.data, event.data_size),
        "elapsed_ms": Double(event.elapsed_ns) / 1e6,
    ]
    guard event.type == HR_EVENT_END else { return object }
    object["code"] = name(event.code)
    object["origin"] = originName(event.origin)
    object["http_status"] = Int(event.http_status)
    object["retriable"] = event.retriable != 0
    object["retry_after_ms"] = Int(event.retry_after_ms)
    object["message"] = event.message.map {
        String(decoding: Data(bytes: $0, count: event.message_size), as: UTF8.self)
    }
    return object
}

/// Evaluates a bytes spec.
func bytes(of spec: Any?) throws -> [UInt8] {
    guard let spec = spec as? Object else { throw Broken("malformed bytes spec") }
    if let value = spec["json"] { return try json(value) }
    if let text = spec["text"] as? String { return Array(text.utf8) }
    if let text = spec["base64"] as? String, let data = Data(base64Encoded: text) { return Array(data) }
    if let repetition = spec["repeat"] as? Object, let count = repetition["count"] as? Int, count >= 0 {
        let part = try bytes(of: repetition["of"])
        return Array(repeatElement(part, count: count).joined())
    }
    if let parts = spec["concat"] as? [Any] { return try parts.flatMap { try bytes(of: $0) } }
    throw Broken("malformed bytes spec")
}

func json(_ value: Any) throws -> [UInt8] {
    Array(try JSONSerialization.data(withJSONObject: value, options: [.fragmentsAllowed, .withoutEscapingSlashes]))
}

/// Calls with bytes as C has them: a pointer and a size.
func withText<Result>(
    _ bytes: [UInt8], _ body: (UnsafePointer<CChar>?, Int) throws -> Result
) rethrows -> Result {
    try (bytes + [0]).withUnsafeBytes { buffer in
        try body(buffer.bindMemory(to: CChar.self).baseAddress, bytes.count)
    }
}
