package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/tlp"
)

// LessonState is what became of the action of a lesson.
type LessonState string

// The states of lessons.
const (
	LessonOpen    LessonState = "open"
	LessonDone    LessonState = "done"
	LessonDropped LessonState = "dropped"
)

// Lesson is what was learned, and what is done about it. It is the desk's own; PeerText
// is what others may be told of it.
type Lesson struct {
	ID          int64
	Incident    int64
	Text        string
	Action      string
	Org         int64 // who owes the action, 0 nobody yet
	Due         time.Time
	State       LessonState
	Result      string
	PeerText    string
	PeerMarking tlp.Marking
	Exercise    bool
	AddedAt     time.Time
	AddedBy     string
	Version     int64
}

// Validate says what is missing or wrong.
func (l Lesson) Validate() error {
	var bad []fault.Error
	for _, err := range []error{
		checkText("text", l.Text, MaxReason, true), checkText("action", l.Action, MaxReason, false), checkText("peer_text", l.PeerText, MaxReason, false),
	} {
		if err != nil {
			bad = append(bad, *fault.Of(err))
		}
	}
	if l.PeerText != "" && !l.PeerMarking.AtMost(tlp.Amber) {
		bad = append(bad, *fault.OnField("peer_marking", "incident.lesson.peer_marking", nil))
	}
	return fault.Join("incident.lesson.invalid", bad)
}

const lessonColumns = `id, incident_id, text, action, org_id, due_at, state, result, peer_text, peer_marking, exercise, added_at, added_by, version`

func scanLesson(r sqldb.Row) (l Lesson, err error) {
	var due, added int64
	var marking string
	err = r.Scan(&l.ID, &l.Incident, &l.Text, &l.Action, &l.Org, &due, &l.State, &l.Result, &l.PeerText, &marking, &l.Exercise, &added, &l.AddedBy, &l.Version)
	if err != nil {
		return l, err
	}
	l.Due, l.AddedAt = clock.FromMicros(due), clock.FromMicros(added)
	if marking != "" {
		if l.PeerMarking, err = tlp.Parse(marking); err != nil {
			err = fmt.Errorf("marking of lesson %d: %w", l.ID, err)
		}
	}
	return l, err
}

// LessonFilter says which lessons to list; zero fields do not filter.
type LessonFilter struct {
	Incident int64
	State    LessonState
	Before   int64
	Peers    bool // those of which peers may be told something, real ones
	Limit    int
}

// Lessons lists the desk's lessons, newest first; nobody else has any.
func (in *Incidents) Lessons(ctx context.Context, r sqldb.Reader, v Viewer, f LessonFilter) ([]Lesson, error) {
	if !v.Desk() {
		return nil, nil
	}
	args, where := []any{}, []string{}
	add := func(condition string, arg any) {
		args = append(args, arg)
		where = append(where, fmt.Sprintf(condition, len(args)))
	}
	if f.Before == 0 {
		f.Before = 1 << 62
	}
	add("id < $%d", f.Before)
	if f.Incident != 0 {
		add("incident_id = $%d", f.Incident)
	}
	if f.State != "" {
		add("state = $%d", string(f.State))
	}
	if f.Peers {
		where = append(where, "peer_text <> ''")
		add("exercise = $%d", false)
	}
	if f.Limit <= 0 {
		f.Limit = 50
	}
	args = append(args, min(f.Limit, 1000))
	return sqldb.All(ctx, r, scanLesson, `select `+lessonColumns+` from incident_lesson where `+strings.Join(where, " and ")+
		fmt.Sprintf(" order by id desc limit $%d", len(args)), args...)
}

// AddLesson notes what was learned in an incident.
func (in *Incidents) AddLesson(ctx context.Context, actor act.Actor, incident int64, l Lesson) (Lesson, error) {
	l.Text, l.Action, l.PeerText = clean(l.Text), clean(l.Action), clean(l.PeerText)
	if err := l.Validate(); err != nil {
		return l, err
	}
	err := in.change(ctx, act.Call{Actor: actor, Verb: "incident.add_lesson"}, incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) (err error) {
		if l.ID, err = tx.Next(ctx, "incident.lesson"); err != nil {
			return err
		}
		l.Incident, l.State, l.Exercise, l.AddedAt, l.AddedBy, l.Version = incident, LessonOpen, i.Exercise, tx.Now(), actor.ID, 1
		tx.Detail(lessonDetail{l.ID, string(l.State)})
		_, err = tx.ExecContext(ctx, `insert into incident_lesson (`+lessonColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
			l.ID, l.Incident, l.Text, l.Action, l.Org, stamp(l.Due), string(l.State), "", l.PeerText, markingText(l), l.Exercise, stamp(l.AddedAt), l.AddedBy, l.Version)
		return err
	})
	return l, err
}

func markingText(l Lesson) string {
	if l.PeerText == "" {
		return ""
	}
	return l.PeerMarking.String()
}

// SetPeerWords says anew what peers may be told of a lesson; empty: nothing.
func (in *Incidents) SetPeerWords(ctx context.Context, actor act.Actor, id int64, text string, m tlp.Marking, version int64) error {
	return in.changeLesson(ctx, act.Call{Actor: actor, Verb: "incident.set_peer_words"}, id, version, func(l *Lesson) error {
		l.PeerText, l.PeerMarking = clean(text), m
		return l.Validate()
	})
}

type lessonDetail struct {
	Lesson int64  `json:"lesson"`
	State  string `json:"state"`
}

// SetLesson says what came of a lesson's action.
func (in *Incidents) SetLesson(ctx context.Context, actor act.Actor, id int64, to LessonState, result string, version int64) error {
	result = clean(result)
	if err := checkText("result", result, MaxReason, to != LessonOpen); err != nil {
		return err
	}
	if !slices.Contains([]LessonState{LessonOpen, LessonDone, LessonDropped}, to) {
		return fault.OnField("state", "incident.lesson.state", nil)
	}
	return in.changeLesson(ctx, act.Call{Actor: actor, Verb: "incident.set_lesson", Reason: result}, id, version, func(l *Lesson) error {
		l.State, l.Result = to, result
		return nil
	})
}

// changeLesson is the frame of what changes a lesson.
func (in *Incidents) changeLesson(ctx context.Context, call act.Call, id, version int64, f func(*Lesson) error) error {
	l, ok, err := sqldb.One(ctx, in.read, scanLesson, `select `+lessonColumns+` from incident_lesson where id = $1`, id)
	if err != nil || !ok || !ViewerOf(call.Actor).Desk() {
		return orElse(err, notFound())
	}
	if err := f(&l); err != nil {
		return err
	}
	return in.change(ctx, call, l.Incident, "", func(ctx context.Context, tx *act.Tx, _ *Incident) error {
		tx.Detail(lessonDetail{id, string(l.State)})
		res, err := tx.ExecContext(ctx, `update incident_lesson set state = $1, result = $2, peer_text = $3, peer_marking = $4, version = version + 1
			where id = $5 and version = $6`, string(l.State), l.Result, l.PeerText, markingText(l), id, version)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return orElse(err, changedMeanwhile())
		}
		return nil
	})
}
