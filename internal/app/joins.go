package app

import (
	"cmp"
	"context"
	"time"

	"almenara.example/internal/constituency/constituencyweb"
	"almenara.example/internal/duty"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/warn"
)

// lookupRules lets an IntelMQ that asks whom to tell of an event be answered by the
// rules by which we tell ourselves.
type lookupRules struct{ warn *warn.Warn }

// OnLookup implements constituencyweb.Rules. The feed is the name of one of our
// sources, its code or the event's identifier the kind of report.
func (x lookupRules) OnLookup(ctx context.Context, org int64, asked constituencyweb.Asked) (suppress bool, every time.Duration, err error) {
	tell, every, err := x.warn.Interval(ctx, org, asked.Feed, cmp.Or(asked.FeedCode, asked.Identifier), asked.Taxonomy)
	return !tell, every, err
}

// nightTexts gives the pack for the night the warnings that hold and the notices that
// nobody has answered.
type nightTexts struct {
	warn     *warn.Warn
	words    *i18n.Catalogue
	language string
}

// OpenTexts implements duty.Texts.
func (x nightTexts) OpenTexts(ctx context.Context, r sqldb.Reader) ([]duty.Text, error) {
	open, err := x.warn.OpenTexts(ctx, r, x.language)
	if err != nil {
		return nil, err
	}
	p := x.words.Printer(x.language)
	out := make([]duty.Text, 0, len(open))
	for _, o := range open {
		t := duty.Text{Org: o.Org, Number: o.Number, Title: o.Title, At: o.At, Due: o.Due, Lines: o.Lines}
		if t.Title == "" {
			t.Title = p.Say("app.pack.notice", "Count", o.Total)
		}
		if o.Red {
			t.Lines = []string{p.Say("app.pack.red")}
		}
		out = append(out, t)
	}
	return out, nil
}
