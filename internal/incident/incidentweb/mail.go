package incidentweb

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// Permissions of the mail of incidents; the verbs have the same names.
const (
	filePost    = "incident.file_mail"
	dismissPost = "incident.dismiss_mail"
	openPost    = "incident.open_mail"
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
		{Method: "GET", Pattern: mailURL + "/{mail}/raw", Permission: filePost, Handler: p.rawMail, Sample: "GET " + mailURL + "/1/raw"},
		{Method: "GET", Pattern: mailURL + "/{mail}/files/{file}", Permission: filePost, Handler: p.mailFile, Sample: "GET " + mailURL + "/1/files/1"},
		{Method: "GET", Pattern: mailURL + "/{mail}/files/{file}/view", Permission: filePost, Handler: p.viewMailFile, Sample: "GET " + mailURL + "/1/files/1/view"},
		{Method: "GET", Pattern: mailURL + "/{mail}/files/{file}/image", Permission: filePost, Handler: p.imageOfMailFile, Sample: "GET " + mailURL + "/1/files/1/image"},
		post("/{mail}/open", openPost, "/1/open reason=a", p.openMail),
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
	found, err := p.in.Posts(r.Context(), p.in.Acts.Reader(), viewer(r), ask, positive(r.URL.Query().Get("after")), perPage+1)
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
	marking := unmarked
	for i := range found {
		l.Rows = append(l.Rows, p.mailRow(r, &found[i]))
		if found[i].Shut {
			continue
		}
		if m, err := p.mailMarking(r, &found[i]); err != nil {
			return err
		} else if m != unmarked { // stricter
			marking = m
		}
	}
	failed, err := p.failedMails(r)
	if err != nil {
		return err
	}
	return p.site.Page(w, r, http.StatusOK, "incident/mails", web.Page{
		Title: web.Say(r, "incident.desk.mail"), Room: "incident", Lead: web.Say(r, "incident.desk.mail.lead"), Marking: marking,
		Topics: []string{"incident.post-changed"}, Data: mailsPage{l, failed},
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}},
	})
}

// unmarked is how what came in from outside counts until somebody has marked it.
const unmarked = "TLP:AMBER+STRICT"

// mailTitle is a mail's subject, or that it is for others.
func mailTitle(r *http.Request, m *incident.Post) string {
	if m.Shut {
		return web.Say(r, "incident.desk.mail.shut")
	}
	return first(m.Subject, web.Say(r, "incident.desk.mail.no_subject"))
}

func (p *Pages) mailRow(r *http.Request, m *incident.Post) web.Row {
	subject := mailTitle(r, m)
	u := mailURL + "/" + number(m.ID)
	row := web.Row{URL: u, Name: subject, Cells: []web.Cell{
		{Text: m.From, Sub: p.orgName(m.Org)}, {Text: subject, URL: u, Sub: clip(m.Words, 120)}, {}, web.Marked(signatureBadge(r, m)), web.Ago(m.ReceivedAt),
	}}
	if m.Shut {
		row.Cells[3] = web.Marked(web.Badge{Tone: "muted", Icon: "lock", Word: web.Say(r, "incident.desk.mail.shut.short")})
	}
	if m.Incident != 0 {
		n := p.in.Number(m.Incident)
		row.Cells[2] = web.Cell{Text: n, URL: incidentURL(n), Mono: true}
	}
	if web.Doubtful(string(m.Signature)) {
		row.Tone = "critical"
	}
	return row
}

func signatureBadge(r *http.Request, m *incident.Post) web.Badge {
	return web.SignatureBadge(r, string(m.Signature), m.Sealed)
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
	Letter  *web.Letter // nil: the reader may not read it
	Shut    *shutMail
	Facts   web.Facts
	File    *web.Form
	Dismiss *web.Form
}

// shutMail says to whom a mail is left that the reader may not read.
type shutMail struct {
	Who  []string
	Note string    // what to do
	Open *web.Form // of the duty lead, when none of them is on duty
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
		Title: mailTitle(r, &m), Room: "incident", Marking: unmarked, Topics: []string{"incident.post-changed"},
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.mail"), URL: mailURL}},
	}, http.StatusOK
	data := mailPage{Facts: p.mailFacts(r, &m)}
	if m.Shut {
		data.Shut, err = p.shutMail(r, &m)
	} else {
		data.Letter = p.letter(r, &m)
		page.Badges = []web.Badge{signatureBadge(r, &m)}
		if page.Marking, err = p.mailMarking(r, &m); m.State == incident.PostWaits {
			p.mailForms(r, &m, &data)
		}
	}
	if err != nil {
		return err
	}
	if problem != nil {
		status = statusOf(problem)
		f := map[string]*web.Form{"file": data.File, "dismiss": data.Dismiss}[refused]
		if data.Shut != nil && refused == "open" {
			f = data.Shut.Open
		}
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
	return p.in.Post(r.Context(), p.in.Acts.Reader(), viewer(r), id)
}

// letter is what a mail says, and its files.
func (p *Pages) letter(r *http.Request, m *incident.Post) *web.Letter {
	u := mailURL + "/" + number(m.ID)
	l := &web.Letter{Warning: web.SignatureWarning(r, string(m.Signature)), Words: m.Words}
	if p.raw != nil {
		l.Raw = u + "/raw"
	}
	for i, f := range m.Files {
		file := web.LetterFile{Label: f.Name, Note: f.Type + " · " + web.PrinterOf(r.Context()).Bytes(f.Size)}
		if p.raw != nil {
			file.Save = u + "/files/" + number(int64(i+1))
			file.URL = file.Save + "/view"
		}
		l.Files = append(l.Files, file)
	}
	return l
}

// shutMail says who can handle a mail that the reader may not read, and what to do.
func (p *Pages) shutMail(r *http.Request, m *incident.Post) (*shutMail, error) {
	who, onDuty, err := p.in.Handlers(r.Context(), p.in.Acts.Reader(), m.ID)
	if err != nil {
		return nil, err
	}
	s := &shutMail{Note: web.Say(r, "incident.desk.mail.shut.call")}
	for _, one := range who {
		s.Who = append(s.Who, one.Name)
	}
	switch {
	case m.State != incident.PostWaits:
		s.Note = web.Say(r, "incident.desk.mail.shut.done")
	case onDuty:
	case can(r, openPost):
		s.Note = web.Say(r, "incident.desk.mail.shut.nobody")
		s.Open = &web.Form{Action: mailURL + "/" + number(m.ID) + "/open", Submit: web.Say(r, "incident.desk.mail.open"), Tone: "danger", Fields: []web.Field{{
			Name: "reason", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.reason"), Why: web.Say(r, "incident.desk.mail.open.reason"), Required: true,
		}}}
	default:
		s.Note = web.Say(r, "incident.desk.mail.shut.lead")
	}
	return s, nil
}

// mailMarking is the marking of a mail's page: the strictest of what the mail answers,
// and what nobody has marked counts as unmarked.
func (p *Pages) mailMarking(r *http.Request, m *incident.Post) (string, error) {
	strictest, err := p.in.PostMarking(r.Context(), p.in.Acts.Reader(), m.ID)
	return tlp.Strictest(tlp.AmberStrict, strictest).String(), err
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
	}
	if !m.Shut {
		items = append(items, web.Fact{Label: web.Say(r, "incident.desk.mail.signature"), Cell: web.Cell{Text: signatureBadge(r, m).Word, Sub: m.Signer}})
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

// openMail lets the duty lead read a mail that waits for others.
func (p *Pages) openMail(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	id, err := pathID(r, "mail")
	if err != nil {
		return err
	}
	if err := p.in.OpenPost(r.Context(), actor(r), id, r.PostForm.Get("reason")); correctable(err) {
		return p.showMail(w, r, "open", err)
	} else if err != nil {
		return err
	}
	p.site.Redirect(w, r, mailURL+"/"+number(id), web.Flash{Key: "incident.desk.mail.opened"})
	return nil
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
	Shut      bool      `json:"shut,omitempty" doc:"it answers what only named persons see: neither subject nor words are shown"`
	Received  time.Time `json:"received"`
}

type mailsOutput struct {
	Body struct {
		Mails []MailLine `json:"mails"`
	}
}

func (p *Pages) apiMails(ctx context.Context, in *mailsInput) (*mailsOutput, error) {
	found, err := p.in.Posts(ctx, p.in.Acts.Reader(), incident.ViewerOf(apiActor(ctx)), incident.PostState(in.State), in.Before, 100)
	out := &mailsOutput{}
	out.Body.Mails = []MailLine{}
	for _, m := range found {
		l := MailLine{ID: m.ID, From: m.From, Subject: m.Subject, Words: m.Words, State: string(m.State), Signature: string(m.Signature), Shut: m.Shut, Received: m.ReceivedAt}
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
	m, err := p.in.Post(ctx, p.in.Acts.Reader(), incident.ViewerOf(apiActor(ctx)), in.Mail)
	if err != nil {
		return nil, err
	}
	e, err := p.fileIn(ctx, incident.ViewerOf(apiActor(ctx)), m, in.Body.Number)
	out := &fileMailOutput{}
	out.Body.Entry = e.ID
	return out, err
}
