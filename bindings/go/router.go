// SPDX-License-Identifier: Apache-2.0

package hedgerouter

/*
#include <hedgerouter.h>
#include <stdlib.h>
*/
import "C"

import (
	"context"
	"sync"
)

// Router sends chat requests to the deployment that will answer first. Close it when done.
type Router struct {
	handle C.hr_router
	ended  chan struct{} // closed when nothing more comes

	mu     sync.Mutex
	calls  map[uint64]*Call // by token; nil after the end
	tokens uint64
	closed bool
}

// Option changes how a router talks to its program.
type Option func(*options)

type options struct {
	logger   Logger
	level    Level
	recorder Recorder
}

// WithLogger has the library's log records, up to the given level of detail, sent to a function.
func WithLogger(level Level, logger Logger) Option {
	return func(o *options) { o.logger, o.level = logger, level }
}

// WithAttemptLog has the attempt log of each request that ended sent to a function.
func WithAttemptLog(recorder Recorder) Option {
	return func(o *options) { o.recorder = recorder }
}

// New makes a router from a JSON configuration document.
func New(config []byte, opts ...Option) (*Router, error) {
	var chosen options
	for _, opt := range opts {
		opt(&chosen)
	}
	router := &Router{ended: make(chan struct{}), calls: make(map[uint64]*Call)}
	handle, err := newHandle(config, chosen)
	if err != nil {
		return nil, err
	}
	router.handle = handle
	go router.poll()
	return router, nil
}

// Reload replaces the configuration. Deployments that stay keep what was learned of them; requests in flight go on. A
// document that is not valid changes nothing.
func (r *Router) Reload(config []byte) error {
	details := newCError()
	pointer, size := document(config)
	return check(C.hr_router_reload(r.handle, pointer, size, &details), &details)
}

// Drain refuses new requests and waits until those in flight have ended, or the context has.
func (r *Router) Drain(ctx context.Context) error {
	const slice = 200 // milliseconds between two looks at the context
	details := newCError()
	for {
		code := C.hr_router_drain(r.handle, slice, &details)
		if code != C.HR_E_TIMEOUT {
			return check(code, &details)
		}
		if err := ctx.Err(); err != nil {
			failure := check(code, &details).(*Error)
			failure.cause = err
			return failure
		}
	}
}

// Stats returns what the router has seen and done so far, as a JSON object. Newer libraries add keys.
func (r *Router) Stats() ([]byte, error) {
	var out *C.char
	var size C.size_t
	details := newCError()
	if err := check(C.hr_stats_json(r.handle, &out, &size, &details), &details); err != nil {
		return nil, err
	}
	return takeString(out, size), nil
}

// MetricsFormat is a text format of metrics.
type MetricsFormat int32

// The formats of metrics.
const (
	MetricsPrometheus  MetricsFormat = C.HR_METRICS_PROMETHEUS
	MetricsOpenMetrics MetricsFormat = C.HR_METRICS_OPENMETRICS
)

// Metrics returns the router's metrics as text; docs/metrics.md lists them. Handler serves them.
func (r *Router) Metrics(format MetricsFormat) ([]byte, error) {
	var out *C.char
	var size C.size_t
	details := newCError()
	code := C.hr_metrics_text(r.handle, C.int32_t(format), &out, &size, &details)
	if err := check(code, &details); err != nil {
		return nil, err
	}
	return takeString(out, size), nil
}

// SaveState returns what the router has learned of its deployments' latency, to give to LoadState after a restart. It is
// text with a checksum: keep it as it is. It has no keys, prompts or answers in it.
func (r *Router) SaveState() ([]byte, error) {
	var out *C.char
	var size C.size_t
	details := newCError()
	if err := check(C.hr_state_save(r.handle, &out, &size, &details), &details); err != nil {
		return nil, err
	}
	return takeString(out, size), nil
}

// LoadState takes over what an earlier router learned, aged by the time since then; call it right after New.
// Deployments the configuration does not have are skipped; "state_loads" in Stats counts them. A document that is
// damaged or of another version is ErrInvalid and changes nothing.
func (r *Router) LoadState(state []byte) error {
	details := newCError()
	pointer, size := document(state)
	return check(C.hr_state_load(r.handle, pointer, size, &details), &details)
}

// Close cancels what is in flight and releases everything; it takes some milliseconds. Requests others wait for end
// with ErrClosed. Closing again does nothing.
func (r *Router) Close() error {
	r.mu.Lock()
	first := !r.closed
	r.closed = true
	r.mu.Unlock()
	if first {
		handle := r.handle // the library zeroes what it is given; others may be reading ours
		C.hr_router_free(&handle)
	}
	<-r.ended
	return nil
}

// end fails every request that has not ended.
func (r *Router) end() {
	r.mu.Lock()
	calls := r.calls
	r.calls = nil
	r.mu.Unlock()
	for _, call := range calls {
		call.deliver(Event{Type: EventEnd, Err: &Error{Code: ErrClosed, RetryAfter: -1}})
	}
	close(r.ended)
}
