package warn

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// Silence is a released FLASH that organisations have not answered.
type Silence struct {
	Warning    int64
	Title      string
	ReleasedAt time.Time
	Silent     int64 // organisations
}

// FlashSilence lists the FLASH warnings that somebody has not answered, oldest first.
func (w *Warn) FlashSilence(ctx context.Context, r sqldb.Reader) ([]Silence, error) {
	out, err := sqldb.All(ctx, r, func(row sqldb.Row) (s Silence, err error) {
		var at int64
		err = row.Scan(&s.Warning, &s.Title, &at, &s.Silent)
		s.ReleasedAt = clock.FromMicros(at)
		return s, err
	}, `select * from (select v.id, v.title, v.released_at, (select count(*) from
			(select n.org_id from warn_notice n where n.warning_id = v.id group by n.org_id having max(n.answered_at) = 0) q) silent
		from warn_warning v where v.state = $1 and v.severity = $2) x where silent > 0 order by released_at, id limit 20`,
		string(Released), string(SeverityFlash))
	if err != nil {
		return nil, fmt.Errorf("read unanswered FLASH warnings: %w", err)
	}
	return out, nil
}

// CallsOpen counts the organisations that somebody has to call.
func (w *Warn) CallsOpen(ctx context.Context, r sqldb.Reader) (int64, error) {
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from warn_call where state = $1`, string(CallOpen))
	if err != nil {
		err = fmt.Errorf("count calls: %w", err)
	}
	return n, err
}

// ReviewDue is a release by one person on call that nobody has reviewed.
type ReviewDue struct {
	Warning int64
	Title   string
	Due     time.Time
}

// ReviewsDue lists them, the one that is due first first.
func (w *Warn) ReviewsDue(ctx context.Context, r sqldb.Reader) ([]ReviewDue, error) {
	out, err := sqldb.All(ctx, r, func(row sqldb.Row) (d ReviewDue, err error) {
		var due int64
		err = row.Scan(&d.Warning, &d.Title, &due)
		d.Due = clock.FromMicros(due)
		return d, err
	}, `select id, title, review_due from warn_warning where state in ($1, $2) and review_due > 0 and review = ''
		order by review_due, id limit 100`, string(Released), string(Closed))
	if err != nil {
		return nil, fmt.Errorf("read reviews that are due: %w", err)
	}
	return out, nil
}

// OpenText is a warning that holds, or a notice that nobody has answered, in plain
// lines: what is printed for the night without network.
type OpenText struct {
	Org    int64 // 0 for a warning to many
	Number string
	Title  string // of a warning, with its severity
	Total  int    // of a notice: how many findings it tells
	Red    bool   // it is marked TLP:RED: its words are left out
	At     time.Time
	Due    time.Time // until when an answer is asked for, zero none
	Lines  []string
}

// The bounds of the open texts.
const (
	textsPerOrg   = 3
	openTexts     = 20_000
	linesPerText  = 14
	textsLookBack = 30 * 24 * time.Hour
)

// OpenTexts lists the warnings that hold and, of each organisation, the newest notices
// of the last thirty days that nobody has answered, in a language. Of what is marked
// TLP:RED only the number is said, and that it is to be read at the desk. Exercises
// are left out.
func (w *Warn) OpenTexts(ctx context.Context, r sqldb.Reader, language string) (out []OpenText, err error) {
	p := w.Catalogue.Printer(language)
	open, err := sqldb.All(ctx, r, scanWarning, `select `+warningColumns+` from warn_warning
		where state = $1 and not exercise order by released_at desc, id desc limit 50`, string(Released))
	if err != nil {
		return nil, fmt.Errorf("read open warnings: %w", err)
	}
	now := w.Acts.Clock().Now()
	for _, v := range open {
		if !v.Until.IsZero() && v.Until.Before(now) {
			continue
		}
		t := OpenText{Number: w.WarningNumber(v.ID), At: v.ReleasedAt}
		if v.AnswerWithin > 0 {
			t.Due = v.ReleasedAt.Add(v.AnswerWithin)
		}
		words, _ := v.text(language)
		t.Title = strings.ToUpper(p.T("warn.warning.severity."+string(v.Severity), nil)) + ": " + words.Title
		if t.Red = v.Marking == tlp.Red; t.Red {
			t.Title = strings.ToUpper(p.T("warn.warning.severity."+string(v.Severity), nil))
		} else {
			for _, s := range []string{words.What, words.Affected, words.Do} {
				t.Lines = append(t.Lines, linesOf(s)...)
			}
		}
		out = append(out, t)
	}
	notices, err := w.openNotices(ctx, r, language, now)
	return append(out, notices...), err
}

func linesOf(s string) (out []string) {
	for l := range strings.Lines(s) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}

func (w *Warn) openNotices(ctx context.Context, r sqldb.Reader, language string, now time.Time) (out []OpenText, err error) {
	ns, err := sqldb.All(ctx, r, scanNotice, `select `+noticeColumns+` from warn_notice
		where drafted_at > $1 and state = $2 and answered_at = 0 and format = 'text' and warning_id = 0 and not exercise
		order by drafted_at desc, id desc limit `+strconv.Itoa(openTexts), clock.Micros(now.Add(-textsLookBack)), string(Sent))
	if err != nil {
		return nil, fmt.Errorf("read unanswered notices: %w", err)
	}
	per := map[int64]int{}
	for _, n := range ns {
		if per[n.Org]++; per[n.Org] > textsPerOrg {
			continue
		}
		m, err := marking(n)
		if err != nil {
			return nil, err
		}
		t := OpenText{Org: n.Org, Number: w.Number(n.ID), Total: n.Total, Red: m == tlp.Red, At: n.SentAt}
		if !t.Red {
			if t.Lines, err = w.noticeLines(ctx, r, language, n); err != nil {
				return nil, err
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// noticeLines are the findings of a notice as its letter lists them, the gravest first.
func (w *Warn) noticeLines(ctx context.Context, r sqldb.Reader, language string, n Notice) ([]string, error) {
	l := &letter{w: w, r: r, n: n, p: w.Catalogue.Printer(language)}
	var fs []watch.Finding
	ids := n.Findings[:min(len(n.Findings), 200)]
	if err := w.eachFinding(ctx, r, ids, func(f watch.Finding) error { fs = append(fs, f); return nil }); err != nil {
		return nil, err
	}
	l.sections(fs)
	all := linesOf(l.b.String())
	if len(all) > linesPerText {
		rest := len(all) - linesPerText + 1
		all = append(all[:linesPerText-1], l.p.T("warn.mail.more", map[string]any{"Count": rest}))
	}
	return all, nil
}

// StoppedSince tells since when sending is stopped; ok is false when it is not.
func (w *Warn) StoppedSince(ctx context.Context, r sqldb.Reader) (since time.Time, ok bool, err error) {
	at, ok, err := sqldb.One(ctx, r, sqldb.Int64, `select at from warn_stop where id = 1`)
	if err != nil {
		err = fmt.Errorf("look at the stop button: %w", err)
	}
	return clock.FromMicros(at), ok, err
}
