package gate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// readerKey is one OpenPGP key for both worlds of a pair.
var readerKey = sync.OnceValues(func() (*pgp.Team, error) {
	dir, err := os.MkdirTemp("", "almenara-reader-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return pgp.Generate(filepath.Join(dir, "key"), "Sello", "desk@sello.seen.example", house.Morning().Add(-24*time.Hour))
})

// seen does one thing that some of the readers may see. What makes the readers what they
// are happens once, at its own step.
func (w *world) seen(ctx context.Context, r *rand.Rand, step int) error {
	once := map[int]func(context.Context) error{
		0: w.opensTwo, 2: w.opensDrill, 3: w.reports, 8: w.crosses, 10: w.transfers, 12: w.asks, 14: w.serves, 20: w.removes,
	}
	if f := once[step]; f != nil {
		if err := f(ctx); err != nil {
			return err
		}
	}
	if step%6 == 5 { // an exercise goes on beside
		return w.seenIn(ctx, r, w.drill, []string{"Simulacro"}, w.parties["Simulacro"])
	}
	incidents := w.real()
	among := []string{"Faro", "Policía", "Molino", "Sello"}
	if step < 20 {
		among = taking
	}
	return w.seenIn(ctx, r, incidents[r.IntN(len(incidents))], among, w.parties[among[r.IntN(len(among))]])
}

// real are the incidents that readers take part in and that are no exercise.
func (w *world) real() (out []int64) {
	for _, i := range w.things["incident"].seen {
		if i != w.drill {
			out = append(out, i)
		}
	}
	return out
}

// opens opens an incident with those who take part: organisations, and one person by
// name. The regulator is owed what Faro owes and takes no part.
func (w *world) opens(ctx context.Context) error {
	k := len(w.things["incident"].seen)
	i, err := w.in.OpenNew(ctx, w.desk, incident.Incident{Title: fmt.Sprintf("Harm %d", k), Severity: incident.High, Marking: []tlp.Marking{tlp.Green, tlp.Amber}[k%2]})
	if err != nil {
		return err
	}
	w.keep("incident", false, i.ID)
	for _, name := range taking {
		if _, err := w.in.AddParticipant(ctx, w.desk, i.ID, incident.NewParticipant{Org: w.org(name), Role: map[bool]incident.Role{true: "police", false: "affected"}[name == "Policía"]}); err != nil {
			return err
		}
	}
	if _, err := w.in.AddParticipant(ctx, w.desk, i.ID, incident.NewParticipant{Org: w.org("Norte"), Person: w.parties["Norte"].one.ID, Role: "observer"}); err != nil {
		return err
	}
	return w.owe(ctx, i.ID, w.org("Faro"), false)
}

func (w *world) opensTwo(ctx context.Context) error { return errors.Join(w.opens(ctx), w.opens(ctx)) }

func (w *world) opensDrill(ctx context.Context) error {
	i, err := w.in.OpenNew(ctx, w.desk, incident.Incident{Title: "A drill", Severity: incident.High, Marking: tlp.Green, Exercise: true})
	if err != nil {
		return err
	}
	w.drill = i.ID
	w.keep("incident", false, i.ID)
	if _, err := w.in.AddParticipant(ctx, w.desk, i.ID, incident.NewParticipant{Org: w.org("Simulacro"), Role: "affected"}); err != nil {
		return err
	}
	return w.owe(ctx, i.ID, w.org("Simulacro"), false)
}

// reports are one by Faro, and one without a name, which is answered.
func (w *world) reports(ctx context.Context) error {
	p, err := w.in.TakeReport(ctx, guard.ActorOf(w.ana()), incident.NewReport{Source: incident.ByPortal, Owner: w.org("Faro"), Text: "A valve moved", Marking: tlp.Amber})
	if err != nil {
		return err
	}
	if w.code, err = w.in.NewCode(); err != nil {
		return err
	}
	q, _, err := w.in.ReportPublicly(ctx, incident.NewReport{Text: "I saw it", Email: "mara@home.seen.example", Language: "en", Marking: tlp.Amber}, w.code)
	if err != nil {
		return err
	}
	w.keep("report", false, p.ID, q.ID)
	return w.in.WriteOnReport(ctx, w.desk, q.ID, incident.Answer, "We look into it.", nil)
}

// crosses hands lines to a police that takes no part.
func (w *world) crosses(ctx context.Context) error {
	at := w.real()[0]
	var lines []int64
	for _, n := range []incident.NewEntry{
		{Marking: tlp.AmberStrict, Text: "a man stands at the pump", Files: []incident.NewFile{{Name: "gate.txt", Body: []byte("03:02")}}},
		{Marking: tlp.Red, Text: "his name", To: guard.Circle{Persons: []int64{incident.ViewerOf(w.desk).Person}}}, // who reviews sees every line
	} {
		e, err := w.write(ctx, w.second, at, false, n)
		if err != nil {
			return err
		}
		lines = append(lines, e.ID)
	}
	c, err := w.in.CrossForDanger(ctx, w.second, at, incident.NewCrossing{Org: w.org("Guardia"), Entries: lines, Ground: "eu-led-10b", Why: "a worker is threatened"})
	if err != nil {
		return err
	}
	w.crossed = lines
	w.keep("crossing", false, c.ID)
	return w.in.ReviewCrossing(ctx, w.desk, c.ID, incident.Approved, "it was right")
}

// transfers offers a peer what it may have.
func (w *world) transfers(ctx context.Context) error {
	at := w.real()[1]
	e, err := w.write(ctx, w.desk, at, false, incident.NewEntry{Marking: tlp.Green, Text: "an address of theirs attacks"})
	if err != nil {
		return err
	}
	t, _, err := w.in.OfferTransfer(ctx, w.desk, incident.NewPackage{Incident: at, Purpose: incident.ForTransfer, Org: w.org("Boreas"), Entries: []int64{e.ID}})
	if err != nil {
		return err
	}
	return w.in.AnswerTransfer(ctx, w.desk, t.ID, incident.Accepted, "Nora", "NB-7", "")
}

// asks asks three whether their word may go to the police: one that stays, one that is
// removed afterwards and can still take it back, and one of whom a person takes part by
// name.
func (w *world) asks(ctx context.Context) error {
	at := w.real()[0]
	for _, name := range []string{"Faro", "Antigua", "Norte"} {
		by := guard.ActorOf(w.parties[name].one)
		e, err := w.write(ctx, by, at, false, incident.NewEntry{Marking: tlp.AmberStrict, Text: "the log of " + name})
		if err != nil {
			return err
		}
		if err := w.in.AskConsent(ctx, w.desk, at, []int64{e.ID}, w.org("Policía")); err != nil {
			return err
		}
		all, err := w.in.AskedOf(ctx, w.App.Acts().Reader(), incident.ViewerOf(by))
		if err != nil {
			return err
		}
		for _, c := range all {
			w.keep("consent", false, c.ID)
		}
	}
	return nil
}

// serves notes a service that is hit, and what is needed.
func (w *world) serves(ctx context.Context) error {
	at := w.real()[0]
	s, err := w.in.AddService(ctx, w.desk, at, incident.NewService{Org: w.org("Faro"), Name: "Drinking water", People: 900, Marking: tlp.Amber, To: w.orgs("Faro"), Now: incident.NewStep{State: incident.Down, At: w.Clock.Now()}})
	if err != nil {
		return err
	}
	if err := w.keepEntry(ctx, false, s.Entry); err != nil {
		return err
	}
	e, err := w.in.AskResource(ctx, w.desk, at, incident.NewEntry{Marking: tlp.Amber, Text: "two pumps are needed", To: w.orgs("Faro", "Molino")})
	if err != nil {
		return err
	}
	return w.keepEntry(ctx, false, e.ID)
}

// removes ends that an organisation takes part.
func (w *world) removes(ctx context.Context) error {
	for _, at := range w.real() {
		if err := w.leaves(ctx, at, w.org("Antigua")); err != nil {
			return err
		}
	}
	return nil
}

// seenIn writes something to some of those who take part in an incident.
func (w *world) seenIn(ctx context.Context, r *rand.Rand, at int64, among []string, who *party) error {
	var names []string
	for _, k := range r.Perm(len(among))[:1+r.IntN(len(among))] {
		names = append(names, among[k])
	}
	n, by := incident.NewEntry{Kind: incident.Note, Marking: marking(r), Text: fmt.Sprintf("seen %d", r.IntN(1000)), To: w.orgs(names...)}, w.desk
	asked := w.org(names[0])
	switch r.IntN(11) {
	case 9, 10:
		if at != w.drill {
			return w.fares(ctx, r, at, n.Marking, w.orgs(append(names, "Faro")...))
		}
	case 0:
		n.Marking, n.To = tlp.Red, guard.Circle{Persons: []int64{who.one.ID}}
	case 1:
		n.Kind, n.Task = incident.Question, &incident.NewTask{Org: asked, Due: w.Clock.Now().Add(time.Hour)}
	case 2:
		n.Kind, n.Task = incident.TaskEntry, &incident.NewTask{Org: asked, Depends: w.hiddenTask(ctx, at)}
	case 3:
		n.Files, n.Observables = []incident.NewFile{{Name: "a.txt", Body: []byte(n.Text)}}, []incident.NewObservable{{Value: "192.0.2.7"}}
	case 4:
		n.To, by = guard.Circle{}, who.actor()
	case 5:
		n.Kind = []incident.Kind{incident.Decision, incident.Call, incident.Status, incident.Observable}[r.IntN(4)]
		n.Observables = []incident.NewObservable{{Value: fmt.Sprintf("192.0.2.%d", r.IntN(9))}}
	case 6:
		n.Kind, n.Task = incident.Measure, &incident.NewTask{Org: asked}
	case 7:
		if at != w.drill {
			n.To.Persons = []int64{w.parties["Norte"].one.ID}
		}
	}
	_, err := w.write(ctx, by, at, false, n)
	return err
}

// fares names a service of Faro's, or says how one of hers fares, or plans for it.
func (w *world) fares(ctx context.Context, r *rand.Rand, at int64, m tlp.Marking, to guard.Circle) error {
	all, err := w.in.Services(ctx, w.App.Acts().Reader(), incident.ViewerOf(guard.ActorOf(w.ana())), at)
	if err != nil {
		return err
	}
	step := incident.NewStep{State: incident.ServiceStates()[r.IntN(4)], Quality: 1 + r.IntN(99)}
	switch k := r.IntN(4); {
	case len(all) == 0 || k == 0:
		n := incident.NewService{Org: w.org("Faro"), Name: fmt.Sprintf("Service %d", r.IntN(100)), People: 7, Marking: m, To: to, Now: step}
		for _, one := range all {
			n.Depends = append(n.Depends, one.ID)
		}
		s, err := w.in.AddService(ctx, w.desk, at, n)
		if err != nil {
			return err
		}
		return w.keepEntry(ctx, false, s.Entry)
	case k == 1:
		e, err := w.in.AddMilestone(ctx, w.desk, at, incident.NewMilestone{Title: "Milestone", Service: all[0].ID, Due: w.Clock.Now().Add(time.Hour), Place: r.IntN(3)})
		if err != nil {
			return err
		}
		return w.keepEntry(ctx, false, e.ID)
	}
	one := all[r.IntN(len(all))]
	step.Version = one.Version
	return w.in.SetService(ctx, guard.ActorOf(w.ana()), one.ID, step)
}

// hiddenTask finds a task of an incident that those who take part do not see, if there is
// one: what is seen may wait for it.
func (w *world) hiddenTask(ctx context.Context, at int64) []int64 {
	if w.plot.red {
		return nil
	}
	ids, err := sqldb.All(ctx, w.App.Acts().Reader(), sqldb.Int64, `select t.entry_id from incident_task t join incident_entry e on e.id = t.entry_id
		where t.incident_id = $1 and e.text = 'secret task' order by t.entry_id limit 1`, at)
	if err != nil {
		return nil
	}
	return ids
}

// takes finds the participation of an organisation, 0 when there is none.
func (w *world) takes(ctx context.Context, at, org int64) (int64, error) {
	ps, err := w.in.Participants(ctx, w.App.Acts().Reader(), at, false)
	for _, p := range ps {
		if p.Org == org {
			return p.ID, err
		}
	}
	return 0, err
}

func (w *world) leaves(ctx context.Context, at, org int64) error {
	id, err := w.takes(ctx, at, org)
	if err != nil || id == 0 {
		return err
	}
	return w.in.RemoveParticipant(ctx, w.desk, at, id, "not concerned")
}

func (w *world) joins(ctx context.Context, by act.Actor, at, org int64) error {
	id, err := w.takes(ctx, at, org)
	if err != nil || id != 0 {
		return err
	}
	_, err = w.in.AddParticipant(ctx, by, at, incident.NewParticipant{Org: org, Role: "observer"})
	return err
}

// owe lets two laws apply to an organisation, which has warned and notified: what runs
// then runs for a month, so that nobody is reminded of anything while answers are
// compared. Under one of them the regulator is owed what the organisation files.
func (w *world) owe(ctx context.Context, at, org int64, secret bool) error {
	for _, law := range []string{"nis2", "cer"} {
		d, err := w.in.BeginDuty(ctx, w.desk, at, incident.NewDuty{Org: org, Regime: law, Authority: w.org("Autoridad")})
		if err != nil {
			return err
		}
		cs, err := w.in.Clocks(ctx, w.App.Acts().Reader(), incident.ViewerOf(w.desk), at)
		if err != nil {
			return err
		}
		for _, c := range cs {
			if c.Duty != d.ID || c.OwedByOrg != org {
				continue
			}
			w.keep("clock", secret, c.ID)
			if c.Stage == "early-warning" || c.Stage == "notification" || c.Stage == "initial" {
				if _, err := w.in.MeetClock(ctx, w.desk, c.ID, w.Clock.Now(), 0, "", 0); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
