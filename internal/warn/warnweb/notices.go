package warnweb

import (
	"net/http"
	"strconv"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/outbound"
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
	q := r.URL.Query()
	f := warn.Filter{State: warn.State(q.Get("state")), Limit: perPage + 1}
	f.Before, _ = strconv.ParseInt(q.Get("after"), 10, 64) // anything else starts at the newest
	ns, err := p.warn.Notices(r.Context(), p.warn.Acts.Reader(), f)
	if err != nil {
		return err
	}
	list := web.List{
		ID: "notices", Caption: word(r, "warn.notices", nil), Total: web.Total{Hide: true}, Live: true,
		Columns: columns(r, "warn.column.number", "warn.column.organisation", "warn.column.findings", "warn.column.state",
			"warn.column.sent", "warn.column.answered"),
		Filters: web.Sift(r, stateFilter(r)),
		Empty:   web.Empty{Title: word(r, "warn.notices.none", nil), Why: word(r, "warn.notices.none.why", nil)},
	}
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
		Title: word(r, "warn.notices", nil), Room: "warn", Lead: word(r, "warn.notices.lead", nil),
		Topics: []string{"warn"}, Data: listPage{List: list, Stopped: p.stopped(r)},
		Actions: []web.Action{
			{Label: word(r, "warn.outbox", nil), URL: "/warn/outbox", Icon: "mail"},
			{Label: word(r, "warn.failed", nil), URL: "/warn/failed", Icon: "warning"},
		},
	}
	if web.ViewerOf(r.Context()).Can("warn.stop_sending") && p.stopped(r) == nil {
		page.Actions = append(page.Actions, web.Action{Label: word(r, "warn.stop", nil), URL: "/warn/stop", Icon: "danger", Tone: "danger"})
	}
	return p.site.Page(w, r, http.StatusOK, "warn/list", page)
}

// stopped says that sending is stopped, with the way to resume it.
func (p *Pages) stopped(r *http.Request) *web.Empty {
	if on, err := p.warn.Stopped(r.Context(), p.warn.Acts.Reader()); err != nil || !on {
		return nil
	}
	e := web.Empty{Title: word(r, "warn.stopped", nil), Why: word(r, "warn.stopped.why", nil)}
	if web.ViewerOf(r.Context()).Can("warn.resume_sending") {
		e.Do = &web.Action{Label: word(r, "warn.resume", nil), URL: "/warn/resume", Post: true, Tone: "primary"}
	}
	return &e
}

func columns(r *http.Request, keys ...string) []web.Column {
	out := make([]web.Column, len(keys))
	for i, k := range keys {
		out[i].Label = word(r, k, nil)
	}
	return out
}

func stateFilter(r *http.Request) web.Field {
	f := web.Field{Name: "state", Type: "select", Label: word(r, "warn.column.state", nil), Options: []web.Option{{}}}
	for _, s := range []warn.State{warn.Drafted, warn.Sent, warn.NoContact, warn.Withheld, warn.Refused, warn.Unknown} {
		f.Options = append(f.Options, web.Option{Value: string(s), Label: word(r, "warn.state."+string(s), nil)})
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
		web.Number(int64(n.Total), ""), web.Marked(stateBadge(r, n.State)), web.Ago(n.SentAt), web.Ago(n.AnsweredAt),
	}}
	if n.State != warn.Sent && n.State != warn.Drafted {
		row.Tone = "critical"
	}
	return row, nil
}

func stateBadge(r *http.Request, s warn.State) web.Badge {
	b := web.Badge{Word: word(r, "warn.state."+string(s), nil), Tone: "high"}
	switch s {
	case warn.Sent:
		b.Tone = "ok"
	case warn.Drafted:
		b.Tone = "open"
	}
	return b
}

// noticePage is one notice's page.
type noticePage struct {
	Facts  web.Facts
	Story  web.Timeline
	Answer *web.Form
	Mail   string // what left, exactly
}

func (p *Pages) notice(w http.ResponseWriter, r *http.Request) error {
	return p.showNotice(w, r, http.StatusOK, nil)
}

func (p *Pages) showNotice(w http.ResponseWriter, r *http.Request, status int, problem error) error {
	n, err := p.warn.NoticeNumbered(r.Context(), p.warn.Acts.Reader(), r.PathValue("number"))
	if err != nil {
		return err
	}
	org, err := p.warn.Guard.Organisation(r.Context(), p.warn.Acts.Reader(), n.Org)
	if err != nil {
		return err
	}
	m, sent, err := p.warn.Outbound.Of(r.Context(), p.warn.Acts.Reader(), thingOf(n))
	if err != nil {
		return err
	}
	story, err := p.story(r, n, m, sent)
	if err != nil {
		return err
	}
	data := noticePage{Facts: p.noticeFacts(r, n, org, m), Story: story, Mail: string(m.Body)}
	page := web.Page{
		Title: org.Name, Number: p.warn.Number(n.ID), Room: "warn", Exercise: n.Exercise, Marking: m.Marking,
		Lead: word(r, "warn.notice.lead", map[string]any{"Count": n.Total}), Topics: []string{"warn"},
		Crumbs: []web.Link{{Label: word(r, "warn.notices", nil), URL: "/warn/notices"}},
		Badges: []web.Badge{stateBadge(r, n.State)},
	}
	can := web.ViewerOf(r.Context()).Can
	if can("warn.record_answer") {
		data.Answer = answerForm(r, noticeURL(p.warn.Number(n.ID))+"/answer")
		if problem != nil {
			data.Answer.Fill(r.PostForm.Get)
			page.Faults = web.FieldFaults(web.PrinterOf(r.Context()), problem)
			data.Answer.Fail(page.Faults)
		}
	}
	if can("warn.retry") && n.State != warn.Sent && n.State != warn.Drafted {
		page.Primary = &web.Action{Label: word(r, "warn.repeat", nil), URL: noticeURL(p.warn.Number(n.ID)) + "/repeat", Icon: "mail", Tone: "primary"}
	}
	page.Data = data
	return p.site.Page(w, r, status, "warn/notice", page)
}

func thingOf(n warn.Notice) string { return guard.Thing{Kind: warn.KindNotice, ID: n.ID}.String() }

func (p *Pages) noticeFacts(r *http.Request, n warn.Notice, org guard.Organisation, m outbound.Message) web.Facts {
	items := []web.Fact{
		{Label: word(r, "warn.column.organisation", nil), Cell: web.Anchor(org.Name, "/constituency/organisations/"+number(org.ID))},
		{Label: word(r, "warn.fact.address", nil), Cell: web.Code(n.Address)},
		{Label: word(r, "warn.fact.language", nil), Cell: web.Text(n.Language)},
		{Label: word(r, "warn.fact.delivery", nil), Cell: web.Anchor("#"+number(n.Delivery), "/watch/deliveries/"+number(n.Delivery))},
		{Label: word(r, "warn.column.findings", nil), Cell: web.Number(int64(n.Total), "")},
		{Label: word(r, "warn.fact.drafted", nil), Cell: web.Exactly(n.DraftedAt)},
	}
	if m.MessageID != "" {
		items = append(items, web.Fact{Label: "Message-ID", Cell: web.Code(m.MessageID)},
			web.Fact{Label: word(r, "warn.fact.attempts", nil), Cell: web.Number(int64(m.Attempts), "")})
	}
	if m.Reply != "" {
		items = append(items, web.Fact{Label: word(r, "warn.fact.reply", nil), Cell: web.Text(m.Reply)})
	}
	return web.Facts{Title: word(r, "warn.facts", nil), Items: items}
}

// story is what happened to a notice, oldest first.
func (p *Pages) story(r *http.Request, n warn.Notice, m outbound.Message, sent bool) (web.Timeline, error) {
	t := web.Timeline{Title: word(r, "warn.story", nil)}
	t.Moments = append(t.Moments, web.Moment{At: n.DraftedAt, Machine: true, Who: word(r, "warn.machine", nil), What: word(r, "warn.story.drafted", nil)})
	if sent {
		at := m.SettledAt
		if at.IsZero() {
			at = m.BegunAt
		}
		t.Moments = append(t.Moments, web.Moment{
			At: at, Machine: true, Who: word(r, "warn.machine", nil), What: word(r, "warn.story."+string(m.State), nil), Icon: "mail",
		})
	}
	if n.Why != "" {
		t.Moments = append(t.Moments, web.Moment{At: n.DraftedAt, Machine: true, Who: word(r, "warn.machine", nil), What: word(r, n.Why, nil), Icon: "warning"})
	}
	answers, err := p.warn.Answers(r.Context(), p.warn.Acts.Reader(), n.ID)
	if err != nil {
		return t, err
	}
	for _, a := range answers {
		by := a.By
		if by == "" {
			by = word(r, "warn.somebody", nil)
		}
		t.Moments = append(t.Moments, web.Moment{
			At: a.At, Who: by, What: word(r, "warn.what."+string(a.What), nil), Detail: a.Reason, Icon: "person",
			Badge: &web.Badge{Tone: "info", Word: word(r, "warn.strength."+string(a.Strength), nil)},
		})
	}
	return t, nil
}

// answerForm starts with one field: who is talking.
func answerForm(r *http.Request, action string) *web.Form {
	f := &web.Form{
		Action: action, Submit: word(r, "warn.answer.record", nil),
		Fields: []web.Field{
			{Name: "by", Type: "text", Label: word(r, "warn.answer.by", nil), Required: true, Example: "Ms Ferrer, control room"},
			{Name: "what", Type: "select", Label: word(r, "warn.answer.says", nil)},
			{Name: "via", Type: "select", Label: word(r, "warn.answer.how", nil), Options: []web.Option{
				{Value: "phone", Label: word(r, "warn.strength.phone", nil)}, {Value: "mail", Label: word(r, "warn.strength.mail", nil)},
			}},
			{Name: "at", Type: "text", Label: word(r, "warn.answer.at", nil), Why: word(r, "warn.answer.at.why", nil), Example: "2026-11-21T03:05Z"},
			{Name: "reason", Type: "textarea", Rows: 3, Label: word(r, "warn.answer.words", nil)},
		},
	}
	for _, w := range warn.Whats() {
		f.Fields[1].Options = append(f.Fields[1].Options, web.Option{Value: string(w), Label: word(r, "warn.what."+string(w), nil)})
	}
	return f
}
