package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/i18n"
)

// Config is what a site is built from. Catalogue, Clock and Log are required.
type Config struct {
	Catalogue *i18n.Catalogue
	Clock     clock.Clock
	Log       *slog.Logger

	// Identify finds out who asks, from cookie or token. No sign of anybody is the
	// zero Viewer and no error; a bad token is an Unauthenticated fault. Nil means
	// that everybody is nobody.
	Identify func(*http.Request) (Viewer, error)
	// Refused is told of everybody who was refused at a door for want of permission;
	// nil keeps nothing.
	Refused func(ctx context.Context, v Viewer, permission, path string)
	// Channels names what a viewer hears news on (see Hub), always in the same order; nil
	// tells nobody anything.
	Channels func(ctx context.Context, v Viewer) ([]string, error)
	// Home is where a viewer is sent from "/" when that page is not for him; empty
	// refuses.
	Home func(v Viewer) string

	// Forms makes a form that is sent twice be done once; nil does it each time.
	Forms Forms

	Product      string // the name in the corner, such as "Almenara"
	Country      string // the country's name, beside the product
	Installation string // part of cookie names, so that two installations on one host keep apart; letters and digits
	Secure       bool   // pages are served over TLS: cookies are Secure, HSTS is sent
	Zone         *time.Location
	Nav          []NavItem
	// Due is the nearest deadline that waits for the viewer; nil when there is none.
	Due func(ctx context.Context, v Viewer) *Due

	SearchURL  string // GET with ?q=; empty hides the search
	SignInURL  string // where nobody is sent to sign in; gets ?next=
	SignOutURL string // POST
	ProfileURL string

	// Strict makes a page with a missing catalogue key an error instead of a word in
	// brackets. Tests set it.
	Strict bool
}

// NavItem is one room in the rail.
type NavItem struct {
	Room       string // marks the current page
	Key        string // catalogue key of the word
	URL, Icon  string
	Permission string
	// Count is how many things in the room wait for this viewer; nil shows none. An
	// error is logged and shows none.
	Count func(ctx context.Context, v Viewer) (int64, error)
}

// Due is a deadline in the top bar.
type Due struct {
	Label string
	URL   string
	At    time.Time
}

// Site is the frame with all rooms in it.
type Site struct {
	config  Config
	static  *static
	pages   *pages
	hub     *Hub
	reports atomic.Int64
	cross   *http.CrossOriginProtection
	mux     *http.ServeMux

	mu     sync.Mutex
	routes []Route
	faults []error
}

// New makes a site without rooms. Its own templates are parsed by Handler.
func New(c Config) (*Site, error) {
	if c.Catalogue == nil || c.Clock == nil || c.Log == nil {
		return nil, errors.New("web site: catalogue, clock and log are required")
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	files, err := newStatic()
	if err != nil {
		return nil, err
	}
	s := &Site{config: c, static: files, hub: newHub(c.Clock), cross: http.NewCrossOriginProtection()}
	if s.pages, err = newPages(s); err != nil {
		return nil, err
	}
	return s, nil
}

// Hub spreads news to the browsers that look at the site.
func (s *Site) Hub() *Hub { return s.hub }

// Catalogue is the site's catalogue.
func (s *Site) Catalogue() *i18n.Catalogue { return s.config.Catalogue }

// Templates adds a room's templates: every *.html in fsys, at any depth, becomes the
// template "<room>/<file name without .html>". Call it before Handler.
func (s *Site) Templates(room string, fsys fs.FS) {
	s.note(s.pages.add(room, fsys))
}

// Handle adds routes. Mistakes (no handler, a pattern twice) are reported by Handler.
func (s *Site) Handle(routes ...Route) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range routes {
		if r.Handler == nil && r.HTTP == nil {
			s.faults = append(s.faults, fmt.Errorf("route %s %s has no handler", r.Method, r.Pattern))
		}
		if r.Permission == "" {
			s.faults = append(s.faults, fmt.Errorf("route %s %s names no permission", r.Method, r.Pattern))
		}
		s.routes = append(s.routes, r)
	}
}

func (s *Site) note(err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, err)
}

// Routes lists every route of the rooms and of the frame itself.
func (s *Site) Routes() []Route {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(append([]Route(nil), s.routes...), s.own()...)
}

// own are the frame's routes.
func (s *Site) own() []Route {
	return []Route{
		{Method: "GET", Pattern: "/static/", Permission: Public, HTTP: s.static, Sample: "GET " + s.static.url("almenara.css")},
		{Method: "GET", Pattern: "/events", Permission: SignedIn, Handler: s.events, Stream: true, API: true, Sample: "GET /events"},
		{Method: "POST", Pattern: "/csp-report", Permission: Public, Handler: s.cspReport, MaxBody: 64 << 10, Sample: "POST /csp-report {}"},
	}
}

// Handler checks routes and templates and returns the whole site. Call it once, when
// every room has been added.
func (s *Site) Handler() (http.Handler, error) {
	if err := s.pages.check(); err != nil {
		s.note(err)
	}
	s.mux = http.NewServeMux()
	for _, r := range s.Routes() {
		s.note(s.mount(s.mux, r))
	}
	s.note(s.mount(s.mux, Route{Pattern: "/", Permission: Public, Handler: s.nothing}))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(s.faults...); err != nil {
		return nil, fmt.Errorf("web site: %w", err)
	}
	return s.outer(s.mux), nil
}

// mount registers a route; ServeMux panics on a clash, which becomes an error here.
func (s *Site) mount(mux *http.ServeMux, r Route) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("route %s %s: %v", r.Method, r.Pattern, p)
		}
	}()
	pattern := r.Pattern
	if r.Method != "" {
		pattern = r.Method + " " + pattern
	}
	mux.Handle(pattern, s.inner(&r))
	return nil
}
