package web

import (
	"context"
	"net/http"
	"time"

	"almenara.example/internal/foundation/i18n"
)

// Permissions that belong to no room.
const (
	// Public routes answer anyone, signed in or not.
	Public = "public"
	// SignedIn routes answer every signed-in person.
	SignedIn = "signed-in"
)

// Viewer is who is asking, as far as pages need to know. The zero Viewer is nobody.
type Viewer struct {
	ID           string
	Name         string
	Organisation string
	Language     string         // the profile's choice; empty when none
	Zone         *time.Location // nil means Config.Zone
	// May tells whether the viewer may use routes with this permission. Nil means
	// no. It decides what the frame offers; verbs are decided again by guard.
	May func(permission string) bool
	// Actor is guard's own value for acts; the frame only carries it.
	Actor any
}

// Nobody tells whether nobody is signed in.
func (v Viewer) Nobody() bool { return v.ID == "" }

// Can tells whether v may use a route with this permission.
func (v Viewer) Can(permission string) bool {
	switch {
	case permission == Public:
		return true
	case v.Nobody():
		return false
	case permission == SignedIn:
		return true
	}
	return v.May != nil && v.May(permission)
}

type requestKey struct{}

// request is what the middleware learns about a request before the handler runs.
type request struct {
	id      string
	viewer  Viewer
	printer *i18n.Printer
	lang    string
	theme   string
	route   *Route
	api     bool
}

func requestOf(ctx context.Context) *request {
	if rq, ok := ctx.Value(requestKey{}).(*request); ok {
		return rq
	}
	return nil
}

// ViewerOf is who asks in this request; nobody outside a request.
func ViewerOf(ctx context.Context) Viewer {
	if rq := requestOf(ctx); rq != nil {
		return rq.viewer
	}
	return Viewer{}
}

// Say is a sentence in the reader's language; pairs are names and values of its
// places.
func Say(r *http.Request, key string, pairs ...any) string {
	return PrinterOf(r.Context()).Say(key, pairs...)
}

// PrinterOf speaks the language and zone of this request. It is nil outside one.
func PrinterOf(ctx context.Context) *i18n.Printer {
	if rq := requestOf(ctx); rq != nil {
		return rq.printer
	}
	return nil
}

// RequestID names this request in the log; empty outside one.
func RequestID(ctx context.Context) string {
	if rq := requestOf(ctx); rq != nil {
		return rq.id
	}
	return ""
}

// WithViewer returns a context that answers ViewerOf, for tests of handlers and for
// doors that are not this site's routes (the local socket).
func WithViewer(ctx context.Context, v Viewer, p *i18n.Printer) context.Context {
	return context.WithValue(ctx, requestKey{}, &request{viewer: v, printer: p})
}
