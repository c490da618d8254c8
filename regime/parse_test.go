package regime_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/regime"
)

const good = `id = "law"
title = { en = "Law" }
version = "2026-01-01"
in_force = "yes"
jurisdiction = "XX"
law = "Act 1"
citation = "art. 1"
counting = "elapsed"
zone = "authority"

[[field]]
id = "summary"
label = { en = "Summary", fr = "Résumé" }
kind = "text"
prefill = "incident.title"

[[field]]
id = "level"
label = { en = "Level" }
kind = "choice"

[[field.choice]]
id = "high"
label = { en = "High" }

[[stage]]
id = "first"
title = { en = "First" }
from = "awareness"
period = "24h"
owed_by = "operator"
owed_to = "csirt"
citation = "art. 2"
required = ["level"]
optional = ["summary"]

[[stage]]
id = "last"
title = { en = "Last" }
from = "first"
period = "1 month"
owed_by = "operator"
owed_to = "csirt"
citation = "art. 3"

[[stage.cap]]
from = "awareness"
period = "60 days"
citation = "art. 3(2)"

[stage.ongoing]
from = "handling-ended"
period = "1 month"
citation = "art. 3(3)"

[[stage.variant]]
entity = "bank"
title = { en = "Banks" }
period = "2 weeks"
citation = "art. 3(4)"
`

func TestAFileBecomesARegime(t *testing.T) {
	got, err := regime.Parse(strings.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	hours := func(n int) regime.Period { return regime.Period{N: n, Unit: regime.Hour} }
	month := regime.Period{N: 1, Unit: regime.Month}
	want := regime.Regime{
		ID: "law", Title: regime.Text{"en": "Law"}, Version: "2026-01-01", InForce: regime.InForceYes, Jurisdiction: "XX",
		Law: "Act 1", Citation: "art. 1", Counting: regime.Elapsed, ZoneOf: regime.ZoneOfAuthority,
		Stages: []regime.Stage{{
			ID: "first", Title: regime.Text{"en": "First"}, From: regime.Awareness, Period: hours(24), OwedBy: regime.Operator, OwedTo: regime.CSIRT,
			When: regime.Always, Pause: regime.PauseNone, Citation: "art. 2",
			Fields: []regime.Field{
				{ID: "summary", Label: regime.Text{"en": "Summary", "fr": "Résumé"}, Kind: regime.KindText, Prefill: "incident.title"},
				{
					ID: "level", Label: regime.Text{"en": "Level"}, Kind: regime.KindChoice, Required: true,
					Choices: []regime.Choice{{ID: "high", Label: regime.Text{"en": "High"}}},
				},
			},
		}, {
			ID: "last", Title: regime.Text{"en": "Last"}, From: "first", Period: month, OwedBy: regime.Operator, OwedTo: regime.CSIRT,
			When: regime.Always, Pause: regime.PauseNone, Citation: "art. 3",
			Caps:     []regime.Cap{{From: regime.Awareness, Period: regime.Period{N: 60, Unit: regime.Day}, Citation: "art. 3(2)"}},
			Ongoing:  &regime.Later{From: regime.HandlingEnded, Period: month, Citation: "art. 3(3)"},
			Variants: []regime.Variant{{Entity: "bank", Title: regime.Text{"en": "Banks"}, Period: regime.Period{N: 2, Unit: regime.Week}, Citation: "art. 3(4)"}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the regime (-want +got):\n%s", diff)
	}
}

func TestACheckedFileSaysWhoAndWhen(t *testing.T) {
	text := strings.Replace(good, `zone = "authority"`, "zone = \"authority\"\nweekend = [\"friday\", \"saturday\"]\nverified = true\nverified_by = \"legal adviser\"\nverified_on = \"2026-02-01\"", 1)
	got, err := regime.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if !got.Verified || got.VerifiedBy != "legal adviser" || got.VerifiedOn != "2026-02-01" {
		t.Errorf("got %v by %q on %q, want the check", got.Verified, got.VerifiedBy, got.VerifiedOn)
	}
	if diff := cmp.Diff([]time.Weekday{time.Friday, time.Saturday}, got.Weekend); diff != "" {
		t.Errorf("the weekend (-want +got):\n%s", diff)
	}
}

func TestABadFileIsRefusedWithTheLineAndTheKey(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		want           string
	}{
		{"no id", `id = "law"`, ``, `id: is missing (an example: id = "nis2")`},
		{"an id with blanks", `id = "law"`, `id = "my law"`, `line 1: id: "my law" is not an id: lower-case letters, digits and hyphens, at most 64`},
		{"no English", `title = { en = "Law" }`, `title = { fr = "Loi" }`, `line 2: title: has no English text`},
		{"no language", `title = { en = "Law" }`, `title = { en = "Law", English = "Law" }`, `line 2: title: "English" is not a language`},
		{"an empty translation", `title = { en = "Law" }`, `title = { en = "Law", fr = "" }`, `line 2: title.fr: is missing`},
		{"no date", `version = "2026-01-01"`, `version = "2026-02-30"`, `line 3: version: "2026-02-30" is not a date`},
		{"a state that is none", `in_force = "yes"`, `in_force = "maybe"`, `line 4: in_force: "maybe" is not one of yes, no, template`},
		{"no jurisdiction", `jurisdiction = "XX"`, `jurisdiction = " "`, `line 5: jurisdiction: is missing`},
		{"a control character", `law = "Act 1"`, `law = "Act\u0007 1"`, `line 6: law: has a control character`},
		{"a long text", `law = "Act 1"`, `law = "` + strings.Repeat("a", 1900) + `\u00e9\u00e9"` + "\nsource = \"x\"", `source: is not the address of a page`},
		{"no counting", `counting = "elapsed"`, ``, `counting: is missing: one of 1182/71, elapsed`},
		{"whose time", `zone = "authority"`, `zone = "Europe/Madrid"`, `line 9: zone: "Europe/Madrid" is not one of authority, operator, utc`},
		{"a weekend of seven days", `zone = "authority"`, "zone = \"authority\"\nweekend = [\"monday\",\"tuesday\",\"wednesday\",\"thursday\",\"friday\",\"saturday\",\"sunday\"]", `line 10: weekend: leaves no working day`},
		{"a day that is none", `zone = "authority"`, "zone = \"authority\"\nweekend = [\"Friday\"]", `line 10: weekend: "Friday" is no day of the week`},
		{"a weekend under the regulation", "counting = \"elapsed\"\nzone = \"authority\"", "counting = \"1182/71\"\nzone = \"authority\"\nweekend = [\"friday\"]", `line 10: weekend: Regulation 1182/71 says that it is Saturday and Sunday`},
		{"checked by nobody", `zone = "authority"`, "zone = \"authority\"\nverified = true", `verified_by: is missing`},
		{"checked and not", `citation = "art. 2"`, "citation = \"art. 2\"\nverified_by = \"x\"", `stage[1].verified: is false, but verified_by or verified_on is given`},
		{"an unknown key", `period = "24h"`, "period = \"24h\"\nperoid = \"24h\"", `line 31: stage.peroid: this key is not known`},
		{"a wrong type", `id = "law"`, `id = 7`, `incompatible types`},
		{"no TOML", `id = "law"`, `id = `, `line 1: id: expected value but found`},
		{"a kind that is none", `kind = "text"`, `kind = "date"`, `line 14: field[1].kind: "date" is not one of text, paragraph, time, number, yes-no, choice, list`},
		{"a prefill that is no name", `prefill = "incident.title"`, `prefill = "{{.Title}}"`, `line 15: field[1].prefill: "{{.Title}}" is not the name of a value`},
		{"two fields of one id", `id = "level"`, `id = "summary"`, `field[2].id: "summary" is the id of two fields`},
		{"a choice without choices", `kind = "text"`, `kind = "choice"`, `line 14: field[1].kind: a field has [[field.choice]] exactly when its kind is "choice"`},
		{"two choices of one id", `[[field.choice]]`, "[[field.choice]]\nid = \"high\"\nlabel = { en = \"High\" }\n[[field.choice]]", `field[2].choice[2].id: "high" is the id of two choices`},
		{"a stage called as an event", `id = "first"`, `id = "request"`, `stage[1].id: "request" is the name of an event`},
		{"two stages of one id", `id = "last"`, `id = "first"`, `stage[2].id: "first" is the id of two stages`},
		{"a later stage as an event", `from = "awareness"`, `from = "last"`, `line 29: stage[1].from: "last" is neither an event (awareness,`},
		{"no event", `from = "awareness"`, ``, `stage[1].from: "" is neither an event`},
		{"a period that is none", `period = "24h"`, `period = "soon"`, `line 30: stage[1].period: "soon" is not a period; write it as 24h, 3 days`},
		{"a period too long", `period = "24h"`, `period = "2000 days"`, `stage[1].period: "2000 days" is longer than 1000 units`},
		{"a role that is none", `owed_by = "operator"`, `owed_by = "minister"`, `line 31: stage[1].owed_by: "minister" is not one of operator, csirt, authority, data-protection, affected-persons`},
		{"a case that is none", `citation = "art. 2"`, "citation = \"art. 2\"\nwhen = \"sometimes\"", `stage[1].when: "sometimes" is not one of always, on-request, ongoing, relevant`},
		{"a pause that is none", `citation = "art. 2"`, "citation = \"art. 2\"\npause = \"at night\"", `stage[1].pause: "at night" is not one of none, while-clarification`},
		{"a rule on free days that is none", `citation = "art. 2"`, "citation = \"art. 2\"\nworking_day = \"friday\"", `stage[1].working_day: "friday" is not one of none, next-working-day, noon`},
		{"no citation", `citation = "art. 2"`, ``, `stage[1].citation: is missing`},
		{"a field that is not there", `required = ["level"]`, `required = ["depth"]`, `line 34: stage[1].required: "depth" is not the id of a [[field]]`},
		{"a field twice", `optional = ["summary"]`, `optional = ["level"]`, `stage[1].optional: "level" is listed twice`},
		{"a cap without a period", `period = "60 days"`, ``, `stage[2].cap[1].period: "" is not a period`},
		{"a cap that lapses on no ground", `citation = "art. 3(2)"`, "citation = \"art. 3(2)\"\nlapses = true", `stage[2].cap[1].lapses: lapses = true and lapse_citation go together`},
		{"a later period that lapses", `citation = "art. 3(3)"`, "citation = \"art. 3(3)\"\nlapses = true\nlapse_citation = \"art. 4\"", `stage[2].ongoing.lapses: belongs to a [[stage.cap]] only`},
		{"a cap on no period", `period = "1 month"`, ``, `stage[2].period: is missing: a stage without a period has no cap`},
		{"a variant of nothing", `period = "2 weeks"`, ``, `stage[2].variant[1]: changes nothing: give a period or a working_day`},
		{"two variants for one entity", `[[stage.variant]]`, "[[stage.variant]]\nentity = \"bank\"\ntitle = { en = \"Banks\" }\nperiod = \"3 weeks\"\ncitation = \"art. 5\"\n[[stage.variant]]", `stage[2].variant[2].entity: "bank" has two variants of this stage`},
		{"a line too long", `law = "Act 1"`, `law = "` + strings.Repeat("a", 2000) + `"`, `line 6: the line is longer than 2000 bytes`},
		{"a text of several lines", `law = "Act 1"`, `law = """Act 1"""`, `line 6: a text of several lines is not taken`},
		{"deep brackets", `law = "Act 1"`, `law = ` + strings.Repeat("[", 20) + strings.Repeat("]", 20), `line 6: brackets are nested more than 16 deep`},
		{"a deep key", `law = "Act 1"`, strings.Repeat("a.", 20) + `a = 1`, `line 6: there are more than 16 dots outside of texts`},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			if text == good {
				t.Fatalf("%q is not in the good file", c.old)
			}
			_, err := regime.Parse(strings.NewReader(text))
			var problems regime.Problems
			if !errors.As(err, &problems) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a problem with %q", err, c.want)
			}
		})
	}
}

func TestEverythingThatIsWrongIsSaidAtOnce(t *testing.T) {
	text := strings.NewReplacer(`period = "24h"`, `period = "soon"`, `in_force = "yes"`, `in_force = "?"`, `citation = "art. 3"`, ``).Replace(good)
	_, err := regime.Parse(strings.NewReader(text))
	var problems regime.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v, want problems", err)
	}
	var keys []string
	for _, p := range problems {
		keys = append(keys, p.Key)
	}
	if diff := cmp.Diff([]string{"in_force", "stage[1].period", "stage[2].citation"}, keys); diff != "" {
		t.Errorf("the keys (-want +got):\n%s", diff)
	}
}

func TestAFileIsBounded(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":           {"", "stage: there is no [[stage]]"},
		"too large":       {strings.Repeat("# comment\n", 40_000), "the file is larger than 262144 bytes"},
		"too many stages": {good + strings.Repeat("[[stage]]\n", 200), "stage: there are 202, at most 100 are allowed"},
		"too many fields": {good + strings.Repeat("[[field]]\n", 300), "field: there are 302, at most 200 are allowed"},
	} {
		if _, err := regime.Parse(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	var problems regime.Problems
	if _, err := regime.Parse(strings.NewReader(good + strings.Repeat("[[stage]]\n", 90))); !errors.As(err, &problems) || len(problems) != 50 {
		t.Errorf("got %d problems, want the first fifty", len(problems))
	}
	if _, err := regime.Parse(iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want the reader's own error", err)
	}
}

func TestHolidaysAreReadWithTheirNames(t *testing.T) {
	h := holidays(t, "\ufeff# Atalaya\r\n\r\n2026-12-25\tChristmas   Day # a note\r\n2026-12-26\n2026-12-25 twice\n")
	madrid := zone(t, "Europe/Madrid")
	name, ok := h.On(time.Date(2026, 12, 24, 23, 30, 0, 0, time.UTC).In(madrid))
	if !ok || name != "Christmas Day" {
		t.Errorf("got %q, %v, want Christmas Day", name, ok)
	}
	if name, ok := h.On(time.Date(2026, 12, 26, 0, 0, 0, 0, madrid)); !ok || name != "" {
		t.Errorf("got %q, %v, want a day without a name", name, ok)
	}
	if _, ok := h.On(time.Date(2026, 12, 27, 0, 0, 0, 0, madrid)); ok {
		t.Error("27 December: got a holiday, want none")
	}
	if h.Len() != 2 || !h.Covers(2026) || h.Covers(2027) {
		t.Errorf("got %d days, 2026 %v, 2027 %v, want two days of 2026", h.Len(), h.Covers(2026), h.Covers(2027))
	}
}

func TestBadHolidaysAreRefusedWithTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"2026-12-25\n25.12.2026 Christmas": `line 2: "25.12.2026" is not a day of the calendar; a line begins with a date, year-month-day (an example: 2026-12-25 Christmas Day)`,
		"2026-02-29":                       `line 1: "2026-02-29" is not a day of the calendar`,
		"0001-01-01":                       "line 1: the year 1 is not between 1980 and 2999",
		"2026-12-25 \xff":                  "line 1: the line is not UTF-8 text",
		"# " + strings.Repeat("a", 1000):   "line 1: the line is longer than 1000 bytes",
		"a\n2026-01-01\nb":                 "line 1: \"a\" is not a day of the calendar; a line begins with a date, year-month-day (an example: 2026-12-25 Christmas Day)\nline 3:",
		strings.Repeat("\n", 1<<20+1):      "the file is larger than 1048576 bytes",
	} {
		_, err := regime.ParseHolidays(strings.NewReader(text))
		var problems regime.Problems
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %q", text, err, want)
		}
	}
	var many strings.Builder
	for d := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() < 2010; d = d.AddDate(0, 0, 1) {
		many.WriteString(d.Format(time.DateOnly) + "\n")
	}
	if _, err := regime.ParseHolidays(strings.NewReader(many.String())); err == nil || !strings.Contains(err.Error(), "more than 10000 days") {
		t.Errorf("thirty years without work: got %v, want a bound", err)
	}
	if _, err := regime.ParseHolidays(iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want the reader's own error", err)
	}
}

func FuzzParse(f *testing.F) {
	names, err := filepath.Glob("data/*.toml")
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add(good)
	f.Add("[[stage]]\n[[stage.cap]]\n[stage.ongoing]\n")
	f.Add("a = [[[[[[1]]]]]]")
	f.Add("a.b.c.d = {e={f=1}}")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := regime.Parse(strings.NewReader(text))
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Error("got an error that says nothing")
			}
			return
		}
		anchor := time.Date(2026, 3, 27, 10, 20, 0, 0, time.UTC)
		for _, s := range r.Stages {
			due, err := r.Due(s.ID, regime.Anchors{At: map[regime.Event]time.Time{s.From: anchor}}, regime.Calendar{Zone: time.UTC})
			switch {
			case errors.Is(err, regime.ErrNoPeriod), errors.Is(err, regime.ErrTime):
			case err != nil:
				t.Errorf("%s: got %v, want an answer from a regime that was taken", s.ID, err)
			case due.Lawful.Before(due.Strict) || len(due.Why) == 0:
				t.Errorf("%s: got strict %s and lawful %s because %q", s.ID, due.Strict, due.Lawful, due.Why)
			}
		}
	})
}

func FuzzParseHolidays(f *testing.F) {
	f.Add(free2026)
	f.Add("\ufeff2026-12-25 a\r\n#\n\n")
	f.Add("2026-13-01")
	f.Add("2026-12-25\x00")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := regime.ParseHolidays(strings.NewReader(text))
		if err != nil {
			if h.Len() != 0 || err.Error() == "" {
				t.Errorf("got %d days and error %q, want none and a reason", h.Len(), err)
			}
			return
		}
		if h.Len() > strings.Count(text, "\n")+1 {
			t.Errorf("got %d days of %d lines", h.Len(), strings.Count(text, "\n")+1)
		}
	})
}
