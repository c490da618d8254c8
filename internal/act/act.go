package act

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/ledger"
)

// ActorKind says what sort of actor does a verb.
type ActorKind string

// The kinds of actor.
const (
	// Person is a person who signed in, or whose token is used.
	Person ActorKind = "person"
	// LocalOperator is whoever has the server's own user on its machine; it never
	// counts as one of two persons.
	LocalOperator ActorKind = "local-operator"
	// Machine is the program itself on a person's standing instruction.
	Machine ActorKind = "machine"
	// Visitor is somebody who holds a link and no session.
	Visitor ActorKind = "visitor"
)

// Actor is who does a verb. ID is opaque here: a person's id, "local-operator",
// or "machine:" with the standing instruction.
type Actor struct {
	ID    string
	Kind  ActorKind
	Org   int64    // the actor's organisation, 0 when none
	Roles []string // what the decider weighs
	Scope []string // a token's scope: the verbs it may do; nil means no limit
}

// MachineActor is the program acting on a standing instruction, such as
// "machine:watch.intake".
func MachineActor(instruction string) Actor {
	return Actor{ID: "machine:" + instruction, Kind: Machine}
}

// Resource is what a verb is done to, as far as the decider weighs it.
type Resource struct {
	Kind       string // "finding", "organisation", …
	ID         string
	Org        int64  // the organisation it belongs to, 0 when none
	Marking    string // TLP text
	InAudience bool   // the actor is in the audience of the thing
}

// Call is one verb about to be done.
type Call struct {
	Actor    Actor
	Verb     string // room.verb, such as "watch.close_finding"
	Subject  string // opaque id of the thing, "finding:17"; may be set later by Tx.Subject
	Purpose  string
	Mandate  string
	Reason   string
	Exercise bool
	Resource Resource
}

// Decision is the decider's answer. Policy is the id of the rule that decided; it
// goes into the ledger.
type Decision struct {
	Allow   bool
	Policy  string
	Reasons []string
}

// Decider says whether an actor may do a verb.
type Decider interface {
	Decide(ctx context.Context, r sqldb.Reader, c Call) (Decision, error)
}

// DenialLog keeps refusals, bounded, outside the tree.
type DenialLog interface {
	Denied(ctx context.Context, c Call, d Decision)
}

// Config is what the frame needs.
type Config struct {
	DB      *sqldb.DB
	Clock   clock.Clock
	IDs     *id.Source
	Decider Decider
	Denials DenialLog
	// Notify is told after every committed act; it must not block. The ledger's
	// signer hangs here.
	Notify func()
	Log    *slog.Logger
}

// Acts is the frame. One per installation and process.
type Acts struct {
	cfg       Config
	mu        sync.Mutex // held for a whole act: acts are serial
	followers []Follower
	subs      []*subscriber
}

// New returns the frame.
func New(c Config) *Acts { return &Acts{cfg: c} }

// Clock returns the clock that acts are dated by.
func (a *Acts) Clock() clock.Clock { return a.cfg.Clock }

// IDs returns the source of ids.
func (a *Acts) IDs() *id.Source { return a.cfg.IDs }

// Reader returns the reading side of the database.
func (a *Acts) Reader() sqldb.Reader { return a.cfg.DB.Reader() }

// Engine returns which database engine runs below.
func (a *Acts) Engine() sqldb.Engine { return a.cfg.DB.Engine }

// lockActs is the advisory lock that makes acts serial on PostgreSQL.
const lockActs = 0x616c6d656e617261 // "almenara"

// Do does one verb: decision, transaction, closure, ledger entry, facts, commit.
// Inside an open act (one whose context is passed on) it joins that act. It
// returns a Denied fault when the decider refuses, and whatever f returns.
func (a *Acts) Do(ctx context.Context, c Call, f func(ctx context.Context, tx *Tx) error) error {
	if outer := txOf(ctx); outer != nil {
		return a.join(ctx, outer, c, f)
	}
	d, err := a.decide(ctx, a.cfg.DB.Reader(), c)
	if err != nil {
		return a.keepDenials(ctx, err, []denial{{c, d}})
	}
	var sh shared
	if err := a.doLocked(ctx, c, d, &sh, f); err != nil {
		return a.keepDenials(ctx, err, sh.denials)
	}
	return nil
}

// doLocked runs one act while holding the process's turn.
func (a *Acts) doLocked(ctx context.Context, c Call, d Decision, sh *shared, f func(context.Context, *Tx) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	sqlTx, err := a.cfg.DB.BeginWrite(ctx)
	if err != nil {
		return unavailable(c.Verb, err)
	}
	tx := &Tx{sql: sqlTx, acts: a, kind: kindAct, shared: sh}
	if err := a.run(ctx, tx, c, d, 0, f); err != nil {
		return joined(err, rollback(sqlTx))
	}
	if err := sqlTx.Commit(); err != nil {
		return unavailable(c.Verb, err)
	}
	a.cfg.DB.Settle(context.WithoutCancel(ctx))
	a.committed(ctx, tx)
	return nil
}

func (a *Acts) decide(ctx context.Context, r sqldb.Reader, c Call) (Decision, error) {
	d, err := a.cfg.Decider.Decide(ctx, r, c)
	if err != nil {
		return d, fmt.Errorf("decide %s: %w", c.Verb, err)
	}
	if d.Allow {
		return d, nil
	}
	return d, &fault.Error{
		Code: fault.Denied, Key: "act.denied", Args: fault.Args{"Verb": c.Verb},
		Err: errors.New(strings.Join(d.Reasons, "; ")),
	}
}

// Decide asks the decider without doing anything: for queries with a permission,
// and for pages that show only what their reader may do.
func (a *Acts) Decide(ctx context.Context, c Call) error {
	d, err := a.decide(ctx, a.cfg.DB.Reader(), c)
	if err == nil {
		return nil
	}
	if outer := txOf(ctx); outer != nil {
		outer.shared.denials = append(outer.shared.denials, denial{c, d})
		return err
	}
	return a.keepDenials(ctx, err, []denial{{c, d}})
}

// denial is a refusal that waits until no transaction is open.
type denial struct {
	call     Call
	decision Decision
}

// keepDenials writes refusals to the log of denials and returns err.
func (a *Acts) keepDenials(ctx context.Context, err error, ds []denial) error {
	if a.cfg.Denials == nil || fault.CodeOf(err) != fault.Denied {
		return err
	}
	for _, d := range ds {
		a.cfg.Denials.Denied(ctx, d.call, d.decision)
	}
	return err
}

// May tells whether the decider would allow a call; it leaves no denial.
func (a *Acts) May(ctx context.Context, c Call) bool {
	d, err := a.cfg.Decider.Decide(ctx, a.cfg.DB.Reader(), c)
	return err == nil && d.Allow
}

func (a *Acts) join(ctx context.Context, outer *Tx, c Call, f func(context.Context, *Tx) error) error {
	if outer.kind != kindAct {
		return fmt.Errorf("do %s: an act cannot begin inside a step or housekeeping", c.Verb)
	}
	d, err := a.decide(ctx, outer, c)
	if err != nil {
		outer.shared.denials = append(outer.shared.denials, denial{c, d})
		return err
	}
	tx := &Tx{sql: outer.sql, acts: a, kind: kindAct, shared: outer.shared}
	if err := a.run(ctx, tx, c, d, outer.order, f); err != nil {
		outer.shared.failed = err
		return err
	}
	return nil
}

// run does the inside of an act: order, closure, entry, facts.
func (a *Acts) run(ctx context.Context, tx *Tx, c Call, d Decision, parent int64, f func(context.Context, *Tx) error) error {
	var err error
	if tx.order, err = a.drawOrder(ctx, tx, parent != 0); err != nil {
		return unavailable(c.Verb, err)
	}
	tx.call, tx.now = c, a.cfg.Clock.Now()
	if parent == 0 {
		if err := claim(ctx, tx); err != nil {
			return err
		}
	}
	if err := f(withTx(ctx, tx), tx); err != nil {
		return err
	}
	if tx.shared.failed != nil { // a joined act drew a number and failed: the whole fails, or the log had a gap
		return tx.shared.failed
	}
	return a.record(ctx, tx, d, parent)
}

func (a *Acts) drawOrder(ctx context.Context, tx *Tx, joined bool) (order int64, err error) {
	if a.cfg.DB.Engine == sqldb.Postgres && !joined {
		if _, err := tx.sql.ExecContext(ctx, `select pg_advisory_xact_lock($1)`, int64(lockActs)); err != nil {
			return 0, err
		}
	}
	err = tx.QueryRowContext(ctx, `update act_order set last = last + 1 where id = 1 returning last`).Scan(&order)
	return order, err
}

// record appends the ledger entry and the facts of one act.
func (a *Acts) record(ctx context.Context, tx *Tx, d Decision, parent int64) error {
	c := tx.call
	detail, err := json.Marshal(tx.detail)
	if err != nil {
		return fmt.Errorf("write detail of %s: %w", c.Verb, err)
	}
	if tx.detail == nil {
		detail = nil
	}
	var salt [32]byte
	if err := a.cfg.IDs.Read(salt[:]); err != nil {
		return err
	}
	e := ledger.Entry{
		Order: tx.order, Time: clock.Micros(tx.now), Actor: c.Actor.ID, Verb: c.Verb, Subject: c.Subject,
		Mandate: c.Mandate, Purpose: c.Purpose, Policy: d.Policy, Reason: c.Reason, Parent: parent,
		Exercise: c.Exercise, Detail: detail,
	}
	if err := ledger.Append(ctx, tx, salt, e); err != nil {
		return fmt.Errorf("append ledger entry of %s: %w", c.Verb, err)
	}
	return tx.writeFacts(ctx)
}

// committed tells the signer, the followers and the subscribers, in order.
func (a *Acts) committed(ctx context.Context, tx *Tx) {
	if a.cfg.Notify != nil {
		a.cfg.Notify()
	}
	for _, f := range tx.shared.after {
		f()
	}
	for _, e := range tx.shared.facts {
		for _, follow := range a.followers {
			if follow.Kind == e.Kind {
				follow.Tell(e)
			}
		}
	}
	a.wake(tx.shared.facts)
	a.cfg.Log.DebugContext(ctx, "act", "verb", tx.call.Verb, "order", tx.order)
}

// Step does one bounded step of a procedure: a transaction without an entry.
// Steps do not wait for acts on PostgreSQL; on SQLite they share its one writer,
// so a step stays below 5,000 rows or 100 ms.
func (a *Acts) Step(ctx context.Context, procedure string, f func(ctx context.Context, tx *Tx) error) error {
	return a.plain(ctx, kindStep, procedure, f)
}

// Housekeep does what leaves no trace on purpose: sessions, counters, keys of
// idempotency. What for is named for logs and the wall test.
func (a *Acts) Housekeep(ctx context.Context, what string, f func(ctx context.Context, tx *Tx) error) error {
	return a.plain(ctx, kindHousekeeping, what, f)
}

func (a *Acts) plain(ctx context.Context, kind txKind, name string, f func(context.Context, *Tx) error) error {
	if txOf(ctx) != nil {
		return fmt.Errorf("%s: a step or housekeeping cannot begin inside an open transaction", name)
	}
	sqlTx, err := a.cfg.DB.BeginWrite(ctx)
	if err != nil {
		return unavailable(name, err)
	}
	tx := &Tx{sql: sqlTx, acts: a, kind: kind, shared: &shared{}, now: a.cfg.Clock.Now()}
	if err := f(withTx(ctx, tx), tx); err != nil {
		return joined(err, rollback(sqlTx))
	}
	if err := sqlTx.Commit(); err != nil {
		return unavailable(name, err)
	}
	a.cfg.DB.Settle(context.WithoutCancel(ctx))
	for _, f := range tx.shared.after {
		f()
	}
	return nil
}

// joined keeps a fault a fault: the roll-back's own trouble is added only if any.
func joined(err, more error) error {
	if more == nil {
		return err
	}
	return errors.Join(err, more)
}

func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}

func unavailable(what string, err error) error {
	if sqldb.IsFull(err) {
		return fault.Wrap(fault.Unavailable, "act.disk_full", nil, fmt.Errorf("%s: %w", what, err))
	}
	return fault.Wrap(fault.Unavailable, "act.unavailable", nil, fmt.Errorf("%s: %w", what, err))
}
