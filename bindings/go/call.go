// SPDX-License-Identifier: Apache-2.0

package hedgerouter

// #include <hedgerouter.h>
import "C"

import (
	"context"
	"io"
	"sync"
	"time"
)

// EventType says what an event is.
type EventType int32

// Each request gets at most one start, then chunks in order, then exactly one end.
const (
	EventStart EventType = C.HR_EVENT_START // the request is committed to one deployment
	EventChunk EventType = C.HR_EVENT_CHUNK // part of a stream, or the whole answer
	EventEnd   EventType = C.HR_EVENT_END   // the request has ended
)

// Event is something that happened to a request.
type Event struct {
	Type       EventType
	Data       []byte        // JSON: what START says, a chunk or an answer, the attempt log
	Elapsed    time.Duration // from the submission until this was ready for delivery
	HTTPStatus int           // END: status of the deployment that decided the outcome, or 0
	Err        *Error        // END: why the request failed, or nil
}

// Call is one request and its events as they are. Complete and Stream are built on it, and nearly always what you want.
type Call struct {
	router *Router
	token  uint64
	handle C.hr_request
	arrive chan struct{} // holds one token when something arrived
	ended  chan struct{} // closed with the END

	mu     sync.Mutex
	events []Event
	over   bool
}

// CallOptions steer one request.
type CallOptions struct {
	Timeout   time.Duration // for everything done for the request; 0: as configured
	Overrides []byte        // a JSON object of routing settings for this request alone, or nil
}

// Submit starts a request from an OpenAI chat completion body as JSON. The context's deadline is the request's, too;
// to cancel the request use Cancel, or a context that ends while Next waits.
func (r *Router) Submit(ctx context.Context, body []byte, opts CallOptions) (*Call, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	timeout := opts.Timeout
	if deadline, ok := ctx.Deadline(); ok {
		if left := time.Until(deadline); timeout == 0 || left < timeout {
			timeout = left
		}
	}
	if timeout != 0 && timeout < time.Millisecond {
		timeout = time.Millisecond // 0 would mean as configured
	}
	call := &Call{router: r, arrive: make(chan struct{}, 1), ended: make(chan struct{})}
	r.mu.Lock()
	if r.calls == nil {
		r.mu.Unlock()
		return nil, &Error{Code: ErrClosed, RetryAfter: -1}
	}
	r.tokens++
	call.token = r.tokens
	r.calls[call.token] = call // first, for its events may come before submit returns
	r.mu.Unlock()
	handle, err := r.submit(body, opts.Overrides, timeout, call.token)
	if err != nil {
		r.mu.Lock()
		delete(r.calls, call.token)
		r.mu.Unlock()
		return nil, err
	}
	call.handle = handle
	return call, nil
}

// route hands an event to its request.
func (r *Router) route(token uint64, event Event) {
	r.mu.Lock()
	call := r.calls[token]
	if call != nil && event.Type == EventEnd {
		delete(r.calls, token)
	}
	r.mu.Unlock()
	if call != nil {
		call.deliver(event)
	}
}

func (c *Call) deliver(event Event) {
	c.mu.Lock()
	c.events = append(c.events, event)
	c.mu.Unlock()
	if event.Type == EventEnd {
		close(c.ended)
	}
	select {
	case c.arrive <- struct{}{}:
	default:
	}
}

// take returns the oldest event nobody has taken.
func (c *Call) take() (event Event, found bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.events) == 0 {
		if c.over {
			err = io.EOF
		}
		return event, false, err
	}
	event = c.events[0]
	c.events[0] = Event{} // let its data go as soon as the caller does
	c.events = c.events[1:]
	c.over = event.Type == EventEnd
	return event, true, nil
}

// Next returns the next event, waiting for it; io.EOF after the END. When the context ends first, the request is
// cancelled and the context's error returned; the END can still be had with another context.
func (c *Call) Next(ctx context.Context) (Event, error) {
	for {
		if event, found, err := c.take(); found || err != nil {
			if found && event.Err != nil && event.Err.cause == nil {
				event.Err.cause = endedBy(ctx, event.Err.Code)
			}
			return event, err
		}
		select {
		case <-c.arrive:
		case <-ctx.Done():
			c.Cancel()
			return Event{}, ctx.Err()
		}
	}
}

// endedBy is the error of the context if it is what ended a request with the given code.
func endedBy(ctx context.Context, code Code) error {
	if code == ErrCancelled || code == ErrDeadline {
		return ctx.Err()
	}
	return nil
}

// Cancel ends the request with ErrCancelled, unless it has ended: its connections are closed.
func (c *Call) Cancel() {
	select {
	case <-c.ended:
	default:
		C.hr_cancel(c.handle, nil) // a handle that went stale meanwhile is refused, and that is fine
	}
}
