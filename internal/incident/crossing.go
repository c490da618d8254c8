package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// The times and bounds of crossings because of danger to life.
const (
	ReviewWithin  = 72 * time.Hour // by another person; silence recalls
	MaxOwnerDelay = 72 * time.Hour // until the owners of the lines are told
	MaxLines      = 200
)

// ReviewVerdict is what the reviewer says.
type ReviewVerdict string

// The verdicts. An objection recalls.
const (
	Approved ReviewVerdict = "approved"
	Objected ReviewVerdict = "objected"
)

// Crossing is what went to the police because of danger to life: chosen lines as they
// stood then, and nothing else of the incident.
type Crossing struct {
	ID           int64
	Incident     int64
	Org          int64 // the police
	Ground       string
	Citation     string
	Why          string
	Audience     guard.Audience
	Marking      tlp.Marking
	Exercise     bool
	At           time.Time
	By           string
	TellOwnersAt time.Time
	DelayReason  string
	OwnersTold   time.Time // zero: not yet
	ReviewDue    time.Time
	ReviewedAt   time.Time // zero: not yet
	ReviewedBy   string
	Verdict      ReviewVerdict
	ReviewReason string
	AlarmAt      time.Time // zero: nobody was silent
	RecalledAt   time.Time // zero: open for the police
	RecalledBy   string
	RecallReason string
}

// Open tells whether the police still reads it.
func (c Crossing) Open() bool { return c.RecalledAt.IsZero() }

// Line is an entry as it crossed.
type Line struct {
	Crossing    int64
	Entry       int64
	Version     int64
	Place       int64
	Owner       int64
	Kind        Kind
	Marking     tlp.Marking
	At          time.Time
	Text        string
	Observables string // defanged, a line each
}

// NewCrossing says what crosses, to whom, on what ground.
type NewCrossing struct {
	Org         int64
	Entries     []int64
	Ground      string // id of a ground; empty with words of its own
	GroundText  string
	Why         string // who is in danger, of what
	OwnersAfter time.Duration
	DelayReason string
}

func (n *NewCrossing) validate() error {
	var bad []fault.Error
	add := func(err error) {
		if err != nil {
			bad = append(bad, *fault.Of(err))
		}
	}
	n.Why, n.DelayReason = clean(n.Why), clean(n.DelayReason)
	slices.Sort(n.Entries)
	n.Entries = slices.Compact(n.Entries)
	add(checkText("why", n.Why, MaxReason, true))
	if len(n.Entries) == 0 || len(n.Entries) > MaxLines {
		add(fault.OnField("entry", "incident.crossing.lines", fault.Args{"Max": MaxLines}))
	}
	if n.OwnersAfter < 0 || n.OwnersAfter > MaxOwnerDelay {
		add(fault.OnField("owners_after", "incident.crossing.delay", fault.Args{"Max": int(MaxOwnerDelay.Hours())}))
	}
	add(checkText("delay_reason", n.DelayReason, MaxReason, n.OwnersAfter > 0))
	return fault.Join("incident.crossing.invalid", bad)
}

func crossingSubject(id int64) string { return fmt.Sprintf("incident-crossing:%d", id) }

// dangerMandate is the legal basis in the record: danger to life, and the ground's id.
func dangerMandate(ground string) string { return strings.TrimSuffix("danger-to-life:"+ground, ":") }

// CrossForDanger hands chosen lines to the police because a life is in danger. The desk
// chooses any entry that it sees, whoever owns it: under this mandate alone. Oversight is
// told now, the owners at the time that was set; another person reviews within 72 hours.
func (in *Incidents) CrossForDanger(ctx context.Context, actor act.Actor, incident int64, n NewCrossing) (c Crossing, err error) {
	if err := n.validate(); err != nil {
		return c, err
	}
	ground, err := in.groundOf(n.Ground, n.GroundText)
	if err != nil {
		return c, err
	}
	call := act.Call{Actor: actor, Verb: "incident.cross_for_danger", Mandate: dangerMandate(ground.ID), Reason: n.Why}
	err = in.change(ctx, call, incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		now := tx.Now()
		c = Crossing{
			Incident: i.ID, Org: n.Org, Ground: ground.ID, Citation: ground.Citation, Why: n.Why, Exercise: i.Exercise, At: now, By: actor.ID,
			TellOwnersAt: now.Add(n.OwnersAfter), DelayReason: n.DelayReason, ReviewDue: now.Add(ReviewWithin), Marking: tlp.Clear,
		}
		lines, err := in.chosen(ctx, tx, ViewerOf(actor), i.ID, n.Entries)
		if err != nil {
			return err
		}
		for _, e := range lines {
			c.Marking = tlp.Strictest(c.Marking, e.Marking)
		}
		if err := in.policeAudience(ctx, tx, &c); err != nil {
			return err
		}
		if err := in.insertCrossing(ctx, tx, &c, lines); err != nil {
			return err
		}
		if err := in.tellCrossing(ctx, tx, &c); err != nil {
			return err
		}
		tx.Detail(crossingDetail{crossingSubject(c.ID), c.Org, entryIDs(lines), c.Ground})
		tx.Fact(Changed{Incident: i.ID, What: CrossingChanged, Orgs: []int64{guard.OwnOrg, c.Org}})
		return nil
	})
	return c, err
}

type crossingDetail struct {
	Crossing string  `json:"crossing"`
	Org      int64   `json:"org"`
	Entries  []int64 `json:"entries,omitempty"`
	Ground   string  `json:"ground,omitempty"`
}

func entryIDs(es []Entry) (out []int64) {
	for _, e := range es {
		out = append(out, e.ID)
	}
	return out
}

// chosen reads entries that were chosen, of an incident and those merged into it, as
// far as the viewer sees them.
func (in *Incidents) chosen(ctx context.Context, r sqldb.Reader, v Viewer, incident int64, entries []int64) ([]Entry, error) {
	args := []any{v.Org, v.Person, incident}
	for _, e := range entries {
		args = append(args, e)
	}
	if len(entries) == 0 {
		return nil, fault.OnField("entry", "incident.package.entries", nil)
	}
	es, err := sqldb.All(ctx, r, scanEntry, `select `+entryColumns+` from incident_entry e
		where e.incident_id in (select id from incident where id = $3 or merged_into = $3) and e.retracted_at = 0 and `+maySee+`
		and e.id in `+sqldb.In(4, len(entries))+` order by e.at, e.id`, args...)
	if err == nil && len(es) != len(entries) {
		err = fault.OnField("entry", "incident.crossing.entry_none", nil)
	}
	return es, err
}

// policeAudience is the police as an organisation, and its people by name: what is
// TLP:RED goes to named persons.
func (in *Incidents) policeAudience(ctx context.Context, tx *act.Tx, c *Crossing) error {
	o, err := in.Guard.Organisation(ctx, tx, c.Org)
	if fault.CodeOf(err) == fault.NotFound || err == nil && (o.Kind != "police" || !o.EndedAt.IsZero()) {
		return fault.OnField("organisation", "incident.crossing.police", nil)
	}
	if err != nil {
		return err
	}
	if c.Exercise && !o.Exercise {
		return fault.OnField("organisation", "incident.participant.exercise", nil)
	}
	people, err := in.Directory(ctx, tx, c.Org)
	if err != nil {
		return err
	}
	circle := guard.Circle{Orgs: []int64{guard.OwnOrg, c.Org}}
	for _, p := range people {
		circle.Persons = append(circle.Persons, p.Person)
	}
	admitted, err := in.Guard.Persons(ctx, tx, guard.PersonFilter{Org: c.Org, Role: guard.RoleContact, Limit: 200})
	if err != nil {
		return err
	}
	for _, p := range admitted {
		circle.Persons = append(circle.Persons, p.ID)
	}
	c.Audience, err = in.Guard.AudienceFor(ctx, tx, circle)
	return err
}

// Directory lists whom to call or write to at an organisation: its contacts in their
// order, else its people who have the role contact.
func (in *Incidents) Directory(ctx context.Context, r sqldb.Reader, org int64) ([]constituency.Contact, error) {
	found, err := in.Constituency.Contacts(ctx, r, org)
	if err != nil || len(found) > 0 {
		return found, err
	}
	people, err := in.Guard.Persons(ctx, r, guard.PersonFilter{Org: org, Role: guard.RoleContact, Limit: 100})
	for _, p := range people {
		if p.Active {
			found = append(found, constituency.Contact{
				Org: org, Person: p.ID, Mailbox: p.Mailbox, Name: p.Name, Email: p.Email, Phone: p.Phone, Language: p.Language, Position: int64(len(found) + 1),
			})
		}
	}
	return found, err
}

const crossingColumns = `c.id, c.incident_id, c.org_id, c.ground, c.citation, c.why, c.audience_id, c.marking, c.exercise, c.at, c.by_id,
	c.tell_owners_at, c.delay_reason, c.owners_told_at, c.review_due, c.reviewed_at, c.reviewed_by, c.verdict, c.review_reason, c.alarm_at,
	c.recalled_at, c.recalled_by, c.recall_reason`

func scanCrossing(r sqldb.Row) (c Crossing, err error) {
	var marking string
	var at, tell, told, due, reviewed, alarm, recalled int64
	err = r.Scan(&c.ID, &c.Incident, &c.Org, &c.Ground, &c.Citation, &c.Why, &c.Audience, &marking, &c.Exercise, &at, &c.By,
		&tell, &c.DelayReason, &told, &due, &reviewed, &c.ReviewedBy, &c.Verdict, &c.ReviewReason, &alarm,
		&recalled, &c.RecalledBy, &c.RecallReason)
	if err != nil {
		return c, err
	}
	c.At, c.TellOwnersAt, c.OwnersTold, c.ReviewDue = clock.FromMicros(at), clock.FromMicros(tell), clock.FromMicros(told), clock.FromMicros(due)
	c.ReviewedAt, c.AlarmAt, c.RecalledAt = clock.FromMicros(reviewed), clock.FromMicros(alarm), clock.FromMicros(recalled)
	if c.Marking, err = tlp.Parse(marking); err != nil {
		err = fmt.Errorf("marking of crossing %d: %w", c.ID, err)
	}
	return c, err
}

// insertCrossing writes a crossing and its lines as they stand.
func (in *Incidents) insertCrossing(ctx context.Context, tx *act.Tx, c *Crossing, lines []Entry) (err error) {
	if c.ID, err = tx.Next(ctx, "incident.crossing"); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `insert into incident_crossing (`+strings.ReplaceAll(crossingColumns, "c.", "")+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, $14, 0, '', '', '', 0, 0, '', '')`,
		c.ID, c.Incident, c.Org, c.Ground, c.Citation, c.Why, int64(c.Audience), c.Marking.String(), c.Exercise, clock.Micros(c.At), c.By,
		clock.Micros(c.TellOwnersAt), c.DelayReason, clock.Micros(c.ReviewDue)); err != nil {
		return err
	}
	for i, e := range lines {
		sights, err := sightsOf(ctx, tx, e.ID)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into incident_crossing_line (crossing_id, entry_id, entry_version, place, owner_org, kind, marking, at,
			text, observables) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, c.ID, e.ID, e.Version, i+1, e.Owner, string(e.Kind),
			e.Marking.String(), clock.Micros(e.At), e.Text, strings.Join(sights, "\n")); err != nil {
			return err
		}
		if err := crossFiles(ctx, tx, c.ID, e.ID); err != nil {
			return err
		}
	}
	return nil
}

// sightsOf writes the observables of an entry so that nothing makes a link of them.
func sightsOf(ctx context.Context, r sqldb.Reader, entry int64) (out []string, err error) {
	all, err := sqldb.All(ctx, r, scanSight, `select `+sightColumns+` from incident_observable o where o.entry_id = $1 order by o.id`, entry)
	for _, s := range all {
		out = append(out, s.Defanged())
	}
	return out, err
}

func crossFiles(ctx context.Context, tx *act.Tx, crossing, entry int64) error {
	files, err := entryFiles(ctx, tx, entry)
	if err != nil {
		return err
	}
	for _, f := range files {
		id, err := tx.Next(ctx, "incident.crossing_file")
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into incident_crossing_file (id, crossing_id, entry_id, blob, name, type, size)
			values ($1, $2, $3, $4, $5, $6, $7)`, id, crossing, entry, f.Blob, f.Name, f.Type, f.Size); err != nil {
			return err
		}
	}
	return nil
}

// entryFiles lists the files of an entry, whoever asks.
func entryFiles(ctx context.Context, r sqldb.Reader, entry int64) ([]File, error) {
	return sqldb.All(ctx, r, scanFile, `select f.id, f.entry_id, f.blob, f.name, f.type, f.size from incident_file f where f.entry_id = $1 order by f.id`, entry)
}
