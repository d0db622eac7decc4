// SPDX-License-Identifier: Apache-2.0
//
// The Swift testee: PROTOCOL.md over stdin and stdout, and the C header. It crosses only the C interface, so its own
// Swift runtime and the one inside the library never meet.

import Foundation

func answer(_ id: Any, _ kind: String, _ value: Any) {
    let line = try? JSONSerialization.data(withJSONObject: ["id": id, kind: value], options: [.withoutEscapingSlashes])
    state.locked {
        FileHandle.standardOutput.write((line ?? Data("{\"id\":0,\"broken\":\"not JSON\"}".utf8)) + Data("\n".utf8))
    }
}

func run(_ body: (Object) throws -> Object, _ op: Object) {
    let id = op["id"] ?? 0
    do {
        answer(id, "ok", try body(op))
    } catch let failure as Failure {
        answer(id, "error", failure.object)
    } catch let broken as Broken {
        answer(id, "broken", broken.reason)
    } catch {
        answer(id, "broken", "\(error)")
    }
}

while let line = readLine() {
    guard let op = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? Object else {
        FileHandle.standardError.write(Data("testee: a line is not an op\n".utf8))
        continue
    }
    let name = op["op"] as? String ?? ""
    if let body = direct[name] {
        run(body, op)
    } else if let body = blocking[name] {
        state.locked { state.openOps += 1 }
        let handover = Handover(value: op)
        Thread.detachNewThread {
            run(body, handover.value)
            state.change { state.openOps -= 1 }
        }
    } else {
        answer(op["id"] ?? 0, "broken", "unknown op \(name)")
    }
}
reset()
state.locked { while state.openOps > 0 { _ = state.wait(until: .distantFuture) } }
