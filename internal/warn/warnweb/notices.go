package warnweb

import (
	"net/http"
	"regexp"
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
		ID: "notices", Caption: web.Say(r, "warn.notices"), Total: web.Total{Hide: true}, Live: true,
		Columns: web.Columns(r, "warn.column.number", "warn.column.organisation", "warn.column.findings", "warn.column.state",
			"warn.column.sent", "warn.column.answered"),
		Filters: web.Sift(r, stateFilter(r)),
		Empty:   web.Empty{Title: web.Say(r, "warn.notices.none"), Why: web.Say(r, "warn.notices.none.why")},
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
		Actions: []web.Action{
			{Label: web.Say(r, "warn.outbox"), URL: "/warn/outbox", Icon: "mail"},
			{Label: web.Say(r, "warn.failed"), URL: "/warn/failed", Icon: "warning"},
		},
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
	for _, s := range []warn.State{warn.Drafted, warn.Sent, warn.NoContact, warn.Withheld, warn.Refused, warn.Unknown} {
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
		web.Number(int64(n.Total), ""), web.Marked(stateBadge(r, n.State)), web.Ago(n.SentAt), web.Ago(n.AnsweredAt),
	}}
	if n.State != warn.Sent && n.State != warn.Drafted {
		row.Tone = "critical"
	}
	return row, nil
}

func stateBadge(r *http.Request, s warn.State) web.Badge {
	b := web.Badge{Word: web.Say(r, "warn.state."+string(s)), Tone: "high"}
	switch s {
	case warn.Sent:
		b.Tone = "ok"
	case warn.Drafted:
		b.Tone = "open"
	}
	return b
}

// answerLink is the answering link in a message.
var answerLink = regexp.MustCompile(`/n/\S+`)

// masked is what left, but for the secret of its answering link: who reads it at the
// desk must not be able to answer in the organisation's place.
func masked(body []byte) string { return answerLink.ReplaceAllString(string(body), "/n/…") }

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
	data := noticePage{Facts: p.noticeFacts(r, n, org, m), Story: story, Mail: masked(m.Body)}
	page := web.Page{
		Title: org.Name, Number: p.warn.Number(n.ID), Room: "warn", Exercise: n.Exercise, Marking: m.Marking,
		Lead: web.Say(r, "warn.notice.lead", "Count", n.Total), Topics: []string{"warn"},
		Crumbs: []web.Link{{Label: web.Say(r, "warn.notices"), URL: "/warn/notices"}},
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
		page.Primary = &web.Action{Label: web.Say(r, "warn.repeat"), URL: noticeURL(p.warn.Number(n.ID)) + "/repeat", Icon: "mail", Tone: "primary"}
	}
	page.Data = data
	return p.site.Page(w, r, status, "warn/notice", page)
}

func thingOf(n warn.Notice) string { return guard.Thing{Kind: warn.KindNotice, ID: n.ID}.String() }

func (p *Pages) noticeFacts(r *http.Request, n warn.Notice, org guard.Organisation, m outbound.Message) web.Facts {
	items := []web.Fact{
		{Label: web.Say(r, "warn.column.organisation"), Cell: web.Anchor(org.Name, "/constituency/organisations/"+number(org.ID))},
		{Label: web.Say(r, "warn.fact.address"), Cell: web.Code(n.Address)},
		{Label: web.Say(r, "warn.fact.language"), Cell: web.Text(n.Language)},
		{Label: web.Say(r, "warn.fact.delivery"), Cell: web.Anchor("#"+number(n.Delivery), "/watch/deliveries/"+number(n.Delivery))},
		{Label: web.Say(r, "warn.column.findings"), Cell: web.Number(int64(n.Total), "")},
		{Label: web.Say(r, "warn.fact.drafted"), Cell: web.Exactly(n.DraftedAt)},
	}
	if m.MessageID != "" {
		items = append(items, web.Fact{Label: "Message-ID", Cell: web.Code(m.MessageID)},
			web.Fact{Label: web.Say(r, "warn.fact.attempts"), Cell: web.Number(int64(m.Attempts), "")})
	}
	if m.Reply != "" {
		items = append(items, web.Fact{Label: web.Say(r, "warn.fact.reply"), Cell: web.Text(m.Reply)})
	}
	return web.Facts{Title: web.Say(r, "warn.facts"), Items: items}
}

// story is what happened to a notice, oldest first.
func (p *Pages) story(r *http.Request, n warn.Notice, m outbound.Message, sent bool) (web.Timeline, error) {
	t := web.Timeline{Title: web.Say(r, "warn.story")}
	t.Moments = append(t.Moments, web.Moment{At: n.DraftedAt, Machine: true, Who: web.Say(r, "warn.machine"), What: web.Say(r, "warn.story.drafted")})
	if sent {
		at := m.SettledAt
		if at.IsZero() {
			at = m.BegunAt
		}
		t.Moments = append(t.Moments, web.Moment{
			At: at, Machine: true, Who: web.Say(r, "warn.machine"), What: web.Say(r, "warn.story."+string(m.State)), Icon: "mail",
		})
	}
	if n.Why != "" {
		t.Moments = append(t.Moments, web.Moment{At: n.DraftedAt, Machine: true, Who: web.Say(r, "warn.machine"), What: web.Say(r, n.Why), Icon: "warning"})
	}
	answers, err := p.warn.Answers(r.Context(), p.warn.Acts.Reader(), n.ID)
	if err != nil {
		return t, err
	}
	for _, a := range answers {
		by := a.By
		if by == "" {
			by = web.Say(r, "warn.somebody")
		}
		t.Moments = append(t.Moments, web.Moment{
			At: a.At, Who: by, What: web.Say(r, "warn.what."+string(a.What)), Detail: a.Reason, Icon: "person",
			Badge: &web.Badge{Tone: "info", Word: web.Say(r, "warn.strength."+string(a.Strength))},
		})
	}
	return t, nil
}

// answerForm starts with one field: who is talking.
func answerForm(r *http.Request, action string) *web.Form {
	f := &web.Form{
		Action: action, Submit: web.Say(r, "warn.answer.record"),
		Fields: []web.Field{
			{Name: "by", Type: "text", Label: web.Say(r, "warn.answer.by"), Required: true, Example: "Ms Ferrer, control room"},
			{Name: "what", Type: "select", Label: web.Say(r, "warn.answer.says")},
			{Name: "via", Type: "select", Label: web.Say(r, "warn.answer.how"), Options: []web.Option{
				{Value: "phone", Label: web.Say(r, "warn.strength.phone")}, {Value: "mail", Label: web.Say(r, "warn.strength.mail")},
			}},
			{Name: "at", Type: "text", Label: web.Say(r, "warn.answer.at"), Why: web.Say(r, "warn.answer.at.why"), Example: "2026-11-21T03:05Z"},
			{Name: "reason", Type: "textarea", Rows: 3, Label: web.Say(r, "warn.answer.words")},
		},
	}
	for _, w := range warn.Whats() {
		f.Fields[1].Options = append(f.Fields[1].Options, web.Option{Value: string(w), Label: web.Say(r, "warn.what."+string(w))})
	}
	return f
}
