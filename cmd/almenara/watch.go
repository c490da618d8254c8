package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"almenara.example/wire"
)

type watchCmd struct {
	Import     importCmd     `cmd:"" help:"Deliver files."`
	Source     sourceCmd     `cmd:"" aliases:"sources" help:"Feeds."`
	Schema     schemaCmd     `cmd:"" help:"Shadowserver's own schema."`
	Mapping    mappingCmd    `cmd:"" help:"How columns become events."`
	Findings   findingsCmd   `cmd:"" help:"List findings, newest first."`
	Finding    findingCmd    `cmd:"" help:"Close a finding, open it again, or say that it is not ours or false."`
	Deliveries deliveriesCmd `cmd:"" help:"List deliveries, newest first."`
	Retry      retryCmd      `cmd:"" help:"Read a delivery again that was set aside."`
	Quarantine quarantineCmd `cmd:"" help:"List rows that were set aside, dismiss or re-run them."`
	Shadow     shadowCmd     `cmd:"" help:"Show exactly what would have gone to whom."`
	Accept     acceptCmd     `cmd:"" help:"Release what a feed found in shadow or on hold."`
}

const watchAPI = "/api/v1/watch"

type sourceCmd struct {
	Add  sourceAddCmd  `cmd:"" help:"Add a feed."`
	List sourceListCmd `cmd:"" help:"List feeds."`
	Mode sourceModeCmd `cmd:"" help:"Put a feed into another mode."`

	Import sourceImportCmd `cmd:"" help:"Make feeds of another system's; without --apply, say what would happen."`

	AbsentAfter sourceAbsentCmd `cmd:"" help:"Say for one kind of a feed how many full scans without it prove absence."`
}

type sourceAddCmd struct {
	reach
	Name        string        `arg:"" help:"Small letters, digits and -."`
	Mode        string        `required:"" enum:"shadow,hold,live" help:"shadow: tell nobody; hold: wait for a person; live."`
	Marking     string        `placeholder:"TLP" help:"Marking of what it brings, such as TLP:AMBER."`
	Mapping     string        `placeholder:"NAME" help:"Mapping that reads it (default: shadowserver)."`
	Rhythm      time.Duration `placeholder:"DURATION" help:"Expected time between deliveries, such as 24h; late ones are an alarm."`
	Retention   int           `placeholder:"DAYS" help:"Days to keep deliveries (default: for ever)."`
	AbsentAfter int           `placeholder:"N" help:"Full scans without it that prove absence (default 1)."`
	Exercise    bool          `help:"What it brings is an exercise."`
	JSON        bool          `name:"json" help:"Print JSON."`
}

// Run adds the feed.
func (s *sourceAddCmd) Run(c *console) error {
	api, err := s.client(c)
	if err != nil {
		return err
	}
	n := wire.NewSource{Name: s.Name, SourceSettings: wire.SourceSettings{
		Mode: s.Mode, Marking: s.Marking, Mapping: s.Mapping, Retention: s.Retention, AbsentAfter: s.AbsentAfter, Exercise: s.Exercise,
	}}
	if s.Rhythm != 0 {
		n.Rhythm = s.Rhythm.String()
	}
	var out wire.Source
	if err := api.post(watchAPI+"/sources", n, &out); err != nil {
		return err
	}
	return c.sources(s.JSON, []wire.Source{out})
}

func (c *console) sources(asJSON bool, list []wire.Source) error {
	l := c.list(asJSON, "NAME", "MODE", "MARKING", "MAPPING", "LAST TAKEN", "LATE")
	for _, s := range list {
		if err := l.add(s, s.Name, s.Mode, s.Marking, s.Mapping, s.LastTaken, s.Late); err != nil {
			return err
		}
	}
	return l.end()
}

type sourceListCmd struct {
	reach
	JSON bool `name:"json" help:"Print one JSON object per line."`
}

// Run lists.
func (s *sourceListCmd) Run(c *console) error {
	api, err := s.client(c)
	if err != nil {
		return err
	}
	var out wire.Sources
	if err := api.get(watchAPI+"/sources", nil, &out); err != nil {
		return err
	}
	return c.sources(s.JSON, out.Sources)
}

type sourceModeCmd struct {
	reach
	Name   string `arg:""`
	Mode   string `arg:"" enum:"shadow,hold,live"`
	Reason string `help:"Why; it stands in the record of actions."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Run changes the mode of the version that it has just read.
func (s *sourceModeCmd) Run(c *console) error {
	api, err := s.client(c)
	if err != nil {
		return err
	}
	path := watchAPI + "/sources/" + url.PathEscape(s.Name)
	var now, out wire.Source
	if err := api.get(path, nil, &now); err != nil {
		return err
	}
	r := request{method: http.MethodPost, path: path + "/mode", version: strconv.Quote(strconv.FormatInt(now.Version, 10))}
	if err := api.send(r, wire.ModeChange{Mode: s.Mode, Reason: s.Reason}, &out); err != nil {
		return err
	}
	return c.sources(s.JSON, []wire.Source{out})
}

type sourceAbsentCmd struct {
	reach
	Name string `arg:""`
	Kind string `arg:"" help:"Such as scan_telnet."`
	N    int    `arg:"" help:"1 to 30; 0 means as the feed says."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run sets the rule of one kind.
func (s *sourceAbsentCmd) Run(c *console) error {
	api, err := s.client(c)
	if err != nil {
		return err
	}
	var out wire.Source
	r := request{method: http.MethodPost, path: watchAPI + "/sources/" + url.PathEscape(s.Name) + "/absence"}
	if err := api.send(r, wire.AbsenceRule{Kind: s.Kind, AbsentAfter: s.N}, &out); err != nil {
		return err
	}
	return c.sources(s.JSON, []wire.Source{out})
}

type schemaCmd struct {
	Load schemaLoadCmd `cmd:"" help:"Load intelmq.json."`
}

type schemaLoadCmd struct {
	reach
	File string `arg:"" type:"existingfile" help:"Shadowserver's schema, intelmq.json."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run loads.
func (s *schemaLoadCmd) Run(c *console) error {
	return c.upload(&s.reach, s.File, watchAPI+"/schema", "application/octet-stream", s.JSON)
}

type mappingCmd struct {
	Load   mappingLoadCmd `cmd:"" help:"Load a mapping file."`
	List   mappingListCmd `cmd:"" help:"List loaded mappings and schemas."`
	DryRun dryRunCmd      `cmd:"" help:"Say what would come of a stored delivery read with a mapping."`
}

type mappingLoadCmd struct {
	reach
	Name string `arg:""`
	File string `arg:"" type:"existingfile"`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run loads.
func (m *mappingLoadCmd) Run(c *console) error {
	return c.upload(&m.reach, m.File, watchAPI+"/mappings/"+url.PathEscape(m.Name), "application/toml", m.JSON)
}

// upload sends a mapping or schema file.
func (c *console) upload(r *reach, file, path, media string, asJSON bool) (err error) {
	api, err := r.client(c)
	if err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var out wire.Mapping
	if err := api.call(request{method: http.MethodPost, path: path, body: io.NopCloser(f), media: media}, &out); err != nil {
		return err
	}
	return c.mappings(asJSON, []wire.Mapping{out})
}

func (c *console) mappings(asJSON bool, list []wire.Mapping) error {
	l := c.list(asJSON, "NAME", "VERSION", "ACTIVE", "LOADED", "SHA-256")
	for _, m := range list {
		if err := l.add(m, m.Name, m.Version, m.Active, m.Loaded, m.SHA256); err != nil {
			return err
		}
	}
	return l.end()
}

type mappingListCmd struct {
	reach
	JSON bool `name:"json" help:"Print one JSON object per line."`
}

// Run lists.
func (m *mappingListCmd) Run(c *console) error {
	api, err := m.client(c)
	if err != nil {
		return err
	}
	var out wire.Mappings
	if err := api.get(watchAPI+"/mappings", nil, &out); err != nil {
		return err
	}
	return c.mappings(m.JSON, out.Mappings)
}

type dryRunCmd struct {
	reach
	Delivery int64  `arg:"" help:"Number of a stored delivery."`
	Mapping  string `arg:"" help:"Name of the mapping to try."`
	JSON     bool   `name:"json" help:"Print JSON."`
}

// Run tries.
func (d *dryRunCmd) Run(c *console) error {
	api, err := d.client(c)
	if err != nil {
		return err
	}
	var out wire.DryRun
	if err := api.post(fmt.Sprintf("%s/deliveries/%d/dry-run", watchAPI, d.Delivery), wire.DryRunOf{Mapping: d.Mapping}, &out); err != nil {
		return err
	}
	if d.JSON {
		return json.NewEncoder(c.out).Encode(out)
	}
	c.sayf("rows %d, events %d, quarantined %d\n", out.Rows, out.Events, out.Quarantined)
	for _, s := range []struct {
		what  string
		names []string
	}{{"lost columns", out.Lost}, {"added columns", out.Added}, {"lost columns of the key", out.LostKey}} {
		if len(s.names) > 0 {
			c.sayf("%s: %s\n", s.what, printable(strings.Join(s.names, ", ")))
		}
	}
	for reason, n := range out.Reasons {
		c.sayf("%s: %d\n", reason, n)
	}
	for _, e := range out.Examples {
		c.sayln(printable(e))
	}
	return nil
}

type findingsCmd struct {
	reach
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"state= severity= kind= source= sector= organisation= ip= host= number= delivery=; repeat for more: values of one key are an or."`
	Limit  int      `placeholder:"N" help:"At most so many (default: all)."`
	JSON   bool     `name:"json" help:"Print one JSON object per line."`
	Format string   `enum:"table,json,idf" default:"table" help:"table, json (as --json) or idf: JSON lines in the IntelMQ Data Format."`
}

// Run streams findings; nothing is kept in memory.
func (f *findingsCmd) Run(c *console) error {
	query, err := filters(f.Filter, "state", "severity", "kind", "source", "sector", "organisation", "ip", "host", "number", "delivery")
	if err != nil {
		return err
	}
	api, err := f.client(c)
	if err != nil {
		return err
	}
	f.JSON = f.JSON || f.Format == "json"
	n := 0
	l := c.list(f.JSON || f.Format == "idf", "NUMBER", "STATE", "SEVERITY", "KIND", "ORGANISATION", "IP", "PORT", "FIRST", "LAST", "SEEN")
	err = api.lines(watchAPI+"/findings/export", query, func(line []byte) error {
		if f.Limit > 0 && n == f.Limit {
			return errEnough
		}
		n++
		if f.JSON {
			_, err := l.out.Write(line)
			return err
		}
		var v wire.Finding
		if err := json.Unmarshal(line, &v); err != nil {
			return err
		}
		if f.Format == "idf" {
			_, err := l.out.Write(append(eventOf(&v).AppendCanonicalJSON(nil), '\n'))
			return err
		}
		return l.add(v, v.Number, v.State, v.Severity, v.Kind, v.Organisation, v.IP, v.Port, v.First, v.Last, v.Seen)
	})
	if err != nil {
		return errors.Join(err, l.flush())
	}
	return l.end()
}

// filters reads KEY=VALUE pairs.
func filters(pairs []string, known ...string) (url.Values, error) {
	q := url.Values{}
	for _, p := range pairs {
		k, v, ok := strings.Cut(p, "=")
		if !ok || !slices.Contains(known, k) {
			return nil, &failure{exitMisuse, fmt.Errorf("--filter %s is not KEY=VALUE with a known key", p), "keys are " + strings.Join(known, ", ")}
		}
		q.Add(k, v)
	}
	return q, nil
}

type findingCmd struct {
	reach
	Number string `arg:"" help:"ALM-4K7Q-2M9X"`
	State  string `arg:"" enum:"open,closed,not-ours,false-positive"`
	Reason string `required:"" help:"Why; it stands in the record of actions."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Run decides.
func (f *findingCmd) Run(c *console) error {
	api, err := f.client(c)
	if err != nil {
		return err
	}
	var out wire.Finding
	path := watchAPI + "/findings/" + url.PathEscape(f.Number) + "/decision"
	if err := api.post(path, wire.Decision{State: f.State, Reason: f.Reason}, &out); err != nil {
		return err
	}
	l := c.list(f.JSON, "NUMBER", "STATE", "ORGANISATION", "IP")
	return errors.Join(l.add(out, out.Number, out.State, out.Organisation, out.IP), l.end())
}

type shadowCmd struct {
	reach
	Source string `placeholder:"NAME" help:"One feed alone."`
	JSON   bool   `name:"json" help:"Print one JSON object per line."`
}

// Run shows the preview.
func (s *shadowCmd) Run(c *console) error {
	api, err := s.client(c)
	if err != nil {
		return err
	}
	q := url.Values{}
	if s.Source != "" {
		q.Set("source", s.Source)
	}
	var out wire.Shadows
	if err := api.get(watchAPI+"/shadow", q, &out); err != nil {
		return err
	}
	l := c.list(s.JSON, "SOURCE", "ORGANISATION", "CONTACT", "FINDINGS", "UP TO DELIVERY")
	for _, src := range out.Sources {
		for _, v := range src.Lines {
			if err := l.add(v, v.Source, v.Organisation, v.Contact, v.Findings, src.UpTo); err != nil {
				return err
			}
		}
	}
	return l.end()
}

type acceptCmd struct {
	reach
	Source string `arg:""`
	UpTo   int64  `required:"" placeholder:"DELIVERY" help:"The newest delivery of the preview that was looked at; shadow shows it."`
	Reason string `required:"" help:"Why; it stands in the record of actions."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Run releases.
func (a *acceptCmd) Run(c *console) error {
	api, err := a.client(c)
	if err != nil {
		return err
	}
	var out wire.Source
	path := watchAPI + "/sources/" + url.PathEscape(a.Source) + "/accept"
	if err := api.post(path, wire.Acceptance{UpTo: a.UpTo, Reason: a.Reason}, &out); err != nil {
		return err
	}
	return c.sources(a.JSON, []wire.Source{out})
}
