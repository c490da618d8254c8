package warnweb

import (
	"net/http"
	"strings"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/outbound"
	"almenara.example/internal/warn"
)

// mailsPage is the dot of the list of mail.
type mailsPage struct {
	Filters *web.Filters
	Table   table
}

func mailURL(id int64) string { return "/warn/mail/" + number(id) }

// mails lists what came in by mail, what waits for a person first of all.
func (p *Pages) mails(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	state := warn.MailState(q.Get("state"))
	f := warn.MailFilter{State: state, Before: positive(q.Get("after")), Limit: perPage + 1}
	switch state {
	case "":
		f.State = warn.MailWaits
	case "all":
		f.State = ""
	}
	ms, err := p.warn.Mails(r.Context(), p.warn.Acts.Reader(), f)
	if err != nil {
		return err
	}
	states := web.Field{Name: "state", Type: "select", Label: web.Say(r, "warn.column.state"), Options: []web.Option{{Label: web.Say(r, "warn.mstate.waiting")}}}
	for _, s := range []warn.MailState{warn.MailAnswered, warn.MailFiled, warn.MailDismissed} {
		states.Options = append(states.Options, web.Option{Value: string(s), Label: web.Say(r, "warn.mstate."+string(s))})
	}
	states.Options = append(states.Options, web.Option{Value: "all", Label: web.Say(r, "warn.any")})
	t := table{
		ID: "mails", Caption: web.Say(r, "warn.mails"), Live: true, Total: web.Total{Hide: true},
		Columns: web.Columns(r, "warn.column.from", "warn.column.subject", "warn.column.notice", "warn.column.proposed", "warn.column.signature", "warn.column.received"),
		Empty:   web.Empty{Title: web.Say(r, "warn.mails.none"), Why: web.Say(r, "warn.mails.none.why")},
	}
	if len(ms) > perPage {
		ms = ms[:perPage]
		t.Older = web.With(r.URL, "after", number(ms[perPage-1].ID))
	}
	for i := range ms {
		t.Rows = append(t.Rows, p.mailRow(r, &ms[i]))
	}
	return p.site.Page(w, r, http.StatusOK, "warn/mails", web.Page{
		Title: web.Say(r, "warn.mails"), Room: "warn", Lead: web.Say(r, "warn.mails.lead"), Marking: unmarked(),
		Topics: []string{"warn.mail-arrived"}, Data: mailsPage{Filters: web.Sift(r, states), Table: t},
		Crumbs: []web.Link{{Label: web.Say(r, "warn.notices"), URL: "/warn/notices"}},
	})
}

func (p *Pages) mailRow(r *http.Request, m *warn.Mail) tableRow {
	subject := m.Subject
	if subject == "" {
		subject = web.Say(r, "warn.post.no_subject")
	}
	proposed := web.Cell{Text: web.Say(r, "warn.class."+string(m.Class))}
	if m.Proposed != "" && m.Class == warn.MailReply {
		proposed = web.Cell{Text: web.Say(r, "warn.what."+string(m.Proposed)), Sub: first(m.Words)}
	}
	row := tableRow{URL: mailURL(m.ID), Cells: []web.Cell{
		{Text: m.From, Sub: p.orgName(m.Org)}, web.Anchor(subject, mailURL(m.ID)), {}, proposed, web.Marked(signatureBadge(r, m)), web.Ago(m.ReceivedAt),
	}}
	if m.Notice != 0 {
		row.Cells[2] = web.Cell{Text: p.warn.Number(m.Notice), URL: noticeURL(p.warn.Number(m.Notice)), Mono: true}
	}
	if web.Doubtful(string(m.Signature)) {
		row.Tone = "critical"
	}
	if p.offer != nil {
		if a := p.offer(r, m); a != nil {
			row.Actions = append(row.Actions, keyed{Key: "r", Action: *a})
		}
	}
	if p.confirmable(r, m) && !web.Doubtful(string(m.Signature)) {
		row.Actions = append(row.Actions, keyed{Key: "c", Action: web.Action{
			Label: web.Say(r, "warn.post.confirm.short"), URL: mailURL(m.ID) + "/confirm", Post: true, Icon: "check",
		}})
	}
	return row
}

// first is the beginning of a text, for lists.
func first(s string) string {
	s = strings.TrimSpace(s)
	for i, c := range s {
		if c == '\n' || i > 80 {
			return s[:i] + "…"
		}
	}
	return s
}

// confirmable tells whether the viewer may make an answer of the mail.
func (p *Pages) confirmable(r *http.Request, m *warn.Mail) bool {
	return m.State == warn.MailWaits && m.Notice != 0 && m.Class == warn.MailReply && can(r, confirmMail)
}

func signatureBadge(r *http.Request, m *warn.Mail) web.Badge {
	return web.SignatureBadge(r, string(m.Signature), m.Sealed)
}

// mailPage is the dot of one mail's page.
type mailPage struct {
	Letter  web.Letter
	Facts   web.Facts
	Confirm *web.Form
	File    *web.Form
	Dismiss *web.Form
}

func (p *Pages) mailOf(r *http.Request) (warn.Mail, error) {
	id, err := pathID(r, "mail", "warn.post.none")
	if err != nil {
		return warn.Mail{}, err
	}
	return p.warn.Mail(r.Context(), p.warn.Acts.Reader(), id)
}

func (p *Pages) mail(w http.ResponseWriter, r *http.Request) error {
	return p.showMail(w, r, http.StatusOK, "", nil)
}

// showMail shows a mail with the form that was refused, if one was.
func (p *Pages) showMail(w http.ResponseWriter, r *http.Request, status int, refused string, problem error) error {
	m, err := p.mailOf(r)
	if err != nil {
		return err
	}
	title := m.Subject
	if title == "" {
		title = web.Say(r, "warn.post.no_subject")
	}
	page := web.Page{
		Title: title, Room: "warn", Marking: unmarked(), Topics: []string{"warn.mail-arrived"},
		Crumbs: []web.Link{{Label: web.Say(r, "warn.mails"), URL: "/warn/mail"}},
		Badges: []web.Badge{mailBadge(r, m.State), signatureBadge(r, &m)},
	}
	data := mailPage{Facts: p.mailFacts(r, &m), Letter: web.Letter{Warning: web.SignatureWarning(r, string(m.Signature)), Words: m.Words}}
	for i, f := range m.Files {
		file := web.LetterFile{Label: f.Name, Note: f.Type + " · " + web.PrinterOf(r.Context()).Bytes(f.Size)}
		if p.raw != nil && m.Class != warn.MailUnreadable {
			file.Save = mailURL(m.ID) + "/files/" + number(int64(i+1))
		}
		data.Letter.Files = append(data.Letter.Files, file)
	}
	p.mailForms(r, &m, &data)
	if p.offer != nil {
		if a := p.offer(r, &m); a != nil {
			page.Actions = append(page.Actions, *a)
		}
	}
	if problem != nil {
		forms := map[string]*web.Form{"confirm": data.Confirm, "file": data.File, "dismiss": data.Dismiss}
		if f := forms[refused]; f != nil {
			f.Fill(r.PostForm.Get)
			fail(r, &page, problem, f)
		} else {
			fail(r, &page, problem)
		}
	}
	page.Data = data
	return p.site.Page(w, r, status, "warn/mail", page)
}

// mailForms offers what can be done with a mail that waits.
func (p *Pages) mailForms(r *http.Request, m *warn.Mail, data *mailPage) {
	if m.State != warn.MailWaits {
		return
	}
	if p.confirmable(r, m) {
		what := web.Field{Name: "what", Type: "select", Label: web.Say(r, "warn.answer.says")}
		for _, one := range warn.Whats() {
			what.Options = append(what.Options, web.Option{Value: string(one), Label: web.Say(r, "warn.what."+string(one)), Selected: one == m.Proposed})
		}
		by := m.From
		if person, err := p.warn.Guard.Person(r.Context(), p.warn.Acts.Reader(), m.Person); m.Person != 0 && err == nil {
			by = person.Name
		}
		data.Confirm = &web.Form{
			Action: mailURL(m.ID) + "/confirm", Submit: web.Say(r, "warn.post.confirm"),
			Fields: []web.Field{what, {Name: "by", Type: "text", Label: web.Say(r, "warn.post.by"), Value: by, Required: true, Autocomplete: "off"}},
		}
	}
	if can(r, fileMail) {
		now := ""
		if m.Notice != 0 {
			now = p.warn.Number(m.Notice)
		}
		data.File = &web.Form{Action: mailURL(m.ID) + "/file", Submit: web.Say(r, "warn.post.file"), Fields: []web.Field{{
			Name: "notice", Type: "text", Label: web.Say(r, "warn.post.file.number"), Value: now, Mono: true, Example: "ALM-4K7Q-2M9X", Autocomplete: "off", Required: true,
		}}}
	}
	if can(r, dismissMail) {
		data.Dismiss = &web.Form{Action: mailURL(m.ID) + "/dismiss", Submit: web.Say(r, "warn.post.dismiss"), Tone: "danger", Fields: []web.Field{{
			Name: "reason", Type: "text", Label: web.Say(r, "warn.post.dismiss.reason"), Required: true, Autocomplete: "off",
		}}}
	}
}

func mailBadge(r *http.Request, s warn.MailState) web.Badge {
	b := web.Badge{Tone: "muted", Word: web.Say(r, "warn.mstate."+string(s))}
	switch s {
	case warn.MailWaits:
		b.Tone = "open"
	case warn.MailAnswered:
		b.Tone = "ok"
	}
	return b
}

func (p *Pages) mailFacts(r *http.Request, m *warn.Mail) web.Facts {
	items := []web.Fact{
		{Label: web.Say(r, "warn.column.from"), Cell: web.Code(m.From)},
		{Label: web.Say(r, "warn.column.received"), Cell: web.Exactly(m.ReceivedAt)},
		{Label: web.Say(r, "warn.fact.class"), Cell: web.Text(web.Say(r, "warn.class."+string(m.Class)))},
		{Label: web.Say(r, "warn.column.signature"), Cell: web.Cell{Text: signatureBadge(r, m).Word, Sub: m.Signer}},
	}
	if m.Org != 0 {
		items = append(items, web.Fact{Label: web.Say(r, "warn.column.organisation"), Cell: p.orgCell(m.Org)})
	}
	if m.Notice != 0 {
		n := p.warn.Number(m.Notice)
		items = append(items, web.Fact{Label: web.Say(r, "warn.column.notice"), Cell: web.Cell{Text: n, URL: noticeURL(n), Mono: true}})
	}
	if m.Why != "" {
		items = append(items, web.Fact{Label: web.Say(r, "warn.column.reason"), Cell: web.Text(web.Say(r, m.Why))})
	}
	if !m.DecidedAt.IsZero() {
		items = append(items, web.Fact{Label: web.Say(r, "warn.post.decided_by"), Cell: web.Cell{At: m.DecidedAt, Sub: p.who(r, m.DecidedBy)}})
	}
	return web.Facts{Title: web.Say(r, "warn.facts"), Items: items}
}

// decideMail does one of the three things with a mail.
func (p *Pages) decideMail(verb, done string, f func(r *http.Request, m warn.Mail) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := web.Parse(r); err != nil {
			return err
		}
		m, err := p.mailOf(r)
		if err == nil {
			err = f(r, m)
		}
		if m.ID != 0 && correctable(err) {
			return p.showMail(w, r, statusOf(err), verb, err)
		}
		if err != nil {
			return err
		}
		to := "/warn/mail"
		if verb == "file" {
			to = mailURL(m.ID)
		}
		p.site.Redirect(w, r, to, web.Flash{Key: done})
		return nil
	}
}

func (p *Pages) confirmMail(r *http.Request, m warn.Mail) error {
	return p.warn.ConfirmMail(r.Context(), actor(r), m.ID, warn.What(r.PostForm.Get("what")), r.PostForm.Get("by"))
}

func (p *Pages) fileMail(r *http.Request, m warn.Mail) error {
	n, err := p.warn.NoticeNumbered(r.Context(), p.warn.Acts.Reader(), r.PostForm.Get("notice"))
	if fault.CodeOf(err) == fault.NotFound {
		return fault.OnField("notice", "warn.notice.none", nil)
	}
	if err != nil {
		return err
	}
	return p.warn.FileMail(r.Context(), actor(r), m.ID, n.ID)
}

func (p *Pages) dismissMail(r *http.Request, m warn.Mail) error {
	return p.warn.DismissMail(r.Context(), actor(r), m.ID, r.PostForm.Get("reason"))
}

// mailFile hands an attachment out to be kept, never to be shown: as bytes of no type,
// under its cleaned name.
func (p *Pages) mailFile(w http.ResponseWriter, r *http.Request) error {
	m, err := p.mailOf(r)
	if err != nil {
		return err
	}
	n, err := pathID(r, "file", "warn.post.no_file")
	if err != nil {
		return err
	}
	if p.raw == nil {
		return fault.New(fault.NotFound, "warn.post.no_file", nil)
	}
	in, err := outbound.IncomingByID(r.Context(), p.warn.Acts.Reader(), m.Incoming)
	if err != nil {
		return err
	}
	raw, err := p.raw.Raw(r.Context(), in)
	if err != nil {
		return err
	}
	f, body, err := p.warn.Attachment(raw, int(min(n, 1000))-1)
	if err != nil {
		return err
	}
	return web.SaveFile(w, f.Name, body)
}
