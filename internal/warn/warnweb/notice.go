package warnweb

import (
	"net/http"
	"slices"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/outbound"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
)

// noticePage is one notice's page.
type noticePage struct {
	Facts      web.Facts
	Story      web.Timeline
	Open       []openAnswer // questions and disputes that wait
	Answer     *web.Form
	AnswerOpen bool // more than the name is asked for in sight
	Findings   *web.List
	Mails      *web.List
	Mail       string // what left, exactly
}

// noticeFault is a form of the page that was refused: the one about an answer, or, with
// none, the one that records an answer.
type noticeFault struct {
	answer int64
	err    error
}

func (p *Pages) notice(w http.ResponseWriter, r *http.Request) error {
	return p.showNotice(w, r, http.StatusOK, nil)
}

func (p *Pages) showNotice(w http.ResponseWriter, r *http.Request, status int, problem error) error {
	return p.showNoticeWith(w, r, status, noticeFault{err: problem})
}

func (p *Pages) showNoticeWith(w http.ResponseWriter, r *http.Request, status int, refused noticeFault) error {
	ctx, db := r.Context(), p.warn.Acts.Reader()
	n, err := p.warn.NoticeNumbered(ctx, db, r.PathValue("number"))
	if err != nil {
		return err
	}
	org, err := p.warn.Guard.Organisation(ctx, db, n.Org)
	if err != nil {
		return err
	}
	m, sent, err := p.warn.Outbound.Of(ctx, db, thingOf(n))
	if err != nil {
		return err
	}
	story, err := p.story(r, n, m, sent)
	if err != nil {
		return err
	}
	data := noticePage{Facts: p.noticeFacts(r, n, org, m), Story: story, Mail: masked(m.Body)}
	if data.Mails, err = p.noticeMails(r, n); err != nil {
		return err
	}
	if data.Findings, err = p.noticeFindings(r, n); err != nil {
		return err
	}
	page := web.Page{
		Title: org.Name, Number: p.warn.Number(n.ID), Room: "warn", Exercise: n.Exercise, Marking: noticeMarking(n, m),
		Lead: web.Say(r, "warn.notice.lead", "Count", n.Total), Topics: []string{"warn"},
		Crumbs: []web.Link{{Label: web.Say(r, "warn.notices"), URL: "/warn/notices"}},
		Badges: []web.Badge{stateBadge(r, n.State)},
	}
	if n.Warning != 0 {
		number := p.warn.WarningNumber(n.Warning)
		page.Lead = web.Say(r, "warn.notice.lead.warning", "Number", number)
		page.Crumbs = []web.Link{{Label: web.Say(r, "warn.warnings"), URL: "/warn/warnings"}, {Label: number, URL: warningURL(number)}}
	}
	if err := p.noticeForms(r, n, &page, &data, refused); err != nil {
		return err
	}
	if can(r, retry) && n.State != warn.Sent && n.State != warn.Drafted && n.State != warn.Attempting {
		page.Primary = &web.Action{Label: web.Say(r, "warn.repeat"), URL: noticeURL(p.warn.Number(n.ID)) + "/repeat", Icon: "mail", Tone: "primary"}
	}
	page.Data = data
	return p.site.Page(w, r, status, "warn/notice", page)
}

// noticeForms offers what can be entered on the page: what they say, and what came of
// what they asked. A refused form keeps what was typed.
func (p *Pages) noticeForms(r *http.Request, n warn.Notice, page *web.Page, data *noticePage, refused noticeFault) (err error) {
	if data.Open, err = p.openAnswers(r, n); err != nil {
		return err
	}
	for i := range data.Open {
		if refused.err == nil || data.Open[i].ID != refused.answer {
			continue
		}
		f := &data.Open[i].Form
		f.Fill(r.PostForm.Get)
		fail(r, page, refused.err, f)
	}
	if !can(r, record) {
		return nil
	}
	data.Answer = p.noticeAnswerForm(r, n)
	if refused.err != nil && refused.answer == 0 {
		data.AnswerOpen = true
		data.Answer.Fill(r.PostForm.Get)
		fail(r, page, refused.err, data.Answer)
	}
	return nil
}

// noticeMarking is the stricter of what left and what it was about: a mail with nothing
// but a link carries a marking of its own.
func noticeMarking(n warn.Notice, m outbound.Message) string {
	if m.Marking == "" {
		return n.Marking
	}
	return stricter(n.Marking, m.Marking)
}

func thingOf(n warn.Notice) string { return guard.Thing{Kind: warn.KindNotice, ID: n.ID}.String() }

// noticeAnswerForm starts with one field, in which the contact's name stands: who was
// called is mostly who answers, and Enter records it.
func (p *Pages) noticeAnswerForm(r *http.Request, n warn.Notice) *web.Form {
	f := answerForm(r, noticeURL(p.warn.Number(n.ID))+"/answer")
	if person, err := p.warn.Guard.Person(r.Context(), p.warn.Acts.Reader(), n.Person); n.Person != 0 && err == nil {
		f.Fields[0].Value = person.Name
	}
	f.Fields[0].Autocomplete = "off"
	f.Fields[0].Autofocus = r.URL.Query().Get("answer") == "phone"
	if back := r.FormValue("back"); mayBack(back) {
		f.Hidden = append(f.Hidden, web.Hidden{Name: "back", Value: back})
	}
	return f
}

func (p *Pages) noticeFacts(r *http.Request, n warn.Notice, org guard.Organisation, m outbound.Message) web.Facts {
	items := []web.Fact{
		{Label: web.Say(r, "warn.column.organisation"), Cell: web.Anchor(org.Name, orgURL(org.ID))},
		{Label: web.Say(r, "warn.fact.address"), Cell: web.Code(n.Address)},
		{Label: web.Say(r, "warn.fact.language"), Cell: web.Text(languageName(r, n.Language))},
	}
	add := func(key string, c web.Cell) { items = append(items, web.Fact{Label: web.Say(r, key), Cell: c}) }
	if n.Manner != "" {
		add("warn.fact.manner", web.Marked(mannerBadge(r, n.Manner)))
	}
	switch {
	case n.Warning != 0:
		number := p.warn.WarningNumber(n.Warning)
		add("warn.fact.warning", web.Cell{Text: number, URL: warningURL(number), Mono: true})
		add("warn.column.step", web.Cell{Text: web.Say(r, "warn.step", "N", n.Step+1)})
	case n.Delivery != 0:
		add("warn.fact.delivery", web.Anchor("#"+number(n.Delivery), "/watch/deliveries/"+number(n.Delivery)))
	}
	if n.Warning == 0 {
		add("warn.column.findings", web.Number(int64(n.Total), ""))
		add("warn.rule.field.format", web.Text(web.Say(r, "warn.rule.format."+string(n.Format))))
	}
	if n.Again {
		add("warn.fact.again", web.Text(web.Say(r, "warn.yes")))
	}
	add("warn.fact.drafted", web.Exactly(n.DraftedAt))
	if n.State == warn.Drafted && n.DueAt.After(p.now()) {
		add("warn.fact.due", web.Exactly(n.DueAt))
	}
	if !n.SeenAt.IsZero() {
		add("warn.fact.seen", web.Exactly(n.SeenAt))
	}
	if m.MessageID != "" {
		items = append(items, web.Fact{Label: "Message-ID", Cell: web.Code(m.MessageID)})
		add("warn.fact.attempts", web.Number(int64(m.Attempts), ""))
	}
	if m.Reply != "" {
		add("warn.fact.reply", web.Text(m.Reply))
	}
	return web.Facts{Title: web.Say(r, "warn.facts"), Items: items}
}

// noticeFindings are the findings that a notice tells, the first of them.
func (p *Pages) noticeFindings(r *http.Request, n warn.Notice) (*web.List, error) {
	if n.Warning != 0 || len(n.Findings) == 0 || !can(r, "watch.read") {
		return nil, nil //nolint:nilnil // a warning is about no finding
	}
	fs, err := p.warn.Watch.FindingsByID(r.Context(), p.warn.Acts.Reader(), n.Findings[:min(len(n.Findings), perPage)], watch.AllOrgs)
	if err != nil {
		return nil, err
	}
	l := &web.List{
		ID: "findings", Caption: web.Say(r, "warn.column.findings"), Total: web.Total{N: int64(n.Total)},
		Columns: web.Columns(r, "warn.column.number", "warn.rule.field.kinds", "warn.column.place", "warn.column.severity"),
	}
	for i := range fs {
		f := &fs[i]
		stream, _ := p.warn.Watch.StreamOf(f.Stream)
		where := f.Host
		if f.IP.IsValid() {
			where = f.IP.String()
		}
		u := "/watch/findings/" + p.warn.Watch.Number(f.ID)
		l.Rows = append(l.Rows, web.Row{URL: u, Cells: []web.Cell{
			{Text: p.warn.Watch.Number(f.ID), URL: u, Mono: true}, web.Text(stream.Kind), web.Code(where), web.Text(web.Say(r, "warn.severity."+f.Severity.String())),
		}})
	}
	return l, nil
}

// noticeMails are the mails that came in about a notice.
func (p *Pages) noticeMails(r *http.Request, n warn.Notice) (*web.List, error) {
	ms, err := p.warn.Mails(r.Context(), p.warn.Acts.Reader(), warn.MailFilter{Notice: n.ID, Limit: 200})
	if err != nil || len(ms) == 0 {
		return nil, err
	}
	l := &web.List{
		ID: "mails", Caption: web.Say(r, "warn.mails"), Total: web.Total{N: int64(len(ms))}, Live: true,
		Columns: web.Columns(r, "warn.column.subject", "warn.column.from", "warn.column.signature", "warn.column.state", "warn.column.received"),
	}
	for i := range ms {
		m := &ms[i]
		subject := m.Subject
		if subject == "" {
			subject = web.Say(r, "warn.post.no_subject")
		}
		l.Rows = append(l.Rows, web.Row{URL: mailURL(m.ID), Cells: []web.Cell{
			{Text: subject, URL: mailURL(m.ID), Sub: web.Say(r, "warn.class."+string(m.Class))}, web.Code(m.From), web.Marked(signatureBadge(r, m)),
			web.Marked(mailBadge(r, m.State)), web.Ago(m.ReceivedAt),
		}})
	}
	return l, nil
}

// story is what happened to a notice, oldest first: drafted, left, opened, answered.
func (p *Pages) story(r *http.Request, n warn.Notice, m outbound.Message, sent bool) (web.Timeline, error) {
	t := web.Timeline{Title: web.Say(r, "warn.story")}
	machine := func(at web.Moment) {
		at.Machine, at.Who = true, web.Say(r, "warn.machine")
		t.Moments = append(t.Moments, at)
	}
	machine(web.Moment{At: n.DraftedAt, What: web.Say(r, "warn.story.drafted")})
	if sent {
		at := m.SettledAt
		if at.IsZero() {
			at = m.BegunAt
		}
		left := web.Moment{At: at, What: web.Say(r, "warn.story."+string(m.State)), Icon: "mail"}
		if n.Manner != "" {
			b := mannerBadge(r, n.Manner)
			left.Badge = &b
		}
		machine(left)
	}
	if n.Why != "" {
		machine(web.Moment{At: n.DraftedAt, What: web.Say(r, n.Why), Icon: "warning"})
	}
	visits, err := p.warn.Visits(r.Context(), p.warn.Acts.Reader(), n.ID)
	if err != nil {
		return t, err
	}
	for _, v := range visits {
		t.Moments = append(t.Moments, web.Moment{
			At: v.At, Who: joinWords([]string{v.Name, v.Firm}), What: web.Say(r, "warn.story.visited"), Icon: "link",
			Badge: &web.Badge{Tone: "medium", Icon: "link", Word: web.Say(r, "warn.strength.link")},
		})
	}
	answers, err := p.warn.Answers(r.Context(), p.warn.Acts.Reader(), n.ID)
	if err != nil {
		return t, err
	}
	for i := range answers {
		t.Moments = append(t.Moments, p.answerMoment(r, &answers[i]))
		if a := &answers[i]; !a.SettledAt.IsZero() {
			t.Moments = append(t.Moments, web.Moment{
				At: a.SettledAt, Who: p.who(r, a.SettledBy), What: web.Say(r, "warn.story.settled", "Says", web.Say(r, "warn.what."+string(a.What))),
				Detail: a.Settled, Icon: "check",
			})
		}
	}
	slices.SortStableFunc(t.Moments, func(a, b web.Moment) int { return a.At.Compare(b.At) })
	return t, nil
}

func (p *Pages) answerMoment(r *http.Request, a *warn.Answer) web.Moment {
	by := joinWords([]string{a.By, a.Firm})
	if by == "" {
		by = web.Say(r, "warn.somebody")
	}
	badge := strengthBadge(r, a.Strength)
	m := web.Moment{At: a.At, Who: by, What: web.Say(r, "warn.what."+string(a.What)), Detail: a.Reason, Icon: "person", Badge: &badge}
	if a.Strength == warn.ByPhone || a.Strength == warn.ByMail {
		if who := p.who(r, a.RecordedBy); who != "" {
			m.Who += " · " + web.Say(r, "warn.recorded_by", "Name", who)
		}
	}
	if a.Mail != 0 {
		m.URL = mailURL(a.Mail)
	}
	return m
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
			{Name: "at", Type: "datetime-local", Label: web.Say(r, "warn.answer.at"), Why: web.Say(r, "warn.answer.at.why")},
			{Name: "reason", Type: "textarea", Rows: 3, Label: web.Say(r, "warn.answer.words")},
		},
	}
	for _, w := range warn.Whats() {
		f.Fields[1].Options = append(f.Fields[1].Options, web.Option{Value: string(w), Label: web.Say(r, "warn.what."+string(w))})
	}
	return f
}

// firstContact is the first contact with a mail address.
func firstContact(cs []constituency.Contact) string {
	if i := slices.IndexFunc(cs, func(c constituency.Contact) bool { return c.Email != "" }); i >= 0 {
		return cs[i].Email
	}
	return ""
}
