package incidentweb

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/incident"
	"almenara.example/regime"
)

// clockCalls are the calls about clocks.
func (p *Pages) clockCalls(api huma.API) {
	const one = "incidents/ALM-0000-0000"
	huma.Register(api, operation(http.MethodGet, "clocks", "clocks", read, "Clocks that run, the first due first", "clocks?due=24h"), p.apiClocks)
	huma.Register(api, operation(http.MethodGet, "clocks-of", "incidents/{number}/clocks", read, "The clocks of an incident that you may know of", one+"/clocks"), p.apiClocksOf)
	huma.Register(api, operation(http.MethodPost, "begin-duty", "incidents/{number}/duties", beginDuty, "Say that a regime applies to a participant", one+`/duties {"organisation":"a","regime":"nis2"}`), p.apiBeginDuty)
	huma.Register(api, operation(http.MethodPost, "set-anchor", "incidents/{number}/anchors", setAnchor, "Record or correct a time from which is counted; says which clocks move", one+`/anchors {"organisation":"a","event":"awareness","at":"2026-11-21T03:10:00Z"}`), p.apiSetAnchor)
	huma.Register(api, operation(http.MethodGet, "filing", "filings/{filing}", read, "A document that is filed, with the regime, its version and citation", "filings/1"), p.apiFiling)
}

// ClockLine is a clock in an answer of the API.
type ClockLine struct {
	ID       int64      `json:"id"`
	Incident string     `json:"incident"`
	Regime   string     `json:"regime"`
	Stage    string     `json:"stage"`
	OwedBy   string     `json:"owed_by"`
	OwedTo   string     `json:"owed_to"`
	Strict   *time.Time `json:"strict"`
	Lawful   *time.Time `json:"lawful"`
	Amended  *time.Time `json:"amended,omitempty"`
	Anchor   *time.Time `json:"anchor"`
	State    string     `json:"state" doc:"waiting, running, paused, late, met or void"`
	Met      *time.Time `json:"met,omitempty"`
	Citation string     `json:"citation"`
	Verified bool       `json:"verified"`
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (p *Pages) clockLine(c *incident.Clock) ClockLine {
	name := func(role regime.Role, org int64) string {
		if org == 0 {
			return string(role)
		}
		return p.orgName(org)
	}
	return ClockLine{
		ID: c.ID, Incident: p.in.Number(c.Incident), Regime: c.Regime, Stage: c.Stage, OwedBy: name(c.OwedBy, c.OwedByOrg), OwedTo: name(c.OwedTo, c.OwedToOrg),
		Strict: orNull(c.Strict), Lawful: orNull(c.Lawful), Amended: orNull(c.Amended), Anchor: orNull(c.Anchor), State: c.Word(p.in.Acts.Clock().Now()),
		Met: orNull(c.MetAt), Citation: c.Citation, Verified: c.Verified,
	}
}

type clocksInput struct {
	Due      string `query:"due" doc:"only those that fall due within this time, such as 24h; overdue ones are among them" example:"24h"`
	Regime   string `query:"regime"`
	Sector   string `query:"sector"`
	Exercise bool   `query:"exercise"`
	Limit    int    `query:"limit" minimum:"1" maximum:"5000" default:"1000"`
}

type clocksOutput struct {
	Body struct {
		Clocks []ClockLine `json:"clocks"`
	}
}

func (p *Pages) clocksAnswer(found []incident.Clock) *clocksOutput {
	out := &clocksOutput{}
	out.Body.Clocks = linesOf(found, p.clockLine)
	return out
}

func (p *Pages) apiClocks(ctx context.Context, in *clocksInput) (*clocksOutput, error) {
	f := incident.ClockFilter{Regime: in.Regime, Sector: in.Sector, Exercise: in.Exercise, Limit: in.Limit}
	if in.Due != "" {
		d, err := time.ParseDuration(in.Due)
		if err != nil || d < 0 {
			return nil, fault.OnField("due", "incident.desk.clocks.duration", nil)
		}
		f.Until = p.in.Acts.Clock().Now().Add(d)
	}
	found, err := p.in.RunningClocks(ctx, p.in.Acts.Reader(), incident.ViewerOf(apiActor(ctx)), f)
	return p.clocksAnswer(found), err
}

func (p *Pages) apiClocksOf(ctx context.Context, in *NumberInput) (*clocksOutput, error) {
	i, err := p.apiNumbered(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	found, err := p.in.Clocks(ctx, p.in.Acts.Reader(), incident.ViewerOf(apiActor(ctx)), i.ID)
	return p.clocksAnswer(found), err
}

type beginDutyInput struct {
	NumberInput
	Body struct {
		Organisation string `json:"organisation" doc:"its name"`
		Regime       string `json:"regime"`
		Entity       string `json:"entity,omitempty"`
		Authority    string `json:"authority,omitempty" doc:"to which it reports, by name"`
		Zone         string `json:"zone,omitempty"`
		Why          string `json:"why,omitempty"`
	}
}

func (p *Pages) apiBeginDuty(ctx context.Context, in *beginDutyInput) (*clocksOutput, error) {
	i, o, err := p.apiParty(ctx, in.Number, in.Body.Organisation)
	if err != nil {
		return nil, err
	}
	n := incident.NewDuty{Org: o.ID, Regime: in.Body.Regime, Entity: in.Body.Entity, Zone: in.Body.Zone, Why: in.Body.Why}
	if in.Body.Authority != "" {
		a, err := p.apiOrg(ctx, "authority", in.Body.Authority)
		if err != nil {
			return nil, err
		}
		n.Authority = a.ID
	}
	d, err := p.in.BeginDuty(ctx, apiActor(ctx), i.ID, n)
	if err != nil {
		return nil, err
	}
	found, err := p.in.Clocks(ctx, p.in.Acts.Reader(), incident.ViewerOf(apiActor(ctx)), i.ID)
	return p.clocksAnswer(slices.DeleteFunc(found, func(c incident.Clock) bool { return c.Duty != d.ID })), err
}

type anchorInput struct {
	NumberInput
	Body struct {
		Organisation string    `json:"organisation" doc:"whose duties count from it, by name"`
		Regime       string    `json:"regime,omitempty" doc:"only under this regime; needed for the submission of a stage"`
		Event        string    `json:"event" doc:"an event, or the id of a stage that was submitted"`
		At           time.Time `json:"at,omitzero" doc:"when; nothing withdraws what was recorded"`
		Reason       string    `json:"reason,omitempty" doc:"needed for a correction"`
		Seen         int64     `json:"seen,omitempty" doc:"the anchor that is corrected"`
		Preview      bool      `json:"preview,omitempty" doc:"only say what would move"`
	}
}

type movesOutput struct {
	Body struct {
		Moves []MoveLine `json:"moves"`
	}
}

// MoveLine is a clock that moved, or would.
type MoveLine struct {
	Before ClockLine `json:"before"`
	After  ClockLine `json:"after"`
}

func (p *Pages) apiSetAnchor(ctx context.Context, in *anchorInput) (*movesOutput, error) {
	i, o, err := p.apiParty(ctx, in.Number, in.Body.Organisation)
	if err != nil {
		return nil, err
	}
	b := in.Body
	n := incident.NewAnchor{Org: o.ID, Regime: b.Regime, Event: regime.Event(b.Event), At: b.At.UTC(), Reason: b.Reason, Seen: b.Seen}
	if b.At.IsZero() {
		n.At = time.Time{}
	}
	var moves []incident.Move
	if b.Preview {
		moves, err = p.in.PreviewAnchor(ctx, p.in.Acts.Reader(), incident.ViewerOf(apiActor(ctx)), i.ID, n)
	} else {
		moves, err = p.in.SetAnchor(ctx, apiActor(ctx), i.ID, n)
	}
	out := &movesOutput{}
	out.Body.Moves = []MoveLine{}
	for k := range moves {
		out.Body.Moves = append(out.Body.Moves, MoveLine{p.clockLine(&moves[k].Before), p.clockLine(&moves[k].After)})
	}
	return out, err
}

// FilingLine is a document in its machine form.
type FilingLine struct {
	ID       int64         `json:"id"`
	Incident string        `json:"incident"`
	Regime   string        `json:"regime"`
	Version  string        `json:"version" doc:"of the regime's file"`
	Digest   string        `json:"digest" doc:"SHA-256 of the regime's file"`
	Verified bool          `json:"verified" doc:"the file is confirmed against the official text"`
	Law      string        `json:"law"`
	Stage    string        `json:"stage"`
	Citation string        `json:"citation"`
	State    string        `json:"state" doc:"draft or sent"`
	Sent     *time.Time    `json:"sent,omitempty"`
	How      string        `json:"how,omitempty"`
	Fields   []FilingField `json:"fields"`
}

// FilingField is one field of a document.
type FilingField struct {
	ID       string `json:"id"`
	Label    string `json:"label"`
	Kind     string `json:"kind"`
	Required bool   `json:"required"`
	Value    string `json:"value"`
}

type filingInput struct {
	Filing int64 `path:"filing" minimum:"1"`
}

type filingOutput struct{ Body FilingLine }

func (p *Pages) apiFiling(ctx context.Context, in *filingInput) (*filingOutput, error) {
	v := incident.ViewerOf(apiActor(ctx))
	f, err := p.in.Filing(ctx, p.in.Acts.Reader(), v, in.Filing)
	if err != nil {
		return nil, err
	}
	c, err := p.in.Clock(ctx, p.in.Acts.Reader(), v, f.Clock)
	if err != nil {
		return nil, err
	}
	out, err := p.filingLine(&f, &c)
	return &filingOutput{out}, err
}

// filingLine is a document in its machine form: the regime by version, the fields in
// the order of the law.
func (p *Pages) filingLine(f *incident.Filing, c *incident.Clock) (FilingLine, error) {
	l, s, err := p.in.StageOf(c)
	if err != nil {
		return FilingLine{}, err
	}
	out := FilingLine{
		ID: f.ID, Incident: p.in.Number(f.Incident), Regime: l.Regime.ID, Version: l.Regime.Version, Digest: l.Digest, Verified: l.Confirmed(), Law: l.Regime.Law,
		Stage: s.ID, Citation: c.Citation, State: "draft", Fields: []FilingField{},
	}
	if f.Sent {
		out.State, out.Sent, out.How = "sent", orNull(f.SentAt), f.SentHow
	}
	for _, one := range s.Fields {
		out.Fields = append(out.Fields, FilingField{one.ID, one.Label.In("en"), string(one.Kind), one.Required, f.Answers[one.ID]})
	}
	return out, nil
}
