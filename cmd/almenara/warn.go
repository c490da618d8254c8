package main

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"almenara.example/wire"
)

type warnCmd struct {
	Notices   noticesCmd    `cmd:"" help:"List notices, newest first."`
	Warnings  warningsCmd   `cmd:"" help:"List warnings to many, newest first."`
	Receipts  receiptsCmd   `cmd:"" help:"List what recipients did with their notices, one line per answer."`
	Answer    answerCmd     `cmd:"" help:"Record what somebody said to a notice by phone or mail."`
	Compose   composeCmd    `cmd:"" help:"Keep the warning of a TOML file as a draft; prints its number."`
	Release   releaseCmd    `cmd:"" help:"Let a draft go to the list that it has now."`
	Close     closeWarnCmd  `cmd:"" help:"Ask nobody any more about a warning."`
	Calls     warnCallsCmd  `cmd:"" help:"List whom to call about warnings."`
	Callsheet dutySheetCmd  `cmd:"" help:"List whom to reach in a sector."`
	Mail      warnMailCmd   `cmd:"" help:"List mail that came in."`
	Rules     warnRulesCmd  `cmd:"" help:"The rules of what is told."`
	Stop      stopCmd       `cmd:"" help:"Stop all sending."`
	Resume    resumeWarnCmd `cmd:"" help:"Let sending go on."`
}

const warnAPI = "/api/v1/warn"

// day is a time of an answer as a column shows it; empty for none.
func day(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(shortTime)
}

type noticesCmd struct {
	reach
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"state=, organisation=, warning=, unanswered=true"`
	JSON   bool     `name:"json" help:"Print one JSON object per line."`
}

// Run lists, page by page.
func (n *noticesCmd) Run(c *console) error {
	q, err := filters(n.Filter, "state", "organisation", "warning", "unanswered")
	if err != nil {
		return err
	}
	return c.pages(&n.reach, warnAPI+"/notices", q, "before", func(page json.RawMessage, l *listing) (next string, err error) {
		var out wire.Notices
		if err := json.Unmarshal(page, &out); err != nil {
			return "", err
		}
		for _, v := range out.Notices {
			if err := l.add(v, v.Number, v.State, v.Organisation, v.Findings, v.Manner, day(v.Sent), day(v.Answered), v.Answer); err != nil {
				return "", err
			}
		}
		return cursor(out.Next), nil
	}, n.JSON, "NUMBER", "STATE", "ORGANISATION", "FINDINGS", "MANNER", "SENT", "ANSWERED", "ANSWER")
}

// cursor is where the next page begins; empty when there is none.
func cursor(next int64) string {
	if next == 0 {
		return ""
	}
	return strconv.FormatInt(next, 10)
}

type warningsCmd struct {
	reach
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"state=draft|released|closed|discarded"`
	JSON   bool     `name:"json" help:"Print one JSON object per line."`
}

// Run lists, page by page.
func (w *warningsCmd) Run(c *console) error {
	q, err := filters(w.Filter, "state")
	if err != nil {
		return err
	}
	return c.pages(&w.reach, warnAPI+"/warnings", q, "before", func(page json.RawMessage, l *listing) (next string, err error) {
		var out wire.Warnings
		if err := json.Unmarshal(page, &out); err != nil {
			return "", err
		}
		for _, v := range out.Warnings {
			taken := strconv.FormatInt(v.Taken, 10) + "/" + strconv.Itoa(v.Recipients)
			if err := l.add(v, v.Number, v.State, v.Severity, v.Marking, taken, day(v.Released), v.Title); err != nil {
				return "", err
			}
		}
		return cursor(out.Next), nil
	}, w.JSON, "NUMBER", "STATE", "SEVERITY", "MARKING", "TAKEN", "RELEASED", "TITLE")
}

type receiptsCmd struct {
	reach
	Warning string `placeholder:"NUMBER" help:"Only those of a warning."`
	JSON    bool   `name:"json" help:"Print one JSON object per line."`
}

// Run lists all of them as they come.
func (r *receiptsCmd) Run(c *console) error {
	api, err := r.client(c)
	if err != nil {
		return err
	}
	q := url.Values{}
	if r.Warning != "" {
		q.Set("warning", r.Warning)
	}
	l := c.list(r.JSON, "NOTICE", "ORGANISATION", "CONTACT", "STATE", "ANSWER", "STRENGTH", "BY", "AT")
	err = api.lines(warnAPI+"/receipts", q, func(line []byte) error {
		var v wire.Receipt
		if err := json.Unmarshal(line, &v); err != nil {
			return err
		}
		return l.add(v, v.Notice, v.Organisation, v.Contact, v.State, v.Answer, v.Strength, v.By, day(v.At))
	})
	if err != nil {
		return err
	}
	return l.end()
}

type warnCallsCmd struct {
	reach
	Warning string `placeholder:"NUMBER" help:"Only those of a warning."`
	All     bool   `help:"Also those that are settled."`
	JSON    bool   `name:"json" help:"Print one JSON object per line."`
}

// Run lists an organisation a line, with the first number to call.
func (w *warnCallsCmd) Run(c *console) error {
	api, err := w.client(c)
	if err != nil {
		return err
	}
	q := url.Values{"all": {strconv.FormatBool(w.All)}}
	if w.Warning != "" {
		q.Set("warning", w.Warning)
	}
	var out []wire.Call
	if err := api.get(warnAPI+"/calls", q, &out); err != nil {
		return err
	}
	l := c.list(w.JSON, "CALL", "WARNING", "STATE", "ORGANISATION", "TRIES", "NAME", "PHONE", "LANGUAGE")
	for _, v := range out {
		var first wire.CallContact
		for _, k := range v.Contacts {
			if first.Phone == "" {
				first = k
			}
		}
		if err := l.add(v, v.ID, v.Warning, v.State, v.Organisation, len(v.Tries), first.Name, first.Phone, first.Language); err != nil {
			return err
		}
	}
	return l.end()
}

type warnMailCmd struct {
	reach
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"state=waiting|answered|filed|dismissed, notice=NUMBER"`
	JSON   bool     `name:"json" help:"Print one JSON object per line."`
}

// Run lists, page by page.
func (w *warnMailCmd) Run(c *console) error {
	q, err := filters(w.Filter, "state", "notice")
	if err != nil {
		return err
	}
	return c.pages(&w.reach, warnAPI+"/mail", q, "before", func(page json.RawMessage, l *listing) (next string, err error) {
		var out wire.Mails
		if err := json.Unmarshal(page, &out); err != nil {
			return "", err
		}
		for _, v := range out.Mails {
			if err := l.add(v, v.ID, v.State, v.Class, v.Notice, v.From, v.Signature, v.Proposed, v.Subject); err != nil {
				return "", err
			}
		}
		return cursor(out.Next), nil
	}, w.JSON, "ID", "STATE", "CLASS", "NOTICE", "FROM", "SIGNATURE", "PROPOSED", "SUBJECT")
}

// pageSize is how many things are asked for at once.
const pageSize = 1000

// pages lists what comes in pages: each writes its things and says where the next
// one begins.
func (c *console) pages(r *reach, path string, q url.Values, cursor string,
	each func(page json.RawMessage, l *listing) (next string, err error), asJSON bool, head ...string,
) error {
	api, err := r.client(c)
	if err != nil {
		return err
	}
	q.Set("limit", strconv.Itoa(pageSize))
	l := c.list(asJSON, head...)
	for {
		var page json.RawMessage
		if err := api.get(path, q, &page); err != nil {
			return err
		}
		next, err := each(page, l)
		if err != nil {
			return err
		}
		if next == "" {
			return l.end()
		}
		q.Set(cursor, next)
	}
}
