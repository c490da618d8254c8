package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"almenara.example/cacao"
	"almenara.example/regime"
)

type incidentCmd struct {
	incidentVerbs
	Clocks   clocksCmd   `cmd:"" help:"List the clocks that run, by what falls due first."`
	Regime   regimeCmd   `cmd:"" help:"The laws under which incidents are reported, and their periods."`
	Playbook playbookCmd `cmd:"" help:"Checklists for the response."`
	Sitrep   sitrepCmd   `cmd:"" help:"Fill in a situation report, and keep it."`
	Transfer transferCmd `cmd:"" help:"Offer entries to a peer as a signed package, or list what was offered."`
}

type regimeCmd struct {
	List  regimeListCmd  `cmd:"" help:"List the regimes and their stages. No server is needed."`
	Check regimeCheckCmd `cmd:"" help:"Check a regime file and list everything that is wrong. No server is needed."`
	Due   regimeDueCmd   `cmd:"" help:"Say when a stage falls due, and why. No server is needed."`
}

// regimes are the shipped ones, and those of an installation's folder in their place
// or beside them.
type regimes struct {
	Data string `type:"path" env:"ALMENARA_DATA" placeholder:"DIR" help:"Folder of an installation, for the regimes that it adds in DIR/regimes."`
}

func (r *regimes) all() ([]regime.Regime, error) {
	all, err := regime.Shipped()
	if err != nil || r.Data == "" {
		return all, err
	}
	own, err := regime.Files(os.DirFS(filepath.Join(r.Data, "regimes")))
	if err != nil {
		return nil, err
	}
	for _, f := range own {
		if f.Err != nil {
			return nil, &failure{exitFailed, fmt.Errorf("%s is not a regime: %w", f.Name, f.Err), "almenara incident regime check " + filepath.Join(r.Data, "regimes", f.Name)}
		}
		all = slices.DeleteFunc(all, func(shipped regime.Regime) bool { return shipped.ID == f.Regime.ID })
		all = append(all, f.Regime)
	}
	return all, nil
}

// named is one of them.
func (r *regimes) named(id string) (regime.Regime, error) {
	all, err := r.all()
	if err != nil {
		return regime.Regime{}, err
	}
	var ids []string
	for _, one := range all {
		if one.ID == id {
			return one, nil
		}
		ids = append(ids, one.ID)
	}
	return regime.Regime{}, &failure{exitNotFound, fmt.Errorf("there is no regime %q", id), "there are " + strings.Join(ids, ", ")}
}

type regimeListCmd struct {
	regimes
	JSON bool `name:"json" help:"Print one JSON object per line."`
}

// Run lists a regime a line, or a stage a line for people.
func (l *regimeListCmd) Run(c *console) error {
	all, err := l.all()
	if err != nil {
		return err
	}
	out := c.list(l.JSON, "REGIME", "STAGE", "OWED BY", "OWED TO", "PERIOD", "FROM", "IN FORCE", "VERIFIED", "CITATION")
	for _, r := range all {
		if l.JSON {
			if err := out.add(r); err != nil {
				return err
			}
			continue
		}
		for _, s := range r.Stages {
			if err := out.add(nil, r.ID, s.ID, s.OwedBy, s.OwedTo, orDash(s.Period.String()), s.From, r.InForce, yesNo(s.Verified), s.Citation); err != nil {
				return err
			}
		}
	}
	return out.end()
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type regimeCheckCmd struct {
	File string `arg:"" type:"existingfile" help:"A regime file (TOML)."`
	JSON bool   `name:"json" help:"Print one JSON object."`
}

// Run checks; what is wrong goes to standard output, a problem a line.
func (k *regimeCheckCmd) Run(c *console) error {
	in, err := os.Open(k.File)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	r, err := regime.Parse(in)
	var bad regime.Problems
	if err != nil && !errors.As(err, &bad) {
		return err
	}
	var lines []checkedLine
	for _, p := range bad {
		lines = append(lines, checkedLine{p.Line, p.Key, p.Problem, p.Example})
	}
	err = c.checked(k.JSON, k.File, lines, "the keys are described by: go doc almenara.example/regime Parse")
	if err == nil && !k.JSON {
		c.sayf("ok: %s, version %s, %d stages\n", r.ID, r.Version, len(r.Stages))
	}
	return err
}

// checkedLine is one thing that is wrong with a file.
type checkedLine struct {
	Line    int    `json:"line,omitempty"`
	Key     string `json:"key,omitempty"`
	Problem string `json:"problem"`
	Example string `json:"example,omitempty"`
}

// checked writes what is wrong with a file, and fails when anything is.
func (c *console) checked(asJSON bool, file string, bad []checkedLine, hint string) error {
	if asJSON {
		b, err := json.Marshal(struct {
			OK       bool          `json:"ok"`
			Problems []checkedLine `json:"problems"`
		}{len(bad) == 0, append([]checkedLine{}, bad...)})
		if err != nil {
			return err
		}
		c.sayln(string(b))
	}
	if len(bad) == 0 {
		return nil
	}
	for _, l := range bad {
		if asJSON {
			break
		}
		c.sayln(printable(l.String()))
	}
	return &failure{exitFailed, fmt.Errorf("%s: %d things are wrong", file, len(bad)), hint}
}

// String is one line for a person.
func (l checkedLine) String() string {
	s := l.Problem
	if l.Key != "" {
		s = l.Key + ": " + s
	}
	if l.Line > 0 {
		s = fmt.Sprintf("line %d: %s", l.Line, s)
	}
	if l.Example != "" {
		s += " (such as: " + l.Example + ")"
	}
	return s
}

type regimeDueCmd struct {
	regimes
	Regime   string   `required:"" placeholder:"R" help:"nis2, dora, gdpr, cer, circia, or one of the installation."`
	Stage    string   `required:"" placeholder:"S" help:"A stage of it; regime list has them."`
	Anchor   []string `required:"" sep:"none" placeholder:"TIME" help:"When it began, RFC 3339: of what the stage counts from. EVENT=TIME for another event; may be repeated."`
	Zone     string   `placeholder:"Z" help:"Legal time, such as Europe/Madrid."`
	Holidays string   `type:"existingfile" placeholder:"FILE" help:"Public holidays, one ISO date a line."`
	Entity   string   `placeholder:"KIND" help:"Kind of entity with a rule of its own, such as trust-service-provider or weekend-rule."`
	JSON     bool     `name:"json" help:"Print one JSON object."`
}

// dueLine is the answer; instants are null where the law sets no period.
type dueLine struct {
	Strict   *time.Time `json:"strict"`
	Lawful   *time.Time `json:"lawful"`
	Why      string     `json:"why"`
	Citation string     `json:"citation"`
	Verified bool       `json:"verified"`
}

// Run counts.
func (d *regimeDueCmd) Run(c *console) error {
	r, err := d.named(d.Regime)
	if err != nil {
		return err
	}
	cal, err := d.calendar()
	if err != nil {
		return err
	}
	a := regime.Anchors{Entity: d.Entity}
	if s, ok := r.Stage(d.Stage); ok {
		if a.At, err = d.anchors(s, cal.Zone); err != nil {
			return err
		}
	}
	due, err := r.Due(d.Stage, a, cal)
	if err != nil && !errors.Is(err, regime.ErrNoPeriod) {
		return dueFailure(err)
	}
	out := dueLine{Why: strings.Join(due.Why, " "), Citation: due.Citation, Verified: due.Verified}
	if err == nil {
		out.Strict, out.Lawful = &due.Strict, &due.Lawful
	}
	return d.print(c, out)
}

func (d *regimeDueCmd) print(c *console, out dueLine) error {
	if d.JSON {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(out); err != nil {
			return err
		}
		c.sayf("%s", b.String())
		return nil
	}
	if out.Strict == nil {
		c.sayln("no period is set")
	} else {
		c.sayln("strict:  ", out.Strict.Format(time.RFC3339))
		c.sayln("lawful:  ", out.Lawful.Format(time.RFC3339))
	}
	c.sayln("citation:", out.Citation)
	c.sayln("why:     ", out.Why)
	return nil
}

// calendar reads zone and holidays.
func (d *regimeDueCmd) calendar() (cal regime.Calendar, err error) {
	if d.Zone != "" {
		if cal.Zone, err = time.LoadLocation(d.Zone); err != nil || d.Zone == "Local" {
			return cal, &failure{exitMisuse, fmt.Errorf("--zone %s is no time zone", d.Zone), "such as Europe/Madrid or UTC"}
		}
	}
	if d.Holidays == "" {
		return cal, nil
	}
	in, err := os.Open(d.Holidays)
	if err != nil {
		return cal, err
	}
	defer func() { _ = in.Close() }() // it was only read
	if cal.Holidays, err = regime.ParseHolidays(in); err != nil {
		err = &failure{exitMisuse, fmt.Errorf("--holidays %s: %w", d.Holidays, err), "a day a line, such as: 2026-12-25 Christmas Day"}
	}
	return cal, err
}

// anchors reads the times from which the stage is counted.
func (d *regimeDueCmd) anchors(s regime.Stage, zone *time.Location) (map[regime.Event]time.Time, error) {
	out := map[regime.Event]time.Time{}
	for _, a := range d.Anchor {
		event, text, ok := strings.Cut(a, "=")
		if !ok {
			event, text = string(s.From), a
		}
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil && zone != nil {
			t, err = time.ParseInLocation("2006-01-02T15:04:05", text, zone)
		}
		if err != nil {
			return nil, &failure{exitMisuse, fmt.Errorf("--anchor %s is no time", text), "RFC 3339, such as 2026-11-21T03:10:00+01:00"}
		}
		out[regime.Event(event)] = t
	}
	return out, nil
}

// dueFailure gives a refusal of the library its exit code and what to do.
func dueFailure(err error) error {
	f := &failure{exitMisuse, err, "almenara incident regime list"}
	switch {
	case errors.Is(err, regime.ErrUnknownStage):
		f.code = exitNotFound
	case errors.Is(err, regime.ErrNoZone):
		f.hint = "--zone Europe/Madrid"
	case errors.Is(err, regime.ErrNoAnchor):
		f.hint = "--anchor EVENT=TIME for another event"
	case errors.Is(err, regime.ErrTime):
		f.hint = "--anchor 2026-11-21T03:10:00+01:00"
	}
	return f
}

type playbookCmd struct {
	Check playbookCheckCmd `cmd:"" help:"Check a CACAO 2.0 playbook and list everything that is wrong. No server is needed."`
}

type playbookCheckCmd struct {
	File string `arg:"" type:"existingfile" help:"A playbook (JSON)."`
	JSON bool   `name:"json" help:"Print one JSON object."`
}

// Run checks; what is wrong goes to standard output, a problem a line.
func (k *playbookCheckCmd) Run(c *console) error {
	in, err := os.Open(k.File)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	var bad []checkedLine
	pb, err := cacao.Read(in)
	if err != nil {
		bad = []checkedLine{{Problem: err.Error()}}
	} else {
		for _, p := range cacao.Check(pb) {
			bad = append(bad, checkedLine{Key: p.Path, Problem: p.Text})
		}
	}
	err = c.checked(k.JSON, k.File, bad, "the rules are those of CACAO Security Playbooks Version 2.0")
	if err == nil && !k.JSON {
		c.sayf("ok: %s, %d steps\n", printable(pb.Name), len(pb.Workflow))
	}
	return err
}

type clocksCmd struct {
	reach
	Due  time.Duration `default:"168h" placeholder:"24h" help:"Those that fall due within this time, the overdue ones first."`
	JSON bool          `name:"json" help:"Print one JSON object per line."`
}

// clockLine is a clock as the server writes it.
type clockLine struct {
	Incident string     `json:"incident"`
	Regime   string     `json:"regime"`
	Stage    string     `json:"stage"`
	OwedBy   string     `json:"owed_by"`
	OwedTo   string     `json:"owed_to"`
	Strict   *time.Time `json:"strict"`
	Lawful   *time.Time `json:"lawful"`
	Anchor   *time.Time `json:"anchor"`
	State    string     `json:"state"`
}

// Run lists.
func (k *clocksCmd) Run(c *console) error {
	api, err := k.client(c)
	if err != nil {
		return err
	}
	var out struct {
		Clocks []clockLine `json:"clocks"`
	}
	if err := api.get("/api/v1/incident/clocks", url.Values{"due": {k.Due.String()}}, &out); err != nil {
		return err
	}
	l := c.list(k.JSON, "INCIDENT", "REGIME", "STAGE", "STATE", "STRICT", "LAWFUL", "OWED BY", "OWED TO")
	for _, v := range out.Clocks {
		if err := l.add(v, v.Incident, v.Regime, v.Stage, v.State, day(v.Strict), day(v.Lawful), v.OwedBy, v.OwedTo); err != nil {
			return err
		}
	}
	return l.end()
}
