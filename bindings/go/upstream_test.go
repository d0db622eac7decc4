// SPDX-License-Identifier: Apache-2.0

package hedgerouter_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"hedgerouter"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// upstream is a provider under control: a handler, and a count of the requests whose client went away.
type upstream struct {
	server *httptest.Server
	came   chan map[string]any
	left   chan struct{}
}

// reply writes one answer; it gets the request body.
type reply func(w http.ResponseWriter, r *http.Request, body map[string]any)

func newUpstream(t *testing.T, answer reply) *upstream {
	t.Helper()
	u := &upstream{came: make(chan map[string]any, 1000), left: make(chan struct{}, 1000)}
	u.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, "not JSON", http.StatusBadRequest)
			return
		}
		u.came <- body
		answer(w, r, body)
		if r.Context().Err() != nil {
			u.left <- struct{}{}
		}
	}))
	t.Cleanup(u.server.Close)
	return u
}

func (u *upstream) config(id string) []byte {
	return []byte(fmt.Sprintf(`{"model_list":[{"model_name":"chat","model_info":{"id":%q},"litellm_params":
		{"model":"openai/%s","api_base":"%s/v1","api_key":"sk-test"}}],"router_settings":{"num_retries":0}}`,
		id, id, u.server.URL))
}

// say answers with a text, as a stream or not, whichever was asked for.
func say(text string) reply {
	return func(w http.ResponseWriter, r *http.Request, body map[string]any) {
		if body["stream"] == true {
			stream(w, text)
			fmt.Fprint(w, "data: [DONE]\n\n")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":
			{"role":"assistant","content":%q},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,
			"total_tokens":5}}`, text)
	}
}

// stream writes one chunk for each letter.
func stream(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, letter := range text {
		fmt.Fprintf(w, "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"x\",\"choices\":[{"+
			"\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":null}]}\n\n", string(letter))
	}
	w.(http.Flusher).Flush()
}

// stall writes the start of a stream and then nothing until the client has gone.
func stall(w http.ResponseWriter, r *http.Request, _ map[string]any) {
	stream(w, "ab")
	<-r.Context().Done()
}

// hang writes nothing until the client has gone.
func hang(_ http.ResponseWriter, r *http.Request, _ map[string]any) { <-r.Context().Done() }

// fail answers with an error status.
func fail(status int) reply {
	return func(w http.ResponseWriter, _ *http.Request, _ map[string]any) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
		fmt.Fprint(w, `{"error":{"message":"no"}}`)
	}
}

func newRouter(t *testing.T, u *upstream, opts ...hedgerouter.Option) *hedgerouter.Router {
	t.Helper()
	router, err := hedgerouter.New(u.config("a"), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { router.Close() })
	return router
}

var hello = hedgerouter.Request{Model: "chat", Messages: []hedgerouter.Message{{Role: "user", Content: "hi"}}}

// await fails the test when nothing comes.
func await[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(patience):
		t.Fatalf("%s did not happen", what)
		panic("unreachable")
	}
}

// inParallel runs a function in many goroutines and waits for all of them.
func inParallel(n int, run func(int)) {
	var group sync.WaitGroup
	group.Add(n)
	for i := 0; i < n; i++ {
		go func(i int) {
			defer group.Done()
			run(i)
		}(i)
	}
	group.Wait()
}
