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
	"almenara.example/tlp"
)

// Sitrep is one version of a situation report: two pages for whoever decides. Versions
// are never changed.
type Sitrep struct {
	ID       int64
	Incident int64 // 0: the national picture
	Version  int64
	Exercise bool
	Marking  tlp.Marking
	Floor    tlp.Marking // of a draft: the strictest of what it is made of
	Lowered  string      // why the marking is below that
	Language string
	Title    string
	AsOf     time.Time
	Happened string
	Affected string
	People   int64 // how many are affected, -1 not known
	Untold   int64 // of a draft: how many more depend on services that are the operators' own word
	Doing    string
	Needed   string
	Press    string // what may be said publicly
	NextAt   time.Time
	Entry    int64
	By       string
	At       time.Time
	About    []int64 // incidents of a national picture
}

// maxSection bounds a section, so that a usual report fits two pages.
const maxSection = 4000

const sitrepColumns = `id, incident_id, version, exercise, marking, lowered, language, title, as_of, happened, affected, people, doing, needed, press, next_at,
	entry_id, by_id, at`

func scanSitrep(r sqldb.Row) (s Sitrep, err error) {
	var marking string
	var asOf, next, at int64
	err = r.Scan(&s.ID, &s.Incident, &s.Version, &s.Exercise, &marking, &s.Lowered, &s.Language, &s.Title, &asOf, &s.Happened, &s.Affected, &s.People,
		&s.Doing, &s.Needed, &s.Press, &next, &s.Entry, &s.By, &at)
	if err != nil {
		return s, err
	}
	s.AsOf, s.NextAt, s.At = clock.FromMicros(asOf), clock.FromMicros(next), clock.FromMicros(at)
	s.Marking, err = tlp.Parse(marking)
	return s, err
}

// Sitrep returns one; NotFound when there is none.
func (in *Incidents) Sitrep(ctx context.Context, r sqldb.Reader, id int64) (Sitrep, error) {
	return in.oneSitrep(ctx, r, "id = $1", id)
}

// SitrepVersion returns a version of an incident's report, of the national picture for
// incident 0; NotFound when there is none.
func (in *Incidents) SitrepVersion(ctx context.Context, r sqldb.Reader, incident, version int64, exercise bool) (Sitrep, error) {
	return in.oneSitrep(ctx, r, "incident_id = $1 and version = $2 and exercise = $3", incident, version, exercise)
}

func (in *Incidents) oneSitrep(ctx context.Context, r sqldb.Reader, where string, args ...any) (Sitrep, error) {
	s, ok, err := sqldb.One(ctx, r, scanSitrep, `select `+sitrepColumns+` from incident_sitrep where `+where, args...)
	if err != nil || !ok {
		return s, orElse(err, notFound())
	}
	s.About, err = sqldb.All(ctx, r, sqldb.Int64, `select incident_id from incident_sitrep_about where sitrep_id = $1 order by incident_id`, s.ID)
	return s, err
}

// Sitreps lists the versions of an incident's report, or of the national picture, newest
// first.
func (in *Incidents) Sitreps(ctx context.Context, r sqldb.Reader, incident int64, exercise bool) ([]Sitrep, error) {
	return sqldb.All(ctx, r, scanSitrep, `select `+sitrepColumns+` from incident_sitrep where incident_id = $1 and exercise = $2 order by version desc limit 500`, incident, exercise)
}

func (s *Sitrep) validate(now time.Time) error {
	var bad []fault.Error
	add := func(err error) {
		if err != nil {
			bad = append(bad, *fault.Of(err))
		}
	}
	s.Title = clean(s.Title)
	add(checkLine("title", s.Title, MaxTitle, true))
	for _, f := range []struct {
		name string
		text *string
		need bool
	}{{"happened", &s.Happened, true}, {"affected", &s.Affected, false}, {"doing", &s.Doing, false}, {"needed", &s.Needed, false}, {"press", &s.Press, false}} {
		*f.text = clean(*f.text)
		add(checkText(f.name, *f.text, maxSection, f.need))
	}
	add(checkMarking("marking", s.Marking))
	if s.Marking == tlp.Red {
		add(fault.OnField("marking", "incident.sitrep.red", nil))
	}
	s.Lowered = clean(s.Lowered)
	add(checkText("lowered", s.Lowered, MaxReason, s.Floor.Marked() && tlp.Strictest(s.Floor, s.Marking) != s.Marking))
	if s.People < -1 {
		add(fault.OnField("people", "incident.sitrep.people", nil))
	}
	if !s.NextAt.IsZero() && !s.NextAt.After(now) {
		add(fault.OnField("next", "incident.sitrep.next", nil))
	}
	return fault.Join("incident.sitrep.invalid", bad)
}

// WriteSitrep keeps the next version of an incident's report. last is the newest version
// that the writer saw (0: none); another one meanwhile is a conflict. An entry of kind
// status, for the desk, points to it.
func (in *Incidents) WriteSitrep(ctx context.Context, actor act.Actor, s Sitrep, last int64) (Sitrep, error) {
	if err := in.floor(ctx, actor, &s); err != nil {
		return s, err
	}
	if err := s.validate(in.Acts.Clock().Now()); err != nil {
		return s, err
	}
	write := func(ctx context.Context, tx *act.Tx) error {
		if err := in.insertSitrep(ctx, tx, actor, &s, last); err != nil {
			return err
		}
		tx.Detail(sitrepDetail{fmt.Sprintf("incident-sitrep:%d", s.ID), s.Version, s.Marking.String()})
		tx.Fact(Changed{Incident: s.Incident, What: "sitrep", Orgs: []int64{guard.OwnOrg}})
		return nil
	}
	call := act.Call{Actor: actor, Verb: "incident.write_sitrep", Reason: s.Lowered}
	if s.Incident == 0 {
		call.Subject, call.Purpose, call.Exercise = "national-picture", purpose, s.Exercise
		return s, in.Acts.Do(ctx, call, write)
	}
	return s, in.change(ctx, call, s.Incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		s.Exercise, s.About = i.Exercise, nil
		return write(ctx, tx)
	})
}

type sitrepDetail struct {
	Sitrep  string `json:"sitrep"`
	Version int64  `json:"version"`
	Marking string `json:"marking"`
}

// floor sets the strictest marking of what a report is made of, and what a national
// picture covers: only incidents that the writer knows, real and exercise apart.
func (in *Incidents) floor(ctx context.Context, actor act.Actor, s *Sitrep) error {
	if s.Incident != 0 {
		d, err := in.DraftSitrep(ctx, in.read, ViewerOf(actor), s.Incident, s.Language)
		s.Floor = d.Floor
		return err
	}
	slices.Sort(s.About)
	s.About = slices.Compact(s.About)
	if len(s.About) == 0 || len(s.About) > maxNational {
		return fault.OnField("incident", "incident.sitrep.about", fault.Args{"Max": maxNational})
	}
	s.Floor = tlp.Clear
	for n, id := range s.About {
		i, err := in.Incident(ctx, in.read, ViewerOf(actor), id)
		if err != nil {
			return err
		}
		if n > 0 && i.Exercise != s.Exercise {
			return fault.OnField("incident", "incident.merge.exercise", nil)
		}
		s.Exercise, s.Floor = i.Exercise, tlp.Strictest(s.Floor, i.Marking)
	}
	return nil
}

// maxNational is how many incidents a national picture shows.
const maxNational = 50

func (in *Incidents) insertSitrep(ctx context.Context, tx *act.Tx, actor act.Actor, s *Sitrep, last int64) (err error) {
	newest, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select coalesce(max(version), 0) from incident_sitrep where incident_id = $1 and exercise = $2`, s.Incident, s.Exercise)
	if err != nil {
		return err
	}
	if newest != last {
		return changedMeanwhile()
	}
	if s.ID, err = tx.Next(ctx, "incident.sitrep"); err != nil {
		return err
	}
	s.Version, s.By, s.At, s.Entry = newest+1, actor.ID, tx.Now(), 0
	if s.AsOf.IsZero() {
		s.AsOf = tx.Now()
	}
	if s.Language == "" {
		s.Language = in.Language
	}
	if s.Incident != 0 {
		if s.Entry, err = in.pointToSitrep(ctx, s); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `insert into incident_sitrep (`+sitrepColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`, s.ID, s.Incident, s.Version, s.Exercise, s.Marking.String(),
		s.Lowered, s.Language, s.Title, clock.Micros(s.AsOf), s.Happened, s.Affected, s.People, s.Doing, s.Needed, s.Press, stamp(s.NextAt), s.Entry, s.By,
		clock.Micros(s.At)); err != nil {
		return err
	}
	for _, id := range s.About {
		if _, err := tx.ExecContext(ctx, `insert into incident_sitrep_about (sitrep_id, incident_id) values ($1, $2)`, s.ID, id); err != nil {
			return err
		}
	}
	return nil
}

// pointToSitrep writes the entry of kind status that stands for a version.
func (in *Incidents) pointToSitrep(ctx context.Context, s *Sitrep) (int64, error) {
	i, err := get(ctx, in.read, s.Incident)
	if err != nil {
		return 0, err
	}
	text := in.speak("").Say("incident.sitrep.entry", "Version", s.Version, "Title", s.Title)
	e, err := in.machineEntry(ctx, &i, NewEntry{Kind: Status, Marking: s.Marking, Text: text, SourceID: s.ID})
	return e.ID, err
}

// MailSitrep sends a version to chosen persons of the directory, whole, as its marking
// allows: what may not leave is withheld by the release gate and shown as such.
func (in *Incidents) MailSitrep(ctx context.Context, actor act.Actor, id int64, persons []int64) error {
	s, err := in.Sitrep(ctx, in.read, id)
	if err != nil {
		return err
	}
	persons = slices.Clone(persons)
	slices.Sort(persons)
	if persons = slices.Compact(persons); len(persons) == 0 || len(persons) > 100 {
		return fault.OnField("person", "incident.sitrep.recipients", fault.Args{"Max": 100})
	}
	call := act.Call{Actor: actor, Verb: "incident.mail_sitrep", Subject: fmt.Sprintf("incident-sitrep:%d", id), Purpose: purpose, Exercise: s.Exercise}
	return in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		tx.Detail(struct {
			Persons []int64 `json:"persons"`
		}{persons})
		for _, one := range persons {
			p, err := in.Guard.Person(ctx, tx, one)
			if fault.CodeOf(err) == fault.NotFound || err == nil && !p.Active {
				return fault.OnField("person", "incident.participant.no_person", nil)
			}
			if err != nil {
				return err
			}
			a, err := in.Guard.AudienceFor(ctx, tx, guard.Circle{Orgs: []int64{guard.OwnOrg, p.Org}, Persons: []int64{p.ID}})
			if err != nil {
				return err
			}
			l := newLetter{kind: LetterSitrep, about: id, org: p.Org, person: p.ID, audience: a, address: p.Email}
			if err := in.writeTo(ctx, tx, l); err != nil {
				return err
			}
		}
		return nil
	})
}

// sitrep words the mail of a situation report.
func (v letterView) sitrep(ctx context.Context, r sqldb.Reader, l Letter) (subject, body string, err error) {
	s, err := v.in.Sitrep(ctx, r, l.About)
	if err != nil {
		return "", "", err
	}
	words := v.in.speak(s.Language)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", s.Title, words.Say("incident.sitrep.version", "Version", s.Version, "At", s.AsOf))
	for _, part := range v.in.SitrepSections(s) {
		fmt.Fprintf(&b, "\n%s\n%s\n", strings.ToUpper(part.Title), part.Text)
	}
	number := words.Say("incident.sitrep.national")
	if s.Incident != 0 {
		number = v.in.Number(s.Incident)
	}
	return "[" + number + "] " + words.Say("incident.sitrep.subject", "Version", s.Version), b.String(), nil
}

// SitrepSection is a heading with its text.
type SitrepSection struct{ Key, Title, Text string }

// SitrepSections are the parts of a report that say something, in their order, in its
// language.
func (in *Incidents) SitrepSections(s Sitrep) (out []SitrepSection) {
	words := in.speak(s.Language)
	people := words.Say("incident.sitrep.people_unknown")
	if s.People >= 0 {
		people = words.Say("incident.sitrep.people_count", "Count", s.People)
	}
	next := words.Say("incident.sitrep.no_next")
	if !s.NextAt.IsZero() {
		next = words.Time(s.NextAt)
	}
	for _, one := range []struct{ key, text string }{
		{"happened", s.Happened}, {"affected", strings.TrimSpace(s.Affected + "\n" + people)}, {"doing", s.Doing}, {"needed", s.Needed}, {"press", s.Press}, {"next", next},
	} {
		if one.text != "" {
			out = append(out, SitrepSection{one.key, words.Say("incident.sitrep.section." + one.key), one.text})
		}
	}
	return out
}
