package portalweb

import (
	"embed"
	"slices"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/portal"
	"almenara.example/internal/warn"
)

// Templates are this package's pages; the site knows them as "portal/…".
//
//go:embed templates/*.html
var Templates embed.FS

// Locales holds the words of the pages, one TOML file per language.
//
//go:embed locales/*.toml
var Locales embed.FS

// HomeURL is the first page of the portal, SignInURL where a contact asks for a link.
const (
	HomeURL   = "/portal"
	SignInURL = "/portal/sign-in"
)

// The permissions of the routes.
const (
	mayRead  = "portal.read"
	mayFetch = "portal.fetch"
)

// Pages are the portal's pages and files. Make them with New.
type Pages struct {
	site   *web.Site
	portal *portal.Portal
	warn   *warn.Warn
	asks   *tries // for sign-in links
	visits *tries // by answering links
	tells  *tries // by reporting without a name
	comes  *tries // by coming back with a code
}

// New returns the pages, which answer through site.
func New(site *web.Site, p *portal.Portal, w *warn.Warn, c clock.Clock) *Pages {
	return &Pages{site: site, portal: p, warn: w, asks: newTries(c, askingRates()), visits: newTries(c, answeringRates()), tells: newTries(c, reportingRates()), comes: newTries(c, returningRates())}
}

// Routes lists the portal's doors.
func (p *Pages) Routes() []web.Route {
	page := func(method, pattern, sample string, h handler) web.Route {
		return web.Route{Method: method, Pattern: pattern, Permission: mayRead, Handler: p.door(h), Sample: method + " " + sample}
	}
	file := func(pattern string, h handler) web.Route {
		return web.Route{Method: "GET", Pattern: pattern, Permission: mayFetch, Handler: p.door(h), Sample: "GET " + pattern, API: true, Stream: true}
	}
	public := func(method, pattern, sample string, h handler) web.Route {
		return web.Route{Method: method, Pattern: pattern, Permission: web.Public, Handler: p.door(h), Sample: method + " " + sample, MaxBody: 64 << 10}
	}
	rows := page("GET", "/portal/findings.csv", "/portal/findings.csv", p.findingsFile(portal.FormCSV))
	rows.Stream = true
	return append([]web.Route{
		page("GET", HomeURL, "/portal", p.home),
		page("GET", "/portal/notices", "/portal/notices", p.notices),
		page("GET", "/portal/notices/{number}", "/portal/notices/ALM-0000-0000", p.notice),
		page("GET", "/portal/notices/{number}/rows.csv", "/portal/notices/ALM-0000-0000/rows.csv", p.rows),
		page("POST", "/portal/notices/{number}/answer", "/portal/notices/ALM-0000-0000/answer what=acknowledge", p.answerNotice),
		page("GET", "/portal/findings", "/portal/findings", p.findings), rows,
		page("GET", "/portal/assets", "/portal/assets", p.assets),
		page("POST", "/portal/assets", "/portal/assets kind=cidr&asset=nonsense", p.claim),
		page("GET", "/portal/contacts", "/portal/contacts", p.contacts),
		page("POST", "/portal/contacts/keys", "/portal/contacts/keys key=a", p.addKey),
		page("POST", "/portal/contacts/keys/retire", "/portal/contacts/keys/retire key=none", p.retireKey),
		page("GET", "/portal/feeds", "/portal/feeds", p.feeds),
		page("POST", "/portal/feeds/hooks", "/portal/feeds/hooks url=http://127.0.0.1/", p.addHook),
		page("POST", "/portal/feeds/hooks/end", "/portal/feeds/hooks/end key=none", p.endHook),
		page("POST", "/portal/feeds/tokens", "/portal/feeds/tokens name=a&days=0", p.makeToken),
		page("POST", "/portal/feeds/tokens/{uid}/end", "/portal/feeds/tokens/none/end a=b", p.endToken),
		file("/api/v1/portal/notices", p.noticesJSON),
		file("/api/v1/portal/findings.csv", p.findingsFile(portal.FormCSV)),
		file("/api/v1/portal/findings.xarf", p.findingsFile(portal.FormXARF)),
		file("/api/v1/portal/feed.atom", p.feed),
		public("GET", SignInURL, "/portal/sign-in", p.linkForm),
		public("POST", SignInURL, "/portal/sign-in email=nobody@nowhere.example", p.askLink),
		public("GET", "/n/{secret}", "/n/x", p.visit),
		public("POST", "/n/{secret}", "/n/x by=a&firm=b", p.visitor),
	}, slices.Concat(p.incidentRoutes(), p.deadlineRoutes(), p.recoveryRoutes(), p.reportRoutes(), p.crossingRoutes())...)
}
