package main

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"
)

type sitrepCmd struct {
	reach
	Incident string `arg:"" help:"Number of the incident."`
	Write    bool   `help:"Keep it as the next version; otherwise it is a draft."`
	Marking  string `placeholder:"TLP" help:"Marking, such as TLP:AMBER (default: the strictest of what it is made of)."`
	Lowered  string `placeholder:"WHY" help:"Why the marking is below that."`
	Press    string `placeholder:"TEXT" help:"What may be said publicly."`
	People   *int64 `placeholder:"N" help:"How many people are affected."`
	Next     string `placeholder:"TIME" help:"When the next report comes, such as 2026-11-21T09:00Z."`
	Language string `placeholder:"TAG" help:"Language, such as en or fr."`
	JSON     bool   `name:"json" help:"Print one JSON object."`
}

// sitrepLine is a situation report as the server writes it.
type sitrepLine struct {
	Incident string     `json:"incident"`
	Version  int64      `json:"version"`
	Marking  string     `json:"marking"`
	Title    string     `json:"title"`
	AsOf     time.Time  `json:"as_of"`
	Happened string     `json:"happened"`
	Affected string     `json:"affected,omitempty"`
	People   *int64     `json:"people,omitempty"`
	Doing    string     `json:"doing,omitempty"`
	Needed   string     `json:"needed,omitempty"`
	Press    string     `json:"press,omitempty"`
	Next     *time.Time `json:"next,omitempty"`
	Exercise bool       `json:"exercise,omitempty"`
}

// Run prints a draft, or keeps the next version and prints it.
func (s *sitrepCmd) Run(c *console) error {
	next, err := s.check()
	if err != nil {
		return err
	}
	api, err := s.client(c)
	if err != nil {
		return err
	}
	path := "/api/v1/incident/incidents/" + url.PathEscape(s.Incident)
	var out sitrepLine
	if err := api.get(path+"/sitrep", url.Values{"language": {s.Language}}, &out); err != nil {
		return err
	}
	if s.Write {
		body := map[string]any{"last": out.Version}
		for name, v := range map[string]string{"marking": s.Marking, "lowered": s.Lowered, "press": s.Press, "language": s.Language} {
			if v != "" {
				body[name] = v
			}
		}
		if s.People != nil {
			body["people"] = *s.People
		}
		if s.Next != "" {
			body["next"] = next
		}
		if err := api.post(path+"/sitreps", body, &out); err != nil {
			return err
		}
	}
	return s.print(c, &out)
}

// check refuses what a draft would silently leave out, and reads the time.
func (s *sitrepCmd) check() (next time.Time, err error) {
	if !s.Write && (s.Marking != "" || s.Lowered != "" || s.Press != "" || s.People != nil || s.Next != "") {
		return next, &failure{exitMisuse, errors.New("--marking, --lowered, --press, --people and --next are for a report that is kept"), "add --write"}
	}
	if s.Next == "" {
		return next, nil
	}
	return timeArg("--next", s.Next)
}

func (s *sitrepCmd) print(c *console, out *sitrepLine) error {
	if s.JSON {
		raw, err := json.Marshal(out)
		if err != nil {
			return err
		}
		c.sayln(string(raw))
		return nil
	}
	c.sayf("%s · %s · %s\n", printable(out.Title), out.Marking, out.AsOf.Format(time.RFC3339))
	for _, part := range []struct{ name, text string }{
		{"WHAT HAPPENED", out.Happened}, {"WHO IS AFFECTED", out.Affected}, {"WHAT IS BEING DONE", out.Doing}, {"WHAT IS NEEDED", out.Needed},
		{"WHAT MAY BE SAID PUBLICLY", out.Press},
	} {
		if part.text != "" {
			c.sayf("\n%s\n", part.name)
			for line := range strings.Lines(part.text) {
				c.sayln(printable(strings.TrimRight(line, "\n")))
			}
		}
	}
	return nil
}

type transferCmd struct {
	reach
	Incident     string  `arg:"" help:"Number of the incident."`
	To           string  `placeholder:"NAME" help:"The peer to whom it is offered; without it, the transfers are listed."`
	Entry        []int64 `placeholder:"ID" help:"An entry that goes; may be repeated."`
	Restrictions string  `placeholder:"TEXT" help:"What the peer may not do with it."`
	JSON         bool    `name:"json" help:"Print one JSON object per line."`
}

// transferLine is a transfer as the server writes it.
type transferLine struct {
	ID           int64      `json:"id"`
	Incident     string     `json:"incident"`
	To           string     `json:"to"`
	State        string     `json:"state"`
	TheirNumber  string     `json:"their_number,omitempty"`
	Restrictions string     `json:"restrictions,omitempty"`
	Version      int64      `json:"version"`
	Offered      time.Time  `json:"offered"`
	Answered     *time.Time `json:"answered,omitempty"`
	SHA256       string     `json:"sha256,omitempty"`
}

// Run offers a transfer, or lists those that there are.
func (t *transferCmd) Run(c *console) error {
	if t.To == "" && (len(t.Entry) > 0 || t.Restrictions != "") {
		return &failure{exitMisuse, errors.New("--entry and --restrictions are for an offer"), "say to whom with --to, or leave them out to list the transfers"}
	}
	api, err := t.client(c)
	if err != nil {
		return err
	}
	path := "/api/v1/incident/incidents/" + url.PathEscape(t.Incident) + "/transfers"
	var all struct {
		Transfers []transferLine `json:"transfers"`
	}
	if t.To == "" {
		err = api.get(path, nil, &all)
	} else {
		all.Transfers = make([]transferLine, 1)
		err = api.post(path, map[string]any{"organisation": t.To, "entries": t.Entry, "restrictions": t.Restrictions}, &all.Transfers[0])
	}
	if err != nil {
		return err
	}
	l := c.list(t.JSON, "INCIDENT", "TO", "STATE", "THEIR NUMBER", "VERSION", "OFFERED")
	for _, v := range all.Transfers {
		if err := l.add(v, v.Incident, v.To, v.State, orDash(v.TheirNumber), v.Version, v.Offered.Format(time.RFC3339)); err != nil {
			return err
		}
	}
	return l.end()
}
