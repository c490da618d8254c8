package guard

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// How long things that no longer work are kept.
const (
	OnceLife    = 24 * time.Hour      // the answer to a request with an Idempotency-Key, and that a form was sent
	spentKept   = 30 * 24 * time.Hour // ended sessions, used and expired links
	maxOnceKey  = 200
	onceTakes   = 2 * time.Minute // longer than any request with a key takes
	maxOnceBody = 64 << 10
)

// Answer is what a request was answered with.
type Answer struct {
	Status int
	Type   string // media type
	Body   []byte // at most 64 KiB; larger ones are kept empty
}

type once struct {
	request []byte
	status  int64
	answer  []byte
	at      int64
}

func scanOnce(r sqldb.Row) (o once, err error) {
	return o, r.Scan(&o.request, &o.status, &o.answer, &o.at)
}

// BeginOnce claims a key of an actor for one request, known by its SHA-256. A fresh
// key returns replay false: the caller does the request and calls FinishOnce, or
// ForgetOnce when nothing was done. The same request again returns the first answer
// and replay true. Another request under the key is a Conflict, and so is a request
// whose first try is under way, or was done ([Guard.WithOnce]) and broke off before its
// answer was kept. One that broke off before anything was done is done anew.
func (g *Guard) BeginOnce(ctx context.Context, actor, key string, request [32]byte) (a Answer, replay bool, err error) {
	if key == "" || len(key) > maxOnceKey || strings.ContainsFunc(key, func(r rune) bool { return r < '!' || r > '~' }) {
		return a, false, fault.OnField("Idempotency-Key", "guard.once.key", fault.Args{"Max": maxOnceKey})
	}
	err = g.acts.Housekeep(ctx, "guard.once", func(ctx context.Context, tx *act.Tx) error {
		now := tx.Now()
		if _, err := tx.ExecContext(ctx, `delete from guard_idempotency where actor = $1 and key = $2 and at < $3`,
			actor, key, clock.Micros(now.Add(-OnceLife))); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `insert into guard_idempotency (actor, key, request, status, answer, at)
			values ($1, $2, $3, 0, $4, $5) on conflict (actor, key) do nothing`,
			actor, key, request[:], []byte{}, clock.Micros(now))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		before, _, err := sqldb.One(ctx, tx, scanOnce,
			`select request, status, answer, at from guard_idempotency where actor = $1 and key = $2`, actor, key)
		if err != nil {
			return err
		}
		switch {
		case subtle.ConstantTimeCompare(before.request, request[:]) == 0:
			return fault.New(fault.Conflict, "guard.once.other", nil)
		case before.status == 0:
			return before.unanswered(ctx, tx, actor, key)
		}
		kind, body, _ := strings.Cut(string(before.answer), "\n")
		a, replay = Answer{Status: int(before.status), Type: kind, Body: []byte(body)}, true
		return nil
	})
	return a, replay, err
}

// unanswered claims the key of a try that broke off before it did anything; a Conflict
// where it did, and while it or its answer may be under way.
func (o *once) unanswered(ctx context.Context, tx *act.Tx, actor, key string) error {
	switch {
	case o.at >= clock.Micros(tx.Now().Add(-onceTakes)):
		return fault.New(fault.Conflict, "guard.once.unknown", nil)
	case len(o.answer) > 0:
		return fault.New(fault.Conflict, "guard.once.done", nil)
	}
	res, err := tx.ExecContext(ctx, `update guard_idempotency set at = $1 where actor = $2 and key = $3 and at = $4`, clock.Micros(tx.Now()), actor, key, o.at)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return fault.New(fault.Conflict, "guard.once.unknown", nil)
}

// WithOnce returns a context whose first act notes, in its own transaction, that something
// was done under a key: so a repetition after a crash knows. Of two tries one acts.
func (g *Guard) WithOnce(ctx context.Context, actor, key string) context.Context {
	return act.First(ctx, func(ctx context.Context, tx *act.Tx) error {
		res, err := tx.ExecContext(ctx, `update guard_idempotency set answer = $1 where actor = $2 and key = $3 and status = 0 and length(answer) = 0`,
			strconv.AppendInt(nil, tx.Order(), 10), actor, key)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return fault.New(fault.Conflict, "guard.once.unknown", nil)
	})
}

// FinishOnce keeps the answer under the key.
func (g *Guard) FinishOnce(ctx context.Context, actor, key string, a Answer) error {
	if len(a.Body) > maxOnceBody {
		a.Body = nil
	}
	kind, _, _ := strings.Cut(a.Type, "\n")
	return g.acts.Housekeep(ctx, "guard.once", func(ctx context.Context, tx *act.Tx) error {
		_, err := tx.ExecContext(ctx, `update guard_idempotency set status = $1, answer = $2 where actor = $3 and key = $4`,
			int64(a.Status), append([]byte(kind+"\n"), a.Body...), actor, key)
		return err
	})
}

// ForgetOnce gives the key back, unless something was done under it.
func (g *Guard) ForgetOnce(ctx context.Context, actor, key string) error {
	return g.acts.Housekeep(ctx, "guard.once", func(ctx context.Context, tx *act.Tx) error {
		_, err := tx.ExecContext(ctx, `delete from guard_idempotency where actor = $1 and key = $2 and status = 0 and length(answer) = 0`, actor, key)
		return err
	})
}

// formKey keeps forms apart from keys that programs choose. What is sent is part of the
// key: another person's token, or one with other words, is a form of its own.
func formKey(sent [32]byte) string { return "form:" + hex.EncodeToString(sent[:]) }

// formDone is the status under which a form is kept; its answer is the act's order.
const formDone = 303

// ClaimForm notes, within the act that a form asks for, that the form is done; sent is
// the SHA-256 of its address, token and content. False means that it was before.
func (g *Guard) ClaimForm(ctx context.Context, tx *act.Tx, actor string, sent [32]byte) (bool, error) {
	if _, done, err := g.FormDone(ctx, tx, actor, sent); err != nil || done {
		return false, err
	}
	_, err := tx.ExecContext(ctx, `insert into guard_idempotency (actor, key, request, status, answer, at) values ($1, $2, $3, $4, $5, $6)`,
		actor, formKey(sent), sent[:], formDone, strconv.AppendInt(nil, tx.Order(), 10), clock.Micros(tx.Now()))
	return err == nil, err
}

// FormDone tells whether an actor sent a form before, and the order of the act that it
// asked for.
func (g *Guard) FormDone(ctx context.Context, r sqldb.Reader, actor string, sent [32]byte) (order int64, done bool, err error) {
	before, done, err := sqldb.One(ctx, r, scanOnce, `select request, status, answer, at from guard_idempotency where actor = $1 and key = $2`,
		actor, formKey(sent))
	if err != nil || !done {
		return 0, false, err
	}
	order, err = strconv.ParseInt(string(before.answer), 10, 64)
	return order, true, err
}

// Sweep removes what is past its time: answers after OnceLife, and, 30 days after
// they stopped working, sessions and one-time links. It belongs into daily upkeep.
func (g *Guard) Sweep(ctx context.Context) error {
	return g.acts.Housekeep(ctx, "guard.sweep", func(ctx context.Context, tx *act.Tx) error {
		spent := clock.Micros(tx.Now().Add(-spentKept))
		for _, q := range []struct {
			text   string
			before int64
		}{
			{`delete from guard_idempotency where at < $1`, clock.Micros(tx.Now().Add(-OnceLife))},
			{`delete from guard_session where expires_at < $1 or (ended_at > 0 and ended_at < $1)`, spent},
			{`delete from guard_link where expires_at < $1 or (used_at > 0 and used_at < $1)`, spent},
		} {
			if _, err := tx.ExecContext(ctx, q.text, q.before); err != nil {
				return err
			}
		}
		return nil
	})
}
