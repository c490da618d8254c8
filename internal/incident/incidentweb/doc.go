// Package incidentweb is the door of the incident room: the desk's pages below
// /incident and the room's part of the API below /api/v1/incident.
//
// # Pages
//
// The list of incidents; an incident with its story, participants, tasks, observables
// and files; its forms. Before an entry is saved the page says who will see it;
// afterwards, who has. Whatever is entered while somebody is on the phone starts with
// one field. Pages, API and command line call the same verbs and queries; nothing is
// decided here.
//
// What is NOT here: what participants see (portal), the rules of who sees what
// (incident).
package incidentweb

import (
	"embed"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
)

// Templates are this package's pages; the site knows them as "incident/…".
//
//go:embed templates/*.html
var Templates embed.FS

// Locales holds the words of the pages, one TOML file per topic and language.
//
//go:embed locales/*.toml
var Locales embed.FS

// Pages answers for the room. Make it with New.
type Pages struct {
	in   *incident.Incidents
	site *web.Site
	raw  RawMail      // nil: mails have no files
	came *web.Uploads // exports of other systems, between dry run and import
}

// New returns the pages, which answer through site.
func New(site *web.Site, in *incident.Incidents) *Pages {
	return &Pages{in: in, site: site, came: web.NewUploads(in.Acts.Clock(), in.MaxImport)}
}

// Routes lists the room's doors, by topic.
func (p *Pages) Routes() (out []web.Route) {
	for _, topic := range [][]web.Route{
		p.incidentRoutes(),
		p.entryRoutes(),
		p.mailRoutes(),
		p.searchRoutes(),
		p.viewingRoutes(),
		p.recoveryRoutes(),
		p.playbookRoutes(),
		p.reportRoutes(),
		p.clockRoutes(),
		p.filingRoutes(),
		p.regimeRoutes(),
		p.crossingRoutes(),
		p.sitrepRoutes(),
		p.packageRoutes(),
		p.importRoutes(),
	} {
		out = append(out, topic...)
	}
	return out
}

// API registers the room's calls below /api/v1/incident, by topic.
func (p *Pages) API(api huma.API) {
	p.incidentCalls(api)
	p.entryCalls(api)
	p.mailCalls(api)
	p.searchCalls(api)
	p.reportCalls(api)
	p.clockCalls(api)
	p.phoneCalls(api)
	p.recoveryCalls(api)
	p.lessonCalls(api)
	p.importCalls(api)
	p.crossingAPI(api)
	p.sitrepCalls(api)
	p.transferCalls(api)
}

// extra is what a topic adds to an incident's page.
type extra struct {
	Actions []web.Action
	Facts   []web.Facts // at the side
	Lists   []web.List  // below the story
}

// extras asks the topics what they add to an incident's page.
func (p *Pages) extras(r *http.Request, i *incident.Incident) (out []extra, err error) {
	for _, topic := range []func(*http.Request, *incident.Incident) (extra, error){p.crossingExtra, p.clockExtra, p.recoveryExtra, p.playbookExtra, p.reportExtra} {
		one, err := topic(r, i)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// roomActions lead from the list of incidents to the other lists of the room.
func (p *Pages) roomActions(r *http.Request) []web.Action {
	out := []web.Action{
		{Label: web.Say(r, "incident.desk.reports.title"), URL: reportsURL, Icon: "flag"},
		{Label: web.Say(r, "incident.desk.clocks"), URL: ClocksURL, Icon: "clock"},
		{Label: web.Say(r, "incident.desk.search.title"), URL: "/incident/search", Icon: "search"},
		{Label: web.Say(r, "incident.desk.crossings"), URL: "/incident/crossings", Icon: "danger"},
		{Label: web.Say(r, "incident.desk.national"), URL: nationalURL + "/sitrep", Icon: "history"},
		{Label: web.Say(r, "incident.desk.playbooks"), URL: "/incident/playbooks", Icon: "copy"},
		{Label: web.Say(r, "incident.desk.lessons"), URL: "/incident/lessons", Icon: "info"},
	}
	if can(r, filePost) {
		out = append(out, web.Action{Label: web.Say(r, "incident.desk.mail"), URL: mailURL, Icon: "mail"})
	}
	if can(r, importCases) {
		out = append(out, *importAction(r))
	}
	return out
}
