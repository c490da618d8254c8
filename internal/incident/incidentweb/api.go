package incidentweb

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/observable"
	"almenara.example/tlp"
)

// incidentCalls are the calls about incidents themselves.
func (p *Pages) incidentCalls(api huma.API) {
	const one = "incidents/ALM-0000-0000"
	huma.Register(api, operation(http.MethodGet, "list", "incidents", read, "List incidents, newest first", "incidents?limit=1"), p.apiList)
	huma.Register(api, operation(http.MethodPost, "open", "incidents", open, "Open an incident", `incidents {"title":"a","severity":"high","marking":"TLP:AMBER"}`), p.apiOpen)
	huma.Register(api, operation(http.MethodGet, "show", "incidents/{number}", read, "An incident with what of it you may see", one), p.apiShow)
	huma.Register(api, operation(http.MethodPost, "close", "incidents/{number}/close", closing, "Close an incident", one+`/close {"state":"resolved","resolution":"a","version":1}`), p.apiClose)
	huma.Register(api, operation(http.MethodPost, "participate", "incidents/{number}/participants", addPart, "Let an organisation take part", one+`/participants {"organisation":"a","role":"affected"}`), p.apiParticipate)
	huma.Register(api, operation(http.MethodPost, "merge", "incidents/{number}/merge", merging, "Make an incident part of another one; an empty number takes it apart", one+`/merge {"into":"ALM-0000-0000","reason":"a"}`), p.apiMerge)
	huma.Register(api, operation(http.MethodPost, "split", "incidents/{number}/split", splitting, "Open a new incident with some entries, or undo that", one+`/split {"title":"a","reason":"a","entries":[1]}`), p.apiSplit)
}

// entryCalls are the calls about entries.
func (p *Pages) entryCalls(api huma.API) {
	huma.Register(api, operation(http.MethodPost, "write", "incidents/{number}/entries", addEntry, "Write into an incident", `incidents/ALM-0000-0000/entries {"kind":"note","text":"a","marking":"TLP:AMBER"}`), p.apiWrite)
	huma.Register(api, operation(http.MethodPost, "task", "entries/{entry}/task", setTask, "Move a task, question or countermeasure to another state", `entries/1/task {"state":"done","version":1}`), p.apiTask)
}

// NumberInput is the number in an address. It is exported because huma leaves out what
// is embedded from an unexported type.
type NumberInput struct {
	Number string `path:"number" doc:"the incident's number" example:"ALM-4K7Q-2M9X"`
}

func (p *Pages) apiNumbered(ctx context.Context, n string) (incident.Incident, error) {
	return p.in.Numbered(ctx, p.in.Acts.Reader(), incident.ViewerOf(apiActor(ctx)), n)
}

type openInput struct {
	Body struct {
		Title     string   `json:"title" maxLength:"200"`
		Severity  string   `json:"severity" enum:"critical,high,medium,low"`
		Marking   string   `json:"marking" example:"TLP:AMBER"`
		Class     string   `json:"class,omitempty" doc:"RSIT type"`
		Countries []string `json:"countries,omitempty" doc:"states affected, ISO 3166-1 alpha-2"`
		Exercise  bool     `json:"exercise,omitempty"`
	}
}

type lineOutput struct{ Body Line }

func (p *Pages) apiOpen(ctx context.Context, in *openInput) (*lineOutput, error) {
	m, err := parseMarking("marking", in.Body.Marking)
	if err != nil {
		return nil, err
	}
	i, err := p.in.OpenNew(ctx, apiActor(ctx), incident.Incident{
		Title: in.Body.Title, Severity: incident.Severity(in.Body.Severity), Marking: m, Class: in.Body.Class, Countries: in.Body.Countries, Exercise: in.Body.Exercise,
	})
	if err != nil {
		return nil, err
	}
	return &lineOutput{p.line(&i)}, nil
}

func parseMarking(field, s string) (tlp.Marking, error) {
	m, err := tlp.Parse(s)
	if err != nil {
		return m, fault.OnField(field, "incident.marking.unknown", nil)
	}
	return m, nil
}

// EntryLine is an entry in an answer of the API.
type EntryLine struct {
	ID          int64                   `json:"id"`
	Kind        string                  `json:"kind"`
	Owner       string                  `json:"owner"`
	By          string                  `json:"by,omitempty"`
	Marking     string                  `json:"marking"`
	At          time.Time               `json:"at"`
	Recorded    time.Time               `json:"recorded"`
	Text        string                  `json:"text,omitempty"`
	ReplyTo     int64                   `json:"reply_to,omitempty"`
	Source      string                  `json:"source"`
	Retracted   string                  `json:"retracted,omitempty"`
	Observables []observable.Observable `json:"observables,omitempty"`
	State       string                  `json:"state,omitempty"`
	Due         time.Time               `json:"due,omitzero"`
	Owes        string                  `json:"owes,omitempty"`
	TaskVersion int64                   `json:"task_version,omitempty"`
	Version     int64                   `json:"version"`
}

type showOutput struct {
	Body struct {
		Line
		Resolution   string            `json:"resolution,omitempty"`
		MergedInto   string            `json:"merged_into,omitempty"`
		Participants []ParticipantLine `json:"participants"`
		Entries      []EntryLine       `json:"entries"`
	}
}

// ParticipantLine is who takes part, in an answer of the API.
type ParticipantLine struct {
	Organisation string    `json:"organisation"`
	Role         string    `json:"role"`
	Since        time.Time `json:"since"`
}

func (p *Pages) apiShow(ctx context.Context, in *NumberInput) (*showOutput, error) {
	i, err := p.apiNumbered(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	out := &showOutput{}
	out.Body.Line, out.Body.Resolution = p.line(&i), i.Resolution
	if i.MergedInto != 0 {
		out.Body.MergedInto = p.in.Number(i.MergedInto)
	}
	ps, err := p.in.Participants(ctx, p.in.Acts.Reader(), i.ID, false)
	if err != nil {
		return nil, err
	}
	out.Body.Participants = []ParticipantLine{}
	for _, one := range ps {
		out.Body.Participants = append(out.Body.Participants, ParticipantLine{p.orgName(one.Org), string(one.Role), one.AddedAt})
	}
	out.Body.Entries, err = p.entryLines(ctx, i.ID)
	return out, err
}

func (p *Pages) entryLines(ctx context.Context, id int64) ([]EntryLine, error) {
	db, v := p.in.Acts.Reader(), incident.ViewerOf(apiActor(ctx))
	es, err := p.in.Story(ctx, db, v, id)
	if err != nil {
		return nil, err
	}
	sights, err := p.in.Observables(ctx, db, v, id)
	if err != nil {
		return nil, err
	}
	seen := map[int64][]observable.Observable{}
	for _, s := range sights {
		seen[s.Entry] = append(seen[s.Entry], observable.Observable{Kind: s.Kind, Value: s.Value})
	}
	ts, err := p.in.Tasks(ctx, db, v, id)
	if err != nil {
		return nil, err
	}
	tasks := map[int64]incident.Task{}
	for _, t := range ts {
		tasks[t.Entry] = t
	}
	out := make([]EntryLine, 0, len(es))
	for _, e := range es {
		l := p.entryLine(e)
		l.Observables = seen[e.ID]
		if t, ok := tasks[e.ID]; ok {
			l.State, l.Due, l.Owes, l.TaskVersion = string(t.State), t.Due, p.orgName(t.Org), t.Version
		}
		out = append(out, l)
	}
	return out, nil
}

func (p *Pages) entryLine(e incident.Entry) EntryLine {
	l := EntryLine{
		ID: e.ID, Kind: string(e.Kind), Owner: p.orgName(e.Owner), By: e.By, Marking: e.Marking.String(), At: e.At, Recorded: e.RecordedAt, Text: e.Text,
		ReplyTo: e.ReplyTo, Source: e.Source, Retracted: e.Retracted, Version: e.Version,
	}
	if !e.RetractedAt.IsZero() {
		l.Text = ""
	}
	return l
}

type closeInput struct {
	NumberInput
	Body struct {
		State      string `json:"state" enum:"resolved,abandoned"`
		Resolution string `json:"resolution"`
		Answer     string `json:"answer,omitempty" doc:"what each reporter is told; their reports are resolved with it"`
		Version    int64  `json:"version" doc:"the version that you looked at"`
	}
}

// noContent is the answer of a verb that has nothing to say.
type noContent struct{}

func (p *Pages) apiClose(ctx context.Context, in *closeInput) (*noContent, error) {
	i, err := p.apiNumbered(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	if err := p.in.Close(ctx, apiActor(ctx), i.ID, incident.State(in.Body.State), in.Body.Resolution, in.Body.Version); err != nil {
		return nil, err
	}
	_, err = p.in.AnswerReporters(ctx, apiActor(ctx), i.ID, in.Body.Answer)
	return nil, err
}

type participateInput struct {
	NumberInput
	Body struct {
		Organisation string `json:"organisation" doc:"its name"`
		Role         string `json:"role"`
		Tell         string `json:"tell,omitempty" enum:"mail,portal,"`
		Why          string `json:"why,omitempty"`
	}
}

// apiOrg is an organisation by its name.
func (p *Pages) apiOrg(ctx context.Context, field, name string) (guard.Organisation, error) {
	o, ok, err := p.in.Guard.OrganisationNamed(ctx, p.in.Acts.Reader(), name)
	if err == nil && !ok {
		err = fault.OnField(field, "incident.participant.no_organisation", nil)
	}
	return o, err
}

// apiOrgID is an organisation that may be left out, then 0.
func (p *Pages) apiOrgID(ctx context.Context, field, name string) (int64, error) {
	if name == "" {
		return 0, nil
	}
	o, err := p.apiOrg(ctx, field, name)
	return o.ID, err
}

func (p *Pages) apiOrgs(ctx context.Context, field string, names []string) (out []int64, err error) {
	for _, name := range names {
		o, err := p.apiOrg(ctx, field, name)
		if err != nil {
			return nil, err
		}
		out = append(out, o.ID)
	}
	return out, nil
}

// apiParty is an incident by its number and an organisation by its name.
func (p *Pages) apiParty(ctx context.Context, number, name string) (i incident.Incident, o guard.Organisation, err error) {
	if i, err = p.apiNumbered(ctx, number); err == nil {
		o, err = p.apiOrg(ctx, "organisation", name)
	}
	return i, o, err
}

func (p *Pages) apiParticipate(ctx context.Context, in *participateInput) (*noContent, error) {
	i, o, err := p.apiParty(ctx, in.Number, in.Body.Organisation)
	if err != nil {
		return nil, err
	}
	_, err = p.in.AddParticipant(ctx, apiActor(ctx), i.ID, incident.NewParticipant{
		Org: o.ID, Role: incident.Role(in.Body.Role), Tell: incident.Tell(in.Body.Tell), Why: in.Body.Why,
	})
	return nil, err
}

type mergeInput struct {
	NumberInput
	Body struct {
		Into   string `json:"into,omitempty"`
		Reason string `json:"reason"`
	}
}

func (p *Pages) apiMerge(ctx context.Context, in *mergeInput) (*noContent, error) {
	i, err := p.apiNumbered(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	if in.Body.Into == "" {
		return nil, p.in.Unmerge(ctx, apiActor(ctx), i.ID, in.Body.Reason)
	}
	into, err := p.apiNumbered(ctx, in.Body.Into)
	if err != nil {
		return nil, err
	}
	return nil, p.in.Merge(ctx, apiActor(ctx), i.ID, into.ID, in.Body.Reason)
}

type splitInput struct {
	NumberInput
	Body struct {
		Title   string  `json:"title,omitempty"`
		Reason  string  `json:"reason"`
		Entries []int64 `json:"entries,omitempty" maxItems:"1000"`
		Undo    bool    `json:"undo,omitempty" doc:"brings back what this incident was split off with, and answers with where that is now"`
	}
}

func (p *Pages) apiSplit(ctx context.Context, in *splitInput) (*lineOutput, error) {
	i, err := p.apiNumbered(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	if in.Body.Undo {
		if err := p.in.Unsplit(ctx, apiActor(ctx), i.ID, in.Body.Reason); err != nil {
			return nil, err
		}
		back, err := p.in.Incident(ctx, p.in.Acts.Reader(), incident.ViewerOf(apiActor(ctx)), i.SplitFrom)
		return &lineOutput{p.line(&back)}, err
	}
	to, err := p.in.Split(ctx, apiActor(ctx), i.ID, in.Body.Entries, in.Body.Title, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return &lineOutput{p.line(&to)}, nil
}

type writeInput struct {
	NumberInput
	Body struct {
		Kind        string    `json:"kind" enum:"note,observable,task,file,decision,call,status,question,measure"`
		Text        string    `json:"text,omitempty"`
		Marking     string    `json:"marking" example:"TLP:AMBER"`
		To          []string  `json:"to,omitempty" doc:"organisations that shall see it, by name"`
		Owner       string    `json:"owner,omitempty" doc:"whose word it is, when the desk writes down what somebody said"`
		By          string    `json:"by,omitempty" doc:"who said it"`
		At          time.Time `json:"at,omitzero" doc:"when it happened; now when missing"`
		ReplyTo     int64     `json:"reply_to,omitempty"`
		Observables []string  `json:"observables,omitempty" maxItems:"1000"`
		Owes        string    `json:"owes,omitempty" doc:"who owes a task or is asked, by name"`
		Due         time.Time `json:"due,omitzero"`
	}
}

type entryOutput struct{ Body EntryLine }

func (p *Pages) apiWrite(ctx context.Context, in *writeInput) (*entryOutput, error) {
	i, err := p.apiNumbered(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	b := in.Body
	n := incident.NewEntry{Kind: incident.Kind(b.Kind), Text: b.Text, By: b.By, At: b.At, ReplyTo: b.ReplyTo}
	if n.Marking, err = parseMarking("marking", b.Marking); err != nil {
		return nil, err
	}
	if n.To.Orgs, err = p.apiOrgs(ctx, "to", b.To); err != nil {
		return nil, err
	}
	if n.Owner, err = p.apiOrgID(ctx, "owner", b.Owner); err != nil {
		return nil, err
	}
	for _, v := range b.Observables {
		n.Observables = append(n.Observables, incident.NewObservable{Value: v})
	}
	if n.Kind == incident.TaskEntry || n.Kind == incident.Question || n.Kind == incident.Measure {
		n.Task = &incident.NewTask{Due: b.Due}
		if n.Task.Org, err = p.apiOrgID(ctx, "owes", b.Owes); err != nil {
			return nil, err
		}
	}
	e, err := p.in.AddEntry(ctx, apiActor(ctx), i.ID, n)
	if err != nil {
		return nil, err
	}
	return &entryOutput{p.entryLine(e)}, nil
}

type taskInput struct {
	Entry int64 `path:"entry" minimum:"1"`
	Body  struct {
		State   string `json:"state"`
		Result  string `json:"result,omitempty"`
		Version int64  `json:"version"`
	}
}

func (p *Pages) apiTask(ctx context.Context, in *taskInput) (*noContent, error) {
	return nil, p.in.SetTask(ctx, apiActor(ctx), in.Entry, incident.TaskState(in.Body.State), in.Body.Result, in.Body.Version)
}

// linesOf are the lines of an answer, one of each; never null.
func linesOf[T, L any](all []T, line func(*T) L) []L {
	out := make([]L, len(all))
	for i := range all {
		out[i] = line(&all[i])
	}
	return out
}
