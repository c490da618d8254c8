package incidentweb

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/incident"
	"almenara.example/internal/warn"
	"almenara.example/wire"
)

// phoneCalls are the calls about whom to phone.
func (p *Pages) phoneCalls(api huma.API) {
	huma.Register(api, operation(http.MethodGet, "calls", "calls", read, "Whom to call about what is owed, newest first", "calls?all=true"), p.apiCalls)
	huma.Register(api, operation(http.MethodPost, "note-call", "calls/{call}", noteCall, "Enter what a call came to", `calls/1 {"version":1,"outcome":"busy"}`), p.apiNoteCall)
}

type callsOutput struct {
	Body struct {
		Calls []wire.OwedCall `json:"calls"`
	}
}

func (p *Pages) apiCalls(ctx context.Context, in *struct {
	All bool `query:"all" doc:"also those that are settled"`
}) (*callsOutput, error) {
	v := incident.ViewerOf(apiActor(ctx))
	if !v.Desk() {
		return nil, fault.New(fault.NotFound, "incident.clocks.none", nil)
	}
	all, err := p.in.Calls(ctx, p.in.Acts.Reader(), v, !in.All)
	out := &callsOutput{}
	out.Body.Calls = linesOf(all, p.callLine)
	for k := range all {
		contacts, failed := p.whomToCall(ctx, all[k].Org)
		if failed != nil {
			return nil, failed
		}
		for _, c := range contacts {
			l := &out.Body.Calls[k]
			l.Contacts = append(l.Contacts, wire.CallContact{Name: c.Name, Role: c.Role, Phone: c.Phone, Language: c.Language, Hours: c.Hours})
		}
	}
	return out, err
}

func (p *Pages) callLine(c *incident.OwedCall) wire.OwedCall {
	return wire.OwedCall{
		ID: c.ID, Version: c.Version, Incident: p.in.Number(c.Incident), Clock: c.Clock, Entry: c.Entry, Organisation: p.orgName(c.Org), State: string(c.State),
		Owed: c.Owed, Exercise: c.Exercise, Since: c.OpenedAt, Contacts: []wire.CallContact{}, Tries: linesOf(c.Tries, func(t *warn.CallTry) wire.CallTry {
			return wire.CallTry{At: t.At, Outcome: t.Outcome, Spoke: t.Spoke, Phone: t.Phone, Note: t.Note}
		}),
	}
}

func (p *Pages) apiNoteCall(ctx context.Context, in *struct {
	Call int64 `path:"call" minimum:"1"`
	Body wire.NewOwedTry
}) (*noContent, error) {
	b := in.Body
	t := warn.CallTry{At: orZero(b.At), Outcome: b.Outcome, Spoke: b.Spoke, Phone: b.Phone, Note: b.Note}
	return nil, p.in.NoteCall(ctx, apiActor(ctx), in.Call, b.Version, t, b.GiveUp)
}

// orZero is a time that may be left out.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
