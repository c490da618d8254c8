package watch

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/tlp"
)

// sourceName is what a source may be called: it is also a folder's name.
var sourceName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// SourceSettings is what a person decides about a source.
type SourceSettings struct {
	Mode        Mode
	Marking     tlp.Marking
	Mapping     string // default SchemaShadowserver
	Rhythm      time.Duration
	Retention   int // days
	AbsentAfter int // default 1
	Exercise    bool
}

func (s SourceSettings) validate() error {
	var parts []fault.Error
	if _, err := ParseMode(string(s.Mode)); err != nil {
		parts = append(parts, *fault.Of(err))
	}
	if s.Rhythm < 0 || s.Rhythm > 366*24*time.Hour {
		parts = append(parts, *fault.OnField("rhythm", "watch.source.rhythm", nil))
	}
	if s.Retention < 0 {
		parts = append(parts, *fault.OnField("retention", "watch.source.retention", nil))
	}
	if s.AbsentAfter < 1 || s.AbsentAfter > 30 {
		parts = append(parts, *fault.OnField("absent_after", "watch.source.absent_after", nil))
	}
	return fault.Join("watch.source.invalid", parts)
}

// AddSource adds a feed. A second one of the same name is a Conflict.
func (w *Watch) AddSource(ctx context.Context, actor act.Actor, name string, s SourceSettings) (src Source, err error) {
	if s.Mapping == "" {
		s.Mapping = SchemaShadowserver
	}
	if s.AbsentAfter == 0 {
		s.AbsentAfter = 1
	}
	if !sourceName.MatchString(name) {
		return src, fault.OnField("name", "watch.source.name", fault.Args{"Value": fault.Clip(name)})
	}
	if err := s.validate(); err != nil {
		return src, err
	}
	if err := w.knownMapping(ctx, s.Mapping); err != nil {
		return src, err
	}
	call := act.Call{Actor: actor, Verb: "watch.add_source", Exercise: s.Exercise}
	err = w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if _, err := w.SourceNamed(ctx, tx, name); err == nil {
			return fault.New(fault.Conflict, "watch.source.exists", fault.Args{"Name": name})
		} else if fault.CodeOf(err) != fault.NotFound {
			return err
		}
		src = Source{
			Name: name, Mode: s.Mode, Marking: s.Marking, Mapping: s.Mapping, Rhythm: s.Rhythm, Retention: s.Retention,
			AbsentAfter: s.AbsentAfter, Exercise: s.Exercise, Version: 1, AddedAt: tx.Now(),
		}
		if src.ID, err = tx.Next(ctx, "watch.source"); err != nil {
			return err
		}
		tx.Subject(sourceSubject(src.ID))
		tx.Detail(sourceDetail{Name: name, Mode: s.Mode, Marking: markingText(s.Marking), Mapping: s.Mapping})
		_, err = tx.ExecContext(ctx, `insert into watch_source (`+sourceColumns+`)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, 0)`, src.ID, name, string(s.Mode), markingText(s.Marking),
			s.Mapping, int64(s.Rhythm/time.Second), s.Retention, s.AbsentAfter, s.Exercise, clock.Micros(tx.Now()))
		return err
	})
	return src, err
}

// knownMapping refuses a mapping that is not loaded. The schema of a feed may come
// later: without it a delivery is kept as of unknown kind.
func (w *Watch) knownMapping(ctx context.Context, name string) error {
	if name == SchemaShadowserver {
		return nil
	}
	_, ok, err := w.activeMapping(ctx, w.read, name)
	if err == nil && !ok {
		err = fault.OnField("mapping", "watch.mapping.unknown", fault.Args{"Name": fault.Clip(name)})
	}
	return err
}

type sourceDetail struct {
	Name    string `json:"name,omitempty"`
	Mode    Mode   `json:"mode,omitempty"`
	Marking string `json:"marking,omitempty"`
	Mapping string `json:"mapping,omitempty"`
}

func markingText(m tlp.Marking) string {
	if m == tlp.Unmarked {
		return ""
	}
	return m.String()
}

// ChangeSource edits a source; version is the one that the editor saw. The mode
// has its own verb.
func (w *Watch) ChangeSource(ctx context.Context, actor act.Actor, id, version int64, s SourceSettings) error {
	if err := s.validate(); err != nil {
		return err
	}
	if err := w.knownMapping(ctx, s.Mapping); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "watch.change_source", Subject: sourceSubject(id)}
	return w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		tx.Detail(sourceDetail{Marking: markingText(s.Marking), Mapping: s.Mapping})
		res, err := tx.ExecContext(ctx, `update watch_source set marking = $1, mapping = $2, rhythm = $3, retention = $4,
			absent_after = $5, version = version + 1 where id = $6 and version = $7`,
			markingText(s.Marking), s.Mapping, int64(s.Rhythm/time.Second), s.Retention, s.AbsentAfter, id, version)
		return oneRow(res, err)
	})
}

// oneRow turns an edit that met another's version into a Conflict.
func oneRow(res interface{ RowsAffected() (int64, error) }, err error) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = fault.New(fault.Conflict, "guard.changed_meanwhile", nil)
	}
	return err
}

// SetMode puts a source into another mode. Making it live does not release what
// was found before: that is AcceptPreview.
func (w *Watch) SetMode(ctx context.Context, actor act.Actor, id, version int64, m Mode, reason string) error {
	if _, err := ParseMode(string(m)); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "watch.set_mode", Subject: sourceSubject(id), Reason: reason}
	return w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		tx.Detail(sourceDetail{Mode: m})
		res, err := tx.ExecContext(ctx, `update watch_source set mode = $1, version = version + 1
			where id = $2 and version = $3`, string(m), id, version)
		return oneRow(res, err)
	})
}

// AcceptPreview releases what a source found in shadow or on hold, up to and with
// a delivery: exactly what its preview showed may now be told. A source on hold
// becomes live with it.
func (w *Watch) AcceptPreview(ctx context.Context, actor act.Actor, source, upTo int64, reason string) error {
	call := act.Call{Actor: actor, Verb: "watch.accept_preview", Subject: sourceSubject(source), Reason: reason}
	return w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		ids, err := sqldb.All(ctx, tx, sqldb.Int64, `select id from watch_delivery
			where source_id = $1 and act_order > 0 and released_at = 0 and id <= $2 order by id`, source, upTo)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return fault.New(fault.Conflict, "watch.preview.nothing", nil)
		}
		if _, err := tx.ExecContext(ctx, `update watch_delivery set released_at = $1
			where source_id = $2 and act_order > 0 and released_at = 0 and id <= $3`,
			clock.Micros(tx.Now()), source, upTo); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update watch_source set mode = 'live', version = version + 1
			where id = $1 and mode = 'hold'`, source); err != nil {
			return err
		}
		tx.Detail(struct {
			Deliveries int   `json:"deliveries"`
			UpTo       int64 `json:"up_to"`
		}{len(ids), upTo})
		tx.Fact(DeliveriesReleased{Source: source, Deliveries: ids})
		tx.AfterCommit(func() { w.held.drop(source) })
		return nil
	})
}

// holdAgain puts live sources that use a mapping on hold, because its new version
// may say something else than the one that was looked at.
func holdAgain(ctx context.Context, tx *act.Tx, mapping string) error {
	_, err := tx.ExecContext(ctx, `update watch_source set mode = 'hold', version = version + 1
		where mapping = $1 and mode = 'live'`, mapping)
	if err != nil {
		return fmt.Errorf("hold sources of mapping %s: %w", mapping, err)
	}
	return nil
}

var errUnknownKind = errors.New("no mapping knows this kind of report")

// SetAbsentAfter says for one kind of a source after how many later full scans
// without it a finding is no longer seen; 0 means as the source says.
func (w *Watch) SetAbsentAfter(ctx context.Context, actor act.Actor, stream int64, n int) error {
	if n < 0 || n > 30 {
		return fault.OnField("absent_after", "watch.source.absent_after", nil)
	}
	call := act.Call{Actor: actor, Verb: "watch.change_source", Subject: fmt.Sprintf("stream:%d", stream)}
	return w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		res, err := tx.ExecContext(ctx, `update watch_stream set absent_after = $1 where id = $2`, n, stream)
		if err != nil {
			return err
		}
		if changed, err := res.RowsAffected(); err != nil || changed == 0 {
			return errors.Join(err, fault.New(fault.NotFound, "watch.stream.none", nil))
		}
		tx.Detail(struct {
			AbsentAfter int `json:"absent_after"`
		}{n})
		tx.AfterCommit(func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			if s := w.streams[stream]; s != nil {
				s.AbsentAfter = n
			}
		})
		return nil
	})
}
