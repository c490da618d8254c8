package incidentweb

import (
	"context"
	"net/http"
	"strings"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/internal/outbound"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// newReport is the form for a talking person: one field, Enter keeps it.
func (p *Pages) newReport(w http.ResponseWriter, r *http.Request) error {
	return p.showNewReport(w, r, nil)
}

func (p *Pages) showNewReport(w http.ResponseWriter, r *http.Request, problem error) error {
	f := web.Form{Action: reportsURL, Cancel: reportsURL, Submit: web.Say(r, "incident.desk.keep"), Fields: []web.Field{
		{Name: "text", Type: "text", Label: web.Say(r, "incident.desk.reports.new.text"), Why: web.Say(r, "incident.desk.reports.new.why"), Autofocus: true, Required: true, Autocomplete: "off"},
	}}
	if r.URL.Query().Get("exercise") != "" {
		f.Hidden = []web.Hidden{{Name: "exercise", Value: "yes"}}
	}
	return p.showForm(w, r, http.StatusOK, web.Page{
		Title: web.Say(r, "incident.desk.reports.new"), Room: "incident", Lead: web.Say(r, "incident.desk.reports.new.lead"),
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}, {Label: web.Say(r, "incident.desk.reports.title"), URL: reportsURL}},
	}, f, problem)
}

func (p *Pages) takeReport(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	one, err := p.in.TakeReport(r.Context(), actor(r), incident.NewReport{
		Source: incident.ByPhone, Text: r.PostForm.Get("text"), Language: p.in.Language, Exercise: r.PostForm.Get("exercise") != "",
	})
	if correctable(err) {
		return p.showNewReport(w, r, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, reportURL(p.in.ReportNo(one.ID)), web.Flash{Key: "incident.desk.reports.kept"})
	return nil
}

// onReport is the frame of what is done with a report: said where it went well, the page
// with the refused form where it can be mended.
func (p *Pages) onReport(w http.ResponseWriter, r *http.Request, form, said string, do func(*incident.Report) error) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	one, err := p.reportNumbered(r)
	if err != nil {
		return err
	}
	err = do(&one)
	if correctable(err) {
		return p.showReport(w, r, &one, form, err, nil)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, reportURL(p.in.ReportNo(one.ID)), web.Flash{Key: said})
	return nil
}

func (p *Pages) sayOnReport(w http.ResponseWriter, r *http.Request) error {
	return p.onReport(w, r, "say", "incident.desk.reports.kept", func(one *incident.Report) error {
		return p.in.WriteOnReport(r.Context(), actor(r), one.ID, incident.Said, r.PostForm.Get("text"), nil)
	})
}

func (p *Pages) writeOnReport(w http.ResponseWriter, r *http.Request) error {
	return p.onReport(w, r, "write", "incident.desk.written", func(one *incident.Report) error {
		files, err := readFiles(r)
		if err != nil {
			return err
		}
		return p.in.WriteOnReport(r.Context(), actor(r), one.ID, incident.MessageKind(r.PostForm.Get("as")), r.PostForm.Get("words"), files)
	})
}

func (p *Pages) takeUpReport(w http.ResponseWriter, r *http.Request) error {
	return p.onReport(w, r, "", "incident.desk.reports.taken", func(one *incident.Report) error {
		return p.in.TakeUp(r.Context(), actor(r), one.ID)
	})
}

// orderReport saves what the desk put in order. An organisation may be named by what
// the caller says; when several may be meant, the desk chooses.
func (p *Pages) orderReport(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	one, err := p.reportNumbered(r)
	if err != nil {
		return err
	}
	org, meant, err := p.meant(r, &one)
	if err == nil {
		err = p.order(r, &one, org)
	}
	if correctable(err) {
		return p.showReport(w, r, &one, "order", err, meant)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, reportURL(p.in.ReportNo(one.ID)), web.Flash{Key: "incident.desk.saved"})
	return nil
}

func (p *Pages) order(r *http.Request, one *incident.Report, org int64) error {
	f := r.PostForm
	said, err := timeOf(r, "said")
	if err != nil {
		return err
	}
	h := incident.NewReport{
		Title: f.Get("title"), Kind: incident.ReportKind(f.Get("kind")), Reporter: incident.Reporter(f.Get("reporter")), Owner: org, Name: f.Get("name"),
		Phone: f.Get("phone"), Affected: f.Get("affected"), Marking: readMarking(r), Severity: incident.Severity(f.Get("severity")), Class: f.Get("class"), SaidAt: said,
	}
	// Another organisation than before has not been called back yet.
	confirmed := f.Get("confirmed") != "" && org == one.Owner
	return p.in.ChangeReport(r.Context(), actor(r), one.ID, h, confirmed, f.Get("call_back"), positive(f.Get("version")))
}

// meant finds the organisation that a form names.
func (p *Pages) meant(r *http.Request, one *incident.Report) (int64, []incident.Candidate, error) {
	said := strings.TrimSpace(r.PostForm.Get("organisation"))
	if id := positive(r.PostForm.Get("org")); id != 0 {
		return id, nil, nil
	}
	if said == "" {
		return 0, nil, nil
	}
	if said == p.orgName(one.Owner) {
		return one.Owner, nil, nil
	}
	found, err := p.in.WhoIsMeant(r.Context(), p.in.Acts.Reader(), said)
	switch {
	case err != nil:
		return 0, nil, err
	case len(found) == 1:
		return found[0].Org, nil, nil
	case len(found) == 0:
		return 0, nil, fault.OnField("organisation", "incident.desk.reports.organisation.none", nil)
	}
	return 0, found, fault.OnField("organisation", "incident.desk.reports.organisation.several", nil)
}

// askOpenFromReport shows the form that opens an incident from a report.
func (p *Pages) askOpenFromReport(w http.ResponseWriter, r *http.Request) error {
	one, err := p.reportNumbered(r)
	if err != nil {
		return err
	}
	return p.showForm(w, r, http.StatusOK, p.aboutReport(r, &one, web.Say(r, "incident.desk.open")), p.openForm(r, &one), nil)
}

func (p *Pages) openFromReport(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	one, err := p.reportNumbered(r)
	if err != nil {
		return err
	}
	h := readHead(r)
	i, err := p.in.OpenFromReport(r.Context(), actor(r), one.ID, incident.Incident{
		Title: h.Title, Class: h.Class, Severity: h.Severity, Marking: h.Marking, Countries: h.Countries,
	}, r.PostForm.Get("part") != "")
	if correctable(err) {
		return p.showForm(w, r, http.StatusOK, p.aboutReport(r, &one, web.Say(r, "incident.desk.open")), p.openForm(r, &one), err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, incidentURL(p.in.Number(i.ID)), web.Flash{Key: "incident.desk.opened"})
	return nil
}

func (p *Pages) linkReport(w http.ResponseWriter, r *http.Request) error {
	return p.onReport(w, r, "link", "incident.desk.reports.linked", func(one *incident.Report) error {
		i, err := p.incidentNamed(r, "incident")
		if err == nil {
			_, err = p.in.LinkReport(r.Context(), actor(r), one.ID, i.ID)
		}
		return err
	})
}

func (p *Pages) unlinkReport(w http.ResponseWriter, r *http.Request) error {
	return p.onReport(w, r, "", "incident.desk.reports.unlinked", func(one *incident.Report) error {
		i, err := p.incidentNamed(r, "incident")
		if err == nil {
			err = p.in.UnlinkReport(r.Context(), actor(r), one.ID, i.ID, r.PostForm.Get("reason"))
		}
		return err
	})
}

// aboutReport is the page of a form about a report.
func (p *Pages) aboutReport(r *http.Request, one *incident.Report, title string) web.Page {
	n := p.in.ReportNo(one.ID)
	return web.Page{
		Title: title, Lead: one.Title, Room: "incident", Marking: one.Marking.String(), Exercise: one.Exercise,
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.reports.title"), URL: reportsURL}, {Label: n, URL: reportURL(n)}},
	}
}

func (p *Pages) confirmCloseReport(w http.ResponseWriter, r *http.Request) error {
	one, err := p.reportNumbered(r)
	if err != nil {
		return err
	}
	return p.showCloseReport(w, r, &one, nil)
}

func (p *Pages) showCloseReport(w http.ResponseWriter, r *http.Request, one *incident.Report, problem error) error {
	u := reportURL(p.in.ReportNo(one.ID))
	how := web.Field{Name: "resolution", Type: "select", Label: web.Say(r, "incident.desk.resolution")}
	for _, v := range incident.Resolutions() {
		how.Options = append(how.Options, web.Option{Value: string(v), Label: web.Say(r, "incident.desk.reports.resolution."+string(v))})
	}
	c := web.Confirm{
		Title: web.Say(r, "incident.desk.reports.close"), Text: web.Say(r, "incident.desk.reports.close.text"), Action: u + "/close", Verb: web.Say(r, "incident.desk.reports.close"), Cancel: u,
		Hidden: []web.Hidden{{Name: "version", Value: number(one.Version)}}, NoEffect: web.Say(r, "incident.desk.reports.close."+p.hears(one)),
		Fields: []web.Field{
			{Name: "state", Type: "radio", Required: true, Label: web.Say(r, "incident.desk.column.state"), Options: []web.Option{
				{Value: "resolved", Label: web.Say(r, "incident.desk.reports.state.resolved"), Selected: true},
				{Value: "rejected", Label: web.Say(r, "incident.desk.reports.state.rejected"), Hint: web.Say(r, "incident.desk.reports.rejected.hint")},
			}},
			how,
			{Name: "answer", Type: "textarea", Rows: 5, Label: web.Say(r, "incident.desk.reports.answer"), Why: web.Say(r, "incident.desk.reports.answer.why")},
			{Name: "reason", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.reports.reason"), Why: web.Say(r, "incident.desk.reports.reason.why")},
		},
	}
	return p.confirmPage(w, r, p.aboutReport(r, one, c.Title), c, problem)
}

// hears says how the reporter hears of an answer.
func (p *Pages) hears(one *incident.Report) string {
	switch {
	case one.Source == incident.ByPortal:
		return "portal"
	case one.Email != "":
		return "mail"
	case one.Source == incident.ByPublicPage:
		return "code"
	}
	return "nobody"
}

func (p *Pages) closeReport(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	one, err := p.reportNumbered(r)
	if err != nil {
		return err
	}
	f := r.PostForm
	err = p.in.CloseReport(r.Context(), actor(r), one.ID, incident.ReportState(f.Get("state")), incident.Resolution(f.Get("resolution")), f.Get("reason"), f.Get("answer"), positive(f.Get("version")))
	if correctable(err) {
		return p.showCloseReport(w, r, &one, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, reportsURL, web.Flash{Key: "incident.desk.reports.closed"})
	return nil
}

func (p *Pages) confirmReopenReport(w http.ResponseWriter, r *http.Request) error {
	one, err := p.reportNumbered(r)
	if err != nil {
		return err
	}
	return p.showReopenReport(w, r, &one, nil)
}

func (p *Pages) showReopenReport(w http.ResponseWriter, r *http.Request, one *incident.Report, problem error) error {
	u := reportURL(p.in.ReportNo(one.ID))
	return p.confirmPage(w, r, p.aboutReport(r, one, web.Say(r, "incident.desk.reopen")), web.Confirm{
		Title: web.Say(r, "incident.desk.reopen"), Text: one.Reason, Action: u + "/reopen", Verb: web.Say(r, "incident.desk.reopen"), NeedReason: true, Cancel: u,
		NoEffect: web.Say(r, "incident.desk.reports.reopen.text"),
	}, problem)
}

func (p *Pages) reopenReport(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	one, err := p.reportNumbered(r)
	if err != nil {
		return err
	}
	if err = p.in.ReopenReport(r.Context(), actor(r), one.ID, r.PostForm.Get("reason")); correctable(err) {
		return p.showReopenReport(w, r, &one, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, reportURL(p.in.ReportNo(one.ID)), web.Flash{Key: "incident.desk.reports.reopened"})
	return nil
}

// reportFile hands a file out to be kept, never to be shown.
func (p *Pages) reportFile(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "file")
	if err != nil {
		return err
	}
	f, body, err := p.in.ReportFile(r.Context(), p.in.Acts.Reader(), viewer(r), id)
	if err != nil {
		return err
	}
	return web.SaveFile(w, f.Name, body)
}

// RawMail reads the bytes of a mail that came in.
type RawMail interface {
	Raw(ctx context.Context, in outbound.Incoming) ([]byte, error)
}

// ReadsMail lets the room take the files of mails.
func (p *Pages) ReadsMail(from RawMail) *Pages {
	p.raw = from
	return p
}

// OfferMail is what the list of mail offers for one that belongs to nothing: to make a
// report of it. It serves warn's pages.
func (p *Pages) OfferMail(r *http.Request, m *warn.Mail) *web.Action {
	if m.State != warn.MailWaits || m.Notice != 0 || m.Class != warn.MailReply || !can(r, takeReport) {
		return nil
	}
	return &web.Action{Label: web.Say(r, "incident.desk.reports.of_mail"), URL: "/incident/mail-report/" + number(m.ID), Post: true, Icon: "flag"}
}

// reportOfMail makes a report of a mail, with its files.
func (p *Pages) reportOfMail(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "mail")
	if err != nil {
		return err
	}
	db := p.in.Acts.Reader()
	m, err := p.in.Warn.Mail(r.Context(), db, id)
	if err != nil {
		return err
	}
	files, err := p.filesOfMail(r.Context(), db, &m)
	if err != nil {
		return err
	}
	one, err := p.in.ReportOfMail(r.Context(), actor(r), &m, files)
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, reportURL(p.in.ReportNo(one.ID)), web.Flash{Key: "incident.desk.reports.kept"})
	return nil
}

// filesOfMail are the attachments, as far as a report takes files; the mail keeps all.
func (p *Pages) filesOfMail(ctx context.Context, db sqldb.Reader, m *warn.Mail) (out []incident.NewFile, err error) {
	if p.raw == nil || len(m.Files) == 0 {
		return nil, nil
	}
	in, err := outbound.IncomingByID(ctx, db, m.Incoming)
	if err != nil {
		return nil, err
	}
	raw, err := p.raw.Raw(ctx, in)
	if err != nil {
		return nil, err
	}
	for i, f := range m.Files {
		if len(out) == incident.MaxReportFiles {
			break
		}
		if f.Size == 0 || f.Size > incident.MaxReportFile {
			continue
		}
		file, body, err := p.in.Warn.Attachment(raw, i)
		if err != nil {
			return nil, err
		}
		if len(body) > 0 && len(body) <= incident.MaxReportFile {
			out = append(out, incident.NewFile{Name: file.Name, Body: body})
		}
	}
	return out, nil
}

// askPromote shows the form that opens an incident from findings.
func (p *Pages) askPromote(w http.ResponseWriter, r *http.Request) error {
	return p.showPromote(w, r, r.URL.Query()["id"], nil)
}

func (p *Pages) findingsNamed(r *http.Request, numbers []string) (out []watch.Finding, err error) {
	for _, n := range numbers[:min(len(numbers), 200)] {
		f, err := p.in.Watch.Finding(r.Context(), p.in.Acts.Reader(), n, actor(r).Org)
		if err != nil {
			return nil, fault.New(fault.NotFound, "incident.reports.findings_none", nil)
		}
		out = append(out, f)
	}
	if len(out) == 0 {
		err = fault.New(fault.NotFound, "incident.reports.findings_none", nil)
	}
	return out, err
}

func (p *Pages) showPromote(w http.ResponseWriter, r *http.Request, numbers []string, problem error) error {
	fs, err := p.findingsNamed(r, numbers)
	if err != nil {
		return err
	}
	head := incident.Head{Severity: incident.High, Marking: tlp.Amber}
	orgs := map[int64]bool{}
	var hidden []web.Hidden
	for i, f := range fs {
		orgs[f.Org] = true
		hidden = append(hidden, web.Hidden{Name: "id", Value: numbers[i]})
	}
	f := p.headForm(r, head)
	f.Action, f.Cancel, f.Hidden, f.Submit = "/incident/promote", "/watch/findings", hidden, web.Say(r, "incident.desk.open")
	f.Audience = &web.Audience{Marking: head.Marking.String(), Summary: web.Say(r, "incident.desk.reports.promote.who")}
	for org := range orgs {
		if org != 0 {
			f.Audience.Members = append(f.Audience.Members, web.Member{Name: p.orgName(org), URL: orgURL(org)})
		}
	}
	return p.showForm(w, r, http.StatusOK, web.Page{
		Title: web.Say(r, "incident.desk.reports.promote"), Room: "incident", Lead: web.Say(r, "incident.desk.reports.promote.lead", "Count", len(fs)),
		Exercise: fs[0].Flags&watch.Exercise != 0, Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}},
	}, f, problem)
}

func (p *Pages) promote(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	fs, err := p.findingsNamed(r, r.PostForm["id"])
	if err != nil {
		return err
	}
	var ids []int64
	for _, f := range fs {
		ids = append(ids, f.ID)
	}
	h := readHead(r)
	i, err := p.in.FromFindings(r.Context(), actor(r), incident.Incident{Title: h.Title, Class: h.Class, Severity: h.Severity, Marking: h.Marking, Countries: h.Countries}, ids)
	if correctable(err) {
		return p.showPromote(w, r, r.PostForm["id"], err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, incidentURL(p.in.Number(i.ID)), web.Flash{Key: "incident.desk.opened"})
	return nil
}
