package e2e

import (
	"strconv"
	"time"

	"almenara.example/internal/warn"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// warnings are the addresses of the pages about one warning and about one mail: a draft,
// one that one person released alone and nobody has reviewed, and a mail that waits.
func (s *stage) warnings() map[string]string {
	s.t.Helper()
	ctx, room := s.t.Context(), s.app.Warn()
	_, err := room.Compose(ctx, house.Lead(), warn.Warning{
		Severity: warn.SeverityHigh, Marking: tlp.Amber, AnswerWithin: time.Hour, Choice: warn.Choice{Sectors: []string{"drinking-water"}},
		Texts: map[string]warn.Text{"en": {Title: "Remote access is being abused", What: "Somebody signs in at night.", Do: "Close it."}},
	})
	s.check(err)
	all, err := room.WarningsList(ctx, s.read(), warn.WarningFilter{Limit: 100})
	s.check(err)
	var draft, alone, letter string
	for i := range all {
		u := "/warn/warnings/" + room.WarningNumber(all[i].ID)
		switch {
		case all[i].State == warn.Composed:
			draft = u
			list, _, err := room.Choose(ctx, s.read(), all[i])
			s.check(err)
			letter = u + "/letter?org=" + strconv.FormatInt(list[0].Org.ID, 10)
		case all[i].State == warn.Released && all[i].ReleasedHow == "on-call" && all[i].ReviewedAt.IsZero():
			alone = u
		}
	}
	mails, err := room.Mails(ctx, s.read(), warn.MailFilter{State: warn.MailWaits, Limit: 1})
	s.check(err)
	if draft == "" || alone == "" || len(mails) == 0 {
		s.t.Fatalf("the demo lacks a draft (%q), a warning that one person released (%q) or a mail that waits (%d)", draft, alone, len(mails))
	}
	return map[string]string{
		"/warn/warnings/{number}": alone, "/warn/warnings/{number}/edit": draft + "/edit", "/warn/warnings/{number}/list": draft + "/list",
		"/warn/warnings/{number}/letter": letter, "/warn/warnings/{number}/review": alone + "/review",
		"/warn/warnings/{number}/close": alone + "/close", "/warn/mail/{mail}": "/warn/mail/" + strconv.FormatInt(mails[0].ID, 10),
	}
}
