package warn

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// counts subscribes the figures; the result delivers what happened since and reads.
func (d *desk) counts() func() Figures {
	d.Acts.Subscribe(d.FiguresSubscription())
	return func() Figures {
		d.t.Helper()
		if _, err := d.Acts.Deliver(d.t.Context(), "warn.figures"); err != nil {
			d.t.Fatal(err)
		}
		f, err := d.Figures(d.t.Context(), d.read)
		if err != nil {
			d.t.Fatal(err)
		}
		return f
	}
}

func TestTheFiguresCountEveryNoticeOnceAndItsFirstAnswer(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		figures := d.counts()
		n := d.told()
		f := figures()
		if f.All.Now != (Timing{Sent: 1}) || len(f.Sectors) != 1 || f.Sectors[0].Sector != "drinking-water" {
			t.Fatalf("after one notice: %+v", f)
		}
		d.wind(50 * time.Minute)
		for _, by := range []string{"Control room", "Chief engineer"} {
			if err := d.RecordAnswer(t.Context(), d.lead, n.ID, Answer{What: Acknowledge, Strength: ByPhone, By: by}); err != nil {
				t.Fatal(err)
			}
		}
		f = figures()
		want := Timing{Sent: 1, Answered: 1, Median: time.Hour}
		if f.All.Now != want || f.Sectors[0].Now != want {
			t.Errorf("got %+v, want %+v", f, want)
		}
		if diff := cmp.Diff([]StrengthCount{{ByPhone, 1, 0}}, f.Strengths); diff != "" {
			t.Error(diff)
		}
		if last := f.Weeks[len(f.Weeks)-1]; len(f.Weeks) != 12 || last.Sent != 1 || last.Answered != 1 {
			t.Errorf("weeks %+v", f.Weeks)
		}
		for name, c := range map[string]struct {
			f    TimingFilter
			want int64
		}{
			"all":            {TimingFilter{Sector: AllSectors}, 1},
			"of the sector":  {TimingFilter{Sector: "drinking-water", Answered: true}, 1},
			"of another":     {TimingFilter{Sector: "banking"}, 0},
			"by phone":       {TimingFilter{Sector: AllSectors, Strength: ByPhone, ByAnswer: true}, 1},
			"signed":         {TimingFilter{Sector: AllSectors, Strength: Signed}, 0},
			"within a time":  {TimingFilter{Sector: AllSectors, InTime: true, Asked: true}, 0},
			"behind the end": {TimingFilter{Sector: AllSectors, Before: 1, BeforeSent: 1}, 1},
		} {
			c.f.From, c.f.To = f.Quarter, f.Quarter.AddDate(0, 3, 0)
			list, total, err := d.Timed(t.Context(), d.read, c.f)
			if err != nil || total != c.want || c.f.Before == 0 && int64(len(list)) != c.want {
				t.Errorf("%s: got %d of %d, %v; want %d", name, len(list), total, err, c.want)
			}
		}
	})
}

func TestOfAWarningAnOrganisationCountsOnceAndABouncedNoticeNot(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		figures := d.counts()
		d.contacts()
		v := d.warnAll(SeverityFlash)
		n := d.waitFor("Aguas del Faro", Sent)
		ribera := d.waitFor("Ribera Waterworks", Sent)
		silence, err := d.FlashSilence(t.Context(), d.read)
		if err != nil || len(silence) != 1 || silence[0].Silent != 2 || silence[0].Warning != v.ID {
			t.Fatalf("silent: %+v, %v", silence, err)
		}
		if f := figures(); f.All.Now != (Timing{Sent: 2, Asked: 2}) {
			t.Fatalf("after the release: %+v", f.All)
		}
		d.arrives("From: MAILER-DAEMON@ribera.example\r\nTo: csirt@csirt.example\r\nSubject: failed\r\nMessage-ID: <b@ribera.example>\r\n" +
			"Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\nMIME-Version: 1.0\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nno\r\n" +
			"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; night@ribera.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" +
			"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <" + d.messageID(ribera) + ">\r\n\r\n--b--\r\n")
		if f := figures(); f.All.Now != (Timing{Sent: 1, Asked: 1}) {
			t.Errorf("after one came back: %+v", f.All)
		}
		d.wind(31 * time.Minute)
		if err := d.LookAround(t.Context()); err != nil {
			t.Fatal(err)
		}
		second := d.waitFor("Aguas del Faro", Sent)
		if second.ID == n.ID {
			t.Fatal("nobody else was asked")
		}
		at := d.Acts.Clock().Now()
		if err := d.RecordAnswer(t.Context(), d.lead, second.ID, Answer{What: Done, Strength: ByMail, By: "Chief", At: at}); err != nil {
			t.Fatal(err)
		}
		f := figures()
		if f.All.Now.Sent != 1 || f.All.Now.Answered != 1 || f.All.Now.InTime != 0 || f.All.Now.Median != 45*time.Minute {
			t.Errorf("after the second contact answered, late: %+v", f.All)
		}
	})
}

func TestTheOpenTextsAreWarningsThatHoldAndNoticesThatNobodyAnswered(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		n := d.told()
		d.warnAll(SeverityHigh)
		texts, err := d.OpenTexts(t.Context(), d.read, "fr")
		if err != nil || len(texts) != 2 || texts[0].Org != 0 || texts[0].Due.IsZero() == (texts[0].Lines == nil) && texts[0].Title == "" {
			t.Fatalf("got %+v, %v", texts, err)
		}
		if texts[1].Org != n.Org || texts[1].Total != 1 || len(texts[1].Lines) < 2 {
			t.Errorf("the notice is printed as %+v", texts[1])
		}
		if err := d.RecordAnswer(t.Context(), d.lead, n.ID, Answer{What: Done, Strength: ByPhone, By: "Control room"}); err != nil {
			t.Fatal(err)
		}
		if texts, err = d.OpenTexts(t.Context(), d.read, "en"); err != nil || len(texts) != 1 {
			t.Errorf("after the answer: %+v, %v", texts, err)
		}
	})
}

func TestQuartersAndWeeksBeginWhereTheyDoInUTC(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		from, to := QuarterOf(time.Date(2026, 2, 28, 23, 0, 0, 0, time.FixedZone("", -3600*3)))
		if got := fmt.Sprint(from.Format(time.DateOnly), to.Format(time.DateOnly)); got != "2026-01-012026-04-01" {
			t.Errorf("the quarter is %s", got)
		}
		for day, want := range map[string]string{"2026-11-16": "2026-11-16", "2026-11-22": "2026-11-16", "2026-11-23": "2026-11-23"} {
			at, _ := time.Parse(time.DateOnly, day)
			if got := WeekOf(at.Add(23 * time.Hour)).Format(time.DateOnly); got != want {
				t.Errorf("the week of %s begins %s, want %s", day, got, want)
			}
		}
		if n, err := d.CallsOpen(t.Context(), d.read); n != 0 || err != nil {
			t.Errorf("%d calls, %v", n, err)
		}
		if l, err := d.ReviewsDue(t.Context(), d.read); len(l) != 0 || err != nil {
			t.Errorf("%d reviews, %v", len(l), err)
		}
	})
}
