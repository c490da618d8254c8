package incidentweb

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// searchRoutes are the page of the search.
func (p *Pages) searchRoutes() []web.Route {
	return []web.Route{{Method: "GET", Pattern: "/incident/search", Permission: read, Handler: p.search, Sample: "GET /incident/search?q=a"}}
}

func (p *Pages) searchCalls(api huma.API) {
	huma.Register(api, operation(http.MethodGet, "search", "search", read, "Find incidents and entries that you may see", "search?q=a"), p.apiSearch)
}

// searchPage is the dot of the page of the search.
type searchPage struct {
	Form web.Form
	List web.List
}

func (p *Pages) search(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query().Get("q")
	found, err := p.in.Search(r.Context(), p.in.Acts.Reader(), viewer(r), q, positive(r.URL.Query().Get("after")), perPage)
	page := web.Page{
		Title: web.Say(r, "incident.desk.search.title"), Room: "incident", Lead: web.Say(r, "incident.desk.search.lead"),
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}},
	}
	data := searchPage{Form: web.Form{Action: "/incident/search", Get: true, Submit: web.Say(r, "incident.desk.search.do"), Fields: []web.Field{{
		Name: "q", Type: "search", Label: web.Say(r, "incident.desk.search.for"), Value: q, Autofocus: q == "", Why: web.Say(r, "incident.desk.search.why"),
	}}}}
	status := http.StatusOK
	if correctable(err) {
		status = statusOf(err)
		fail(r, &page, err, &data.Form)
	} else if err != nil {
		return err
	}
	data.List = web.List{
		ID: "found", Caption: web.Say(r, "incident.desk.search.found"), Total: web.Total{Hide: true},
		Columns: web.Columns(r, "incident.desk.column.number", "incident.desk.column.what", "incident.desk.search.by", "incident.desk.column.state"),
		Empty:   web.Empty{Title: web.Say(r, "incident.desk.search.none"), Why: web.Say(r, "incident.desk.search.none.why")},
	}
	strictest := tlp.Clear
	for k := range found.Hits {
		h := &found.Hits[k]
		data.List.Rows = append(data.List.Rows, p.hitRow(r, h))
		strictest = tlp.Strictest(strictest, tlp.Strictest(h.Report.Marking, tlp.Strictest(h.Incident.Marking, h.Entry.Marking)))
	}
	if len(found.Hits) > 0 {
		page.Marking = strictest.String()
	}
	if found.Older != 0 {
		data.List.Older = web.With(r.URL, "after", number(found.Older))
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/search", page)
}

func (p *Pages) hitRow(r *http.Request, h *incident.Hit) web.Row {
	if h.Report.ID != 0 {
		n := p.in.ReportNo(h.Report.ID)
		u := reportsURL + "/" + n
		return web.Row{URL: u, Cells: []web.Cell{
			{Text: n, URL: u, Mono: true}, {Text: first(h.Report.Title, clip(h.Report.Text, 160)), URL: u, Sub: h.Report.Marking.String()},
			web.Text(web.Say(r, "incident.desk.search.by.report")), web.Text(web.Say(r, "incident.desk.reports.state."+string(h.Report.State))),
		}}
	}
	n := p.in.Number(h.Incident.ID)
	what := web.Cell{Text: h.Incident.Title}
	u := incidentURL(n)
	if h.Entry.ID != 0 {
		u = "/incident/entries/" + number(h.Entry.ID)
		what = web.Cell{Text: first(clip(h.Entry.Text, 160), web.Say(r, "incident.desk.kind."+string(h.Entry.Kind))), URL: u, Sub: h.Incident.Title + " · " + h.Entry.Marking.String()}
	}
	return web.Row{URL: u, Cells: []web.Cell{
		{Text: n, URL: incidentURL(n), Mono: true}, what, web.Text(web.Say(r, "incident.desk.search.by."+h.Why)), web.Marked(stateBadge(r, h.Incident.State)),
	}}
}

type searchInput struct {
	Q     string `query:"q" required:"true" maxLength:"200" doc:"number, organisation, observable (defanged or not) or words"`
	After int64  `query:"after" doc:"where a page before ended"`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// HitLine is something that was found.
type HitLine struct {
	Incident string     `json:"incident,omitempty"`
	Report   string     `json:"report,omitempty"`
	Title    string     `json:"title"`
	By       string     `json:"by"` // number | organisation | observable | title | text | report
	Entry    *EntryLine `json:"entry,omitempty"`
}

type searchOutput struct {
	Body struct {
		Hits  []HitLine `json:"hits"`
		After int64     `json:"after,omitempty" doc:"go on from here"`
	}
}

func (p *Pages) apiSearch(ctx context.Context, in *searchInput) (*searchOutput, error) {
	found, err := p.in.Search(ctx, p.in.Acts.Reader(), incident.ViewerOf(apiActor(ctx)), in.Q, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &searchOutput{}
	out.Body.Hits, out.Body.After = []HitLine{}, found.Older
	for _, h := range found.Hits {
		if h.Report.ID != 0 {
			out.Body.Hits = append(out.Body.Hits, HitLine{Report: p.in.ReportNo(h.Report.ID), Title: h.Report.Title, By: h.Why})
			continue
		}
		l := HitLine{Incident: p.in.Number(h.Incident.ID), Title: h.Incident.Title, By: h.Why}
		if h.Entry.ID != 0 {
			e := p.entryLine(h.Entry)
			l.Entry = &e
		}
		out.Body.Hits = append(out.Body.Hits, l)
	}
	return out, nil
}
