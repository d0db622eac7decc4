// SPDX-License-Identifier: Apache-2.0

package hedgerouter_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hedgerouter"
)

func get(t *testing.T, url, accept string) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, body
}

func TestHandlerServesPageStatisticsAndMetrics(t *testing.T) {
	router := newRouter(t, newUpstream(t, say("hi")))
	if _, err := router.Complete(context.Background(), hello); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/router/", http.StripPrefix("/router", router.Handler()))
	server := httptest.NewServer(mux)
	defer server.Close()

	response, page := get(t, server.URL+"/router/", "")
	if response.StatusCode != 200 || !bytes.HasPrefix(page, []byte("<!doctype html>")) ||
		!strings.Contains(response.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("the page: %s %v", response.Status, response.Header)
	}
	_, text := get(t, server.URL+"/router/stats.json", "")
	var stats struct{ Requests struct{ Succeeded int } }
	if err := json.Unmarshal(text, &stats); err != nil || stats.Requests.Succeeded != 1 {
		t.Errorf("stats %v: %s", err, text)
	}
	response, text = get(t, server.URL+"/router/metrics", "text/plain")
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain; version=0.0.4") ||
		!bytes.Contains(text, []byte("hedgerouter_requests_total{")) || bytes.Contains(text, []byte("# EOF")) {
		t.Errorf("Prometheus: %v", response.Header)
	}
	response, text = get(t, server.URL+"/router/metrics", "application/openmetrics-text; version=1.0.0")
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "application/openmetrics-text") ||
		!bytes.HasSuffix(text, []byte("# EOF\n")) {
		t.Errorf("OpenMetrics: %v", response.Header)
	}
	if response, _ = get(t, server.URL+"/router/nothing", ""); response.StatusCode != 404 {
		t.Errorf("nothing there: %s", response.Status)
	}
	refused, err := http.Post(server.URL+"/router/", "text/plain", nil)
	if err != nil || refused.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v %v", refused, err)
	}
	router.Close()
	if response, _ = get(t, server.URL+"/router/stats.json", ""); response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a closed router: %s", response.Status)
	}
}

func TestAttemptLogOfEachRequestReachesTheRecorder(t *testing.T) {
	u := newUpstream(t, say("hi"))
	records := make(chan []byte, 1)
	router, err := hedgerouter.New(u.config("a"), hedgerouter.WithAttemptLog(func(record []byte) { records <- record }))
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	if _, err := router.Complete(context.Background(), hello); err != nil {
		t.Fatal(err)
	}
	record := await(t, records, "the record")
	var log struct{ Attempts []struct{ Use string } }
	if err := json.Unmarshal(record, &log); err != nil || len(log.Attempts) != 1 || log.Attempts[0].Use != "answer" {
		t.Errorf("record %v: %s", err, record)
	}
}
