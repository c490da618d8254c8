package constituencyweb

import (
	"net/http"
	"strconv"
	"strings"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

func (w *Web) organisationForm(r *http.Request) web.Form {
	s := w.speak(r)
	own, _ := s.index.Org(guard.OwnOrg)
	return web.Form{Action: "/constituency/organisations", Submit: s.T("constituency.organisation.add", nil), Cancel: "/constituency/organisations", Fields: append([]web.Field{
		{Name: "name", Label: s.T("constituency.name", nil), Required: true, Autofocus: true},
		{
			Name: "kind", Label: s.T("constituency.kind", nil), Type: "select", Required: true,
			Options: options("", kinds(), func(k string) string { return s.kind(guard.Kind(k)) }, "operator"),
		},
		{Name: "country", Label: s.T("constituency.country", nil), Value: own.Country, Example: "FR", Required: true},
		{Name: "exercise", Label: s.T("constituency.exercise", nil), Type: "checkbox"},
	}, s.standingFields(constituency.Standing{Until: constituency.Forever})...)}
}

// standingFields are the questions about sectors, designation and services.
func (s speaker) standingFields(st constituency.Standing) []web.Field {
	var services []string
	for _, v := range st.Services {
		services = append(services, strings.TrimRight(v.Name+"; "+v.Sector+"; "+strconv.FormatInt(v.Population, 10), "; "))
	}
	population := ""
	if st.Population > 0 {
		population = strconv.FormatInt(st.Population, 10)
	}
	return []web.Field{
		{
			Name: "sector", Label: s.T("constituency.sectors", nil), Type: "select", Multiple: true, Why: s.T("constituency.sectors.why", nil),
			Options: options("", sectorCodes(), s.sector, st.Sectors...),
		},
		{Name: "critical", Label: s.T("constituency.critical.is", nil), Type: "checkbox", Checked: st.Critical, Why: s.T("constituency.critical.why", nil)},
		{Name: "designation", Label: s.T("constituency.designation", nil), Value: st.Designation, Example: s.T("constituency.designation.example", nil)},
		{Name: "designation_until", Label: s.T("constituency.designation.until", nil), Type: "date", Value: st.Until.String()},
		{Name: "population", Label: s.T("constituency.population", nil), Type: "number", Value: population},
		{
			Name: "service", Label: s.T("constituency.services", nil), Type: "textarea", Value: strings.Join(services, "\n"),
			Why: s.T("constituency.services.why", nil), Example: s.T("constituency.services.example", nil),
		},
	}
}

// standingOf reads what standingFields asked.
func standingOf(r *http.Request) (st constituency.Standing, err error) {
	v := r.PostFormValue
	st = constituency.Standing{
		Sectors: r.PostForm["sector"], Critical: v("critical") != "", Designation: v("designation"), Until: constituency.Forever, Version: number(v("version")),
	}
	if s := v("designation_until"); s != "" {
		if st.Until, err = constituency.ParseDay(s); err != nil {
			return st, fault.OnField("designation_until", "constituency.day.form", fault.Args{"Value": fault.Clip(s)})
		}
	}
	if st.Population, err = population("population", v("population")); err != nil {
		return st, err
	}
	for line := range strings.Lines(v("service")) {
		parts := strings.SplitN(strings.TrimSpace(line), ";", 3)
		if parts[0] == "" {
			continue
		}
		service := constituency.Service{Name: strings.TrimSpace(parts[0])}
		if len(parts) > 1 {
			service.Sector = strings.TrimSpace(parts[1])
		}
		if len(parts) > 2 {
			if service.Population, err = population("service", parts[2]); err != nil {
				return st, err
			}
		}
		st.Services = append(st.Services, service)
	}
	return st, nil
}

func population(field, s string) (int64, error) {
	if s = strings.TrimSpace(s); s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.OnField(field, "constituency.population.form", fault.Args{"Value": fault.Clip(s)})
	}
	return n, nil
}

func (w *Web) organisationNew(rw http.ResponseWriter, r *http.Request) error {
	return w.form(rw, r, http.StatusOK, web.Say(r, "constituency.organisation.add"), w.organisationForm(r), nil)
}

func (w *Web) organisationAdd(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	v := r.PostFormValue
	st, err := standingOf(r)
	var o guard.Organisation
	if err == nil {
		o, err = w.room.AddOrganisation(r.Context(), actorOf(r), guard.NewOrganisation{
			Kind: guard.Kind(v("kind")), Name: v("name"), Country: strings.ToUpper(strings.TrimSpace(v("country"))), Exercise: v("exercise") != "",
		}, st)
	}
	if f := w.organisationForm(r); correctable(err) {
		fill(&f, r)
		return w.form(rw, r, web.Status(fault.CodeOf(err)), web.Say(r, "constituency.organisation.add"), f, err)
	}
	if err != nil {
		return err
	}
	w.site.Redirect(rw, r, orgURL(o.ID), web.Flash{Key: "constituency.organisation.saved", Args: map[string]any{"Name": o.Name}})
	return nil
}

// correctable faults are shown on the form with what was typed.
func correctable(err error) bool {
	code := fault.CodeOf(err)
	return code == fault.Invalid || code == fault.Conflict
}

// fill puts back what was typed, several choices too.
func fill(f *web.Form, r *http.Request) {
	f.Fill(r.PostFormValue)
	for i := range f.Fields {
		if !f.Fields[i].Multiple {
			continue
		}
		for j := range f.Fields[i].Options {
			o := &f.Fields[i].Options[j]
			o.Selected = false
			for _, chosen := range r.PostForm[f.Fields[i].Name] {
				o.Selected = o.Selected || chosen == o.Value
			}
		}
	}
}

func (w *Web) standingForm(rw http.ResponseWriter, r *http.Request) error {
	title, f, err := w.standingEdit(r)
	if err != nil {
		return err
	}
	return w.form(rw, r, http.StatusOK, title, f, nil)
}

func (w *Web) standingEdit(r *http.Request) (title string, f web.Form, err error) {
	id, err := pathID(r, "guard.organisation.none")
	if err != nil {
		return "", f, err
	}
	o, err := w.guard.Organisation(r.Context(), w.acts.Reader(), id)
	if err != nil {
		return "", f, err
	}
	st, err := w.room.Standing(r.Context(), w.acts.Reader(), id)
	if err != nil {
		return "", f, err
	}
	s := w.speak(r)
	return o.Name, web.Form{
		Action: orgURL(id) + "/edit", Cancel: orgURL(id), Submit: s.T("constituency.save", nil), Fields: s.standingFields(st),
		Hidden: []web.Hidden{{Name: "version", Value: strconv.FormatInt(st.Version, 10)}},
	}, nil
}

func (w *Web) standingSave(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	title, f, err := w.standingEdit(r)
	if err != nil {
		return err
	}
	st, err := standingOf(r)
	if err == nil {
		st.Org, _ = pathID(r, "guard.organisation.none")
		err = w.room.SetStanding(r.Context(), actorOf(r), st)
	}
	if correctable(err) {
		fill(&f, r)
		return w.form(rw, r, web.Status(fault.CodeOf(err)), title, f, err)
	}
	if err != nil {
		return err
	}
	w.site.Redirect(rw, r, orgURL(st.Org), web.Flash{Key: "constituency.organisation.saved", Args: map[string]any{"Name": title}})
	return nil
}

func (s speaker) contactFields(k constituency.Contact) []web.Field {
	position := ""
	if k.Position > 0 {
		position = strconv.FormatInt(k.Position, 10)
	}
	return []web.Field{
		{Name: "contact_name", Label: s.T("constituency.name", nil), Value: k.Name, Required: true, Autofocus: true},
		{Name: "contact_mailbox", Label: s.T("constituency.contact.mailbox", nil), Type: "checkbox", Checked: k.Mailbox},
		{Name: "contact_email", Label: s.T("constituency.contact.email", nil), Type: "email", Value: k.Email, Example: "watch@water.example"},
		{Name: "contact_phone", Label: s.T("constituency.contact.phone", nil), Value: k.Phone, Example: "+33 1 99 00 12 34"},
		{Name: "contact_language", Label: s.T("constituency.contact.language", nil), Value: k.Language, Example: "fr", Why: s.T("constituency.contact.language.why", nil)},
		{Name: "contact_role", Label: s.T("constituency.contact.role", nil), Value: k.Role, Example: s.T("constituency.contact.role.example", nil)},
		{Name: "contact_hours", Label: s.T("constituency.contact.hours", nil), Value: k.Hours, Example: s.T("constituency.contact.hours.example", nil)},
		{Name: "contact_position", Label: s.T("constituency.contact.position", nil), Type: "number", Value: position, Why: s.T("constituency.contact.position.why", nil)},
	}
}

func contactOf(r *http.Request, org int64) constituency.NewContact {
	v := r.PostFormValue
	return constituency.NewContact{
		Org: org, Mailbox: v("contact_mailbox") != "", Name: v("contact_name"), Email: strings.TrimSpace(v("contact_email")), Phone: v("contact_phone"),
		Language: strings.TrimSpace(v("contact_language")), Role: v("contact_role"), Hours: v("contact_hours"), Position: number(v("contact_position")),
	}
}

func (w *Web) newContactForm(r *http.Request) (int64, web.Form, error) {
	id, err := pathID(r, "guard.organisation.none")
	if err != nil {
		return 0, web.Form{}, err
	}
	if _, err := w.guard.Organisation(r.Context(), w.acts.Reader(), id); err != nil {
		return 0, web.Form{}, err
	}
	s := w.speak(r)
	return id, web.Form{
		Action: orgURL(id) + "/contacts", Cancel: orgURL(id), Submit: s.T("constituency.contact.add", nil), Fields: s.contactFields(constituency.Contact{}),
	}, nil
}

func (w *Web) contactNew(rw http.ResponseWriter, r *http.Request) error {
	_, f, err := w.newContactForm(r)
	if err != nil {
		return err
	}
	return w.form(rw, r, http.StatusOK, web.Say(r, "constituency.contact.add"), f, nil)
}

func (w *Web) contactAdd(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	org, f, err := w.newContactForm(r)
	if err != nil {
		return err
	}
	k, err := w.room.AddContact(r.Context(), actorOf(r), contactOf(r, org))
	if correctable(err) {
		fill(&f, r)
		return w.form(rw, r, web.Status(fault.CodeOf(err)), web.Say(r, "constituency.contact.add"), f, err)
	}
	if err != nil {
		return err
	}
	w.site.Redirect(rw, r, orgURL(org), web.Flash{Key: "constituency.contact.saved", Args: map[string]any{"Name": k.Name}})
	return nil
}

func (w *Web) contactEdit(r *http.Request) (k constituency.Contact, f web.Form, err error) {
	id, err := pathID(r, "constituency.contact.none")
	if err != nil {
		return k, f, err
	}
	if k, err = w.room.Contact(r.Context(), w.acts.Reader(), id); err != nil {
		return k, f, err
	}
	s := w.speak(r)
	f = web.Form{
		Action: contactURL(id), Cancel: contactURL(id), Submit: s.T("constituency.save", nil),
		Hidden: []web.Hidden{{Name: "version", Value: strconv.FormatInt(k.Version, 10)}},
	}
	for _, field := range s.contactFields(k) {
		if field.Name != "contact_mailbox" { // what it is does not change
			f.Fields = append(f.Fields, field)
		}
	}
	return k, f, nil
}

func (w *Web) contactForm(rw http.ResponseWriter, r *http.Request) error {
	k, f, err := w.contactEdit(r)
	if err != nil {
		return err
	}
	p := w.page(k.Name)
	p.Crumbs = []web.Link{{Label: w.speak(r).org(k.Org), URL: orgURL(k.Org)}, {Label: k.Name, URL: contactURL(k.ID)}}
	p.Topics, p.Data = nil, f
	return w.show(rw, r, "form", p)
}

func (w *Web) contactSave(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	k, f, err := w.contactEdit(r)
	if err != nil {
		return err
	}
	err = w.room.ChangeContact(r.Context(), actorOf(r), constituency.ContactEdit{
		NewContact: contactOf(r, k.Org), ID: k.ID, Version: number(r.PostFormValue("version")),
	})
	if correctable(err) {
		fill(&f, r)
		return w.form(rw, r, web.Status(fault.CodeOf(err)), k.Name, f, err)
	}
	if err != nil {
		return err
	}
	w.site.Redirect(rw, r, contactURL(k.ID), web.Flash{Key: "constituency.contact.saved", Args: map[string]any{"Name": k.Name}})
	return nil
}

func (w *Web) contactEnd(rw http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	k, _, err := w.contactEdit(r)
	if err != nil {
		return err
	}
	if err := w.room.EndContact(r.Context(), actorOf(r), k.ID, number(r.PostFormValue("version"))); err != nil {
		return err
	}
	w.site.Redirect(rw, r, orgURL(k.Org), web.Flash{Key: "constituency.contact.ended", Args: map[string]any{"Name": k.Name}})
	return nil
}
