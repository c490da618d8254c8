package incidentweb

import (
	"net/http"

	"almenara.example/cacao"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
)

// startPlaybook is the permission to start one; the verb has the same name.
const startPlaybook = "incident.start_playbook"

// playbookRoutes are the pages of playbooks.
func (p *Pages) playbookRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Pattern: "/incident/playbooks", Permission: read, Handler: p.playbooks, Sample: "GET /incident/playbooks"},
		{Method: "GET", Pattern: "/incident/playbooks/{playbook}", Permission: read, Handler: p.playbook, Sample: "GET /incident/playbooks/ransomware"},
		{Method: "GET", Pattern: "/incident/incidents/{number}/playbooks/{playbook}", Permission: startPlaybook, Handler: p.askPlaybook, Sample: "GET /incident/incidents/ALM-0000-0000/playbooks/ransomware"},
		{Method: "POST", Pattern: "/incident/incidents/{number}/playbooks/{playbook}", Permission: startPlaybook, Handler: p.startPlaybook, Sample: "POST /incident/incidents/ALM-0000-0000/playbooks/ransomware marking=TLP:AMBER"},
		{Method: "GET", Pattern: "/incident/incidents/{number}/playbooks", Permission: read, Handler: p.playbooks, Sample: "GET /incident/incidents/ALM-0000-0000/playbooks"},
	}
}

// playbookExtra leads from an open incident to the playbooks.
func (p *Pages) playbookExtra(r *http.Request, i *incident.Incident) (x extra, err error) {
	if i.State == incident.Open && i.MergedInto == 0 && can(r, startPlaybook) {
		x.Actions = []web.Action{{Label: web.Say(r, "incident.desk.playbooks"), URL: incidentURL(p.in.Number(i.ID)) + "/playbooks", Icon: "copy"}}
	}
	return x, nil
}

func (p *Pages) playbooks(w http.ResponseWriter, r *http.Request) error {
	page := web.Page{
		Title: web.Say(r, "incident.desk.playbooks"), Room: "incident", Lead: web.Say(r, "incident.desk.playbooks.lead"),
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}},
	}
	base := "/incident/playbooks/"
	if r.PathValue("number") != "" {
		i, err := p.numbered(r)
		if err != nil {
			return err
		}
		page = p.about(r, &i, page.Title)
		base = incidentURL(p.in.Number(i.ID)) + "/playbooks/"
	}
	books, err := incident.Playbooks(p.in.Playbooks)
	if err != nil {
		return err
	}
	l := web.List{
		ID: "playbooks", Caption: web.Say(r, "incident.desk.playbooks"), Total: web.Total{N: int64(len(books))},
		Columns: web.Columns(r, "incident.desk.column.title", "incident.desk.playbook.steps", "incident.desk.source", "incident.desk.column.state"),
	}
	for _, b := range books {
		book := spoken(r, b.Book)
		row := web.Row{URL: base + b.Slug, Cells: []web.Cell{
			{Text: book.Name, URL: base + b.Slug, Sub: clip(book.Description, 160)}, web.Number(int64(len(cacao.Checklist(book))), ""),
			web.Text(web.Say(r, "incident.desk.playbook.own")), web.Marked(web.Badge{Tone: "ok", Icon: "check", Word: web.Say(r, "incident.desk.playbook.sound")}),
		}}
		if !b.Own {
			row.Cells[2] = web.Text(web.Say(r, "incident.desk.playbook.file"))
		}
		if len(b.Wrong) > 0 {
			row.Cells[1], row.Cells[3] = web.Cell{}, web.Marked(web.Badge{Tone: "high", Word: web.Say(r, "incident.desk.playbook.wrong")})
		}
		l.Rows = append(l.Rows, row)
	}
	page.Data = listPage{l}
	return p.site.Page(w, r, http.StatusOK, "incident/list", page)
}

// spoken is a playbook in the reader's language, where it has it.
func spoken(r *http.Request, b *cacao.Playbook) *cacao.Playbook {
	if in := b.In(web.PrinterOf(r.Context()).Lang()); in != nil {
		return in
	}
	return b
}

// playbookPage is the dot of a playbook's page: a checklist to work by and to print.
type playbookPage struct {
	About string
	Wrong []string
	Items []checkItem
	Form  *web.Form
}

type checkItem struct {
	cacao.Item
	Orders []string
	Who    string
	In     string // within which time
	Branch string
	Then   []string
}

func (p *Pages) playbookNamed(r *http.Request) (incident.Playbook, error) {
	books, err := incident.Playbooks(p.in.Playbooks)
	for _, b := range books {
		if b.Slug == r.PathValue("playbook") {
			return b, err
		}
	}
	if err == nil {
		err = fault.New(fault.NotFound, "incident.playbook.none", nil)
	}
	return incident.Playbook{}, err
}

func (p *Pages) checklist(r *http.Request, b incident.Playbook) playbookPage {
	book := spoken(r, b.Book)
	data := playbookPage{About: book.Description, Wrong: b.Wrong}
	if len(b.Wrong) > 0 {
		return data
	}
	for _, item := range cacao.Checklist(book) {
		c := checkItem{Item: item, Who: roleWord(r, item)}
		for _, o := range item.Orders {
			c.Orders = append(c.Orders, o.String())
		}
		if item.Within > 0 {
			c.In = web.PrinterOf(r.Context()).Age(item.Within)
		}
		if item.Branch != cacao.Always {
			c.Branch = web.Say(r, "incident.desk.playbook.branch."+string(item.Branch), "Case", item.Case)
		}
		data.Items = append(data.Items, c)
	}
	return data
}

// roleWord is who does a step, in the reader's words.
func roleWord(r *http.Request, item cacao.Item) string {
	if item.Role == "" {
		return item.Agent
	}
	return web.Say(r, "incident.desk.playbook.role."+item.Role)
}

func (p *Pages) playbook(w http.ResponseWriter, r *http.Request) error {
	b, err := p.playbookNamed(r)
	if err != nil {
		return err
	}
	return p.site.Page(w, r, http.StatusOK, "incident/playbook", web.Page{
		Title: spoken(r, b.Book).Name, Room: "incident", Data: p.checklist(r, b),
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.playbooks"), URL: "/incident/playbooks"}},
	})
}

func (p *Pages) askPlaybook(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showStart(w, r, &i, nil)
}

// showStart shows the steps and asks which organisation does whose.
func (p *Pages) showStart(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	b, err := p.playbookNamed(r)
	if err != nil {
		return err
	}
	m, err := p.membersOf(r, i)
	if err != nil {
		return err
	}
	ps, err := p.in.Participants(r.Context(), p.in.Acts.Reader(), i.ID, false)
	if err != nil {
		return err
	}
	page, status := p.about(r, i, spoken(r, b.Book).Name), http.StatusOK
	data := p.checklist(r, b)
	if len(b.Wrong) == 0 {
		u := incidentURL(p.in.Number(i.ID))
		data.Form = &web.Form{Action: u + "/playbooks/" + b.Slug, Cancel: u, Submit: web.Say(r, "incident.desk.playbook.start"), Fields: []web.Field{
			{Name: "marking", Type: "select", Label: web.Say(r, "incident.desk.fact.marking"), Options: markings(r, i.Marking, false)},
		}}
		for _, role := range rolesOf(data.Items) {
			f := web.Field{Name: "role." + role, Type: "select", Label: web.Say(r, "incident.desk.playbook.role."+role), Options: []web.Option{{Value: number(guard.OwnOrg), Label: p.orgName(guard.OwnOrg)}}}
			for _, org := range m.orgs {
				f.Options = append(f.Options, web.Option{Value: number(org), Label: p.orgName(org), Selected: org == playedBy(role, ps)})
			}
			data.Form.Fields = append(data.Form.Fields, f)
		}
	}
	if problem != nil {
		status = statusOf(problem)
		if data.Form != nil {
			data.Form.Fill(r.PostForm.Get)
			fail(r, &page, problem, data.Form)
		} else {
			fail(r, &page, problem)
		}
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/playbook", page)
}

// playedBy is the participant who by his role in the incident does a playbook's role
// first; 0 is the desk.
func playedBy(role string, ps []incident.Participant) int64 {
	as := map[string]incident.Role{
		"operator": "affected", "police-liaison": "police", "sector-regulator": "regulator", "civil-protection": "civil-protection",
	}[role]
	for _, one := range ps {
		if one.Role == as {
			return one.Org
		}
	}
	return 0
}

func rolesOf(items []checkItem) (out []string) {
	seen := map[string]bool{"": true, "duty-officer": true}
	for _, c := range items {
		if !seen[c.Role] {
			seen[c.Role] = true
			out = append(out, c.Role)
		}
	}
	return out
}

func (p *Pages) startPlaybook(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.playbook.started", "#tasks", func(i *incident.Incident) error {
		b, err := p.playbookNamed(r)
		if err != nil {
			return err
		}
		s := incident.Start{Language: web.PrinterOf(r.Context()).Lang(), Marking: readMarking(r), Roles: map[string]int64{}}
		for _, role := range cacao.Roles() {
			if org := positive(r.PostForm.Get("role." + role)); org != 0 {
				s.Roles[role] = org
			}
		}
		_, err = p.in.StartPlaybook(r.Context(), actor(r), i.ID, b, s)
		return err
	}, func(i *incident.Incident, problem error) error { return p.showStart(w, r, i, problem) })
}
