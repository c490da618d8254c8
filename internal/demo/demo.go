// Package demo founds a nation to look at: the Republic of Atalaya, with
// organisations, contacts and assets in the ranges set aside for documentation, three
// days of sample deliveries, and what came of them: notices and answers of every
// strength, mail that waits, a warning to a sector, a FLASH under way, three living
// incidents and an exercise, a roster and the pack for the night, so that every page has
// something to show.
//
// # Invariants
//
//   - It enters only through the rooms' verbs and imports, as the persons that it
//     makes, on a clock that it winds; a wall keeps it from the database.
//   - Everything is invented: names end in .example, addresses come from RFC 5737
//     and RFC 3849, autonomous systems from RFC 5398. No mail leaves: the outbox on
//     screen takes it.
//   - The same day makes the same nation.
//
// What is NOT here: how a process begins (app) and the command (cmd/almenara).
package demo

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/duty"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/internal/outbound"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

//go:embed files/*
var files embed.FS

// Name and Country are what the installation of the demo is founded with; XA is a
// code that ISO 3166-1 leaves to users.
const (
	Name    = "CSIRT Atalaya"
	Country = "XA"
)

// Overlay is the demo's overlay file, to be laid into its data folder.
func Overlay() ([]byte, error) { return files.ReadFile("files/overlay.toml") }

// House is the installation that the demo fills.
type House struct {
	Guard        *guard.Guard
	Constituency *constituency.Constituency
	Watch        *watch.Watch
	Warn         *warn.Warn
	Duty         *duty.Duty
	Incidents    *incident.Incidents
	Receiving    *outbound.Receiving
	Acts         *act.Acts
	Clock        *clock.Wound
	// Settle waits until facts are delivered and jobs are done.
	Settle func(ctx context.Context) error
	// Progress is told what is being done; nil is allowed.
	Progress func(what string)
}

// Fill makes the nation and returns, per role, the secret of a one-time sign-in
// link, and one for each of Outsiders. The clock reads the machine's time again when it returns.
func Fill(ctx context.Context, h House) (links map[string]string, err error) {
	now := clock.System{}.Now()
	defer h.Clock.Set(clock.System{}.Now())
	three := days(now)
	week := three[0].AddDate(0, 0, -7)
	h.Clock.Set(beforeQuarter(now, week))
	f := &filler{House: h, people: map[string]guard.Person{}, outside: map[string]guest{}}
	for _, s := range f.steps(week, three, now) {
		f.say(s.what)
		if err := s.do(ctx); err != nil {
			return nil, fmt.Errorf("demo: %s: %w", s.what, err)
		}
	}
	return f.links(ctx)
}

// beforeQuarter is a morning of last quarter, well before a day of this one.
func beforeQuarter(now, week time.Time) time.Time {
	quarter, _ := warn.QuarterOf(now)
	if last := week.AddDate(0, 0, -20); last.Before(quarter) {
		quarter = last
	}
	return quarter.AddDate(0, 0, -20).Add(7 * time.Hour)
}

type step struct {
	what string
	do   func(context.Context) error
}

// steps are the nation's days, in their order.
func (f *filler) steps(week time.Time, three []time.Time, now time.Time) []step {
	steps := []step{
		{"persons", f.persons}, {"organisations and assets", f.constituency}, {"a warning of last quarter", f.lastQuarter},
		{"contacts and their keys", func(ctx context.Context) error { f.Clock.Set(week.Add(5 * time.Hour)); return f.outsiders(ctx) }},
		{"sources", f.sources},
		{"a sinkhole's report of last week", func(ctx context.Context) error { return f.lastWeek(ctx, week) }},
	}
	for n, day := range three {
		steps = append(steps, step{"deliveries of " + day.Format("2 Jan 2006"), func(ctx context.Context) error { return f.deliver(ctx, n, day, now) }})
	}
	at := func(back time.Duration, do func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			f.Clock.Set(clock.System{}.Now().Add(-back))
			return do(ctx)
		}
	}
	return append(steps,
		step{"what is told again", at(100*time.Minute, f.again)},
		step{"a warning to the grid", at(95*time.Minute, f.high)},
		step{"a FLASH", f.flash},
		step{"a morning's work", at(0, f.morning)},
		step{"mail", at(0, f.post)},
		step{"three incidents and an exercise", at(0, f.incidents)},
		step{"the night", at(0, f.night)},
	)
}

type filler struct {
	House
	people  map[string]guard.Person // by role
	outside map[string]guest        // by key of Outsiders, and the signer
}

func (f *filler) say(what string) {
	if f.Progress != nil {
		f.Progress(what)
	}
}

func (f *filler) as(role string) act.Actor { return guard.ActorOf(f.people[role]) }

// staff are the desk's people, one per role.
func staff() []guard.NewPerson {
	return []guard.NewPerson{
		{Name: "Ana Torres", Email: "ana@csirt.example", Language: "en", Roles: []string{guard.RoleAdministrator}},
		{Name: "Bruno Salas", Email: "bruno@csirt.example", Language: "en", Roles: []string{guard.RoleDutyLead}},
		{Name: "Carla Vidal", Email: "carla@csirt.example", Language: "en", Roles: []string{guard.RoleWatchOfficer}},
		{Name: "Denise Roux", Email: "denise@csirt.example", Language: "fr", Roles: []string{guard.RoleConstituency}},
		{Name: "Emil Brandt", Email: "emil@csirt.example", Language: "en", Roles: []string{guard.RoleReader}},
		{Name: "Farida Haddad", Email: "farida@csirt.example", Language: "fr", Roles: []string{guard.RoleOversight}},
	}
}

func (f *filler) persons(ctx context.Context) error {
	for _, n := range staff() {
		n.Org, n.Zone, n.Phone = guard.OwnOrg, "Europe/Madrid", fmt.Sprintf("+999 555 00%02d", 10+len(f.people))
		p, err := f.Guard.AddPerson(ctx, guard.LocalOperator(), n)
		if err != nil {
			return err
		}
		f.people[n.Roles[0]] = p
	}
	return nil
}

func (f *filler) constituency(ctx context.Context) error {
	for _, file := range []struct {
		kind  constituency.ImportKind
		write func(io.Writer) error
	}{{constituency.OrganisationsFile, writeOrganisations}, {constituency.NetworksFile, writeNetworks}} {
		var b bytes.Buffer
		if err := file.write(&b); err != nil {
			return err
		}
		r, err := f.Constituency.Import(ctx, f.as(guard.RoleConstituency), file.kind, bytes.NewReader(b.Bytes()), true)
		if err != nil {
			return err
		}
		if !r.Applied {
			return fmt.Errorf("the sample %s were refused: %v", file.kind, r.Errors)
		}
	}
	return f.Settle(ctx)
}

func (f *filler) sources(ctx context.Context) error {
	lead := f.as(guard.RoleDutyLead)
	schema, err := files.Open("files/schema.json")
	if err != nil {
		return err
	}
	if _, _, err := f.Watch.LoadSchema(ctx, lead, schema); err != nil {
		return err
	}
	for _, name := range []string{"honeypot", "phishing"} {
		m, err := files.Open("files/" + name + ".toml")
		if err != nil {
			return err
		}
		if _, err := f.Watch.LoadMapping(ctx, lead, name, m); err != nil {
			return err
		}
	}
	const daily = 24 * time.Hour
	for name, s := range map[string]watch.SourceSettings{
		"atalaya-scans":    {Mode: watch.Live, Marking: tlp.Amber, Rhythm: daily, Retention: 180},
		"sinkhole":         {Mode: watch.Live, Marking: tlp.Green, Rhythm: daily},
		"honeypots":        {Mode: watch.Shadow, Marking: tlp.Green, Mapping: "honeypot", Rhythm: daily},
		"partner-phishing": {Mode: watch.Hold, Marking: tlp.Green, Mapping: "phishing", Rhythm: daily},
	} {
		if _, err := f.Watch.AddSource(ctx, lead, name, s); err != nil {
			return err
		}
	}
	return nil
}

// deliver hands in one day's reports in the morning of that day; today's came
// within the last hour.
func (f *filler) deliver(ctx context.Context, n int, day, now time.Time) error {
	at := day.Add(6*time.Hour + 10*time.Minute)
	if at.After(now) { // today's, also right after midnight
		at = now.Add(-40 * time.Minute)
		if at.Before(day) {
			at = day.Add(now.Sub(day) / 2)
		}
	}
	f.Clock.Set(at)
	for _, r := range reportsOf(day, n) {
		if _, err := f.Watch.Receive(ctx, f.as(guard.RoleWatchOfficer), watch.Arrival{
			Source: r.source, FileName: r.file, Observed: day, Body: bytes.NewReader(r.body),
		}); err != nil {
			return fmt.Errorf("%s: %w", r.file, err)
		}
	}
	return f.Settle(ctx)
}

// morning is what the desk has done by the time one looks.
func (f *filler) morning(ctx context.Context) error {
	officer := f.as(guard.RoleWatchOfficer)
	r := f.Acts.Reader()
	l, err := f.Watch.List(ctx, r, watch.Filter{
		States: []watch.State{watch.Open}, Kinds: []string{"scan_rdp"},
	}, watch.Page{Reader: guard.OwnOrg, Limit: 8})
	if err != nil {
		return err
	}
	if len(l.Findings) < 4 {
		return fmt.Errorf("only %d open findings of scan_rdp", len(l.Findings))
	}
	for i, d := range []watch.Decision{
		{To: watch.FalsePositive, Reason: "Test machine of the scanner's own team."},
		{To: watch.Closed, Reason: "The operator showed by phone that it is behind a tunnel now."},
	} {
		if err := f.Watch.Decide(ctx, officer, []int64{l.Findings[i].ID}, d); err != nil {
			return err
		}
	}
	if err := f.Watch.Verify(ctx, officer, l.Findings[2].ID, "Looked at together with the operator."); err != nil {
		return err
	}
	if err := f.dismissOne(ctx, officer); err != nil {
		return err
	}
	if err := f.answers(ctx, officer); err != nil {
		return err
	}
	return f.claim(ctx)
}

// dismissOne lets one bad row be, so that quarantine shows both sorts.
func (f *filler) dismissOne(ctx context.Context, officer act.Actor) error {
	qs, err := f.Watch.Quarantine(ctx, f.Acts.Reader(), watch.QuarantineFilter{State: watch.Waiting, Limit: 1})
	if err != nil || len(qs) == 0 {
		return err
	}
	_, err = f.Watch.Dismiss(ctx, officer, watch.QuarantineFilter{Delivery: qs[0].Delivery, Line: qs[0].Line},
		"The feed's team knows of it.")
	return err
}

func (f *filler) links(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	for role, p := range f.people {
		secret, err := f.Guard.IssueLink(ctx, guard.LocalOperator(), p.ID)
		if err != nil {
			return nil, err
		}
		out[role] = secret
	}
	for _, o := range Outsiders() {
		secret, err := f.Guard.IssueLink(ctx, guard.LocalOperator(), f.outside[o.Key].person.ID)
		if err != nil {
			return nil, err
		}
		out[o.Key] = secret
	}
	return out, nil
}
