package incidentweb

import (
	"net/http"
	"strings"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// Permissions of packages; the verbs have the same names.
const (
	handToBench    = "incident.hand_to_bench"
	askConsent     = "incident.ask_consent"
	recordConsent  = "incident.record_consent"
	recordMandate  = "incident.record_mandate"
	setSealKey     = "incident.set_seal_key"
	offerTransfer  = "incident.offer_transfer"
	updateTransfer = "incident.update_transfer"
	answerTransfer = "incident.answer_transfer"
)

// benchKinds and peerKinds are the kinds of organisations that get packages.
func benchKinds() []string { return []string{"police", "prosecution", "court", "central-authority"} }
func peerKinds() []string  { return []string{"peer", "csirt"} }

// packageRoutes are the pages of what is handed to the justice side and to peers.
func (p *Pages) packageRoutes() []web.Route {
	const one = "/incident/incidents/ALM-0000-0000"
	route := func(method, pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: method, Pattern: "/incident/incidents/{number}/" + pattern, Permission: permission, Handler: h, Sample: method + " " + one + "/" + sample}
	}
	return []web.Route{
		route("GET", "packages", offerTransfer, "packages", p.packages),
		route("POST", "mandates", recordMandate, "mandates kind=order&reference=1&issuer=a&scope=b&issued_at=2026-01-01T00:00", p.addMandate),
		route("POST", "consents", recordConsent, "consents entry=1&organisation=1&said_by=a&strength=mail&given=yes", p.addConsent),
		route("POST", "seal-key", setSealKey, "seal-key recipient=2&key=", p.sealKey),
		route("GET", "bench", handToBench, "bench", p.bench),
		route("POST", "bench", handToBench, "bench entry=1&organisation=2", p.makeBench),
		route("GET", "transfer", offerTransfer, "transfer", p.transferForm),
		route("POST", "transfer", offerTransfer, "transfer entry=1&organisation=2", p.offerTransfer),
		route("GET", "transfers/{transfer}", offerTransfer, "transfers/1", p.transfer),
		route("POST", "transfers/{transfer}", updateTransfer, "transfers/1 entry=1", p.updateTransfer),
		route("POST", "transfers/{transfer}/answer", answerTransfer, "transfers/1/answer state=accepted&said_by=a", p.answerTransfer),
		route("GET", "packages/{package}/file", offerTransfer, "packages/1/file", p.packageFile),
		route("GET", "packages/{package}/signature", offerTransfer, "packages/1/signature", p.packageFile),
	}
}

// packagesPage is the dot of the page of what is handed over.
type packagesPage struct {
	Lists []web.List
	Forms []titledForm
	Key   string // with which signatures are verified
}

type titledForm struct {
	Title string
	Form  web.Form
	Open  bool // it says what was wrong
}

func (p *Pages) packages(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showPackages(w, r, &i, nil)
}

func (p *Pages) showPackages(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	u := incidentURL(p.in.Number(i.ID))
	page, status := p.about(r, i, web.Say(r, "incident.desk.packages")), http.StatusOK
	page.Marking = tlp.AmberStrict.String()
	if can(r, handToBench) {
		page.Actions = append(page.Actions, web.Action{Label: web.Say(r, "incident.desk.bench"), URL: u + "/bench", Icon: "external"})
	}
	page.Actions = append(page.Actions, web.Action{Label: web.Say(r, "incident.desk.transfer"), URL: u + "/transfer", Icon: "external"})
	data := packagesPage{}
	if p.in.Verifier != nil {
		data.Key = p.in.Verifier()
	}
	for _, list := range []func(*http.Request, *incident.Incident) (web.List, error){p.transferList, p.packageList, p.consentList, p.mandateList} {
		l, err := list(r, i)
		if err != nil {
			return err
		}
		data.Lists = append(data.Lists, l)
	}
	forms, err := p.packageForms(r, i)
	if err != nil {
		return err
	}
	if problem != nil {
		status = statusOf(problem)
		for k := range forms {
			if forms[k].Open = forms[k].Form.Action == r.URL.Path; forms[k].Open {
				forms[k].Form.Fill(r.PostForm.Get)
				fail(r, &page, problem, &forms[k].Form)
			}
		}
	}
	data.Forms = forms
	page.Data = data
	return p.site.Page(w, r, status, "incident/packages", page)
}

func (p *Pages) packageForms(r *http.Request, i *incident.Incident) (out []titledForm, err error) {
	u := incidentURL(p.in.Number(i.ID))
	orgs, err := p.orgsOfKinds(r, r.Form.Get("organisation"), benchKinds()...)
	if err != nil {
		return nil, err
	}
	all, err := p.orgsOfKinds(r, r.Form.Get("recipient"), append(benchKinds(), peerKinds()...)...)
	if err != nil {
		return nil, err
	}
	add := func(permission, key, to string, fields ...web.Field) {
		if can(r, permission) {
			title := web.Say(r, key)
			out = append(out, titledForm{Title: title, Form: web.Form{Action: u + to, Submit: title, Fields: fields}})
		}
	}
	say := func(key string) string { return web.Say(r, "incident.desk."+key) }
	add(recordMandate, "incident.desk.mandate.add", "/mandates",
		web.Field{Name: "kind", Type: "select", Label: say("mandate.kind"), Options: []web.Option{{Value: "order", Label: say("mandate.order")}, {Value: "statute", Label: say("mandate.statute")}}},
		web.Field{Name: "reference", Type: "text", Label: say("mandate.reference"), Autocomplete: "off"}, web.Field{Name: "issuer", Type: "text", Label: say("mandate.issuer"), Autocomplete: "off"},
		web.Field{Name: "scope", Type: "textarea", Rows: 2, Label: say("mandate.scope")}, web.Field{Name: "issued_at", Type: "datetime-local", Label: say("mandate.issued")},
		web.Field{Name: "expires_at", Type: "datetime-local", Label: say("mandate.expires")})
	add(recordConsent, "incident.desk.consent.add", "/consents",
		web.Field{Name: "entry", Type: "number", Label: say("consent.entry"), Why: say("consent.entry.why")}, web.Field{Name: "organisation", Type: "select", Label: say("consent.to"), Options: orgs},
		web.Field{Name: "said_by", Type: "text", Label: say("consent.by"), Autocomplete: "off"},
		web.Field{Name: "strength", Type: "select", Label: say("consent.how"), Options: []web.Option{{Value: "phone", Label: say("consent.phone")}, {Value: "mail", Label: say("consent.mail")}}},
		web.Field{Name: "phone", Type: "text", Label: say("crossing.phone"), Autocomplete: "off"}, web.Field{Name: "said_at", Type: "datetime-local", Label: say("at")},
		web.Field{Name: "given", Type: "select", Label: say("consent.said"), Options: []web.Option{{Value: "yes", Label: say("consent.given")}, {Value: "no", Label: say("consent.no")}}})
	add(setSealKey, "incident.desk.sealkey", "/seal-key", web.Field{Name: "recipient", Type: "select", Label: say("column.organisation"), Options: all},
		web.Field{Name: "key", Type: "text", Mono: true, Label: say("sealkey.key"), Why: say("sealkey.why"), Example: "age1…", Autocomplete: "off"})
	return out, nil
}

func (p *Pages) transferList(r *http.Request, i *incident.Incident) (web.List, error) {
	l := web.List{
		ID: "transfers", Caption: web.Say(r, "incident.desk.transfers"), Total: web.Total{Hide: true}, Columns: web.Columns(r, "incident.desk.column.organisation", "incident.desk.column.state",
			"incident.desk.transfer.theirs", "incident.desk.sitrep.number", "incident.desk.column.opened"),
		Empty: web.Empty{Title: web.Say(r, "incident.desk.transfers.none"), Why: web.Say(r, "incident.desk.transfers.why")},
	}
	all, err := p.in.Transfers(r.Context(), p.in.Acts.Reader(), i.ID)
	for _, t := range all {
		u := incidentURL(p.in.Number(i.ID)) + "/transfers/" + number(t.ID)
		l.Rows = append(l.Rows, web.Row{URL: u, Name: p.orgName(t.Org), Cells: []web.Cell{
			web.Anchor(p.orgName(t.Org), u), {Text: web.Say(r, "incident.desk.transfer."+string(t.State)), Sub: t.SaidBy}, web.Code(t.TheirNumber), web.Text(number(t.Version)),
			{At: t.OfferedAt, Sub: p.who(r, t.OfferedBy)},
		}})
	}
	return l, err
}

func (p *Pages) packageList(r *http.Request, i *incident.Incident) (web.List, error) {
	l := web.List{
		ID: "packages", Caption: web.Say(r, "incident.desk.package.files"), Total: web.Total{Hide: true},
		Columns: web.Columns(r, "incident.desk.package.file", "incident.desk.column.organisation", "incident.desk.fact.marking", "incident.desk.package.sealed", "incident.desk.column.opened", "incident.desk.package.signature"),
		Empty:   web.Empty{Title: web.Say(r, "incident.desk.package.none"), Why: web.Say(r, "incident.desk.package.why")},
	}
	all, err := p.in.Packages(r.Context(), p.in.Acts.Reader(), i.ID)
	for _, one := range all {
		u := incidentURL(p.in.Number(i.ID)) + "/packages/" + number(one.ID)
		kept := web.Say(r, "incident.desk.package.open")
		if one.SealedTo != "" {
			kept = web.Say(r, "incident.desk.package.locked")
		}
		l.Rows = append(l.Rows, web.Row{Name: p.in.PackageName(one), Cells: []web.Cell{
			{Text: p.in.PackageName(one), URL: u + "/file", Sub: "SHA-256 " + one.Digest, Mono: true}, web.Text(p.orgName(one.Org)), web.Text(one.Marking.String()),
			web.Text(kept), {At: one.MadeAt, Sub: p.who(r, one.MadeBy)}, web.Anchor(web.Say(r, "incident.desk.package.signature"), u+"/signature"),
		}})
	}
	return l, err
}

func (p *Pages) consentList(r *http.Request, i *incident.Incident) (web.List, error) {
	l := web.List{
		ID: "consents", Caption: web.Say(r, "incident.desk.consents"), Total: web.Total{Hide: true},
		Columns: web.Columns(r, "incident.desk.owner", "incident.desk.text", "incident.desk.consent.to", "incident.desk.column.state", "incident.desk.consent.by"),
		Empty:   web.Empty{Title: web.Say(r, "incident.desk.consents.none"), Why: web.Say(r, "incident.desk.consents.why")},
	}
	all, err := p.in.Consents(r.Context(), p.in.Acts.Reader(), i.ID)
	for _, c := range all {
		e, err := p.in.Entry(r.Context(), p.in.Acts.Reader(), viewer(r), c.Entry)
		if err != nil {
			continue // not for this reader
		}
		by := web.Cell{Text: c.SaidBy, Sub: c.Phone}
		if c.Strength != "" {
			by.Sub = strings.TrimPrefix(by.Sub+" · "+web.Say(r, "incident.desk.consent."+c.Strength), " · ")
		}
		l.Rows = append(l.Rows, web.Row{Name: number(c.ID), Cells: []web.Cell{
			web.Text(p.orgName(c.Org)), {Text: clip(e.Text, 120), URL: "/incident/entries/" + number(c.Entry), Sub: number(c.Entry)}, web.Text(p.orgName(c.To)),
			web.Text(web.Say(r, "incident.desk.consent."+c.State)), by,
		}})
	}
	return l, err
}

func (p *Pages) mandateList(r *http.Request, i *incident.Incident) (web.List, error) {
	l := web.List{
		ID: "mandates", Caption: web.Say(r, "incident.desk.mandates"), Total: web.Total{Hide: true},
		Columns: web.Columns(r, "incident.desk.mandate.reference", "incident.desk.mandate.issuer", "incident.desk.mandate.scope", "incident.desk.mandate.issued", "incident.desk.mandate.expires"),
		Empty:   web.Empty{Title: web.Say(r, "incident.desk.mandates.none"), Why: web.Say(r, "incident.desk.mandates.why")},
	}
	all, err := p.in.Mandates(r.Context(), p.in.Acts.Reader(), i.ID)
	for _, m := range all {
		ends := web.Text("—")
		if !m.ExpiresAt.IsZero() {
			ends = web.Exactly(m.ExpiresAt)
		}
		l.Rows = append(l.Rows, web.Row{Name: m.Reference, Cells: []web.Cell{{Text: m.Reference, Sub: web.Say(r, "incident.desk.mandate."+m.Kind)}, web.Text(m.Issuer), web.Text(m.Scope), web.Exactly(m.IssuedAt), ends}})
	}
	return l, err
}

func (p *Pages) addMandate(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.mandate.kept", "/packages", func(i *incident.Incident) (err error) {
		f := r.PostForm
		m := incident.Mandate{Incident: i.ID, Kind: f.Get("kind"), Reference: f.Get("reference"), Issuer: f.Get("issuer"), Scope: f.Get("scope")}
		if m.IssuedAt, err = timeOf(r, "issued_at"); err != nil {
			return err
		}
		if m.ExpiresAt, err = timeOf(r, "expires_at"); err != nil {
			return err
		}
		_, err = p.in.RecordMandate(r.Context(), actor(r), m)
		return err
	}, func(i *incident.Incident, problem error) error { return p.showPackages(w, r, i, problem) })
}

func (p *Pages) addConsent(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.consent.kept", "/packages", func(i *incident.Incident) error {
		f := r.PostForm
		at, err := timeOf(r, "said_at")
		if err != nil {
			return err
		}
		return p.in.RecordConsent(r.Context(), actor(r), incident.Consent{
			Incident: i.ID, Entry: positive(f.Get("entry")), To: positive(f.Get("organisation")), Strength: f.Get("strength"), SaidBy: f.Get("said_by"), Phone: f.Get("phone"), SaidAt: at,
		}, f.Get("given") == "yes")
	}, func(i *incident.Incident, problem error) error { return p.showPackages(w, r, i, problem) })
}

func (p *Pages) sealKey(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.sealkey.kept", "/packages", func(*incident.Incident) error {
		return p.in.SetSealKey(r.Context(), actor(r), positive(r.PostForm.Get("recipient")), r.PostForm.Get("key"))
	}, func(i *incident.Incident, problem error) error { return p.showPackages(w, r, i, problem) })
}

func (p *Pages) bench(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showBench(w, r, &i, nil)
}

func (p *Pages) showBench(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	u := incidentURL(p.in.Number(i.ID))
	orgs, err := p.orgsOfKinds(r, r.Form.Get("organisation"), benchKinds()...)
	if err != nil {
		return err
	}
	mandate := web.Field{Name: "mandate", Type: "select", Label: web.Say(r, "incident.desk.bench.mandate"), Why: web.Say(r, "incident.desk.bench.mandate.why"), Options: []web.Option{{Value: "0", Label: web.Say(r, "incident.desk.bench.consent")}}}
	all, err := p.in.Mandates(r.Context(), p.in.Acts.Reader(), i.ID)
	if err != nil {
		return err
	}
	for _, m := range all {
		mandate.Options = append(mandate.Options, web.Option{Value: number(m.ID), Label: m.Reference + " · " + m.Issuer})
	}
	data := choosePage{
		Action: u + "/bench", Cancel: u + "/packages", Legend: web.Say(r, "incident.desk.package.entries"), Submit: web.Say(r, "incident.desk.bench.do"), Note: web.Say(r, "incident.desk.bench.note"),
		Also:   &web.Action{Label: web.Say(r, "incident.desk.consent.ask"), URL: "ask"},
		Fields: []web.Field{{Name: "organisation", Type: "select", Label: web.Say(r, "incident.desk.consent.to"), Options: orgs, Required: true}, mandate},
	}
	if data.Entries, err = p.choices(r, i.ID); err != nil {
		return err
	}
	return p.showChoose(w, r, p.about(r, i, web.Say(r, "incident.desk.bench")), data, problem)
}

func (p *Pages) makeBench(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.bench.done", "/packages", func(i *incident.Incident) error {
		f := r.PostForm
		if f.Get("do") == "ask" {
			return p.in.AskConsent(r.Context(), actor(r), i.ID, entriesOf(r), positive(f.Get("organisation")))
		}
		_, err := p.in.MakeBenchPackage(r.Context(), actor(r), incident.NewPackage{
			Incident: i.ID, Org: positive(f.Get("organisation")), Entries: entriesOf(r), Mandate: positive(f.Get("mandate")),
		})
		return err
	}, func(i *incident.Incident, problem error) error { return p.showBench(w, r, i, problem) })
}

func (p *Pages) transferForm(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showTransferForm(w, r, &i, nil)
}

func (p *Pages) showTransferForm(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	u := incidentURL(p.in.Number(i.ID))
	orgs, err := p.orgsOfKinds(r, r.Form.Get("organisation"), peerKinds()...)
	if err != nil {
		return err
	}
	data := choosePage{
		Action: u + "/transfer", Cancel: u + "/packages", Legend: web.Say(r, "incident.desk.package.entries"), Submit: web.Say(r, "incident.desk.transfer.offer"), Note: web.Say(r, "incident.desk.transfer.note"),
		Fields: []web.Field{{Name: "organisation", Type: "select", Label: web.Say(r, "incident.desk.transfer.peer"), Options: orgs, Required: true},
			{Name: "restrictions", Type: "text", Label: web.Say(r, "incident.desk.transfer.restrictions"), Autocomplete: "off"}},
	}
	if data.Entries, err = p.candidates(r, incident.NewPackage{Incident: i.ID, Purpose: incident.ForTransfer}); err != nil {
		return err
	}
	return p.showChoose(w, r, p.about(r, i, web.Say(r, "incident.desk.transfer")), data, problem)
}

// candidates are the entries that may go, or have not gone as they stand.
func (p *Pages) candidates(r *http.Request, n incident.NewPackage) (out []choice, err error) {
	all, err := p.in.PackageCandidates(r.Context(), p.in.Acts.Reader(), viewer(r), n)
	for _, c := range all {
		if c.Sent || n.Transfer != 0 && c.Basis == "" {
			continue
		}
		out = append(out, p.choice(r, c.Entry))
	}
	return out, err
}

func (p *Pages) offerTransfer(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.transfer.done", "/packages", func(i *incident.Incident) error {
		_, _, err := p.in.OfferTransfer(r.Context(), actor(r), incident.NewPackage{
			Incident: i.ID, Org: positive(r.PostForm.Get("organisation")), Entries: entriesOf(r), Restrictions: r.PostForm.Get("restrictions"),
		})
		return err
	}, func(i *incident.Incident, problem error) error { return p.showTransferForm(w, r, i, problem) })
}

// oneTransfer is the transfer that the address names, of the incident that it names.
func (p *Pages) oneTransfer(r *http.Request, i *incident.Incident) (incident.Transfer, error) {
	id, err := pathID(r, "transfer")
	if err != nil {
		return incident.Transfer{}, err
	}
	t, err := p.in.Transfer(r.Context(), p.in.Acts.Reader(), id)
	if err == nil && t.Incident != i.ID {
		err = errNoSuch
	}
	return t, err
}

func (p *Pages) transfer(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showTransfer(w, r, &i, nil)
}

// transferPage is the dot of a transfer's page.
type transferPage struct {
	Facts  web.Facts
	Update *choosePage
	Answer *web.Form
}

func (p *Pages) showTransfer(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	t, err := p.oneTransfer(r, i)
	if err != nil {
		return err
	}
	u := incidentURL(p.in.Number(i.ID)) + "/transfers/" + number(t.ID)
	page, status := p.about(r, i, web.Say(r, "incident.desk.transfer.to", "Name", p.orgName(t.Org))), http.StatusOK
	data := transferPage{Facts: web.Facts{Title: web.Say(r, "incident.desk.facts"), Items: []web.Fact{
		{Label: web.Say(r, "incident.desk.column.state"), Cell: web.Cell{Text: web.Say(r, "incident.desk.transfer."+string(t.State)), Sub: strings.Trim(t.SaidBy+" · "+t.Note, " ·")}},
		{Label: web.Say(r, "incident.desk.transfer.ours"), Cell: web.Code(p.in.Number(i.ID))}, {Label: web.Say(r, "incident.desk.transfer.theirs"), Cell: web.Code(t.TheirNumber)},
		{Label: web.Say(r, "incident.desk.transfer.restrictions"), Cell: web.Text(t.Restrictions)}, {Label: web.Say(r, "incident.desk.sitrep.number"), Cell: web.Text(number(t.Version))},
	}}}
	if t.State != incident.Declined && can(r, updateTransfer) {
		fresh, err := p.candidates(r, incident.NewPackage{Incident: i.ID, Purpose: incident.ForTransfer, Org: t.Org, Transfer: t.ID})
		if err != nil {
			return err
		}
		if len(fresh) > 0 {
			data.Update = &choosePage{Action: u, Cancel: incidentURL(p.in.Number(i.ID)) + "/packages", Legend: web.Say(r, "incident.desk.transfer.fresh"), Submit: web.Say(r, "incident.desk.transfer.update"), Entries: fresh}
		}
	}
	if can(r, answerTransfer) {
		data.Answer = &web.Form{Action: u + "/answer", Submit: web.Say(r, "incident.desk.transfer.answer"), Fields: []web.Field{
			{Name: "state", Type: "radio", Label: web.Say(r, "incident.desk.column.state"), Options: []web.Option{
				{Value: "accepted", Label: web.Say(r, "incident.desk.transfer.accepted"), Selected: true}, {Value: "declined", Label: web.Say(r, "incident.desk.transfer.declined")},
			}},
			{Name: "said_by", Type: "text", Label: web.Say(r, "incident.desk.by"), Required: true, Autocomplete: "off"},
			{Name: "number", Type: "text", Label: web.Say(r, "incident.desk.transfer.theirs"), Mono: true, Value: t.TheirNumber, Autocomplete: "off"},
			{Name: "note", Type: "text", Label: web.Say(r, "incident.desk.call.note"), Autocomplete: "off"},
		}}
		if problem != nil {
			status = statusOf(problem)
			data.Answer.Fill(r.PostForm.Get)
			fail(r, &page, problem, data.Answer)
		}
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/transfer", page)
}

func (p *Pages) updateTransfer(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.transfer.done", "/packages", func(i *incident.Incident) error {
		t, err := p.oneTransfer(r, i)
		if err == nil {
			_, err = p.in.UpdateTransfer(r.Context(), actor(r), t.ID, entriesOf(r))
		}
		return err
	}, func(i *incident.Incident, problem error) error { return p.showTransfer(w, r, i, problem) })
}

func (p *Pages) answerTransfer(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.transfer.noted", "/packages", func(i *incident.Incident) error {
		t, err := p.oneTransfer(r, i)
		if err != nil {
			return err
		}
		f := r.PostForm
		return p.in.AnswerTransfer(r.Context(), actor(r), t.ID, incident.TransferState(f.Get("state")), f.Get("said_by"), f.Get("number"), f.Get("note"))
	}, func(i *incident.Incident, problem error) error { return p.showTransfer(w, r, i, problem) })
}

// packageFile hands out a package as the release gate cleared it, or its signature, to
// be carried to whom it was made for.
func (p *Pages) packageFile(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	id, err := pathID(r, "package")
	if err != nil {
		return err
	}
	one, err := p.in.Package(r.Context(), p.in.Acts.Reader(), id)
	if err != nil || one.Incident != i.ID {
		return errNoSuch
	}
	name, body := p.in.PackageName(one), []byte(one.Signature)
	if strings.HasSuffix(r.URL.Path, "/signature") {
		name += ".sig"
	} else if body, err = p.in.PackageFile(r.Context(), one); err != nil {
		return err
	}
	return web.SaveFile(w, name, body)
}
