package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
)

type caseImportCmd struct {
	reach
	From  string `required:"" enum:"rtir,thehive,iris" placeholder:"SYSTEM" help:"Whose cases they are: rtir, thehive or iris; docs/operator/migration.md shows how to export them."`
	Apply bool   `help:"Import; otherwise say what would happen."`
	File  string `arg:"" type:"existingfile" help:"The export (JSON)."`
	JSON  bool   `name:"json" help:"Print JSON."`
}

// caseImport is the server's answer.
type caseImport struct {
	Cases       int `json:"cases"`
	Added       int `json:"added"`
	Extended    int `json:"extended"`
	Here        int `json:"here"`
	Open        int `json:"open"`
	Entries     int `json:"entries"`
	Tasks       int `json:"tasks"`
	Observables int `json:"observables"`
	Files       int `json:"files"`
	Notes       []struct {
		Line   int    `json:"line"`
		Detail string `json:"detail"`
	} `json:"notes"`
}

// Run imports.
func (i *caseImportCmd) Run(c *console) (err error) {
	f, err := os.Open(i.File)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	p := c.progress()
	call := func(api *client, raw *json.RawMessage) error {
		defer p.end()
		return api.call(request{
			method: http.MethodPost, path: incidentAPI + "/import/" + i.From, query: url.Values{"apply": {strconv.FormatBool(i.Apply)}},
			body: &counted{r: f, total: st.Size(), show: func(done, total int64) { p.show(filepath.Base(i.File)+", bytes sent", done, total) }},
			size: st.Size(), media: "application/octet-stream",
		}, raw)
	}
	return asked(c, &i.reach, i.JSON, call, func(raw json.RawMessage) error { return i.say(c, raw) })
}

// say writes what came of it as a table, the notes beside it.
func (i *caseImportCmd) say(c *console, raw json.RawMessage) error {
	var v caseImport
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	l := c.list(false, "CASES", "ADDED", "EXTENDED", "HERE", "OPEN", "ENTRIES", "TASKS", "OBSERVABLES", "FILES")
	err := errors.Join(l.add(v, v.Cases, v.Added, v.Extended, v.Here, v.Open, v.Entries, v.Tasks, v.Observables, v.Files), l.end())
	for _, n := range v.Notes {
		c.notef("line %d: %s\n", n.Line, printable(n.Detail))
	}
	if !i.Apply {
		c.noteln("Nothing was changed. Import it with --apply.")
	}
	return err
}
