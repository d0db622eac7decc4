// SPDX-License-Identifier: Apache-2.0

package hedgerouter

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// The page is one document with its style and script inside, and talks to nobody but its own host.
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; " +
	"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

// Handler serves the dashboard at /, the statistics at /stats.json and the metrics at /metrics, in OpenMetrics for
// scrapers that ask for it. It knows no password: put it where your other internal pages are. Under a prefix:
//
//	mux.Handle("/router/", http.StripPrefix("/router", router.Handler()))
func (r *Router) Handler() http.Handler {
	page := DashboardHTML()
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.Method != http.MethodGet && request.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "GET or HEAD", http.StatusMethodNotAllowed)
			return
		}
		switch request.URL.Path {
		case "/":
			w.Header().Set("Content-Security-Policy", pagePolicy)
			reply(w, "text/html; charset=utf-8", page, nil)
		case "/stats.json":
			stats, err := r.Stats()
			reply(w, "application/json", stats, err)
		case "/metrics":
			format, kind := MetricsPrometheus, "text/plain; version=0.0.4; charset=utf-8"
			if strings.Contains(strings.Join(request.Header.Values("Accept"), ","), "application/openmetrics-text") {
				format, kind = MetricsOpenMetrics, "application/openmetrics-text; version=1.0.0; charset=utf-8"
			}
			text, err := r.Metrics(format)
			reply(w, kind, text, err)
		default:
			http.NotFound(w, request)
		}
	})
}

func reply(w http.ResponseWriter, kind string, body []byte, err error) {
	if err != nil {
		status := http.StatusInternalServerError
		if errors.Is(err, ErrClosed) || errors.Is(err, ErrBadHandle) {
			status = http.StatusServiceUnavailable
		}
		http.Error(w, err.Error(), status)
		return
	}
	header := w.Header()
	header.Set("Content-Type", kind)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Vary", "Accept")
	_, _ = w.Write(body) // a client that left is nobody's error
}
