package incidentweb

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/internal/outbound"
)

// Permissions of the mail of incidents; the verbs have the same names.
const (
	filePost    = "incident.file_mail"
	dismissPost = "incident.dismiss_mail"
	repeatMail  = "incident.repeat_mail"
)

const mailURL = "/incident/mail"

// mailRoutes are the pages of mail that came in, and of our own that did not arrive.
func (p *Pages) mailRoutes() []web.Route {
	post := func(pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: "POST", Pattern: mailURL + pattern, Permission: permission, Handler: h, Sample: "POST " + mailURL + sample}
	}
	return []web.Route{
		{Method: "GET", Pattern: mailURL, Permission: filePost, Handler: p.mails, Sample: "GET " + mailURL},
		{Method: "GET", Pattern: mailURL + "/{mail}", Permission: filePost, Handler: p.mail, Sample: "GET " + mailURL + "/1"},
		post("/{mail}/file", filePost, "/1/file number=ALM-0000-0000", p.fileMail),
		post("/{mail}/dismiss", dismissPost, "/1/dismiss reason=a", p.dismissMail),
		post("/sent/{mail}/repeat", repeatMail, "/sent/1/repeat reason=a", p.repeatMail),
	}
}

// mailCalls are the calls about mail.
func (p *Pages) mailCalls(api huma.API) {
	huma.Register(api, operation("GET", "mail-list", "mail", filePost, "List mails about incidents that came in", "mail?state=waiting"), p.apiMails)
	huma.Register(api, operation("POST", "mail-file", "mail/{mail}/file", filePost, "Make an entry of a mail that waits", `mail/1/file {"number":""}`), p.apiFileMail)
}

type mailsPage struct {
	List   web.List
	Failed []failedMail
}

func (p *Pages) mails(w http.ResponseWriter, r *http.Request) error {
	state := incident.PostState(r.URL.Query().Get("state"))
	if state == "" {
		state = incident.PostWaits
	}
	ask := state
	if state == "all" {
		ask = ""
	}
	found, err := p.in.Posts(r.Context(), p.in.Acts.Reader(), ask, positive(r.URL.Query().Get("after")), perPage+1)
	if err != nil {
		return err
	}
	states := web.Field{Name: "state", Type: "select", Label: web.Say(r, "incident.desk.column.state")}
	for _, s := range []incident.PostState{incident.PostWaits, incident.PostFiled, incident.PostNoted, incident.PostDismissed, "all"} {
		states.Options = append(states.Options, web.Option{Value: string(s), Label: web.Say(r, "incident.desk.mail.state."+string(s)), Selected: s == state})
	}
	l := web.List{
		ID: "mails", Caption: web.Say(r, "incident.desk.mail"), Live: true, Total: web.Total{Hide: true}, Filters: web.Sift(r, states),
		Columns: web.Columns(r, "incident.desk.mail.from", "incident.desk.mail.subject", "incident.desk.column.number", "incident.desk.mail.signature", "incident.desk.mail.received"),
		Empty:   web.Empty{Title: web.Say(r, "incident.desk.mail.none"), Why: web.Say(r, "incident.desk.mail.none.why")},
	}
	if len(found) > perPage {
		found = found[:perPage]
		l.Older = web.With(r.URL, "after", number(found[perPage-1].ID))
	}
	for i := range found {
		l.Rows = append(l.Rows, p.mailRow(r, &found[i]))
	}
	failed, err := p.failedMails(r)
	if err != nil {
		return err
	}
	return p.site.Page(w, r, http.StatusOK, "incident/mails", web.Page{
		Title: web.Say(r, "incident.desk.mail"), Room: "incident", Lead: web.Say(r, "incident.desk.mail.lead"), Marking: unmarked,
		Topics: []string{"incident.post-changed"}, Data: mailsPage{l, failed},
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}},
	})
}

// unmarked is how what came in from outside counts until somebody has marked it.
const unmarked = "TLP:AMBER+STRICT"

func (p *Pages) mailRow(r *http.Request, m *incident.Post) web.Row {
	subject := first(m.Subject, web.Say(r, "incident.desk.mail.no_subject"))
	u := mailURL + "/" + number(m.ID)
	row := web.Row{URL: u, Name: subject, Cells: []web.Cell{
		{Text: m.From, Sub: p.orgName(m.Org)}, {Text: subject, URL: u, Sub: clip(m.Words, 120)}, {}, web.Marked(signatureBadge(r, m)), web.Ago(m.ReceivedAt),
	}}
	if m.Incident != 0 {
		n := p.in.Number(m.Incident)
		row.Cells[2] = web.Cell{Text: n, URL: incidentURL(n), Mono: true}
	}
	if doubtful(m.Signature) {
		row.Tone = "critical"
	}
	return row
}

// doubtful are the signatures that speak against the sender.
func doubtful(s outbound.Signature) bool {
	switch s {
	case outbound.SignedBad, outbound.SignedExpired, outbound.SignedRevoked, outbound.SignedForeign:
		return true
	case outbound.NotSigned, outbound.SignedGood, outbound.SignedUnknown:
	}
	return false
}

func signatureBadge(r *http.Request, m *incident.Post) web.Badge {
	b := web.Badge{Tone: "info", Icon: "mail", Word: web.Say(r, "warn.signature.none")}
	if m.Signature != outbound.NotSigned {
		b = web.Badge{Tone: "medium", Icon: "question", Word: web.Say(r, "warn.signature."+string(m.Signature))}
	}
	switch {
	case m.Signature == outbound.SignedGood:
		b.Tone, b.Icon = "ok", "key"
	case doubtful(m.Signature):
		b.Tone, b.Icon = "critical", "warning"
	}
	return b
}

// failedMail is one of our own mails that did not arrive for sure.
type failedMail struct {
	Number, URL, To, Address, State, Why string
	Made                                 time.Time
	Do                                   web.Action
}

func (p *Pages) failedMails(r *http.Request) (out []failedMail, err error) {
	ms, err := p.in.UndeliveredMails(r.Context(), p.in.Acts.Reader(), viewer(r), perPage)
	for _, m := range ms {
		n := p.in.Number(m.Incident)
		out = append(out, failedMail{
			n, incidentURL(n), p.orgName(m.Org), m.Address, web.Say(r, "incident.desk.mail.sent."+string(m.State)), web.Say(r, m.Why), m.MadeAt,
			web.Action{Label: web.Say(r, "incident.desk.mail.repeat"), URL: mailURL + "/sent/" + number(m.ID) + "/repeat", Post: true,
				Hidden: []web.Hidden{{Name: "reason", Value: web.Say(r, "incident.desk.mail.repeat.reason")}}},
		})
	}
	return out, err
}

// mailPage is the dot of one mail's page.
type mailPage struct {
	Warning string
	Words   string
	Files   []string
	Facts   web.Facts
	File    *web.Form
	Dismiss *web.Form
}

func (p *Pages) mail(w http.ResponseWriter, r *http.Request) error {
	return p.showMail(w, r, "", nil)
}

func (p *Pages) showMail(w http.ResponseWriter, r *http.Request, refused string, problem error) error {
	m, err := p.postOf(r)
	if err != nil {
		return err
	}
	page, status := web.Page{
		Title: first(m.Subject, web.Say(r, "incident.desk.mail.no_subject")), Room: "incident", Marking: unmarked, Topics: []string{"incident.post-changed"},
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.mail"), URL: mailURL}}, Badges: []web.Badge{signatureBadge(r, &m)},
	}, http.StatusOK
	data := mailPage{Words: m.Words, Facts: p.mailFacts(r, &m)}
	if doubtful(m.Signature) || m.Signature == outbound.SignedUnknown {
		data.Warning = web.Say(r, "warn.signature."+string(m.Signature)+".why")
	}
	for _, f := range m.Files {
		data.Files = append(data.Files, f.Name)
	}
	if m.State == incident.PostWaits {
		p.mailForms(r, &m, &data)
	}
	if problem != nil {
		status = statusOf(problem)
		f := map[string]*web.Form{"file": data.File, "dismiss": data.Dismiss}[refused]
		if f != nil {
			f.Fill(r.PostForm.Get)
			fail(r, &page, problem, f)
		} else {
			fail(r, &page, problem)
		}
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/mail", page)
}

func (p *Pages) postOf(r *http.Request) (incident.Post, error) {
	id, err := pathID(r, "mail")
	if err != nil {
		return incident.Post{}, err
	}
	return p.in.Post(r.Context(), p.in.Acts.Reader(), id)
}

func (p *Pages) mailForms(r *http.Request, m *incident.Post, data *mailPage) {
	now := ""
	if m.Incident != 0 {
		now = p.in.Number(m.Incident)
	}
	u := mailURL + "/" + number(m.ID)
	data.File = &web.Form{Action: u + "/file", Submit: web.Say(r, "incident.desk.mail.file"), Fields: []web.Field{{
		Name: "number", Type: "text", Label: web.Say(r, "incident.desk.mail.number"), Why: web.Say(r, "incident.desk.mail.file.why"), Value: now, Mono: true,
		Example: "ALM-4K7Q-2M9X", Autocomplete: "off", Required: true,
	}}}
	if can(r, dismissPost) {
		data.Dismiss = &web.Form{Action: u + "/dismiss", Submit: web.Say(r, "incident.desk.mail.dismiss"), Tone: "danger", Fields: []web.Field{{
			Name: "reason", Type: "text", Label: web.Say(r, "incident.desk.reason"), Required: true, Autocomplete: "off",
		}}}
	}
}

func (p *Pages) mailFacts(r *http.Request, m *incident.Post) web.Facts {
	items := []web.Fact{
		{Label: web.Say(r, "incident.desk.mail.from"), Cell: web.Code(m.From)},
		{Label: web.Say(r, "incident.desk.column.organisation"), Cell: web.Text(p.orgName(m.Org))},
		{Label: web.Say(r, "incident.desk.mail.received"), Cell: web.Exactly(m.ReceivedAt)},
		{Label: web.Say(r, "incident.desk.column.state"), Cell: web.Text(web.Say(r, "incident.desk.mail.state."+string(m.State)))},
		{Label: web.Say(r, "incident.desk.mail.signature"), Cell: web.Cell{Text: signatureBadge(r, m).Word, Sub: m.Signer}},
	}
	if m.Incident != 0 {
		n := p.in.Number(m.Incident)
		items = append(items, web.Fact{Label: web.Say(r, "incident.desk.column.number"), Cell: web.Cell{Text: n, URL: incidentURL(n), Mono: true}})
	}
	if m.Why != "" {
		items = append(items, web.Fact{Label: web.Say(r, "incident.desk.mail.why"), Cell: web.Text(web.Say(r, m.Why))})
	}
	if m.Entry != 0 {
		items = append(items, web.Fact{Label: web.Say(r, "incident.desk.column.entry"), Cell: web.Anchor(web.Say(r, "incident.desk.entry"), "/incident/entries/"+number(m.Entry))})
	}
	return web.Facts{Title: web.Say(r, "incident.desk.facts"), Items: items}
}

// decided is the frame of a form about a mail that waits.
func (p *Pages) decided(w http.ResponseWriter, r *http.Request, verb, said string, do func(incident.Post) error) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	m, err := p.postOf(r)
	if err != nil {
		return err
	}
	err = do(m)
	if correctable(err) {
		return p.showMail(w, r, verb, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, mailURL, web.Flash{Key: said})
	return nil
}

func (p *Pages) fileMail(w http.ResponseWriter, r *http.Request) error {
	return p.decided(w, r, "file", "incident.desk.mail.filed", func(m incident.Post) error {
		_, err := p.fileIn(r.Context(), viewer(r), m, r.PostForm.Get("number"))
		return err
	})
}

// fileIn files a mail in the incident of a number, an empty one in that which it is about.
func (p *Pages) fileIn(ctx context.Context, v incident.Viewer, m incident.Post, number string) (incident.Entry, error) {
	at := int64(0)
	if number != "" {
		i, err := p.in.Numbered(ctx, p.in.Acts.Reader(), v, number)
		if fault.CodeOf(err) == fault.NotFound {
			return incident.Entry{}, fault.OnField("number", "incident.none", nil)
		}
		if err != nil {
			return incident.Entry{}, err
		}
		at = i.ID
	}
	return p.in.FilePost(ctx, apiActor(ctx), m.ID, at)
}

func (p *Pages) dismissMail(w http.ResponseWriter, r *http.Request) error {
	return p.decided(w, r, "dismiss", "incident.desk.mail.dismissed", func(m incident.Post) error {
		return p.in.DismissPost(r.Context(), actor(r), m.ID, r.PostForm.Get("reason"))
	})
}

func (p *Pages) repeatMail(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	id, err := pathID(r, "mail")
	if err != nil {
		return err
	}
	if err := p.in.RepeatMail(r.Context(), actor(r), id, r.PostForm.Get("reason")); err != nil {
		return err
	}
	p.site.Redirect(w, r, mailURL, web.Flash{Key: "incident.desk.mail.repeated"})
	return nil
}

type mailsInput struct {
	State  string `query:"state" enum:"waiting,filed,noted,dismissed," doc:"only mails in this state"`
	Before int64  `query:"before" minimum:"0" doc:"only those before the mail of this id"`
}

// MailLine is a mail that came in.
type MailLine struct {
	ID        int64     `json:"id"`
	Incident  string    `json:"incident,omitempty" doc:"number of the incident that it is about"`
	From      string    `json:"from"`
	Subject   string    `json:"subject"`
	Words     string    `json:"words"`
	State     string    `json:"state"`
	Signature string    `json:"signature,omitempty"`
	Received  time.Time `json:"received"`
}

type mailsOutput struct {
	Body struct {
		Mails []MailLine `json:"mails"`
	}
}

func (p *Pages) apiMails(ctx context.Context, in *mailsInput) (*mailsOutput, error) {
	found, err := p.in.Posts(ctx, p.in.Acts.Reader(), incident.PostState(in.State), in.Before, 100)
	out := &mailsOutput{}
	out.Body.Mails = []MailLine{}
	for _, m := range found {
		l := MailLine{ID: m.ID, From: m.From, Subject: m.Subject, Words: m.Words, State: string(m.State), Signature: string(m.Signature), Received: m.ReceivedAt}
		if m.Incident != 0 {
			l.Incident = p.in.Number(m.Incident)
		}
		out.Body.Mails = append(out.Body.Mails, l)
	}
	return out, err
}

type fileMailInput struct {
	Mail int64 `path:"mail" minimum:"1"`
	Body struct {
		Number string `json:"number,omitempty" doc:"of the incident; empty: the one that the mail is about"`
	}
}

type fileMailOutput struct {
	Body struct {
		Entry int64 `json:"entry"`
	}
}

func (p *Pages) apiFileMail(ctx context.Context, in *fileMailInput) (*fileMailOutput, error) {
	m, err := p.in.Post(ctx, p.in.Acts.Reader(), in.Mail)
	if err != nil {
		return nil, err
	}
	e, err := p.fileIn(ctx, incident.ViewerOf(apiActor(ctx)), m, in.Body.Number)
	out := &fileMailOutput{}
	out.Body.Entry = e.ID
	return out, err
}
