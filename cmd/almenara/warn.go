package main

import (
	"encoding/json"
	"net/url"
	"strconv"
)

type warnCmd struct {
	Notices noticesCmd `cmd:"" help:"List notices, newest first."`
}

// notice is a notice as the server writes it.
type notice struct {
	Number       string `json:"number"`
	Organisation string `json:"organisation"`
	State        string `json:"state"`
	Sent         string `json:"sent"`
	Findings     int    `json:"findings"`
	Answered     string `json:"answered"`
}

type noticesCmd struct {
	reach
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"state="`
	JSON   bool     `name:"json" help:"Print one JSON object per line."`
}

// Run lists, page by page.
func (n *noticesCmd) Run(c *console) error {
	q, err := filters(n.Filter, "state")
	if err != nil {
		return err
	}
	return c.pages(&n.reach, "/api/v1/warn/notices", q, "before", func(page json.RawMessage, l *listing) (next string, err error) {
		var out struct {
			Notices []json.RawMessage `json:"notices"`
			Next    int64             `json:"next"`
		}
		if err := json.Unmarshal(page, &out); err != nil {
			return "", err
		}
		for _, raw := range out.Notices {
			var v notice
			if err := json.Unmarshal(raw, &v); err != nil {
				return "", err
			}
			if err := l.add(raw, v.Number, v.State, v.Organisation, v.Findings, v.Sent, v.Answered); err != nil {
				return "", err
			}
		}
		if out.Next == 0 {
			return "", nil
		}
		return strconv.FormatInt(out.Next, 10), nil
	}, n.JSON, "NUMBER", "STATE", "ORGANISATION", "FINDINGS", "SENT", "ANSWERED")
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
