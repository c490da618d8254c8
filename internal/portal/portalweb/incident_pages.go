package portalweb

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/internal/portal"
	"almenara.example/tlp"
)

type incidentsPage struct {
	common
	Owed      []entryRow
	Incidents []incidentRow
	Older     string
}

type incidentPage struct {
	common
	Doc         portal.IncidentDoc
	Row         incidentRow
	Owed, Story []entryRow
	Deadlines   []deadlineRow
	Write       string
	Services    []serviceRow
	Recovery    string
}

type writePage struct {
	common
	Path    string
	Doc     portal.WriteDoc
	Head    []web.Field
	More    []web.Field
	Who     chooser
	WillSee []portal.Choice
}

type entryPage struct {
	common
	Row                         entryRow
	Back                        web.Link
	Answer, Task, Edit, Retract *web.Form
	Share                       *shareForm
	Do                          []web.Link // what can be done with an own one
}

// shareForm sets anew who sees an entry.
type shareForm struct {
	Action  string
	Version int64
	Fields  []web.Field
	Who     chooser
}

// chooser is the choice of who sees something.
type chooser struct {
	Orgs, People []portal.Choice
	Error        string
}

type incidentRow struct {
	portal.IncidentLine
	Path, Tone string
}

type entryRow struct {
	portal.EntryLine
	Path string
	Late bool
}

func incidentRows(ls []portal.IncidentLine) []incidentRow {
	out := make([]incidentRow, len(ls))
	for i, l := range ls {
		out[i] = incidentRow{l, incidentPath(l.Number), l.Severity}
	}
	return out
}

func (p *Pages) entryRows(ls []portal.EntryLine) []entryRow {
	out := make([]entryRow, len(ls))
	for i, l := range ls {
		late := l.Task != nil && !l.Task.Ended && !l.Task.Due.IsZero() && l.Task.Due.Before(p.portal.Acts.Clock().Now())
		out[i] = entryRow{l, entryPath(l.Ref), late}
	}
	return out
}

// shownIncident makes the pages of incidents.
func (p *Pages) shownIncident(r *http.Request, reply portal.Reply, page web.Page, c common) (name string, _ web.Page, err error) {
	body := reply.Parcel.View().Body
	switch reply.Parcel.Thing().Kind {
	case portal.KindIncidents:
		var d portal.IncidentsDoc
		err = json.Unmarshal(body, &d)
		name, page.Title, page.Lead = "portal/incidents", web.Say(r, "portal.incidents"), web.Say(r, "portal.incidents.lead")
		page.Data = incidentsPage{c, p.entryRows(d.Owed), incidentRows(d.Incidents), older(r, "before", d.Older)}
	case portal.KindIncident:
		var d portal.IncidentDoc
		err = json.Unmarshal(body, &d)
		name, page.Number, page.Title = "portal/incident", d.Number, d.Title
		one := incidentPage{
			common: c, Doc: d, Row: incidentRows([]portal.IncidentLine{d.IncidentLine})[0], Owed: p.entryRows(d.Owed), Story: p.entryRows(d.Story),
			Deadlines: p.deadlineRows(r, d.Deadlines), Services: p.serviceRows(r, &d), Recovery: recoveryPath(d.Number),
		}
		if d.State == string(incident.Open) {
			one.Write = incidentPath(d.Number) + "/write"
		}
		page.Data = one
	case portal.KindWrite:
		var d portal.WriteDoc
		err = json.Unmarshal(body, &d)
		name, page.Number, page.Title = "portal/incident_write", d.Number, web.Say(r, "portal.incident.write")
		if m, failed := tlp.Parse(d.Look); failed == nil {
			page.Marking = tlp.Strictest(m, reply.Parcel.Marking()).String()
		}
		page.Data = writeForm(r, c, d, &page, reply)
	case portal.KindEntry:
		var d portal.EntryDoc
		err = json.Unmarshal(body, &d)
		name, page.Number, page.Title = "portal/incident_entry", d.Number, web.Say(r, "portal.incident.kind."+d.Entry.Kind)
		page.Data = p.entryForms(r, c, d, &page, reply)
	default:
		return "", page, fmt.Errorf("the portal has no page for %s", reply.Parcel.Thing().Kind)
	}
	return name, page, err
}

func markingOptions(r *http.Request, chosen string) (out []web.Option) {
	for _, m := range tlp.All() {
		word := web.Say(r, "portal.incident.marking."+strings.ToLower(strings.TrimPrefix(m.String(), "TLP:")))
		out = append(out, web.Option{Value: m.String(), Label: m.String() + " · " + word, Selected: m.String() == chosen})
	}
	return out
}

// writeForm is the form to write: the words first, the rest has a default that would do.
func writeForm(r *http.Request, c common, d portal.WriteDoc, page *web.Page, reply portal.Reply) writePage {
	kind := web.Field{Name: "kind", Type: "select", Label: web.Say(r, "portal.incident.what")}
	for _, k := range portal.PortalKinds() {
		kind.Options = append(kind.Options, web.Option{Value: string(k), Label: web.Say(r, "portal.incident.kind."+string(k))})
	}
	who := web.Field{Name: "asked", Type: "select", Label: web.Say(r, "portal.incident.asked"), Options: []web.Option{{Label: web.Say(r, "portal.incident.team")}}}
	for _, o := range d.Orgs {
		who.Options = append(who.Options, web.Option{Value: o.UID, Label: o.Name})
	}
	head := &web.Form{Fields: []web.Field{
		{Name: "text", Type: "textarea", Rows: 5, Label: web.Say(r, "portal.incident.words")}, kind,
		{Name: "marking", Type: "select", Label: web.Say(r, "portal.incident.marking"), Why: web.Say(r, "portal.incident.marking.why"), Options: markingOptions(r, d.Marking)},
	}}
	more := &web.Form{Fields: []web.Field{
		{Name: "files", Type: "file", Multiple: true, Label: web.Say(r, "portal.incident.files")},
		{Name: "observables", Type: "textarea", Rows: 3, Mono: true, Label: web.Say(r, "portal.incident.traces"), Example: "192.0.2.7, login[.]op[.]example"},
		who, {Name: "due", Type: "datetime-local", Label: web.Say(r, "portal.incident.due"), Why: web.Say(r, "portal.incident.due.why")},
	}}
	data := writePage{common: c, Path: incidentPath(d.Number) + "/write", Doc: d, Who: chooser{Orgs: d.Orgs, People: d.People}, WillSee: d.WillSee}
	if reply.Typed != nil {
		for _, f := range []*web.Form{head, more} {
			f.Fill(func(name string) string { return reply.Typed[name] })
		}
		data.Who.fill(reply.Typed)
	}
	data.Who.Error = failFields(r, page, reply, head, more)
	data.Head, data.More = head.Fields, more.Fields
	return data
}

// tick is one box of a choice.
type tick struct {
	Name string
	Of   portal.Choice
}

func ticks(name string, cs []portal.Choice) (out []tick) {
	for _, c := range cs {
		out = append(out, tick{name, c})
	}
	return out
}

// OrgChoices are the boxes to tick, of organisations.
func (c chooser) OrgChoices() []tick { return ticks("org", c.Orgs) }

// PersonChoices are those of single persons.
func (c chooser) PersonChoices() []tick { return ticks("person", c.People) }

func (c *chooser) fill(t portal.Typed) {
	for _, list := range []struct {
		of   []portal.Choice
		name string
	}{{c.Orgs, "org"}, {c.People, "person"}} {
		chosen := strings.Fields(t[list.name])
		for i := range list.of {
			list.of[i].Now = slices.Contains(chosen, list.of[i].UID)
		}
	}
}

// failFields puts what was wrong beside the fields of forms, and returns what was wrong
// with the choice of who sees it.
func failFields(r *http.Request, page *web.Page, reply portal.Reply, forms ...*web.Form) (audience string) {
	if reply.Problem == nil {
		return ""
	}
	page.Refuse(r, reply.Problem, forms...)
	for _, f := range page.Faults {
		if f.Field == "audience" {
			audience = f.Text
		}
	}
	return audience
}

// entryForms offers what the reader can do with an entry.
func (p *Pages) entryForms(r *http.Request, c common, d portal.EntryDoc, page *web.Page, reply portal.Reply) entryPage {
	l := d.Entry
	data := entryPage{common: c, Row: p.entryRows([]portal.EntryLine{l})[0], Back: web.Link{Label: d.Title, URL: incidentPath(d.Number)}}
	if l.Gone != "" {
		return data
	}
	u, version := entryPath(l.Ref), func(v int64) []web.Hidden { return []web.Hidden{{Name: "version", Value: strconv.FormatInt(v, 10)}} }
	if t := l.Task; t != nil && (t.Mine || l.Mine) {
		if l.Kind == string(incident.Question) && t.Mine && !t.Ended {
			data.Answer = &web.Form{Action: u + "/answer", Files: true, Submit: web.Say(r, "portal.incident.answer"), Fields: []web.Field{
				{Name: "text", Type: "textarea", Rows: 5, Label: web.Say(r, "portal.incident.answer.words"), Required: true},
				{Name: "files", Type: "file", Multiple: true, Label: web.Say(r, "portal.incident.files")},
			}}
		}
		if l.Kind != string(incident.Question) || l.Mine && !t.Ended {
			data.Task = taskForm(r, u, l, version(t.Version))
		}
	}
	if l.Mine {
		data.ownForms(r, d, u, version(l.Version))
	}
	p.failEntry(r, &data, page, reply)
	return data
}

// sent is the form that was sent, or is asked for: one at a time is in sight.
func sent(r *http.Request) string {
	if r.Method == http.MethodPost {
		return r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	}
	return r.URL.Query().Get("do")
}

// ownForms change an entry of the own organisation.
func (data *entryPage) ownForms(r *http.Request, d portal.EntryDoc, u string, version []web.Hidden) {
	l := d.Entry
	for _, do := range []string{"edit", "share", "retract"} {
		data.Do = append(data.Do, web.Link{Label: web.Say(r, "portal.incident."+do), URL: u + "?do=" + do + "#do", Current: sent(r) == do})
	}
	reason := web.Field{Name: "reason", Type: "text", Label: web.Say(r, "portal.incident.reason"), Required: true, Autocomplete: "off"}
	switch sent(r) {
	case "edit":
		data.Edit = &web.Form{Action: u + "/edit", Hidden: version, Submit: web.Say(r, "portal.incident.save"), Fields: []web.Field{
			{Name: "text", Type: "textarea", Rows: 6, Label: web.Say(r, "portal.incident.words"), Value: l.Text, Required: true},
		}}
	case "retract":
		reason.Why = web.Say(r, "portal.incident.retract.why")
		data.Retract = &web.Form{Action: u + "/retract", Tone: "danger", Hidden: version, Submit: web.Say(r, "portal.incident.retract"), Fields: []web.Field{reason}}
	case "share":
		data.Share = &shareForm{Action: u + "/share", Version: l.Version, Who: chooser{Orgs: d.Orgs, People: d.People}, Fields: []web.Field{
			{Name: "marking", Type: "select", Label: web.Say(r, "portal.incident.marking"), Options: markingOptions(r, l.Marking)}, reason,
		}}
	}
}

// failEntry gives back what was typed into the one form that was sent.
func (p *Pages) failEntry(r *http.Request, data *entryPage, page *web.Page, reply portal.Reply) {
	if reply.Problem == nil {
		return
	}
	forms := map[string]*web.Form{"answer": data.Answer, "task": data.Task, "edit": data.Edit, "retract": data.Retract}
	if data.Share != nil {
		f := &web.Form{Fields: data.Share.Fields, Hidden: []web.Hidden{{Name: "version"}}}
		f.Fill(func(name string) string { return reply.Typed[name] })
		data.Share.Who.fill(reply.Typed)
		data.Share.Who.Error = failFields(r, page, reply, f)
	}
	if f := forms[sent(r)]; f != nil {
		f.Fill(func(name string) string { return reply.Typed[name] })
		failFields(r, page, reply, f)
	}
}

func taskForm(r *http.Request, u string, l portal.EntryLine, version []web.Hidden) *web.Form {
	state := web.Field{Name: "state", Type: "select", Label: web.Say(r, "portal.incident.state")}
	for _, s := range incident.TaskStates(incident.Kind(l.Kind)) {
		if l.Kind != string(incident.Question) || s != incident.Answered {
			state.Options = append(state.Options, web.Option{Value: string(s), Label: web.Say(r, "portal.incident.task."+string(s)), Selected: string(s) == l.Task.State})
		}
	}
	return &web.Form{Action: u + "/task", Hidden: version, Submit: web.Say(r, "portal.incident.task.set"), Fields: []web.Field{
		state, {Name: "result", Type: "textarea", Rows: 2, Label: web.Say(r, "portal.incident.result"), Value: l.Task.Result},
	}}
}
