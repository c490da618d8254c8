package guard

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"

	cedar "github.com/cedar-policy/cedar-go"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// Policies decides by the Cedar policies of the program. It implements
// act.Decider. A decision costs some ten microseconds; for lists, visibility is
// SQL and this is asked once.
type Policies struct {
	set *cedar.PolicySet

	mu    sync.Mutex
	known map[machineCall]act.Decision
}

// machineCall is all that the policies weigh of a call of the program itself, which has
// neither roles nor a token: the same call has the same answer as long as the process
// lives. The program asks the same few questions at every one of thousands of notices.
type machineCall struct {
	actor, verb, purpose string
	org                  int64
	resource             act.Resource
}

// maxKnown bounds the answers that are remembered; beyond it they are decided anew.
const maxKnown = 1000

// LoadPolicies reads policies/*.cedar. Every policy must carry an @id, and ids
// are unique: they stand in the ledger.
func LoadPolicies() (*Policies, error) {
	files, err := policyFiles.ReadDir("policies")
	if err != nil {
		return nil, fmt.Errorf("read policies: %w", err)
	}
	set := cedar.NewPolicySet()
	for _, f := range files {
		text, err := policyFiles.ReadFile("policies/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("read policies: %w", err)
		}
		list, err := cedar.NewPolicyListFromBytes(f.Name(), text)
		if err != nil {
			return nil, fmt.Errorf("read policies: %w", err)
		}
		for _, p := range list {
			name := cedar.PolicyID(p.Annotations()["id"])
			if name == "" || !set.Add(name, p) {
				return nil, fmt.Errorf("policies %s: a policy has no @id of its own (%q)", f.Name(), name)
			}
		}
	}
	return &Policies{set: set, known: map[machineCall]act.Decision{}}, nil
}

// actionInPolicy is how a policy names a verb or a room.
var actionInPolicy = regexp.MustCompile(`Action::"([a-z_.]+)"`)

// checkScope refuses a token's scope that no policy names: a slip there would make a
// token that does nothing.
func checkScope(scope []string) error {
	known := map[string]bool{}
	files, err := policyFiles.ReadDir("policies")
	if err != nil {
		return fmt.Errorf("read policies: %w", err)
	}
	for _, f := range files {
		text, err := policyFiles.ReadFile("policies/" + f.Name())
		if err != nil {
			return fmt.Errorf("read policies: %w", err)
		}
		for _, m := range actionInPolicy.FindAllSubmatch(text, -1) {
			known[string(m[1])] = true
		}
	}
	for _, s := range scope {
		if !known[s] {
			return fault.OnField("scope", "guard.token.scope", fault.Args{"Value": fault.Clip(s)})
		}
	}
	return nil
}

// Decide answers whether the policies allow the call.
func (p *Policies) Decide(_ context.Context, _ sqldb.Reader, c act.Call) (act.Decision, error) {
	a := c.Actor
	if a.Kind != act.Machine || a.Roles != nil || a.Scope != nil {
		return p.weigh(c), nil
	}
	call := machineCall{a.ID, c.Verb, c.Purpose, a.Org, c.Resource}
	p.mu.Lock()
	d, ok := p.known[call]
	p.mu.Unlock()
	if ok {
		return d, nil
	}
	d = p.weigh(c)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) < maxKnown {
		p.known[call] = d
	}
	return d, nil
}

// weigh asks the policies.
func (p *Policies) weigh(c act.Call) act.Decision {
	req := cedar.Request{
		Principal: cedar.NewEntityUID("Person", cedar.String(c.Actor.ID)),
		Action:    actionUID(c.Verb),
		Resource:  cedar.NewEntityUID("Thing", cedar.String(c.Resource.Kind+":"+c.Resource.ID)),
		Context:   cedar.NewRecord(cedar.RecordMap{"purpose": cedar.String(c.Purpose)}),
	}
	ok, diag := cedar.Authorize(p.set, entities{c: c, req: req, principal: principal(c.Actor)}, req)
	d := act.Decision{Allow: bool(ok)}
	for _, r := range diag.Reasons {
		d.Reasons = append(d.Reasons, string(r.PolicyID))
	}
	for _, e := range diag.Errors {
		d.Reasons = append(d.Reasons, e.String())
	}
	if len(diag.Reasons) > 0 {
		d.Policy = string(diag.Reasons[0].PolicyID)
	}
	if !d.Allow && len(d.Reasons) == 0 {
		d.Reasons = []string{"no policy permits it"}
	}
	return d
}

func actionUID(name string) cedar.EntityUID { return cedar.NewEntityUID("Action", cedar.String(name)) }

// entities gives Cedar the three entities of one request without building a map.
type entities struct {
	c         act.Call
	req       cedar.Request
	principal cedar.Record // policies ask for it again and again
}

// Get returns the principal, the action (whose parent is its room) or the resource.
func (e entities) Get(uid cedar.EntityUID) (cedar.Entity, bool) {
	switch uid {
	case e.req.Principal:
		return cedar.Entity{UID: uid, Attributes: e.principal}, true
	case e.req.Resource:
		r := e.c.Resource
		return cedar.Entity{UID: uid, Attributes: cedar.NewRecord(cedar.RecordMap{
			"org": cedar.Long(r.Org), "marking": cedar.String(r.Marking), "in_audience": cedar.Boolean(r.InAudience),
		})}, true
	}
	if uid.Type == "Action" {
		room, _, found := strings.Cut(string(uid.ID), ".")
		if found {
			return cedar.Entity{UID: uid, Parents: cedar.NewEntityUIDSet(actionUID(room))}, true
		}
		return cedar.Entity{UID: uid}, true
	}
	return cedar.Entity{}, false
}

func principal(a act.Actor) cedar.Record {
	room, _, _ := strings.Cut(strings.TrimPrefix(a.ID, "machine:"), ".")
	return cedar.NewRecord(cedar.RecordMap{
		"kind":   cedar.String(a.Kind),
		"org":    cedar.Long(a.Org),
		"roles":  set(a.Roles, func(s string) cedar.Value { return cedar.String(s) }),
		"scoped": cedar.Boolean(a.Scope != nil),
		"scope":  set(a.Scope, func(s string) cedar.Value { return actionUID(s) }),
		"room":   actionUID(room),
	})
}

func set(from []string, f func(string) cedar.Value) cedar.Set {
	vs := make([]cedar.Value, len(from))
	for i, s := range from {
		vs[i] = f(s)
	}
	return cedar.NewSet(vs...)
}

// DenialRows is how many refusals the bounded log keeps.
const DenialRows = 10_000

// Denials keeps the refusals of the frame in a ring of DenialRows rows. It
// implements act.DenialLog.
type Denials struct {
	acts func() *act.Acts
	log  *slog.Logger
}

// NewDenials returns the log; acts is asked late because the frame needs the log.
func NewDenials(acts func() *act.Acts, log *slog.Logger) *Denials {
	return &Denials{acts: acts, log: log}
}

// Denied writes one refusal over the oldest one.
func (d *Denials) Denied(ctx context.Context, c act.Call, dec act.Decision) {
	a := d.acts()
	err := a.Housekeep(context.WithoutCancel(ctx), "guard.denial", func(ctx context.Context, tx *act.Tx) error {
		n, err := tx.Next(ctx, "guard.denial")
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `delete from guard_denial where id <= $1`, n-DenialRows); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `insert into guard_denial (id, at, actor, verb, subject, reasons)
			values ($1, $2, $3, $4, $5, $6)`, n, clock.Micros(tx.Now()), c.Actor.ID, c.Verb, fault.Clip(c.Subject),
			fault.Clip(strings.Join(dec.Reasons, "; ")))
		return err
	})
	if err != nil {
		d.log.ErrorContext(ctx, "keep denial", "verb", c.Verb, "error", err)
	}
}
