package incidentweb

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/incident"
)

// crossingAPI registers the calls of danger to life.
func (p *Pages) crossingAPI(api huma.API) {
	huma.Register(api, operation(http.MethodGet, "crossings", "crossings", readCrossings, "What crossed to the police because of danger to life, newest first", "crossings?limit=1"), p.apiCrossings)
	huma.Register(api, operation(http.MethodPost, "cross", "incidents/{number}/crossings", crossDanger, "Hand chosen lines to the police because a life is in danger", `incidents/ALM-0000-0000/crossings {"organisation":"a","entries":[1],"ground":"eu-led-10b","why":"a"}`), p.apiCross)
}

// CrossingLine is a crossing in an answer of the API.
type CrossingLine struct {
	Number    string    `json:"number"`
	To        string    `json:"to"`
	Ground    string    `json:"ground"`
	At        time.Time `json:"at"`
	ReviewDue time.Time `json:"review_due"`
	Reviewed  time.Time `json:"reviewed,omitzero"`
	Verdict   string    `json:"verdict,omitempty"`
	Recalled  time.Time `json:"recalled,omitzero"`
	Alarm     time.Time `json:"alarm,omitzero"`
}

func (p *Pages) crossingLine(c *incident.Crossing) CrossingLine {
	return CrossingLine{p.in.CrossingNumber(c.ID), p.orgName(c.Org), c.Citation, c.At, c.ReviewDue, c.ReviewedAt, string(c.Verdict), c.RecalledAt, c.AlarmAt}
}

type crossingsOutput struct {
	Body struct {
		Crossings []CrossingLine `json:"crossings"`
	}
}

func (p *Pages) apiCrossings(ctx context.Context, in *struct {
	Exercise bool `query:"exercise"`
	Limit    int  `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}) (*crossingsOutput, error) {
	all, err := p.in.Crossings(ctx, p.in.Acts.Reader(), incident.CrossingFilter{Exercise: in.Exercise, Limit: in.Limit})
	out := &crossingsOutput{}
	out.Body.Crossings = linesOf(all, p.crossingLine)
	return out, err
}

type crossInput struct {
	NumberInput
	Body struct {
		Organisation string  `json:"organisation" doc:"the police, by name"`
		Entries      []int64 `json:"entries"`
		Ground       string  `json:"ground,omitempty"`
		GroundText   string  `json:"ground_text,omitempty"`
		Why          string  `json:"why"`
		OwnersAfter  int     `json:"owners_after_hours,omitempty" minimum:"0" maximum:"72"`
		DelayReason  string  `json:"delay_reason,omitempty"`
	}
}

type crossOutput struct{ Body CrossingLine }

func (p *Pages) apiCross(ctx context.Context, in *crossInput) (*crossOutput, error) {
	i, o, err := p.apiParty(ctx, in.Number, in.Body.Organisation)
	if err != nil {
		return nil, err
	}
	b := in.Body
	c, err := p.in.CrossForDanger(ctx, apiActor(ctx), i.ID, incident.NewCrossing{
		Org: o.ID, Entries: b.Entries, Ground: b.Ground, GroundText: b.GroundText, Why: b.Why, OwnersAfter: time.Duration(b.OwnersAfter) * time.Hour, DelayReason: b.DelayReason,
	})
	if err != nil {
		return nil, err
	}
	return &crossOutput{p.crossingLine(&c)}, nil
}
