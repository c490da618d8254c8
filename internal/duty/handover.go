package duty

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
)

// Handover is a note from one shift to the next.
type Handover struct {
	ID        int64
	Shift     int64 // 0 when it was written outside any shift
	WrittenBy string
	Author    string // the name of who wrote it, empty when it was no person
	WrittenAt time.Time
	Text      string
	TakenBy   string // empty while nobody took over
	Taker     string // the name of who took over
	TakenAt   time.Time
}

// Open tells whether nobody has taken over yet.
func (h *Handover) Open() bool { return h.TakenBy == "" }

// maxText bounds a note, in characters.
const maxText = 20_000

const handoverColumns = `h.id, h.shift_id, h.written_by, h.written_at, h.body, h.taken_by, h.taken_at`

func scanHandover(r sqldb.Row) (h Handover, err error) {
	var written, taken int64
	err = r.Scan(&h.ID, &h.Shift, &h.WrittenBy, &written, &h.Text, &h.TakenBy, &taken)
	h.WrittenAt, h.TakenAt = clock.FromMicros(written), clock.FromMicros(taken)
	return h, err
}

// HandoverFilter says which notes to list; zero fields do not filter.
type HandoverFilter struct {
	Open   bool
	Text   string // somewhere in the note, whatever the case and the accents
	Before int64  // keyset: ids below it
	Limit  int    // default 50
}

// searched bounds how many notes one search looks through.
const searched = 20_000

// Handovers lists notes, the newest first.
func (d *Duty) Handovers(ctx context.Context, r sqldb.Reader, f HandoverFilter) (out []Handover, err error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	if f.Before == 0 {
		f.Before = 1 << 62
	}
	read := f.Limit
	text := constituency.Fold(strings.TrimSpace(f.Text))
	if text != "" {
		read = searched
	}
	err = sqldb.Each(ctx, r, func(row sqldb.Row) error {
		h, err := scanHandover(row)
		if err == nil && len(out) < f.Limit && (text == "" || strings.Contains(constituency.Fold(h.Text), text)) {
			out = append(out, h)
		}
		return err
	}, `select `+handoverColumns+` from duty_handover h
		where h.id < $1 and ($2 = false or h.taken_at = 0) order by h.id desc limit $3`, f.Before, f.Open, read)
	if err != nil {
		return nil, err
	}
	return out, d.nameHandovers(ctx, r, out)
}

// Handover returns one note; NotFound when there is none.
func (d *Duty) Handover(ctx context.Context, r sqldb.Reader, id int64) (Handover, error) {
	h, ok, err := sqldb.One(ctx, r, scanHandover, `select `+handoverColumns+` from duty_handover h where h.id = $1`, id)
	if err != nil {
		return h, err
	}
	if !ok {
		return h, fault.New(fault.NotFound, "duty.handover.none", nil)
	}
	named := []Handover{h}
	err = d.nameHandovers(ctx, r, named)
	return named[0], err
}

// nameHandovers puts the names of authors and takers into notes.
func (d *Duty) nameHandovers(ctx context.Context, r sqldb.Reader, hs []Handover) error {
	names := map[string]string{}
	name := func(actor string) (string, error) {
		id := personOf(actor)
		if n, known := names[actor]; known || id == 0 {
			return n, nil
		}
		p, err := d.Guard.Person(ctx, r, id)
		if fault.CodeOf(err) == fault.NotFound {
			err = nil
		}
		names[actor] = p.Name
		return p.Name, err
	}
	for i := range hs {
		var err error
		if hs[i].Author, err = name(hs[i].WrittenBy); err != nil {
			return err
		}
		if hs[i].Taker, err = name(hs[i].TakenBy); err != nil {
			return err
		}
	}
	return nil
}

// CountOpen counts the notes that nobody has taken over.
func (d *Duty) CountOpen(ctx context.Context, r sqldb.Reader) (int64, error) {
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from duty_handover where taken_at = 0`)
	return n, err
}

// WriteHandover writes a note for the next shift. It belongs to the author's own shift
// that runs or ended within the last twelve hours, else to the duty officer's. The
// verb is duty.write_handover.
func (d *Duty) WriteHandover(ctx context.Context, actor act.Actor, text string) (h Handover, err error) {
	text = strings.TrimSpace(clean(text))
	switch {
	case text == "":
		return h, fault.OnField("text", "duty.handover.empty", nil)
	case utf8.RuneCountInString(text) > maxText:
		return h, fault.OnField("text", "duty.text.long", fault.Args{"Max": maxText})
	}
	call := act.Call{Actor: actor, Verb: "duty.write_handover"}
	err = d.do(ctx, call, "write", func(ctx context.Context, tx *act.Tx) (int, error) {
		h = Handover{WrittenBy: actor.ID, WrittenAt: tx.Now(), Text: text}
		if h.Shift, err = d.shiftOf(ctx, tx, personOf(actor.ID), tx.Now()); err != nil {
			return 0, err
		}
		if h.ID, err = tx.Next(ctx, "duty.handover"); err != nil {
			return 0, err
		}
		tx.Subject(handoverSubject(h.ID))
		_, err := tx.ExecContext(ctx, `insert into duty_handover (id, shift_id, written_by, written_at, body, taken_by, taken_at)
			values ($1, $2, $3, $4, $5, '', 0)`, h.ID, h.Shift, h.WrittenBy, clock.Micros(h.WrittenAt), h.Text)
		return 1, err
	})
	return h, err
}

// shiftOf is the shift to which what somebody writes at a time belongs.
func (d *Duty) shiftOf(ctx context.Context, r sqldb.Reader, person int64, at time.Time) (int64, error) {
	shifts, err := d.Roster(ctx, r, at.Add(-12*time.Hour), at.Add(time.Second))
	own, officer := int64(0), int64(0)
	for _, s := range shifts { // the last to begin wins
		if s.Person == person {
			own = s.ID
		}
		if s.Role == Officer && s.At(at) {
			officer = s.ID
		}
	}
	if own == 0 {
		own = officer
	}
	return own, err
}

// TakeOver signs a note: its reader has read it and is on duty now. Nobody takes over
// the own note. The verb is duty.take_over.
func (d *Duty) TakeOver(ctx context.Context, actor act.Actor, id int64) (h Handover, err error) {
	call := act.Call{Actor: actor, Verb: "duty.take_over", Subject: handoverSubject(id)}
	err = d.do(ctx, call, "take-over", func(ctx context.Context, tx *act.Tx) (int, error) {
		was, err := d.Handover(ctx, tx, id)
		switch {
		case err != nil:
			return 0, err
		case !was.Open():
			return 0, fault.New(fault.Conflict, "duty.handover.taken", nil)
		case was.WrittenBy == actor.ID:
			return 0, fault.New(fault.Conflict, "duty.handover.own", nil)
		}
		if _, err := tx.ExecContext(ctx, `update duty_handover set taken_by = $1, taken_at = $2 where id = $3`,
			actor.ID, clock.Micros(tx.Now()), id); err != nil {
			return 0, err
		}
		h, err = d.Handover(ctx, tx, id)
		return 1, err
	})
	return h, err
}

// clean takes out what no note needs: bytes that are no text, control characters but
// line breaks and tabs, and all of it when there is nothing to be seen.
func clean(s string) string {
	if text.Blank(s) {
		return ""
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}
