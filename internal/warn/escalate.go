package warn

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// addressArgs ask for the notices of a released warning.
type addressArgs struct {
	Warning int64 `json:"warning"`
}

// workAddress makes one notice per recipient of a warning, in acts of many at a
// time. Repeated, it makes those that are missing.
func (w *Warn) workAddress(ctx context.Context, a addressArgs, _ jobs.Try) error {
	v, err := w.Warning(ctx, w.read, a.Warning)
	if err != nil {
		return err
	}
	have, err := w.told(ctx, w.read, v.ID)
	if err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(v.Recipients), func(o int64) bool { return have[o] })
	for some := range slices.Chunk(rest, 200) {
		call := act.Call{
			Actor: act.MachineActor("warn.draft"), Verb: "warn.draft_notice", Exercise: v.Exercise,
			Subject: warningSubject(v.ID), Purpose: "warn",
		}
		err := w.drafting(ctx, call, func(ctx context.Context, tx *act.Tx, dr *drafter) error {
			for _, org := range some {
				if _, err := dr.insert(ctx, tx, v.notice(org, 0, v.Order)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// notice is a warning as one organisation is told of it.
func (w Warning) notice(org int64, step int, batch int64) Notice {
	return Notice{
		Org: org, Batch: batch, Warning: w.ID, Step: step, Marking: w.Marking.String(), Exercise: w.Exercise,
		Format: AsText, Priority: w.Severity.lane(),
	}
}

// told returns the organisations that have a notice of a warning.
func (w *Warn) told(ctx context.Context, r sqldb.Reader, warning int64) (map[int64]bool, error) {
	out := map[int64]bool{}
	err := sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var org int64
		if err := row.Scan(&org); err != nil {
			return err
		}
		out[org] = true
		return nil
	}, `select org_id from warn_notice where warning_id = $1`, warning)
	if err != nil {
		return nil, fmt.Errorf("read notices of warning %d: %w", warning, err)
	}
	return out, nil
}

// silent is an organisation that has not answered a FLASH in time, or could not be
// written to.
type silent struct {
	org  int64
	step int
}

// workEscalate looks for silence: only FLASH escalates, to the next contact, then to
// the duty officer's call list.
func (w *Warn) workEscalate(ctx context.Context, _ struct{}, _ jobs.Try) error {
	open, err := sqldb.All(ctx, w.read, scanWarning, `select `+warningColumns+` from warn_warning
		where state = $1 and severity = $2 order by id`, string(Released), string(SeverityFlash))
	if err != nil {
		return fmt.Errorf("read open FLASH warnings: %w", err)
	}
	for _, v := range open {
		if err := w.escalateOne(ctx, v); err != nil {
			return fmt.Errorf("escalate warning %d: %w", v.ID, err)
		}
	}
	return nil
}

// silentOf lists who is silent, each at its last step.
func (w *Warn) silentOf(ctx context.Context, r sqldb.Reader, v Warning) (out []silent, err error) {
	quiet := w.Acts.Clock().Now().Add(-v.AnswerWithin)
	return sqldb.All(ctx, r, func(row sqldb.Row) (s silent, err error) { return s, row.Scan(&s.org, &s.step) },
		`select n.org_id, max(n.step) from warn_notice n
		where n.warning_id = $1
		and not exists (select 1 from warn_call c where c.warning_id = $1 and c.org_id = n.org_id)
		group by n.org_id
		having max(n.answered_at) = 0 and sum(case
			when n.state in ('drafted', 'attempting') and n.drafted_at > $2 then 1
			when n.state = 'sent' and n.sent_at > $2 then 1
			when n.state = 'unknown' and n.drafted_at > $2 then 1
			else 0 end) = 0
		order by n.org_id`, v.ID, clock.Micros(quiet))
}

func (w *Warn) escalateOne(ctx context.Context, v Warning) error {
	all, err := w.silentOf(ctx, w.read, v)
	if err != nil || len(all) == 0 {
		return err
	}
	for some := range slices.Chunk(all, 100) {
		call := act.Call{
			Actor: act.MachineActor("warn.escalate"), Verb: "warn.escalate", Exercise: v.Exercise,
			Subject: warningSubject(v.ID), Purpose: "warn",
		}
		err := w.drafting(ctx, call, func(ctx context.Context, tx *act.Tx, dr *drafter) error {
			for _, s := range some {
				if err := w.escalateTo(ctx, tx, dr, v, s); err != nil {
					return err
				}
			}
			tx.Fact(WarningChanged{Warning: v.ID, State: v.State, Severity: v.Severity})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// escalateTo asks the next contact of one silent organisation, or puts it on the call
// list when there is none left.
func (w *Warn) escalateTo(ctx context.Context, tx *act.Tx, dr *drafter, v Warning, s silent) error {
	asked, err := sqldb.All(ctx, tx, sqldb.Int64, `select person_id from warn_notice where warning_id = $1 and org_id = $2`, v.ID, s.org)
	if err != nil {
		return err
	}
	cs, err := w.Constituency.Contacts(ctx, tx, s.org)
	if err != nil {
		return fmt.Errorf("read contacts of organisation %d: %w", s.org, err)
	}
	next := slices.IndexFunc(cs, func(c constituency.Contact) bool { return c.Email != "" && !slices.Contains(asked, c.Person) })
	if next < 0 {
		return w.openCall(ctx, tx, v.ID, s.org)
	}
	n := v.notice(s.org, s.step+1, tx.Order())
	n.to(cs[next], w.Language)
	_, err = dr.insert(ctx, tx, n)
	return err
}

// CallState is how far the calling of an organisation has come.
type CallState string

// The states of calls.
const (
	CallOpen    CallState = "open"
	CallReached CallState = "reached"
	CallGivenUp CallState = "given-up"
)

// Call is an organisation that the duty officer calls about a warning.
type Call struct {
	ID        int64
	Warning   int64
	Org       int64
	State     CallState
	OpenedAt  time.Time
	ChangedAt time.Time
	Version   int64
	Tries     []CallTry
}

// CallTry is one call and its outcome, entered by hand.
type CallTry struct {
	At      time.Time
	Outcome string // reached | no-answer | busy | wrong-number | call-back
	Spoke   string
	Phone   string
	Note    string
	By      string
}

// CallOutcomes lists what a call can come to.
func CallOutcomes() []string {
	return []string{"reached", "no-answer", "busy", "wrong-number", "call-back"}
}

func (w *Warn) openCall(ctx context.Context, tx *act.Tx, warning, org int64) error {
	id, err := tx.Next(ctx, "warn.call")
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `insert into warn_call (id, warning_id, org_id, state, tries, opened_at, changed_at, version)
		values ($1, $2, $3, $4, 0, $5, $5, 1) on conflict (warning_id, org_id) do nothing`,
		id, warning, org, string(CallOpen), clock.Micros(tx.Now()))
	return err
}

func scanCall(r sqldb.Row) (c Call, err error) {
	var opened, changed int64
	err = r.Scan(&c.ID, &c.Warning, &c.Org, &c.State, &opened, &changed, &c.Version)
	c.OpenedAt, c.ChangedAt = clock.FromMicros(opened), clock.FromMicros(changed)
	return c, err
}

// Calls lists the organisations to be called: of one warning, or of all when it is 0,
// with what was tried. openOnly leaves those that are settled out.
func (w *Warn) Calls(ctx context.Context, r sqldb.Reader, warning int64, openOnly bool) ([]Call, error) {
	calls, err := sqldb.All(ctx, r, scanCall, `select id, warning_id, org_id, state, opened_at, changed_at, version from warn_call
		where ($1 = 0 or warning_id = $1) and (state = 'open' or $2 = 0) order by state, id limit 5000`, warning, boolInt(openOnly))
	if err != nil {
		return nil, fmt.Errorf("read the call list: %w", err)
	}
	for i := range calls {
		calls[i].Tries, err = sqldb.All(ctx, r, func(row sqldb.Row) (t CallTry, err error) {
			var at int64
			err = row.Scan(&at, &t.Outcome, &t.Spoke, &t.Phone, &t.Note, &t.By)
			t.At = clock.FromMicros(at)
			return t, err
		}, `select at, outcome, spoke, phone, note, by_id from warn_call_try where call_id = $1 order by id`, calls[i].ID)
		if err != nil {
			return nil, fmt.Errorf("read tries of call %d: %w", calls[i].ID, err)
		}
	}
	return calls, nil
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// NoteCall enters the outcome of a call by hand. Who was reached and what he said
// becomes an answer of strength "told by phone".
func (w *Warn) NoteCall(ctx context.Context, actor act.Actor, id, version int64, t CallTry, what What) error {
	if err := w.checkTry(&t, &what); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "warn.note_call", Subject: fmt.Sprintf("call:%d", id)}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		c, ok, err := sqldb.One(ctx, tx, scanCall, `select id, warning_id, org_id, state, opened_at, changed_at, version
			from warn_call where id = $1`, id)
		if err == nil && !ok {
			err = fault.New(fault.NotFound, "warn.call.none", nil)
		}
		if err != nil {
			return err
		}
		if c.State != CallOpen || c.Version != version {
			return fault.New(fault.Conflict, "warn.call.changed", nil)
		}
		next, err := tx.Next(ctx, "warn.call_try")
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into warn_call_try (id, call_id, at, outcome, spoke, phone, note, by_id)
			values ($1, $2, $3, $4, $5, $6, $7, $8)`, next, id, clock.Micros(t.At), t.Outcome, t.Spoke, t.Phone, t.Note, actor.ID); err != nil {
			return err
		}
		state := CallOpen
		if t.Outcome == "reached" {
			state = CallReached
			if err := w.answerOfCall(ctx, tx, actor, c, t, what); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `update warn_call set state = $1, tries = tries + 1, changed_at = $2, version = version + 1
			where id = $3`, string(state), clock.Micros(tx.Now()), id)
		tx.Fact(NoticesMoved{Notices: []int64{}, Warnings: []int64{c.Warning}})
		return err
	})
}

func (w *Warn) checkTry(t *CallTry, what *What) error {
	var bad []fault.Error
	if err := CheckTry(t, w.Acts.Clock().Now()); err != nil {
		bad = append(bad, fault.Of(err).Parts...)
	}
	if t.Outcome == "reached" {
		if *what == "" {
			*what = Acknowledge
		}
		if _, err := ParseWhat(string(*what)); err != nil {
			bad = append(bad, *fault.Of(err))
		}
	}
	return fault.Join("warn.answer.invalid", bad)
}

// CheckTry refuses the outcome of a call that cannot be, and dates it now when it has
// no time.
func CheckTry(t *CallTry, now time.Time) error {
	var bad []fault.Error
	if !slices.Contains(CallOutcomes(), t.Outcome) {
		bad = append(bad, *fault.OnField("outcome", "warn.call.outcome", nil))
	}
	t.Spoke, t.Note, t.Phone = strings.TrimSpace(t.Spoke), strings.TrimSpace(t.Note), strings.TrimSpace(t.Phone)
	if t.At.IsZero() {
		t.At = now
	}
	if t.At.After(now.Add(time.Minute)) {
		bad = append(bad, *fault.OnField("at", "warn.answer.future", nil))
	}
	if len(t.Note) > 4000 || len(t.Phone) > 100 || strings.ContainsRune(t.Note+t.Phone, 0) {
		bad = append(bad, *fault.OnField("note", "warn.answer.long", nil))
	}
	if t.Outcome == "reached" {
		if err := guard.CheckName("spoke", t.Spoke); err != nil {
			bad = append(bad, *fault.Of(err))
		}
	}
	return fault.Join("warn.answer.invalid", bad)
}

// answerOfCall records what was said on the phone as the answer to the last notice.
func (w *Warn) answerOfCall(ctx context.Context, tx *act.Tx, actor act.Actor, c Call, t CallTry, what What) error {
	n, ok, err := sqldb.One(ctx, tx, scanNotice, `select `+noticeColumns+` from warn_notice
		where warning_id = $1 and org_id = $2 order by step desc, id desc limit 1`, c.Warning, c.Org)
	if err != nil || !ok {
		return err
	}
	return w.RecordAnswer(ctx, actor, n.ID, Answer{What: what, Strength: ByPhone, By: t.Spoke, Reason: t.Note, At: t.At})
}
