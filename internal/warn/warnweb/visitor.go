package warnweb

import (
	"net/http"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/warn"
)

// visitorPage is the page behind a link: the same for every notice.
type visitorPage struct {
	Form *web.Form // nil once answered
}

// visit shows only a confirm button. It says nothing about the notice, not even
// that it exists beyond the link's working.
func (p *Pages) visit(w http.ResponseWriter, r *http.Request) error {
	if err := p.warn.LinkOpens(r.Context(), r.PathValue("secret")); err != nil {
		return p.noVisit(w, r, err)
	}
	return p.showVisitor(w, r, http.StatusOK, nil)
}

// noVisit answers a link that does not work with the plain page and one sentence:
// the same for a wrong, a foreign and an expired one. A visitor has no way to sign in.
func (p *Pages) noVisit(w http.ResponseWriter, r *http.Request, err error) error {
	if fault.CodeOf(err) != fault.Unauthenticated {
		return err
	}
	return p.site.Page(w, r, http.StatusNotFound, "warn/visit", web.Page{
		Title: web.Say(r, "warn.visit.refused"), Lead: web.Sentence(web.PrinterOf(r.Context()), fault.Of(err)), Plain: true, Data: visitorPage{},
	})
}

func (p *Pages) showVisitor(w http.ResponseWriter, r *http.Request, status int, problem error) error {
	f := visitorForm(r)
	page := web.Page{Title: web.Say(r, "warn.visit.title"), Lead: web.Say(r, "warn.visit.lead"), Plain: true}
	if problem != nil {
		f.Fill(r.PostForm.Get)
		page.Faults = web.FieldFaults(web.PrinterOf(r.Context()), problem)
		f.Fail(page.Faults)
	}
	page.Data = visitorPage{Form: f}
	return p.site.Page(w, r, status, "warn/visit", page)
}

func visitorForm(r *http.Request) *web.Form {
	f := &web.Form{
		Action: r.URL.Path, Submit: web.Say(r, "warn.visit.confirm"),
		Fields: []web.Field{
			{Name: "what", Type: "radio", Label: web.Say(r, "warn.visit.what")},
			{Name: "by", Type: "text", Label: web.Say(r, "warn.visit.name"), Why: web.Say(r, "warn.visit.name.why"), Autocomplete: "name", Required: true},
			{Name: "firm", Type: "text", Label: web.Say(r, "warn.visit.firm"), Autocomplete: "organization", Required: true},
			{Name: "reason", Type: "textarea", Rows: 3, Label: web.Say(r, "warn.visit.words")},
		},
	}
	for i, what := range []warn.What{warn.Acknowledge, warn.Done, warn.Dispute, warn.Ask} {
		f.Fields[0].Options = append(f.Fields[0].Options, web.Option{
			Value: string(what), Label: web.Say(r, "warn.visit."+string(what)), Selected: i == 0,
		})
	}
	return f
}

func (p *Pages) visitorAnswers(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	err := p.warn.AnswerByLink(r.Context(), r.PathValue("secret"), warn.Visitor{
		Name: r.PostForm.Get("by"), Firm: r.PostForm.Get("firm"),
	}, warn.Answer{What: warn.What(r.PostForm.Get("what")), Reason: r.PostForm.Get("reason")})
	if fault.CodeOf(err) == fault.Invalid {
		return p.showVisitor(w, r, http.StatusUnprocessableEntity, err)
	}
	if err != nil {
		return p.noVisit(w, r, err)
	}
	return p.site.Page(w, r, http.StatusOK, "warn/visit", web.Page{
		Title: web.Say(r, "warn.visit.thanks"), Lead: web.Say(r, "warn.visit.thanks.lead"), Plain: true, Data: visitorPage{},
	})
}
