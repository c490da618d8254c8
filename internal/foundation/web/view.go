package web

import (
	"crypto/sha256"
	"encoding/hex"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"almenara.example/internal/foundation/i18n"
)

// Page is what a handler says about a page; all words are already in the reader's
// language (use PrinterOf).
type Page struct {
	Title    string
	Room     string // the rail's entry to mark
	Number   string // the thing's number, before the title
	Lead     string // one sentence below the title
	Crumbs   []Link
	Badges   []Badge
	Primary  *Action // the one primary action
	Actions  []Action
	Marking  string // highest marking on the page, such as "TLP:AMBER"; empty shows no strip
	Exercise bool
	Audience *Audience // "who can see this"
	Faults   []FieldFault
	Fault    string       // a fault of the whole form, above the list of Faults
	Differs  []Difference // what somebody else wrote meanwhile where the reader typed something else
	Topics   []string     // hub topics on which the page looks again
	Plain    bool         // one narrow column without the rail: signing in, portal
	Wide     bool         // use the whole width: boards, wall screens
	Charts   bool         // load the chart script
	Scripts  []string     // more files below static/ to load, for a page that needs them
	Refresh  *Refresh
	Data     any
}

// Refresh moves a page on without scripts (a wait for a procedure).
type Refresh struct {
	Seconds int
	URL     string
}

// Link is a word with an address.
type Link struct {
	Label, URL string
	Icon       string
	Current    bool
}

// Action is a button: a link when Post is false, else a form of its own.
type Action struct {
	Label, URL, Icon string
	Post             bool
	Tone             string // "primary", "danger" or empty
	Hidden           []Hidden
}

// Hidden is a form value that nobody types.
type Hidden struct{ Name, Value string }

// View is the dot of page templates: the page and what the frame knows.
type View struct {
	Page
	Viewer    Viewer
	Product   string
	Country   string
	Lang      string
	Dir       string
	Theme     string // "light", "dark" or "" as the system
	Path      string
	Query     url.Values
	Nav       []NavEntry
	Due       *Due
	Flash     *Flash
	Languages []Link
	Themes    []Link
	Search    string
	SearchFor string
	SignIn    string
	SignOut   string
	Profile   string
	Now       time.Time
	RequestID string
	Answer    bool // to a form: the address has no page of its own
	Body      template.HTML
	Kept      []string // what was typed into a form that the page no longer shows, to copy
}

// NavEntry is one room that this viewer may enter.
type NavEntry struct {
	Room, Key, URL, Icon string
	Count                int64
	Current              bool
}

func (s *Site) view(w http.ResponseWriter, r *http.Request, rq *request, page Page) *View {
	v := &View{
		Page: page, Viewer: rq.viewer, Product: s.config.Product, Country: s.config.Country,
		Lang: rq.printer.Lang(), Dir: rq.printer.Dir(), Theme: rq.theme, Path: r.URL.Path, Query: r.URL.Query(),
		Flash: s.takeFlash(w, r), Search: s.config.SearchURL, SignIn: s.config.SignInURL, SignOut: s.config.SignOutURL,
		Profile: s.config.ProfileURL, Now: s.config.Clock.Now(), RequestID: rq.id, Answer: r.Method != http.MethodGet && r.Method != http.MethodHead,
	}
	v.SearchFor = v.Query.Get("q")
	s.choices(v, r, rq)
	if rq.viewer.Nobody() {
		v.Plain = true
		return v
	}
	if v.Plain {
		return v
	}
	for _, n := range s.config.Nav {
		if !rq.viewer.Can(n.Permission) {
			continue
		}
		entry := NavEntry{Room: n.Room, Key: n.Key, URL: n.URL, Icon: n.Icon, Current: n.Room == page.Room}
		if n.Count != nil {
			count, err := n.Count(r.Context(), rq.viewer)
			if err != nil {
				s.config.Log.ErrorContext(r.Context(), "count what waits in a room", "request", rq.id, "room", n.Room, "error", err)
			}
			entry.Count = count
		}
		v.Nav = append(v.Nav, entry)
	}
	if s.config.Due != nil {
		v.Due = s.config.Due(r.Context(), rq.viewer)
	}
	return v
}

// choices are the links that change language and theme and come back here.
func (s *Site) choices(v *View, r *http.Request, rq *request) {
	here := url.URL{Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	if r.Method != http.MethodGet { // a form shown again has no address to come back to
		here = url.URL{Path: "/"}
	}
	for _, l := range s.config.Catalogue.Languages() {
		v.Languages = append(v.Languages, Link{Label: l.Name, URL: With(&here, "lang", l.Tag), Icon: l.Tag, Current: l.Tag == rq.lang})
	}
	for _, t := range []string{"auto", "light", "dark"} {
		icon := map[string]string{"auto": "system", "light": "sun", "dark": "moon"}[t]
		current := t == rq.theme || t == "auto" && rq.theme == ""
		v.Themes = append(v.Themes, Link{Label: rq.printer.T("frame.theme."+t, nil), URL: With(&here, "theme", t), Icon: icon, Current: current})
	}
}

// Drafts is the name under which the browser keeps what this viewer types, until it was
// sent or he signs out; empty for nobody.
func (v *View) Drafts() string {
	if v.Viewer.Nobody() {
		return ""
	}
	sum := sha256.Sum256([]byte("drafts of " + v.Viewer.ID))
	return hex.EncodeToString(sum[:8])
}

// TopicList is the page's topics for the script.
func (v *View) TopicList() string { return strings.Join(v.Topics, " ") }

// With is the address u with one query value set, or taken out when value is empty.
// A cursor is dropped: another filter or order starts at the first page.
func With(u *url.URL, name, value string) string {
	q := u.Query()
	if value == "" {
		q.Del(name)
	} else {
		q.Set(name, value)
	}
	if name != "after" && name != "before" && name != "lang" && name != "theme" {
		q.Del("after")
		q.Del("before")
	}
	to := url.URL{Path: u.Path, RawQuery: q.Encode()}
	return to.String()
}

// Words is the printer of a request as templates and components use it.
type Words = i18n.Printer
