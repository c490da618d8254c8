package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// claim is a claim as the server writes it.
type claim struct {
	ID        int64  `json:"id"`
	Name      string `json:"organisation_name"`
	Kind      string `json:"asset_kind"`
	Value     string `json:"asset"`
	At        string `json:"claimed_at"`
	State     string `json:"state"`
	Note      string `json:"note"`
	Reason    string `json:"reason"`
	Conflicts []struct {
		Asset        string `json:"asset"`
		Organisation string `json:"organisation"`
	} `json:"conflicts"`
}

func claimHead() []string {
	return []string{"ID", "ORGANISATION", "KIND", "ASSET", "CLAIMED", "STATE", "ALSO OF", "NOTE"}
}

func addClaim(v claim, raw json.RawMessage, l *listing) (int64, error) {
	var others []string
	for _, c := range v.Conflicts {
		others = append(others, c.Organisation+" ("+c.Asset+")")
	}
	return v.ID, l.add(raw, v.ID, v.Name, v.Kind, v.Value, v.At, v.State, strings.Join(others, ", "), v.Note)
}

type claimsCmd struct {
	reach
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"state= (waiting, approved, rejected) organisation= (id); without, those that wait."`
	JSON   bool     `name:"json" help:"Print one JSON object per line."`
}

// Run lists, page by page.
func (a *claimsCmd) Run(c *console) error {
	q, err := filters(a.Filter, "state", "organisation")
	if err != nil {
		return err
	}
	if len(q) == 0 {
		q.Set("state", "waiting")
	}
	return c.pages(&a.reach, constituencyAPI+"/claims", q, "after", rows(addClaim), a.JSON, claimHead()...)
}

type claimApproveCmd struct {
	reach
	ID     int64  `arg:"" help:"The claim; claims lists ids."`
	Reason string `help:"Why; it stands in the record of actions."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Run approves.
func (a *claimApproveCmd) Run(c *console) error {
	return c.decideClaim(&a.reach, a.ID, "approve", a.Reason, a.JSON)
}

type claimRejectCmd struct {
	reach
	ID     int64  `arg:"" help:"The claim; claims lists ids."`
	Reason string `required:"" help:"Why; the organisation may read it."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Run rejects.
func (a *claimRejectCmd) Run(c *console) error {
	return c.decideClaim(&a.reach, a.ID, "reject", a.Reason, a.JSON)
}

func (c *console) decideClaim(r *reach, id int64, verb, reason string, asJSON bool) error {
	api, err := r.client(c)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	body := struct {
		Reason string `json:"reason,omitempty"`
	}{reason}
	if err := api.post(fmt.Sprintf("%s/claims/%d/%s", constituencyAPI, id, verb), body, &raw); err != nil {
		return err
	}
	var v claim
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	l := c.list(asJSON, claimHead()...)
	_, err = addClaim(v, raw, l)
	return errors.Join(err, l.end())
}
