package gate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// world is one store of a pair: what its readers may see of incidents, and in one of the
// two also what none of them may.
type world struct {
	*house.House
	t                   testing.TB
	plot                plot
	in                  *incident.Incidents
	desk, second, chief act.Actor // the chief alone of the desk is named where the readers are not
	parties             map[string]*party
	ben, olga           guard.Person // colleagues of who reads, whom secrets reach by name
	oversight           guard.Person
	things              map[string]*things
	code                string  // of who reported without a name
	crossed             []int64 // lines that a police reads as they stood then
	drill               int64   // the incident that is an exercise
	done                map[string]int
	readers             []reader
	key                 *pgp.Team
}

// party is an organisation with somebody of it.
type party struct {
	org guard.Organisation
	one guard.Person
}

func (p *party) actor() act.Actor { return guard.ActorOf(p.one) }

// things are all of a kind in a world: what the readers or some of them may know of, in
// the same order in both worlds, and what none may. People at the desk and those outside
// name them differently.
type things struct {
	seen, secret  []int64
	outside, desk func(int64) string
}

// called names the k-th thing: what is seen by its place, a secret by its place in the
// world that has it; the other world gets a name of nothing.
func (x *things) called(k int, desk bool) string {
	format := x.outside
	if desk {
		format = x.desk
	}
	if k < len(x.seen) {
		return format(x.seen[k])
	}
	if k -= len(x.seen); k < len(x.secret) {
		return format(x.secret[k])
	}
	return format(1<<30 + int64(k))
}

// plot is what happens in both worlds of a pair, and what besides in one of them.
type plot struct {
	seed   uint64
	steps  int
	hidden bool
	late   bool // all that is hidden happens after what is seen
	red    bool // it is hidden from the desk too: it is for named persons
}

// Those who are never in an audience of what is seen, and those who read.
var (
	strangers = []string{"Ribera", "Sentinela", "Gendarmes", "Norland"} //nolint:gochecknoglobals // a table
	taking    = []string{"Faro", "Policía", "Molino", "Sello", "Antigua"}
)

// organisations are the lines of constituency's file: name, kind, country and mail.
const organisations = `Faro,operator,XA,drinking-water,cidr,198.51.100.0/28,Control room,watch@faro.seen.example,fr
Policía,police,XA,public-administration,domain,policia.example,Desk,desk@policia.seen.example,es
Molino,operator,XA,drinking-water,cidr,198.51.100.16/28,Desk,desk@molino.seen.example,en
Sello,operator,XA,drinking-water,cidr,198.51.100.32/28,Desk,desk@sello.seen.example,en
Antigua,operator,XA,drinking-water,cidr,198.51.100.48/28,Desk,desk@antigua.seen.example,en
Norte,operator,XA,drinking-water,cidr,198.51.100.64/28,Desk,desk@norte.seen.example,en
Guardia,police,XA,public-administration,domain,guardia.example,Desk,desk@guardia.seen.example,en
Autoridad,regulator,XA,public-administration,domain,autoridad.example,Desk,desk@autoridad.seen.example,en
Boreas,peer,XB,public-administration,domain,boreas.example,Desk,desk@boreas.seen.example,en
Ribera,operator,XA,drinking-water,cidr,198.51.100.80/28,Desk,desk@ribera.hidden.example,en
Sentinela,operator,XA,drinking-water,cidr,198.51.100.96/28,Desk,desk@sentinela.hidden.example,en
Gendarmes,police,XA,public-administration,domain,gendarmes.example,Desk,desk@gendarmes.hidden.example,en
Norland,peer,XC,public-administration,domain,norland.example,Desk,desk@norland.hidden.example,en
`

// peopled adds organisations with one person each, and the desk's people.
func (w *world) peopled(ctx context.Context) error {
	if err := w.Import(ctx, organisations); err != nil {
		return err
	}
	for _, name := range []string{"Simulacro", "Ensayo"} { // for exercises; the second is hidden
		if _, err := w.App.Guard().AddOrganisation(ctx, guard.LocalOperator(), guard.NewOrganisation{Name: name, Kind: guard.KindOperator, Country: "XA", Exercise: true}); err != nil {
			return err
		}
	}
	w.desk, w.second, w.chief = guard.ActorOf(w.Person(guard.OwnOrg, guard.RoleDutyLead)), guard.ActorOf(w.Person(guard.OwnOrg, guard.RoleDutyLead)), guard.ActorOf(w.Person(guard.OwnOrg, guard.RoleDutyLead))
	all, err := w.App.Guard().Organisations(ctx, w.App.Acts().Reader())
	if err != nil {
		return err
	}
	w.parties = map[string]*party{}
	for _, o := range all {
		if o.ID == guard.OwnOrg {
			continue
		}
		n := guard.NewPerson{Org: o.ID, Name: "Somebody of " + o.Name, Email: fmt.Sprintf("one%d@%s.example", o.ID, seenOrHidden(o.Name)), Language: "en", Roles: []string{guard.RoleContact}}
		one, err := w.App.Guard().AddPerson(ctx, guard.LocalOperator(), n)
		if err != nil {
			return err
		}
		w.parties[o.Name] = &party{o, one}
	}
	w.oversight, err = w.App.Guard().AddPerson(ctx, guard.LocalOperator(), guard.NewPerson{Org: guard.OwnOrg, Name: "Oversight", Email: "watch@oversight.example", Language: "en", Roles: []string{guard.RoleOversight}})
	if err != nil {
		return err
	}
	w.ben, w.olga = w.Person(w.org("Faro"), guard.RoleContact), w.Person(w.org("Norte"), guard.RoleContact)
	return w.sealTo(ctx, "Sello")
}

func seenOrHidden(organisation string) string {
	if strings.Contains(strings.Join(append(strangers, "Ensayo"), " "), organisation) {
		return "hidden"
	}
	return "one.seen"
}

// sealTo gives the first contact of an organisation a key, so that it is written to whole.
func (w *world) sealTo(ctx context.Context, name string) error {
	key, err := readerKey()
	if err != nil {
		return err
	}
	cs, err := w.App.Constituency().Contacts(ctx, w.App.Acts().Reader(), w.org(name))
	if err != nil {
		return err
	}
	armor, err := key.Public().Armor()
	if err == nil {
		_, err = w.App.Guard().AddKey(ctx, guard.LocalOperator(), cs[0].Person, []byte(armor))
	}
	w.key = key
	return err
}

func (w *world) org(name string) int64 { return w.parties[name].org.ID }

func (w *world) orgs(names ...string) (c guard.Circle) {
	for _, n := range names {
		c.Orgs = append(c.Orgs, w.org(n))
	}
	return c
}

func (w *world) ana() guard.Person { return w.parties["Faro"].one }

// live is all that happens before anybody asks.
func (p plot) live(w *world) func(context.Context, *house.House) error {
	return func(ctx context.Context, h *house.House) error {
		w.House, w.in, w.plot, w.done = h, h.App.Incidents(), p, map[string]int{}
		w.name()
		if err := w.peopled(ctx); err != nil {
			return fmt.Errorf("people: %w", err)
		}
		seen, unseen := rand.New(rand.NewPCG(p.seed, 1)), w.unseen(rand.New(rand.NewPCG(p.seed, 2)))
		do := func(step int) error {
			if err := w.seen(ctx, seen, step); err != nil {
				return fmt.Errorf("what is seen, step %d: %w", step, err)
			}
			if p.late {
				return nil
			}
			return unseen(ctx)
		}
		if err := w.span(ctx, do); err != nil {
			return err
		}
		h.Clock.Set(house.Morning().AddDate(0, 0, 5))
		if err := w.reminded(ctx); err != nil {
			return err
		}
		return w.span(ctx, func(int) error {
			if !p.late {
				return nil
			}
			return unseen(ctx)
		})
	}
}

// span lets things happen a minute apart, while nothing is sent; then all is sent, and
// whoever owes something is reminded.
func (w *world) span(ctx context.Context, do func(step int) error) error {
	if err := w.App.Warn().Stop(ctx, house.Lead(), "until all has happened"); err != nil {
		return err
	}
	for step := range w.plot.steps {
		w.Clock.Advance(time.Minute)
		if err := do(step); err != nil {
			return err
		}
	}
	if err := w.Settle(ctx); err != nil {
		return err
	}
	if err := w.App.Warn().Resume(ctx, house.Lead(), "all has happened"); err != nil {
		return err
	}
	if err := w.allSent(ctx); err != nil {
		return err
	}
	w.Clock.Advance(2 * time.Hour)
	return w.reminded(ctx)
}

// reminded does now what the queue would do while answers are compared: who owes
// something is told, to the last step, and what crossed is looked after.
func (w *world) reminded(ctx context.Context) error {
	for range 8 {
		if err := errors.Join(w.in.RemindDue(ctx), w.in.WatchCrossings(ctx)); err != nil {
			return err
		}
		if err := w.Settle(ctx); err != nil {
			return err
		}
		w.Clock.Advance(3 * time.Hour)
	}
	if err := errors.Join(w.in.RemindDue(ctx), w.in.WatchCrossings(ctx)); err != nil {
		return err
	}
	return w.allSent(ctx)
}

// allSent sends what waits and returns when nothing is on its way any more: the queue of
// the house sends, too.
func (w *world) allSent(ctx context.Context) error {
	deadline := time.After(time.Minute)
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		if err := errors.Join(w.Settle(ctx), w.in.SendMails(ctx), w.in.SendLetters(ctx)); err != nil {
			return err
		}
		n, _, err := sqldb.One(ctx, w.App.Acts().Reader(), sqldb.Int64, `select (select count(*) from incident_news where mail_id = 0)
			+ (select count(*) from incident_mail where state in ('waiting', 'attempting')) + (select count(*) from incident_letter where state in ('waiting', 'attempting'))`)
		if err != nil || n == 0 {
			tick.Stop()
			return err
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("%d mails still wait", n)
		}
	}
}

func (w *world) name() {
	plain := func(n int64) string { return strconv.FormatInt(n, 10) }
	w.things = map[string]*things{
		"incident": {outside: w.in.Number, desk: w.in.Number},
		"entry":    {outside: w.in.Ref, desk: plain},
		"file":     {outside: w.in.FileRef, desk: plain},
		"clock":    {outside: w.in.ClockRef, desk: plain},
		"filing":   {outside: plain, desk: plain},
		"report":   {outside: w.in.ReportNo, desk: w.in.ReportNo},
		"crossing": {outside: w.in.CrossingNumber, desk: w.in.CrossingNumber},
		"consent":  {outside: w.in.ConsentRef, desk: plain},
	}
}

// keep notes things of a kind as seen or as secret.
func (w *world) keep(kind string, secret bool, ids ...int64) {
	x := w.things[kind]
	if secret {
		x.secret = append(x.secret, ids...)
	} else {
		x.seen = append(x.seen, ids...)
	}
}

// keepEntry notes an entry with its files.
func (w *world) keepEntry(ctx context.Context, secret bool, id int64) error {
	w.keep("entry", secret, id)
	fs, err := sqldb.All(ctx, w.App.Acts().Reader(), sqldb.Int64, `select id from incident_file where entry_id = $1`, id)
	w.keep("file", secret, fs...)
	return err
}

func (w *world) write(ctx context.Context, by act.Actor, at int64, secret bool, n incident.NewEntry) (incident.Entry, error) {
	if n.Kind == "" {
		n.Kind = incident.Note
	}
	e, err := w.in.AddEntry(ctx, by, at, n)
	if err != nil {
		return e, err
	}
	return e, w.keepEntry(ctx, secret, e.ID)
}

func build(t testing.TB, p plot, db sqldb.Config) *world {
	t.Helper()
	w := &world{t: t}
	house.Start(t, house.Options{Database: db, Fixed: true, Random: rand.NewChaCha8([32]byte{byte(p.seed)}), Fill: p.live(w)})
	w.enter()
	return w
}

func marking(r *rand.Rand) tlp.Marking {
	return []tlp.Marking{tlp.Clear, tlp.Green, tlp.Amber, tlp.AmberStrict}[r.IntN(4)]
}
