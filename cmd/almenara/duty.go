package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

type dutyCmd struct {
	Now    dutyNowCmd    `cmd:"" help:"Say who is on duty; nobody is exit code 4."`
	Roster dutyRosterCmd `cmd:"" help:"List shifts and gaps."`
	Calls  dutyCallsCmd  `cmd:"" help:"List whom of the desk to call, in order."`
	Sheet  dutySheetCmd  `cmd:"" help:"List whom to reach in a sector."`
	Pack   dutyPackCmd   `cmd:"" help:"Write the offline pack: call lists and open texts in one page that needs no network."`
}

const dutyAPI = "/api/v1/duty"

// shift is a shift as the server writes it.
type shift struct {
	ID     int64     `json:"id"`
	Role   string    `json:"role"`
	Name   string    `json:"name"`
	Phone  string    `json:"phone"`
	Zone   string    `json:"zone"`
	Begins time.Time `json:"begins"`
	Ends   time.Time `json:"ends"`
}

const shortTime = "2006-01-02 15:04 UTC"

func addShift(l *listing, state string, raw json.RawMessage) error {
	var s shift
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	return l.add(raw, state, s.Role, s.Name, s.Phone, s.Begins.UTC().Format(shortTime), s.Ends.UTC().Format(shortTime), s.Zone)
}

type dutyNowCmd struct {
	reach
	JSON bool `name:"json" help:"Print one JSON object per line."`
}

// Run says who is on duty and who comes next.
func (d *dutyNowCmd) Run(c *console) error {
	api, err := d.client(c)
	if err != nil {
		return err
	}
	var out struct {
		On   []json.RawMessage `json:"on"`
		Next []json.RawMessage `json:"next"`
	}
	if err := api.get(dutyAPI+"/now", nil, &out); err != nil {
		return err
	}
	l := c.list(d.JSON, "", "ROLE", "NAME", "PHONE", "FROM", "TO", "ZONE")
	for _, raw := range out.On {
		if err := addShift(l, "now", raw); err != nil {
			return err
		}
	}
	for _, raw := range out.Next {
		if d.JSON {
			break // lines of JSON are who is on duty
		}
		if err := addShift(l, "next", raw); err != nil {
			return err
		}
	}
	if err := l.end(); err != nil || len(out.On) > 0 {
		return err
	}
	return &failure{exitNotFound, errors.New("nobody is on duty"), "whom to call instead: almenara duty calls"}
}

type dutyRosterCmd struct {
	reach
	From string `placeholder:"DATE" help:"First day (default: today)."`
	Days int    `default:"28" help:"How many days."`
	JSON bool   `name:"json" help:"Print one JSON object per line."`
}

// Run lists shifts; gaps go to standard error.
func (d *dutyRosterCmd) Run(c *console) error {
	api, err := d.client(c)
	if err != nil {
		return err
	}
	q := url.Values{"days": {strconv.Itoa(d.Days)}}
	if d.From != "" {
		q.Set("from", d.From)
	}
	var out struct {
		Shifts []json.RawMessage `json:"shifts"`
		Gaps   []struct {
			From time.Time `json:"from"`
			To   time.Time `json:"to"`
		} `json:"gaps"`
	}
	if err := api.get(dutyAPI+"/roster", q, &out); err != nil {
		return err
	}
	l := c.list(d.JSON, "", "ROLE", "NAME", "PHONE", "FROM", "TO", "ZONE")
	for _, raw := range out.Shifts {
		if err := addShift(l, "", raw); err != nil {
			return err
		}
	}
	if err := l.end(); err != nil {
		return err
	}
	for _, g := range out.Gaps {
		c.notef("gap: nobody is on duty from %s to %s\n", g.From.UTC().Format(shortTime), g.To.UTC().Format(shortTime))
	}
	return nil
}

type dutyCallsCmd struct {
	reach
	JSON bool `name:"json" help:"Print one JSON object per line."`
}

// Run lists the desk's own call list.
func (d *dutyCallsCmd) Run(c *console) error {
	api, err := d.client(c)
	if err != nil {
		return err
	}
	var out []json.RawMessage
	if err := api.get(dutyAPI+"/calls", nil, &out); err != nil {
		return err
	}
	l := c.list(d.JSON, "ORDER", "NAME", "PHONE", "EMAIL", "LANGUAGE", "NOTE")
	for _, raw := range out {
		var v struct {
			Order                              int
			Name, Phone, Email, Language, Note string
		}
		if err := json.Unmarshal(raw, &v); err != nil {
			return err
		}
		if err := l.add(raw, v.Order, v.Name, v.Phone, v.Email, v.Language, v.Note); err != nil {
			return err
		}
	}
	return l.end()
}

type dutySheetCmd struct {
	reach
	Sector string `placeholder:"CODE" help:"A sector, or the beginning of several such as energy (default: all)."`
	JSON   bool   `name:"json" help:"Print one JSON object per line."`
}

// Run lists whom to reach.
func (d *dutySheetCmd) Run(c *console) error {
	api, err := d.client(c)
	if err != nil {
		return err
	}
	q := url.Values{}
	if d.Sector != "" {
		q.Set("sector", d.Sector)
	}
	var out []json.RawMessage
	if err := api.get(dutyAPI+"/sheet", q, &out); err != nil {
		return err
	}
	l := c.list(d.JSON, "ORGANISATION", "CRITICAL", "ORDER", "NAME", "ROLE", "PHONE", "EMAIL", "LANGUAGE", "HOURS")
	for _, raw := range out {
		if err := addSheet(l, raw, d.JSON); err != nil {
			return err
		}
	}
	return l.end()
}

// addSheet writes an organisation: one object, or one line per contact.
func addSheet(l *listing, raw json.RawMessage, asJSON bool) error {
	var v struct {
		Name     string
		Critical bool
		Contacts []struct{ Name, Role, Phone, Email, Language, Hours string }
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	if asJSON || len(v.Contacts) == 0 {
		return l.add(raw, v.Name, v.Critical, "", "(no contact)", "", "", "", "", "")
	}
	for i, k := range v.Contacts {
		if err := l.add(nil, v.Name, v.Critical, i+1, k.Name, k.Role, k.Phone, k.Email, k.Language, k.Hours); err != nil {
			return err
		}
	}
	return nil
}

type dutyPackCmd struct {
	reach
	Out string `placeholder:"FILE" help:"Where to (default: standard output); a name that ends in .csv makes a table."`
	CSV bool   `name:"csv" help:"As a table."`
}

// Run writes the pack. A file is made with mode 0600: it holds telephone numbers.
func (d *dutyPackCmd) Run(c *console) (err error) {
	api, err := d.client(c)
	if err != nil {
		return err
	}
	format := "html"
	if d.CSV || strings.EqualFold(filepath.Ext(d.Out), ".csv") {
		format = "csv"
	}
	resp, err := api.do(request{method: http.MethodGet, path: dutyAPI + "/pack", query: url.Values{"format": {format}}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if d.Out == "" {
		_, err = io.Copy(c.out, resp.Body)
		return err
	}
	f, err := os.OpenFile(d.Out, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, resp.Body)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	c.notef("%s: %d bytes. TLP:AMBER+STRICT: print it, lock it away.\n", d.Out, n)
	return nil
}
