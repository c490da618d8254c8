package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// Consent is what the owner of an entry said about handing it to somebody of the
// justice side.
type Consent struct {
	ID         int64
	Incident   int64
	Entry      int64
	Org        int64 // whose word the entry is
	To         int64
	State      string // asked | given | refused | withdrawn
	Strength   string // phone | mail | portal
	SaidBy     string
	Phone      string
	SaidAt     time.Time
	AskedAt    time.Time
	AskedBy    string
	RecordedAt time.Time
	RecordedBy string
}

// strengths of consent, weakest first.
func strengths() []string { return []string{"phone", "mail", "portal"} }

const consentColumns = `c.id, c.incident_id, c.entry_id, c.org_id, c.to_org, c.state, c.strength, c.said_by, c.phone, c.said_at, c.asked_at, c.asked_by,
	c.recorded_at, c.recorded_by`

func scanConsent(r sqldb.Row) (c Consent, err error) {
	var said, asked, recorded int64
	err = r.Scan(&c.ID, &c.Incident, &c.Entry, &c.Org, &c.To, &c.State, &c.Strength, &c.SaidBy, &c.Phone, &said, &asked, &c.AskedBy, &recorded, &c.RecordedBy)
	c.SaidAt, c.AskedAt, c.RecordedAt = clock.FromMicros(said), clock.FromMicros(asked), clock.FromMicros(recorded)
	return c, err
}

// AskConsent asks the owners of entries whether these may be handed to somebody of the
// justice side. Each is asked once about an entry and a recipient.
func (in *Incidents) AskConsent(ctx context.Context, actor act.Actor, incident int64, entries []int64, to int64) error {
	entries = slices.Clone(entries)
	slices.Sort(entries)
	return in.change(ctx, act.Call{Actor: actor, Verb: "incident.ask_consent"}, incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		lines, err := in.chosen(ctx, tx, ViewerOf(actor), i.ID, slices.Compact(entries))
		if err != nil {
			return err
		}
		if err := in.mayReceive(ctx, tx, i, to); err != nil {
			return err
		}
		orgs, written := []int64{}, map[[2]int64]bool{}
		for _, e := range lines {
			if e.Owner == guard.OwnOrg || e.Owner == to {
				continue
			}
			asked, err := in.askOne(ctx, tx, e, to)
			if err != nil {
				return err
			}
			// An owner may know the part alone in which the line is, not what it was merged into.
			if letter := [2]int64{e.Incident, e.Owner}; asked && !written[letter] {
				written[letter], orgs = true, append(orgs, e.Owner)
				if err := in.writeToContacts(ctx, tx, LetterConsent, e.Incident, e.Owner); err != nil {
					return err
				}
			}
		}
		slices.Sort(orgs)
		orgs = slices.Compact(orgs)
		tx.Detail(crossingDetail{Org: to, Entries: entryIDs(lines)})
		return in.tellConsent(ctx, tx, i.ID, orgs, lines...)
	})
}

// tellConsent tells owners of what is asked of them or was said for them, and those of the
// desk who may see one of the lines.
func (in *Incidents) tellConsent(ctx context.Context, tx *act.Tx, incident int64, owners []int64, lines ...Entry) error {
	desk, err := in.deskOf(ctx, tx, lines)
	tx.Fact(Changed{Incident: incident, What: "consent", Orgs: slices.Concat(owners, desk.Orgs), Persons: desk.Persons})
	return err
}

// deskOf are those of the desk who may see one of some entries.
func (in *Incidents) deskOf(ctx context.Context, r sqldb.Reader, lines []Entry) (c guard.Circle, err error) {
	for _, e := range lines {
		one, err := readers(ctx, r, e)
		if err != nil {
			return c, err
		}
		c = c.With(one)
	}
	c.Orgs = slices.DeleteFunc(c.Orgs, func(org int64) bool { return org != guard.OwnOrg })
	people, err := in.membersOf(ctx, r, guard.OwnOrg, c.Persons)
	c.Persons = nil
	for _, p := range people {
		c.Persons = append(c.Persons, p.ID)
	}
	return c, err
}

// mayReceive refuses to hand anything to who has none here, and real things in exercises.
func (in *Incidents) mayReceive(ctx context.Context, r sqldb.Reader, i *Incident, org int64) error {
	o, err := in.Guard.Organisation(ctx, r, org)
	switch {
	case fault.CodeOf(err) == fault.NotFound || err == nil && (!o.EndedAt.IsZero() || org == guard.OwnOrg):
		return fault.OnField("organisation", "incident.participant.no_organisation", nil)
	case err == nil && i.Exercise && !o.Exercise:
		return fault.OnField("organisation", "incident.participant.exercise", nil)
	}
	return err
}

func (in *Incidents) askOne(ctx context.Context, tx *act.Tx, e Entry, to int64) (asked bool, err error) {
	if _, there, err := consentOf(ctx, tx, e.ID, to); err != nil || there {
		return false, err
	}
	return true, in.insertConsent(ctx, tx, Consent{
		Incident: e.Incident, Entry: e.ID, Org: e.Owner, To: to, State: "asked", AskedAt: tx.Now(), AskedBy: tx.Actor().ID,
	})
}

func (in *Incidents) insertConsent(ctx context.Context, tx *act.Tx, c Consent) (err error) {
	if c.ID, err = tx.Next(ctx, "incident.consent"); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `insert into incident_consent (`+strings.ReplaceAll(consentColumns, "c.", "")+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		c.ID, c.Incident, c.Entry, c.Org, c.To, c.State, c.Strength, c.SaidBy, c.Phone, stamp(c.SaidAt), stamp(c.AskedAt), c.AskedBy, stamp(c.RecordedAt), c.RecordedBy)
	return err
}

// stillTheirs is the condition on a consent c that whoever gave it owns the entry: what
// somebody said of an entry that was taken for his counts no more.
const stillTheirs = `c.org_id = (select e.owner_org from incident_entry e where e.id = c.entry_id)`

func consentOf(ctx context.Context, r sqldb.Reader, entry, to int64) (Consent, bool, error) {
	return sqldb.One(ctx, r, scanConsent, `select `+consentColumns+` from incident_consent c where c.entry_id = $1 and c.to_org = $2 and `+stillTheirs, entry, to)
}

// RecordConsent notes what the owner of an entry said on the phone or by mail: who said
// so, when, and by which number of the directory he was called. What was said in the
// portal is stronger and stays, but consent is taken back in any way.
func (in *Incidents) RecordConsent(ctx context.Context, actor act.Actor, n Consent, given bool) error {
	n.SaidBy, n.Phone = clean(n.SaidBy), clean(n.Phone)
	for _, err := range []error{
		checkLine("said_by", n.SaidBy, MaxTitle, true), checkLine("phone", n.Phone, MaxTitle, n.Strength == "phone"),
		known("strength", "incident.consent.strength", strengths()[:2], n.Strength),
	} {
		if err != nil {
			return err
		}
	}
	e, err := in.Entry(ctx, in.read, ViewerOf(actor), n.Entry)
	if err != nil {
		return err
	}
	return in.change(ctx, act.Call{Actor: actor, Verb: "incident.record_consent"}, e.Incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		if e, err = in.Entry(ctx, tx, ViewerOf(actor), n.Entry); err != nil {
			return err
		}
		if given { // a no is noted whatever has become of whom it was about
			if err := in.mayReceive(ctx, tx, i, n.To); err != nil {
				return err
			}
		}
		if n.SaidAt.IsZero() {
			n.SaidAt = tx.Now()
		}
		if n.SaidAt.After(tx.Now().Add(5 * time.Minute)) {
			return fault.OnField("said_at", "incident.entry.future", nil)
		}
		if n.Incident != 0 && n.Incident != whole(i) && n.Incident != i.ID {
			return fault.OnField("entry", "incident.crossing.entry_none", nil)
		}
		n.Incident, n.Org = e.Incident, e.Owner
		return in.say(ctx, tx, n, given)
	})
}

// AnswerConsent is the owner's own click in the portal: also of one who takes part no
// more, for whom there is nothing else of the incident.
func (in *Incidents) AnswerConsent(ctx context.Context, actor act.Actor, id int64, given bool) error {
	viewer := ViewerOf(actor)
	first, err := askedOf(ctx, in.read, viewer, id)
	if err != nil {
		return err
	}
	i, err := get(ctx, in.read, first.Incident)
	if err != nil {
		return err
	}
	p, err := in.Guard.Person(ctx, in.read, viewer.Person)
	if err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.answer_consent", Subject: subject(i.ID), Purpose: purpose, Exercise: i.Exercise}
	call.Resource = act.Resource{Kind: "incident", ID: call.Subject, Org: actor.Org, Marking: i.Marking.String(), InAudience: true}
	return in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		c, err := askedOf(ctx, tx, viewer, id)
		if err != nil {
			return err
		}
		c.Strength, c.SaidBy, c.Phone, c.SaidAt = "portal", p.Name, "", tx.Now()
		return in.say(ctx, tx, c, given)
	})
}

// askedOf returns a question to the viewer's organisation; NotFound for any other.
func askedOf(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (Consent, error) {
	c, ok, err := sqldb.One(ctx, r, scanConsent, `select `+consentColumns+` from incident_consent c where c.id = $3 and `+mayAnswer, v.Org, v.Person, id)
	if err == nil && !ok {
		err = notFound()
	}
	return c, err
}

// say writes what was said over what was said before, unless that was stronger. Taking
// consent back is never too weak.
func (in *Incidents) say(ctx context.Context, tx *act.Tx, n Consent, given bool) error {
	before, there, err := consentOf(ctx, tx, n.Entry, n.To)
	if err != nil {
		return err
	}
	n.State = "refused"
	switch {
	case given:
		n.State = "given"
	case there && before.State == "given":
		n.State = "withdrawn"
	}
	tx.Detail(consentDetail{entrySubject(n.Entry), n.To, n.State, n.Strength})
	e, err := anyEntry(ctx, tx, n.Entry)
	if err != nil {
		return err
	}
	if err := in.tellConsent(ctx, tx, n.Incident, []int64{n.Org}, e); err != nil {
		return err
	}
	n.RecordedAt, n.RecordedBy = tx.Now(), tx.Actor().ID
	if !there {
		return in.insertConsent(ctx, tx, n)
	}
	if given && before.State != "given" && before.SaidAt.After(n.SaidAt) { // a no stands until something newer is said
		return fault.OnField("said_at", "incident.consent.older", nil)
	}
	if n.State != "withdrawn" && slices.Index(strengths(), before.Strength) > slices.Index(strengths(), n.Strength) {
		return fault.New(fault.Conflict, "incident.consent.stronger", nil)
	}
	_, err = tx.ExecContext(ctx, `update incident_consent set state = $1, strength = $2, said_by = $3, phone = $4, said_at = $5, recorded_at = $6, recorded_by = $7
		where id = $8`, n.State, n.Strength, n.SaidBy, n.Phone, stamp(n.SaidAt), stamp(n.RecordedAt), n.RecordedBy, before.ID)
	return err
}

type consentDetail struct {
	Entry    string `json:"entry"`
	Org      int64  `json:"org"`
	State    string `json:"state"`
	Strength string `json:"strength"`
}

// Consents lists what the owners of entries were asked and said in an incident, and those
// merged into it, first to last.
func (in *Incidents) Consents(ctx context.Context, r sqldb.Reader, incident int64) ([]Consent, error) {
	return sqldb.All(ctx, r, scanConsent, `select `+consentColumns+` from incident_consent c
		where c.incident_id in (select id from incident where id = $1 or merged_into = $1) and `+stillTheirs+` order by c.id`, incident)
}

// AskedConsent is what somebody outside was asked about words of the own organisation.
type AskedConsent struct {
	Consent       // Incident is 0 where he never took part in it
	Words   Entry // that it is about
}

// AskedOf lists what an organisation was asked or has said, newest first: also after it
// was removed, so that it can take its consent back.
func (in *Incidents) AskedOf(ctx context.Context, r sqldb.Reader, v Viewer) (out []AskedConsent, err error) {
	all, err := sqldb.All(ctx, r, scanConsent, `select `+consentColumns+` from incident_consent c where `+mayAnswer+` order by c.id desc limit 200`, v.Org, v.Person)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		e, err := anyEntry(ctx, r, c.Entry)
		if err != nil {
			return nil, err
		}
		knew, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from incident_participant where incident_id = $3 and org_id = $1 and person_id in (0, $2)`,
			v.Org, v.Person, c.Incident)
		if err != nil {
			return nil, err
		}
		if knew == 0 {
			c.Incident = 0
		}
		out = append(out, AskedConsent{c, e})
	}
	return out, nil
}

// IsAsked tells whether AskedOf lists anything.
func (in *Incidents) IsAsked(ctx context.Context, r sqldb.Reader, v Viewer) (bool, error) {
	_, ok, err := sqldb.One(ctx, r, sqldb.Int64, `select c.id from incident_consent c where `+mayAnswer+` limit 1`, v.Org, v.Person)
	return ok, err
}

// Mandate is an order or a statute under which entries are handed over without consent.
type Mandate struct {
	ID         int64
	Incident   int64
	Kind       string // order | statute
	Reference  string // the order's number
	Issuer     string
	Scope      string
	IssuedAt   time.Time
	ExpiresAt  time.Time // zero: does not end by itself
	RecordedAt time.Time
	RecordedBy string
}

const mandateColumns = `id, incident_id, kind, reference, issuer, scope, issued_at, expires_at, recorded_at, recorded_by`

func scanMandate(r sqldb.Row) (m Mandate, err error) {
	var issued, expires, recorded int64
	err = r.Scan(&m.ID, &m.Incident, &m.Kind, &m.Reference, &m.Issuer, &m.Scope, &issued, &expires, &recorded, &m.RecordedBy)
	m.IssuedAt, m.ExpiresAt, m.RecordedAt = clock.FromMicros(issued), clock.FromMicros(expires), clock.FromMicros(recorded)
	return m, err
}

func mandateSubject(id int64) string { return fmt.Sprintf("incident-mandate:%d", id) }

// RecordMandate notes an order or statute before anything is done under it.
func (in *Incidents) RecordMandate(ctx context.Context, actor act.Actor, m Mandate) (Mandate, error) {
	m.Reference, m.Issuer, m.Scope = clean(m.Reference), clean(m.Issuer), clean(m.Scope)
	var bad []fault.Error
	for _, err := range []error{
		known("kind", "incident.mandate.kind", []string{"order", "statute"}, m.Kind),
		checkLine("reference", m.Reference, MaxTitle, true), checkLine("issuer", m.Issuer, MaxTitle, true), checkText("scope", m.Scope, MaxReason, true),
	} {
		if err != nil {
			bad = append(bad, *fault.Of(err))
		}
	}
	if m.IssuedAt.IsZero() || !m.ExpiresAt.IsZero() && !m.ExpiresAt.After(m.IssuedAt) {
		bad = append(bad, *fault.Of(fault.OnField("issued_at", "incident.mandate.times", nil)))
	}
	if err := fault.Join("incident.mandate.invalid", bad); err != nil {
		return m, err
	}
	err := in.change(ctx, act.Call{Actor: actor, Verb: "incident.record_mandate"}, m.Incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) (err error) {
		if m.ID, err = tx.Next(ctx, "incident.mandate"); err != nil {
			return err
		}
		m.RecordedAt, m.RecordedBy = tx.Now(), actor.ID
		tx.Detail(struct {
			Mandate string `json:"mandate"`
			Kind    string `json:"kind"`
		}{mandateSubject(m.ID), m.Kind})
		tx.Fact(Changed{Incident: i.ID, What: "mandate", Orgs: []int64{guard.OwnOrg}})
		_, err = tx.ExecContext(ctx, `insert into incident_mandate (`+mandateColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			m.ID, m.Incident, m.Kind, m.Reference, m.Issuer, m.Scope, stamp(m.IssuedAt), stamp(m.ExpiresAt), stamp(m.RecordedAt), m.RecordedBy)
		return err
	})
	return m, err
}

// Mandates lists those of an incident, first to last.
func (in *Incidents) Mandates(ctx context.Context, r sqldb.Reader, incident int64) ([]Mandate, error) {
	return sqldb.All(ctx, r, scanMandate, `select `+mandateColumns+` from incident_mandate where incident_id = $1 order by id`, incident)
}

// holds tells whether a mandate holds at a time.
func (m Mandate) holds(at time.Time) bool {
	return !m.IssuedAt.After(at) && (m.ExpiresAt.IsZero() || m.ExpiresAt.After(at))
}

// ConsentRef is the name of a question for those outside, who must not be able to count.
func (in *Incidents) ConsentRef(id int64) string { return in.ConsentRefs.Format(uint64(id)) }

// ByConsentRef returns the question that a ConsentRef names; NotFound for what is none.
func (in *Incidents) ByConsentRef(ref string) (int64, error) { return parseRef(in.ConsentRefs, ref) }
