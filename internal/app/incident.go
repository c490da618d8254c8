package app

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"almenara.example/casefile"
	"almenara.example/internal/act"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/internal/outbound"
)

// playbooksFolder is where an installation's own playbooks are, beside the program's.
const playbooksFolder = "playbooks"

// regimesFolder holds the installation's own regimes and tables of public holidays.
const regimesFolder = "regimes"

// Response says how incidents are kept.
type Response struct {
	Reminders []float64 `toml:"reminders"`  // shares of a period that are left when who owes is reminded
	MaxImport Size      `toml:"max_import"` // of a file of another system's cases
}

func (c *Config) checkResponse() error {
	if m := c.Incident.MaxImport; m < 1<<20 || m > casefile.MaxFile {
		return &ConfigError{"incident.max_import", m.String(), "a size between 1MiB and 128MiB"}
	}
	last := 1.0
	for _, s := range c.Incident.Reminders {
		if s <= 0 || s >= last {
			return &ConfigError{"incident.reminders", fmt.Sprint(c.Incident.Reminders), "shares between 1 and 0, the largest first, such as [0.5, 0.25, 0.1]"}
		}
		last = s
	}
	if len(c.Incident.Reminders) > 10 {
		return &ConfigError{"incident.reminders", fmt.Sprint(c.Incident.Reminders), "at most ten shares"}
	}
	return nil
}

// groundsFolder holds the legal grounds that an installation adds.
const groundsFolder = "grounds"

// openIncidents wires the response to incidents.
func (a *App) openIncidents() error {
	roots, err := a.cfg.mailRoots()
	if err != nil {
		return err
	}
	a.incidents, err = incident.New(incident.Config{
		Acts: a.acts, Guard: a.guard, Constituency: a.constituency, Watch: a.watch, Warn: a.warn, Outbound: a.outbound, Receiving: a.receiving, MailRoots: roots, Blobs: a.blobs,
		Queue: a.queue, Catalogue: a.words, Language: a.cfg.Language, Zone: a.zone,
		Numbers: id.NewNumbers("ALM", "incident", a.keys.numbers), ReportNumber: id.NewNumbers("ALM", "report", a.keys.numbers),
		Refs: id.NewNumbers("E", "incident-entry", a.keys.numbers), FileRefs: id.NewNumbers("F", "incident-file", a.keys.numbers),
		ClockRefs:       id.NewNumbers("D", "incident-clock", a.keys.numbers),
		MailNumbers:     id.NewNumbers("M", "incident-mail", a.keys.numbers),
		CrossingNumbers: id.NewNumbers("ALM", "incident-crossing", a.keys.numbers), ConsentRefs: id.NewNumbers("C", "incident-consent", a.keys.numbers),
		Grounds: dir(a.cfg.path(groundsFolder)), Signer: a.ledger.Signer, Verifier: a.ledger.VerifierKey,
		PublicURL: strings.TrimSuffix(a.cfg.PublicURL, "/"), MailDomain: a.public.Hostname(), OnCall: a.onCall, Reminders: a.cfg.Incident.Reminders, MaxImport: int64(a.cfg.Incident.MaxImport), Playbooks: dir(a.cfg.path(playbooksFolder)), Log: a.log,
		OnDuty: a.personsOnDuty,
	})
	if err == nil {
		a.watch.AlsoUsed(incident.UsedBlobs)
		a.receiving.SetReceiver(mailroom{a})
	}
	return err
}

// personsOnDuty lists who is on duty at a time.
func (a *App) personsOnDuty(ctx context.Context, r sqldb.Reader, at time.Time) (out []int64, err error) {
	now, err := a.duty.Now(ctx, r, at)
	for _, s := range now.On {
		out = append(out, s.Person)
	}
	return out, err
}

// mailroom hands each mail that comes in to the room that it is for.
type mailroom struct{ app *App }

// Received implements outbound.Receiver: what is about an incident is incident's, all
// else warn's.
func (m mailroom) Received(ctx context.Context, tx *act.Tx, from outbound.Incoming, raw []byte) error {
	if from.State == outbound.Taken {
		about, err := m.app.incidents.Claims(ctx, tx, raw)
		if err != nil {
			return err
		}
		if about {
			return m.app.incidents.Received(ctx, tx, from, raw)
		}
	}
	return m.app.warn.Received(ctx, tx, from, raw)
}

// Incidents is the room.
func (a *App) Incidents() *incident.Incidents { return a.incidents }

// tellIncidents tells open pages of a change in an incident: those of whom it concerns, as
// the room says, and nobody else's.
func (a *App) tellIncidents() {
	a.acts.Follow(act.Follower{Kind: incident.Changed{}.FactKind(), Tell: func(e act.Envelope) {
		var f incident.Changed
		if e.Decode(&f) != nil {
			return // our own words
		}
		on, topics := channelOfIncidents, []string{"incident", topic(e.Kind), incident.Topic(f.Incident)}
		switch {
		case f.What == incident.CrossingChanged:
			on, topics = channelOfCrossings, []string{incident.CrossingsTopic}
		case f.Other != 0:
			topics = append(topics, incident.Topic(f.Other))
		}
		a.tell(f.Orgs, f.Persons, on, topics...)
	}})
	a.acts.Follow(act.Follower{Kind: incident.ReportChanged{}.FactKind(), Tell: func(e act.Envelope) {
		var f incident.ReportChanged
		_ = e.Decode(&f) // our own words; an empty list tells nobody outside
		a.tell(append(f.Orgs, guard.OwnOrg), nil, channelOfIncidents, incident.ReportsTopic)
	}})
	a.acts.Follow(act.Follower{Kind: incident.PostChanged{}.FactKind(), Tell: func(e act.Envelope) {
		var f incident.PostChanged
		_ = e.Decode(&f) // our own words; an empty list tells nobody
		a.tell(f.Orgs, f.Persons, channelOfIncidentMail, topic(e.Kind))
	}})
}

// tell tells the people of organisations, and persons, of what looks different to them:
// those outside that their portal does, the desk's people, on a channel of theirs, what it
// is.
func (a *App) tell(orgs, persons []int64, on string, topics ...string) {
	for _, org := range orgs {
		if org == guard.OwnOrg {
			a.site.Hub().Publish(on, topics...)
		} else {
			a.site.Hub().Publish(channelOfMembers(org), "portal")
		}
	}
	for _, person := range persons {
		a.site.Hub().Publish(ofPerson(on, person), topics...)
		a.site.Hub().Publish(channelOfOutsider(person), "portal")
	}
}

// made is the page on which a viewer finds what an act was about; empty for what has
// none of its own.
func (a *App) made(v web.Viewer, subject string) string {
	who, _ := v.Actor.(act.Actor)
	incidents, reports := "/incident/incidents/", "/incident/reports/"
	if who.Org != guard.OwnOrg {
		incidents, reports = "/portal/incidents/", incident.PortalReports+"/"
	}
	kind, digits, _ := strings.Cut(subject, ":")
	id, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil:
	case kind == "incident":
		return incidents + a.incidents.Number(id)
	case kind == "incident-report":
		return reports + a.incidents.ReportNo(id)
	}
	return ""
}
