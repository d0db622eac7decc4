// SPDX-License-Identifier: Apache-2.0

package hedgerouter_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"hedgerouter"
)

func TestCompleteReturnsTheAnswerAndTheAttemptLog(t *testing.T) {
	u := newUpstream(t, say("héllo"))
	answer, err := newRouter(t, u).Complete(context.Background(), hedgerouter.Request{
		Model: "chat", Messages: hello.Messages, Fields: map[string]any{"temperature": 0.25},
		Overrides: map[string]any{"max_parallel_requests": 2}, Timeout: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	if answer.Text() != "héllo" || answer.Usage == nil || answer.Usage.TotalTokens != 5 {
		t.Errorf("answer %+v", answer)
	}
	if !json.Valid(answer.Raw) || !bytes.Contains(answer.Report, []byte(`"attempts"`)) {
		t.Errorf("raw %s, report %s", answer.Raw, answer.Report)
	}
	body := await(t, u.came, "the request")
	if body["temperature"] != 0.25 || body["overrides"] != nil || body["max_parallel_requests"] != nil {
		t.Errorf("the provider got %v", body)
	}
}

func TestEndpointsBesidesChat(t *testing.T) {
	answers := map[string]string{
		"/v1/embeddings": `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"e"}`,
		"/v1/responses":  `{"id":"r","object":"response","output":[]}`,
	}
	delta := `{"type":"response.output_text.delta","delta":"x"}`
	u := newUpstream(t, func(w http.ResponseWriter, r *http.Request, body map[string]any) {
		if body["stream"] == true {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "data: %s\n\ndata: {\"type\":\"response.completed\",\"response\":{}}\n\n", delta)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, answers[r.URL.Path])
	})
	router := newRouter(t, u)
	for _, endpoint := range []string{hedgerouter.EndpointEmbeddings, hedgerouter.EndpointResponses} {
		answer, err := router.Complete(context.Background(), hedgerouter.Request{
			Model: "chat", Endpoint: endpoint, Fields: map[string]any{"input": "x"},
		})
		if err != nil || string(answer.Raw) != answers[endpoint] {
			t.Errorf("%s: %v, %v", endpoint, answer, err)
		}
	}
	stream, err := router.Stream(context.Background(), hedgerouter.Request{
		Endpoint: hedgerouter.EndpointResponses, Body: map[string]any{"model": "chat", "input": "x"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if !stream.Next() || string(stream.Chunk().Raw) != delta {
		t.Errorf("the first event is not as it came: %v", stream.Err())
	}
	for stream.Next() {
	}
	if stream.Err() != nil {
		t.Error(stream.Err())
	}
}

func TestRetriesAndFallbacksOfOneRequest(t *testing.T) {
	bad := newUpstream(t, func(w http.ResponseWriter, r *http.Request, body map[string]any) {
		http.Error(w, `{"error":{"message":"m"}}`, http.StatusInternalServerError)
	})
	good := newUpstream(t, say("hi"))
	router, err := hedgerouter.New([]byte(fmt.Sprintf(`{"model_list":[
		{"model_name":"chat","litellm_params":{"model":"openai/a","api_base":"%s/v1","api_key":"k"}},
		{"model_name":"other","litellm_params":{"model":"openai/b","api_base":"%s/v1","api_key":"k"}}],
		"router_settings":{"num_retries":0}}`, bad.server.URL, good.server.URL)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { router.Close() })
	once := 1
	request := hello
	request.NumRetries, request.Fallbacks = &once, []string{"other"}
	answer, err := router.Complete(context.Background(), request)
	if err != nil || answer.Text() != "hi" {
		t.Fatalf("%v, %v", answer, err)
	}
	for _, role := range []string{"primary", "retry", "fallback"} {
		if !bytes.Contains(answer.Report, []byte(`"role":"`+role+`"`)) {
			t.Errorf("no attempt as %s in %s", role, answer.Report)
		}
	}
	request.NumRetries, request.DisableFallbacks = nil, true
	if _, err = router.Complete(context.Background(), request); err == nil {
		t.Error("a request that stays in its group got an answer")
	}
	request.Fallbacks = []string{"nobody"}
	var failure *hedgerouter.Error
	if _, err = router.Complete(context.Background(), request); !errors.As(err, &failure) || failure.Path != "fallbacks[0]" {
		t.Errorf("%v", err)
	}
}

func TestBodyIsTakenAsBytesOrAsAnythingThatMarshals(t *testing.T) {
	router := newRouter(t, newUpstream(t, say("hi")))
	type typed struct {
		Model    string                `json:"model"`
		Messages []hedgerouter.Message `json:"messages"`
	}
	raw := []byte(`{"model":"chat","messages":[{"role":"user","content":"hi"}]}`)
	for _, body := range []any{raw, json.RawMessage(raw), typed{"chat", hello.Messages},
		map[string]any{"model": "chat", "messages": hello.Messages}} {
		answer, err := router.Complete(context.Background(), hedgerouter.Request{Body: body})
		if err != nil || answer.Text() != "hi" {
			t.Errorf("%T: %v", body, err)
		}
		stream, err := router.Stream(context.Background(), hedgerouter.Request{Body: body})
		if err != nil {
			t.Fatalf("%T: %v", body, err)
		}
		if text := read(stream); text != "hi" || stream.Err() != nil {
			t.Errorf("%T: streamed %q, %v", body, text, stream.Err())
		}
	}
}

func read(stream *hedgerouter.Stream) string {
	var text strings.Builder
	for stream.Next() {
		text.WriteString(stream.Chunk().Text())
	}
	return text.String()
}

func TestStreamGivesChunksInOrderAndThenTheAttemptLog(t *testing.T) {
	stream, err := newRouter(t, newUpstream(t, say("one two three"))).Stream(context.Background(), hello)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if !bytes.Contains(stream.Start(), []byte(`"a"`)) {
		t.Errorf("start %s", stream.Start())
	}
	if text := read(stream); text != "one two three" || stream.Err() != nil {
		t.Errorf("streamed %q, %v", text, stream.Err())
	}
	if !bytes.Contains(stream.Report(), []byte(`"attempts"`)) || stream.Next() {
		t.Errorf("report %s", stream.Report())
	}
}

func TestProviderFailuresAreErrorsWithDetails(t *testing.T) {
	for status, code := range map[int]hedgerouter.Code{429: hedgerouter.ErrRateLimited, 401: hedgerouter.ErrAuth,
		400: hedgerouter.ErrBadRequest, 404: hedgerouter.ErrNotFound, 500: hedgerouter.ErrProvider} {
		router := newRouter(t, newUpstream(t, fail(status)))
		_, err := router.Complete(context.Background(), hello)
		var failure *hedgerouter.Error
		if !errors.Is(err, code) || !errors.As(err, &failure) {
			t.Fatalf("status %d: %v", status, err)
		}
		if failure.HTTPStatus != status || failure.Origin != hedgerouter.OriginProvider ||
			!bytes.Contains(failure.Report, []byte(`"attempts"`)) {
			t.Errorf("status %d: %+v", status, failure)
		}
		if status == 429 && (failure.RetryAfter != 7*time.Second || !failure.Retriable) {
			t.Errorf("429: %+v", failure)
		}
		if _, err := router.Stream(context.Background(), hello); err == nil {
			t.Errorf("status %d: the stream started", status)
		}
	}
}

func TestBrokenStreamGivesWhatCameAndThenItsError(t *testing.T) {
	stream, err := newRouter(t, newUpstream(t, func(w http.ResponseWriter, _ *http.Request, _ map[string]any) {
		stream(w, "ab")
		panic(http.ErrAbortHandler)
	})).Stream(context.Background(), hello)
	if err != nil {
		t.Fatal(err)
	}
	if text := read(stream); text != "ab" || !errors.Is(stream.Err(), hedgerouter.ErrInterrupted) {
		t.Errorf("streamed %q, %v", text, stream.Err())
	}
}

func TestBadRequestsAreRefusedBeforeAnythingIsSent(t *testing.T) {
	u := newUpstream(t, say("hi"))
	router := newRouter(t, u)
	ctx := context.Background()
	_, err := router.Complete(ctx, hedgerouter.Request{Model: "nobody", Messages: hello.Messages})
	if !errors.Is(err, hedgerouter.ErrNoModel) {
		t.Errorf("unknown model: %v", err)
	}
	for what, body := range map[string]any{"no JSON": []byte(`{"model":`), "nothing": []byte{}, "a channel": make(chan int),
		"a stream": map[string]any{"model": "chat", "messages": hello.Messages, "stream": true}} {
		if _, err := router.Complete(ctx, hedgerouter.Request{Body: body}); !errors.Is(err, hedgerouter.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if len(u.came) != 0 {
		t.Errorf("%d requests were sent", len(u.came))
	}
}

func TestEndOfTheContextCancelsTheRequest(t *testing.T) {
	u := newUpstream(t, hang)
	router := newRouter(t, u)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-u.came
		cancel()
	}()
	_, err := router.Complete(ctx, hello)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, hedgerouter.ErrCancelled) {
		t.Errorf("%v", err)
	}
	await(t, u.left, "the cancellation")
	if _, err := router.Complete(ctx, hello); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that had ended: %v", err)
	}
}

func TestDeadlineOfTheContextIsTheDeadlineOfTheRequest(t *testing.T) {
	u := newUpstream(t, hang)
	router := newRouter(t, u)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := router.Complete(ctx, hello)
	var failure *hedgerouter.Error
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &failure) || !failure.Timeout() {
		t.Errorf("%v", err)
	}
	await(t, u.left, "the cancellation")
	_, err = router.Complete(context.Background(), hedgerouter.Request{Model: "chat", Messages: hello.Messages,
		Timeout: 50 * time.Millisecond})
	if !errors.Is(err, hedgerouter.ErrDeadline) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a timeout of the request: %v", err)
	}
}

func TestLeavingAStreamCancelsTheRequest(t *testing.T) {
	for how, leave := range map[string]func(*hedgerouter.Stream, context.CancelFunc){
		"close":   func(s *hedgerouter.Stream, _ context.CancelFunc) { s.Close(); s.Close() },
		"context": func(_ *hedgerouter.Stream, cancel context.CancelFunc) { cancel() },
	} {
		u := newUpstream(t, stall)
		ctx, cancel := context.WithCancel(context.Background())
		stream, err := newRouter(t, u).Stream(ctx, hello)
		if err != nil || !stream.Next() {
			t.Fatalf("%s: %v", how, err)
		}
		leave(stream, cancel)
		await(t, u.left, how)
		if read(stream); how == "context" && !errors.Is(stream.Err(), context.Canceled) {
			t.Errorf("%s: %v", how, stream.Err())
		}
		cancel()
	}
}

func TestDroppingAStreamCancelsTheRequest(t *testing.T) {
	u := newUpstream(t, stall)
	router := newRouter(t, u)
	func() {
		if _, err := router.Stream(context.Background(), hello); err != nil {
			t.Fatal(err)
		}
	}()
	end := time.Now().Add(patience)
	for time.Now().Before(end) {
		runtime.GC()
		select {
		case <-u.left:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Error("the request went on")
}

func TestGoroutinesShareARouter(t *testing.T) {
	router := newRouter(t, newUpstream(t, say("hi")))
	inParallel(50, func(i int) {
		for j := 0; j < 4; j++ {
			if i%2 == 0 {
				if answer, err := router.Complete(context.Background(), hello); err != nil || answer.Text() != "hi" {
					t.Errorf("%v", err)
				}
			} else if stream, err := router.Stream(context.Background(), hello); err != nil || read(stream) != "hi" {
				t.Errorf("%v", err)
			}
		}
	})
}

func TestStalledConsumerHoldsUpNobody(t *testing.T) {
	long := strings.Repeat("abcdefgh", 500)
	router := newRouter(t, newUpstream(t, say(long)))
	stalled, err := router.Stream(context.Background(), hello)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 5; i++ {
		if other, err := router.Stream(context.Background(), hello); err != nil || read(other) != long {
			t.Fatalf("%v", err)
		}
	}
	if read(stalled) != long {
		t.Error("the stalled stream lost something")
	}
}

func TestCallGivesEventsAsTheyAre(t *testing.T) {
	call, err := newRouter(t, newUpstream(t, say("hi"))).Submit(context.Background(),
		[]byte(`{"model":"chat","messages":[{"role":"user","content":"hi"}]}`), hedgerouter.CallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var types []hedgerouter.EventType
	for {
		event, err := call.Next(context.Background())
		if err == io.EOF {
			break
		}
		if err != nil || !json.Valid(event.Data) || event.Elapsed < 0 {
			t.Fatalf("%+v, %v", event, err)
		}
		types = append(types, event.Type)
	}
	if len(types) != 3 || types[0] != hedgerouter.EventStart || types[1] != hedgerouter.EventChunk ||
		types[2] != hedgerouter.EventEnd {
		t.Errorf("events %v", types)
	}
	call.Cancel() // of a request that has ended: nothing
}

func TestCloseEndsWhatOthersWaitForAndLeavesNoGoroutine(t *testing.T) {
	u := newUpstream(t, stall)
	before := runtime.NumGoroutine()
	router, err := hedgerouter.New(u.config("a"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var streams []*hedgerouter.Stream
	for i := 0; i < 5; i++ {
		stream, err := router.Stream(ctx, hello)
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, stream)
	}
	var closing sync.WaitGroup
	for i := 0; i < 2; i++ {
		closing.Add(1)
		go func() { defer closing.Done(); router.Close() }()
	}
	for _, stream := range streams {
		read(stream)
		if !errors.Is(stream.Err(), hedgerouter.ErrClosed) && !errors.Is(stream.Err(), hedgerouter.ErrCancelled) {
			t.Errorf("%v", stream.Err())
		}
	}
	closing.Wait()
	if _, err := router.Complete(ctx, hello); !errors.Is(err, hedgerouter.ErrClosed) &&
		!errors.Is(err, hedgerouter.ErrBadHandle) {
		t.Errorf("after closing: %v", err)
	}
	u.server.CloseClientConnections()
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before; {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines are left:\n%s", runtime.NumGoroutine()-before, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(time.Millisecond)
	}
}

func TestReloadMovesNewRequests(t *testing.T) {
	router := newRouter(t, newUpstream(t, say("old")))
	if err := router.Reload(newUpstream(t, say("new")).config("b")); err != nil {
		t.Fatal(err)
	}
	if answer, err := router.Complete(context.Background(), hello); err != nil || answer.Text() != "new" {
		t.Errorf("%v", err)
	}
	if err := router.Reload([]byte(`{"model_list":[]}`)); !errors.Is(err, hedgerouter.ErrConfig) {
		t.Errorf("%v", err)
	}
}

func TestDrainWaitsForWhatIsInFlight(t *testing.T) {
	release := make(chan struct{})
	u := newUpstream(t, func(w http.ResponseWriter, r *http.Request, body map[string]any) {
		<-release
		say("hi")(w, r, body)
	})
	router := newRouter(t, u)
	answered := make(chan error, 1)
	go func() {
		_, err := router.Complete(context.Background(), hello)
		answered <- err
	}()
	await(t, u.came, "the request")
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := router.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, hedgerouter.ErrTimeout) {
		t.Errorf("%v", err)
	}
	close(release)
	if err := router.Drain(context.Background()); err != nil {
		t.Errorf("%v", err)
	}
	if err := await(t, answered, "the answer"); err != nil {
		t.Errorf("%v", err)
	}
}

func TestBadConfigurationNamesThePlace(t *testing.T) {
	config := []byte(`{"model_list":[{"model_name":"chat","litellm_params":{"model":"openai/x","api_kee":"k"}}]}`)
	_, err := hedgerouter.New(config)
	var failure *hedgerouter.Error
	if !errors.Is(err, hedgerouter.ErrConfig) || !errors.As(err, &failure) || !strings.Contains(failure.Path, "api_kee") {
		t.Errorf("%v", err)
	}
	report, err := hedgerouter.CheckConfig(config)
	if !errors.Is(err, hedgerouter.ErrConfig) || !bytes.Contains(report, []byte("api_kee")) {
		t.Errorf("%s, %v", report, err)
	}
	for _, nothing := range [][]byte{nil, {}} {
		if _, err := hedgerouter.New(nothing); !errors.Is(err, hedgerouter.ErrConfig) {
			t.Errorf("an empty document: %v", err)
		}
	}
}

func TestStatsAndVersionsAreJSON(t *testing.T) {
	router := newRouter(t, newUpstream(t, say("hi")))
	if _, err := router.Complete(context.Background(), hello); err != nil {
		t.Fatal(err)
	}
	data, err := router.Stats()
	var stats struct{ Requests struct{ Succeeded int } }
	if err != nil || json.Unmarshal(data, &stats) != nil || stats.Requests.Succeeded != 1 {
		t.Errorf("%s, %v", data, err)
	}
	if !json.Valid(hedgerouter.Features()) || !json.Valid(hedgerouter.ConfigSchema()) {
		t.Error("not JSON")
	}
	if !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(hedgerouter.Version()) {
		t.Error(hedgerouter.Version())
	}
}

func TestSavedStateMakesANewRouterWarm(t *testing.T) {
	upstream := newUpstream(t, say("hi"))
	before := newRouter(t, upstream)
	for range [10]int{} {
		if _, err := before.Complete(context.Background(), hello); err != nil {
			t.Fatal(err)
		}
	}
	state, err := before.SaveState()
	if err != nil || !json.Valid(state) {
		t.Fatalf("%s, %v", state, err)
	}
	after := newRouter(t, upstream)
	if err := after.LoadState(state); err != nil {
		t.Fatal(err)
	}
	type stats struct {
		Deployments []struct {
			Total struct {
				Samples float64 `json:"effective_samples"`
				Cold    bool
			} `json:"total_ms"`
		}
		Loads struct{ Documents, Adopted int } `json:"state_loads"`
	}
	read := func(router *hedgerouter.Router) (found stats) {
		data, err := router.Stats()
		if err != nil || json.Unmarshal(data, &found) != nil || len(found.Deployments) != 1 {
			t.Fatalf("%s, %v", data, err)
		}
		return found
	}
	loaded := read(after)
	if loaded.Loads.Adopted != 1 || loaded.Deployments[0].Total.Cold || loaded.Deployments[0].Total.Samples < 9.9 {
		t.Errorf("%+v", loaded)
	}
	for _, bad := range [][]byte{nil, {}, []byte("garbage"), state[:len(state)/2], append([]byte("["), state...)} {
		if err := after.LoadState(bad); !errors.Is(err, hedgerouter.ErrInvalid) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	if again := read(after); again.Loads.Documents != 1 || again.Deployments[0] != loaded.Deployments[0] {
		t.Errorf("%+v", again)
	}
	after.Close()
	if _, err := after.SaveState(); !errors.Is(err, hedgerouter.ErrClosed) && !errors.Is(err, hedgerouter.ErrBadHandle) {
		t.Error(err)
	}
}

func TestLogRecordsReachTheLogger(t *testing.T) {
	var mu sync.Mutex
	var records []string
	router := newRouter(t, newUpstream(t, fail(500)), hedgerouter.WithLogger(hedgerouter.LevelDebug,
		func(level hedgerouter.Level, record []byte) {
			mu.Lock()
			defer mu.Unlock()
			if level < hedgerouter.LevelError || level > hedgerouter.LevelDebug {
				t.Errorf("level %d", level)
			}
			records = append(records, string(record))
		}))
	if _, err := router.Complete(context.Background(), hello); err == nil {
		t.Error("no error")
	}
	router.Close()
	mu.Lock()
	defer mu.Unlock()
	if len(records) == 0 {
		t.Error("no record")
	}
	for _, record := range records {
		if !json.Valid([]byte(record)) || !strings.Contains(record, `"event"`) {
			t.Error(record)
		}
	}
}

func TestEveryCodeOfTheHeaderHasAnErrorConstant(t *testing.T) {
	header, err := os.ReadFile("../../include/hedgerouter.h")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("errors.go")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`#define (HR_E_\w+) \(-`).FindAllSubmatch(header, -1)
	if len(names) < 20 {
		t.Fatalf("found %d codes", len(names))
	}
	for _, name := range names {
		if !regexp.MustCompile(`C\.` + string(name[1]) + `\b`).Match(source) {
			t.Errorf("%s has no constant", name[1])
		}
	}
}
