package warn

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/outbound"
	"almenara.example/webhook"
)

// Hook is an address to which an organisation's notices are posted besides mail.
type Hook struct {
	ID      int64
	Org     int64
	URL     string
	Active  bool
	MadeAt  time.Time
	MadeBy  string
	Version int64
}

// maxHooks is how many hooks one organisation can have.
const maxHooks = 5

// PublicKey is the key by which the other side checks a hook's messages, in the form
// of Standard Webhooks (whpk_…).
func (w *Warn) PublicKey(hook int64) string {
	pub, _ := w.hookKey(hook).Public().(ed25519.PublicKey)
	return webhook.FormatPublic(pub)
}

// hookKey is a hook's own key: derived, so that nothing secret is in the database.
func (w *Warn) hookKey(hook int64) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(w.derive(fmt.Sprintf("hook/%d", hook)))
}

func scanHook(r sqldb.Row) (h Hook, err error) {
	var at int64
	err = r.Scan(&h.ID, &h.Org, &h.URL, &h.Active, &at, &h.MadeBy, &h.Version)
	h.MadeAt = clock.FromMicros(at)
	return h, err
}

// Hooks lists an organisation's hooks that are in use.
func (w *Warn) Hooks(ctx context.Context, r sqldb.Reader, org int64) ([]Hook, error) {
	return sqldb.All(ctx, r, scanHook, `select id, org_id, url, active, made_at, made_by, version from warn_hook
		where org_id = $1 and active order by id`, org)
}

// AddHook has an organisation's notices posted to an address from now on.
func (w *Warn) AddHook(ctx context.Context, actor act.Actor, org int64, address string) (h Hook, err error) {
	if err := w.WebHooks.Check(address); err != nil {
		return h, err
	}
	h = Hook{Org: org, URL: address, Active: true, MadeBy: actor.ID, Version: 1}
	err = w.changeHook(ctx, actor, org, func(ctx context.Context, tx *act.Tx) error {
		have, err := w.Hooks(ctx, tx, org)
		if err != nil {
			return err
		}
		if len(have) >= maxHooks {
			return fault.New(fault.Conflict, "warn.hook.many", fault.Args{"Max": maxHooks})
		}
		if h.ID, err = tx.Next(ctx, "warn.hook"); err != nil {
			return err
		}
		h.MadeAt = tx.Now()
		_, err = tx.ExecContext(ctx, `insert into warn_hook (id, org_id, url, active, made_at, made_by, version)
			values ($1, $2, $3, $4, $5, $6, 1)`, h.ID, org, address, true, clock.Micros(tx.Now()), actor.ID)
		return err
	})
	return h, err
}

// EndHook stops posting to a hook.
func (w *Warn) EndHook(ctx context.Context, actor act.Actor, org, id int64) error {
	return w.changeHook(ctx, actor, org, func(ctx context.Context, tx *act.Tx) error {
		res, err := tx.ExecContext(ctx, `update warn_hook set active = $1, version = version + 1
			where id = $2 and org_id = $3 and active`, false, id, org)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return noHook(err)
		}
		return nil
	})
}

func noHook(err error) error {
	if err != nil {
		return err
	}
	return fault.New(fault.NotFound, "warn.hook.none", nil)
}

func (w *Warn) changeHook(ctx context.Context, actor act.Actor, org int64, f func(context.Context, *act.Tx) error) error {
	call := act.Call{
		Actor: actor, Verb: "warn.change_hook", Subject: fmt.Sprintf("organisation:%d", org),
		Resource: act.Resource{Kind: "organisation", Org: org},
	}
	return w.Acts.Do(ctx, call, f)
}

// hookArgs ask for one notice to be posted to one hook.
type hookArgs struct {
	Hook   int64 `json:"hook"`
	Notice int64 `json:"notice"`
}

// hang has a new notice posted to the hooks of its organisation.
func (w *Warn) hang(ctx context.Context, tx *act.Tx, n Notice) error {
	if n.Step > 0 || w.WebHooks == nil {
		return nil
	}
	hooks, err := w.Hooks(ctx, tx, n.Org)
	if err != nil {
		return err
	}
	for _, h := range hooks {
		uid, err := w.Acts.IDs().New()
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into warn_hook_call (hook_id, notice_id, uid, state, tries, code, reply, made_at, changed_at)
			values ($1, $2, $3, 'waiting', 0, 0, '', $4, $4)`, h.ID, n.ID, "msg_"+uid, clock.Micros(tx.Now())); err != nil {
			return err
		}
		if err := tx.Enqueue(ctx, w.post.With(hookArgs{h.ID, n.ID})); err != nil {
			return err
		}
	}
	return nil
}

// hookPauses are the pauses between tries, as Standard Webhooks recommends.
func hookPauses() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour,
		20 * time.Hour, 24 * time.Hour,
	}
}

type hookCall struct {
	uid   string
	url   string
	tries int
	made  time.Time
}

// workHook posts one notice: cleared in one act, posted, settled in another.
func (w *Warn) workHook(ctx context.Context, a hookArgs, _ jobs.Try) error {
	if stopped, err := w.Stopped(ctx, w.read); err != nil {
		return err
	} else if stopped {
		return jobs.Later(stopPause)
	}
	c, ok, err := sqldb.One(ctx, w.read, func(r sqldb.Row) (c hookCall, err error) {
		var at int64
		err = r.Scan(&c.uid, &c.url, &c.tries, &at)
		c.made = clock.FromMicros(at)
		return c, err
	}, `select c.uid, h.url, c.tries, c.made_at from warn_hook_call c join warn_hook h on h.id = c.hook_id
		where c.hook_id = $1 and c.notice_id = $2 and c.state = 'waiting' and h.active`, a.Hook, a.Notice)
	if err != nil || !ok {
		return err
	}
	p, err := w.hookParcel(ctx, a, c)
	if err != nil || p.IsZero() {
		return err
	}
	r, err := w.WebHooks.Post(ctx, p, c.url, c.uid, w.Acts.Clock().Now(), w.hookKey(a.Hook))
	if err != nil {
		return err
	}
	if err := w.settleHook(context.WithoutCancel(ctx), a, c, p, r); err != nil {
		return err
	}
	if r.State == outbound.Deferred && c.tries < len(hookPauses()) {
		return jobs.Later(hookPauses()[c.tries])
	}
	return nil
}

// hookParcel asks the gate; a refusal is kept and nothing is posted.
func (w *Warn) hookParcel(ctx context.Context, a hookArgs, c hookCall) (p guard.Parcel, err error) {
	n, err := w.Notice(ctx, w.read, a.Notice)
	if err != nil {
		return p, err
	}
	machine := act.MachineActor("warn.send")
	to := guard.Recipient{Org: n.Org, Address: c.url, Language: n.Language, Channel: guard.ByWebhook}
	p, err = w.gate.Release(ctx, w.read, machine, guard.Thing{Kind: KindNotice, ID: n.ID}, to, "warn")
	if fault.CodeOf(err) != fault.Denied {
		return p, err
	}
	return guard.Parcel{}, w.settleHook(ctx, a, c, guard.Parcel{}, outbound.Result{State: outbound.Refused, Reply: "withheld by the release gate"})
}

func (w *Warn) settleHook(ctx context.Context, a hookArgs, c hookCall, p guard.Parcel, r outbound.Result) error {
	state := "waiting"
	switch {
	case p.IsZero():
		state = "withheld"
	case r.State == outbound.Accepted:
		state = "accepted"
	case r.State == outbound.Refused || c.tries >= len(hookPauses()):
		state = "refused"
	}
	call := act.Call{Actor: act.MachineActor("warn.send"), Verb: "warn.note_outcome", Subject: noticeSubject(a.Notice), Exercise: p.Exercise()}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		tx.Detail(outbound.SendDetail{Thing: noticeSubject(a.Notice), Message: c.uid, Digest: p.Digest(), Manner: "webhook", Attempt: c.tries + 1, State: state})
		_, err := tx.ExecContext(ctx, `update warn_hook_call set state = $1, tries = tries + 1, code = $2, reply = $3, changed_at = $4
			where hook_id = $5 and notice_id = $6`, state, r.Code, r.Reply, clock.Micros(tx.Now()), a.Hook, a.Notice)
		return err
	})
}

// hookBody is what a webhook carries.
type hookBody struct {
	Type      string    `json:"type"` // "warning" or "notice"
	Timestamp time.Time `json:"timestamp"`
	Data      hookData  `json:"data"`
}

type hookData struct {
	Number   string `json:"number"`
	Severity string `json:"severity,omitempty"`
	Marking  string `json:"marking"`
	Exercise bool   `json:"exercise,omitempty"`
	Title    string `json:"title"`
	Text     string `json:"text"`
	URL      string `json:"url"`
}

// maxHookText keeps a body below the 20 kB that the specification recommends.
const maxHookText = 12_000

// asWebhook turns a rendered notice into a webhook's body.
func (l *letter) asWebhook(v *guard.View) error {
	b := hookBody{Type: "notice", Timestamp: l.n.DraftedAt, Data: hookData{
		Number: l.w.Number(l.n.ID), Severity: string(l.how), Marking: l.n.Marking, Exercise: l.n.Exercise, Title: v.Subject,
		Text: clip(string(v.Body), maxHookText), URL: l.w.PublicURL + "/portal/notices/" + l.w.Number(l.n.ID),
	}}
	if l.n.Warning != 0 {
		b.Type = "warning"
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("write webhook: %w", err)
	}
	v.ContentType, v.Body, v.Files = "application/json", raw, nil
	return nil
}
