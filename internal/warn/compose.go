package warn

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// ReviewWithin is how soon a release by one person on call must be reviewed.
const ReviewWithin = 24 * time.Hour

// Compose keeps a new draft and returns it with its number.
func (w *Warn) Compose(ctx context.Context, actor act.Actor, v Warning) (Warning, error) {
	return w.write(ctx, actor, v, func(ctx context.Context, tx *act.Tx, v *Warning) (err error) {
		if v.ID, err = tx.Next(ctx, "warn.warning"); err != nil {
			return err
		}
		v.ComposedBy, v.ComposedAt, v.Version = actor.ID, tx.Now(), 1
		texts, choice, err := v.encode()
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `insert into warn_warning (`+warningColumns+`)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1, '', 0, '', '', 0, $15, 0, '', 0, '', '', 0)`,
			v.ID, string(Composed), string(v.Severity), v.Marking.String(), stamp(v.Until), int64(v.AnswerWithin/time.Minute),
			texts, v.Title, choice, v.Exercise, v.ComposedBy, clock.Micros(tx.Now()), actor.ID, clock.Micros(tx.Now()), []byte{})
		return err
	})
}

// Change puts other words, marking or choice into a draft; v.Version is the version
// that was looked at. Whoever changed it last is its author: a release needs another
// person.
func (w *Warn) Change(ctx context.Context, actor act.Actor, v Warning) (Warning, error) {
	return w.write(ctx, actor, v, func(ctx context.Context, tx *act.Tx, v *Warning) error {
		was, err := w.draftOf(ctx, tx, v.ID, v.Version)
		if err != nil {
			return err
		}
		v.Exercise, v.ComposedBy, v.ComposedAt, v.Version = was.Exercise, was.ComposedBy, was.ComposedAt, was.Version+1
		texts, choice, err := v.encode()
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update warn_warning set severity = $1, marking = $2, until_at = $3, answer_within = $4,
			texts = $5, title = $6, choice = $7, changed_by = $8, changed_at = $9, version = version + 1 where id = $10`,
			string(v.Severity), v.Marking.String(), stamp(v.Until), int64(v.AnswerWithin/time.Minute), texts, v.Title, choice,
			actor.ID, clock.Micros(tx.Now()), v.ID)
		return err
	})
}

// write checks a draft and keeps it by f.
func (w *Warn) write(ctx context.Context, actor act.Actor, v Warning, f func(context.Context, *act.Tx, *Warning) error) (Warning, error) {
	if v.Severity == SeverityFlash && v.AnswerWithin == 0 {
		v.AnswerWithin = 30 * time.Minute
	}
	if err := v.Validate(); err != nil {
		return v, err
	}
	if err := w.notOver(v); err != nil {
		return v, err
	}
	t, _ := v.text(w.Language)
	v.Title, v.State, v.ChangedBy = t.Title, Composed, actor.ID
	call := act.Call{Actor: actor, Verb: "warn.compose", Exercise: v.Exercise}
	err := w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if err := w.resolveNames(ctx, tx, &v.Choice); err != nil {
			return err
		}
		if err := f(ctx, tx, &v); err != nil {
			return err
		}
		v.ChangedAt = tx.Now()
		tx.Subject(warningSubject(v.ID))
		tx.Detail(struct {
			Severity Severity `json:"severity"`
			Marking  string   `json:"marking"`
			Choice   Choice   `json:"choice"`
		}{v.Severity, v.Marking.String(), v.Choice})
		tx.Fact(WarningChanged{Warning: v.ID, State: Composed, Severity: v.Severity})
		return nil
	})
	return v, err
}

// notOver refuses a warning whose time is up already.
func (w *Warn) notOver(v Warning) error {
	if !v.Until.IsZero() && !v.Until.After(w.Acts.Clock().Now()) {
		return fault.OnField("until", "warn.warning.over", nil)
	}
	return nil
}

func (w Warning) encode() (texts, choice string, err error) {
	t, err := json.Marshal(w.Texts)
	if err != nil {
		return "", "", fmt.Errorf("write texts: %w", err)
	}
	c, err := json.Marshal(w.Choice)
	if err != nil {
		return "", "", fmt.Errorf("write choice: %w", err)
	}
	return string(t), string(c), nil
}

// draftOf returns a draft of a version; Conflict when it is none any more.
func (w *Warn) draftOf(ctx context.Context, r sqldb.Reader, id, version int64) (Warning, error) {
	v, err := w.Warning(ctx, r, id)
	if err != nil {
		return v, err
	}
	if v.State != Composed {
		return v, fault.New(fault.Conflict, "warn.warning.not_draft", nil)
	}
	if version != v.Version {
		return v, fault.New(fault.Conflict, "warn.warning.changed", nil)
	}
	return v, nil
}

// Discard gives a draft up.
func (w *Warn) Discard(ctx context.Context, actor act.Actor, id, version int64) error {
	call := act.Call{Actor: actor, Verb: "warn.compose", Subject: warningSubject(id)}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		v, err := w.draftOf(ctx, tx, id, version)
		if err != nil {
			return err
		}
		markExercise(tx, v.Exercise)
		tx.Fact(WarningChanged{Warning: id, State: Discarded, Severity: v.Severity})
		_, err = tx.ExecContext(ctx, `update warn_warning set state = $1, version = version + 1, closed_at = $2 where id = $3`,
			string(Discarded), clock.Micros(tx.Now()), id)
		return err
	})
}

func markExercise(tx *act.Tx, exercise bool) {
	if exercise {
		tx.MarkExercise()
	}
}

// Release is somebody's word that a warning goes out.
type Release struct {
	Version int64
	Seen    string // fingerprint of the list that was looked at
	Reason  string
	OnCall  bool // one person alone; a review is due
}

// Release sends a warning on its way: a second person releases what another one wrote
// last; on call, one person may do both, says why, and a review is due.
func (w *Warn) Release(ctx context.Context, actor act.Actor, id int64, rel Release) error {
	rel.Reason = strings.TrimSpace(rel.Reason)
	if err := checkReason("reason", rel.Reason, false); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "warn.release_warning", Subject: warningSubject(id), Reason: rel.Reason, Purpose: "warn"}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		v, err := w.draftOf(ctx, tx, id, rel.Version)
		if err != nil {
			return err
		}
		markExercise(tx, v.Exercise)
		if err := w.notOver(v); err != nil {
			return err
		}
		how, err := howReleased(actor, v, rel)
		if err != nil {
			return err
		}
		list, seen, err := w.Choose(ctx, tx, v)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fault.New(fault.Conflict, "warn.warning.nobody", nil)
		}
		if seen != rel.Seen {
			return fault.New(fault.Conflict, "warn.warning.list_changed", nil)
		}
		orgs := make([]int64, len(list))
		for i, c := range list {
			orgs[i] = c.Org.ID
		}
		slices.Sort(orgs)
		raw, err := findingsBytes(orgs)
		if err != nil {
			return err
		}
		var due time.Time
		if how == OnCall {
			due = tx.Now().Add(ReviewWithin)
		}
		if _, err := tx.ExecContext(ctx, `update warn_warning set state = $1, version = version + 1, released_by = $2,
			released_at = $3, released_how = $4, reason = $5, act_order = $6, recipients = $7, review_due = $8 where id = $9`,
			string(Released), actor.ID, clock.Micros(tx.Now()), how, rel.Reason, tx.Order(), raw, stamp(due), id); err != nil {
			return err
		}
		tx.Detail(struct {
			How        string `json:"how"`
			Recipients int    `json:"recipients"`
			List       string `json:"list"`
		}{how, len(orgs), seen})
		tx.Fact(WarningChanged{Warning: id, State: Released, Severity: v.Severity})
		return tx.Enqueue(ctx, w.address.With(addressArgs{Warning: id}))
	})
}

// howReleased holds the rule of two persons.
func howReleased(actor act.Actor, v Warning, rel Release) (string, error) {
	if !rel.OnCall {
		if actor.Kind != act.Person || actor.ID == v.ChangedBy || actor.ID == v.ComposedBy {
			return "", fault.New(fault.Denied, "warn.warning.second_person", nil)
		}
		return BySecondPerson, nil
	}
	if text.Blank(rel.Reason) {
		return "", fault.OnField("reason", "warn.warning.on_call_reason", nil)
	}
	return OnCall, nil
}

// Review is another person's judgement of a release by one person on call.
func (w *Warn) Review(ctx context.Context, actor act.Actor, id int64, approve bool, note string) error {
	note = strings.TrimSpace(note)
	if err := checkReason("note", note, !approve); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "warn.review_release", Subject: warningSubject(id), Reason: note}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		v, err := w.Warning(ctx, tx, id)
		if err != nil {
			return err
		}
		if v.ReviewDue.IsZero() || v.Review != "" {
			return fault.New(fault.Conflict, "warn.warning.no_review", nil)
		}
		if actor.Kind != act.Person || actor.ID == v.ReleasedBy {
			return fault.New(fault.Denied, "warn.warning.own_review", nil)
		}
		markExercise(tx, v.Exercise)
		verdict := "approved"
		if !approve {
			verdict = "objected"
		}
		tx.Fact(WarningChanged{Warning: id, State: v.State, Severity: v.Severity})
		_, err = tx.ExecContext(ctx, `update warn_warning set review = $1, reviewed_by = $2, reviewed_at = $3, review_note = $4
			where id = $5`, verdict, actor.ID, clock.Micros(tx.Now()), note, id)
		return err
	})
}

// CloseWarning ends the asking: nobody is escalated to any more, answers still count.
func (w *Warn) CloseWarning(ctx context.Context, actor act.Actor, id int64, reason string) error {
	if err := checkReason("reason", reason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "warn.close_warning", Subject: warningSubject(id), Reason: reason}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		v, err := w.Warning(ctx, tx, id)
		if err != nil {
			return err
		}
		if v.State != Released {
			return fault.New(fault.Conflict, "warn.warning.not_released", nil)
		}
		markExercise(tx, v.Exercise)
		if _, err := tx.ExecContext(ctx, `update warn_call set state = 'given-up', changed_at = $1, version = version + 1
			where warning_id = $2 and state = 'open'`, clock.Micros(tx.Now()), id); err != nil {
			return err
		}
		tx.Fact(WarningChanged{Warning: id, State: Closed, Severity: v.Severity})
		_, err = tx.ExecContext(ctx, `update warn_warning set state = $1, closed_at = $2, version = version + 1 where id = $3`,
			string(Closed), clock.Micros(tx.Now()), id)
		return err
	})
}

// file is a warning as a TOML file says it.
type file struct {
	Severity     string          `toml:"severity"`
	Marking      string          `toml:"marking"`
	Until        string          `toml:"until"`
	AnswerWithin string          `toml:"answer_within"`
	Exercise     bool            `toml:"exercise"`
	Texts        map[string]Text `toml:"text"`
	Choice       struct {
		Choice
		Least string `toml:"severity"`
	} `toml:"to"`
}

// ReadFile reads a warning from a TOML file of at most a megabyte. Unknown keys are
// refused by name.
func ReadFile(r io.Reader) (v Warning, err error) {
	const most = 1 << 20
	raw, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return v, fmt.Errorf("read the warning: %w", err)
	}
	if len(raw) > most {
		return v, fault.New(fault.Invalid, "warn.warning.file_large", nil)
	}
	var f file
	meta, err := toml.Decode(string(raw), &f)
	if err != nil {
		return v, &fault.Error{Code: fault.Invalid, Key: "warn.warning.file", Args: fault.Args{"Why": fault.Clip(err.Error())}}
	}
	if extra := meta.Undecoded(); len(extra) > 0 {
		return v, &fault.Error{Code: fault.Invalid, Key: "warn.warning.file_key", Field: extra[0].String(), Args: fault.Args{"Key": extra[0].String()}}
	}
	v = Warning{Severity: Severity(strings.ToLower(f.Severity)), Texts: f.Texts, Choice: f.Choice.Choice, Exercise: f.Exercise}
	if v.Marking, err = tlp.Parse(f.Marking); err != nil {
		return v, fault.OnField("marking", "warn.warning.marking", nil)
	}
	if f.Until != "" {
		if v.Until, err = time.Parse(time.RFC3339, f.Until); err != nil {
			return v, fault.OnField("until", "warn.warning.until", nil)
		}
	}
	if v.AnswerWithin, err = time.ParseDuration(cmp.Or(f.AnswerWithin, "0s")); err != nil {
		return v, fault.OnField("answer_within", "warn.warning.answer_within", nil)
	}
	if f.Choice.Least != "" {
		if v.Choice.Severity, err = watch.ParseSeverity(f.Choice.Least); err != nil {
			return v, fault.OnField("to.severity", "warn.warning.severity", nil)
		}
	}
	return v, v.Validate()
}
