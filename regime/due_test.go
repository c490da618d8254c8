package regime_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/regime"
)

const stamp = "2006-01-02T15:04:05-07:00"

func at(t testing.TB, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// anchored is what is known when one event is.
func anchored(t testing.TB, event, when string) regime.Anchors {
	return regime.Anchors{At: map[regime.Event]time.Time{regime.Event(event): at(t, when)}}
}

func holidays(t testing.TB, text string) regime.Holidays {
	t.Helper()
	h, err := regime.ParseHolidays(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Holidays of 2026: Easter is on 5 April.
const free2026 = `2026-01-01 New Year's Day
2026-01-06 Epiphany
2026-04-03 Good Friday
2026-04-06 Easter Monday
2026-05-01 Labour Day
2026-12-25 Christmas Day
2026-12-26 Second Day of Christmas
2027-01-01 New Year's Day
`

func TestTheClockTable(t *testing.T) {
	regimes := shipped(t)
	cal := func(name string) regime.Calendar {
		return regime.Calendar{Zone: zone(t, name), Holidays: holidays(t, free2026)}
	}
	for _, c := range []struct {
		name, regime, stage, event, at, zone string
		strict, lawful                       string
	}{
		// Periods in hours: Regulation 1182/71 art. 3(1), first subparagraph, and 3(2)(a).
		{"the hour of the event is not counted", "nis2", "early-warning", "awareness", "2026-03-10T10:20:00+01:00", "Europe/Madrid", "2026-03-11T10:20:00+01:00", "2026-03-11T11:00:00+01:00"},
		{"an event on the hour belongs to the hour that begins", "nis2", "early-warning", "awareness", "2026-03-10T10:00:00+01:00", "Europe/Madrid", "2026-03-11T10:00:00+01:00", "2026-03-11T11:00:00+01:00"},
		{"a second before the hour", "nis2", "early-warning", "awareness", "2026-03-10T10:59:59+01:00", "Europe/Madrid", "2026-03-11T10:59:59+01:00", "2026-03-11T11:00:00+01:00"},
		{"an anchor in UTC is read in the legal time", "nis2", "notification", "awareness", "2026-03-10T09:20:00Z", "Europe/Madrid", "2026-03-13T10:20:00+01:00", "2026-03-13T11:00:00+01:00"},
		{"a zone with half an hour has its own hours", "nis2", "early-warning", "awareness", "2026-03-10T10:20:00Z", "Asia/Kolkata", "2026-03-11T15:50:00+05:30", "2026-03-11T16:00:00+05:30"},
		{"an end in hours on a Sunday stands (art. 3(4))", "nis2", "notification", "awareness", "2026-03-12T10:20:00+01:00", "Europe/Madrid", "2026-03-15T10:20:00+01:00", "2026-03-15T11:00:00+01:00"},
		{"an end in hours on a holiday stands", "nis2", "early-warning", "awareness", "2026-12-24T23:30:00+01:00", "Europe/Paris", "2026-12-25T23:30:00+01:00", "2026-12-26T00:00:00+01:00"},
		{"hours over Easter are not lengthened", "gdpr", "notification", "awareness", "2026-04-03T10:20:00+02:00", "Europe/Berlin", "2026-04-06T10:20:00+02:00", "2026-04-06T11:00:00+02:00"},

		// Daylight saving: hours elapse. 29 March 2026 has 23 of them in the Union, 25 October 25.
		{"24 hours over the lost hour", "nis2", "early-warning", "awareness", "2026-03-28T10:20:00+01:00", "Europe/Madrid", "2026-03-29T11:20:00+02:00", "2026-03-29T12:00:00+02:00"},
		{"24 hours over the hour that comes twice", "nis2", "early-warning", "awareness", "2026-10-24T10:20:00+02:00", "Europe/Madrid", "2026-10-25T09:20:00+01:00", "2026-10-25T10:00:00+01:00"},
		{"72 hours over the lost hour in Helsinki", "nis2", "notification", "awareness", "2026-03-27T12:30:00+02:00", "Europe/Helsinki", "2026-03-30T13:30:00+03:00", "2026-03-30T14:00:00+03:00"},
		{"an event in the first of the two hours", "nis2", "early-warning", "awareness", "2026-10-25T02:30:00+02:00", "Europe/Berlin", "2026-10-26T01:30:00+01:00", "2026-10-26T02:00:00+01:00"},
		{"an event in the second of the two hours", "nis2", "early-warning", "awareness", "2026-10-25T02:30:00+01:00", "Europe/Berlin", "2026-10-26T02:30:00+01:00", "2026-10-26T03:00:00+01:00"},
		{"New York changes on its own day", "nis2", "early-warning", "awareness", "2026-03-07T10:20:00-05:00", "America/New_York", "2026-03-08T11:20:00-04:00", "2026-03-08T12:00:00-04:00"},

		// Months: art. 3(1), second subparagraph, 3(2)(c), 3(4); the day of the event gives
		// the date (Case C-171/03 Toeters).
		{"a month ends with the day of the same date", "nis2", "final", "notification", "2026-03-10T10:20:00+01:00", "Europe/Madrid", "2026-04-10T10:20:00+02:00", "2026-04-11T00:00:00+02:00"},
		{"31 January and a month, on a Saturday", "nis2", "final", "notification", "2026-01-31T10:20:00+01:00", "Europe/Madrid", "2026-02-28T10:20:00+01:00", "2026-03-03T00:00:00+01:00"},
		{"31 January and a month in a leap year", "nis2", "final", "notification", "2028-01-31T10:20:00+01:00", "Europe/Madrid", "2028-02-29T10:20:00+01:00", "2028-03-01T00:00:00+01:00"},
		{"29 February and a month", "nis2", "final", "notification", "2028-02-29T10:20:00+01:00", "Europe/Madrid", "2028-03-29T10:20:00+02:00", "2028-03-30T00:00:00+02:00"},
		{"31 August and a month", "nis2", "final", "notification", "2026-08-31T10:20:00+02:00", "Europe/Madrid", "2026-09-30T10:20:00+02:00", "2026-10-01T00:00:00+02:00"},
		{"a month over the year", "nis2", "final", "notification", "2026-12-14T10:20:00+01:00", "Europe/Madrid", "2027-01-14T10:20:00+01:00", "2027-01-15T00:00:00+01:00"},
		{"a month that ends on a holiday, a Friday", "nis2", "final", "notification", "2026-12-01T09:00:00+01:00", "Europe/Madrid", "2027-01-01T09:00:00+01:00", "2027-01-05T00:00:00+01:00"},
		{"a month that ends on Good Friday ends on Tuesday", "cer", "detailed", "initial", "2026-03-03T09:00:00+01:00", "Europe/Vienna", "2026-04-03T09:00:00+02:00", "2026-04-08T00:00:00+02:00"},
		{"a month that ends on a Sunday", "nis2", "final", "notification", "2026-02-15T09:00:00+01:00", "Europe/Paris", "2026-03-15T09:00:00+01:00", "2026-03-17T00:00:00+01:00"},
		{"the day is that of the legal time, not of UTC", "nis2", "final", "notification", "2026-03-09T23:30:00Z", "Europe/Madrid", "2026-04-10T00:30:00+02:00", "2026-04-11T00:00:00+02:00"},
		{"the last day is the one with 25 hours", "cer", "detailed", "initial", "2026-09-24T12:00:00+02:00", "Europe/Paris", "2026-10-24T12:00:00+02:00", "2026-10-27T00:00:00+01:00"},
		{"a time of day that is skipped", "cer", "detailed", "initial", "2027-02-28T02:30:00+01:00", "Europe/Paris", "2027-03-28T03:30:00+02:00", "2027-03-30T00:00:00+02:00"},
		{"progress falls due with the final report", "nis2", "progress", "notification", "2026-03-10T10:20:00+01:00", "Europe/Madrid", "2026-04-10T10:20:00+02:00", "2026-04-11T00:00:00+02:00"},

		// The other duties.
		{"the answer of the CSIRT", "nis2", "csirt-answer", "early-warning-received", "2026-03-10T16:45:00+01:00", "Europe/Madrid", "2026-03-11T16:45:00+01:00", "2026-03-11T17:00:00+01:00"},
		{"DORA after classification", "dora", "initial", "classification", "2026-03-10T10:20:00+01:00", "Europe/Paris", "2026-03-10T14:20:00+01:00", "2026-03-10T15:00:00+01:00"},
		{"DORA with awareness alone", "dora", "initial", "awareness", "2026-03-10T10:20:00+01:00", "Europe/Paris", "2026-03-11T10:20:00+01:00", "2026-03-11T11:00:00+01:00"},
		{"DORA final on a Saturday: noon on Monday", "dora", "final", "intermediate", "2026-02-14T10:20:00+01:00", "Europe/Paris", "2026-03-14T10:20:00+01:00", "2026-03-16T12:00:00+01:00"},
		{"DORA final on a working day", "dora", "final", "intermediate", "2026-02-10T10:20:00+01:00", "Europe/Paris", "2026-03-10T10:20:00+01:00", "2026-03-11T00:00:00+01:00"},
		{"CIRCIA counts what elapses", "circia", "report", "belief", "2026-03-07T10:20:00-05:00", "America/New_York", "2026-03-10T11:20:00-04:00", "2026-03-10T11:20:00-04:00"},
		{"CIRCIA after a payment", "circia", "ransom", "payment", "2026-03-10T10:20:00-04:00", "America/New_York", "2026-03-11T10:20:00-04:00", "2026-03-11T10:20:00-04:00"},
		{"a national period in days moves from a free day", "template", "full-report", "first-report", "2026-02-13T10:20:00+01:00", "Europe/Madrid", "2026-03-15T10:20:00+01:00", "2026-03-17T00:00:00+01:00"},
		{"national working days skip Easter", "template", "answer", "request", "2026-04-02T10:20:00+02:00", "Europe/Madrid", "2026-04-09T10:20:00+02:00", "2026-04-09T10:20:00+02:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			due, err := regimes[c.regime].Due(c.stage, anchored(t, c.event, c.at), cal(c.zone))
			if err != nil {
				t.Fatal(err)
			}
			got, want := []string{due.Strict.Format(stamp), due.Lawful.Format(stamp)}, []string{c.strict, c.lawful}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("strict and lawful (-want +got):\n%s\n%s", diff, strings.Join(due.Why, "\n"))
			}
			if due.From != regime.Event(c.event) || due.Citation == "" {
				t.Errorf("got from %q and citation %q, want from %q and a provision", due.From, due.Citation, c.event)
			}
		})
	}
}

// law is a regime of one stage, "s", with that period and whatever else.
func law(t testing.TB, counting, period, more string) regime.Regime {
	t.Helper()
	r, err := regime.Parse(strings.NewReader(fmt.Sprintf(`
id = "law"
title = { en = "Law" }
version = "2026-01-01"
in_force = "yes"
jurisdiction = "EU"
law = "Law"
citation = "art. 1"
counting = %q
zone = "authority"
[[stage]]
id = "s"
title = { en = "Stage" }
from = "awareness"
period = %q
owed_by = "operator"
owed_to = "csirt"
citation = "art. 2"
%s`, counting, period, more)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDaysHaveTwoWorkingDaysAmongThem(t *testing.T) {
	cal := regime.Calendar{Zone: zone(t, "Europe/Madrid"), Holidays: holidays(t, free2026)}
	for _, c := range []struct {
		name, period, at, lawful string
	}{
		// Regulation 1182/71 art. 3(5). Good Friday is 3 April, Easter Monday 6 April.
		{"two days before Easter end on Wednesday", "2 days", "2026-04-02T10:00:00+02:00", "2026-04-09T00:00:00+02:00"},
		{"three days before Easter end on Wednesday", "3 days", "2026-04-02T10:00:00+02:00", "2026-04-09T00:00:00+02:00"},
		{"five days have Tuesday alone", "5 days", "2026-04-02T10:00:00+02:00", "2026-04-09T00:00:00+02:00"},
		{"six days have two", "6 days", "2026-04-02T10:00:00+02:00", "2026-04-09T00:00:00+02:00"},
		{"one day is no period of two days", "1 day", "2026-04-02T10:00:00+02:00", "2026-04-08T00:00:00+02:00"},
		{"two days over a weekend", "2 days", "2026-03-13T10:00:00+01:00", "2026-03-18T00:00:00+01:00"},
		{"three days from a Friday end on Tuesday", "3 days", "2026-03-13T10:00:00+01:00", "2026-03-18T00:00:00+01:00"},
		{"two days in the week", "2 days", "2026-03-10T10:00:00+01:00", "2026-03-13T00:00:00+01:00"},
		{"a week ends on its weekday (art. 3(2)(c))", "1 week", "2026-03-10T10:00:00+01:00", "2026-03-18T00:00:00+01:00"},
		{"three weeks as in Case C-171/03: from a Thursday to a Thursday", "3 weeks", "1998-03-12T10:00:00+01:00", "1998-04-03T00:00:00+02:00"},
		{"a year from 29 February", "1 year", "2028-02-29T10:00:00+01:00", "2029-03-01T00:00:00+01:00"},
		{"two working days", "2 working days", "2026-04-02T10:00:00+02:00", "2026-04-09T00:00:00+02:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			due, err := law(t, "1182/71", c.period, "").Due("s", anchored(t, "awareness", c.at), cal)
			if err != nil {
				t.Fatal(err)
			}
			if got := due.Lawful.Format(stamp); got != c.lawful {
				t.Errorf("got %s, want %s\n%s", got, c.lawful, strings.Join(due.Why, "\n"))
			}
		})
	}
}

func TestADayBeginsWhereMidnightIsSkippedOrComesTwice(t *testing.T) {
	for _, c := range []struct{ zone, at, lawful string }{
		{"Asia/Beirut", "2026-03-27T10:00:00+02:00", "2026-03-29T01:00:00+03:00"},         // 00:00 becomes 01:00
		{"America/Havana", "2026-10-30T10:00:00-04:00", "2026-11-01T00:00:00-04:00"},      // 01:00 becomes 00:00
		{"Pacific/Apia", "2011-12-28T10:00:00-10:00", "2011-12-31T00:00:00+14:00"},        // 30 December is skipped
		{"Australia/Lord_Howe", "2026-10-02T10:00:00+10:30", "2026-10-04T00:00:00+10:30"}, // half an hour, at 02:00
	} {
		due, err := law(t, "elapsed", "1 day", `working_day = "none"`).Due("s", anchored(t, "awareness", c.at), regime.Calendar{Zone: zone(t, c.zone)})
		if err != nil {
			t.Fatal(err)
		}
		if want := at(t, c.at); !due.Lawful.Equal(due.Strict) || due.Strict.Before(want) {
			t.Errorf("%s: got %s and %s, want the same instant by elapsed time", c.zone, due.Strict, due.Lawful)
		}
		due, err = law(t, "1182/71", "1 day", `working_day = "none"`).Due("s", anchored(t, "awareness", c.at), regime.Calendar{Zone: zone(t, c.zone)})
		if err != nil {
			t.Fatal(err)
		}
		if got := due.Lawful.Format(stamp); got != c.lawful {
			t.Errorf("%s: got the end of the day at %s, want %s", c.zone, got, c.lawful)
		}
	}
}

func TestOfTwoLimitsTheEarlierCounts(t *testing.T) {
	cal := regime.Calendar{Zone: zone(t, "Europe/Paris"), Holidays: holidays(t, free2026)}
	dora := shipped(t)["dora"]
	for _, c := range []struct {
		name, aware, classified, entity string
		strict, lawful, from, why       string
	}{
		{"classified soon", "2026-03-10T10:20:00+01:00", "2026-03-10T12:30:00+01:00", "", "2026-03-10T16:30:00+01:00", "2026-03-10T17:00:00+01:00", "classification", "The earlier end counts, that from classification"},
		{"classified at the 22nd hour", "2026-03-10T10:20:00+01:00", "2026-03-11T08:30:00+01:00", "", "2026-03-11T10:20:00+01:00", "2026-03-11T11:00:00+01:00", "awareness", "The earlier end counts, that from awareness"},
		{"classified too late for the cap (art. 5(2))", "2026-03-10T10:20:00+01:00", "2026-03-12T08:30:00+01:00", "", "2026-03-12T12:30:00+01:00", "2026-03-12T13:00:00+01:00", "classification", "this limit no longer counts (Delegated Regulation (EU) 2025/301 art. 5(2))"},
		{"classified within the last hour as the law counts it", "2026-03-10T10:20:00+01:00", "2026-03-11T10:50:00+01:00", "", "2026-03-11T10:20:00+01:00", "2026-03-11T11:00:00+01:00", "awareness", "The earlier end counts"},
		{"on a weekend, without the weekend rule", "2026-03-13T20:00:00+01:00", "2026-03-13T22:00:00+01:00", "", "2026-03-14T02:00:00+01:00", "2026-03-14T03:00:00+01:00", "classification", "is a Saturday: the end stands"},
		{"on a weekend, with it (art. 5(4))", "2026-03-13T20:00:00+01:00", "2026-03-13T22:00:00+01:00", "weekend-rule", "2026-03-14T02:00:00+01:00", "2026-03-16T12:00:00+01:00", "classification", "noon of the next working day, Mon 2026-03-16"},
		{"over Easter, with it", "2026-04-02T23:30:00+02:00", "2026-04-03T02:00:00+02:00", "weekend-rule", "2026-04-03T06:00:00+02:00", "2026-04-07T12:00:00+02:00", "classification", "is a public holiday (Good Friday)"},
		{"late on a weekend, with it", "2026-03-13T20:00:00+01:00", "2026-03-15T10:10:00+01:00", "weekend-rule", "2026-03-15T14:10:00+01:00", "2026-03-16T12:00:00+01:00", "classification", "this limit no longer counts"},
		{"on a working day the rule changes nothing", "2026-03-10T10:20:00+01:00", "2026-03-10T12:30:00+01:00", "weekend-rule", "2026-03-10T16:30:00+01:00", "2026-03-10T17:00:00+01:00", "classification", "is used"},
	} {
		t.Run(c.name, func(t *testing.T) {
			due, err := dora.Due("initial", regime.Anchors{Entity: c.entity, At: map[regime.Event]time.Time{
				regime.Awareness: at(t, c.aware), regime.Classification: at(t, c.classified), regime.Payment: at(t, c.aware),
			}}, cal)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{due.Strict.Format(stamp), due.Lawful.Format(stamp), string(due.From)}
			if diff := cmp.Diff([]string{c.strict, c.lawful, c.from}, got); diff != "" {
				t.Errorf("strict, lawful, from (-want +got):\n%s", diff)
			}
			said(t, due, c.why)
		})
	}
}

func said(t *testing.T, due regime.Due, want string) {
	t.Helper()
	if all := strings.Join(due.Why, "\n"); !strings.Contains(all, want) {
		t.Errorf("got\n%s\nwant a sentence with %q", all, want)
	}
}

func TestWithOneAnchorTheAnswerNamesTheOther(t *testing.T) {
	cal := regime.Calendar{Zone: time.UTC}
	due, err := shipped(t)["dora"].Due("initial", anchored(t, "awareness", "2026-03-10T10:20:00Z"), cal)
	if err != nil {
		t.Fatal(err)
	}
	said(t, due, "The time of classification of the incident is not known: 4 hours after it is not counted")
	said(t, due, "No person has confirmed this rule against the official text yet.")
}

func TestAnIncidentThatGoesOnMovesTheFinalReport(t *testing.T) {
	cal := regime.Calendar{Zone: zone(t, "Europe/Madrid"), Holidays: holidays(t, free2026)}
	nis2 := shipped(t)["nis2"]
	for _, c := range []struct {
		name, notified, ended, strict, from, why string
	}{
		{"handled in time", "2026-03-10T10:20:00+01:00", "2026-03-20T09:00:00+01:00", "2026-04-10T10:20:00+02:00", "notification", "submission of the stage notification"},
		{"not known to have ended", "2026-03-10T10:20:00+01:00", "", "2026-04-10T10:20:00+02:00", "notification", "If the incident is still handled then, it is due 1 month after the end of handling instead"},
		{"ended within the last day", "2026-03-10T10:20:00+01:00", "2026-04-10T20:00:00+02:00", "2026-04-10T10:20:00+02:00", "notification", ""},
		{"handled for longer", "2026-03-10T10:20:00+01:00", "2026-05-06T09:00:00+02:00", "2026-06-06T09:00:00+02:00", "handling-ended", "The incident was still handled then, until Wed 2026-05-06 09:00 +02:00."},
		{"the end alone", "", "2026-05-06T09:00:00+02:00", "2026-06-06T09:00:00+02:00", "handling-ended", "The time of submission of the stage notification is not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			known := map[regime.Event]time.Time{}
			if c.notified != "" {
				known["notification"] = at(t, c.notified)
			}
			if c.ended != "" {
				known[regime.HandlingEnded] = at(t, c.ended)
			}
			due, err := nis2.Due("final", regime.Anchors{At: known}, cal)
			if err != nil {
				t.Fatal(err)
			}
			if got := due.Strict.Format(stamp); got != c.strict || string(due.From) != c.from {
				t.Errorf("got %s from %s, want %s from %s", got, due.From, c.strict, c.from)
			}
			said(t, due, c.why)
		})
	}
}

func TestAKindOfEntityHasItsOwnRule(t *testing.T) {
	cal := regime.Calendar{Zone: zone(t, "Europe/Madrid")}
	nis2 := shipped(t)["nis2"]
	if diff := cmp.Diff([]string{"trust-service-provider"}, nis2.Entities()); diff != "" {
		t.Errorf("the kinds of entity (-want +got):\n%s", diff)
	}
	a := anchored(t, "awareness", "2026-03-10T10:20:00+01:00")
	due, err := nis2.Due("notification", a, cal)
	if err != nil {
		t.Fatal(err)
	}
	said(t, due, "Trust service providers (trust-service-provider) has a rule of its own: 24 hours, Directive (EU) 2022/2555 art. 23(4), last subparagraph.")
	a.Entity = "trust-service-provider"
	due, err = nis2.Due("notification", a, cal)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := due.Lawful.Format(stamp), "2026-03-11T11:00:00+01:00"; got != want || !strings.HasSuffix(due.Citation, "last subparagraph") {
		t.Errorf("got %s by %s, want %s by the last subparagraph", got, due.Citation, want)
	}
}

func TestAPauseMovesTheEndWhereTheLawAllowsIt(t *testing.T) {
	cal := regime.Calendar{Zone: zone(t, "Europe/Madrid"), Holidays: holidays(t, free2026)}
	span := func(from, to string) regime.Span {
		s := regime.Span{From: at(t, from)}
		if to != "" {
			s.To = at(t, to)
		}
		return s
	}
	for _, c := range []struct {
		name, period, rule string
		paused             []regime.Span
		strict, lawful     string
	}{
		{"six hours", "24h", "while-clarification", []regime.Span{span("2026-03-10T12:00:00+01:00", "2026-03-10T18:00:00+01:00")}, "2026-03-11T16:20:00+01:00", "2026-03-11T17:00:00+01:00"},
		{"no pause in the law", "24h", "none", []regime.Span{span("2026-03-10T12:00:00+01:00", "2026-03-10T18:00:00+01:00")}, "2026-03-11T10:20:00+01:00", "2026-03-11T11:00:00+01:00"},
		{"over before it began", "24h", "while-clarification", []regime.Span{span("2026-03-09T12:00:00+01:00", "2026-03-09T18:00:00+01:00")}, "2026-03-11T10:20:00+01:00", "2026-03-11T11:00:00+01:00"},
		{"only what is inside counts", "24h", "while-clarification", []regime.Span{span("2026-03-10T08:00:00+01:00", "2026-03-10T11:20:00+01:00")}, "2026-03-11T11:20:00+01:00", "2026-03-11T12:00:00+01:00"},
		{"two that overlap, in any order", "24h", "while-clarification", []regime.Span{
			span("2026-03-10T14:00:00+01:00", "2026-03-10T16:00:00+01:00"), span("2026-03-10T12:00:00+01:00", "2026-03-10T15:00:00+01:00"),
		}, "2026-03-11T14:20:00+01:00", "2026-03-11T15:00:00+01:00"},
		{"one that a pause brings inside", "24h", "while-clarification", []regime.Span{
			span("2026-03-10T12:00:00+01:00", "2026-03-10T15:00:00+01:00"), span("2026-03-11T12:00:00+01:00", "2026-03-11T13:00:00+01:00"),
		}, "2026-03-11T14:20:00+01:00", "2026-03-11T15:00:00+01:00"},
		{"after the end", "24h", "while-clarification", []regime.Span{span("2026-03-12T12:00:00+01:00", "")}, "2026-03-11T10:20:00+01:00", "2026-03-11T11:00:00+01:00"},
		{"days that come to end on a Saturday", "2 days", "while-clarification", []regime.Span{span("2026-03-11T00:00:00+01:00", "2026-03-13T00:00:00+01:00")}, "2026-03-14T10:20:00+01:00", "2026-03-17T00:00:00+01:00"},
		{"days end with a day after a pause too", "2 days", "while-clarification", []regime.Span{span("2026-03-11T09:00:00+01:00", "2026-03-11T12:00:00+01:00")}, "2026-03-12T13:20:00+01:00", "2026-03-14T00:00:00+01:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := anchored(t, "awareness", "2026-03-10T10:20:00+01:00")
			a.Paused = c.paused
			due, err := law(t, "1182/71", c.period, fmt.Sprintf("pause = %q", c.rule)).Due("s", a, cal)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{c.strict, c.lawful}, []string{due.Strict.Format(stamp), due.Lawful.Format(stamp)}); diff != "" {
				t.Errorf("strict and lawful (-want +got):\n%s\n%s", diff, strings.Join(due.Why, "\n"))
			}
		})
	}
}

func TestAnAnswerSaysWhatItRestsOn(t *testing.T) {
	madrid := zone(t, "Europe/Madrid")
	nis2, circia := shipped(t)["nis2"], shipped(t)["circia"]
	due, err := nis2.Due("final", anchored(t, "notification", "2026-03-10T10:20:00+01:00"), regime.Calendar{Zone: madrid})
	if err != nil {
		t.Fatal(err)
	}
	said(t, due, "No public holidays were given")
	due, err = nis2.Due("final", anchored(t, "notification", "2029-03-12T10:20:00+01:00"), regime.Calendar{Zone: madrid, Holidays: holidays(t, free2026)})
	if err != nil {
		t.Fatal(err)
	}
	said(t, due, "The public holidays that were given have none in 2029")
	due, err = nis2.Due("notification", anchored(t, "awareness", "2026-03-13T23:20:00+01:00"), regime.Calendar{Zone: madrid})
	if err != nil {
		t.Fatal(err)
	}
	said(t, due, "whether art. 3(5) lengthens a period in hours is disputed")
	due, err = circia.Due("report", anchored(t, "belief", "2026-03-10T10:20:00-04:00"), regime.Calendar{Zone: zone(t, "America/New_York")})
	if err != nil {
		t.Fatal(err)
	}
	said(t, due, "This regime is not in force.")
	known := anchored(t, "notification", "2026-03-10T10:20:00+01:00")
	for ended, want := range map[string]string{
		"2026-03-20T09:00:00+01:00": "Handling ended on Fri 2026-03-20 09:00 +01:00, before that: it is not owed.",
		"2026-04-20T09:00:00+02:00": "It is owed only if the incident is still handled at that time.",
	} {
		known.At[regime.HandlingEnded] = at(t, ended)
		if due, err = nis2.Due("progress", known, regime.Calendar{Zone: madrid}); err != nil {
			t.Fatal(err)
		}
		said(t, due, want)
	}
}

func TestADutyWithoutAPeriodIsAnErrorThatExplains(t *testing.T) {
	due, err := shipped(t)["gdpr"].Due("communication", anchored(t, "awareness", "2026-03-10T10:20:00+01:00"), regime.Calendar{Zone: time.UTC})
	if !errors.Is(err, regime.ErrNoPeriod) || due.Citation != "Regulation (EU) 2016/679 art. 34(1)" || !due.Strict.IsZero() {
		t.Errorf("got %+v, %v, want ErrNoPeriod, the citation and no instant", due, err)
	}
	said(t, due, "without undue delay")
}

func TestAQuestionThatMakesNoSenseIsRefused(t *testing.T) {
	cal := regime.Calendar{Zone: time.UTC}
	good := anchored(t, "awareness", "2026-03-10T10:20:00Z")
	year := func(y int) regime.Anchors {
		return regime.Anchors{At: map[regime.Event]time.Time{regime.Awareness: time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)}}
	}
	paused := func(s regime.Span) regime.Anchors { return regime.Anchors{At: good.At, Paused: []regime.Span{s}} }
	march := at(t, "2026-03-10T12:00:00Z")
	pausing := law(t, "1182/71", "24h", `pause = "while-clarification"`)
	nis2 := shipped(t)["nis2"]
	for _, c := range []struct {
		name    string
		regime  regime.Regime
		stage   string
		anchors regime.Anchors
		cal     regime.Calendar
		want    error
		text    string
	}{
		{"no such stage", nis2, "finale", good, cal, regime.ErrUnknownStage, `"finale" in the regime nis2; it has early-warning, notification,`},
		{"no such event", nis2, "notification", anchored(t, "awarenes", "2026-03-10T10:20:00Z"), cal, regime.ErrUnknown, `the event "awarenes"; known are awareness,`},
		{"no such entity", nis2, "notification", regime.Anchors{At: good.At, Entity: "bank"}, cal, regime.ErrUnknown, `"bank"; the regime has a rule of its own for trust-service-provider`},
		{"nothing known", nis2, "notification", regime.Anchors{}, cal, regime.ErrNoAnchor, "give the time of awareness"},
		{"the wrong thing known", shipped(t)["dora"], "initial", anchored(t, "payment", "2026-03-10T10:20:00Z"), cal, regime.ErrNoAnchor, "give the time of classification or awareness"},
		{"no zone", nis2, "notification", good, regime.Calendar{}, regime.ErrNoZone, "the legal time of the authority; say which, such as Europe/Madrid"},
		{"a time that was never set", nis2, "notification", regime.Anchors{At: map[regime.Event]time.Time{regime.Awareness: {}}}, cal, regime.ErrTime, "the year 1 is not between 1980 and 2999"},
		{"a time too late", nis2, "notification", year(3000), cal, regime.ErrTime, "the year 3000"},
		{"an end too late", law(t, "1182/71", "1000 years", ""), "s", good, cal, regime.ErrTime, "the end is after the year 2999"},
		{"a pause that has not ended", pausing, "s", paused(regime.Span{From: march}), cal, regime.ErrPaused, "since Tue 2026-03-10 12:00 +00:00"},
		{"a pause backwards", pausing, "s", paused(regime.Span{From: march, To: march.Add(-1)}), cal, regime.ErrTime, "before it begins"},
		{"a pause without a beginning", pausing, "s", paused(regime.Span{To: march}), cal, regime.ErrTime, "a pause"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.regime.Due(c.stage, c.anchors, c.cal)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %v with %q", err, c.want, c.text)
			}
		})
	}
}

func TestARegimeInUTCNeedsNoZone(t *testing.T) {
	r := law(t, "1182/71", "24h", "")
	r.ZoneOf = regime.ZoneUTC
	due, err := r.Due("s", anchored(t, "awareness", "2026-03-10T10:20:00+01:00"), regime.Calendar{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := due.Lawful.Format(stamp), "2026-03-11T10:00:00+00:00"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
