package warn

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/text/language"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// WarningState is how far a warning to many has come.
type WarningState string

// The states of warnings.
const (
	Composed  WarningState = "draft"
	Released  WarningState = "released"
	Closed    WarningState = "closed"    // nobody is asked any more
	Discarded WarningState = "discarded" // never released
)

// Severity is how urgent a warning is. FLASH overtakes everything, is never
// throttled, and does not put up with silence.
type Severity string

// The severities, most urgent first.
const (
	SeverityFlash  Severity = "flash"
	SeverityHigh   Severity = "high"
	SeverityMedium Severity = "medium"
	SeverityLow    Severity = "low"
)

// Severities lists them, most urgent first.
func Severities() []Severity {
	return []Severity{SeverityFlash, SeverityHigh, SeverityMedium, SeverityLow}
}

// lane is the place of a severity in the spool.
func (s Severity) lane() Priority {
	switch s {
	case SeverityFlash:
		return Flash
	case SeverityHigh:
		return Urgent
	}
	return Usual
}

// Text is a warning in one language.
type Text struct {
	Title    string `json:"title" toml:"title"`
	What     string `json:"what" toml:"what"`         // what happens
	Affected string `json:"affected" toml:"affected"` // who is concerned
	Do       string `json:"do" toml:"do"`             // what to do
}

// Warning is one text to many organisations about a threat or an incident.
type Warning struct {
	ID           int64
	State        WarningState
	Severity     Severity
	Marking      tlp.Marking
	Until        time.Time     // zero: until further notice
	AnswerWithin time.Duration // until silence counts; 0: no answer is asked for
	Texts        map[string]Text
	Title        string // for lists
	Choice       Choice
	Exercise     bool

	ComposedBy string
	ComposedAt time.Time
	ChangedBy  string
	ChangedAt  time.Time
	Version    int64

	ReleasedBy  string
	ReleasedAt  time.Time
	ReleasedHow string // second-person | on-call
	Reason      string
	Order       int64 // of the act of release
	Recipients  []int64

	ReviewDue  time.Time // zero: none is due
	ReviewedBy string
	ReviewedAt time.Time
	Review     string // approved | objected
	ReviewNote string
	ClosedAt   time.Time
}

// The ways to release.
const (
	BySecondPerson = "second-person"
	OnCall         = "on-call"
)

// text is the warning in a language, or in the nearest that there is: the base
// language, English, any.
func (w Warning) text(language string) (Text, string) {
	base, _, _ := strings.Cut(language, "-")
	for _, l := range []string{language, base, "en"} {
		if t, ok := w.Texts[l]; ok {
			return t, l
		}
	}
	for _, l := range w.Languages() {
		return w.Texts[l], l
	}
	return Text{}, ""
}

// Text returns the warning in the reader's language, or the nearest there is, and
// which that is.
func (w Warning) Text(language string) (Text, string) { return w.text(language) }

// Languages lists the languages of a warning in a fixed order.
func (w Warning) Languages() []string {
	var out []string
	for l := range w.Texts {
		out = append(out, l)
	}
	slices.Sort(out)
	return out
}

// The bounds of a warning's texts, in characters.
const (
	maxTitle     = 150
	maxWords     = 8000
	maxLanguages = 12
)

// Validate says what is missing or wrong, field by field.
func (w Warning) Validate() error {
	var bad []fault.Error
	add := func(field, key string) { bad = append(bad, *fault.OnField(field, key, nil)) }
	if !slices.Contains(Severities(), w.Severity) {
		add("severity", "warn.warning.severity")
	}
	if !w.Marking.Marked() || !w.Marking.Valid() || w.Marking == tlp.Red {
		add("marking", "warn.warning.marking")
	}
	if w.AnswerWithin < 0 || w.AnswerWithin > 31*24*time.Hour || w.Severity == SeverityFlash && w.AnswerWithin == 0 {
		add("answer_within", "warn.warning.answer_within")
	}
	if len(w.Texts) == 0 || len(w.Texts) > maxLanguages {
		add("texts", "warn.warning.no_text")
	}
	for _, l := range w.Languages() {
		t := w.Texts[l]
		field := func(name string) string { return "texts." + l + "." + name }
		if !languageTag(l) {
			add(field("title"), "warn.warning.language")
		}
		if text.Blank(t.Title) || utf8.RuneCountInString(t.Title) > maxTitle || !text.OneLine(t.Title) {
			add(field("title"), "warn.warning.title")
		}
		if text.Blank(t.What) {
			add(field("what"), "warn.warning.what")
		}
		if text.Blank(t.Do) {
			add(field("do"), "warn.warning.do")
		}
		for name, v := range map[string]string{"title": t.Title, "what": t.What, "affected": t.Affected, "do": t.Do} {
			if utf8.RuneCountInString(v) > maxWords || !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
				add(field(name), "warn.warning.long")
			}
		}
	}
	return fault.Join("warn.warning.invalid", bad)
}

// languageTag tells whether s names a language that exists (RFC 5646), such as "en" or
// "pt-BR".
func languageTag(s string) bool {
	_, err := language.Parse(s)
	return err == nil && len(s) <= 16
}

const warningColumns = `id, state, severity, marking, until_at, answer_within, texts, title, choice, exercise, composed_by,
	composed_at, changed_by, changed_at, version, released_by, released_at, released_how, reason, act_order, recipients,
	review_due, reviewed_by, reviewed_at, review, review_note, closed_at`

func scanWarning(r sqldb.Row) (w Warning, err error) {
	var marking, texts, choice string
	var until, within, composed, changed, released, due, reviewed, closed int64
	var recipients []byte
	err = r.Scan(&w.ID, &w.State, &w.Severity, &marking, &until, &within, &texts, &w.Title, &choice, &w.Exercise,
		&w.ComposedBy, &composed, &w.ChangedBy, &changed, &w.Version, &w.ReleasedBy, &released, &w.ReleasedHow, &w.Reason,
		&w.Order, &recipients, &due, &w.ReviewedBy, &reviewed, &w.Review, &w.ReviewNote, &closed)
	if err != nil {
		return w, err
	}
	w.AnswerWithin = time.Duration(within) * time.Minute
	w.Until, w.ComposedAt, w.ChangedAt = clock.FromMicros(until), clock.FromMicros(composed), clock.FromMicros(changed)
	w.ReleasedAt, w.ReviewDue = clock.FromMicros(released), clock.FromMicros(due)
	w.ReviewedAt, w.ClosedAt = clock.FromMicros(reviewed), clock.FromMicros(closed)
	if w.Marking, err = tlp.Parse(marking); err != nil {
		return w, fmt.Errorf("marking of warning %d: %w", w.ID, err)
	}
	if err := json.Unmarshal([]byte(texts), &w.Texts); err != nil {
		return w, fmt.Errorf("texts of warning %d: %w", w.ID, err)
	}
	if err := json.Unmarshal([]byte(choice), &w.Choice); err != nil {
		return w, fmt.Errorf("choice of warning %d: %w", w.ID, err)
	}
	if len(recipients) == 0 {
		return w, nil
	}
	b := roaring.New()
	if err := b.UnmarshalBinary(recipients); err != nil {
		return w, fmt.Errorf("recipients of warning %d: %w", w.ID, err)
	}
	w.Recipients = make([]int64, 0, b.GetCardinality())
	for it := b.Iterator(); it.HasNext(); {
		w.Recipients = append(w.Recipients, int64(it.Next()))
	}
	return w, nil
}

func readWarning(ctx context.Context, r sqldb.Reader, id int64) (Warning, error) {
	v, ok, err := sqldb.One(ctx, r, scanWarning, `select `+warningColumns+` from warn_warning where id = $1`, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "warn.warning.none", nil)
	}
	return v, err
}

// WarningNumbered returns the warning of a number.
func (w *Warn) WarningNumbered(ctx context.Context, r sqldb.Reader, number string) (Warning, error) {
	id, err := w.Warnings.Parse(number)
	if err != nil {
		return Warning{}, fault.New(fault.NotFound, "warn.warning.none", nil)
	}
	return w.Warning(ctx, r, int64(id))
}

// WarningFilter says which warnings to list; zero fields do not filter.
type WarningFilter struct {
	State  WarningState
	Before int64
	Limit  int // default 50
}

// WarningsList lists warnings, newest first.
func (w *Warn) WarningsList(ctx context.Context, r sqldb.Reader, f WarningFilter) ([]Warning, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	if f.Before == 0 {
		f.Before = 1 << 62
	}
	if f.State == "" {
		return sqldb.All(ctx, r, scanWarning, `select `+warningColumns+` from warn_warning where id < $1 order by id desc limit $2`,
			f.Before, min(f.Limit, 1000))
	}
	return sqldb.All(ctx, r, scanWarning, `select `+warningColumns+` from warn_warning where state = $1 and id < $2
		order by id desc limit $3`, string(f.State), f.Before, min(f.Limit, 1000))
}

// stamp writes a time for the database, none as 0.
func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return clock.Micros(t)
}

// ownOrg is the desk's own organisation.
const ownOrg = guard.OwnOrg
