package incident_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/internal/ledger"
	"almenara.example/internal/outbound"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
	frame "almenara.example/web"
)

// room is the incident room on a database, with a nation of four.
type room struct {
	*incident.Incidents
	t                          *testing.T
	acts                       *act.Acts
	clock                      *clocktest.Fake
	water, power, police, peer guard.Organisation
	officer, other             act.Actor // of the desk
	verifier                   string    // of signed packages
	plant, grid, inspector     act.Actor // contacts
}

func lines() []sqldb.Migrations {
	text, textOnPostgres := incident.TextMigrations()
	return []sqldb.Migrations{
		{Room: "ledger", Files: ledger.Migrations}, {Room: "act", Files: act.Migrations}, {Room: "guard", Files: guard.Migrations},
		{Room: "constituency", Files: constituency.Migrations}, {Room: "outbound", Files: outbound.Migrations}, {Room: "watch", Files: watch.Migrations},
		{Room: "warn", Files: warn.Migrations}, {Room: "incident", Files: incident.Migrations},
		{Room: "incident_text", Files: text, Postgres: textOnPostgres},
	}
}

func each(t *testing.T, f func(t *testing.T, r *room)) {
	t.Helper()
	sqldbtest.Each(t, lines(), func(t *testing.T, db *sqldb.DB) { f(t, newRoom(t, db)) })
}

func newRoom(t *testing.T, db *sqldb.DB) *room {
	t.Helper()
	policies, err := guard.LoadPolicies()
	if err != nil {
		t.Fatal(err)
	}
	r := &room{t: t, clock: clocktest.New(time.Date(2026, 11, 21, 3, 10, 0, 0, time.UTC))}
	log := slog.New(slog.DiscardHandler)
	r.acts = act.New(act.Config{DB: db, Clock: r.clock, IDs: id.NewSource(r.clock, nil), Decider: policies, Log: log})
	g := guard.New(r.acts)
	if _, err := g.Found(t.Context(), "CSIRT Atalaya", "XA"); err != nil {
		t.Fatal(err)
	}
	master := filepath.Join(t.TempDir(), "master")
	if err := blob.GenerateMaster(master); err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.Open(blob.Config{Dir: filepath.Join(t.TempDir(), "blobs"), MasterKey: master, Clock: r.clock})
	if err != nil {
		t.Fatal(err)
	}
	words, err := i18n.New(i18n.Sub(frame.Locales, "locales"), i18n.Sub(incident.Locales, "locales"), i18n.Sub(warn.Locales, "locales"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := outbound.New(r.acts, outbound.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	secret, verifier, err := note.GenerateKey(nil, "desk.atalaya.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	r.verifier = verifier
	r.Incidents, err = incident.New(incident.Config{
		Catalogue: words,
		Acts:      r.acts, Guard: g, Blobs: blobs, Constituency: constituency.New(r.acts, g, log), Warn: &warn.Warn{Config: warn.Config{Acts: r.acts}},
		Numbers: id.NewNumbers("ALM", "incident", []byte("key")), ReportNumber: id.NewNumbers("ALM", "report", []byte("key")),
		Refs: id.NewNumbers("E", "incident-entry", []byte("key")), FileRefs: id.NewNumbers("F", "incident-file", []byte("key")),
		ClockRefs:   id.NewNumbers("D", "incident-clock", []byte("key")),
		MailNumbers: id.NewNumbers("M", "incident-mail", []byte("key")), Log: log,
		Outbound: out, CrossingNumbers: id.NewNumbers("ALM", "crossing", []byte("key")), Signer: func() note.Signer { return signer },
	})
	if err != nil {
		t.Fatal(err)
	}
	r.SetGate(guard.NewGate(g, map[string]guard.Closure{incident.KindLetter: r.LetterClosure(), incident.KindPackage: r.PackageClosure()}))
	r.water, r.power = r.org("Water", guard.KindOperator), r.org("Power", guard.KindOperator)
	r.police, r.peer = r.org("Police", "police"), r.org("Neighbour CSIRT", "peer")
	r.officer = r.person(guard.OwnOrg, "Olga", guard.RoleWatchOfficer)
	r.other = r.person(guard.OwnOrg, "Otto", guard.RoleDutyLead)
	r.plant = r.person(r.water.ID, "Plant", guard.RoleContact)
	r.grid = r.person(r.power.ID, "Grid", guard.RoleContact)
	r.inspector = r.person(r.police.ID, "Inspector", guard.RoleContact)
	return r
}

func (r *room) org(name string, kind guard.Kind) guard.Organisation {
	r.t.Helper()
	o, err := r.Guard.AddOrganisation(r.t.Context(), guard.LocalOperator(), guard.NewOrganisation{Name: name, Kind: kind, Country: "XA"})
	r.must(err)
	return o
}

func (r *room) person(org int64, name string, roles ...string) act.Actor {
	r.t.Helper()
	p, err := r.Guard.AddPerson(r.t.Context(), guard.LocalOperator(), guard.NewPerson{Org: org, Name: name, Email: name + "@" + name + ".example", Language: "en", Zone: "Europe/Madrid", Roles: roles})
	r.must(err)
	p.Roles = roles
	return guard.ActorOf(p)
}

func (r *room) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// refused wants a fault of a code, on a field where one is named.
func (r *room) refused(err error, code fault.Code, key string) {
	r.t.Helper()
	if fault.CodeOf(err) != code || key != "" && !hasKey(err, key) {
		r.t.Errorf("got %v (%s), want %s %s", err, fault.CodeOf(err), code, key)
	}
}

func hasKey(err error, key string) bool {
	f := fault.Of(err)
	if f.Key == key {
		return true
	}
	for _, p := range f.Parts {
		if p.Key == key {
			return true
		}
	}
	return false
}

// open opens an incident with water and police.
func (r *room) open() incident.Incident {
	r.t.Helper()
	i, err := r.OpenNew(r.t.Context(), r.officer, incident.Incident{Title: "Control system at a water works is reached from outside", Severity: incident.High, Marking: tlp.Amber})
	r.must(err)
	for org, role := range map[int64]incident.Role{r.water.ID: "affected", r.police.ID: "police"} {
		_, err := r.AddParticipant(r.t.Context(), r.officer, i.ID, incident.NewParticipant{Org: org, Role: role})
		r.must(err)
	}
	return i
}

func (r *room) write(by act.Actor, i incident.Incident, m tlp.Marking, text string, orgs ...int64) incident.Entry {
	r.t.Helper()
	e, err := r.AddEntry(r.t.Context(), by, i.ID, incident.NewEntry{Kind: incident.Note, Marking: m, Text: text, To: guard.Circle{Orgs: orgs}})
	r.must(err)
	return e
}

// sees lists the texts that somebody sees of an incident.
func (r *room) sees(who act.Actor, i incident.Incident) (out []string) {
	r.t.Helper()
	es, err := r.Story(r.t.Context(), r.acts.Reader(), incident.ViewerOf(who), i.ID)
	r.must(err)
	for _, e := range es {
		out = append(out, e.Text)
	}
	return out
}
