package warnweb

import (
	"net/http"
	"regexp"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/warn"
)

const perPage = 50

// listPage is a page that is one list, with figures above when there are any.
type listPage struct {
	Figures []web.Figure
	Stopped *web.Empty // why nothing leaves, when sending is stopped
	List    web.List
	Second  *web.List
}

func noticeURL(number string) string { return "/warn/notices/" + number }

func (p *Pages) notices(w http.ResponseWriter, r *http.Request) error {
	f, nobody, err := p.noticeFilter(r)
	if err != nil {
		return err
	}
	f.Limit = perPage + 1
	var ns []warn.Notice
	if !nobody {
		if ns, err = p.warn.Notices(r.Context(), p.warn.Acts.Reader(), f); err != nil {
			return err
		}
	}
	list := web.List{
		ID: "notices", Caption: web.Say(r, "warn.notices"), Total: web.Total{Hide: true}, Live: true,
		Columns: web.Columns(r, "warn.column.number", "warn.column.organisation", "warn.column.findings", "warn.column.state",
			"warn.fact.manner", "warn.column.sent", "warn.column.answered"),
		Filters:   web.Sift(r, noticeFilters(r)...),
		Empty:     web.Empty{Title: web.Say(r, "warn.notices.none"), Why: web.Say(r, "warn.notices.none.why")},
		Downloads: []web.Action{{Label: web.Say(r, "warn.csv"), URL: "/warn/notices.csv?" + r.URL.RawQuery, Icon: "download"}},
	}
	list.Columns[2].Num = true
	if len(ns) > perPage {
		ns = ns[:perPage]
		list.Older = web.With(r.URL, "after", number(ns[perPage-1].ID))
	}
	for _, n := range ns {
		row, err := p.noticeRow(r, n)
		if err != nil {
			return err
		}
		list.Rows = append(list.Rows, row)
	}
	page := web.Page{
		Title: web.Say(r, "warn.notices"), Room: "warn", Lead: web.Say(r, "warn.notices.lead"),
		Topics: []string{"warn"}, Data: listPage{List: list, Stopped: p.stopped(r)},
		Actions: p.noticeActions(r),
	}
	if web.ViewerOf(r.Context()).Can("warn.stop_sending") && p.stopped(r) == nil {
		page.Actions = append(page.Actions, web.Action{Label: web.Say(r, "warn.stop"), URL: "/warn/stop", Icon: "danger", Tone: "danger"})
	}
	return p.site.Page(w, r, http.StatusOK, "warn/list", page)
}

// stopped says that sending is stopped, with the way to resume it.
func (p *Pages) stopped(r *http.Request) *web.Empty {
	if on, err := p.warn.Stopped(r.Context(), p.warn.Acts.Reader()); err != nil || !on {
		return nil
	}
	e := web.Empty{Title: web.Say(r, "warn.stopped"), Why: web.Say(r, "warn.stopped.why")}
	if web.ViewerOf(r.Context()).Can("warn.resume_sending") {
		e.Do = &web.Action{Label: web.Say(r, "warn.resume"), URL: "/warn/resume", Post: true, Tone: "primary"}
	}
	return &e
}

func stateFilter(r *http.Request) web.Field {
	f := web.Field{Name: "state", Type: "select", Label: web.Say(r, "warn.column.state"), Options: []web.Option{{}}}
	for _, s := range []warn.State{warn.Drafted, warn.Attempting, warn.Sent, warn.Bounced, warn.NoContact, warn.Withheld, warn.Refused, warn.Unknown} {
		f.Options = append(f.Options, web.Option{Value: string(s), Label: web.Say(r, "warn.state."+string(s))})
	}
	return f
}

func (p *Pages) noticeRow(r *http.Request, n warn.Notice) (web.Row, error) {
	org, err := p.warn.Guard.Organisation(r.Context(), p.warn.Acts.Reader(), n.Org)
	if err != nil {
		return web.Row{}, err
	}
	u := noticeURL(p.warn.Number(n.ID))
	row := web.Row{URL: u, Cells: []web.Cell{
		{Text: p.warn.Number(n.ID), URL: u, Mono: true},
		web.Anchor(org.Name, "/constituency/organisations/"+number(n.Org)),
		web.Number(int64(n.Total), ""), web.Marked(stateBadge(r, n.State)), {}, web.Ago(n.SentAt), answeredCell(r, &n),
	}}
	if n.Warning != 0 {
		v := p.warn.WarningNumber(n.Warning)
		row.Cells[2] = web.Cell{Text: v, URL: warningURL(v), Mono: true}
	}
	if n.Manner != "" {
		row.Cells[4] = web.Marked(mannerBadge(r, n.Manner))
	}
	if n.State != warn.Sent && n.State != warn.Drafted && n.State != warn.Attempting {
		row.Tone = "critical"
	}
	return row, nil
}

func stateBadge(r *http.Request, s warn.State) web.Badge {
	b := web.Badge{Word: web.Say(r, "warn.state."+string(s)), Tone: "high"}
	switch s {
	case warn.Sent:
		b.Tone = "ok"
	case warn.Drafted, warn.Attempting:
		b.Tone = "open"
	}
	return b
}

// answerLink is the answering link in a message.
var answerLink = regexp.MustCompile(`/n/\S+`)

// masked is what left, but for the secret of its answering link: who reads it at the
// desk must not be able to answer in the organisation's place.
func masked(body []byte) string { return answerLink.ReplaceAllString(string(body), "/n/…") }
