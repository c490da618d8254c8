package incidentweb

import (
	"net/http"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
)

// participantsPage is the dot of the page of who takes part.
type participantsPage struct {
	List  web.List
	Form  *web.Form
	Lead  *web.Form
	Names []string // organisations, for the field's suggestions
}

func (p *Pages) participants(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showParticipants(w, r, &i, nil)
}

func (p *Pages) showParticipants(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	all, err := p.in.Participants(r.Context(), p.in.Acts.Reader(), i.ID, true)
	if err != nil {
		return err
	}
	page, status := p.about(r, i, web.Say(r, "incident.desk.participants")), http.StatusOK
	page.Topics = []string{incident.Topic(i.ID)}
	data := participantsPage{List: web.List{
		ID: "participants", Caption: web.Say(r, "incident.desk.participants"), Total: web.Total{N: int64(len(all))}, Live: true,
		Columns: web.Columns(r, "incident.desk.column.organisation", "incident.desk.column.role", "incident.desk.column.tell", "incident.desk.column.since", "incident.desk.column.do"),
		Empty:   web.Empty{Title: web.Say(r, "incident.desk.participants.none"), Why: web.Say(r, "incident.desk.participants.none.why")},
	}}
	lead := web.Field{Name: "lead", Type: "select", Label: web.Say(r, "incident.desk.lead.to"), Why: web.Say(r, "incident.desk.lead.why"), Options: []web.Option{{Value: "0", Label: web.Say(r, "incident.desk.lead.nobody"), Selected: i.Offered == 0}}}
	if i.Lead != guard.OwnOrg {
		lead.Options = append(lead.Options, web.Option{Value: number(guard.OwnOrg), Label: p.orgName(guard.OwnOrg), Selected: i.Offered == guard.OwnOrg})
	}
	for k := range all {
		data.List.Rows = append(data.List.Rows, p.participantRow(r, i, &all[k]))
		if one := all[k]; one.RemovedAt.IsZero() && one.Org != i.Lead {
			lead.Options = append(lead.Options, web.Option{Value: number(one.Org), Label: p.orgName(one.Org), Selected: i.Offered == one.Org})
		}
	}
	u := incidentURL(p.in.Number(i.ID))
	if i.State == incident.Open && can(r, addPart) {
		data.Form = p.participantForm(r, u)
	}
	if i.State == incident.Open && can(r, offerLead) && len(lead.Options) > 1 {
		data.Lead = &web.Form{Action: u + "/lead", Submit: web.Say(r, "incident.desk.lead.offer"), Fields: []web.Field{lead}}
	}
	if problem != nil && data.Form != nil {
		status = statusOf(problem)
		data.Form.Fill(r.PostForm.Get)
		fail(r, &page, problem, data.Form)
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/participants", page)
}

func (p *Pages) participantRow(r *http.Request, i *incident.Incident, one *incident.Participant) web.Row {
	name := web.Anchor(p.orgName(one.Org), orgURL(one.Org))
	if one.Person != 0 {
		name.Sub = p.personName(r, one.Person)
	}
	row := web.Row{Name: name.Text, Cells: []web.Cell{
		name, {Text: web.Say(r, "incident.desk.role."+string(one.Role)), Sub: one.Why}, web.Text(web.Say(r, "incident.desk.tell."+string(one.Tell))),
		{At: one.AddedAt, Sub: p.who(r, one.AddedBy)}, {},
	}}
	switch {
	case !one.RemovedAt.IsZero():
		row.Tone, row.Cells[4] = "muted", web.Cell{At: one.RemovedAt, Sub: web.Say(r, "incident.desk.participant.removed")}
	case can(r, removePart) && i.State == incident.Open:
		row.Cells[4] = web.Anchor(web.Say(r, "incident.desk.participant.remove"), incidentURL(p.in.Number(i.ID))+"/participants/"+number(one.ID)+"/remove")
	}
	return row
}

func (p *Pages) participantForm(r *http.Request, u string) *web.Form {
	role := web.Field{Name: "role", Type: "select", Label: web.Say(r, "incident.desk.column.role"), Required: true}
	for _, x := range incident.Roles() {
		role.Options = append(role.Options, web.Option{Value: string(x), Label: web.Say(r, "incident.desk.role."+string(x))})
	}
	return &web.Form{Action: u + "/participants", Submit: web.Say(r, "incident.desk.participant.add"), Fields: []web.Field{
		{Name: "organisation", Type: "text", Label: web.Say(r, "incident.desk.column.organisation"), Required: true, Autocomplete: "off", Why: web.Say(r, "incident.desk.participant.why")},
		role,
		{Name: "person", Type: "email", Label: web.Say(r, "incident.desk.participant.person"), Why: web.Say(r, "incident.desk.participant.person.why"), Autocomplete: "off"},
		{Name: "tell", Type: "select", Label: web.Say(r, "incident.desk.column.tell"), Options: []web.Option{
			{Value: "mail", Label: web.Say(r, "incident.desk.tell.mail")}, {Value: "portal", Label: web.Say(r, "incident.desk.tell.portal")},
		}},
		{Name: "why", Type: "text", Label: web.Say(r, "incident.desk.participant.need"), Autocomplete: "off"},
	}}
}

// personOf finds a person of an organisation by mail address.
func (p *Pages) personOf(r *http.Request, org int64, address string) (int64, error) {
	if address == "" {
		return 0, nil
	}
	ps, err := p.in.Guard.ByEmail(r.Context(), p.in.Acts.Reader(), address)
	if err != nil {
		return 0, err
	}
	for _, one := range ps {
		if one.Org == org {
			return one.ID, nil
		}
	}
	return 0, fault.OnField("person", "incident.participant.no_person", nil)
}

func (p *Pages) addParticipant(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.participant.added", "/participants", func(i *incident.Incident) error {
		o, err := p.orgNamed(r, "organisation")
		if err != nil {
			return err
		}
		person, err := p.personOf(r, o.ID, r.PostForm.Get("person"))
		if err != nil {
			return err
		}
		f := r.PostForm
		_, err = p.in.AddParticipant(r.Context(), actor(r), i.ID, incident.NewParticipant{
			Org: o.ID, Person: person, Role: incident.Role(f.Get("role")), Tell: incident.Tell(f.Get("tell")), Why: f.Get("why"),
		})
		return err
	}, func(i *incident.Incident, problem error) error { return p.showParticipants(w, r, i, problem) })
}

func (p *Pages) confirmRemove(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showRemove(w, r, &i, nil)
}

func (p *Pages) showRemove(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	id, err := pathID(r, "participant")
	if err != nil {
		return err
	}
	all, err := p.in.Participants(r.Context(), p.in.Acts.Reader(), i.ID, false)
	if err != nil {
		return err
	}
	name := ""
	for _, one := range all {
		if one.ID == id {
			name = p.orgName(one.Org)
		}
	}
	if name == "" {
		return fault.New(fault.NotFound, "incident.participant.none", nil)
	}
	u := incidentURL(p.in.Number(i.ID)) + "/participants"
	title := web.Say(r, "incident.desk.participant.remove.title", "Name", name)
	return p.confirmPage(w, r, p.about(r, i, title), web.Confirm{
		Title: title, NoEffect: web.Say(r, "incident.desk.participant.remove.effect"), Action: u + "/" + number(id) + "/remove",
		Verb: web.Say(r, "incident.desk.participant.remove"), Tone: "danger", NeedReason: true, Cancel: u,
	}, problem)
}

func (p *Pages) removeParticipant(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.participant.gone", "/participants", func(i *incident.Incident) error {
		id, err := pathID(r, "participant")
		if err != nil {
			return err
		}
		return p.in.RemoveParticipant(r.Context(), actor(r), i.ID, id, r.PostForm.Get("reason"))
	}, func(i *incident.Incident, problem error) error { return p.showRemove(w, r, i, problem) })
}

func (p *Pages) offerLead(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.lead.offered", "/participants", func(i *incident.Incident) error {
		return p.in.OfferLead(r.Context(), actor(r), i.ID, positive(r.PostForm.Get("lead")))
	}, nil)
}

func (p *Pages) answerLead(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.lead.answered", "/participants", func(i *incident.Incident) error {
		return p.in.AnswerLead(r.Context(), actor(r), i.ID, r.PostForm.Get("accept") == "yes")
	}, nil)
}
