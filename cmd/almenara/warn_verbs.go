package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"almenara.example/wire"
)

type answerCmd struct {
	reach
	Notice string `arg:"" help:"Number of the notice."`
	By     string `required:"" placeholder:"NAME" help:"Who said it."`
	Via    string `required:"" enum:"phone,mail" help:"How it reached us: phone or mail."`
	What   string `required:"" enum:"acknowledge,done,dispute,pass-on,ask" help:"What they say: acknowledge, done, dispute, pass-on or ask."`
	At     string `placeholder:"TIME" help:"The true time of the call, such as 2026-11-21T03:05Z (default: now)."`
	Reason string `placeholder:"TEXT" help:"In their words; needed for dispute and ask."`
}

// Run records the answer.
func (a *answerCmd) Run(c *console) error {
	body := wire.Answer{By: a.By, Via: a.Via, What: a.What, Reason: a.Reason}
	if a.At != "" {
		at, err := timeArg("--at", a.At)
		if err != nil {
			return err
		}
		body.At = &at
	}
	api, err := a.client(c)
	if err != nil {
		return err
	}
	if err := api.post(warnAPI+"/notices/"+url.PathEscape(a.Notice)+"/answer", body, nil); err != nil {
		return err
	}
	c.notef("%s: the answer is recorded\n", a.Notice)
	return nil
}

// timeArg reads a time with its zone.
func timeArg(flag, s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, &failure{exitMisuse, fmt.Errorf("%s %s is not a time with a zone", flag, s), "a time looks like 2026-11-21T03:05Z"}
}

type composeCmd struct {
	reach
	File    string `arg:"" type:"path" help:"The warning, as TOML."`
	Preview bool   `help:"Keep nothing: print whom it would be told to, how and in which language."`
	JSON    bool   `name:"json" help:"Print JSON, one object per line."`
}

// Run keeps a draft, or says whom it would be told to.
func (f *composeCmd) Run(c *console) error {
	b, err := readSmall(f.File)
	if err != nil {
		return &failure{exitMisuse, fmt.Errorf("read the warning: %w", err), "FILE names a TOML file; docs/operator/warn.md shows one"}
	}
	api, err := f.client(c)
	if err != nil {
		return err
	}
	q := url.Values{}
	if f.Preview {
		q.Set("preview", "true")
	}
	var out struct {
		Warning *wire.Warning    `json:"warning"`
		List    *wire.Recipients `json:"list"`
	}
	err = api.call(request{
		method: http.MethodPost, path: warnAPI + "/warnings/file", query: q, body: bytes.NewReader(b), size: int64(len(b)), media: "application/toml",
	}, &out)
	switch {
	case err != nil:
		return err
	case out.List != nil:
		return c.recipients(out.List, f.JSON)
	case out.Warning == nil:
		return &failure{exitFailed, errors.New("the server's answer holds no warning"), "is the server of this version?"}
	case f.JSON:
		l := c.list(true)
		return errors.Join(l.add(out.Warning), l.end())
	}
	c.sayln(out.Warning.Number)
	c.notef("a draft; release it with: almenara warn release %s\n", out.Warning.Number)
	return nil
}

func (c *console) recipients(list *wire.Recipients, asJSON bool) error {
	l := c.list(asJSON, "ORGANISATION", "CONTACT", "ADDRESS", "LANGUAGE", "MANNER")
	for _, v := range list.Recipients {
		manner := v.Manner
		if manner == "" {
			manner = "(nobody to write to)"
		}
		if err := l.add(v, v.Organisation, v.Contact, v.Address, v.Language, manner); err != nil {
			return err
		}
	}
	return l.end()
}

type releaseCmd struct {
	reach
	Number string `arg:"" help:"Number of the warning."`
	OnCall bool   `help:"Release alone, on call: needs a reason, and another person reviews it within a day."`
	Reason string `placeholder:"TEXT" help:"Why."`
	JSON   bool   `name:"json" help:"Print the warning as JSON."`
}

// Run releases the list as it is now: it is asked for, then named in the release, so
// that a change in between is refused.
func (r *releaseCmd) Run(c *console) error {
	api, err := r.client(c)
	if err != nil {
		return err
	}
	path := warnAPI + "/warnings/" + url.PathEscape(r.Number)
	var list wire.Recipients
	if err := api.get(path+"/list", nil, &list); err != nil {
		return err
	}
	order := wire.ReleaseOrder{Version: list.Version, Seen: list.Seen, OnCall: r.OnCall, Reason: r.Reason}
	var v wire.Warning
	if err := api.post(path+"/release", order, &v); err != nil {
		return err
	}
	if r.JSON {
		l := c.list(true)
		return errors.Join(l.add(v), l.end())
	}
	c.sayf("%s is on its way, recipients: %d\n", v.Number, v.Recipients)
	if v.ReviewDue != nil {
		c.notef("another person reviews it until %s\n", day(v.ReviewDue))
	}
	return nil
}

type closeWarnCmd struct {
	reach
	Number string `arg:"" help:"Number of the warning."`
	Reason string `required:"" placeholder:"TEXT" help:"Why; it stands in the record of actions."`
}

// Run closes a warning.
func (w *closeWarnCmd) Run(c *console) error {
	return w.say(c, warnAPI+"/warnings/"+url.PathEscape(w.Number)+"/close", w.Reason, "the warning is closed")
}

// say posts a reason and says what came of it.
func (r *reach) say(c *console, path, reason, done string) error {
	api, err := r.client(c)
	if err != nil {
		return err
	}
	if err := api.post(path, wire.Reason{Reason: reason}, nil); err != nil {
		return err
	}
	c.noteln(done)
	return nil
}

type stopCmd struct {
	reach
	Reason string `required:"" placeholder:"TEXT" help:"Why; it stands in the record of actions."`
}

// Run stops all sending.
func (s *stopCmd) Run(c *console) error {
	return s.say(c, warnAPI+"/stop", s.Reason, "all sending is stopped")
}

type resumeWarnCmd struct {
	reach
	Reason string `required:"" placeholder:"TEXT" help:"Why; it stands in the record of actions."`
}

// Run lets sending go on.
func (s *resumeWarnCmd) Run(c *console) error {
	return s.say(c, warnAPI+"/resume", s.Reason, "sending goes on")
}

type warnRulesCmd struct {
	Show rulesShowCmd `cmd:"" help:"Print the rules that hold, as TOML."`
	Set  rulesSetCmd  `cmd:"" help:"Put the rules of a TOML file in force."`
	Try  rulesTryCmd  `cmd:"" help:"Say what the rules of a TOML file would change; nothing changes."`
}

type rulesShowCmd struct {
	reach
	JSON bool `name:"json" help:"Print one rule as a JSON object per line."`
}

// Run prints the rules as set and try read them.
func (s *rulesShowCmd) Run(c *console) error {
	api, err := s.client(c)
	if err != nil {
		return err
	}
	var rs wire.Rules
	if err := api.get(warnAPI+"/rules", nil, &rs); err != nil {
		return err
	}
	if !s.JSON {
		return toml.NewEncoder(c.out).Encode(rs)
	}
	l := c.list(true)
	for _, r := range rs.Rules {
		if err := l.add(r); err != nil {
			return err
		}
	}
	return l.end()
}

// readRules reads a file of rules; a key that no rule has is refused by name.
func readRules(file string) (rs wire.Rules, err error) {
	const hint = "print the rules that hold with: almenara warn rules show"
	b, err := readSmall(file)
	if err != nil {
		return rs, &failure{exitMisuse, fmt.Errorf("read the rules: %w", err), hint}
	}
	meta, err := toml.Decode(string(b), &rs)
	if err != nil {
		return rs, &failure{exitMisuse, fmt.Errorf("%s: %w", file, err), hint}
	}
	if extra := meta.Undecoded(); len(extra) > 0 {
		return rs, &failure{exitMisuse, fmt.Errorf("%s has a key that no rule has: %s", file, extra[0]), hint}
	}
	if rs.Rules == nil {
		rs.Rules = []wire.Rule{}
	}
	return rs, nil
}

type rulesSetCmd struct {
	reach
	File   string `arg:"" type:"path" help:"The rules, as TOML, with the version that they take the place of."`
	Reason string `required:"" placeholder:"TEXT" help:"Why; it stands in the record of actions."`
}

// Run puts rules in force.
func (s *rulesSetCmd) Run(c *console) error {
	rs, err := readRules(s.File)
	if err != nil {
		return err
	}
	api, err := s.client(c)
	if err != nil {
		return err
	}
	var now wire.Rules
	if err := api.send(request{method: http.MethodPut, path: warnAPI + "/rules"}, wire.RulesChange{Rules: rs, Reason: s.Reason}, &now); err != nil {
		return err
	}
	c.notef("%d rules are in force, version %d\n", len(now.Rules), now.Version)
	return nil
}

type rulesTryCmd struct {
	reach
	File string `arg:"" type:"path" help:"The rules, as TOML."`
	JSON bool   `name:"json" help:"Print one JSON object per line."`
}

// Run lists the differences.
func (t *rulesTryCmd) Run(c *console) error {
	rs, err := readRules(t.File)
	if err != nil {
		return err
	}
	api, err := t.client(c)
	if err != nil {
		return err
	}
	var out wire.RulesTrial
	if err := api.post(warnAPI+"/rules/try", rs, &out); err != nil {
		return err
	}
	l := c.list(t.JSON, "ORGANISATION", "SOURCE", "KIND", "SEVERITY", "FINDINGS", "NOW", "THEN")
	for _, d := range out.Differences {
		if err := l.add(d, d.Organisation, d.Source, d.Kind, d.Severity, d.Findings, tellingWords(d.Now), tellingWords(d.Then)); err != nil {
			return err
		}
	}
	c.notef("%d open findings were weighed; nothing has changed\n", out.Weighed)
	return l.end()
}

func tellingWords(t wire.Telling) string {
	if !t.Tell {
		return "not told"
	}
	words := []string{t.Format, "once"}
	if t.RepeatDays > 0 {
		words[1] = fmt.Sprintf("again after %d d", t.RepeatDays)
	}
	if t.PaceMinutes > 0 {
		words = append(words, fmt.Sprintf("one mail in %d min", t.PaceMinutes))
	}
	return strings.Join(words, ", ")
}

// maxTyped is the largest file that somebody has written by hand; the server takes no more.
const maxTyped = 1 << 20

// readSmall reads a file that somebody has written by hand.
func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(f, maxTyped+1))
	if err == nil && len(b) > maxTyped {
		err = fmt.Errorf("%s is larger than 1 MiB", name)
	}
	return b, err
}
