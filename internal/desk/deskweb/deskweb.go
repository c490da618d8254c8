package deskweb

import (
	"context"
	"embed"
	"net/http"
	"strconv"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/desk"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
)

// Templates are this package's pages; the site knows them as "desk/…".
//
//go:embed templates/*.html
var Templates embed.FS

// Locales holds the words of the pages, one TOML file per language.
//
//go:embed locales/*.toml
var Locales embed.FS

// SearchURL is where the top bar's search goes.
const SearchURL = "/desk/search"

// Config is what the pages need.
type Config struct {
	Site         *web.Site
	Watch        *watch.Watch
	Constituency *constituency.Constituency
	Acts         *act.Acts
	Clock        clock.Clock
	Needs        []desk.Needs  // of other rooms
	Finders      []desk.Finder // of other rooms
	// Answers counts notices and their answers; nil: nothing is said of them.
	Answers Answers
	// FailedWork counts the work that failed for good and the page that lists it; nil:
	// none is counted.
	FailedWork func(ctx context.Context) (n int64, err error)
	// FailedWorkURL is that page, and FailedWorkPermission what one needs to open it.
	FailedWorkURL, FailedWorkPermission string
}

// Answers is what the board shows of notices and answers; the room of notices
// implements it.
type Answers interface {
	Figures(ctx context.Context, r sqldb.Reader) (warn.Figures, error)
	Timed(ctx context.Context, r sqldb.Reader, f warn.TimingFilter) (list []warn.Timed, total int64, err error)
	Number(notice int64) string
}

// Web are the desk's pages. Make them with New.
type Web struct {
	Config
	read sqldb.Reader
}

// New returns the pages.
func New(c Config) *Web { return &Web{Config: c, read: c.Acts.Reader()} }

// Routes lists the desk's doors.
func (p *Web) Routes() []web.Route {
	routes := []web.Route{
		{Method: "GET", Pattern: "/{$}", Permission: "desk.read", Handler: p.board, Sample: "GET /"},
		{Method: "GET", Pattern: SearchURL, Permission: "desk.read", Handler: p.search, Sample: "GET /desk/search?q=192.0.2.17"},
	}
	if p.Answers != nil {
		routes = append(routes, web.Route{
			Method: "GET", Pattern: AnswersURL, Permission: "warn.read", Handler: p.answers, Sample: "GET " + AnswersURL + "?from=2026-10-01&to=2027-01-01",
		})
	}
	return routes
}

// asker is who asks, in which words.
type asker struct {
	web.Viewer
	actor act.Actor
	words *i18n.Printer
}

func askerOf(r *http.Request) asker {
	v := web.ViewerOf(r.Context())
	a, _ := v.Actor.(act.Actor)
	return asker{Viewer: v, actor: a, words: web.PrinterOf(r.Context())}
}

// say is a sentence in the reader's language; pairs are names and values.
func (a asker) say(key string, pairs ...any) string { return a.words.Say(key, pairs...) }

// search is GET /desk/search?q=…
func (p *Web) search(w http.ResponseWriter, r *http.Request) error {
	a := askerOf(r)
	q, err := desk.Read(r.URL.Query().Get("q"))
	if err != nil {
		return err
	}
	page := searchPage{Text: q.Text}
	if q.Text != "" {
		groups, direct, err := desk.Search(r.Context(), p.read, a.actor, q, p.finders(a)...)
		if err != nil {
			return err
		}
		if direct != "" {
			p.Site.Redirect(w, r, direct, web.Flash{})
			return nil
		}
		page.Groups = p.groups(a, groups)
	}
	page.Empty = web.Empty{Title: a.say("desk.search.none", "Text", q.Text), Why: a.say("desk.search.none.why")}
	if q.Text == "" {
		page.Empty.Title = a.say("desk.search.ask")
	}
	return p.Site.Page(w, r, http.StatusOK, "desk/search", web.Page{
		Title: a.say("desk.search.title"), Room: "desk", Data: page,
	})
}

type searchPage struct {
	Text   string
	Groups []web.List
	Empty  web.Empty
}

func (p *Web) finders(a asker) []desk.Finder {
	var out []desk.Finder
	if a.Can("watch.read") {
		out = append(out, desk.Findings{Watch: p.Watch})
	}
	if a.Can("constituency.read") {
		out = append(out, desk.Organisations{Constituency: p.Constituency, Clock: p.Clock})
	}
	return append(out, p.Finders...)
}

// groups makes a list of each group.
func (p *Web) groups(a asker, groups []desk.Group) (out []web.List) {
	for i, g := range groups {
		l := web.List{
			ID: "hits-" + strconv.Itoa(i), Caption: a.say(g.Key), Total: web.Total{N: int64(len(g.Hits)) + g.More},
			Columns: []web.Column{{Label: a.say("desk.search.hit")}, {Label: a.say("desk.search.detail")}},
		}
		if len(g.Hits) > 0 && g.Hits[0].N > 0 { // the line for all of them is none of them
			l.Total.N--
		}
		for _, h := range g.Hits {
			title := h.Title
			if h.Key != "" {
				title = a.words.T(h.Key, h.Args)
			}
			sub := h.Sub
			if h.State != "" && sub != "" {
				sub += " · "
			}
			if h.State != "" {
				sub += a.say(h.State)
			}
			row := web.Row{URL: h.URL, Cells: []web.Cell{web.Anchor(title, h.URL), web.Text(sub)}}
			if h.N > 0 {
				row.Cells[1] = web.Text(a.say("desk.search.count", "Count", h.N))
			}
			l.Rows = append(l.Rows, row)
		}
		out = append(out, l)
	}
	return out
}
