import HedgeJSON

/// The members of one choice of a whole answer and of its message, as nodes of the tape; -1 where there is none.
///
/// Found in one pass over each, since an answer is read once and has most of them. The first of two of a name counts.
struct AnswerChoice {
    let node: Int
    var index = -1
    var message = -1
    var finishReason = -1

    // Of the message.
    var role = -1
    var content = -1
    var reasoning = -1
    var reasoningContent = -1
    var refusal = -1
    var toolCalls = -1
    var functionCall = -1
    var audio = -1

    init(_ node: Int, _ tape: JSONTape, _ text: Span<UInt8>) {
        self.node = node
        for key in tape.keys(of: node) {
            switch tape.content(key).count {
            case 5 where index < 0 && tape.isString(key, "index", in: text): index = key + 1
            case 7 where message < 0 && tape.isString(key, "message", in: text): message = key + 1
            case 13 where finishReason < 0 && tape.isString(key, "finish_reason", in: text): finishReason = key + 1
            default: break
            }
        }
        readMessage(tape, text)
    }

    private mutating func readMessage(_ tape: JSONTape, _ text: Span<UInt8>) {
        for key in tape.keys(of: message) {
            switch tape.content(key).count {
            case 4 where role < 0 && tape.isString(key, "role", in: text): role = key + 1
            case 5 where audio < 0 && tape.isString(key, "audio", in: text): audio = key + 1
            case 7 where content < 0 && tape.isString(key, "content", in: text): content = key + 1
            case 7 where refusal < 0 && tape.isString(key, "refusal", in: text): refusal = key + 1
            case 9 where reasoning < 0 && tape.isString(key, "reasoning", in: text): reasoning = key + 1
            case 10 where toolCalls < 0 && tape.isString(key, "tool_calls", in: text): toolCalls = key + 1
            case 13 where functionCall < 0 && tape.isString(key, "function_call", in: text): functionCall = key + 1
            case 17 where reasoningContent < 0 && tape.isString(key, "reasoning_content", in: text):
                reasoningContent = key + 1
            default: break
            }
        }
    }
}
