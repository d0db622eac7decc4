// SPDX-License-Identifier: Apache-2.0

package hedgerouter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// What a request is, where it is no chat completion.
const (
	EndpointEmbeddings = "/v1/embeddings" // input and answer in OpenAI's form, whoever gives it
	EndpointResponses  = "/v1/responses"  // OpenAI's Responses API, with deployments that speak it
	EndpointMessages   = "/v1/messages"   // Anthropic's Messages API, with deployments that speak it
)

// Request is one chat completion request, or what Endpoint says.
type Request struct {
	Model     string         // name of a model group of the configuration
	Messages  []Message      //
	Fields    map[string]any // the rest of the OpenAI request body, such as "temperature"
	Body      any            // the whole body instead of the above: JSON as []byte, or what json.Marshal takes
	Timeout   time.Duration  // for everything done for this request; 0: as configured
	Overrides map[string]any // routing settings for this request alone; they come before the fields below
	Endpoint  string         // what is asked for, such as EndpointEmbeddings; the answer is in Response.Raw or Chunk.Raw

	NumRetries       *int     // further attempts after failures in each model group; nil: as configured
	Fallbacks        []string // model groups to go on to; nil: as configured
	DisableFallbacks bool     // stay in the model group asked for
	Priority         *int     // lower goes first where requests wait; nil: as configured
}

// routing is everything that steers the request, in one document; nil when there is nothing.
func (q Request) routing() map[string]any {
	settings := map[string]any{}
	if q.Endpoint != "" {
		settings["endpoint"] = q.Endpoint
	}
	if q.NumRetries != nil {
		settings["num_retries"] = *q.NumRetries
	}
	if q.Fallbacks != nil {
		settings["fallbacks"] = q.Fallbacks
	}
	if q.DisableFallbacks {
		settings["disable_fallbacks"] = true
	}
	if q.Priority != nil {
		settings["priority"] = *q.Priority
	}
	for name, value := range q.Overrides {
		settings[name] = value
	}
	if len(settings) == 0 {
		return nil
	}
	return settings
}

// Message is one message of a conversation, given or received. For content in parts use Request.Fields or Body.
type Message struct {
	Role             string     `json:"role,omitempty"`
	Content          string     `json:"content"`
	Name             string     `json:"name,omitempty"`
	Refusal          string     `json:"refusal,omitempty"`
	ReasoningContent string     `json:"reasoning_content,omitempty"`
	ToolCalls        []ToolCall `json:"tool_calls,omitempty"`
	ToolCallID       string     `json:"tool_call_id,omitempty"`
}

// ToolCall is a call of a function the model asks for; in a stream, a part of one.
type ToolCall struct {
	Index    int    `json:"index,omitempty"`
	ID       string `json:"id,omitempty"`
	Type     string `json:"type,omitempty"`
	Function struct {
		Name      string `json:"name,omitempty"`
		Arguments string `json:"arguments,omitempty"`
	} `json:"function"`
}

// Choice is one of the answers.
type Choice struct {
	Index        int     `json:"index"`
	Message      Message `json:"message"` // of an answer
	Delta        Message `json:"delta"`   // of a chunk
	FinishReason string  `json:"finish_reason"`
}

// Usage counts tokens.
type Usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

// Response is a chat completion.
type Response struct {
	ID      string   `json:"id"`
	Model   string   `json:"model"`
	Created int64    `json:"created"`
	Choices []Choice `json:"choices"`
	Usage   *Usage   `json:"usage"`
	Raw     []byte   `json:"-"` // the JSON text all of this was read from
	Report  []byte   `json:"-"` // the attempt log, as a JSON object
}

// Text is the content of the first choice.
func (r *Response) Text() string {
	if len(r.Choices) == 0 {
		return ""
	}
	return r.Choices[0].Message.Content
}

// Chunk is a part of a streamed chat completion.
type Chunk struct {
	ID      string   `json:"id"`
	Model   string   `json:"model"`
	Created int64    `json:"created"`
	Choices []Choice `json:"choices"`
	Usage   *Usage   `json:"usage"`
	Raw     []byte   `json:"-"` // the JSON text all of this was read from
}

// Text is the content of the first choice's delta.
func (c *Chunk) Text() string {
	if len(c.Choices) == 0 {
		return ""
	}
	return c.Choices[0].Delta.Content
}

// parse reads the fields this package knows; a field of an unexpected type is left out, and can be read from Raw.
func parse(data []byte, into any) error {
	err := json.Unmarshal(data, into)
	var unexpected *json.UnmarshalTypeError
	if errors.As(err, &unexpected) {
		return nil
	}
	return err
}

// body returns the request body as JSON.
func (q *Request) body(stream bool) ([]byte, error) {
	if q.Body == nil {
		fields := make(map[string]any, len(q.Fields)+3)
		for name, value := range q.Fields {
			fields[name] = value
		}
		if q.Model != "" {
			fields["model"] = q.Model
		}
		if q.Messages != nil {
			fields["messages"] = q.Messages
		}
		if stream {
			fields["stream"] = true
		}
		return encode(fields)
	}
	raw, err := encode(q.Body)
	if err != nil || !stream {
		return raw, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return raw, nil // the library says what is wrong with it, and where
	}
	if string(fields["stream"]) == "true" {
		return raw, nil
	}
	fields["stream"] = json.RawMessage("true")
	return encode(fields)
}

// encode is json.Marshal without its escapes for HTML; JSON that is given as such stays as it is.
func encode(value any) ([]byte, error) {
	switch value := value.(type) {
	case []byte:
		return value, nil
	case json.RawMessage:
		return value, nil
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, &Error{Code: ErrInvalid, RetryAfter: -1, Message: fmt.Sprintf("the request is not JSON: %v", err)}
	}
	return buffer.Bytes(), nil
}

func (r *Router) start(ctx context.Context, q Request, stream bool) (*Call, error) {
	body, err := q.body(stream)
	if err != nil {
		return nil, err
	}
	opts := CallOptions{Timeout: q.Timeout}
	if settings := q.routing(); settings != nil {
		if opts.Overrides, err = encode(settings); err != nil {
			return nil, err
		}
	}
	return r.Submit(ctx, body, opts)
}

// Complete sends a request and waits for the whole answer. When the context ends first, the request is cancelled.
func (r *Router) Complete(ctx context.Context, q Request) (*Response, error) {
	if asksForStream(q) {
		return nil, &Error{Code: ErrInvalid, RetryAfter: -1, Path: "stream", Message: "Complete does not stream; use Stream"}
	}
	call, err := r.start(ctx, q, false)
	if err != nil {
		return nil, err
	}
	response := &Response{}
	for {
		event, err := call.Next(ctx)
		if err != nil {
			return nil, cancelled(err)
		}
		switch {
		case event.Type == EventChunk:
			response.Raw = event.Data
		case event.Type == EventEnd && event.Err != nil:
			return nil, event.Err
		case event.Type == EventEnd:
			response.Report = event.Data
			if err := parse(response.Raw, response); err != nil {
				return nil, &Error{Code: ErrInternal, RetryAfter: -1, Message: "the answer is not JSON", Report: event.Data}
			}
			return response, nil
		}
	}
}

// asksForStream looks for "stream": true, which only a caller's own body or fields can have.
func asksForStream(q Request) bool {
	if raw, ok := q.Body.([]byte); ok || q.Body != nil {
		if !ok {
			raw, _ = encode(q.Body)
		}
		var fields struct{ Stream bool }
		return bytes.Contains(raw, []byte(`"stream"`)) && parse(raw, &fields) == nil && fields.Stream
	}
	return q.Fields["stream"] == true
}

// cancelled is the error of a request whose context ended.
func cancelled(err error) error {
	code := ErrCancelled
	if errors.Is(err, context.DeadlineExceeded) {
		code = ErrDeadline
	}
	return &Error{Code: code, RetryAfter: -1, cause: err}
}

// Stream is the chunks of one answer as they arrive:
//
//	for stream.Next() {
//		fmt.Print(stream.Chunk().Text())
//	}
//	return stream.Err()
//
// Close it unless Next has returned false; closing it, the end of its context, and dropping it cancel what still runs.
type Stream struct {
	ctx    context.Context
	call   *Call
	start  []byte
	chunk  *Chunk
	report []byte
	err    error
	first  *Event // taken while waiting for the start
	done   bool
}

// Stream sends a request and returns when a deployment has produced the first token; a failure before that is
// returned here, a later one by Err.
func (r *Router) Stream(ctx context.Context, q Request) (*Stream, error) {
	call, err := r.start(ctx, q, true)
	if err != nil {
		return nil, err
	}
	first, err := call.Next(ctx)
	if err != nil {
		return nil, cancelled(err)
	}
	stream := &Stream{ctx: ctx, call: call}
	switch {
	case first.Type == EventStart:
		stream.start = first.Data
	case first.Type == EventEnd && first.Err != nil:
		return nil, first.Err
	default:
		stream.first = &first
	}
	if ctx.Done() != nil {
		go func() { // must not refer to the stream, which is collected when it was dropped
			select {
			case <-ctx.Done():
				call.Cancel()
			case <-call.ended:
			}
		}()
	}
	runtime.SetFinalizer(stream, func(s *Stream) { s.call.Cancel() })
	return stream, nil
}

// Next waits for the next chunk; false when there is no more, or the stream broke.
func (s *Stream) Next() bool {
	if s.done {
		return false
	}
	event, err := Event{}, error(nil)
	if s.first != nil {
		event, s.first = *s.first, nil
	} else {
		event, err = s.call.Next(s.ctx)
	}
	switch {
	case err != nil:
		s.done, s.err = true, cancelled(err)
	case event.Type == EventEnd:
		s.done, s.report = true, event.Data
		if event.Err != nil {
			s.err = event.Err
		}
	case event.Type == EventChunk:
		s.chunk = &Chunk{Raw: event.Data}
		if parse(event.Data, s.chunk) != nil {
			s.err = &Error{Code: ErrInternal, RetryAfter: -1, Message: "a chunk is not JSON"}
			s.Close()
		}
	default:
		return s.Next()
	}
	runtime.KeepAlive(s)
	return !s.done
}

// Chunk is the chunk Next found.
func (s *Stream) Chunk() *Chunk { return s.chunk }

// Err is why the stream ended too early, or nil.
func (s *Stream) Err() error { return s.err }

// Start is a JSON object that says which deployment won, and in what role.
func (s *Stream) Start() []byte { return s.start }

// Report is the attempt log as a JSON object; nil until Next has returned false.
func (s *Stream) Report() []byte { return s.report }

// Close cancels the request if it still runs.
func (s *Stream) Close() error {
	s.done = true
	s.call.Cancel()
	return nil
}
