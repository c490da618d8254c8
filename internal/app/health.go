package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/ledger"
)

// The disk is too full to be ready below both of these.
const (
	freeShare = 0.02
	freeBytes = 256 << 20
)

// readiness says of each part whether it works; nothing else, because anybody may ask.
type readiness struct {
	Ready    bool `json:"ready"`
	Database bool `json:"database"`
	Ledger   bool `json:"ledger"`
	// Held is true after a restore until somebody states what is missing: pages and
	// acts work, nothing is signed or sent.
	Held bool `json:"held,omitempty"`
	Disk bool `json:"disk"`
	// Clock is false when the last act lies in the future: somebody set the clock
	// back. Work goes on, in the order of acts; the times of entries do not tell it.
	Clock bool `json:"clock"`
}

// ready looks at every part. Why is for the log.
func (a *App) ready(ctx context.Context) readiness {
	var r readiness
	if _, err := a.guard.IsEmpty(ctx); err == nil {
		r.Database = true
	} else {
		a.log.ErrorContext(ctx, "not ready: database", "error", err)
	}
	if err := a.ledger.Health(); err == nil {
		r.Ledger = true
	} else if errors.Is(err, ledger.ErrHeld) {
		r.Held = true
	} else {
		a.log.ErrorContext(ctx, "not ready: ledger", "error", err)
	}
	share, bytes, err := freeSpace(a.cfg.Dir)
	r.Disk = err == nil && (share >= freeShare || bytes >= freeBytes)
	if !r.Disk {
		a.log.ErrorContext(ctx, "not ready: disk", "free_bytes", bytes, "error", err)
	}
	r.Clock = a.clockRuns(ctx)
	r.Ready = r.Database && (r.Ledger || r.Held) && r.Disk
	return r
}

// clockSlack is how far acts may lie in the future before the clock is blamed.
const clockSlack = time.Minute

// clockRuns tells whether the clock is where the last act left it, or later.
func (a *App) clockRuns(ctx context.Context) bool {
	last, err := a.ledger.Entries(ctx, ledger.Query{Limit: 1})
	if err != nil || len(last) == 0 {
		return true // the other parts tell of that
	}
	ahead := clock.FromMicros(last[0].Time).Sub(a.clock.Now())
	if ahead > clockSlack {
		a.log.WarnContext(ctx, "the clock was set back: the last act lies in the future", "ahead", ahead.Round(time.Second))
	}
	return ahead <= clockSlack
}

// healthRoutes are for whoever watches over the process.
func (a *App) healthRoutes() []web.Route {
	registry := prometheus.NewRegistry()
	registry.MustRegister(&figures{app: a}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return []web.Route{
		{
			Method: http.MethodGet, Pattern: "/healthz", Permission: web.Public, Sample: "GET /healthz", API: true,
			Handler: func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", "text/plain; charset=utf-8")
				_, _ = w.Write([]byte("ok\n")) // the client may be gone
				return nil
			},
		},
		{
			Method: http.MethodGet, Pattern: "/readyz", Permission: web.Public, Sample: "GET /readyz", API: true,
			Handler: func(w http.ResponseWriter, r *http.Request) error {
				state := a.ready(r.Context())
				w.Header().Set("Content-Type", "application/json")
				if !state.Ready {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				_ = json.NewEncoder(w).Encode(state) // the client may be gone
				return nil
			},
		},
		{
			Method: http.MethodGet, Pattern: "/metrics", Permission: web.Public, Sample: "GET /metrics", API: true,
			Handler: func(w http.ResponseWriter, r *http.Request) error {
				if !fromThisMachine(r) && !web.ViewerOf(r.Context()).Can("desk.read") {
					return fault.New(fault.Denied, "app.metrics.denied", nil)
				}
				metrics.ServeHTTP(w, r)
				return nil
			},
		},
	}
}

// fromThisMachine tells whether a request comes from a program on this machine and
// not through a proxy on it.
func fromThisMachine(r *http.Request) bool {
	if r.Context().Value(forwardedKey{}) != nil {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}
