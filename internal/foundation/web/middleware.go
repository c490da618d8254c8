package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
)

type netListener = net.Listener

// policy allows nothing that is not a file of this site. There is no inline script,
// no inline style and no data: image anywhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; report-uri /csp-report"

// outer is what every request passes first.
func (s *Site) outer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.config.Clock.Now()
		rq := &request{id: newRequestID()}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, rq))
		rec := &recorder{ResponseWriter: w}
		s.headers(rec.Header(), rq)
		s.speak(rq, r, Viewer{})
		defer s.finish(rec, r, rq, began)
		if err := s.cross.Check(r); err != nil {
			s.Error(rec, r, fault.Wrap(fault.Denied, "fault.cross_site", nil, err))
			return
		}
		if !s.identify(rec, r, rq) || s.choose(rec, r) {
			return
		}
		next.ServeHTTP(rec, r)
	})
}

// identify fills in the viewer; false means that the request has been answered.
func (s *Site) identify(w http.ResponseWriter, r *http.Request, rq *request) bool {
	if s.config.Identify == nil {
		return true
	}
	v, err := s.config.Identify(r)
	if err != nil {
		s.Error(w, r, err)
		return false
	}
	rq.viewer = v
	s.speak(rq, r, v)
	return true
}

// speak settles language, zone and theme of a request.
func (s *Site) speak(rq *request, r *http.Request, v Viewer) {
	zone := s.config.Zone
	if v.Zone != nil {
		zone = v.Zone
	}
	rq.lang = s.config.Catalogue.Negotiate(r.Header.Get("Accept-Language"), s.cookie(r, "lang"), v.Language)
	rq.printer = s.config.Catalogue.Printer(rq.lang).In(zone)
	switch t := s.cookie(r, "theme"); t {
	case "light", "dark":
		rq.theme = t
	}
}

// choose handles ?lang= and ?theme= on any page: the choice goes into a cookie and
// the reader back to the same page without it.
func (s *Site) choose(w http.ResponseWriter, r *http.Request) bool {
	q := r.URL.Query()
	if r.Method != http.MethodGet || !q.Has("lang") && !q.Has("theme") {
		return false
	}
	if lang := q.Get("lang"); lang == i18n.PseudoRTL || s.config.Catalogue.Has(lang) {
		s.setCookie(w, "lang", lang, 365*24*time.Hour)
	}
	switch theme := q.Get("theme"); theme {
	case "light", "dark", "auto":
		s.setCookie(w, "theme", theme, 365*24*time.Hour)
	}
	q.Del("lang")
	q.Del("theme")
	to := url.URL{Path: r.URL.Path, RawQuery: q.Encode()}
	http.Redirect(w, r, localPath(to.String()), http.StatusSeeOther)
	return true
}

// finish turns a panic into the 500 page and writes the request's line in the log:
// path without query, because queries may hold what people search for.
func (s *Site) finish(w *recorder, r *http.Request, rq *request, began time.Time) {
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler { //nolint:errorlint // the server's own sentinel, thrown as is
			panic(p)
		}
		err := fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		if w.status == 0 {
			s.Error(w, r, err)
		} else {
			s.config.Log.ErrorContext(r.Context(), "page broke off", "request", rq.id, "error", err)
		}
	}
	pattern := ""
	if rq.route != nil {
		pattern = rq.route.Pattern
	}
	s.config.Log.DebugContext(r.Context(), "request", "request", rq.id, "method", r.Method, "route", pattern,
		"status", w.status, "bytes", w.bytes, "took", s.config.Clock.Now().Sub(began))
}

// headers are sent with every answer; handlers may loosen Cache-Control.
func (s *Site) headers(h http.Header, rq *request) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Request-Id", rq.id)
	if s.config.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// cspReport counts what browsers report. The report's text is written by whoever
// caused it, so it is not kept.
func (s *Site) cspReport(w http.ResponseWriter, r *http.Request) error {
	s.reports.Add(1)
	s.config.Log.WarnContext(r.Context(), "a browser reported a breach of the content security policy", "request", RequestID(r.Context()))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// CSPReports is how many reports browsers have sent since start.
func (s *Site) CSPReports() int64 { return s.reports.Load() }

func newRequestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status  int
	bytes   int64
	control *http.ResponseController // of a stream: each write has its own time limit
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if w.control != nil {
		_ = w.control.SetWriteDeadline(clock.System{}.Now().Add(idle))
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
