package ledgerweb

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/ledger"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// withPath is the request's address under another path, for downloads of a list.
func withPath(r *http.Request, path string) *url.URL {
	u := *r.URL
	u.Path = path
	return &u
}

// Entry is one entry for programs.
type Entry struct {
	Order    int64           `json:"order" doc:"The act's own number, gapless from 1"`
	Time     time.Time       `json:"time"`
	Actor    string          `json:"actor" doc:"Opaque id: person:17, machine:watch.intake, local-operator"`
	Verb     string          `json:"verb" example:"watch.close_finding"`
	Subject  string          `json:"subject" example:"finding:17"`
	Mandate  string          `json:"mandate,omitempty"`
	Purpose  string          `json:"purpose,omitempty"`
	Policy   string          `json:"policy,omitempty" doc:"Id of the policy that permitted it"`
	Reason   string          `json:"reason,omitempty"`
	Parent   int64           `json:"parent,omitempty" doc:"The act that this one joined"`
	Exercise bool            `json:"exercise"`
	Erased   bool            `json:"erased" doc:"The body was destroyed; order and time are left"`
	Detail   json.RawMessage `json:"detail,omitempty"`
}

type entriesInput struct {
	Actor   string    `query:"actor" example:"person:17"`
	Verb    string    `query:"verb"`
	Subject string    `query:"subject"`
	From    time.Time `query:"from" doc:"Not before"`
	To      time.Time `query:"to" doc:"Before"`
	Before  int64     `query:"before" minimum:"0" doc:"Only orders below: the next, older page"`
	Limit   int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type entriesOutput struct {
	Body struct {
		Entries []Entry `json:"entries" nullable:"false"`
		Before  int64   `json:"before,omitempty" doc:"Give it as before= for the next page; missing at the end"`
	}
}

// Checkpoint is the signed head of the tree for programs.
type Checkpoint struct {
	Origin   string `json:"origin"`
	Size     int64  `json:"size"`
	Root     string `json:"root" doc:"Base64"`
	Note     string `json:"note" doc:"The signed note, C2SP tlog-checkpoint"`
	Verifier string `json:"verifier" doc:"The key that verifies it"`
	Healthy  bool   `json:"healthy" doc:"False when the record is not being signed; the server's log says why"`
}

type checkpointOutput struct{ Body Checkpoint }

// operation is an operation of this room; every one needs the one permission.
func operation(id, path, summary string) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Tags: []string{"ledger"},
		Security: []map[string][]string{{"token": {Permission}}}, Metadata: map[string]any{"sample": "GET " + path},
	}
}

// API registers the operations of the record.
func (p *Pages) API(api huma.API) {
	huma.Register(api, operation("ledger-entries", "/api/v1/ledger/entries", "List entries of the record of actions, newest first"), p.apiEntries)
	huma.Register(api, operation("ledger-checkpoint", "/api/v1/ledger/checkpoint", "The signed head of the record of actions"), p.apiCheckpoint)
}

func (p *Pages) apiEntries(ctx context.Context, in *entriesInput) (*entriesOutput, error) {
	q := ledger.Query{Actor: in.Actor, Verb: in.Verb, Subject: in.Subject, Before: in.Before, Limit: in.Limit}
	if !in.From.IsZero() {
		q.From = clock.Micros(in.From)
	}
	if !in.To.IsZero() {
		q.To = clock.Micros(in.To)
	}
	found, err := p.log.Entries(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &entriesOutput{}
	out.Body.Entries = make([]Entry, 0, len(found))
	for i := range found {
		e := &found[i]
		out.Body.Entries = append(out.Body.Entries, Entry{
			Order: e.Order, Time: clock.FromMicros(e.Time), Actor: e.Actor, Verb: e.Verb, Subject: e.Subject, Mandate: e.Mandate,
			Purpose: e.Purpose, Policy: e.Policy, Reason: e.Reason, Parent: e.Parent, Exercise: e.Exercise, Erased: e.Erased, Detail: e.Detail,
		})
	}
	if len(found) == in.Limit {
		out.Body.Before = found[len(found)-1].Order
	}
	return out, nil
}

func (p *Pages) apiCheckpoint(_ context.Context, _ *struct{}) (*checkpointOutput, error) {
	cp, err := p.log.Checkpoint()
	if err != nil {
		return nil, err
	}
	return &checkpointOutput{Body: Checkpoint{
		Origin: cp.Origin, Size: cp.Size, Root: base64.StdEncoding.EncodeToString(cp.Root[:]), Note: string(cp.Note),
		Verifier: p.log.VerifierKey(), Healthy: p.log.Health() == nil,
	}}, nil
}
