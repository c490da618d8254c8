package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
)

// DefaultMaxBody is how many bytes a request's body may have when its route does not
// say otherwise.
const DefaultMaxBody = 1 << 20

// Route is one door: a method, a pattern of net/http's ServeMux, the permission that
// it needs and what answers.
type Route struct {
	Method     string
	Pattern    string
	Permission string // a room's permission, Public or SignedIn
	Handler    func(w http.ResponseWriter, r *http.Request) error
	// HTTP answers instead of Handler where a library brings its own (the API).
	HTTP http.Handler
	// Sample is a request line, with a body after a blank when there is one, that the
	// test of all routes sends: "POST /watch/sources name=a&mode=shadow".
	Sample string
	// API routes answer errors as problem+json whatever the request accepts.
	API bool
	// Stream exempts the route from the body limit and from time limits as long as
	// bytes move (uploads, event streams, downloads).
	Stream bool
	// MaxBody replaces DefaultMaxBody.
	MaxBody int64
}

// inner wraps one route: permission, body limit, errors.
func (s *Site) inner(r *Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		rq := requestOf(req.Context())
		rq.route, rq.api = r, r.API || wantsJSON(req)
		if home := s.home(req, rq, r); home != "" {
			http.Redirect(w, req, localPath(home), http.StatusSeeOther)
			return
		}
		err := s.admit(req, rq, r)
		if err == nil {
			err = checkAddress(req.URL)
		}
		if err != nil {
			s.readRefused(w, req, r, err)
			s.Error(w, req, err)
			return
		}
		s.bound(w, req, r)
		if r.HTTP != nil {
			r.HTTP.ServeHTTP(w, req)
			return
		}
		do := r.Handler
		if !r.API && !r.Stream {
			do = func(w http.ResponseWriter, req *http.Request) error { return s.once(w, req, r.Handler) }
		}
		if err := do(w, req); err != nil {
			s.Error(w, req, err)
		}
	})
}

// home is where a viewer belongs who comes to "/" and may not see it.
func (s *Site) home(req *http.Request, rq *request, r *Route) string {
	if s.config.Home == nil || req.URL.Path != "/" || rq.viewer.Nobody() || rq.viewer.Can(r.Permission) {
		return ""
	}
	return s.config.Home(rq.viewer)
}

func (s *Site) admit(req *http.Request, rq *request, r *Route) error {
	if rq.viewer.Can(r.Permission) {
		return nil
	}
	if rq.viewer.Nobody() {
		return fault.New(fault.Unauthenticated, "fault.unauthenticated", nil)
	}
	if s.config.Refused != nil {
		s.config.Refused(req.Context(), rq.viewer, r.Permission, req.URL.Path)
	}
	return fault.New(fault.Denied, "fault.denied", nil)
}

// bound limits the body and the time: of an ordinary request by size and by the
// server's time limits, of a stream by progress alone.
func (s *Site) bound(w http.ResponseWriter, req *http.Request, r *Route) {
	if !r.Stream {
		limit := r.MaxBody
		if limit == 0 {
			limit = DefaultMaxBody
		}
		req.Body = http.MaxBytesReader(w, req.Body, limit)
		return
	}
	control := http.NewResponseController(w)
	// The limits restart at every read; an error means that the connection has none.
	// Where nothing is left to read there is none: the server reads on by itself to see
	// the client leave, and a limit that passes there would end the request.
	_ = control.SetReadDeadline(clock.System{}.Now().Add(idle))
	if req.ContentLength == 0 {
		_ = control.SetReadDeadline(time.Time{})
	}
	if rec, ok := w.(*recorder); ok {
		rec.control = control
	}
	req.Body = &slowGuard{body: req.Body, control: control}
}

// idle is how long a streaming client may stay silent.
const idle = 30 * time.Second

// slowGuard ends an upload that makes no progress.
type slowGuard struct {
	body    interface{ Read([]byte) (int, error) }
	control *http.ResponseController
}

func (g *slowGuard) Read(p []byte) (int, error) {
	n, err := g.body.Read(p)
	if n > 0 {
		_ = g.control.SetReadDeadline(clock.System{}.Now().Add(idle))
	}
	if errors.Is(err, io.EOF) {
		_ = g.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// Close leaves the body to the server, which closes it after the handler.
func (g *slowGuard) Close() error { return nil }

// wantsJSON tells a program from a browser.
func wantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.HasPrefix(r.URL.Path, "/api/") ||
		strings.Contains(accept, "json") && !strings.Contains(accept, "html")
}

// Server returns the http.Server for a site's handler with limits against slow
// clients: 10 s for the head, 30 s for an ordinary body, 60 s for an ordinary answer,
// 2 min idle; streaming routes lift the middle two. Closing ctx's requests is done by
// Shutdown of the caller; base is the context of every request.
func Server(base context.Context, h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		BaseContext:       func(netListener) context.Context { return base },
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}
