package portal

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// The kinds of what crosses: the police's packages, and what owners are asked. The id is
// the organisation's, of KindCrossing and KindCrossingFile the crossing's.
const (
	KindCrossings    = "portal-crossings"
	KindCrossing     = "portal-crossing"
	KindCrossingFile = "portal-crossing-file"
	KindConsents     = "portal-consents"
)

func (p *Portal) crossingClosures(all map[string]guard.Closure) map[string]guard.Closure {
	all[KindCrossings] = view{p, p.crossingsParts, p.renderCrossings}
	all[KindCrossing] = view{p, p.crossingParts, p.renderCrossing}
	all[KindCrossingFile] = view{p, p.crossingParts, p.renderCrossingFile}
	all[KindConsents] = view{p, p.consentsParts, p.renderConsents}
	return all
}

// CrossingLine is a package in the police's list.
type CrossingLine struct {
	Number string    `json:"number"`
	At     time.Time `json:"at"`
	Closed time.Time `json:"closed,omitzero"`
}

// CrossingsDoc is the police's list, newest first.
type CrossingsDoc struct {
	Crossings []CrossingLine `json:"crossings"`
}

func (p *Portal) crossingsParts(_ context.Context, a ask) ([]guard.Part, error) {
	if a.to.Org != a.thing.ID {
		return nil, notFound()
	}
	return standing{own: true}.page(a, a.thing.ID, tlp.Green), nil
}

func (p *Portal) renderCrossings(ctx context.Context, a ask, _ cleared) (v guard.View, err error) {
	all, err := p.Incidents.Crossings(ctx, a.r, incident.CrossingFilter{Org: a.to.Org, Exercise: a.exercise(), Limit: 200})
	if err != nil {
		return v, err
	}
	d := CrossingsDoc{Crossings: []CrossingLine{}}
	for _, c := range all {
		d.Crossings = append(d.Crossings, CrossingLine{p.Incidents.CrossingNumber(c.ID), c.At, c.RecalledAt})
	}
	return asJSON(d)
}

// crossingParts: its lines while it is open; afterwards that it is closed, and no more.
func (p *Portal) crossingParts(ctx context.Context, a ask) ([]guard.Part, error) {
	c, err := p.Incidents.Crossing(ctx, a.r, a.thing.ID)
	if err != nil || c.Org != a.to.Org {
		return nil, notFound()
	}
	if !c.Open() {
		if a.thing.Kind == KindCrossingFile {
			return nil, notFound()
		}
		return []guard.Part{standing{own: true}.part(pageRef, c.Org, tlp.Green, c.Exercise)}, nil
	}
	return p.Incidents.CrossingParts(ctx, a.r, c)
}

func (p *Portal) renderCrossing(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	c, err := p.Incidents.Crossing(ctx, a.r, a.thing.ID)
	if err != nil {
		return v, err
	}
	d, err := p.Incidents.CrossingDocOf(ctx, a.r, c, ok)
	if err != nil {
		return v, err
	}
	return asJSON(d)
}

// renderCrossingFile gives the bytes of the file with a place in the crossing, when its
// line was cleared.
func (p *Portal) renderCrossingFile(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	place, err := strconv.Atoi(a.query.Get("place"))
	if err != nil {
		return v, notFound()
	}
	f, body, err := p.Incidents.CrossingFile(ctx, a.r, a.thing.ID, place)
	if err != nil {
		return v, err
	}
	if !ok[strconv.FormatInt(f.Entry, 10)] {
		return v, notFound()
	}
	return guard.View{Subject: f.Name, ContentType: "application/octet-stream", Body: body}, nil
}

// ConsentLine is what the organisation is asked, or has said.
type ConsentLine struct {
	Ref      string    `json:"ref"`
	Incident string    `json:"incident,omitempty"` // where the reader never took part, it stays unnamed
	To       string    `json:"to"`
	Text     string    `json:"text,omitempty"` // of the own line
	State    string    `json:"state"`
	By       string    `json:"by,omitempty"`
	Said     time.Time `json:"said,omitzero"`
	Asked    time.Time `json:"asked"`
}

// ConsentsDoc lists what is asked of an organisation, newest first.
type ConsentsDoc struct {
	Consents []ConsentLine `json:"consents"`
}

// asks are what an organisation was asked about its own words, of exercises or of real
// incidents.
func (p *Portal) asks(ctx context.Context, a ask) ([]incident.AskedConsent, error) {
	all, err := p.Incidents.AskedOf(ctx, a.r, a.viewer())
	return slices.DeleteFunc(all, func(c incident.AskedConsent) bool { return c.Words.Exercise != a.exercise() }), err
}

func (p *Portal) consentsParts(ctx context.Context, a ask) ([]guard.Part, error) {
	if a.to.Org != a.thing.ID {
		return nil, notFound()
	}
	parts := standing{own: true}.page(a, a.thing.ID, tlp.Clear)
	all, err := p.asks(ctx, a)
	for _, c := range all {
		parts = append(parts, entryPart(&c.Words))
	}
	return parts, err
}

func (p *Portal) renderConsents(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	all, err := p.asks(ctx, a)
	if err != nil {
		return v, err
	}
	d := ConsentsDoc{Consents: []ConsentLine{}}
	for _, c := range all {
		if !ok[entryRef(c.Entry)] {
			continue
		}
		to, err := p.Guard.Organisation(ctx, a.r, c.To)
		if err != nil {
			return v, err
		}
		line := ConsentLine{Ref: p.Incidents.ConsentRef(c.ID), To: to.Name, Text: c.Words.Text, State: c.State, By: c.SaidBy, Said: c.SaidAt, Asked: c.AskedAt}
		if c.Incident != 0 {
			line.Incident = p.Incidents.Number(c.Incident)
		}
		d.Consents = append(d.Consents, line)
	}
	return asJSON(d)
}

// Handed tells whether a reader's organisation has packages that crossed to it, and
// whether he is asked anything: only then are there such pages for him.
func (p *Portal) Handed(ctx context.Context, w Who) (crossings, consents bool) {
	all, err := p.Incidents.Crossings(ctx, p.read, incident.CrossingFilter{Org: w.Actor.Org, Both: true, Limit: 1})
	asked, err2 := p.Incidents.IsAsked(ctx, p.read, incident.Viewer{Org: w.Actor.Org, Person: w.Person})
	return err == nil && len(all) > 0, err2 == nil && asked
}

// ReadCrossing reads the view of KindCrossing.
func ReadCrossing(body []byte) (d incident.CrossingDoc, err error) {
	return d, json.Unmarshal(body, &d)
}
