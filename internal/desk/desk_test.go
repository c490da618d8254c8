package desk_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/desk"
	"almenara.example/internal/watch"
)

func TestAQuestionIsReadAsWhatItMayBe(t *testing.T) {
	for _, c := range []struct{ text, number, ip, domain string }{
		{"ALM-4K7Q-2M9X", "ALM-4K7Q-2M9X", "", ""},
		{" [alm-4k7q-2m9x] ", "alm-4k7q-2m9x", "", ""},
		{"4K7Q2M9X", "4K7Q2M9X", "", ""},
		{"192.0.2.17", "", "192.0.2.17/32", ""},
		{"192.0.2.17/24", "", "192.0.2.0/24", ""},
		{"2001:db8::1", "", "2001:db8::1/128", ""},
		{"::ffff:192.0.2.1", "", "192.0.2.1/32", ""},
		{"Mail.Example.org.", "", "", "mail.example.org"},
		{"wasserwerk nord", "", "", ""},
		{"a..b", "", "", ""},
		{"ana@example.org", "", "", ""},
		{"", "", "", ""},
	} {
		q, err := desk.Read(c.text)
		ip := ""
		if q.IP.IsValid() {
			ip = q.IP.String()
		}
		got, want := []string{q.Number, ip, q.Domain}, []string{c.number, c.ip, c.domain}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v %s", c.text, err, diff)
		}
	}
	for _, text := range []string{"a\x00b", "a\nb", strings.Repeat("x", 201), "\xff"} {
		if _, err := desk.Read(text); err == nil {
			t.Errorf("%.20q is read, want it refused", text)
		}
	}
}

func TestNeedsStandInOrderOfConsequenceAndNoneIsEmpty(t *testing.T) {
	b := &watch.Board{
		Unrouted: 9000, Quarantine: 100_001, Unknown: 1,
		Held: []watch.HeldSource{{Source: watch.Source{Mode: watch.Shadow}, Findings: 5}, {Source: watch.Source{Mode: watch.Hold}, Findings: 1}},
	}
	needs := desk.Waiting(b, desk.Need{Key: "other", N: 1, Consequence: desk.Untold}, desk.Need{Key: "none", Consequence: desk.Blind})
	var got []string
	for _, n := range needs {
		got = append(got, strings.TrimPrefix(n.Key, "desk.need."))
		if n.Key == "desk.need.quarantine" && (!n.AtLeast || n.N != 100_000) {
			t.Errorf("quarantine counts %d, at least: %v; want more than 100,000", n.N, n.AtLeast)
		}
	}
	if diff := cmp.Diff([]string{"unknown", "held", "other", "shadow", "quarantine", "unrouted"}, got); diff != "" {
		t.Error(diff)
	}
	if n := len(desk.Waiting(nil)); n != 0 {
		t.Errorf("without a board %d needs wait, want none", n)
	}
}
