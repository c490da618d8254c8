package warnweb

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
	"almenara.example/wire"
)

func (p *Pages) warningCalls(api huma.API) {
	const one = "warnings/ALM-0000-0000"
	huma.Register(api, operation(http.MethodGet, "warnings", "warnings", read, "List warnings to many, newest first", "warnings?limit=1"), p.apiWarnings)
	add := operation(http.MethodPost, "compose", "warnings", compose, "Keep a warning as a draft",
		`warnings {"severity":"high","marking":"TLP:GREEN","text":{"en":{"title":"a","what":"b","do":"c"}},"to":{"organisations":["nobody"]}}`)
	add.DefaultStatus = http.StatusCreated
	huma.Register(api, add, p.apiCompose)
	file := operation(http.MethodPost, "compose-file", "warnings/file", compose, "Keep the warning of a TOML file as a draft; with preview=true only say whom it would be told to", `warnings/file {"a":1}`)
	huma.Register(api, file, p.apiComposeFile)
	huma.Register(api, operation(http.MethodGet, "warning", "warnings/{number}", read, "One warning", one), p.apiWarning)
	huma.Register(api, operation(http.MethodGet, "warning-list", "warnings/{number}/list", read, "Whom a draft would be told to, and the fingerprint that a release names", one+"/list"), p.apiList)
	huma.Register(api, operation(http.MethodPost, "release", "warnings/{number}/release", release, "Let a warning go", one+`/release {"version":1,"seen":"x"}`), p.apiRelease)
	huma.Register(api, operation(http.MethodPost, "review", "warnings/{number}/review", review, "Judge a release on call", one+`/review {"approve":true}`), p.apiReview)
	huma.Register(api, operation(http.MethodPost, "close", "warnings/{number}/close", closing, "Ask nobody any more", one+`/close {"reason":"a"}`), p.apiClose)
	huma.Register(api, operation(http.MethodGet, "taken", "warnings/{number}/taken", read, "Where every recipient of a warning stands", one+"/taken"), p.apiTaken)
}

type warningsInput struct {
	State  string `query:"state" enum:"draft,released,closed,discarded,"`
	Before int64  `query:"before" doc:"only warnings below this cursor"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type warningsOutput struct{ Body wire.Warnings }

func (p *Pages) apiWarnings(ctx context.Context, in *warningsInput) (*warningsOutput, error) {
	vs, err := p.warn.WarningsList(ctx, p.warn.Acts.Reader(), warn.WarningFilter{State: warn.WarningState(in.State), Before: in.Before, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(vs))
	for i := range vs {
		ids[i] = vs[i].ID
	}
	tallies, err := p.warn.Tallies(ctx, p.warn.Acts.Reader(), ids)
	if err != nil {
		return nil, err
	}
	out := &warningsOutput{Body: wire.Warnings{Warnings: make([]wire.Warning, 0, len(vs))}}
	for i := range vs {
		out.Body.Warnings = append(out.Body.Warnings, p.wireWarning(&vs[i], tallies[vs[i].ID]))
	}
	if len(vs) == in.Limit {
		out.Body.Next = vs[len(vs)-1].ID
	}
	return out, nil
}

func (p *Pages) wireWarning(v *warn.Warning, t warn.Tally) wire.Warning {
	out := wire.Warning{
		Number: p.warn.WarningNumber(v.ID), Title: v.Title, State: string(v.State), Severity: string(v.Severity), Marking: v.Marking.String(),
		Until: moment(v.Until), Exercise: v.Exercise, Version: v.Version, Composed: moment(v.ComposedAt), Released: moment(v.ReleasedAt),
		ReleasedHow: v.ReleasedHow, ReviewDue: moment(v.ReviewDue), Review: v.Review, Closed: moment(v.ClosedAt), Recipients: len(v.Recipients),
		Taken: t.Taken, Languages: v.Languages(),
	}
	if v.AnswerWithin > 0 {
		out.AnswerWithin = v.AnswerWithin.String()
	}
	return out
}

// whole is a warning with its texts and its choice.
func (p *Pages) whole(ctx context.Context, v *warn.Warning) (wire.Warning, error) {
	tallies, err := p.warn.Tallies(ctx, p.warn.Acts.Reader(), []int64{v.ID})
	out := p.wireWarning(v, tallies[v.ID])
	out.Texts = map[string]wire.WarningText{}
	for l, t := range v.Texts {
		out.Texts[l] = wire.WarningText(t)
	}
	c := v.Choice
	choice := wire.WarningChoice{
		Everyone: c.Everyone, Sectors: c.Sectors, Kinds: c.OrgKinds, Critical: c.Critical, Region: c.Region, Service: c.Service, Asset: c.Asset,
		Product: c.Product, Findings: c.Findings, Organisations: lines(p.names(c.Orgs)), Except: lines(p.names(c.Except)),
	}
	if c.Severity > watch.NoSeverity {
		choice.Severity = c.Severity.String()
	}
	out.Choice = &choice
	return out, err
}

type numberInput struct {
	Number string `path:"number"`
}

type warningOutput struct{ Body wire.Warning }

func (p *Pages) apiWarning(ctx context.Context, in *numberInput) (*warningOutput, error) {
	v, err := p.warn.WarningNumbered(ctx, p.warn.Acts.Reader(), in.Number)
	if err != nil {
		return nil, err
	}
	w, err := p.whole(ctx, &v)
	return &warningOutput{w}, err
}

type composeInput struct{ Body wire.NewWarning }

func (p *Pages) apiCompose(ctx context.Context, in *composeInput) (*warningOutput, error) {
	v, err := warningOf(&in.Body)
	if err != nil {
		return nil, err
	}
	return p.composed(ctx, v)
}

func (p *Pages) composed(ctx context.Context, v warn.Warning) (*warningOutput, error) {
	if _, err := p.warn.Draft(ctx, p.warn.Acts.Reader(), v); err != nil {
		return nil, err
	}
	v, err := p.warn.Compose(ctx, apiActor(ctx), v)
	if err != nil {
		return nil, err
	}
	w, err := p.whole(ctx, &v)
	return &warningOutput{w}, err
}

// warningOf reads a warning as a program gives it.
func warningOf(b *wire.NewWarning) (v warn.Warning, err error) {
	c := b.Choice
	v = warn.Warning{Severity: warn.Severity(b.Severity), Until: timeAt(b.Until), Exercise: b.Exercise, Texts: map[string]warn.Text{}}
	for l, t := range b.Texts {
		v.Texts[l] = warn.Text(t)
	}
	if v.Marking, err = tlp.Parse(b.Marking); err != nil {
		return v, fault.OnField("marking", "warn.warning.marking", nil)
	}
	if b.AnswerWithin != "" {
		if v.AnswerWithin, err = time.ParseDuration(b.AnswerWithin); err != nil {
			return v, fault.OnField("answer_within", "warn.warning.answer_within", nil)
		}
	}
	v.Choice = warn.Choice{
		Everyone: c.Everyone, Sectors: c.Sectors, OrgKinds: c.Kinds, Critical: c.Critical, Region: c.Region, Service: c.Service, Asset: c.Asset,
		Product: c.Product, Findings: c.Findings, Names: c.Organisations, Excepted: c.Except,
	}
	if c.Severity != "" {
		if v.Choice.Severity, err = watch.ParseSeverity(c.Severity); err != nil {
			return v, fault.OnField("to.severity", "warn.warning.severity", nil)
		}
	}
	return v, nil
}

type fileInput struct {
	Preview bool   `query:"preview" doc:"keep nothing; say whom it would be told to"`
	RawBody []byte `contentType:"application/toml"`
}

type fileOutput struct {
	Body struct {
		Warning *wire.Warning    `json:"warning,omitempty" doc:"the draft, when it was kept"`
		List    *wire.Recipients `json:"list,omitempty" doc:"whom it would be told to, of a preview"`
	}
}

func (p *Pages) apiComposeFile(ctx context.Context, in *fileInput) (*fileOutput, error) {
	v, err := warn.ReadFile(bytes.NewReader(in.RawBody))
	if err != nil {
		return nil, err
	}
	out := &fileOutput{}
	if !in.Preview {
		kept, err := p.composed(ctx, v)
		if err != nil {
			return nil, err
		}
		out.Body.Warning = &kept.Body
		return out, nil
	}
	if v, err = p.warn.Draft(ctx, p.warn.Acts.Reader(), v); err != nil {
		return nil, err
	}
	list, err := p.recipients(ctx, &v)
	out.Body.List = &list
	return out, err
}

func (p *Pages) recipients(ctx context.Context, v *warn.Warning) (wire.Recipients, error) {
	list, seen, err := p.warn.Choose(ctx, p.warn.Acts.Reader(), *v)
	out := wire.Recipients{Version: v.Version, Seen: seen, Recipients: make([]wire.Recipient, 0, len(list))}
	if v.ID != 0 {
		out.Number = p.warn.WarningNumber(v.ID)
	}
	for _, c := range list {
		out.Recipients = append(out.Recipients, wire.Recipient{
			Organisation: c.Org.Name, Contact: c.Contact.Name, Address: c.Contact.Email, Language: c.Language, Manner: string(c.Manner),
		})
	}
	return out, err
}

type recipientsOutput struct{ Body wire.Recipients }

func (p *Pages) apiList(ctx context.Context, in *numberInput) (*recipientsOutput, error) {
	v, err := p.warn.WarningNumbered(ctx, p.warn.Acts.Reader(), in.Number)
	if err != nil {
		return nil, err
	}
	list, err := p.recipients(ctx, &v)
	return &recipientsOutput{list}, err
}

type releaseInput struct {
	Number string `path:"number"`
	Body   wire.ReleaseOrder
}

func (p *Pages) apiRelease(ctx context.Context, in *releaseInput) (*warningOutput, error) {
	v, err := p.warn.WarningNumbered(ctx, p.warn.Acts.Reader(), in.Number)
	if err != nil {
		return nil, err
	}
	b := in.Body
	if err := p.warn.Release(ctx, apiActor(ctx), v.ID, warn.Release{Version: b.Version, Seen: b.Seen, Reason: b.Reason, OnCall: b.OnCall}); err != nil {
		return nil, err
	}
	return p.apiWarning(ctx, &numberInput{in.Number})
}

type reviewInput struct {
	Number string `path:"number"`
	Body   wire.Judgement
}

func (p *Pages) apiReview(ctx context.Context, in *reviewInput) (*noContent, error) {
	v, err := p.warn.WarningNumbered(ctx, p.warn.Acts.Reader(), in.Number)
	if err != nil {
		return nil, err
	}
	return nil, p.warn.Review(ctx, apiActor(ctx), v.ID, in.Body.Approve, in.Body.Note)
}

func (p *Pages) apiClose(ctx context.Context, in *reasonInput) (*noContent, error) {
	v, err := p.warn.WarningNumbered(ctx, p.warn.Acts.Reader(), in.Number)
	if err != nil {
		return nil, err
	}
	return nil, p.warn.CloseWarning(ctx, apiActor(ctx), v.ID, in.Body.Reason)
}

type takenOutput struct{ Body []wire.Taken }

func (p *Pages) apiTaken(ctx context.Context, in *numberInput) (*takenOutput, error) {
	db := p.warn.Acts.Reader()
	v, err := p.warn.WarningNumbered(ctx, db, in.Number)
	if err != nil {
		return nil, err
	}
	list, err := p.warn.TakenBy(ctx, db, v.ID)
	if err != nil {
		return nil, err
	}
	notices, err := p.warn.LastNotices(ctx, db, v.ID)
	if err != nil {
		return nil, err
	}
	out := &takenOutput{Body: []wire.Taken{}}
	for _, t := range p.complete(&v, list) {
		one := wire.Taken{
			Organisation: p.orgName(t.Org), Contact: t.Contact, State: string(t.State), Step: t.Step, Sent: moment(t.SentAt), Seen: moment(t.SeenAt),
			Answer: string(t.Answer), Strength: string(t.Strength), By: t.By, At: moment(t.At), Call: string(t.Call),
		}
		if id := notices[t.Org]; id != 0 {
			one.Notice = p.warn.Number(id)
		}
		out.Body = append(out.Body, one)
	}
	return out, nil
}
