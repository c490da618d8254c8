package web

import (
	"context"
	"net/http"
	"strings"

	"almenara.example/internal/foundation/fault"
)

// API takes the routes of a library that wants a mux of its own (huma's adapter for
// net/http) and makes routes of this site of them: same viewers, same limits, errors
// as problem+json.
type API struct {
	site *Site
	// Permission names the permission that a pattern ("GET /api/v1/watch/findings")
	// needs.
	Permission func(pattern string) string
	// Sample gives the request line for the test of all routes.
	Sample func(pattern string) string
	// Stream tells which patterns take bodies of any size.
	Stream func(pattern string) bool
}

// API returns a mux whose routes need what permission says of their pattern.
func (s *Site) API(permission func(pattern string) string) *API {
	return &API{site: s, Permission: permission}
}

// HandleFunc registers one pattern of net/http's ServeMux, with its method in front.
func (a *API) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		method, path = "", pattern
	}
	r := Route{Method: method, Pattern: path, Permission: a.Permission(pattern), HTTP: http.HandlerFunc(handler), API: true}
	if a.Sample != nil {
		r.Sample = a.Sample(pattern)
	}
	if a.Stream != nil {
		r.Stream = a.Stream(pattern)
	}
	a.site.Handle(r)
}

// ServeHTTP is there because adapters ask for it; requests reach the routes through
// the site's own handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.site.Error(w, r, fault.New(fault.NotFound, "fault.not_found", nil))
}

// ProblemOf is err as API handlers return it: its methods are those that huma asks of
// an error. Operator detail is not in it; an internal fault should be logged by the
// caller (Site.LogError).
func ProblemOf(ctx context.Context, err error) *Problem {
	f := classify(err)
	p := problemOf(requestOf(ctx), f, statusOf(f))
	return &p
}

// Error is the public sentence.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is the media type of an answer that holds a problem.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// LogError writes the operator's side of an error that an API handler answers itself.
func (s *Site) LogError(r *http.Request, err error) {
	f := classify(err)
	s.logError(r, f, statusOf(f))
}
