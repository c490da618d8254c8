package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// incidentVerbs are the commands about incidents and reports that speak to a server.
type incidentVerbs struct {
	Report  reportCmd     `cmd:"" help:"Take a report: what somebody says, or an abuse report in XARF."`
	Reports reportsCmd    `cmd:"" help:"List reports, those that wait with the new ones first."`
	Open    openCmd       `cmd:"" help:"Open an incident, also from a report."`
	List    listCmd       `cmd:"" help:"List incidents, newest first."`
	Show    showCmd       `cmd:"" help:"Show an incident with what of it you may see."`
	Entry   entryCmd      `cmd:"" help:"What is written into an incident."`
	Task    taskCmd       `cmd:"" help:"Move a task, question or countermeasure to another state."`
	Merge   mergeCmd      `cmd:"" help:"Make an incident part of another one, or take it apart again."`
	Split   splitCmd      `cmd:"" help:"Open a new incident with some entries of another one, or undo that."`
	Import  caseImportCmd `cmd:"" help:"Import closed cases of RTIR, TheHive or DFIR-IRIS; without --apply, say what would happen."`
}

const incidentAPI = "/api/v1/incident"

// asked does a call and prints its answer: as JSON, or by say.
func asked(c *console, r *reach, asJSON bool, call func(*client, *json.RawMessage) error, say func(json.RawMessage) error) error {
	api, err := r.client(c)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := call(api, &raw); err != nil {
		return err
	}
	if !asJSON {
		return say(raw)
	}
	var tight bytes.Buffer
	if err := json.Compact(&tight, raw); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	c.sayln(tight.String())
	return nil
}

// numberOf says what a thing's number is.
func (c *console) numberOf(what string) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		var v struct{ Number, Title string }
		if err := json.Unmarshal(raw, &v); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		c.sayf("%s\n", v.Number)
		c.notef("%s: %s %s\n", v.Number, what, v.Title)
		return nil
	}
}

type reportCmd struct {
	reach
	Text         string   `arg:"" optional:"" help:"What happened."`
	XARF         string   `name:"xarf" type:"path" placeholder:"FILE" help:"An abuse report in XARF 4 instead; one report_id is taken once."`
	Title        string   `placeholder:"TEXT" help:"One line (default: the beginning of the text)."`
	Kind         string   `enum:"incident,near-miss,threat" default:"incident" help:"incident, near-miss or threat."`
	Organisation string   `placeholder:"NAME" help:"Whose word it is."`
	By           string   `placeholder:"NAME" help:"Who says it."`
	Email        string   `placeholder:"ADDRESS" help:"Where the answer goes."`
	Phone        string   `placeholder:"NUMBER" help:"The number that they said."`
	Marking      string   `default:"TLP:AMBER" help:"How far it may go."`
	Severity     string   `placeholder:"WORD" help:"critical, high, medium or low."`
	At           string   `placeholder:"TIME" help:"The true time of the call, such as 2026-11-21T03:05Z (default: now)."`
	ID           string   `name:"id" placeholder:"ID" help:"The reporter's own id: the same one is taken once."`
	Observable   []string `placeholder:"VALUE" help:"An address, name or hash; may stand several times."`
	Exercise     bool     `help:"It is an exercise."`
	JSON         bool     `name:"json" help:"Print JSON."`
}

// Run hands the report in and prints its number.
func (r *reportCmd) Run(c *console) error {
	if (r.Text == "") == (r.XARF == "") {
		return &failure{exitMisuse, errors.New("a report is a text or a file"), "almenara incident report 'what happened', or --xarf FILE"}
	}
	call := func(api *client, raw *json.RawMessage) error { return api.post(incidentAPI+"/reports", r.body(), raw) }
	if r.XARF != "" {
		b, err := readSmall(r.XARF)
		if err != nil {
			return err
		}
		call = func(api *client, raw *json.RawMessage) error {
			return api.call(request{method: http.MethodPost, path: incidentAPI + "/reports/xarf", body: bytes.NewReader(b), size: int64(len(b)), media: "application/json"}, raw)
		}
	}
	if r.At != "" {
		if _, err := timeArg("--at", r.At); err != nil {
			return err
		}
	}
	return asked(c, &r.reach, r.JSON, call, c.numberOf("taken:"))
}

func (r *reportCmd) body() any {
	at, _ := timeArg("--at", r.At) // checked by Run; zero is now
	return struct {
		Text         string    `json:"text"`
		Title        string    `json:"title,omitempty"`
		Kind         string    `json:"kind,omitempty"`
		Organisation string    `json:"organisation,omitempty"`
		Name         string    `json:"name,omitempty"`
		Email        string    `json:"email,omitempty"`
		Phone        string    `json:"phone,omitempty"`
		Marking      string    `json:"marking"`
		Severity     string    `json:"severity,omitempty"`
		Said         time.Time `json:"said,omitzero"`
		ID           string    `json:"id,omitempty"`
		Observables  []string  `json:"observables,omitempty"`
		Exercise     bool      `json:"exercise,omitempty"`
	}{r.Text, r.Title, r.Kind, r.Organisation, r.By, r.Email, r.Phone, r.Marking, r.Severity, at, r.ID, r.Observable, r.Exercise}
}

type reportsCmd struct {
	reach
	State  string `placeholder:"WORD" help:"new, open, resolved, rejected or all (default: those that wait)."`
	Source string `placeholder:"WORD" help:"public, portal, phone, mail, api or xarf."`
	Limit  int    `default:"100" help:"How many at most."`
	JSON   bool   `name:"json" help:"Print one JSON object per line."`
}

// Run lists reports.
func (r *reportsCmd) Run(c *console) error {
	q := url.Values{"limit": {strconv.Itoa(r.Limit)}}
	set(q, "state", r.State)
	set(q, "source", r.Source)
	var out struct{ Reports []json.RawMessage }
	return listed(c, &r.reach, r.JSON, "/reports", q, &out, func() []json.RawMessage { return out.Reports },
		[]string{"NUMBER", "STATE", "SOURCE", "FROM", "MARKING", "SAID", "TITLE"}, func(raw json.RawMessage) ([]any, error) {
			var v struct {
				Number, State, Source, Organisation, Name, Marking, Title string
				Said                                                      time.Time
			}
			err := json.Unmarshal(raw, &v)
			if v.Organisation == "" {
				v.Organisation = v.Name
			}
			return []any{v.Number, v.State, v.Source, v.Organisation, v.Marking, v.Said.UTC().Format(shortTime), v.Title}, err
		})
}

func set(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

// listed prints a list of the API, a line each.
func listed(c *console, r *reach, asJSON bool, path string, q url.Values, into any, all func() []json.RawMessage, head []string, cells func(json.RawMessage) ([]any, error)) error {
	api, err := r.client(c)
	if err != nil {
		return err
	}
	if err := api.get(incidentAPI+path, q, into); err != nil {
		return err
	}
	l := c.list(asJSON, head...)
	for _, raw := range all() {
		row, err := cells(raw)
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		if err := l.add(raw, row...); err != nil {
			return err
		}
	}
	return l.end()
}

type openCmd struct {
	reach
	Title    string `required:"" placeholder:"TEXT" help:"What everybody who takes part may read."`
	Severity string `required:"" enum:"critical,high,medium,low" help:"critical, high, medium or low."`
	Marking  string `default:"TLP:AMBER" help:"Of title and head."`
	Class    string `placeholder:"TYPE" help:"RSIT type, such as ddos."`
	From     string `placeholder:"NUMBER" help:"A report that it begins with."`
	Part     bool   `help:"The report's organisation takes part."`
	Exercise bool   `help:"It is an exercise."`
	JSON     bool   `name:"json" help:"Print JSON."`
}

// Run opens an incident and prints its number.
func (o *openCmd) Run(c *console) error {
	return asked(c, &o.reach, o.JSON, func(api *client, raw *json.RawMessage) error {
		if o.From == "" {
			return api.post(incidentAPI+"/incidents", struct {
				Title    string `json:"title"`
				Severity string `json:"severity"`
				Marking  string `json:"marking"`
				Class    string `json:"class,omitempty"`
				Exercise bool   `json:"exercise,omitempty"`
			}{o.Title, o.Severity, o.Marking, o.Class, o.Exercise}, raw)
		}
		return api.post(incidentAPI+"/reports/"+url.PathEscape(o.From)+"/open", struct {
			Title    string `json:"title"`
			Severity string `json:"severity"`
			Marking  string `json:"marking"`
			Class    string `json:"class,omitempty"`
			Part     bool   `json:"part,omitempty"`
		}{o.Title, o.Severity, o.Marking, o.Class, o.Part}, raw)
	}, c.numberOf("open:"))
}

type listCmd struct {
	reach
	State    string `placeholder:"WORD" help:"open, resolved or abandoned."`
	Severity string `placeholder:"WORD" help:"critical, high, medium or low."`
	Exercise bool   `help:"The exercises instead of the real ones."`
	Limit    int    `default:"100" help:"How many at most."`
	JSON     bool   `name:"json" help:"Print one JSON object per line."`
}

// Run lists incidents.
func (l *listCmd) Run(c *console) error {
	q := url.Values{"limit": {strconv.Itoa(l.Limit)}}
	set(q, "state", l.State)
	set(q, "severity", l.Severity)
	if l.Exercise {
		q.Set("exercise", "true")
	}
	var out struct{ Incidents []json.RawMessage }
	return listed(c, &l.reach, l.JSON, "/incidents", q, &out, func() []json.RawMessage { return out.Incidents },
		[]string{"NUMBER", "STATE", "SEVERITY", "MARKING", "LEAD", "OPENED", "TITLE"}, func(raw json.RawMessage) ([]any, error) {
			var v struct {
				Number, State, Severity, Marking, Lead, Title string
				Opened                                        time.Time
			}
			err := json.Unmarshal(raw, &v)
			return []any{v.Number, v.State, v.Severity, v.Marking, v.Lead, v.Opened.UTC().Format(shortTime), v.Title}, err
		})
}

type showCmd struct {
	reach
	Number string `arg:"" help:"Number of the incident."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Run shows an incident: its head, who takes part, its entries.
func (s *showCmd) Run(c *console) error {
	return asked(c, &s.reach, s.JSON, func(api *client, raw *json.RawMessage) error {
		return api.get(incidentAPI+"/incidents/"+url.PathEscape(s.Number), nil, raw)
	}, func(raw json.RawMessage) error {
		var v struct {
			Number, Title, State, Severity, Marking, Lead string
			Version                                       int64
			Participants                                  []struct{ Organisation, Role string }
			Entries                                       []struct {
				ID                                    int64
				Kind, Owner, By, Marking, Text, State string
				At                                    time.Time
			}
		}
		if err := json.Unmarshal(raw, &v); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		c.sayf("%s  %s\n%s, %s, %s, led by %s, version %d\n", v.Number, v.Title, v.State, v.Severity, v.Marking, v.Lead, v.Version)
		for _, p := range v.Participants {
			c.sayf("%s: %s\n", p.Role, p.Organisation)
		}
		for _, e := range v.Entries {
			c.sayf("\n%d  %s  %s  %s  %s %s\n%s\n", e.ID, e.At.UTC().Format(shortTime), e.Kind, e.Marking, e.Owner, e.By, e.Text)
		}
		return nil
	})
}

type entryCmd struct {
	Add entryAddCmd `cmd:"" help:"Write into an incident."`
}

type entryAddCmd struct {
	reach
	Number     string   `arg:"" help:"Number of the incident."`
	Text       string   `arg:"" help:"What happened or was said."`
	Kind       string   `default:"note" help:"note, call, status, decision, observable, task, question or measure."`
	Marking    string   `default:"TLP:AMBER" help:"How far it may go."`
	To         []string `placeholder:"NAME" help:"An organisation that shall see it; may stand several times."`
	Owner      string   `placeholder:"NAME" help:"Whose word it is."`
	By         string   `placeholder:"NAME" help:"Who said it."`
	At         string   `placeholder:"TIME" help:"When it happened (default: now)."`
	Observable []string `placeholder:"VALUE" help:"An address, name or hash; may stand several times."`
	Owes       string   `placeholder:"NAME" help:"Who owes a task or is asked."`
	Due        string   `placeholder:"TIME" help:"Until when."`
	JSON       bool     `name:"json" help:"Print JSON."`
}

// Run writes an entry and prints its id.
func (e *entryAddCmd) Run(c *console) error {
	var at, due time.Time
	for _, one := range []struct {
		flag, text string
		into       *time.Time
	}{{"--at", e.At, &at}, {"--due", e.Due, &due}} {
		if one.text == "" {
			continue
		}
		t, err := timeArg(one.flag, one.text)
		if err != nil {
			return err
		}
		*one.into = t
	}
	body := struct {
		Kind        string    `json:"kind"`
		Text        string    `json:"text"`
		Marking     string    `json:"marking"`
		To          []string  `json:"to,omitempty"`
		Owner       string    `json:"owner,omitempty"`
		By          string    `json:"by,omitempty"`
		At          time.Time `json:"at,omitzero"`
		Observables []string  `json:"observables,omitempty"`
		Owes        string    `json:"owes,omitempty"`
		Due         time.Time `json:"due,omitzero"`
	}{e.Kind, e.Text, e.Marking, e.To, e.Owner, e.By, at, e.Observable, e.Owes, due}
	return asked(c, &e.reach, e.JSON, func(api *client, raw *json.RawMessage) error {
		return api.post(incidentAPI+"/incidents/"+url.PathEscape(e.Number)+"/entries", body, raw)
	}, func(raw json.RawMessage) error {
		var v struct{ ID int64 }
		if err := json.Unmarshal(raw, &v); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		c.sayf("%d\n", v.ID)
		return nil
	})
}

type taskCmd struct {
	reach
	Entry   int64  `arg:"" help:"Id of the entry."`
	State   string `arg:"" help:"doing, done, hold, cancelled, withdrawn, active, …"`
	Result  string `placeholder:"TEXT" help:"What came of it."`
	Version int64  `required:"" help:"The version of its state that you looked at (task_version of show --json)."`
}

// Run moves a task.
func (t *taskCmd) Run(c *console) error {
	api, err := t.client(c)
	if err != nil {
		return err
	}
	body := struct {
		State   string `json:"state"`
		Result  string `json:"result,omitempty"`
		Version int64  `json:"version"`
	}{t.State, t.Result, t.Version}
	if err := api.post(incidentAPI+"/entries/"+strconv.FormatInt(t.Entry, 10)+"/task", body, nil); err != nil {
		return err
	}
	c.notef("entry %d: %s\n", t.Entry, t.State)
	return nil
}

type mergeCmd struct {
	reach
	Number string `arg:"" help:"Number of the incident."`
	Into   string `arg:"" optional:"" help:"Number of the one that it becomes part of; none takes it apart, as --undo does."`
	Undo   bool   `help:"Take it apart again."`
	Reason string `required:"" placeholder:"TEXT" help:"Why."`
}

// Run merges, or takes apart.
func (m *mergeCmd) Run(c *console) error {
	if m.Undo && m.Into != "" {
		return &failure{exitMisuse, errors.New("--undo takes one number"), "almenara incident merge " + m.Number + " --undo --reason TEXT"}
	}
	api, err := m.client(c)
	if err != nil {
		return err
	}
	body := struct {
		Into   string `json:"into,omitempty"`
		Reason string `json:"reason"`
	}{m.Into, m.Reason}
	if err := api.post(incidentAPI+"/incidents/"+url.PathEscape(m.Number)+"/merge", body, nil); err != nil {
		return err
	}
	if m.Into == "" {
		c.notef("%s stands for itself again\n", m.Number)
	} else {
		c.notef("%s is part of %s\n", m.Number, m.Into)
	}
	return nil
}

type splitCmd struct {
	reach
	Number  string  `arg:"" help:"Number of the incident; with --undo of the one that was split off."`
	Entries []int64 `arg:"" optional:"" help:"Ids of the entries that go."`
	Undo    bool    `help:"Bring back what was split off. Nothing else may have been written there, and nobody added."`
	Title   string  `placeholder:"TEXT" help:"Of the new incident."`
	Reason  string  `required:"" placeholder:"TEXT" help:"Why."`
	JSON    bool    `name:"json" help:"Print JSON."`
}

// Run splits and prints the new incident's number, or undoes that and prints the number
// of the one to which all went back.
func (s *splitCmd) Run(c *console) error {
	said := "split off:"
	switch {
	case s.Undo && (len(s.Entries) > 0 || s.Title != ""):
		return &failure{exitMisuse, errors.New("--undo takes no entries and no title"), "almenara incident split " + s.Number + " --undo --reason TEXT"}
	case s.Undo:
		said = "has back what was split off:"
	case len(s.Entries) == 0 || s.Title == "":
		return &failure{exitMisuse, errors.New("name the entries that go and the title of the new incident"), "almenara incident split " + s.Number + " ENTRY … --title TEXT --reason TEXT; --undo brings a split back"}
	}
	body := struct {
		Title   string  `json:"title,omitempty"`
		Reason  string  `json:"reason"`
		Entries []int64 `json:"entries,omitempty"`
		Undo    bool    `json:"undo,omitempty"`
	}{s.Title, s.Reason, s.Entries, s.Undo}
	return asked(c, &s.reach, s.JSON, func(api *client, raw *json.RawMessage) error {
		return api.post(incidentAPI+"/incidents/"+url.PathEscape(s.Number)+"/split", body, raw)
	}, c.numberOf(said))
}
