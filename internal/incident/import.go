package incident

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"almenara.example/casefile"
	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// Origin is the system of which a file of cases is.
type Origin string

// The origins.
const (
	RTIR    Origin = "rtir"    // tickets of RT for Incident Response; package rtir
	TheHive Origin = "thehive" // package thehive
	IRIS    Origin = "iris"    // DFIR-IRIS; package iris
)

// Origins lists them.
func Origins() []Origin { return []Origin{RTIR, TheHive, IRIS} }

// ImportResult says what an import did, or would do.
type ImportResult struct {
	Applied     bool
	Cases       int // tickets or cases in the file
	Added       int // incidents that are new
	Extended    int // incidents from an earlier import that get what was missing
	Here        int // incidents that are here already
	Open        int // left out: not closed there
	Entries     int // of those added and extended, as all that follows
	Tasks       int
	Observables int
	Files       int
	People      int          // names by whom something is said; none of them becomes a person here
	First       int64        // the incident that was added first, 0 for none
	Coming      []ImportCase // the first of those added and extended, up to MaxImportShown
	Already     []ImportCase // the first of those that are here already, likewise
	Notes       []ImportNote
}

// ImportCase is one of a file.
type ImportCase struct {
	Line     int
	Number   string // there: "rtir:12"
	Title    string
	Marking  tlp.Marking
	Incident int64 // where it is told here; 0: nowhere yet
}

// ImportNote says what is not carried over, or not as it was. Notes of the same sort
// are one beyond MaxImportNotes: Count is then how many there are.
type ImportNote struct {
	Line  int // of the file
	Key   string
	Args  fault.Args
	Count int
}

// The bounds of an import.
const (
	MaxImportEntries = 500_000
	MaxImportNotes   = 100 // of a sort, one by one
	MaxImportShown   = 20
)

// foreignCase is an incident of another system, as it will stand here.
type foreignCase struct {
	line    int
	key     string   // "rtir:12"
	parts   []string // keys of what is told within it
	into    []string // keys of incidents that it belongs to: when one is here, it goes there
	head    Incident
	entries []foreignEntry
}

// foreignEntry is an entry of it; state is of what has one.
type foreignEntry struct {
	NewEntry
	state  TaskState
	doneAt time.Time
}

// Import reads the cases of another system and keeps those that are closed there as
// closed incidents, which the desk alone sees, each in an act of its own. What came
// before does not come again. Without apply it only says what would happen. One case at a
// time is in memory: a file is read through before anything of it is kept, so that one
// that cannot be read is not kept in part.
func (in *Incidents) Import(ctx context.Context, actor act.Actor, origin Origin, src io.ReaderAt, apply bool) (ImportResult, error) {
	call := act.Call{Actor: actor, Verb: "incident.import", Purpose: purpose, Resource: act.Resource{Kind: "incident", Org: guard.OwnOrg}}
	if err := in.Acts.Decide(ctx, call); err != nil {
		return ImportResult{}, err
	}
	src = bounded{src, in.MaxImport, in.ImportTooLarge()}
	if apply {
		if err := in.translate(origin).read(src); err != nil {
			return ImportResult{}, unreadable(err)
		}
	}
	t := in.translate(origin)
	var failed error
	t.each = func(f *foreignCase) error {
		if err := in.importCase(ctx, call, f, t, apply); err != nil {
			failed = fmt.Errorf("import %s of line %d: %w", f.key, f.line, err)
		}
		return failed
	}
	switch err := t.read(src); {
	case failed != nil:
		return t.result, failed
	case err != nil:
		return ImportResult{}, unreadable(err)
	}
	t.result.Applied, t.result.People = apply, len(t.said)
	slices.SortStableFunc(t.result.Notes, func(a, b ImportNote) int { return a.Line - b.Line })
	return t.result, nil
}

func (in *Incidents) translate(origin Origin) *translation {
	return &translation{
		origin: origin, now: in.Acts.Clock().Now(), sorts: map[string]int{}, at: map[string]int{}, said: map[string]bool{},
		each: func(*foreignCase) error { return nil },
	}
}

// unreadable makes a fault of what a library says of a file.
func unreadable(err error) error {
	var e *casefile.Error
	if errors.As(err, &e) {
		return fault.Wrap(fault.Invalid, "incident.import.broken", fault.Args{"Why": fault.Clip(e.Error())}, err)
	}
	return err
}

// ImportTooLarge is what is said of a file beyond MaxImport.
func (in *Incidents) ImportTooLarge() error {
	return fault.OnField("file", "incident.import.file_large", fault.Args{"Max": in.MaxImport >> 20})
}

// bounded gives an error instead of what stands beyond max bytes.
type bounded struct {
	src   io.ReaderAt
	max   int64
	large error
}

// ReadAt implements io.ReaderAt.
func (b bounded) ReadAt(p []byte, at int64) (int, error) {
	n, err := b.src.ReadAt(p, at)
	if at+int64(n) > b.max {
		return 0, b.large
	}
	return n, err
}

// importCase keeps one case, or counts what it would be.
func (in *Incidents) importCase(ctx context.Context, call act.Call, f *foreignCase, t *translation, apply bool) error {
	sum, one := &t.result, ImportCase{Line: f.line, Number: f.key, Title: f.head.Title, Marking: f.head.Marking}
	here, err := imported(ctx, in.read, f.key)
	if err != nil {
		return err
	}
	if one.Incident = here; here != 0 {
		sum.Here++
		sum.Already = shown(sum.Already, one)
		return nil
	}
	into, err := imported(ctx, in.read, f.into...)
	if err != nil {
		return err
	}
	if one.Incident = into; into != 0 {
		sum.Extended++
	} else {
		sum.Added++
	}
	t.count(f)
	if apply {
		if one.Incident, err = in.keepCase(ctx, call, f, into); err != nil {
			return err
		}
		if into == 0 && sum.First == 0 {
			sum.First = one.Incident
		}
	}
	sum.Coming = shown(sum.Coming, one)
	return nil
}

// count adds up what a case brings.
func (t *translation) count(f *foreignCase) {
	for i := range f.entries {
		e := &f.entries[i]
		t.result.Entries++
		t.result.Observables += len(e.Observables)
		t.result.Files += len(e.Files)
		if e.Task != nil {
			t.result.Tasks++
		}
		if e.By != "" {
			t.said[e.By] = true
		}
	}
}

func shown(all []ImportCase, one ImportCase) []ImportCase {
	if len(all) < MaxImportShown {
		all = append(all, one)
	}
	return all
}

// imported is the incident that one of some foreign numbers is told in, 0 for none.
func imported(ctx context.Context, r sqldb.Reader, keys ...string) (int64, error) {
	for _, key := range keys {
		id, ok, err := sqldb.One(ctx, r, sqldb.Int64, `select incident_id from incident_import where number = $1`, key)
		if err != nil || ok {
			return id, err
		}
	}
	return 0, nil
}

// keepCase keeps one case, in an incident that is here or as a new one, and returns which.
func (in *Incidents) keepCase(ctx context.Context, call act.Call, f *foreignCase, into int64) (id int64, err error) {
	for i := range f.entries {
		if err := in.keepFiles(ctx, f.entries[i].Files); err != nil {
			return 0, err
		}
	}
	err = in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) (err error) {
		i, what := f.head, "imported"
		if into != 0 {
			what = "entry"
			if i, err = get(ctx, tx, into); err != nil {
				return err
			}
		} else {
			if i.ID, err = tx.Next(ctx, "incident.incident"); err != nil {
				return err
			}
			i.Lead, i.ChangedAt, i.OpenedBy, i.Imported, i.Version = guard.OwnOrg, tx.Now(), call.Actor.ID, f.key, 1
			if err := in.insertIncident(ctx, tx, i); err != nil {
				return err
			}
		}
		if err := keepNumbers(ctx, tx, i.ID, f); err != nil {
			return err
		}
		desk, err := in.Guard.AudienceFor(ctx, tx, guard.Circle{Orgs: []int64{guard.OwnOrg}})
		if err != nil {
			return err
		}
		for k := range f.entries {
			if err := in.keepForeign(ctx, tx, call.Actor, &i, &f.entries[k], desk); err != nil {
				return err
			}
		}
		id = i.ID
		tx.Subject(subject(i.ID))
		tx.Detail(importDetail{f.key, len(f.entries)})
		tx.Fact(Changed{Incident: i.ID, What: what, Orgs: []int64{guard.OwnOrg}})
		return nil
	})
	return id, err
}

type importDetail struct {
	From    string `json:"from"` // the number there
	Entries int    `json:"entries"`
}

// keepNumbers remembers what was told in an incident. A second hand that imports the
// same at the same moment is refused by the key.
func keepNumbers(ctx context.Context, tx *act.Tx, incident int64, f *foreignCase) error {
	for _, key := range append([]string{f.key}, f.parts...) {
		here, err := imported(ctx, tx, key)
		if err != nil {
			return err
		}
		if here != 0 {
			if key == f.key {
				return changedMeanwhile()
			}
			continue // a report of two incidents is known by the first
		}
		if _, err := tx.ExecContext(ctx, `insert into incident_import (number, incident_id) values ($1, $2)`, key, incident); err != nil {
			return err
		}
	}
	return nil
}

// keepForeign writes one entry as it was said there.
func (in *Incidents) keepForeign(ctx context.Context, tx *act.Tx, actor act.Actor, i *Incident, f *foreignEntry, desk guard.Audience) (err error) {
	e := Entry{
		Incident: i.ID, Kind: f.Kind, Owner: guard.OwnOrg, Author: actor.ID, By: f.By, Marking: f.Marking, Audience: desk, At: f.At, RecordedAt: tx.Now(),
		Text: f.Text, Source: FromImport, Exercise: i.Exercise, Version: 1, Order: tx.Order(),
	}
	if e.ID, err = tx.Next(ctx, "incident.entry"); err != nil {
		return err
	}
	if err := in.insertEntry(ctx, tx, e); err != nil {
		return err
	}
	if err := in.addParts(ctx, tx, &e, f.NewEntry); err != nil || f.Task == nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `update incident_task set state = $1, done_at = $2 where entry_id = $3`, string(f.state), stamp(f.doneAt), e.ID)
	return err
}

// note tells of one thing that is not carried over as it was.
func (t *translation) note(line int, key string, args fault.Args) {
	key = "incident.import.note." + key
	if t.sorts[key]++; t.sorts[key] <= MaxImportNotes {
		t.result.Notes = append(t.result.Notes, ImportNote{line, key, args, 1})
		return
	}
	t.many(line, "more", key)
}

// many tells of all things of a sort at once; sorts without end become one.
func (t *translation) many(line int, key, sort string) {
	key = "incident.import.note." + key
	if _, seen := t.at[key+sort]; !seen && t.sorts[key] >= MaxImportNotes {
		sort = "…"
	}
	at, seen := t.at[key+sort]
	if !seen {
		at = len(t.result.Notes)
		t.sorts[key]++
		t.at[key+sort] = at
		t.result.Notes = append(t.result.Notes, ImportNote{Line: line, Key: key, Args: fault.Args{"Sort": sort}})
	}
	n := &t.result.Notes[at]
	n.Count++
	n.Args["Count"] = n.Count
}

// past is when something happened there; never after now.
func (t *translation) past(at, otherwise time.Time) time.Time {
	if at.IsZero() {
		at = otherwise
	}
	if at.IsZero() || at.After(t.now) {
		at = t.now
	}
	return clock.FromMicros(clock.Micros(at))
}
