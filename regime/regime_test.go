package regime_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/regime"
)

// shipped returns the shipped regimes by id.
func shipped(t testing.TB) map[string]regime.Regime {
	t.Helper()
	all, err := regime.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]regime.Regime{}
	for _, r := range all {
		out[r.ID] = r
	}
	return out
}

func TestTheShippedRegimesHaveTheirStagesAndPeriods(t *testing.T) {
	type duty struct {
		Stage, From, Period, By, To, When string
	}
	want := map[string][]duty{
		"nis2": {
			{"early-warning", "awareness", "24h", "operator", "csirt", "always"},
			{"notification", "awareness", "72h", "operator", "csirt", "always"},
			{"intermediate", "request", "", "operator", "csirt", "on-request"},
			{"progress", "notification", "1 month", "operator", "csirt", "ongoing"},
			{"final", "notification", "1 month", "operator", "csirt", "always"},
			{"csirt-answer", "early-warning-received", "24h", "csirt", "operator", "always"},
		},
		"cer": {
			{"initial", "awareness", "24h", "operator", "authority", "always"},
			{"detailed", "initial", "1 month", "operator", "authority", "relevant"},
		},
		"dora": {
			{"initial", "classification", "4h", "operator", "authority", "always"},
			{"intermediate", "initial", "72h", "operator", "authority", "always"},
			{"final", "intermediate", "1 month", "operator", "authority", "always"},
		},
		"gdpr": {
			{"notification", "awareness", "72h", "operator", "data-protection", "always"},
			{"communication", "awareness", "", "operator", "affected-persons", "relevant"},
		},
		"circia": {
			{"report", "belief", "72h", "operator", "authority", "always"},
			{"ransom", "payment", "24h", "operator", "authority", "always"},
			{"supplemental", "report", "", "operator", "authority", "relevant"},
		},
		"template": {
			{"first-report", "awareness", "24h", "operator", "csirt", "always"},
			{"full-report", "first-report", "30 days", "operator", "authority", "always"},
			{"answer", "request", "3 working days", "operator", "authority", "on-request"},
		},
	}
	got := map[string][]duty{}
	for id, r := range shipped(t) {
		for _, s := range r.Stages {
			got[id] = append(got[id], duty{s.ID, string(s.From), s.Period.String(), string(s.OwedBy), string(s.OwedTo), string(s.When)})
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the stages (-want +got):\n%s", diff)
	}
}

func TestAShippedRegimeSpeaksThreeLanguagesAndClaimsNoCheck(t *testing.T) {
	inForce := map[string]regime.InForce{"nis2": "yes", "cer": "yes", "dora": "yes", "gdpr": "yes", "circia": "no", "template": "template"}
	for id, r := range shipped(t) {
		if r.InForce != inForce[id] {
			t.Errorf("%s: got in force %q, want %q", id, r.InForce, inForce[id])
		}
		if r.Verified {
			t.Errorf("%s: got verified, want a person to say so first", id)
		}
		texts := []regime.Text{r.Title}
		for _, s := range r.Stages {
			texts = append(texts, s.Title)
			if s.Verified || s.Citation == "" || len(s.Fields) == 0 {
				t.Errorf("%s %s: got verified %v, citation %q and %d fields, want no claim, a citation and a report", id, s.ID, s.Verified, s.Citation, len(s.Fields))
			}
			for _, f := range s.Fields {
				texts = append(texts, f.Label)
				for _, c := range f.Choices {
					texts = append(texts, c.Label)
				}
			}
			for _, v := range s.Variants {
				texts = append(texts, v.Title)
			}
		}
		for _, text := range texts {
			if text["en"] == "" || text["fr"] == "" || text["es"] == "" {
				t.Errorf("%s: got %v, want it in English, French and Spanish", id, text)
			}
		}
	}
}

func TestEveryFieldOfAShippedRegimeIsAskedForSomewhere(t *testing.T) {
	for id, r := range shipped(t) {
		var asked []string
		for _, s := range r.Stages {
			if !slices.ContainsFunc(s.Fields, func(f regime.Field) bool { return f.Required }) {
				t.Errorf("%s %s: got no required field, want a report that says something", id, s.ID)
			}
			for _, f := range s.Fields {
				asked = append(asked, f.ID)
			}
		}
		if len(asked) == 0 {
			t.Errorf("%s: got no fields at all", id)
		}
	}
}

func TestJSONHasThePromisedKeys(t *testing.T) {
	data, err := json.Marshal(shipped(t)["nis2"])
	if err != nil {
		t.Fatal(err)
	}
	type stage struct {
		ID, Title, From, Period, Citation string
		OwedBy                            string `json:"owed_by"`
		OwedTo                            string `json:"owed_to"`
		Verified                          *bool
		Titles                            map[string]string
	}
	var got struct {
		ID, Title, Version string
		InForce            string `json:"in_force"`
		Verified           *bool
		Stages             []stage
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if got.ID != "nis2" || got.Title != "NIS2: significant incidents" || got.Version != "2026-11-01" || got.InForce != "yes" || got.Verified == nil || len(got.Stages) != 6 {
		t.Errorf("got %s, want id, title, version, in_force, verified and six stages", data)
	}
	no := false
	want := stage{
		"early-warning", "Early warning", "awareness", "24h", "Directive (EU) 2022/2555 art. 23(4)(a)", "operator", "csirt", &no,
		map[string]string{"en": "Early warning", "fr": "Alerte précoce", "es": "Alerta temprana"},
	}
	if diff := cmp.Diff(want, got.Stages[0]); diff != "" {
		t.Errorf("the first stage (-want +got):\n%s", diff)
	}
}

func TestATextFallsBackToItsBaseLanguageAndThenToEnglish(t *testing.T) {
	text := regime.Text{"en": "Report", "fr": "Rapport"}
	for lang, want := range map[string]string{"fr": "Rapport", "fr-CA": "Rapport", "es": "Report", "en-GB": "Report", "": "Report"} {
		if got := text.In(lang); got != want {
			t.Errorf("in %q: got %q, want %q", lang, got, want)
		}
	}
}

func TestAPeriodReadsBackAsItIsWritten(t *testing.T) {
	for text, want := range map[string]string{
		"24h": "24h", "24 hours": "24h", "1 hour": "1h", "1 month": "1 month", "3 days": "3 days", "1 day": "1 day",
		"10 working days": "10 working days", "2 weeks": "2 weeks", "1 year": "1 year", "1000 days": "1000 days",
	} {
		p, err := regime.ParsePeriod(text)
		if err != nil || p.String() != want {
			t.Errorf("%q: got %q, %v, want %q", text, p, err, want)
		}
	}
	for _, text := range []string{"", "0h", "-1h", "24", "h", "24 h ", "1.5h", "1001 days", "24 minutes", "one month", "99999h"} {
		if p, err := regime.ParsePeriod(text); err == nil {
			t.Errorf("%q: got %q, want an error", text, p)
		}
	}
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}
