package constituencyweb

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

func (w *Web) standingRoutes() []web.Route {
	org := "/constituency/organisations/{id}"
	return []web.Route{
		{Method: "GET", Pattern: org + "/acts-for", Permission: changeOperator, Handler: w.actsForForm, Sample: "GET /constituency/organisations/1/acts-for"},
		{Method: "POST", Pattern: org + "/acts-for", Permission: changeOperator, Handler: w.actsForSave, Sample: "POST /constituency/organisations/1/acts-for add=none"},
		{Method: "GET", Pattern: org + "/rename", Permission: renameOrganisation, Handler: w.renameForm, Sample: "GET /constituency/organisations/1/rename"},
		{Method: "POST", Pattern: org + "/rename", Permission: renameOrganisation, Handler: w.renameSave, Sample: "POST /constituency/organisations/1/rename name="},
		{Method: "GET", Pattern: org + "/end", Permission: endOrganisation, Handler: w.endForm, Sample: "GET /constituency/organisations/1/end"},
		{Method: "POST", Pattern: org + "/end", Permission: endOrganisation, Handler: w.endSave, Sample: "POST /constituency/organisations/1/end reason=test"},
		{Method: "GET", Pattern: org + "/claim", Permission: claimAsset, Handler: w.claimForm, Sample: "GET /constituency/organisations/1/claim"},
		{
			Method: "POST", Pattern: org + "/claim", Permission: claimAsset, Handler: w.claimSave,
			Sample: "POST /constituency/organisations/1/claim asset_kind=cidr&asset=192.0.2.0/24",
		},
	}
}

func (w *Web) orgNamed(r *http.Request) (guard.Organisation, error) {
	id, err := pathID(r, "guard.organisation.none")
	if err != nil {
		return guard.Organisation{}, err
	}
	return w.guard.Organisation(r.Context(), w.acts.Reader(), id)
}

// orgPage shows a form about an organisation.
func (w *Web) orgPage(rw http.ResponseWriter, r *http.Request, status int, key string, o guard.Organisation, f web.Form, problem error) error {
	p := w.page(web.Say(r, key))
	p.Lead, p.Topics = o.Name, nil
	p.Crumbs = []web.Link{crumb(r, "constituency.organisations", "/constituency/organisations"), {Label: o.Name, URL: orgURL(o.ID)}}
	if problem != nil {
		printer := web.PrinterOf(r.Context())
		p.Fault, p.Faults = web.Sentence(printer, fault.Of(problem)), web.FieldFaults(printer, problem)
		f.Fail(p.Faults)
	}
	p.Data = f
	return w.site.Page(rw, r, status, "constituency/form", p)
}

// actsForFormOf asks for whom a provider acts: what stands is ticked, one more is
// named.
func (w *Web) actsForFormOf(r *http.Request, o guard.Organisation) (f web.Form, now []int64, err error) {
	s := w.speak(r)
	now, err = w.room.ActsFor(r.Context(), w.acts.Reader(), o.ID)
	f = web.Form{Action: orgURL(o.ID) + "/acts-for", Cancel: orgURL(o.ID), Submit: s.T("constituency.save", nil)}
	for _, id := range now {
		f.Fields = append(f.Fields, web.Field{Name: keepName(id), Label: s.org(id), Type: "checkbox", Checked: true})
		f.Hidden = append(f.Hidden, web.Hidden{Name: "was", Value: strconv.FormatInt(id, 10)})
	}
	f.Fields = append(f.Fields, web.Field{
		Name: "add", Label: s.T("constituency.acts_for.add", nil), Type: "textarea", Why: s.T("constituency.acts_for.add.why", nil),
		Example: s.T("constituency.acts_for.add.example", nil), Autofocus: len(now) == 0,
	})
	return f, now, err
}

func keepName(id int64) string { return "keep-" + strconv.FormatInt(id, 10) }

func (w *Web) actsForForm(rw http.ResponseWriter, r *http.Request) error {
	o, err := w.orgNamed(r)
	if err != nil {
		return err
	}
	f, _, err := w.actsForFormOf(r, o)
	if err != nil {
		return err
	}
	return w.orgPage(rw, r, http.StatusOK, "constituency.acts_for.edit", o, f, nil)
}

func (w *Web) actsForSave(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	o, err := w.orgNamed(r)
	if err != nil {
		return err
	}
	f, now, err := w.actsForFormOf(r, o)
	if err != nil {
		return err
	}
	chosen, err := w.chosenOperators(r, now)
	if err == nil {
		err = w.room.SetActsFor(r.Context(), actorOf(r), o.ID, chosen)
	}
	if correctable(err) {
		f.Fill(r.PostFormValue)
		return w.orgPage(rw, r, web.Status(fault.CodeOf(err)), "constituency.acts_for.edit", o, f, err)
	}
	if err != nil {
		return err
	}
	w.site.Redirect(rw, r, orgURL(o.ID), web.Flash{Key: "constituency.organisation.saved", Args: map[string]any{"Name": o.Name}})
	return nil
}

// chosenOperators are those that stayed ticked and those named, one per line. What came
// in meanwhile and was not on the form stays.
func (w *Web) chosenOperators(r *http.Request, now []int64) (out []int64, err error) {
	for _, id := range now {
		shown := slices.Contains(r.PostForm["was"], strconv.FormatInt(id, 10))
		if !shown || r.PostFormValue(keepName(id)) != "" {
			out = append(out, id)
		}
	}
	for line := range strings.Lines(r.PostFormValue("add")) {
		name := strings.TrimSpace(line)
		if name == "" {
			continue
		}
		other, ok, err := w.guard.OrganisationNamed(r.Context(), w.acts.Reader(), name)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fault.OnField("add", "constituency.acts_for.unknown", fault.Args{"Name": fault.Clip(name)})
		}
		if !slices.Contains(out, other.ID) {
			out = append(out, other.ID)
		}
	}
	return out, nil
}

func (w *Web) renameFormOf(r *http.Request, o guard.Organisation) web.Form {
	s := w.speak(r)
	return web.Form{
		Action: orgURL(o.ID) + "/rename", Cancel: orgURL(o.ID), Submit: s.T("constituency.organisation.rename", nil),
		Fields: []web.Field{{
			Name: "name", Label: s.T("constituency.name", nil), Value: o.Name, Required: true, Autofocus: true,
			Why: s.T("constituency.organisation.rename.why", nil),
		}},
	}
}

func (w *Web) renameForm(rw http.ResponseWriter, r *http.Request) error {
	o, err := w.orgNamed(r)
	if err != nil {
		return err
	}
	return w.orgPage(rw, r, http.StatusOK, "constituency.organisation.rename", o, w.renameFormOf(r, o), nil)
}

func (w *Web) renameSave(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	o, err := w.orgNamed(r)
	if err != nil {
		return err
	}
	err = w.room.RenameOrganisation(r.Context(), actorOf(r), o.ID, r.PostFormValue("name"))
	if correctable(err) {
		f := w.renameFormOf(r, o)
		f.Fill(r.PostFormValue)
		return w.orgPage(rw, r, web.Status(fault.CodeOf(err)), "constituency.organisation.rename", o, f, err)
	}
	if err != nil {
		return err
	}
	w.site.Redirect(rw, r, orgURL(o.ID), web.Flash{Key: "constituency.organisation.saved", Args: map[string]any{"Name": r.PostFormValue("name")}})
	return nil
}

func (w *Web) endForm(rw http.ResponseWriter, r *http.Request) error {
	o, err := w.orgNamed(r)
	if err != nil {
		return err
	}
	return w.endPage(rw, r, http.StatusOK, o, nil)
}

func (w *Web) endPage(rw http.ResponseWriter, r *http.Request, status int, o guard.Organisation, problem error) error {
	s := w.speak(r)
	preview, err := w.room.PreviewEnd(r.Context(), w.acts.Reader(), o.ID)
	if err != nil {
		return err
	}
	c := web.Confirm{
		Title: s.T("constituency.organisation.end", nil), Text: s.T("constituency.organisation.end.why", nil), Tone: "danger",
		Action: orgURL(o.ID) + "/end", Verb: s.T("constituency.organisation.end", nil), Cancel: orgURL(o.ID), NeedReason: true,
		NoEffect: s.T("constituency.effect.none", nil), Reason: r.PostFormValue("reason"),
	}
	for _, e := range []struct {
		key string
		n   int
	}{{"assets", preview.Assets}, {"claims", preview.Claims}, {"contacts", preview.Contacts}, {"ties", preview.Ties}} {
		if e.n > 0 {
			c.Effects = append(c.Effects, web.Effect{Count: int64(e.n), What: s.T("constituency.organisation.end."+e.key, map[string]any{"Count": e.n})})
		}
	}
	c.Effects = append(c.Effects, s.effects(preview.Preview)...)
	p := w.page(o.Name)
	p.Topics = nil
	p.Crumbs = []web.Link{crumb(r, "constituency.organisations", "/constituency/organisations"), {Label: o.Name, URL: orgURL(o.ID)}}
	if problem != nil {
		p.Fault = web.Sentence(s.Printer, fault.Of(problem))
		for _, f := range web.FieldFaults(s.Printer, problem) {
			if f.Field == "reason" {
				c.ReasonFault = f.Text
			}
		}
	}
	p.Data = claimData{
		Confirm: &c, Examples: s.examples(preview.Preview),
		Facts: web.Facts{Title: s.T("constituency.facts", nil), Items: []web.Fact{
			{Label: s.T("constituency.name", nil), Cell: web.Text(o.Name)}, {Label: s.T("constituency.kind", nil), Cell: web.Text(s.kind(o.Kind))},
			{Label: s.T("constituency.since", nil), Cell: web.OnDay(o.AddedAt)},
		}},
	}
	return w.site.Page(rw, r, status, "constituency/claim", p)
}

func (w *Web) endSave(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	o, err := w.orgNamed(r)
	if err != nil {
		return err
	}
	err = w.room.EndOrganisation(r.Context(), actorOf(r), o.ID, strings.TrimSpace(r.PostFormValue("reason")))
	if correctable(err) {
		return w.endPage(rw, r, web.Status(fault.CodeOf(err)), o, err)
	}
	if err != nil {
		return err
	}
	w.site.Redirect(rw, r, orgURL(o.ID), web.Flash{Key: "constituency.organisation.ended_now", Args: map[string]any{"Name": o.Name}})
	return nil
}

// claimFormOf asks for an asset that the organisation says is its own.
func (w *Web) claimFormOf(r *http.Request, o guard.Organisation) web.Form {
	s := w.speak(r)
	f := w.newAssetForm(r)
	f.Action, f.Cancel, f.Submit = orgURL(o.ID)+"/claim", orgURL(o.ID), s.T("constituency.claim.add", nil)
	f.Fields = append(f.Fields[1:], web.Field{
		Name: "note", Label: s.T("constituency.claim.note", nil), Type: "textarea", Why: s.T("constituency.claim.note.why", nil),
	})
	return f
}

func (w *Web) claimForm(rw http.ResponseWriter, r *http.Request) error {
	o, err := w.orgNamed(r)
	if err != nil {
		return err
	}
	return w.orgPage(rw, r, http.StatusOK, "constituency.claim.add", o, w.claimFormOf(r, o), nil)
}

func (w *Web) claimSave(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	o, err := w.orgNamed(r)
	if err != nil {
		return err
	}
	v := r.PostFormValue
	a, err := w.room.ClaimAsset(r.Context(), actorOf(r), constituency.NewAsset{
		Org: o.ID, Kind: v("asset_kind"), Value: v("asset"), From: v("valid_from"), To: v("valid_to"), Note: v("note"),
	})
	if correctable(err) {
		f := w.claimFormOf(r, o)
		f.Fill(v)
		return w.orgPage(rw, r, web.Status(fault.CodeOf(err)), "constituency.claim.add", o, f, err)
	}
	if err != nil {
		return err
	}
	w.site.Redirect(rw, r, claimURL(a.ID), web.Flash{Key: "constituency.claim.noted", Args: map[string]any{"Value": a.Value}})
	return nil
}
