package incidentweb

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
	"almenara.example/wire"
)

// recoveryCalls are the calls about services, milestones and resources.
func (p *Pages) recoveryCalls(api huma.API) {
	const one, due = "incidents/ALM-0000-0000", `"due":"2026-11-21T14:05:00Z"`
	post := func(id, path, permission, summary, sample string) huma.Operation {
		return operation(http.MethodPost, id, path, permission, summary, sample)
	}
	huma.Register(api, operation(http.MethodGet, "recovery", "incidents/{number}/recovery", read, "How the recovery stands: services, milestones and what was asked for", one+"/recovery"), p.apiRecovery)
	huma.Register(api, post("add-service", "incidents/{number}/services", addService, "Name a service that is hit", one+`/services {"name":"a","state":"down","marking":"TLP:AMBER"}`), p.apiAddService)
	huma.Register(api, post("set-service", "services/{service}", setService, "Say how a service fares", `services/1 {"state":"restored","version":1}`), p.apiSetService)
	huma.Register(api, post("set-needs", "services/{service}/needs", setNeeds, "Say what a service needs, and how many depend on it", `services/1/needs {"needs":[],"people":1,"version":1}`), p.apiSetNeeds)
	huma.Register(api, post("sign-off", "services/{service}/sign", signOff, "Sign off a service that its operator verified", `services/1/sign {"version":1}`), p.apiSignOff)
	huma.Register(api, post("add-milestone", "incidents/{number}/milestones", addMilestone, "Put a milestone into the plan", one+`/milestones {"title":"a",`+due+`,"marking":"TLP:AMBER"}`), p.apiAddMilestone)
	huma.Register(api, post("move-milestone", "milestones/{entry}/move", moveMilestone, "Give a milestone another time", `milestones/1/move {`+due+`,"reason":"a","version":1}`), p.apiMoveMilestone)
	huma.Register(api, post("reach-milestone", "milestones/{entry}/reach", reachMilestone, "Say that a milestone was reached", `milestones/1/reach {"version":1}`), p.apiReachMilestone)
	huma.Register(api, post("drop-milestone", "milestones/{entry}/drop", dropMilestone, "Say that a milestone is no longer aimed at", `milestones/1/drop {"reason":"a","version":1}`), p.apiDropMilestone)
	huma.Register(api, post("ask-resource", "incidents/{number}/resources", askResource, "Ask for something", one+`/resources {"text":"a","marking":"TLP:AMBER"}`), p.apiAskResource)
	huma.Register(api, post("set-resource", "resources/{entry}", setResource, "Say what becomes of what was asked for", `resources/1 {"state":"offered","version":1}`), p.apiSetResource)
}

type recoveryOutput struct{ Body wire.Recovery }

func (p *Pages) apiRecovery(ctx context.Context, in *NumberInput) (*recoveryOutput, error) {
	i, err := p.apiNumbered(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	v := incident.ViewerOf(apiActor(ctx))
	plan, err := p.recoveryPlan(ctx, v, &i)
	if err != nil {
		return nil, err
	}
	asked, err := p.in.Resources(ctx, p.in.Acts.Reader(), v, i.ID)
	out := &recoveryOutput{wire.Recovery{
		Services:   linesOf(plan.services, func(s *incident.Service) wire.Service { return p.serviceLine(s, plan) }),
		Milestones: linesOf(plan.milestones, p.milestoneLine), Resources: linesOf(asked, p.resourceLine),
	}}
	return out, err
}

func (p *Pages) serviceLine(s *incident.Service, plan recoveryPlan) wire.Service {
	steps := incident.StepsOf(plan.steps, s.ID)
	return wire.Service{
		ID: s.ID, Version: s.Version, Entry: s.Entry, Name: s.Name, Organisation: p.orgName(s.Org), People: s.People, Needs: append([]int64{}, s.Depends...),
		State: string(s.State), Quality: s.Quality, LostHours: incident.Lost(steps, plan.until), Signed: orNull(s.SignedAt),
		Steps: linesOf(steps, func(x *incident.Step) wire.ServiceStep {
			return wire.ServiceStep{Entry: x.Entry, State: string(x.State), Quality: x.Quality, At: x.At, Expected: orNull(x.Expected), By: x.By, Marking: x.Marking.String()}
		}),
	}
}

func (p *Pages) milestoneLine(m *incident.Milestone) wire.Milestone {
	return wire.Milestone{
		Entry: m.Entry, Version: m.Version, Title: m.Title, Service: m.Service, Organisation: p.orgName(m.Org), Place: m.Place, Marking: m.Marking.String(), Due: m.Due,
		Standing: string(m.Standing(p.in.Acts.Clock().Now())), Ended: orNull(m.DoneAt), Result: m.Result,
		Moves: linesOf(m.Moves, func(x *incident.Moved) wire.MilestoneMove {
			return wire.MilestoneMove{At: x.At, Was: x.Was, Reason: x.Reason}
		}),
	}
}

func (p *Pages) resourceLine(q *incident.Resource) wire.Resource {
	return wire.Resource{
		Entry: q.Entry, Version: q.Version, Text: q.Text, Asked: p.orgName(q.AskedBy), Given: p.orgName(q.GivenBy), State: string(q.State), Changed: q.ChangedAt, Marking: q.Marking.String(),
	}
}

// shown is what an entry of the API says of who will see it: its incident, marking and
// organisations.
func (p *Pages) shown(ctx context.Context, number, marking string, to []string) (i incident.Incident, m tlp.Marking, c guard.Circle, err error) {
	if i, err = p.apiNumbered(ctx, number); err != nil {
		return i, m, c, err
	}
	if m, err = parseMarking("marking", marking); err != nil {
		return i, m, c, err
	}
	c.Orgs, err = p.apiOrgs(ctx, "to", to)
	return i, m, c, err
}

func stepOf(b wire.NewServiceStep, version int64) incident.NewStep {
	return incident.NewStep{State: incident.ServiceState(b.State), Quality: b.Quality, At: orZero(b.At), Expected: orZero(b.Expected), By: b.By, Note: b.Note, Version: version}
}

type addServiceInput struct {
	NumberInput
	Body wire.NewService
}

// ServiceInput is the service in an address.
type ServiceInput struct {
	Service int64 `path:"service" minimum:"1"`
}

type idOutput struct {
	Body struct {
		ID    int64 `json:"id,omitempty"`
		Entry int64 `json:"entry,omitempty"`
	}
}

func (p *Pages) apiAddService(ctx context.Context, in *addServiceInput) (*idOutput, error) {
	b := in.Body
	i, m, to, err := p.shown(ctx, in.Number, b.Marking, b.To)
	if err != nil {
		return nil, err
	}
	n := incident.NewService{Name: b.Name, People: b.People, Depends: b.Needs, Marking: m, To: to, Now: stepOf(b.NewServiceStep, 0)}
	if n.Org, err = p.apiOrgID(ctx, "organisation", b.Organisation); err != nil {
		return nil, err
	}
	s, err := p.in.AddService(ctx, apiActor(ctx), i.ID, n)
	out := &idOutput{}
	out.Body.ID, out.Body.Entry = s.ID, s.Entry
	return out, err
}

func (p *Pages) apiSetService(ctx context.Context, in *struct {
	ServiceInput
	Body wire.ServiceChange
}) (*noContent, error) {
	return nil, p.in.SetService(ctx, apiActor(ctx), in.Service, stepOf(in.Body.NewServiceStep, in.Body.Version))
}

func (p *Pages) apiSetNeeds(ctx context.Context, in *struct {
	ServiceInput
	Body wire.ServiceNeeds
}) (*noContent, error) {
	return nil, p.in.SetNeeds(ctx, apiActor(ctx), in.Service, in.Body.Needs, in.Body.People, in.Body.Version)
}

func (p *Pages) apiSignOff(ctx context.Context, in *struct {
	ServiceInput
	Body wire.Seen
}) (*noContent, error) {
	return nil, p.in.SignOff(ctx, apiActor(ctx), in.Service, in.Body.Version)
}

type addMilestoneInput struct {
	NumberInput
	Body wire.NewMilestone
}

// EntryInput is the entry in an address.
type EntryInput struct {
	Entry int64 `path:"entry" minimum:"1"`
}

func (p *Pages) apiAddMilestone(ctx context.Context, in *addMilestoneInput) (*idOutput, error) {
	b := in.Body
	i, m, to, err := p.shown(ctx, in.Number, b.Marking, b.To)
	if err != nil {
		return nil, err
	}
	n := incident.NewMilestone{Title: b.Title, Service: b.Service, Due: b.Due.UTC(), Place: b.Place, Marking: m, To: to}
	if n.Org, err = p.apiOrgID(ctx, "organisation", b.Organisation); err != nil {
		return nil, err
	}
	e, err := p.in.AddMilestone(ctx, apiActor(ctx), i.ID, n)
	out := &idOutput{}
	out.Body.Entry = e.ID
	return out, err
}

func (p *Pages) apiMoveMilestone(ctx context.Context, in *struct {
	EntryInput
	Body wire.MilestoneDue
}) (*noContent, error) {
	return nil, p.in.MoveMilestone(ctx, apiActor(ctx), in.Entry, in.Body.Due.UTC(), in.Body.Reason, in.Body.Version)
}

func (p *Pages) apiReachMilestone(ctx context.Context, in *struct {
	EntryInput
	Body wire.MilestoneReached
}) (*noContent, error) {
	return nil, p.in.ReachMilestone(ctx, apiActor(ctx), in.Entry, orZero(in.Body.At), in.Body.Result, in.Body.Version)
}

func (p *Pages) apiDropMilestone(ctx context.Context, in *struct {
	EntryInput
	Body wire.MilestoneDropped
}) (*noContent, error) {
	return nil, p.in.DropMilestone(ctx, apiActor(ctx), in.Entry, in.Body.Reason, in.Body.Version)
}

type askResourceInput struct {
	NumberInput
	Body wire.NewResource
}

func (p *Pages) apiAskResource(ctx context.Context, in *askResourceInput) (*idOutput, error) {
	b := in.Body
	i, m, to, err := p.shown(ctx, in.Number, b.Marking, b.To)
	if err != nil {
		return nil, err
	}
	n := incident.NewEntry{Marking: m, Text: b.Text, To: to}
	if n.Owner, err = p.apiOrgID(ctx, "asked", b.Asked); err != nil {
		return nil, err
	}
	e, err := p.in.AskResource(ctx, apiActor(ctx), i.ID, n)
	out := &idOutput{}
	out.Body.Entry = e.ID
	return out, err
}

func (p *Pages) apiSetResource(ctx context.Context, in *struct {
	EntryInput
	Body wire.ResourceChange
}) (*noContent, error) {
	giver, err := p.apiOrgID(ctx, "given", in.Body.Given)
	if err != nil {
		return nil, err
	}
	return nil, p.in.SetResource(ctx, apiActor(ctx), in.Entry, incident.ResourceState(in.Body.State), giver, in.Body.Version)
}
