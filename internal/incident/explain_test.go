package incident

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/i18n"
	"almenara.example/regime"
	frame "almenara.example/web"
)

// ways are answers to every question that the shipped laws can be asked: each stage, with
// its anchors known and unknown, on days of all sorts.
func ways(t *testing.T, use func(*regime.Regime, []regime.Step, []string)) {
	t.Helper()
	laws, err := regime.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	table, err := regime.ParseHolidays(strings.NewReader("2026-12-25 Christmas Day\n2026-12-26\n2026-02-27\n"))
	if err != nil {
		t.Fatal(err)
	}
	events := []regime.Event{regime.Awareness, regime.Classification, regime.Detection, regime.Request, regime.HandlingEnded, regime.Payment, regime.Belief, regime.EarlyWarningReceived}
	begin := time.Date(2026, 1, 1, 3, 10, 0, 0, time.UTC)
	for k := range laws {
		law := &laws[k]
		for _, s := range law.Stages {
			use(law, []regime.Step{s.Waiting()}, nil)
			for n := range 400 {
				at := begin.Add(time.Duration(n) * 29 * time.Hour)
				a := regime.Anchors{At: map[regime.Event]time.Time{}}
				known := append([]regime.Event{s.From}, events...)
				for i, e := range known {
					if n>>(i%8)&1 == 0 || i == 0 && n%3 > 0 {
						a.At[e] = at.Add(time.Duration(i*n%60) * 24 * time.Hour)
					}
				}
				if all := law.Entities(); len(all) > 0 && n%2 == 0 {
					a.Entity = all[n/2%len(all)]
				}
				if n%5 == 0 {
					a.Paused = []regime.Span{{From: at.Add(time.Hour), To: at.Add(time.Duration(n)*time.Minute + time.Hour)}}
				}
				cal := regime.Calendar{Zone: zone}
				if n%3 > 0 {
					cal.Holidays = table
				}
				if due, err := law.Due(s.ID, a, cal); err == nil || len(due.Steps) > 0 {
					use(law, due.Steps, due.Why)
				}
			}
		}
	}
}

func TestEveryStepOfEveryLawHasWordsInEveryLanguage(t *testing.T) {
	words, err := i18n.New(i18n.Sub(frame.Locales, "locales"), i18n.Sub(Locales, "locales"))
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, lang := range []string{"en", "fr", "es"} {
		p := words.Printer(lang).In(zone)
		if p.Lang() != lang {
			t.Fatalf("the catalogue speaks %s for %s", p.Lang(), lang)
		}
		ways(t, func(law *regime.Regime, steps []regime.Step, why []string) {
			kept, err := json.Marshal(steps)
			if err != nil {
				t.Fatal(err)
			}
			var read []regime.Step
			if err := json.Unmarshal(kept, &read); err != nil || len(read) != len(steps) {
				t.Fatalf("%s: %v", kept, err)
			}
			for i, s := range read {
				seen[s.Key] = true
				got := explainer{p, law}.step(s)
				if got == "" || strings.ContainsAny(got, "⟦⟧") || strings.Contains(got, "<no value>") || strings.Contains(got, "  ") || strings.Contains(got, "()") || strings.Contains(got, ": .") {
					t.Fatalf("%s, %s %s: %q", lang, law.ID, s.Key, got)
				}
				if lang == "en" && why != nil && s.String() != why[i] {
					t.Fatalf("%s is said as %q and as %q", s.Key, s.String(), why[i])
				}
				if lang != "en" && s.Key != "note" && got == (explainer{words.Printer("en").In(zone), law}).step(s) {
					t.Fatalf("%s: %s is in English: %q", lang, s.Key, got)
				}
				if s.Key == "note" && lang != "en" && got == s.Title["en"] {
					t.Fatalf("%s: the note %q of %s is not translated", lang, got, law.ID)
				}
			}
		})
	}
	for _, key := range regime.StepKeys() {
		if seen[key] {
			continue
		}
		for _, lang := range []string{"en", "fr", "es"} { // no shipped law comes to it
			got := explainer{words.Printer(lang).In(zone), &regime.Regime{}}.step(regime.Step{
				Key: key, Day: "2026-02-28", Next: "2026-03-02", Free: regime.Holiday, Period: regime.Period{N: 2, Unit: regime.WorkingDays}, At: time.Unix(1e9, 0), Number: 31, Took: 90 * time.Minute,
				Event: regime.Payment, Cited: "art. 1", Title: regime.Text{"en": "Small", "fr": "Petit", "es": "Pequeño"}, Name: "small", Work: regime.WorkingDayNext,
			})
			if strings.ContainsAny(got, "⟦⟧") || strings.Contains(got, "<no value>") {
				t.Errorf("%s has no words for %s: %q", lang, key, got)
			}
		}
		t.Logf("no shipped law comes to %s", key)
	}
}

// Whatever a file of an installation may say has words, too.
func TestEveryWordOfALawHasWordsInEveryLanguage(t *testing.T) {
	words, err := i18n.New(i18n.Sub(frame.Locales, "locales"), i18n.Sub(Locales, "locales"))
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"en", "fr", "es"} {
		x := explainer{words.Printer(lang), &regime.Regime{}}
		said := map[string]string{}
		for _, e := range []regime.Event{regime.Awareness, regime.Classification, regime.Detection, regime.Request, regime.HandlingEnded, regime.Payment, regime.Belief, regime.EarlyWarningReceived} {
			said[string(e)] = x.event(e)
		}
		for _, u := range []regime.Unit{regime.Hour, regime.Day, regime.WorkingDays, regime.Week, regime.Month, regime.Year} {
			said[string(u)] = x.period(regime.Period{N: 1, Unit: u}) + x.period(regime.Period{N: 2, Unit: u})
		}
		for _, w := range []regime.WorkingDay{regime.WorkingDayNone, regime.WorkingDayNext, regime.WorkingDayNoon} {
			said[string(w)] = x.rule(regime.Step{Work: w})
		}
		for d := range 7 {
			day := time.Date(2026, 11, 23+d, 0, 0, 0, 0, time.UTC)
			said[day.Weekday().String()] = x.weekday(day)
		}
		for word, got := range said {
			if got == "" || strings.ContainsAny(got, "⟦⟧") {
				t.Errorf("%s: %s is said as %q", lang, word, got)
			}
		}
	}
}
