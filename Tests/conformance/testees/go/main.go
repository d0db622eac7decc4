// SPDX-License-Identifier: Apache-2.0

// The Go testee: PROTOCOL.md over stdin and stdout, and the Go package.
//
// The package has one delivery, its own goroutine that polls; it has no callbacks, pull requests or raw calls, so the
// features that need them are not listed.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"hedgerouter"
)

type object = map[string]any

// op is one line of the driver; what an op does not have is zero.
type op struct {
	ID        json.RawMessage `json:"id"`
	Op        string          `json:"op"`
	As        string          `json:"as"`
	Router    string          `json:"router"`
	Request   json.RawMessage `json:"request"` // a name, or a bytes spec
	Config    json.RawMessage `json:"config"`
	Script    json.RawMessage `json:"script"`
	State     json.RawMessage `json:"state"`
	TimeoutMS *int64          `json:"timeout_ms"`
	Codes     []int32         `json:"codes"`
	// OpenMetrics chooses the format of metrics.
	OpenMetrics bool `json:"openmetrics"`
	Options     struct {
		Delivery  string          `json:"delivery"`
		TimeoutMS int64           `json:"timeout_ms"`
		Overrides json.RawMessage `json:"overrides"`
		Pull      bool            `json:"pull"`
		OnEvent   json.RawMessage `json:"on_event"`
	} `json:"options"`
}

// broken is the testee's own failure, and skipped what this language cannot express.
type (
	broken  string
	skipped string
)

func (b broken) Error() string  { return string(b) }
func (s skipped) Error() string { return string(s) }

// request is a submitted request and its events, in the order in which they came.
type request struct {
	call *hedgerouter.Call

	mu     sync.Mutex
	change *sync.Cond
	events []hedgerouter.Event
	given  int
	ended  bool // the END is among the events
	over   bool // nothing more comes
}

// follow takes every event, and goes on after the END: one more would be a defect that collect shows.
func (r *request) follow() {
	for {
		event, err := r.call.Next(context.Background())
		r.mu.Lock()
		if err != nil {
			r.over = true
		} else if event.Type == hedgerouter.EventEnd && closedLocally(event) {
			r.over = true // the package made this END itself: the router was closed
		} else {
			r.events = append(r.events, event)
			r.ended = r.ended || event.Type == hedgerouter.EventEnd
		}
		over := r.over
		r.change.Broadcast()
		r.mu.Unlock()
		if over {
			return
		}
	}
}

func closedLocally(event hedgerouter.Event) bool {
	return event.Err != nil && event.Err.Code == hedgerouter.ErrClosed && len(event.Data) == 0
}

// wait blocks until ready says so; false when the time passed. The lock is held before and after.
func (r *request) wait(patience time.Duration, ready func() bool) bool {
	late := false
	timer := time.AfterFunc(patience, func() {
		r.mu.Lock()
		late = true
		r.change.Broadcast()
		r.mu.Unlock()
	})
	defer timer.Stop()
	for !ready() && !late {
		r.change.Wait()
	}
	return ready()
}

type testee struct {
	out      sync.Mutex
	mu       sync.Mutex
	routers  map[string]*hedgerouter.Router
	requests map[string]*request
	all      []*hedgerouter.Router
}

func (t *testee) router(name string) (*hedgerouter.Router, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if router := t.routers[name]; router != nil {
		return router, nil
	}
	return nil, broken("unknown router")
}

func (t *testee) request(raw json.RawMessage) (*request, error) {
	var name string
	if err := json.Unmarshal(raw, &name); err != nil {
		return nil, broken("a request is named by a string")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if request := t.requests[name]; request != nil {
		return request, nil
	}
	return nil, broken("unknown request")
}

func (t *testee) hello(op) (object, error) {
	return object{"protocol": "1", "language": "go", "features": []string{"poll", "sim"}}, nil
}

func (t *testee) versions(op) (object, error) {
	return object{"number": hedgerouter.VersionNumber(), "version": hedgerouter.Version(),
		"features": parsed(hedgerouter.Features())}, nil
}

func (t *testee) errorNames(o op) (object, error) {
	names, descriptions := []string{}, []string{}
	for _, code := range o.Codes {
		names = append(names, hedgerouter.Code(code).Name())
		descriptions = append(descriptions, hedgerouter.Code(code).Description())
	}
	return object{"names": names, "descriptions": descriptions}, nil
}

func (t *testee) reset(op) (object, error) {
	t.mu.Lock()
	all := t.all
	t.routers, t.requests, t.all = map[string]*hedgerouter.Router{}, map[string]*request{}, nil
	t.mu.Unlock()
	for _, router := range all {
		_ = router.Close()
	}
	return object{}, nil
}

func (t *testee) routerNew(o op) (object, error) {
	if o.Options.Delivery != "" && o.Options.Delivery != "poll" {
		return nil, skipped("the Go package only polls")
	}
	config, err := bytesOf(o.Config)
	if err != nil {
		return nil, err
	}
	router, err := hedgerouter.New(config)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	t.routers[o.As] = router
	t.all = append(t.all, router)
	t.mu.Unlock()
	return object{}, nil
}

func (t *testee) routerFree(o op) (object, error) {
	router, err := t.router(o.Router)
	if err != nil {
		return nil, err
	}
	return object{}, router.Close()
}

// give hands a document to a router.
func (t *testee) give(name string, document json.RawMessage, call func(*hedgerouter.Router, []byte) error) (object, error) {
	router, err := t.router(name)
	if err != nil {
		return nil, err
	}
	data, err := bytesOf(document)
	if err != nil {
		return nil, err
	}
	return object{}, call(router, data)
}

func (t *testee) reload(o op) (object, error) {
	return t.give(o.Router, o.Config, (*hedgerouter.Router).Reload)
}

func (t *testee) stateLoad(o op) (object, error) {
	return t.give(o.Router, o.State, (*hedgerouter.Router).LoadState)
}

func (t *testee) drain(o op) (object, error) {
	router, err := t.router(o.Router)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.Background(), func() {}
	if o.TimeoutMS != nil && *o.TimeoutMS >= 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(*o.TimeoutMS)*time.Millisecond)
	}
	defer cancel()
	return object{}, router.Drain(ctx)
}

func (t *testee) stats(o op) (object, error) {
	router, err := t.router(o.Router)
	if err != nil {
		return nil, err
	}
	stats, err := router.Stats()
	return object{"stats": parsed(stats)}, err
}

func (t *testee) metrics(o op) (object, error) {
	router, err := t.router(o.Router)
	if err != nil {
		return nil, err
	}
	format := hedgerouter.MetricsPrometheus
	if o.OpenMetrics {
		format = hedgerouter.MetricsOpenMetrics
	}
	text, err := router.Metrics(format)
	return object{"text": string(text)}, err
}

func (t *testee) stateSave(o op) (object, error) {
	router, err := t.router(o.Router)
	if err != nil {
		return nil, err
	}
	state, err := router.SaveState()
	return object{"state": string(state)}, err
}

func (t *testee) dashboard(op) (object, error) {
	return object{"text": string(hedgerouter.DashboardHTML())}, nil
}

func (t *testee) configCheck(o op) (object, error) {
	config, err := bytesOf(o.Config)
	if err != nil {
		return nil, err
	}
	report, err := hedgerouter.CheckConfig(config)
	status := "HR_OK"
	if errors.Is(err, hedgerouter.ErrConfig) {
		status, err = "HR_E_CONFIG", nil
	}
	return object{"status": status, "report": parsed(report)}, err
}

func (t *testee) configSchema(op) (object, error) {
	return object{"schema": parsed(hedgerouter.ConfigSchema())}, nil
}

func (t *testee) submit(o op) (object, error) {
	if o.Options.Pull || o.Options.OnEvent != nil {
		return nil, skipped("the Go package has neither pull requests nor callbacks")
	}
	router, err := t.router(o.Router)
	if err != nil {
		return nil, err
	}
	body, err := bytesOf(o.Request)
	if err != nil {
		return nil, err
	}
	options := hedgerouter.CallOptions{Timeout: milliseconds(o.Options.TimeoutMS), Overrides: o.Options.Overrides}
	call, err := router.Submit(context.Background(), body, options)
	if err != nil {
		return nil, err
	}
	follower := &request{call: call}
	follower.change = sync.NewCond(&follower.mu)
	go follower.follow()
	t.mu.Lock()
	t.requests[o.As] = follower
	t.mu.Unlock()
	return object{}, nil
}

func (t *testee) nextEvent(o op) (object, error) {
	r, err := t.request(o.Request)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wait(patience(o), func() bool { return r.given < len(r.events) || r.ended || r.over })
	if r.given == len(r.events) {
		return object{"event": nil}, nil
	}
	event := r.events[r.given]
	r.given++
	return object{"event": eventObject(event)}, nil
}

func (t *testee) collect(o op) (object, error) {
	r, err := t.request(o.Request)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	inTime := r.wait(patience(o), func() bool { return r.ended || r.over })
	events := []object{}
	for ; r.given < len(r.events); r.given++ {
		events = append(events, eventObject(r.events[r.given]))
	}
	result := object{"events": events}
	if !inTime {
		result["timed_out"] = true
	} else if !r.ended {
		result["closed"] = true
	}
	return result, nil
}

func (t *testee) cancel(o op) (object, error) {
	r, err := t.request(o.Request)
	if err != nil {
		return nil, err
	}
	r.call.Cancel()
	return object{}, nil
}

func (t *testee) complete(o op) (object, error) {
	router, err := t.router(o.Router)
	if err != nil {
		return nil, err
	}
	body, err := bytesOf(o.Request)
	if err != nil {
		return nil, err
	}
	request := hedgerouter.Request{Body: body, Timeout: milliseconds(o.Options.TimeoutMS)}
	if o.Options.Overrides != nil {
		if err := json.Unmarshal(o.Options.Overrides, &request.Overrides); err != nil {
			return nil, broken("overrides are an object")
		}
	}
	answer, err := router.Complete(context.Background(), request)
	if err != nil {
		return nil, err
	}
	return object{"answer": parsed(answer.Raw)}, nil
}

func milliseconds(number int64) time.Duration { return time.Duration(number) * time.Millisecond }

func patience(o op) time.Duration {
	if o.TimeoutMS == nil {
		return 10 * time.Second
	}
	return milliseconds(*o.TimeoutMS)
}

func (t *testee) answer(id json.RawMessage, result object, err error) {
	line := object{"id": id}
	var failure *hedgerouter.Error
	switch reason := err.(type) {
	case nil:
		line["ok"] = result
	case broken:
		line["broken"] = string(reason)
	case skipped:
		line["skipped"] = string(reason)
	default:
		if errors.As(err, &failure) {
			line["error"] = errorObject(failure)
		} else {
			line["broken"] = fmt.Sprintf("not an error of the package: %v", err)
		}
	}
	text, err := json.Marshal(line)
	if err != nil {
		text = []byte(fmt.Sprintf(`{"id":%s,"broken":"the result cannot be written"}`, id))
	}
	t.out.Lock()
	defer t.out.Unlock()
	os.Stdout.Write(append(text, '\n'))
}

func main() {
	t := &testee{}
	_, _ = t.reset(op{})
	direct := map[string]func(op) (object, error){"hello": t.hello, "versions": t.versions, "error_names": t.errorNames,
		"router_new": t.routerNew, "reload": t.reload, "stats": t.stats, "metrics": t.metrics,
		"state_save": t.stateSave, "state_load": t.stateLoad, "dashboard": t.dashboard, "config_check": t.configCheck,
		"config_schema": t.configSchema, "submit": t.submit, "cancel": t.cancel, "sim_core": simulate, "sim_codec": simulate}
	blocking := map[string]func(op) (object, error){"reset": t.reset, "router_free": t.routerFree, "drain": t.drain,
		"next_event": t.nextEvent, "collect": t.collect, "complete": t.complete}
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	var open sync.WaitGroup
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		var o op
		if err := json.Unmarshal(line, &o); err != nil {
			fmt.Fprintln(os.Stderr, "testee: a line is not an op:", err)
			continue
		}
		if run := direct[o.Op]; run != nil {
			result, err := run(o)
			t.answer(o.ID, result, err)
		} else if run := blocking[o.Op]; run != nil {
			open.Add(1)
			go func() {
				defer open.Done()
				result, err := run(o)
				t.answer(o.ID, result, err)
			}()
		} else {
			t.answer(o.ID, nil, broken("unknown op "+o.Op))
		}
	}
	_, _ = t.reset(op{})
	open.Wait()
}
