package app

import (
	"context"

	"almenara.example/internal/act"
	"almenara.example/internal/desk"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/ledger"
	"almenara.example/internal/outbound"
	"almenara.example/internal/warn"
)

// permissionOfNotices is what one needs to see notices and the work that failed.
const permissionOfNotices = "warn.read"

// warnings brings warn's part of the board and of the search to the desk, to whom
// may read it. It stands here because neither room knows the other.
type warnings struct {
	warn      *warn.Warn
	acts      *act.Acts
	receiving *outbound.Receiving
	clock     clock.Clock
}

// warningURL is where a warning's page is, before its number.
const warningURL = "/warn/warnings/"

func (x warnings) open(ctx context.Context, asker act.Actor) bool {
	return x.acts.May(ctx, act.Call{Actor: asker, Verb: permissionOfNotices})
}

// NeedsOf says what waits for a person: who has not answered a FLASH, whom to call,
// reviews, mail, notices that did not arrive, and whether anything leaves at all.
func (x warnings) NeedsOf(ctx context.Context, r sqldb.Reader, asker act.Actor) (needs []desk.Need, err error) {
	if !x.open(ctx, asker) {
		return nil, nil
	}
	for _, part := range []func(context.Context, sqldb.Reader) ([]desk.Need, error){x.urgent, x.sending, x.notices} {
		some, err := part(ctx, r)
		if err != nil {
			return nil, err
		}
		needs = append(needs, some...)
	}
	return needs, nil
}

// urgent is what a warning to many leaves to do.
func (x warnings) urgent(ctx context.Context, r sqldb.Reader) (needs []desk.Need, err error) {
	silent, err := x.warn.FlashSilence(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, s := range silent {
		number := x.warn.WarningNumber(s.Warning)
		needs = append(needs, desk.Need{
			Key: "desk.need.flash", Note: "desk.need.flash.do", Args: map[string]any{"Number": number}, N: s.Silent, Since: s.ReleasedAt,
			URL: warningURL + number, Icon: "danger", Consequence: desk.Unheard,
		})
	}
	calls, err := x.warn.CallsOpen(ctx, r)
	if err != nil {
		return nil, err
	}
	needs = append(needs, desk.Need{
		Key: "desk.need.calls", Note: "desk.need.calls.do", N: calls, URL: "/warn/calls", Icon: "phone", Consequence: desk.Unheard,
	})
	reviews, err := x.warn.ReviewsDue(ctx, r)
	if err != nil || len(reviews) == 0 {
		return needs, err
	}
	n := desk.Need{
		Key: "desk.need.review", Note: "desk.need.review.do", N: int64(len(reviews)), Due: reviews[0].Due,
		URL: "/warn/warnings", Icon: "eye", Consequence: desk.Untold,
	}
	if len(reviews) == 1 {
		n.URL = warningURL + x.warn.WarningNumber(reviews[0].Warning)
	}
	if !reviews[0].Due.After(x.clock.Now()) {
		n.Note, n.Consequence = "desk.need.review.overdue", desk.Blind
	}
	return append(needs, n), nil
}

// sending is why nothing leaves or comes in.
func (x warnings) sending(ctx context.Context, r sqldb.Reader) (needs []desk.Need, err error) {
	held, waits, err := ledger.Held(ctx, r)
	if err != nil {
		return nil, err
	}
	stoppedAt, stopped, err := x.warn.StoppedSince(ctx, r)
	if err != nil {
		return nil, err
	}
	switch {
	case waits:
		needs = append(needs, desk.Need{
			Key: "desk.need.restored", Note: "desk.need.restored.do", N: 1, Since: clock.FromMicros(held.RestoredAt),
			URL: restoredURL, Icon: "danger", Consequence: desk.Blind,
		})
	case stopped:
		needs = append(needs, desk.Need{
			Key: "desk.need.stopped", Note: "desk.need.stopped.do", N: 1, Since: stoppedAt, URL: "/warn/notices",
			Icon: "danger", Consequence: desk.Untold,
		})
	}
	if since, _ := x.warn.Outbound.LineDown(); !since.IsZero() {
		needs = append(needs, desk.Need{
			Key: "desk.need.line", Note: "desk.need.line.do", N: 1, Since: since, URL: "/warn/notices?state=drafted",
			Icon: "mail", Consequence: desk.Untold,
		})
	}
	for _, m := range x.receiving.Status() {
		if m.Trouble != "" {
			needs = append(needs, desk.Need{
				Key: "desk.need.mailbox", Note: "desk.need.mailbox.do", Args: map[string]any{"Name": m.Name}, N: 1, Since: m.Since,
				URL: "/warn/mail", Icon: "mail", Consequence: desk.Blind,
			})
		}
	}
	return needs, nil
}

// notices are those that did not arrive, and the mail that somebody has to read.
func (x warnings) notices(ctx context.Context, r sqldb.Reader) (needs []desk.Need, err error) {
	mails, err := x.warn.MailsWaiting(ctx, r)
	if err != nil {
		return nil, err
	}
	needs = append(needs, desk.Need{
		Key: "desk.need.mail", Note: "desk.need.mail.do", N: mails, URL: "/warn/mail", Icon: "mail", Consequence: desk.Untold,
	})
	asked, err := x.warn.CountOpenAnswers(ctx, r)
	if err != nil {
		return nil, err
	}
	needs = append(needs, desk.Need{
		Key: "desk.need.asked", Note: "desk.need.asked.do", N: asked, URL: "/warn/answers", Icon: "question", Consequence: desk.Untold,
	})
	waiting, err := x.warn.Waiting(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, s := range []warn.State{warn.Unknown, warn.Refused, warn.Bounced, warn.NoContact, warn.Withheld} {
		key := "desk.need.notice." + string(s)
		needs = append(needs, desk.Need{
			Key: key, Note: key + ".do", N: waiting[s], URL: "/warn/notices?state=" + string(s), Icon: "mail", Consequence: desk.Untold,
		})
	}
	return needs, nil
}

// Find answers the number of a notice with the notice.
func (x warnings) Find(ctx context.Context, r sqldb.Reader, asker act.Actor, q desk.Question) ([]desk.Group, error) {
	if q.Number == "" || !x.open(ctx, asker) {
		return nil, nil
	}
	n, err := x.warn.NoticeNumbered(ctx, r, q.Number)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	number := x.warn.Number(n.ID)
	return []desk.Group{{Key: "desk.search.notices", Hits: []desk.Hit{{
		Title: number, State: "warn.state." + string(n.State), URL: "/warn/notices/" + number, Direct: true,
	}}}}, nil
}
